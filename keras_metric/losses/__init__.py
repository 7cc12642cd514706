"""keras_metric.losses."""
