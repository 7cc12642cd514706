"""Heads of siamese and triplet networks, pooling, and what losses train or remember."""

from keras_metric.layers._absolute_difference import AbsoluteDifference as AbsoluteDifference
from keras_metric.layers._concatenate_features import ConcatenateFeatures as ConcatenateFeatures
from keras_metric.layers._cosine_similarity import CosineSimilarity as CosineSimilarity
from keras_metric.layers._cross_batch_memory import CrossBatchMemory as CrossBatchMemory
from keras_metric.layers._fused_batch_normalization import (
    FusedBatchNormalization as FusedBatchNormalization,
)
from keras_metric.layers._generalized_mean_pooling import (
    GeneralizedMeanPooling1D as GeneralizedMeanPooling1D,
)
from keras_metric.layers._generalized_mean_pooling import (
    GeneralizedMeanPooling2D as GeneralizedMeanPooling2D,
)
from keras_metric.layers._learnable_margin import LearnableMargin as LearnableMargin
from keras_metric.layers._learnable_temperature import LearnableTemperature as LearnableTemperature
from keras_metric.layers._pairwise_distance import PairwiseDistance as PairwiseDistance
from keras_metric.layers._proxy_head import ProxyHead as ProxyHead
from keras_metric.layers._similarity_head import SimilarityHead as SimilarityHead
from keras_metric.layers._triplet_distances import TripletDistances as TripletDistances
