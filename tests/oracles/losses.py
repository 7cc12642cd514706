"""Losses written from their papers as plain loops, in float64, by numpy.

Each takes labels and embeddings and returns the loss; batches must have both positive and
negative pairs for every anchor that counts.
"""

import math
from collections.abc import Iterator

import numpy as np


def unit(x: np.ndarray) -> np.ndarray:
    return x.astype("float64") / np.linalg.norm(x.astype("float64"), axis=1, keepdims=True)


def euclidean(x: np.ndarray) -> np.ndarray:
    x = x.astype("float64")
    return np.linalg.norm(x[:, None] - x[None], axis=-1)


def anchors(labels: np.ndarray) -> Iterator[tuple[int, list[int], list[int]]]:
    """Each row with its positives and its negatives."""
    rows = range(len(labels))
    for a in rows:
        yield (
            a,
            [p for p in rows if labels[p] == labels[a] and p != a],
            [n for n in rows if labels[n] != labels[a]],
        )


def angular(labels: np.ndarray, x: np.ndarray, alpha: float = 40.0) -> float:
    x, t, costs = unit(x), math.tan(math.radians(alpha)) ** 2, []
    for a, positives, negatives in anchors(labels):
        for p in positives if negatives else []:
            terms = [4 * t * (x[a] + x[p]) @ x[n] - 2 * (1 + t) * x[a] @ x[p] for n in negatives]
            costs.append(math.log(1 + sum(math.exp(term) for term in terms)))
    return float(np.mean(costs))


def tuplet_margin(
    labels: np.ndarray, x: np.ndarray, margin: float = 5.73, scale: float = 64.0
) -> float:
    x, costs = unit(x), []
    for a, positives, negatives in anchors(labels):
        for p in positives if negatives else []:
            moved = math.cos(math.acos(min(x[a] @ x[p], 1.0)) - math.radians(margin))
            terms = [math.exp(scale * (x[a] @ x[n] - moved)) for n in negatives]
            costs.append(math.log(1 + sum(terms)))
    return float(np.mean(costs))


def intra_pair_variance(labels: np.ndarray, x: np.ndarray, eps: float = 0.01) -> float:
    x = unit(x)
    positive = [x[a] @ x[p] for a, positives, _ in anchors(labels) for p in positives]
    negative = [x[a] @ x[n] for a, _, negatives in anchors(labels) for n in negatives]
    below = [max(0.0, (1 - eps) * np.mean(positive) - s) ** 2 for s in positive]
    above = [max(0.0, s - (1 + eps) * np.mean(negative)) ** 2 for s in negative]
    return float(np.mean(below) + np.mean(above))


def ranked_list(
    labels: np.ndarray,
    x: np.ndarray,
    margin: float = 0.4,
    Tn: float = 10.0,
    alpha: float = 1.2,
    Tp: float = 0.0,
    extra: float = 0.0,
) -> float:
    """`extra` is what pytorch-metric-learning adds to the sums of weights."""
    d, values = euclidean(x), []
    for a, positives, negatives in anchors(labels):
        far = [d[a, p] - (alpha - margin) for p in positives if d[a, p] > alpha - margin]
        near = [alpha - d[a, n] for n in negatives if d[a, n] < alpha]
        parts = []
        for violations, sharpness in ((far, Tp), (near, Tn)):
            weights = [math.exp(sharpness * v) for v in violations]
            total = sum(w * v for w, v in zip(weights, violations, strict=True))
            parts.append(total / (sum(weights) + extra) if weights else 0.0)
        values.append(0.5 * sum(parts))
    return float(np.mean(values))


def pn(labels: np.ndarray, x: np.ndarray, negatives: str = "semi-hard") -> float:
    x, values = unit(x), []
    d = 1.0 - x @ x.T
    for a, pos, neg in anchors(labels):
        p = max(pos, key=lambda p: d[a, p])
        farther = [n for n in neg if d[a, n] > d[a, p]]
        n = min(neg, key=lambda n: d[a, n])
        if negatives == "easy" or (negatives == "semi-hard" and not farther):
            n = max(neg, key=lambda n: d[a, n])
        elif negatives == "semi-hard":
            n = min(farther, key=lambda n: d[a, n])
        values.append(math.log(1 + math.exp(d[a, p] - min(d[a, n], d[p, n]))))
    return float(np.mean(values))


def dynamic_soft_margin(
    labels: np.ndarray, x: np.ndarray, min_val: float = -2.0, num_bins: int = 10
) -> float:
    gaps = soft_margin_gaps(labels, x)
    return float(np.mean(soft_margin_weights(gaps, min_val, num_bins) * gaps))


def soft_margin_gaps(labels: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Of every pair (a, p) its distance less that of the nearest negative of either."""
    d, gaps = euclidean(x), []
    nearest = {a: min(d[a, n] for n in negatives) for a, _, negatives in anchors(labels)}
    for a, positives, _ in anchors(labels):
        gaps += [d[a, p] - min(nearest[a], nearest[p]) for p in positives]
    return np.array(gaps)


def soft_margin_weights(gaps: np.ndarray, min_val: float, num_bins: int) -> np.ndarray:
    """Of every gap the share of the gaps that are smaller, from a histogram."""
    width = -2 * min_val / num_bins
    histogram = np.zeros(num_bins + 1)
    for gap in gaps:
        through, lower = math.modf((gap - min_val) / width)
        histogram[int(lower)] += 1 - through
        histogram[int(lower) + 1] += through
    cdf = np.cumsum(histogram) / len(gaps)
    return np.array([cdf[int((gap - min_val) / width)] for gap in gaps])


def threshold_consistent_margin(labels: np.ndarray, x: np.ndarray) -> float:
    x = unit(x)
    positive = [0.9 - x[a] @ x[p] for a, positives, _ in anchors(labels) for p in positives]
    negative = [x[a] @ x[n] - 0.5 for a, _, negatives in anchors(labels) for n in negatives]
    return sum(float(np.mean([v for v in part if v >= 0])) for part in (positive, negative))


def histogram(labels: np.ndarray, x: np.ndarray, num_bins: int = 100) -> float:
    x = unit(x)

    def soft(similarities: list[float]) -> np.ndarray:
        bins = np.zeros(num_bins + 1)
        for s in similarities:
            through, lower = math.modf((s + 1) * num_bins / 2)
            bins[int(lower)] += 1 - through
            bins[int(lower) + 1] += through
        return bins / len(similarities)

    positive = soft([x[a] @ x[p] for a, positives, _ in anchors(labels) for p in positives])
    negative = soft([x[a] @ x[n] for a, _, negatives in anchors(labels) for n in negatives])
    return float(sum(negative[r] * positive[: r + 1].sum() for r in range(num_bins + 1)))


def fast_ap(labels: np.ndarray, x: np.ndarray, num_bins: int = 10) -> float:
    x, values = unit(x), []
    for a, positives, negatives in anchors(labels):
        if not positives:
            continue
        counts = np.zeros((2, num_bins + 1))
        for row, others in enumerate((positives, negatives)):
            for other in others:
                place = ((x[a] - x[other]) ** 2).sum() * num_bins / 4
                for i in range(num_bins + 1):
                    counts[row, i] += max(0.0, 1.0 - abs(place - i))
        precision = 0.0
        for i in range(num_bins + 1):
            if counts[0, i] > 0:
                before = counts[:, : i + 1].sum()
                precision += counts[0, i] * counts[0, : i + 1].sum() / before
        values.append(1.0 - precision / len(positives))
    return float(np.mean(values))


def _before(s: np.ndarray, others: list[int], i: int, width: float) -> float:
    return sum(1.0 / (1.0 + math.exp(-(s[j] - s[i]) / width)) for j in others if j != i)


def smooth_ap(labels: np.ndarray, x: np.ndarray, temperature: float = 0.01) -> float:
    x, values = unit(x), []
    for a, positives, negatives in anchors(labels):
        if positives:
            s = x @ x[a]
            ranks = [
                (1 + _before(s, positives, i, temperature))
                / (1 + _before(s, positives + negatives, i, temperature))
                for i in positives
            ]
            values.append(1.0 - float(np.mean(ranks)))
    return float(np.mean(values))


def pnp(
    labels: np.ndarray,
    x: np.ndarray,
    b: float = 2.0,
    alpha: float = 1.0,
    anneal: float = 0.01,
    variant: str = "O",
) -> float:
    f = {
        "O": lambda r: r,
        "Iu": lambda r: (1 + r) * math.log(1 + r),
        "Ib": lambda r: (b * r - math.log(1 + b * r)) / b**2,
        "Ds": lambda r: math.log(1 + r),
        "Dq": lambda r: 1 - (1 + r) ** -alpha,
    }[variant]
    x, values = unit(x), []
    for a, positives, negatives in anchors(labels):
        if positives:
            s = x @ x[a]
            values.append(np.mean([f(_before(s, negatives, i, anneal)) for i in positives]))
    return float(np.mean(values))


def margin(
    labels: np.ndarray, x: np.ndarray, margin: float = 0.2, beta: float | np.ndarray = 1.2
) -> float:
    """`beta` is one number, or one for each class."""
    d, costs = euclidean(x), []
    for a, positives, negatives in anchors(labels):
        boundary = beta if np.ndim(beta) == 0 else np.asarray(beta)[labels[a]]
        for p in positives:
            for n in negatives:
                costs += [max(0.0, d[a, p] - boundary + margin)]
                costs += [max(0.0, boundary - d[a, n] + margin)]
    return sum(costs) / sum(cost > 0 for cost in costs)


def decoupled(
    labels: np.ndarray,
    x: np.ndarray,
    temperature: float = 0.1,
    weight_scale: float | None = None,
) -> float:
    x, terms = unit(x), []
    for a, positives, negatives in anchors(labels):
        for p in positives if negatives else []:
            others = sum(math.exp(x[a] @ x[n] / temperature) for n in negatives)
            terms.append((x[a] @ x[p], math.log(others)))
    weights = np.ones(len(terms))
    if weight_scale is not None:
        raised = np.exp([s / weight_scale for s, _ in terms])
        weights = 2.0 - raised / raised.mean()
    costs = [rest - w * s / temperature for w, (s, rest) in zip(weights, terms, strict=True)]
    return float(np.mean(costs))


def npairs(labels: np.ndarray, views: np.ndarray) -> float:
    """Views of shape (batch, 2, dim), compared by the dot product."""
    s, costs = views[:, 0].astype("float64") @ views[:, 1].astype("float64").T, []
    for i in range(len(s)):
        partners = [j for j in range(len(s)) if labels[j] == labels[i]]
        costs += [np.mean([math.log(sum(np.exp(s[i]))) - s[i, j] for j in partners])]
    return float(np.mean(costs))


def npairs_multilabel(labels: np.ndarray, views: np.ndarray) -> float:
    s, costs = views[:, 0].astype("float64") @ views[:, 1].astype("float64").T, []
    for i in range(len(s)):
        shared = [int((labels[i] * labels[j]).sum()) for j in range(len(s))]
        for j, count in enumerate(shared):
            costs += [count / sum(shared) * (math.log(sum(np.exp(s[i]))) - s[i, j])]
    return sum(costs) / len(s)


def info_nce(views: np.ndarray, temperature: float = 0.07, symmetric: bool = False) -> float:
    first, second = unit(views[:, 0]), unit(views[:, 1])
    costs = []
    for a, b in ((first, second), (second, first))[: 1 + symmetric]:
        for i in range(len(a)):
            raised = [math.exp(a[i] @ other / temperature) for other in b]
            costs.append(-math.log(raised[i] / sum(raised)))
    return float(np.mean(costs))


def sup_con_multilabel(labels: np.ndarray, x: np.ndarray, temperature: float = 0.1) -> float:
    x, costs, rows = unit(x), [], range(len(x))
    for a in rows:
        total = sum(math.exp(x[a] @ x[k] / temperature) for k in rows if k != a)
        for label in np.flatnonzero(labels[a]):
            positives = [p for p in rows if p != a and labels[p, label]]
            terms = [x[a] @ x[p] / temperature - math.log(total) for p in positives]
            costs += [-np.mean(terms)] if terms else []
    return float(np.mean(costs))


def vicreg(views: np.ndarray, weights: tuple[float, float, float] = (25.0, 25.0, 1.0)) -> float:
    views = views.astype("float64")
    invariance = np.mean([(a - b) ** 2 for a, b in views])
    variance = spread = 0.0
    for view in (views[:, 0], views[:, 1]):
        covariance, dim = np.cov(view.T), view.shape[1]
        for i in range(dim):
            variance += max(0.0, 1 - math.sqrt(covariance[i, i] + 1e-4)) / dim / 2
            spread += sum(covariance[i, j] ** 2 for j in range(dim) if j != i) / dim
    return float(np.dot(weights, (invariance, variance, spread)))


def barlow_twins(views: np.ndarray, redundancy: float = 0.005) -> float:
    views = views.astype("float64")
    views = (views - views.mean(0)) / np.sqrt(views.var(0) + 1e-5)
    dim, cost = views.shape[2], 0.0
    for i in range(dim):
        for j in range(dim):
            correlation = np.mean(views[:, 0, i] * views[:, 1, j])
            cost += (1 - correlation) ** 2 if i == j else redundancy * correlation**2
    return float(cost)


def sim_siam(stacked: np.ndarray) -> float:
    """Predictions, then projections, in the order of the views."""
    costs, half = [], stacked.shape[1] // 2
    for row in stacked:
        x = unit(row)
        costs += [-x[i] @ x[half + half - 1 - i] for i in range(half)]
    return float(np.mean(costs))
