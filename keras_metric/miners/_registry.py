"""Miners by name."""

from typing import Any

import keras

from keras_metric._names import unknown_name
from keras_metric.miners._angular import AngularMiner
from keras_metric.miners._batch_easy_hard import BatchEasyHardMiner
from keras_metric.miners._batch_hard import BatchHardMiner
from keras_metric.miners._distance_weighted import DistanceWeightedMiner
from keras_metric.miners._miner import Miner
from keras_metric.miners._multi_similarity import MultiSimilarityMiner
from keras_metric.miners._pair_margin import PairMarginMiner
from keras_metric.miners._triplet_margin import TripletMarginMiner

_MINERS: dict[str, type[Miner]] = {
    "angular": AngularMiner,
    "batch_easy_hard": BatchEasyHardMiner,
    "batch_hard": BatchHardMiner,
    "distance_weighted": DistanceWeightedMiner,
    "multi_similarity": MultiSimilarityMiner,
    "pair_margin": PairMarginMiner,
    "triplet_margin": TripletMarginMiner,
}


def names() -> list[str]:
    """Every name that `get` knows."""
    return list(_MINERS)


def get(identifier: str | Miner | dict[str, Any] | None) -> Miner | None:
    """Return the miner that a name, an object or its configuration stands for.

    Args:
        identifier: One of `names()`, for a miner with its defaults; a `Miner`, returned as
            it is; what `serialize` gave; or `None`, for no mining.

    Raises:
        ValueError: No miner has that name; the message lists those that do.
        TypeError: `identifier` is none of the above.

    Example:
        >>> get("pair_margin")
        PairMarginMiner(pos_margin=0.2, neg_margin=0.8, distance=None)
    """
    if identifier is None or isinstance(identifier, Miner):
        return identifier
    if isinstance(identifier, dict):
        return get(keras.saving.deserialize_keras_object(identifier))
    if isinstance(identifier, str):
        if identifier not in _MINERS:
            raise unknown_name("miner", "miner", identifier, _MINERS)
        return _MINERS[identifier]()
    raise TypeError(f"A miner is a name or a Miner object. Received: miner={identifier!r}")


def serialize(miner: Miner | None) -> dict[str, Any] | None:
    """Return what `get` turns back into `miner`."""
    if miner is None:
        return None
    config: dict[str, Any] = keras.saving.serialize_keras_object(miner)
    return config
