"""Regularizers for embeddings (`activity_regularizer=`) and for proxies (`kernel_regularizer=`)."""

from keras_metric.regularizers._center_spread import CenterSpread as CenterSpread
from keras_metric.regularizers._embedding_norm import EmbeddingNorm as EmbeddingNorm
from keras_metric.regularizers._sparse_centers import SparseCenters as SparseCenters
from keras_metric.regularizers._spherical import Spherical as Spherical
from keras_metric.regularizers._zero_mean import ZeroMean as ZeroMean
