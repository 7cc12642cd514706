"""Pairs, triplets and balanced batches of CIFAR-10."""
