"""tfds_builders.sampling."""
