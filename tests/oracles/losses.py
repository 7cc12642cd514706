"""Losses written from their papers as plain loops, in float64, by numpy.

Each takes labels and embeddings and returns the loss. Losses on class proxies: `proxies.py`.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np


def unit(x: np.ndarray) -> np.ndarray:
    return x.astype("float64") / np.linalg.norm(x.astype("float64"), axis=1, keepdims=True)


def euclidean(x: np.ndarray) -> np.ndarray:
    x = x.astype("float64")
    return np.linalg.norm(x[:, None] - x[None], axis=-1)


def anchors(labels: Any) -> Iterator[tuple[int, list[int], list[int]]]:
    """Each row with its positives and its negatives.

    Every loss that asks this for its pairs takes, instead of labels, the two masks of those
    that count.
    """
    if isinstance(labels, tuple):
        is_positive, is_negative = labels
    else:
        is_negative = labels[:, None] != labels[None]
        is_positive = ~is_negative & ~np.eye(len(labels), dtype=bool)
    for a in range(len(is_positive)):
        yield a, list(np.flatnonzero(is_positive[a])), list(np.flatnonzero(is_negative[a]))


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


def contrastive_pairs(
    labels: np.ndarray, x: np.ndarray, pos_margin: float = 0.0, neg_margin: float = 1.0
) -> float:
    d = euclidean(x)
    positive = [d[a, p] - pos_margin for a, positives, _ in anchors(labels) for p in positives]
    negative = [neg_margin - d[a, n] for a, _, negatives in anchors(labels) for n in negatives]
    return sum(float(np.mean([v for v in part if v > 0])) for part in (positive, negative))


def triplet(labels: np.ndarray, x: np.ndarray, margin: float = 0.05) -> float:
    """All triplets that cost something; for other choices see `test_triplet.py`."""
    d, costs = euclidean(x), []
    for a, positives, negatives in anchors(labels):
        costs += [d[a, p] - d[a, n] + margin for p in positives for n in negatives]
    return float(np.mean([cost for cost in costs if cost > 0]))


def lifted(labels: np.ndarray, x: np.ndarray, margin: float = 1.0) -> float:
    d, costs = euclidean(x), []
    others = {a: negatives for a, _, negatives in anchors(labels)}
    for a, positives, _ in anchors(labels):
        for p in positives:
            ends = [d[end, n] for end in (a, p) for n in others[end]]
            if ends:
                lifts = math.log(sum(math.exp(margin - distance) for distance in ends))
                costs.append(max(0.0, lifts + d[a, p]) ** 2 / 2)
    return float(np.mean(costs))


def generalized_lifted(
    labels: np.ndarray, x: np.ndarray, neg_margin: float = 1.0, pos_margin: float = 0.0
) -> float:
    d, values = euclidean(x), []
    for a, positives, negatives in anchors(labels):
        if positives and negatives:
            farthest = math.log(sum(math.exp(d[a, p] - pos_margin) for p in positives))
            nearest = math.log(sum(math.exp(neg_margin - d[a, n]) for n in negatives))
            values.append(max(0.0, farthest + nearest))
    return float(np.mean(values))


def ntxent(labels: np.ndarray, x: np.ndarray, temperature: float = 0.07) -> float:
    x, costs = unit(x), []
    for a, positives, negatives in anchors(labels):
        others = sum(math.exp(x[a] @ x[n] / temperature) for n in negatives)
        for p in positives if negatives else []:
            own = math.exp(x[a] @ x[p] / temperature)
            costs.append(-math.log(own / (own + others)))
    return float(np.mean(costs))


def sup_con(labels: np.ndarray, x: np.ndarray, temperature: float = 0.1) -> float:
    x, values = unit(x), []
    for a, positives, negatives in anchors(labels):
        if positives:
            total = sum(math.exp(x[a] @ x[k] / temperature) for k in positives + negatives)
            logs = [math.log(math.exp(x[a] @ x[p] / temperature) / total) for p in positives]
            values.append(-sum(logs) / len(positives))
    return float(np.mean(values))


def multi_similarity(
    labels: np.ndarray, x: np.ndarray, alpha: float = 2.0, beta: float = 50.0, base: float = 0.5
) -> float:
    x, values = unit(x), []
    for a, positives, negatives in anchors(labels):
        if positives or negatives:
            pull = sum(math.exp(-alpha * (x[a] @ x[p] - base)) for p in positives)
            push = sum(math.exp(beta * (x[a] @ x[n] - base)) for n in negatives)
            values.append(math.log(1 + pull) / alpha + math.log(1 + push) / beta)
    return float(np.mean(values))


def circle(labels: np.ndarray, x: np.ndarray, m: float = 0.4, gamma: float = 80.0) -> float:
    x, values = unit(x), []
    for a, positives, negatives in anchors(labels):
        if positives and negatives:
            pull = push = 0.0
            for s in (x[a] @ x[p] for p in positives):
                pull += math.exp(-gamma * max(0.0, 1 + m - s) * (s - (1 - m)))
            for s in (x[a] @ x[n] for n in negatives):
                push += math.exp(gamma * max(0.0, s + m) * (s - m))
            values.append(math.log(1 + push * pull))
    return float(np.mean(values))


def neighbours(labels: np.ndarray, x: np.ndarray, factor: float = 1.0) -> float:
    """Squared distances times `factor`."""
    d, values = euclidean(x) ** 2, []
    for a, positives, negatives in anchors(labels):
        if positives:
            own, total = (
                sum(math.exp(-factor * d[a, k]) for k in rows)
                for rows in (positives, positives + negatives)
            )
            values.append(-math.log(own / total))
    return float(np.mean(values))


def nca(labels: np.ndarray, x: np.ndarray, softmax_scale: float = 1.0) -> float:
    return neighbours(labels, x, softmax_scale)


def soft_nearest_neighbor(labels: np.ndarray, x: np.ndarray, temperature: float = 1.0) -> float:
    return neighbours(labels, x, 1.0 / temperature)


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
        if positives or negatives:
            values.append(0.5 * sum(parts))
    return float(np.mean(values))


def pn(
    labels: np.ndarray,
    x: np.ndarray,
    negatives: str = "semi-hard",
    positives: str = "hard",
    margin: float | None = None,
) -> float:
    x, values = unit(x), []
    d = 1.0 - x @ x.T
    for a, pos, neg in anchors(labels):
        if not (pos and neg):
            continue
        p = (max if positives == "hard" else min)(pos, key=lambda p: d[a, p])
        farther = [n for n in neg if d[a, n] > d[a, p]]
        n = min(neg, key=lambda n: d[a, n])
        if negatives == "easy" or (negatives == "semi-hard" and not farther):
            n = max(neg, key=lambda n: d[a, n])
        elif negatives == "semi-hard":
            n = min(farther, key=lambda n: d[a, n])
        gap = d[a, p] - min(d[a, n], d[p, n])
        values.append(math.log(1 + math.exp(gap)) if margin is None else max(0.0, gap + margin))
    return float(np.mean(values))


def dynamic_soft_margin(
    labels: np.ndarray, x: np.ndarray, min_val: float = -2.0, num_bins: int = 10
) -> float:
    gaps = soft_margin_gaps(labels, x)
    return float(np.mean(soft_margin_weights(gaps, min_val, num_bins) * gaps))


def soft_margin_gaps(labels: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Of every pair (a, p) its distance less that of the nearest negative of either."""
    d, gaps = euclidean(x), []
    nearest = {a: min((d[a, n] for n in others), default=1e9) for a, _, others in anchors(labels)}
    for a, positives, _ in anchors(labels):
        bounds = [(p, min(nearest[a], nearest[p])) for p in positives]
        gaps += [d[a, p] - bound for p, bound in bounds if bound < 1e9]
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
