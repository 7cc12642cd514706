"""Search engines behind one interface: exact by default, approximate by choice."""

from typing import Any

from keras_metric.retrieval._arrays import check_choice

from ._base import VectorSearch as VectorSearch
from ._faiss import FlatSearch as FlatSearch
from ._hnsw import HnswSearch as HnswSearch
from ._ivf import IvfPqSearch as IvfPqSearch
from ._ivf import IvfSearch as IvfSearch
from ._milvus import MilvusSearch as MilvusSearch
from ._wrapped import NmslibSearch as NmslibSearch
from ._wrapped import WrappedSearch as WrappedSearch

ENGINES: dict[str, type[VectorSearch]] = {
    "flat": FlatSearch,
    "hnsw": HnswSearch,
    "ivf": IvfSearch,
    "ivfpq": IvfPqSearch,
    "nmslib": NmslibSearch,
}


def make_engine(name: str, distance: str, dim: int, params: dict[str, Any]) -> VectorSearch:
    """A new engine by name.

    Raises:
        ValueError: No such engine, or a parameter that it does not have.
    """
    engine = ENGINES[check_choice(name, "search", tuple(ENGINES))]
    try:
        return engine(distance, dim, **params)
    except TypeError as error:
        known = sorted(engine(distance, dim).params())
        raise ValueError(
            f"The engine {name!r} takes the parameters {known}. Received: search_params={params}"
        ) from error
