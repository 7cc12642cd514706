"""Losses on class proxies written from their papers as plain loops, in float64, by numpy.

Each takes labels, embeddings and proxies, `(classes, centers, dim)`, and returns the loss.
"""

import math
from collections.abc import Iterator

import numpy as np

from tests.oracles.losses import unit


def cosines(x: np.ndarray, proxies: np.ndarray) -> Iterator[list[list[float]]]:
    """Of each row, for each class, the cosines to its centres."""
    for row in unit(x):
        yield [[row @ center for center in unit(centers)] for centers in proxies]


def log_loss(logits: list[float], label: int) -> float:
    """Minus the logarithm of the label's share."""
    return -math.log(math.exp(logits[label]) / sum(math.exp(logit) for logit in logits))


def arc_face(
    labels: np.ndarray,
    x: np.ndarray,
    proxies: np.ndarray,
    margin: float = 28.6,
    scale: float = 64.0,
) -> float:
    """On the nearest of several centres; with one it is ArcFace, otherwise its sub-centre form."""
    margin, values = math.radians(margin), []
    for label, row in zip(labels, cosines(x, proxies), strict=True):
        nearest = [max(centers) for centers in row]
        angle = math.acos(nearest[label])
        moved = math.cos(angle + margin)
        if angle + margin > math.pi:  # where the cosine would grow again
            moved = nearest[label] - margin * math.sin(margin)
        nearest[label] = moved
        values.append(log_loss([scale * cosine for cosine in nearest], label))
    return float(np.mean(values))


def cos_face(
    labels: np.ndarray,
    x: np.ndarray,
    proxies: np.ndarray,
    margin: float = 0.35,
    scale: float = 64.0,
) -> float:
    values = []
    for label, row in zip(labels, cosines(x, proxies), strict=True):
        logits = [scale * (c - (margin if k == label else 0.0)) for k, (c,) in enumerate(row)]
        values.append(log_loss(logits, label))
    return float(np.mean(values))


def normalized_softmax(
    labels: np.ndarray, x: np.ndarray, proxies: np.ndarray, temperature: float = 0.05
) -> float:
    rows = zip(labels, cosines(x, proxies), strict=True)
    return float(np.mean([log_loss([c / temperature for (c,) in row], k) for k, row in rows]))


def _psi(cosine: float, margin: int) -> float:
    angle = math.acos(cosine)
    k = math.floor(angle * margin / math.pi)
    return (-1) ** k * math.cos(margin * angle) - 2 * k


def sphere_face(
    labels: np.ndarray,
    x: np.ndarray,
    proxies: np.ndarray,
    margin: int = 4,
    scale: float = 1.0,
    lengths: np.ndarray | None = None,
) -> float:
    """`lengths` are those of the proxies: 1, or their own in the large-margin softmax."""
    lengths, values = np.ones(len(proxies)) if lengths is None else lengths, []
    for label, row, embedding in zip(labels, cosines(x, proxies), x, strict=True):
        factors = scale * np.linalg.norm(embedding.astype("float64")) * lengths
        moved = [_psi(c, margin) if k == label else c for k, (c,) in enumerate(row)]
        values.append(log_loss([f * c for f, c in zip(factors, moved, strict=True)], label))
    return float(np.mean(values))


def large_margin_softmax(
    labels: np.ndarray, x: np.ndarray, proxies: np.ndarray, margin: int = 4, scale: float = 1.0
) -> float:
    lengths = np.linalg.norm(proxies[:, 0].astype("float64"), axis=1)
    return sphere_face(labels, x, proxies, margin, scale, lengths)


def proxy_nca(
    labels: np.ndarray, x: np.ndarray, proxies: np.ndarray, softmax_scale: float = 1.0
) -> float:
    values = []
    for label, row in zip(labels, unit(x), strict=True):
        squared = [((row - proxy) ** 2).sum() for proxy in unit(proxies[:, 0])]
        values.append(log_loss([-softmax_scale * d for d in squared], label))
    return float(np.mean(values))


def proxy_anchor(
    labels: np.ndarray,
    x: np.ndarray,
    proxies: np.ndarray,
    margin: float = 0.1,
    alpha: float = 32.0,
) -> float:
    rows, pull, push = list(zip(labels, cosines(x, proxies), strict=True)), [], []
    for k in range(len(proxies)):
        own = [row[k][0] for label, row in rows if label == k]
        other = [row[k][0] for label, row in rows if label != k]
        if own:
            pull.append(math.log(1 + sum(math.exp(-alpha * (s - margin)) for s in own)))
        push.append(math.log(1 + sum(math.exp(alpha * (s + margin)) for s in other)))
    return float(np.mean(pull) + np.mean(push))


def soft_triple(
    labels: np.ndarray,
    x: np.ndarray,
    proxies: np.ndarray,
    scale: float = 20.0,
    gamma: float = 0.1,
    margin: float = 0.01,
) -> float:
    values = []
    for label, row in zip(labels, cosines(x, proxies), strict=True):
        logits = []
        for k, centers in enumerate(row):
            raised = [math.exp(c / gamma) for c in centers]
            relaxed = sum(w * c for w, c in zip(raised, centers, strict=True)) / sum(raised)
            logits.append(scale * (relaxed - (margin if k == label else 0.0)))
        values.append(log_loss(logits, label))
    return float(np.mean(values))
