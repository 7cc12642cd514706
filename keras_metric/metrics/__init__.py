"""Measures of verification."""

from keras_metric.metrics._verification import best_threshold as best_threshold
from keras_metric.metrics._verification import equal_error_rate as equal_error_rate
from keras_metric.metrics._verification import roc_curve as roc_curve
