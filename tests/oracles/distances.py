"""Distances written from their definitions, in float64, by numpy."""

import numpy as np


def _differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, None].astype("float64") - b[None].astype("float64")


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype("float64"), b.astype("float64")
    lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)[None]
    return np.clip(a @ b.T / lengths, -1.0, 1.0)


PAIRWISE = {
    "euclidean": lambda a, b: np.sqrt((_differences(a, b) ** 2).sum(-1)),
    "squared_euclidean": lambda a, b: (_differences(a, b) ** 2).sum(-1),
    "cosine": lambda a, b: 1.0 - _cosines(a, b),
    "arc": lambda a, b: np.arccos(_cosines(a, b)),
    "manhattan": lambda a, b: np.abs(_differences(a, b)).sum(-1),
    "dot_product": lambda a, b: -(a.astype("float64") @ b.astype("float64").T),
    "snr": lambda a, b: _differences(a, b).var(-1) / a.astype("float64").var(-1)[:, None],
}
ALIASES = {
    "L2": "euclidean",
    "squared-L2": "squared_euclidean",
    "angular": "cosine",
    "L1": "manhattan",
}
