"""Where the images come from."""

from tfds_builders.sources._array_source import ArraySource as ArraySource
from tfds_builders.sources._as_source import as_source as as_source
from tfds_builders.sources._decode import DamagedImageError as DamagedImageError
from tfds_builders.sources._encoded_source import EncodedSource as EncodedSource
from tfds_builders.sources._fashion_mnist import CLASS_NAMES as CLASS_NAMES
from tfds_builders.sources._fashion_mnist import ENVIRONMENT_VARIABLE as ENVIRONMENT_VARIABLE
from tfds_builders.sources._fashion_mnist import can_reach as can_reach
from tfds_builders.sources._fashion_mnist import fashion_mnist_files as fashion_mnist_files
from tfds_builders.sources._fashion_mnist import find_fashion_mnist as find_fashion_mnist
from tfds_builders.sources._fashion_mnist import read_fashion_mnist as read_fashion_mnist
from tfds_builders.sources._folder_source import FolderSource as FolderSource
from tfds_builders.sources._sample import fashion_mnist_sample as fashion_mnist_sample
from tfds_builders.sources._source import Source as Source
from tfds_builders.sources._table_source import TableSource as TableSource
from tfds_builders.sources._tfds_source import TfdsSource as TfdsSource
