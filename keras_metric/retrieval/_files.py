"""An index in a folder."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_metric.retrieval._folder import Arrays, read_folder, write_folder
from keras_metric.retrieval._similarity import import_similarity
from keras_metric.retrieval.engines import VectorSearch

FORMAT = "keras_metric.index"
_STATE = "engine_"


def save(index: Any, path: str | Path) -> None:
    """Write rows, engine, configuration and thresholds."""
    write_folder(path, FORMAT, *pack(index))


def load(cls: type[Any], path: str | Path, search: Any) -> Any:
    """An index as it was saved."""
    return unpack(cls, *read_folder(path, FORMAT), search)


def pack(index: Any) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and a configuration from which `unpack` makes the index again."""
    arrays = index.kv_store.to_arrays()
    arrays |= {_STATE + name: array for name, array in index.engine.state().items()}
    metric = index.calibration_metric
    config = {
        "embedding_size": index.embedding_size,
        "distance": index.metric,
        "search": index.search_type if isinstance(index.search_type, str) else None,
        "search_params": index.search_params,
        "embedding_output": index.embedding_output,
        "stat_buffer_size": index.stat_buffer_size,
        "next_id": index.kv_store.next_id,
        "is_calibrated": index.is_calibrated,
        "calibration_metric": [metric.canonical_name, metric.name],
        "cutpoints": {name: dict(point) for name, point in index.cutpoints.items()},
        "thresholds": {
            name: np.asarray(values).tolist()
            for name, values in index.calibration_thresholds.items()
        },
    }
    return arrays, config


def unpack(cls: type[Any], arrays: Arrays, config: dict[str, Any], search: Any) -> Any:
    """The index that `pack` was given."""
    if config["search"] is None and search is None:
        raise ValueError(
            "This index was saved with a Search object: hand an empty one over. "
            "Received: search=None"
        )
    name = config["search"] if search is None else search
    index = cls(
        config["embedding_size"],
        config["distance"],
        name if isinstance(name, str) else "flat",
        embedding_output=config["embedding_output"],
        stat_buffer_size=config["stat_buffer_size"],
        search_params=config["search_params"] if search is None else None,
    )
    if not isinstance(name, str):
        index.search_type, index.engine = name, index._checked_engine(name)
    index.kv_store.from_arrays(arrays)
    index.kv_store.reserve(config["next_id"])
    state = {k.removeprefix(_STATE): v for k, v in arrays.items() if k.startswith(_STATE)}
    engine: VectorSearch = index.engine
    store = index.kv_store
    engine.restore_labelled(state, store.embeddings, store.ids, store.labels)
    _restore_calibration(index, config)
    return index


def _restore_calibration(index: Any, config: dict[str, Any]) -> None:
    index.is_calibrated = config["is_calibrated"]
    make = import_similarity("classification_metrics").make_classification_metric
    index.calibration_metric = make(*config["calibration_metric"])
    index.cutpoints = config["cutpoints"]
    index.calibration_thresholds = {
        name: np.array(values) for name, values in config["thresholds"].items()
    }
