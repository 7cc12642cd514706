"""FAISS, whose bundled types know neither its parameters nor its selectors."""

from typing import Any

import faiss as _faiss

faiss: Any = _faiss
