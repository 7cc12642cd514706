"""Datasets of pairs, triplets and class-balanced batches for TensorFlow Datasets."""
