"""Datasets of pairs, triplets and class-balanced batches for TensorFlow Datasets.

Importing this package registers its builders:

    import tensorflow_datasets as tfds
    import tfds_builders

    pairs = tfds.load("fashion_pairs", split="train", as_supervised=True)
"""

from tfds_builders import features as features
from tfds_builders import sampling as sampling
from tfds_builders import sources as sources
from tfds_builders import streams as streams
from tfds_builders._show import show as show
from tfds_builders._statistics import Statistics as Statistics
from tfds_builders._statistics import statistics as statistics
from tfds_builders.builders import BalancedBuilder as BalancedBuilder
from tfds_builders.builders import BalancedConfig as BalancedConfig
from tfds_builders.builders import PairsBuilder as PairsBuilder
from tfds_builders.builders import PairsConfig as PairsConfig
from tfds_builders.builders import TripletsBuilder as TripletsBuilder
from tfds_builders.builders import TripletsConfig as TripletsConfig
from tfds_builders.fashion_balanced import fashion_balanced_dataset_builder as _balanced
from tfds_builders.fashion_pairs import fashion_pairs_dataset_builder as _pairs
from tfds_builders.fashion_triplets import fashion_triplets_dataset_builder as _triplets
