"""Builders of pairs, triplets and balanced batches of any labelled dataset."""

from tfds_builders.builders._balanced_builder import BalancedBuilder as BalancedBuilder
from tfds_builders.builders._balanced_config import BalancedConfig as BalancedConfig
from tfds_builders.builders._config import TupleConfig as TupleConfig
from tfds_builders.builders._pairs_builder import PairsBuilder as PairsBuilder
from tfds_builders.builders._pairs_config import PairsConfig as PairsConfig
from tfds_builders.builders._triplets_builder import TripletsBuilder as TripletsBuilder
from tfds_builders.builders._triplets_config import TripletsConfig as TripletsConfig
