"""The triplet loss: by hand, by plain loops over all triplets, against pytorch-metric-learning."""

import itertools

import numpy as np
import pytest

from keras_metric import losses, miners
from keras_metric.losses import TripletLoss, _triplet_sums
from tests.backends import compiled_on_jax, slow_on_jax, to_numpy, value_and_gradient
from tests.keras_metric.losses.cases import labelled_batch, uneven_batch

X = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
LABELS = np.array([0, 0, 1, 1])
BY_RULE = [
    choice
    for choice in itertools.product(("all", "hard", "easy"), ("all", "semi-hard", "hard", "easy"))
]


def distances_of(x, y):
    return np.sqrt(((x[:, None].astype("float64") - y[None].astype("float64")) ** 2).sum(-1))


def chosen(d, positives, negatives, rows, columns):
    """Every triplet of one anchor that the two strategies choose."""
    if positives != "all" and rows:
        rows = [(max if positives == "hard" else min)(rows, key=lambda p: d[p])]
    for p in rows:
        if negatives == "all" or not columns:
            yield from ((p, n) for n in columns)
            continue
        farther = [n for n in columns if d[n] > d[p]]
        pick = min if negatives == "hard" or (negatives == "semi-hard" and farther) else max
        among = farther if negatives == "semi-hard" and farther else columns
        yield p, pick(among, key=lambda n: d[n])


def plain_loop(d, between, is_positive, is_negative, positives, negatives, margin, soft, average):
    costs = []
    for a in range(len(d)):
        rows, columns = np.flatnonzero(is_positive[a]), np.flatnonzero(is_negative[a])
        for p, n in chosen(d[a], positives, negatives, list(rows), list(columns)):
            near = d[a, n] if between is None else min(d[a, n], between[p, n])
            v = d[a, p] - near + margin
            costs.append(np.log1p(np.exp(v)) if soft else max(0.0, v))
    counted = [c for c in costs if c > 0] if average == "violating" else costs
    return sum(counted) / len(counted) if counted else 0.0


def masks(labels):
    same = labels[:, None] == labels[None]
    return same & ~np.eye(len(labels), dtype=bool), ~same


def test_by_hand():
    # 1 - 3, 1 - 7 | 1 - 2, 1 - 6 | 4 - 3, 4 - 2 | 4 - 7, 4 - 6, each + 1.5.
    anchors = [0.0, 0.5, 2.5 + 3.5, 0.0]
    got = to_numpy(TripletLoss(margin=1.5, reduction="none")(LABELS, X))
    np.testing.assert_allclose(got, np.multiply(anchors, 4 / 3), rtol=1e-6)
    got = to_numpy(TripletLoss(margin=1.5, average="all", reduction="none")(LABELS, X))
    np.testing.assert_allclose(got, np.multiply(anchors, 4 / 8), rtol=1e-6)
    # Nearest negatives 3, 2, 2, 6; from the positives they are 2, 3, 6 and 2 away.
    # Swapped: 1 - 2, 1 - 2, 4 - 2, 4 - 2, each + 1.5.
    loss = TripletLoss("hard", "hard", 1.5, swap=True, average="all", reduction="none")
    x = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
    np.testing.assert_allclose(to_numpy(loss(LABELS, x)), [0.5, 0.5, 3.5, 3.5])


@slow_on_jax
@pytest.mark.parametrize("choice", BY_RULE, ids="-".join)
@pytest.mark.parametrize("swap", [False, True], ids=["", "swap"])
def test_every_choice_is_the_plain_loop(choice, swap):
    labels, x = labelled_batch(seed=4, size=14, dim=3)
    labels[:2] = [7, 8]  # two anchors without a positive
    refs, ref_labels = labelled_batch(seed=5, size=9, dim=3)[1], labels[-9:]
    for soft, average in ((False, "violating"), (True, "all")):
        arguments = {"margin": 0.3, "soft": soft, "swap": swap, "average": average}
        loss = TripletLoss(*choice, **arguments)
        d = distances_of(x, x)
        expected = plain_loop(d, d if swap else None, *masks(labels), *choice, 0.3, soft, average)
        value = compiled_on_jax(lambda x: loss(labels, x))  # noqa: B023
        np.testing.assert_allclose(float(value(x)), expected, rtol=2e-5)
        d, between = distances_of(x, refs), distances_of(refs, refs) if swap else None
        same = labels[:, None] == ref_labels[None]
        expected = plain_loop(d, between, same, ~same, *choice, 0.3, soft, average)
        value = compiled_on_jax(
            lambda x: loss(labels, x, ref_embeddings=refs, ref_labels=ref_labels)  # noqa: B023
        )
        got = float(value(x))
        np.testing.assert_allclose(got, expected, rtol=2e-5)


@pytest.mark.parametrize("most_to_walk", [-1, 10**6], ids=["sort", "walk"])
@pytest.mark.parametrize("seed", range(3))
# On a line of integers, with margin 1, many negatives lie exactly on the margin. That of 1e-8 is
# lost when it is added to a distance: negatives as near as the positive violate it all the same.
@pytest.mark.parametrize("margin", [1.0, 1e-8])
def test_both_ways_over_all_triplets_are_the_plain_loop_ties_included(
    monkeypatch, most_to_walk, seed, margin
):
    monkeypatch.setattr(_triplet_sums, "_MOST_TO_WALK", most_to_walk)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, seed + 2, 20)
    x = rng.integers(0, 6, (20, 1)).astype("float32")
    d = distances_of(x, x)
    for average in ("violating", "all"):
        loss = TripletLoss(margin=margin, average=average)
        got = float(compiled_on_jax(lambda x: loss(labels, x))(x))  # noqa: B023
        expected = plain_loop(d, None, *masks(labels), "all", "all", margin, False, average)
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_both_ways_have_the_same_gradient(monkeypatch):
    x = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
    results = []
    for most_to_walk in (-1, 10**6):
        monkeypatch.setattr(_triplet_sums, "_MOST_TO_WALK", most_to_walk)
        results.append(
            value_and_gradient(lambda x: TripletLoss(margin=0.5)(np.arange(24) % 3, x), x)
        )
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-4, atol=1e-6)


@slow_on_jax
@pytest.mark.parametrize("swap", [False, True], ids=["", "swap"])
@pytest.mark.parametrize("choice", BY_RULE, ids="-".join)
def test_every_choice_has_the_derivative_as_its_gradient(choice, swap):
    labels, x = labelled_batch(seed=4, size=10, dim=3)
    loss = TripletLoss(*choice, margin=0.5, soft=True, swap=swap)
    _, gradient = value_and_gradient(lambda x: loss(labels, x), x)
    direction = np.random.default_rng(1).normal(size=x.shape).astype("float32")
    direction /= np.linalg.norm(direction)
    d = distances_of

    def value(x):
        between = d(x, x) if swap else None
        return plain_loop(d(x, x), between, *masks(labels), *choice, 0.5, True, "all")

    slope = (value(x + 1e-3 * direction) - value(x - 1e-3 * direction)) / 2e-3
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=2e-2, atol=1e-4)


def test_swap_gives_each_weight_its_own_gradient():
    labels, x = labelled_batch(seed=5, size=12, dim=3)
    weights = np.random.default_rng(6).uniform(0, 2, size=12).astype("float32")
    loss = TripletLoss(margin=0.5, soft=True, swap=True)

    def weighted(x):
        return loss(labels, x, sample_weight=weights)

    _, gradient = value_and_gradient(weighted, x)
    direction = np.random.default_rng(1).normal(size=x.shape).astype("float32")
    direction /= np.linalg.norm(direction)
    ends = [float(compiled_on_jax(weighted)(x + step * direction)) for step in (1e-2, -1e-2)]
    slope = (ends[0] - ends[1]) / 2e-2
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=2e-2, atol=1e-4)


PEERS = {
    "all": ({}, {}, None),
    "swap": ({"swap": True}, {"swap": True}, None),
    "smooth": ({"soft": True}, {"smooth_loss": True}, None),
    "margin": ({"margin": 0.4}, {"margin": 0.4}, None),
    "miner": ({"margin": 0.3}, {"margin": 0.3}, "semi-hard"),
}


@pytest.mark.parametrize("case", PEERS)
@pytest.mark.parametrize("sizes", [(4, 4, 4), (1, 1, 2, 3, 6, 11)], ids=["even", "uneven"])
def test_pytorch_metric_learning(case, sizes):
    pytest.importorskip("pytorch_metric_learning")
    import torch
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import TripletMarginMiner

    ours, theirs, kind = PEERS[case]
    labels, x = uneven_batch(sizes)
    given, ids = torch.tensor(x, requires_grad=True), torch.tensor(labels)
    mined = None
    if kind:
        ours = {**ours, "miner": miners.TripletMarginMiner(0.3, "semi-hard")}
        mined = TripletMarginMiner(0.3, "semihard")(given, ids)
    expected = TripletMarginLoss(**theirs)(given, ids, mined)
    expected.backward()
    value, gradient = value_and_gradient(lambda x: TripletLoss(**ours)(labels, x), x)
    # It scales embeddings to length 1, which these have: the gradient is that along the sphere.
    gradient = gradient - x * (x * gradient).sum(1, keepdims=True)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-5)
    np.testing.assert_allclose(gradient, given.grad.numpy(), rtol=1e-4, atol=1e-5)


@slow_on_jax
@pytest.mark.parametrize("miner", miners.names())
@pytest.mark.parametrize("options", [{}, {"soft": True}, {"swap": True}], ids=str)
def test_miners_choose_the_triplets(miner, options):
    labels, x = labelled_batch(seed=4, size=15, dim=3)
    triplets = miners.get(miner).triplets(
        losses._labelled_batch.as_batch(*losses._labelled_batch.checked(labels, x))
    )
    d = distances_of(x, x)
    costs = []
    for a, p, n in triplets.to_indices():
        v = d[a, p] - (min(d[a, n], d[p, n]) if "swap" in options else d[a, n]) + 0.3
        costs.append(np.log1p(np.exp(v)) if "soft" in options else max(0.0, v))
    assert costs
    distance = miners.get(miner).distance or miners.get(miner).default_distance
    if distance != "L2":  # a miner measures with the distance of the loss it serves
        miner = miners.get(miner)
        miner.distance = losses._pair_loss.distances.get(distance)
    loss = TripletLoss(margin=0.3, miner=miner, average="all", **options)
    got = float(compiled_on_jax(lambda x: loss(labels, x))(x))
    np.testing.assert_allclose(got, np.mean(costs), rtol=1e-4)


def test_a_drawn_negative_is_one_for_each_positive():
    labels, x = labelled_batch(seed=4, size=15)
    by_name = TripletLoss(negatives="distance-weighted", seed=3, margin=0.3)
    by_miner = TripletLoss(miner=miners.DistanceWeightedMiner(seed=3), margin=0.3)
    np.testing.assert_allclose(float(by_name(labels, x)), float(by_miner(labels, x)), rtol=1e-6)
    other = TripletLoss(negatives="distance-weighted", seed=4, margin=0.3)
    assert float(other(labels, x)) != float(by_name(labels, x))


def test_tfa_forms_are_special_cases():
    labels, x = labelled_batch(seed=4, size=20)
    pairs = [
        (TripletLoss("all", "semi-hard", 0.4, average="all"), losses.TripletSemiHardLoss(0.4)),
        (TripletLoss("hard", "hard", 0.4, average="all"), losses.TripletHardLoss(0.4)),
        (
            TripletLoss("hard", "hard", 0.4, soft=True),
            losses.TripletHardLoss(0.4, soft=True),
        ),
    ]
    for general, special in pairs:
        np.testing.assert_allclose(float(general(labels, x)), float(special(labels, x)), rtol=1e-6)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"Did you mean 'semi-hard'.*negatives='semihard'"):
        TripletLoss(negatives="semihard")
    with pytest.raises(ValueError, match=r"known are 'all', 'hard', 'easy'.*positives='semi-hard'"):
        TripletLoss(positives="semi-hard")
    with pytest.raises(ValueError, match="average='some'"):
        TripletLoss(average="some")
    with pytest.raises(ValueError, match="A miner chooses the triplets"):
        TripletLoss(positives="hard", miner="batch_hard")
    with pytest.raises(TypeError, match="seed must be an integer"):
        TripletLoss(seed=0.5)
    with pytest.raises(ValueError, match="margin must be greater than 0"):
        TripletLoss(margin=0)
