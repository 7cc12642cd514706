"""keras_metric.distances."""
