"""The dataset `fashion_pairs`."""
