"""What the contract test needs to know of each public loss.

A loss joins by being public. A labelled-batch loss needs an entry in `OTHER_ARGUMENTS`
(a value other than the default for each of its own arguments) and nothing else.
"""

import inspect
from typing import Any

import keras
import numpy as np

from keras_metric import losses

# Arguments without which a loss cannot be built.
REQUIRED: dict[str, dict[str, Any]] = {}

# For every own constructor argument a value that is not the default.
OTHER_ARGUMENTS: dict[str, dict[str, Any]] = {
    "PNLoss": {"positives": "easy", "negatives": "hard", "margin": 0.3, "distance": "L2"},
    "AngularLoss": {"alpha": 45.0},
    "TupletMarginLoss": {"margin": 6.0, "scale": 8.0},
    "IntraPairVarianceLoss": {"pos_eps": 0.02, "neg_eps": 0.03},
    "RankedListLoss": {
        "margin": 0.5,
        "Tn": 2.0,
        "imbalance": 0.25,
        "alpha": 1.5,
        "Tp": 1.0,
        "distance": "manhattan",
    },
    "DynamicSoftMarginLoss": {"min_val": -3.0, "num_bins": 20, "distance": "manhattan"},
    "ThresholdConsistentMarginLoss": {
        "lambda_plus": 2.0,
        "lambda_minus": 0.5,
        "margin_plus": 0.8,
        "margin_minus": 0.25,
    },
    "HistogramLoss": {"num_bins": 20},
    "FastAPLoss": {"num_bins": 20},
    "SmoothAPLoss": {"temperature": 0.5, "distance": "arc"},
    "PNPLoss": {"b": 3.0, "alpha": 2.0, "anneal": 0.5, "variant": "Dq", "distance": "arc"},
    "NTXentLoss": {"temperature": 0.32, "distance": "arc"},
    "SupConLoss": {"temperature": 0.35, "distance": "arc"},
    "MultiSimilarityLoss": {"alpha": 2.25, "beta": 50.25, "base": 0.75, "distance": "arc"},
    "CircleLoss": {"m": 0.65, "gamma": 80.25, "distance": "arc"},
    "NCALoss": {"softmax_scale": 1.25, "distance": "L2"},
    "SoftNearestNeighborLoss": {"temperature": 1.25, "distance": "L2"},
    "DecoupledContrastiveLoss": {"temperature": 0.3, "weight_scale": 0.5, "distance": "arc"},
    "MarginLoss": {"margin": 0.3, "beta": None, "num_classes": 3, "distance": "manhattan"},
    "LiftedStructLoss": {"margin": 1.25, "distance": "manhattan"},
    "GeneralizedLiftedStructLoss": {
        "neg_margin": 1.25,
        "pos_margin": 0.25,
        "distance": "manhattan",
    },
    "ContrastivePairsLoss": {"pos_margin": 0.25, "neg_margin": 1.25, "distance": "manhattan"},
    "TripletLoss": {
        "positives": "hard",
        "negatives": "distance-weighted",
        "margin": 0.3,
        "soft": True,
        "swap": True,
        "average": "all",
        "distance": "cosine",
        "seed": 5,
    },
    "TripletSemiHardLoss": {"margin": 0.3, "distance": "cosine"},
    "TripletHardLoss": {"margin": 0.3, "soft": True, "distance": "cosine"},
}

# Losses whose gradient is not the derivative of their value, and why.
DETACHED: dict[str, str] = {
    "CircleLoss": "its pair weights carry no gradient",
    "DynamicSoftMarginLoss": "its triplets' weights carry no gradient",
}

# Losses without a lower bound at 0.
MAY_BE_NEGATIVE = {"DecoupledContrastiveLoss"}

# Gradients that are finite but exceed float16's largest number, 65504: scale / norm.
BEYOND_FLOAT16 = {("CircleLoss", "tiny norms"), ("TupletMarginLoss", "tiny norms")}

# Arguments under which the step of a numerical derivative seldom crosses a kink.
FEWER_KINKS: dict[str, dict[str, Any]] = {"HistogramLoss": {"num_bins": 5}}

# Second names of arguments: TFA's, kept out of the configuration.
SECOND_NAMES = {"distance_metric"}


def public_losses(base: type = keras.losses.Loss) -> list[type]:
    """Every concrete loss of `keras_metric.losses` below `base`."""
    found = [value for value in vars(losses).values() if inspect.isclass(value)]
    return [
        cls
        for cls in found
        if issubclass(cls, base)
        and not getattr(cls, "__abstractmethods__", 0)
        and cls not in (losses.MetricLoss, losses.LabelledBatchLoss)
    ]


def make(cls: type, **kwargs: Any) -> keras.losses.Loss:
    """Build a loss with its defaults."""
    return cls(**{**REQUIRED.get(cls.__name__, {}), **kwargs})


def labelled_batch(seed: int = 0, size: int = 12, dim: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Three classes of random embeddings of length 1, interleaved."""
    rng = np.random.default_rng(seed)
    labels = np.arange(size) % 3
    x = 1.2 * np.eye(3, dim)[labels] + 0.5 * rng.normal(size=(size, dim))
    return labels, (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32")


def uneven_batch(
    sizes: tuple[int, ...] = (1, 1, 2, 3, 6, 11), seed: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Classes of these sizes in no order, embeddings of length 1."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    x = 1.2 * np.eye(len(sizes), 6)[labels] + 0.5 * rng.normal(size=(len(labels), 6))
    return labels, (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32")


def degenerate_batches(size: int = 8, dim: int = 4) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Batches without pairs, without differences, without direction, or without bounds."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(size, dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    pairs, rows = np.arange(size) // 2, np.arange(size)
    twin = x.copy()
    twin[1] = twin[0]
    return {
        "ordinary": (pairs, x),
        "no positive: all classes different": (rows, x),
        "no negative: one class": (np.zeros(size, int), x),
        "one anchor with a positive": (np.maximum(rows - 1, 0), x),
        "one anchor of another class": (np.minimum(rows, 1), x),
        "two identical rows of one class": (pairs, twin),
        "two identical rows of two classes": (rows, twin),
        "all rows zero": (pairs, np.zeros_like(x)),
        "all rows identical": (pairs, np.ones_like(x)),
        "all rows identical, one class": (np.zeros(size, int), np.ones_like(x)),
        "opposite rows": (pairs, np.where(rows[:, None] % 2, 1.0, -1.0) * np.ones_like(x)),
        "huge norms": (pairs, 1e4 * x),
        "tiny norms": (pairs, 1e-4 * x),
    }
