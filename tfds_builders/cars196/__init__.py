"""Pairs, triplets and balanced batches of Stanford Cars (Cars196)."""
