"""Pairs, triplets and balanced batches of Omniglot."""
