"""keras_metric.retrieval."""
