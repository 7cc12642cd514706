"""FAISS, whose bundled types know neither its parameters nor its selectors."""

from typing import Any

import faiss as _faiss

faiss: Any = _faiss


def search(index: Any, queries: Any, k: int, params: Any = None) -> tuple[Any, Any]:
    """FAISS's search of numpy arrays: similarities or distances, and positions.

    `import faiss.contrib.torch_utils`, which pytorch-metric-learning does, puts a function
    without `params` in the place of `Index.search` and leaves the original under this name.
    """
    found: tuple[Any, Any] = getattr(index, "search_numpy", index.search)(queries, k, params=params)
    return found
