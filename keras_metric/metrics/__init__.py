"""Measures of verification, exact and streaming, and of embeddings while they are trained."""

from keras_metric.metrics._batch_distances import MeanEmbeddingNorm as MeanEmbeddingNorm
from keras_metric.metrics._batch_distances import NegativeDistance as NegativeDistance
from keras_metric.metrics._batch_distances import PositiveDistance as PositiveDistance
from keras_metric.metrics._batch_triplets import ActiveTriplets as ActiveTriplets
from keras_metric.metrics._batch_triplets import BatchRecall as BatchRecall
from keras_metric.metrics._best_threshold_accuracy import (
    BestThresholdAccuracy as BestThresholdAccuracy,
)
from keras_metric.metrics._cross_validation import FoldAccuracy as FoldAccuracy
from keras_metric.metrics._cross_validation import (
    cross_validated_accuracy as cross_validated_accuracy,
)
from keras_metric.metrics._curves import det_curve as det_curve
from keras_metric.metrics._curves import roc_curve as roc_curve
from keras_metric.metrics._equal_error_rate import EqualErrorRate as EqualErrorRate
from keras_metric.metrics._labelled_batch_metric import (
    LabelledBatchMetric as LabelledBatchMetric,
)
from keras_metric.metrics._operating_points import best_threshold as best_threshold
from keras_metric.metrics._operating_points import equal_error_rate as equal_error_rate
from keras_metric.metrics._operating_points import true_accept_rate as true_accept_rate
from keras_metric.metrics._true_accept_rate import TrueAcceptRate as TrueAcceptRate
from keras_metric.metrics._variance_share import VarianceShare as VarianceShare
from keras_metric.metrics._verification_metric import VerificationMetric as VerificationMetric
