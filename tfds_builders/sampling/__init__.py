"""Who goes with whom, decided from labels alone: numpy only, seeded, the same everywhere."""

from tfds_builders.sampling._balanced import BalancedSampler as BalancedSampler
from tfds_builders.sampling._hard_negatives import HardNegatives as HardNegatives
from tfds_builders.sampling._label_index import LabelIndex as LabelIndex
from tfds_builders.sampling._negatives import Negatives as Negatives
from tfds_builders.sampling._pairs import PairSampler as PairSampler
from tfds_builders.sampling._relevance import label_patterns as label_patterns
from tfds_builders.sampling._relevance import shares_a_label as shares_a_label
from tfds_builders.sampling._similar_classes import SimilarClasses as SimilarClasses
from tfds_builders.sampling._triplets import TripletSampler as TripletSampler
