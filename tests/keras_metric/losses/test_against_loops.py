"""Losses against plain loops over a batch, and their arguments' effect and errors."""

import keras
import numpy as np
import pytest

from keras_metric import losses, miners
from tests.backends import loss_value, slow_on_jax, to_numpy, value_and_gradient
from tests.keras_metric.losses.cases import public_losses
from tests.keras_metric.losses.test_class_proxy import LOOPS as PROXIES
from tests.keras_metric.losses.test_views import ORACLES as VIEWS
from tests.oracles import losses as oracle

RNG = np.random.default_rng(3)
# Classes of 1 to 6 samples in no order, so that nothing hangs on balance: two anchors have no
# positive.
LABELS = RNG.permutation(np.repeat(np.arange(6), [1, 1, 2, 3, 3, 6]))
X = (1.5 * np.eye(6)[LABELS] + 0.7 * RNG.normal(size=(16, 6))).astype("float32")
UNIT = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype("float32")

# Those on distances do not scale embeddings to length 1 themselves.
ON_DISTANCES = (
    losses.RankedListLoss,
    losses.DynamicSoftMarginLoss,
    losses.MarginLoss,
    losses.TripletLoss,
    losses.ContrastivePairsLoss,
    losses.LiftedStructLoss,
    losses.GeneralizedLiftedStructLoss,
    losses.NCALoss,
    losses.SoftNearestNeighborLoss,
)


def embeddings_for(cls):
    return UNIT if cls in ON_DISTANCES else X


CASES = {
    "angular": (losses.AngularLoss, oracle.angular, {}),
    "angular 55": (losses.AngularLoss, oracle.angular, {"alpha": 55.0}),
    "tuplet": (losses.TupletMarginLoss, oracle.tuplet_margin, {}),
    "tuplet 20": (losses.TupletMarginLoss, oracle.tuplet_margin, {"margin": 20.0, "scale": 8.0}),
    "margin": (losses.MarginLoss, oracle.margin, {}),
    "margin 0.5": (losses.MarginLoss, oracle.margin, {"margin": 0.5, "beta": 0.9}),
    "decoupled": (losses.DecoupledContrastiveLoss, oracle.decoupled, {}),
    "decoupled, weighted": (
        losses.DecoupledContrastiveLoss,
        oracle.decoupled,
        {"temperature": 0.3, "weight_scale": 0.5},
    ),
    "NTXent": (losses.NTXentLoss, oracle.ntxent, {}),
    "NTXent 0.4": (losses.NTXentLoss, oracle.ntxent, {"temperature": 0.4}),
    "SupCon": (losses.SupConLoss, oracle.sup_con, {}),
    "SupCon 0.4": (losses.SupConLoss, oracle.sup_con, {"temperature": 0.4}),
    "multi-similarity": (losses.MultiSimilarityLoss, oracle.multi_similarity, {}),
    "multi-similarity, soft": (
        losses.MultiSimilarityLoss,
        oracle.multi_similarity,
        {"alpha": 3.0, "beta": 5.0, "base": 0.2},
    ),
    "circle": (losses.CircleLoss, oracle.circle, {}),
    "circle, soft": (losses.CircleLoss, oracle.circle, {"m": 0.25, "gamma": 4.0}),
    "NCA": (losses.NCALoss, oracle.nca, {}),
    "NCA 3": (losses.NCALoss, oracle.nca, {"softmax_scale": 3.0}),
    "soft nearest neighbour": (
        losses.SoftNearestNeighborLoss,
        oracle.soft_nearest_neighbor,
        {"temperature": 0.4},
    ),
    "contrastive": (losses.ContrastivePairsLoss, oracle.contrastive_pairs, {}),
    "contrastive, wide": (
        losses.ContrastivePairsLoss,
        oracle.contrastive_pairs,
        {"pos_margin": 0.7, "neg_margin": 1.3},
    ),
    "lifted": (losses.LiftedStructLoss, oracle.lifted, {}),
    "lifted 0.3": (losses.LiftedStructLoss, oracle.lifted, {"margin": 0.3}),
    "generalised lifted": (losses.GeneralizedLiftedStructLoss, oracle.generalized_lifted, {}),
    "generalised lifted, narrow": (
        losses.GeneralizedLiftedStructLoss,
        oracle.generalized_lifted,
        {"neg_margin": 0.2, "pos_margin": 1.0},
    ),
    "triplet": (losses.TripletLoss, oracle.triplet, {"margin": 0.3}),
    "variance": (losses.IntraPairVarianceLoss, oracle.intra_pair_variance, {}),
    "ranked list": (losses.RankedListLoss, oracle.ranked_list, {}),
    "ranked list, Tp": (
        losses.RankedListLoss,
        oracle.ranked_list,
        {"Tp": 2.0, "Tn": 1.0, "alpha": 1.4, "margin": 0.9},
    ),
    "PN": (losses.PNLoss, oracle.pn, {}),
    "PN hard": (losses.PNLoss, oracle.pn, {"negatives": "hard"}),
    "PN easy": (losses.PNLoss, oracle.pn, {"negatives": "easy"}),
    "PN, easy positives": (losses.PNLoss, oracle.pn, {"positives": "easy"}),
    "PN, margin": (
        losses.PNLoss,
        oracle.pn,
        {"positives": "easy", "negatives": "hard", "margin": 0.3},
    ),
    "dynamic": (losses.DynamicSoftMarginLoss, oracle.dynamic_soft_margin, {}),
    "dynamic 7": (
        losses.DynamicSoftMarginLoss,
        oracle.dynamic_soft_margin,
        {"min_val": -3.0, "num_bins": 7},
    ),
    "threshold": (
        losses.ThresholdConsistentMarginLoss,
        oracle.threshold_consistent_margin,
        {},
    ),
    "histogram": (losses.HistogramLoss, oracle.histogram, {}),
    "histogram 9": (losses.HistogramLoss, oracle.histogram, {"num_bins": 9}),
    "FastAP": (losses.FastAPLoss, oracle.fast_ap, {}),
    "FastAP 25": (losses.FastAPLoss, oracle.fast_ap, {"num_bins": 25}),
    "SmoothAP": (losses.SmoothAPLoss, oracle.smooth_ap, {}),
    "SmoothAP 0.2": (losses.SmoothAPLoss, oracle.smooth_ap, {"temperature": 0.2}),
    **{
        f"PNP {variant}": (
            losses.PNPLoss,
            oracle.pnp,
            {"variant": variant, "anneal": 0.1, "b": 1.5, "alpha": 3.0},
        )
        for variant in ("O", "Iu", "Ib", "Ds", "Dq")
    },
}


@pytest.mark.parametrize("name", CASES)
def test_a_plain_loop_gives_the_same(name):
    cls, loop, arguments = CASES[name]
    x = embeddings_for(cls)
    expected = loop(LABELS, x, **arguments)
    np.testing.assert_allclose(float(cls(**arguments)(LABELS, x)), expected, rtol=2e-5)


# Of each loss with `miner=` the last case, which has arguments of its own.
MINED = {
    cls: (loop, arguments)
    for cls, loop, arguments in CASES.values()
    if issubclass(cls, losses._pair_loss.MinedLoss)
}


@slow_on_jax
@pytest.mark.parametrize("cls", MINED, ids=lambda cls: cls.__name__)
def test_a_miner_leaves_the_plain_loop_its_pairs(cls):
    loop, arguments = MINED[cls]
    x = embeddings_for(cls)
    loss = cls(**arguments, miner=miners.MultiSimilarityMiner(0.05))
    same = LABELS[:, None] == LABELS[None]
    masks = tuple(map(to_numpy, miners.MultiSimilarityMiner(0.05, loss.distance)(LABELS, x)))
    dropped = same & ~np.eye(len(x), dtype=bool) & ~masks[0], ~same & ~masks[1]
    assert all(mask.any() for mask in (*masks, *dropped))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
    assert loss.get_config()["miner"]["config"]["epsilon"] == 0.05
    got = loss_value(again, LABELS, x)
    np.testing.assert_allclose(got, loop(masks, x, **arguments), rtol=2e-5)


def test_every_loss_has_a_plain_loop():
    here = {cls for cls, *_ in CASES.values()}
    in_files_of_their_own = {
        losses.TripletSemiHardLoss,
        losses.TripletHardLoss,
        losses.ContrastiveLoss,
        losses.TripletMarginLoss,
    }
    assert here | in_files_of_their_own | set(PROXIES) | set(VIEWS) == set(public_losses())
    assert set(MINED) == set(public_losses(losses._pair_loss.MinedLoss))


def test_smooth_average_precision_is_average_precision_in_the_limit():
    x = np.stack([np.cos([0.0, 0.1, 0.3, 0.6, 1.0]), np.sin([0.0, 0.1, 0.3, 0.6, 1.0])], 1)
    labels = np.array([0, 1, 0, 1, 0])
    loss = losses.SmoothAPLoss(temperature=1e-5, reduction="none")
    # From the ends N P N P: (1/2 + 2/4) / 2. Those of the second class N N P N: 1/3.
    got = 1.0 - to_numpy(loss(labels, x.astype("float32")))
    np.testing.assert_allclose(got[[0, 1, 3, 4]], [1 / 2, 1 / 3, 1 / 3, 1 / 2], rtol=1e-4)


def test_reference_embeddings_count_in_the_threshold_loss():
    loss = losses.ThresholdConsistentMarginLoss()
    x = np.array([[1.0, 0.0]], "float32")
    refs = np.array([[0.6, 0.8], [0.8, -0.6]], "float32")
    # 0.9 - 0.6 of the positive, 0.8 - 0.5 of the negative.
    got = loss(np.array([0]), x, ref_embeddings=refs, ref_labels=np.array([0, 1]))
    np.testing.assert_allclose(float(got), 0.6, rtol=1e-5)


X4, LABELS4 = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]], "float32"), [0, 0, 1, 1]
# Cosines of neighbours 0.8, 0.96, 0.8, of next but one 0.6, 0.6, of the ends 0.


def by_hand(name):
    sigmoid = lambda t: 1 / (1 + np.exp(-t))  # noqa: E731
    log = np.log
    # From the ends: positive 0.8, negatives 0.6 and 0. From the middle: 0.8, 0.96 and 0.6.
    outer = sigmoid((0.6 - 0.8) / 0.1) + sigmoid((0.0 - 0.8) / 0.1)
    inner = sigmoid((0.96 - 0.8) / 0.1) + sigmoid((0.6 - 0.8) / 0.1)
    # Squared distances are 2 - 2 cosine: 0.4, 0.08, 0.8, 2; in bins of 0.4: 1, 0.2, 2, 5.
    return {
        "SmoothAP": 1 - (1 / (1 + outer) + 1 / (1 + inner)) / 2,
        "PNP O": (outer + inner) / 2,
        "PNP Ds": (log(1 + outer) + log(1 + inner)) / 2,
        # The middle: bin 0 holds 0.8 of the negative at 0.2, bin 1 its 0.2 and the positive.
        "FastAP": 1 - (1 + 1 / 2) / 2,
        # Cosines in bins of 0.5 from -1: 0.8 at 3.6, so 0.4 up to edge 3 and 1 up to 4.
        # Negatives 0.6 (3.2: 0.8 at 3, 0.2 at 4), 0 (2) and 0.96 (3.92), 0.6 an anchor each.
        "histogram": (2 * (0.8 * 0.4 + 0.2 * 1) + 0 + 0.08 * 0.4 + 0.92 * 1) / 4,
        # Both middle negatives break 0.5: 0.96 once and 0.6 twice, each from two ends.
        "threshold": 0.1 + (0.46 + 2 * 0.1) / 3,
        # Positives all at their mean; negatives' mean is (0.96 + 1.2 + 0) / 4 = 0.54.
        "variance": ((0.96 - 0.54) ** 2 + 2 * (0.6 - 0.54) ** 2) / 4,
        "angular": (2 * log(1 + (np.exp(4 * 1.56 - 3.2) + np.exp(4 * 0.6 - 3.2)))) / 2,
        # cos(angle - 90 degrees) is the sine, 0.6.
        "tuplet": (log(1 + np.exp(0.0) + np.exp(-0.6)) + log(1 + np.exp(0.36) + np.exp(0.0))) / 2,
        # alpha 1, beta 2 and base 0.6: 0.2 above it the positive, 0, -0.6 and 0.36 negatives.
        "multi-similarity": log(1 + np.exp(-0.2))
        + (log(2 + np.exp(-1.2)) + log(2 + np.exp(0.72))) / 4,
        # m 0.5, gamma 1: the positive (1.5 - 0.8) (0.8 - 0.5), negatives (s + 0.5) (s - 0.5).
        "circle": (
            log(1 + np.exp(-0.21) * (np.exp(0.11) + np.exp(-0.25)))
            + log(1 + np.exp(-0.21) * (np.exp(0.6716) + np.exp(0.11)))
        )
        / 2,
        # Cosine distances 0.2 and 0.4, 1 | 0.04, 0.4, all less than the margin of 1.
        "generalised lifted": 0.2 + (log(np.exp(0.6) + 1) + log(np.exp(0.96) + np.exp(0.6))) / 2,
        "decoupled": (log(np.exp(0.6) + 1) + log(np.exp(0.96) + np.exp(0.6))) / 2 - 0.8,
        # Beyond 0.3 - 0.2 every positive by 0.1, in two triplets each; within 0.3 + 0.2 the
        # negative at 0.04 by 0.46, from two anchors, those at 0.4 by 0.1, from all four.
        "margin": (8 * 0.1 + 2 * 0.46 + 4 * 0.1) / 14,
        # Distances are 1 - cosine: positive 0.2; the ends' nearest farther negative is 0.4
        # away and 0.04 from the positive; the middle's is 0.4 away, 1 from the positive.
        "PN": (log(1 + np.exp(0.2 - 0.04)) + log(1 + np.exp(0.2 - 0.4))) / 2,
    }[name]


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("SmoothAP", losses.SmoothAPLoss(temperature=0.1)),
        ("PNP O", losses.PNPLoss(anneal=0.1)),
        ("PNP Ds", losses.PNPLoss(anneal=0.1, variant="Ds")),
        ("FastAP", losses.FastAPLoss(num_bins=10)),
        ("histogram", losses.HistogramLoss(num_bins=4)),
        ("threshold", losses.ThresholdConsistentMarginLoss()),
        ("variance", losses.IntraPairVarianceLoss(pos_eps=0.0, neg_eps=0.0)),
        ("angular", losses.AngularLoss(alpha=45.0)),
        ("tuplet", losses.TupletMarginLoss(margin=90.0, scale=1.0)),
        ("multi-similarity", losses.MultiSimilarityLoss(1.0, 2.0, 0.6)),
        ("circle", losses.CircleLoss(m=0.5, gamma=1.0)),
        ("generalised lifted", losses.GeneralizedLiftedStructLoss(distance="cosine")),
        ("decoupled", losses.DecoupledContrastiveLoss(temperature=1.0)),
        ("margin", losses.MarginLoss(0.2, 0.3, distance="cosine")),
        ("PN", losses.PNLoss()),
    ],
)
def test_by_hand(name, loss):
    np.testing.assert_allclose(float(loss(LABELS4, X4)), by_hand(name), rtol=1e-5)


def test_the_easiest_positive_by_hand():
    x = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
    # Nearest positives 1, 1, 2; the negative is 7 (6 from the positive), 6 (7) and 4 (6) away.
    loss = losses.PNLoss("easy", margin=6.0, distance="L2")
    expected = ((1 - 6 + 6) + (1 - 6 + 6) + (2 - 4 + 6)) / 3
    np.testing.assert_allclose(float(loss([0, 0, 0, 1], x)), expected, rtol=1e-5)


def test_ranked_list_and_dynamic_margin_by_hand():
    x = np.array([[0.0], [1.0], [3.0], [7.0]], "float32")
    # Within 2.5 of an anchor: negatives 2 away from 1 and from 3; weights of one are 1.
    # Positives beyond 0.5: 1, 1, 4, 4.
    got = losses.RankedListLoss(margin=2.0, alpha=2.5, imbalance=0.25)(LABELS4, x)
    np.testing.assert_allclose(float(got), (0.75 * 8.0 + 0.25 * 1.0) / 4, rtol=1e-5)
    # Gaps -1, -1, 2, 2 in bins of 1.5 from -3: 1.33 and 3.33. A third of each moves up:
    # up to edge 1 a third, to edge 2 half, to edge 3 half + a third.
    got = losses.DynamicSoftMarginLoss(min_val=-3.0, num_bins=4)(LABELS4, x)
    np.testing.assert_allclose(float(got), (-1 / 3 + 2 * (1 / 2 + 1 / 3)) / 2, rtol=1e-5)


def test_gradient_of_the_dynamic_margin_is_the_derivative_with_its_weights_frozen():
    loss, x = losses.DynamicSoftMarginLoss(), UNIT.astype("float64")
    _, gradient = value_and_gradient(lambda x: loss(LABELS, x), UNIT)
    gaps = oracle.soft_margin_gaps(LABELS, x)
    frozen = oracle.soft_margin_weights(gaps, loss.min_val, loss.num_bins)
    slopes = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        nudge = np.zeros_like(x)
        nudge[place] = 1e-6
        change = oracle.soft_margin_gaps(LABELS, x + nudge)
        change -= oracle.soft_margin_gaps(LABELS, x - nudge)
        slopes[place] = np.mean(frozen * change) / 2e-6
    np.testing.assert_allclose(gradient, slopes, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.PNLoss(positives="hardest"), "Did you mean 'hard'"),
        (lambda: losses.PNLoss(negatives="semihard"), "Did you mean 'semi-hard'"),
        (lambda: losses.PNLoss(margin=0), "margin must be greater than 0.*margin=0"),
        (lambda: losses.AngularLoss(alpha=80), "alpha must be from 1 to 60.*alpha=80"),
        (lambda: losses.TupletMarginLoss(margin=-1), "margin must be from 0 to 90.*margin=-1"),
        (lambda: losses.IntraPairVarianceLoss(pos_eps=2), "pos_eps must be from 0 to 1"),
        (lambda: losses.RankedListLoss(imbalance=1.5), "imbalance must be from 0 to 1"),
        (lambda: losses.DynamicSoftMarginLoss(min_val=1), "min_val must be below 0.*min_val=1"),
        (lambda: losses.DynamicSoftMarginLoss(num_bins=0), "num_bins must be a positive integer"),
        (lambda: losses.ThresholdConsistentMarginLoss(margin_plus=2), "margin_plus must be from"),
        (lambda: losses.HistogramLoss(num_bins=2.5), "positive integer. Received: num_bins=2.5"),
        (lambda: losses.FastAPLoss(num_bins=True), "positive integer. Received: num_bins=True"),
        (lambda: losses.MarginLoss(margin=-1), "margin must be at least 0.*margin=-1"),
        (lambda: losses.MarginLoss(num_classes=3), "beta=None. Received: beta=1.2, num_classes=3"),
        (lambda: losses.MarginLoss(beta=None, num_classes=0), "num_classes must be a positive"),
        (lambda: losses.MarginLoss(miner="batch-hard"), "Did you mean 'batch_hard'"),
        (lambda: losses.DecoupledContrastiveLoss(temperature=-1), "temperature must be greater"),
        (lambda: losses.DecoupledContrastiveLoss(weight_scale=0), "weight_scale must be greater"),
        (lambda: losses.SmoothAPLoss(temperature=0), "temperature must be greater than 0"),
        (lambda: losses.PNPLoss(variant="Dp"), "known are 'O', 'Iu', 'Ib', 'Ds', 'Dq'"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
