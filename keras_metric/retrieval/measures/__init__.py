"""Exact retrieval measures of embeddings: arrays in, numbers out.

Leave-one-out without a gallery; ties, empty classes and the query itself are treated as
`evaluate` states.
"""

from ._bootstrap import bootstrap_interval as bootstrap_interval
from ._clustering import clustering_scores as clustering_scores
from ._evaluate import DEFAULT_MEASURES as DEFAULT_MEASURES
from ._evaluate import evaluate as evaluate
from ._functions import cmc as cmc
from ._functions import map_at_k as map_at_k
from ._functions import map_at_r as map_at_r
from ._functions import mean_reciprocal_rank as mean_reciprocal_rank
from ._functions import ndcg_at_k as ndcg_at_k
from ._functions import precision_at_k as precision_at_k
from ._functions import r_precision as r_precision
from ._functions import recall_at_k as recall_at_k
from ._report import RetrievalReport as RetrievalReport
