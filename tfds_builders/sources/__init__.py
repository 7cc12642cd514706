"""tfds_builders.sources."""
