"""Where the images come from."""

from tfds_builders.sources._fashion_mnist import CLASS_NAMES as CLASS_NAMES
from tfds_builders.sources._fashion_mnist import ENVIRONMENT_VARIABLE as ENVIRONMENT_VARIABLE
from tfds_builders.sources._fashion_mnist import can_reach as can_reach
from tfds_builders.sources._fashion_mnist import fashion_mnist_files as fashion_mnist_files
from tfds_builders.sources._fashion_mnist import find_fashion_mnist as find_fashion_mnist
from tfds_builders.sources._fashion_mnist import read_fashion_mnist as read_fashion_mnist
from tfds_builders.sources._sample import fashion_mnist_sample as fashion_mnist_sample
