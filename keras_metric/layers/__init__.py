"""keras_metric.layers."""
