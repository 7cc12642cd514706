"""Pairs, triplets and balanced batches of Caltech-UCSD Birds 200-2011 (CUB)."""
