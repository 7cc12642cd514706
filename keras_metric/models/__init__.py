"""keras_metric.models."""
