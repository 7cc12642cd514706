"""Each miner against plain loops over all triplets or pairs, and pytorch-metric-learning."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import miners
from tests.backends import to_numpy

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 18)
X = RNG.normal(size=(18, 5)).astype("float32")
X /= np.linalg.norm(X, axis=1, keepdims=True)
REF_LABELS = RNG.integers(0, 5, 11)
REFS = RNG.normal(size=(11, 5)).astype("float32")
REFS /= np.linalg.norm(REFS, axis=1, keepdims=True)
EVERY = [miners.get(name) for name in miners.names()]
every_miner = pytest.mark.parametrize("miner", EVERY, ids=lambda m: type(m).__name__)


def squared(a, b):
    return ((a[:, None].astype("float64") - b[None]) ** 2).sum(-1)


def masks(labels=LABELS, ref_labels=None):
    if ref_labels is None:
        same = labels[:, None] == labels[None]
        return same & ~np.eye(len(labels), dtype=bool), ~same
    same = labels[:, None] == ref_labels[None]
    return same, ~same


def mask_pairs(pairs):
    return [to_numpy(ops.cast(mask, "int32")).astype(bool) for mask in pairs]


def in_triplets(triplets, shape):
    is_positive, is_negative = np.zeros(shape, bool), np.zeros(shape, bool)
    is_positive[triplets[:, 0], triplets[:, 1]] = True
    is_negative[triplets[:, 0], triplets[:, 2]] = True
    return is_positive, is_negative


def loop(condition, is_positive, is_negative):
    rows, columns = is_positive.shape
    found = [
        (a, p, n)
        for a, p, n in itertools.product(range(rows), range(columns), range(columns))
        if is_positive[a, p] and is_negative[a, n] and condition(a, p, n)
    ]
    return np.array(found, int).reshape(-1, 3)


SETS = pytest.mark.parametrize(
    ("refs", "ref_labels"), [(None, None), (REFS, REF_LABELS)], ids=["batch", "references"]
)


@SETS
@pytest.mark.parametrize("kind", ["all", "hard", "semi-hard", "easy"])
def test_triplet_margin_is_every_triplet_within_bounds(kind, refs, ref_labels):
    d = np.sqrt(squared(X, X if refs is None else refs))
    within = {
        "all": lambda gap: gap <= 0.2,
        "hard": lambda gap: gap <= 0,
        "semi-hard": lambda gap: 0 < gap <= 0.2,
        "easy": lambda gap: gap > 0.2,
    }[kind]
    pair_masks = masks(ref_labels=ref_labels)
    expected = loop(lambda a, p, n: within(d[a, n] - d[a, p]), *pair_masks)
    got = miners.TripletMarginMiner(0.2, kind)(LABELS, X, refs, ref_labels)
    assert len(expected) > 10
    np.testing.assert_array_equal(got.to_indices(), expected)
    for mask, want in zip(mask_pairs(got.pairs()), in_triplets(expected, d.shape), strict=True):
        np.testing.assert_array_equal(mask, want)


@SETS
def test_angular_is_every_triplet_with_a_wide_angle(refs, ref_labels):
    b = X if refs is None else refs

    def is_wide(a, p, n):
        centre = (X[a] + b[p]) / 2
        angle = np.arctan2(np.linalg.norm(X[a] - b[p]), 2 * np.linalg.norm(b[n] - centre))
        return np.degrees(angle) > 40

    expected = loop(is_wide, *masks(ref_labels=ref_labels))
    # Lengths do not matter.
    got = miners.AngularMiner(40.0)(LABELS, 3 * X, refs, ref_labels)
    assert len(expected) > 10
    np.testing.assert_array_equal(got.to_indices(), expected)


def test_pair_margin_by_hand():
    x = np.array([[0.0], [0.5], [0.9], [4.0]], "float32")
    got = mask_pairs(miners.PairMarginMiner(0.6, 1.0)(np.array([0, 0, 1, 1]), x))
    # Positives 0.5 and 3.1 apart; negatives 0.9, 4, 0.4 and 3.5.
    assert np.argwhere(got[0]).tolist() == [[2, 3], [3, 2]]
    assert np.argwhere(got[1]).tolist() == [[0, 2], [1, 2], [2, 0], [2, 1]]


@SETS
def test_multi_similarity_against_a_loop(refs, ref_labels):
    d = 1 - X.astype("float64") @ (X if refs is None else refs).T
    is_positive, is_negative = masks(ref_labels=ref_labels)
    want = np.zeros((2, *d.shape), bool)
    for a in range(len(X)):
        positives, negatives = np.flatnonzero(is_positive[a]), np.flatnonzero(is_negative[a])
        for p in positives:
            want[0, a, p] = len(negatives) and d[a, p] > d[a, negatives].min() - 0.1
        for n in negatives:
            want[1, a, n] = len(positives) and d[a, n] < d[a, positives].max() + 0.1
    got = mask_pairs(miners.MultiSimilarityMiner(0.1)(LABELS, X, refs, ref_labels))
    np.testing.assert_array_equal(got, want)


STRATEGIES = ["hard", "semi-hard", "easy", "all"]
ALLOWED = [
    both
    for both in itertools.product(STRATEGIES, STRATEGIES)
    if not ("semi-hard" in both and (both[0] == both[1] or "all" in both))
]


def one_an_anchor(d, is_positive, is_negative, pos, neg):
    """Indices of the chosen positive and negative of one anchor, or None."""
    p, n = np.flatnonzero(is_positive), np.flatnonzero(is_negative)
    if pos == "semi-hard":
        n = one(d, n, neg == "easy")
        p = one(d, p[d[p] < d[n]] if len(n) else p, True)
    else:
        p = p if pos == "all" else one(d, p, pos == "hard")
        if neg == "semi-hard":
            n = n[d[n] > d[p]] if len(p) else n
        n = n if neg == "all" else one(d, n, neg == "easy")
    if "all" not in (pos, neg) and not (len(p) and len(n)):
        return [], []
    return p, n


def one(d, candidates, farthest):
    if not len(candidates):
        return candidates
    best = np.argmax(d[candidates]) if farthest else np.argmin(d[candidates])
    return candidates[[best]]


@pytest.mark.parametrize(("pos", "neg"), ALLOWED)
def test_batch_easy_hard_against_a_loop(pos, neg):
    labels = LABELS.copy()
    labels[3] = 99  # one anchor without a positive
    d = np.sqrt(squared(X, X))
    is_positive, is_negative = masks(labels)
    want = np.zeros((2, *d.shape), bool)
    for a in range(len(X)):
        p, n = one_an_anchor(d[a], is_positive[a], is_negative[a], pos, neg)
        want[0, a, p] = want[1, a, n] = True
    got = mask_pairs(miners.BatchEasyHardMiner(pos, neg)(labels, X))
    np.testing.assert_array_equal(got, want)
    if (pos, neg) == ("hard", "hard"):
        np.testing.assert_array_equal(mask_pairs(miners.BatchHardMiner()(labels, X)), want)


def test_batch_easy_hard_keeps_to_allowed_ranges():
    x = np.array([[0.0], [1.0], [3.0], [10.0], [2.0], [5.0]], "float32")
    miner = miners.BatchEasyHardMiner("hard", "hard", [0, 4], [2.5, 6])
    got = mask_pairs(miner(np.array([0, 0, 0, 0, 1, 1]), x))
    # Anchor 0: positives 1, 3 (10 is too far), negatives 5 (2 is too near).
    assert np.flatnonzero(got[0][0]).tolist() == [2]
    assert np.flatnonzero(got[1][0]).tolist() == [5]


@SETS
def test_distance_weighted_draws_one_allowed_negative_for_each_positive(refs, ref_labels):
    d = np.sqrt(squared(X, X if refs is None else refs))
    is_positive, is_negative = masks(ref_labels=ref_labels)
    got = miners.DistanceWeightedMiner()(LABELS, X, refs, ref_labels).to_indices()
    allowed = is_negative & (d < 1.4)
    expected = np.argwhere(is_positive & allowed.any(axis=1, keepdims=True))
    np.testing.assert_array_equal(got[:, :2], expected)
    assert allowed[got[:, 0], got[:, 2]].all()


def test_distance_weighted_draws_by_the_inverse_density():
    # One anchor, many positives: how often each of three negatives is drawn.
    dim, cosines = 6, np.array([0.95, 0.5, 0.1])
    anchor = np.eye(dim)[:1]
    negatives = cosines[:, None] * anchor + np.sqrt(1 - cosines**2)[:, None] * np.eye(dim)[1:4]
    rng = np.random.default_rng(0)
    positives = rng.normal(size=(4000, dim))
    refs = np.concatenate([negatives, positives]).astype("float32")
    ref_labels = np.array([1, 2, 3] + [0] * 4000)
    got = miners.DistanceWeightedMiner(seed=3)([0], anchor.astype("float32"), refs, ref_labels)
    counts = np.bincount(to_numpy(got.negatives)[0, 3:], minlength=3) / 4000
    d = np.maximum(np.sqrt(2 - 2 * cosines), 0.5)
    weights = 1 / (d ** (dim - 2) * (1 - d**2 / 4) ** ((dim - 3) / 2))
    # Four standard deviations of a share of 4,000 draws.
    np.testing.assert_allclose(counts, weights / weights.sum(), atol=4 * 0.5 / np.sqrt(4000))


def test_distance_weighted_follows_seed_and_batch():
    first = miners.DistanceWeightedMiner(seed=1)(LABELS, X).to_indices()
    np.testing.assert_array_equal(
        miners.DistanceWeightedMiner(seed=1)(LABELS, X).to_indices(), first
    )
    assert (miners.DistanceWeightedMiner(seed=2)(LABELS, X).to_indices() != first).any()
    order = RNG.permutation(len(X))
    other = miners.DistanceWeightedMiner(seed=1)(LABELS[order], X[order]).to_indices()
    assert {tuple(order[row]) for row in other} != {tuple(row) for row in first}


@every_miner
def test_pairs_are_those_of_the_triplets_and_within_the_masks(miner):
    targets = miners.AllTriplets(*masks())
    batch = batch_of(LABELS, X)
    triplets = miner.triplets(batch).to_indices()
    is_positive, is_negative = mask_pairs(miner.pairs(batch))
    assert not (is_positive & ~targets.is_positive).any()
    assert not (is_negative & ~targets.is_negative).any()
    if isinstance(miner, miners.TripletMiner):
        for got, want in zip(
            (is_positive, is_negative), in_triplets(triplets, is_positive.shape), strict=True
        ):
            np.testing.assert_array_equal(got, want)
    else:
        expected = loop(lambda a, p, n: True, is_positive, is_negative)
        np.testing.assert_array_equal(triplets, expected)


def batch_of(labels, x):
    from keras_metric.losses._labelled_batch import as_batch, checked

    return as_batch(*checked(labels, ops.convert_to_tensor(x)))


@every_miner
def test_masks_say_the_same_as_labels(miner):
    same = LABELS[:, None] == LABELS[None]
    for got, want in zip(
        mask_pairs(as_pairs(miner(None, X, is_positive=same))),
        mask_pairs(as_pairs(miner(LABELS, X))),
        strict=True,
    ):
        np.testing.assert_array_equal(got, want)


def as_pairs(choice):
    return choice.pairs() if isinstance(choice, miners.Triplets) else choice


DEGENERATE = {
    "no positive": (np.arange(6), X[:6]),
    "no negative": (np.zeros(6, int), X[:6]),
    "one sample": (np.zeros(1, int), X[:1]),
    "all zero": (np.arange(6) // 2, np.zeros((6, 4), "float32")),
    "all identical": (np.arange(6) // 2, np.ones((6, 4), "float32")),
    "opposite": (np.arange(6) // 2, np.where(np.arange(6)[:, None] % 2, 1.0, -1) * np.ones((6, 4))),
}


@every_miner
@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_degenerate_batches_choose_only_what_exists(miner, name, dtype):
    labels, x = DEGENERATE[name]
    is_positive, is_negative = masks(labels)
    triplets = miner.triplets(batch_of(labels, ops.cast(x.astype("float32"), "float32")))
    rows = triplets.to_indices()
    assert is_positive[rows[:, 0], rows[:, 1]].all()
    assert is_negative[rows[:, 0], rows[:, 2]].all()
    for got, allowed in zip(
        mask_pairs(as_pairs(miner(labels, ops.cast(x, dtype)))),
        (is_positive, is_negative),
        strict=True,
    ):
        assert not (got & ~allowed).any()


@pytest.mark.skipif(
    keras.backend.backend() == "torch",
    reason="on PyTorch there is nothing to compare: Keras runs it uncompiled by default",
)
@every_miner
def test_compiled_equals_eager(miner):
    def choose(x):
        return miner.pairs(batch_of(LABELS, x))

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec([None, 5], "float32")]
        compiled = tf.function(choose, input_signature=signature, jit_compile=True)
    else:
        import jax

        compiled = jax.jit(choose)
    x = ops.convert_to_tensor(X)
    for got, want in zip(mask_pairs(compiled(x)), mask_pairs(choose(x)), strict=True):
        np.testing.assert_array_equal(got, want)


@every_miner
def test_nothing_carries_a_gradient(miner):
    from tests.backends import value_and_gradient

    def kept(x):
        is_positive, is_negative = miner.pairs(batch_of(LABELS, x))
        chosen = ops.logical_or(is_positive, is_negative)
        return ops.sum(ops.square(x)) + 0.0 * ops.sum(ops.cast(chosen, "float32"))

    np.testing.assert_allclose(value_and_gradient(kept, X)[1], 2 * X, rtol=1e-6)


OTHER = {
    "AngularMiner": {"angle": 25.0},
    "BatchEasyHardMiner": {
        "pos_strategy": "hard",
        "neg_strategy": "all",
        "allowed_pos_range": [0.1, 0.9],
        "allowed_neg_range": [0.2, 1.5],
        "distance": "cosine",
    },
    "BatchHardMiner": {
        "allowed_pos_range": [0.1, 0.9],
        "allowed_neg_range": [0.2, 1.5],
        "distance": "cosine",
    },
    "DistanceWeightedMiner": {"cutoff": 0.4, "nonzero_loss_cutoff": 1.2, "seed": 5},
    "MultiSimilarityMiner": {"epsilon": 0.3, "distance": "manhattan"},
    "PairMarginMiner": {"pos_margin": 0.1, "neg_margin": 0.7, "distance": "cosine"},
    "TripletMarginMiner": {"margin": 0.4, "type_of_triplets": "hard", "distance": "cosine"},
}


@every_miner
def test_configuration_rebuilds_every_argument(miner):
    cls = type(miner)
    other = OTHER[cls.__name__]
    config = cls(**other).get_config()
    assert config == other
    assert not [key for key, value in miner.get_config().items() if config[key] == value]
    again = miners.get(miners.serialize(cls(**other)))
    assert type(again) is cls
    assert again.get_config() == config


def test_the_distance_is_the_loss_unless_given():
    batch = batch_of(LABELS, X)
    far = ops.full((18, 18), 5.0)
    for miner, uses in (
        (miners.PairMarginMiner(1.5), True),
        (miners.PairMarginMiner(1.5, 1, "L2"), False),
    ):
        chosen = mask_pairs(miner.pairs(batch, far))[0]
        assert (chosen == masks()[0]).all() == uses


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: miners.get("batch_hrd"), "Did you mean 'batch_hard'"),
        (
            lambda: miners.TripletMarginMiner(type_of_triplets="semihard"),
            "Did you mean 'semi-hard'",
        ),
        (lambda: miners.TripletMarginMiner(-1), "margin must be at least 0"),
        (lambda: miners.BatchEasyHardMiner("semi-hard", "all"), "the other must be"),
        (lambda: miners.BatchEasyHardMiner("hardd"), "Received: pos_strategy='hardd'"),
        (lambda: miners.BatchHardMiner([2, 1]), "two ascending distances"),
        (lambda: miners.AngularMiner(90), "below 90"),
        (lambda: miners.DistanceWeightedMiner(seed=-1), "seed must be at least 0"),
        (lambda: miners.PairMarginMiner(neg_margin=-1), "neg_margin must be at least 0"),
        (lambda: miners.MultiSimilarityMiner(epsilon=float("nan")), "epsilon must be at least 0"),
    ],
)
def test_bad_arguments_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_miner_is_a_name_or_an_object():
    assert miners.get(None) is None
    with pytest.raises(TypeError, match="Received: miner=3"):
        miners.get(3)
