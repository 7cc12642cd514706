"""Pairs, triplets and balanced batches of Stanford Online Products (SOP)."""
