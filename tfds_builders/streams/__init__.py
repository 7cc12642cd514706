"""Pairs, triplets and balanced batches drawn while reading; nothing is stored but positions."""

from tfds_builders.streams._factories import balanced as balanced
from tfds_builders.streams._factories import pairs as pairs
from tfds_builders.streams._factories import triplets as triplets
from tfds_builders.streams._stream import Stream as Stream
