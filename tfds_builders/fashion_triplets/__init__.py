"""The dataset `fashion_triplets`."""
