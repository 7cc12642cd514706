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
from tfds_builders._augment import augment as augment
from tfds_builders._show import show as show
from tfds_builders._statistics import Statistics as Statistics
from tfds_builders._statistics import statistics as statistics
from tfds_builders.builders import BalancedBuilder as BalancedBuilder
from tfds_builders.builders import BalancedConfig as BalancedConfig
from tfds_builders.builders import PairsBuilder as PairsBuilder
from tfds_builders.builders import PairsConfig as PairsConfig
from tfds_builders.builders import TripletsBuilder as TripletsBuilder
from tfds_builders.builders import TripletsConfig as TripletsConfig
from tfds_builders.caltech_birds2011 import caltech_birds2011_dataset_builder as _caltech_birds2011
from tfds_builders.cars196 import cars196_dataset_builder as _cars196
from tfds_builders.cifar10 import cifar10_dataset_builder as _cifar10
from tfds_builders.cifar100 import cifar100_dataset_builder as _cifar100
from tfds_builders.fashion_balanced import fashion_balanced_dataset_builder as _balanced
from tfds_builders.fashion_pairs import fashion_pairs_dataset_builder as _pairs
from tfds_builders.fashion_triplets import fashion_triplets_dataset_builder as _triplets
from tfds_builders.omniglot import omniglot_dataset_builder as _omniglot
from tfds_builders.stanford_online_products import (
    stanford_online_products_dataset_builder as _stanford_online_products,
)
