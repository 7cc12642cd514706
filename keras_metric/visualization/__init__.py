"""keras_metric.visualization."""
