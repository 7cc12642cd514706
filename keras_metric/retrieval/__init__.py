"""Search and measure: an index of embeddings, and exact retrieval measures.

The index stands on tensorflow-similarity, which takes seconds to import: names are imported
when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._indexer import Indexer as Indexer
    from ._similarity_search import SimilaritySearch as SimilaritySearch
    from ._store import ArrayStore as ArrayStore
    from .engines import MilvusSearch as MilvusSearch
    from .metrics import MapAtK as MapAtK
    from .metrics import MapAtR as MapAtR
    from .metrics import NdcgAtK as NdcgAtK
    from .metrics import PrecisionAtK as PrecisionAtK
    from .metrics import RecallAtK as RecallAtK
    from .metrics import ReciprocalRank as ReciprocalRank
    from .metrics import RPrecision as RPrecision

_HOMES = {
    "Indexer": "_indexer",
    "SimilaritySearch": "_similarity_search",
    "ArrayStore": "_store",
    "MilvusSearch": "engines",
    **dict.fromkeys(
        (
            "MapAtK",
            "MapAtR",
            "NdcgAtK",
            "PrecisionAtK",
            "RPrecision",
            "RecallAtK",
            "ReciprocalRank",
        ),
        "metrics",
    ),
}
_MODULES = ("engines", "interchange", "measures", "metrics", "reranking", "splits", "thresholds")

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
