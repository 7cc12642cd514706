"""The dataset `fashion_balanced`."""
