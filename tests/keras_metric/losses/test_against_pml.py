"""Value and gradient against pytorch-metric-learning, wherever it has the loss.

Most of its losses scale embeddings to length 1, so the batches have that length and the
gradients are compared along the sphere. Losses on class proxies: `test_class_proxy.py`.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from keras_metric import losses, miners
from tests.backends import value_and_gradient
from tests.keras_metric.losses.cases import labelled_batch, uneven_batch
from tests.oracles import losses as oracle

torch = pytest.importorskip("torch")
pml = pytest.importorskip("pytorch_metric_learning.losses")


def _hard(peer: Any) -> Callable[[Any, Any], Any]:
    from pytorch_metric_learning import miners, reducers

    loss = peer.TripletMarginLoss(0.2, reducer=reducers.MeanReducer())
    miner = miners.BatchHardMiner()
    return lambda x, labels: loss(x, labels, miner(x, labels))


def _semi_hard(peer: Any) -> Callable[[Any, Any], Any]:
    from pytorch_metric_learning.miners import TripletMarginMiner

    loss, miner = peer.MarginLoss(0.1, beta=0.8), TripletMarginMiner(0.3, "semihard")
    return lambda x, labels: loss(x, labels, miner(x, labels))


# Ours, theirs.
PEERS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "NTXent": (losses.NTXentLoss(), lambda m: m.NTXentLoss()),
    "NTXent, warm": (losses.NTXentLoss(temperature=0.5), lambda m: m.NTXentLoss(0.5)),
    "SupCon": (losses.SupConLoss(), lambda m: m.SupConLoss()),
    "multi-similarity": (losses.MultiSimilarityLoss(), lambda m: m.MultiSimilarityLoss()),
    "circle": (losses.CircleLoss(), lambda m: m.CircleLoss()),
    "NCA": (losses.NCALoss(2.0), lambda m: m.NCALoss(2.0)),
    "soft nearest neighbour": (losses.SoftNearestNeighborLoss(0.25), lambda m: m.NCALoss(4.0)),
    "lifted": (losses.LiftedStructLoss(), lambda m: m.LiftedStructureLoss()),
    "generalised lifted": (
        losses.GeneralizedLiftedStructLoss(1.2, 0.1),
        lambda m: m.GeneralizedLiftedStructureLoss(1.2, 0.1),
    ),
    "contrastive": (
        losses.ContrastivePairsLoss(0.1, 1.2),
        lambda m: m.ContrastiveLoss(0.1, 1.2),
    ),
    "batch hard": (losses.TripletHardLoss(0.2), _hard),
    "margin": (losses.MarginLoss(), lambda m: m.MarginLoss()),
    "margin, narrow": (
        losses.MarginLoss(0.1, 0.8, miner=miners.TripletMarginMiner(0.3, "semi-hard")),
        _semi_hard,
    ),
    "angular": (losses.AngularLoss(), lambda m: m.AngularLoss()),
    "tuplet": (losses.TupletMarginLoss(), lambda m: m.TupletMarginLoss()),
    "tuplet, 20 degrees": (
        losses.TupletMarginLoss(20.0, 8.0),
        lambda m: m.TupletMarginLoss(20.0, 8.0),
    ),
    "variance": (losses.IntraPairVarianceLoss(), lambda m: m.IntraPairVarianceLoss()),
    "threshold": (
        losses.ThresholdConsistentMarginLoss(),
        lambda m: m.ThresholdConsistentMarginLoss(),
    ),
    "histogram": (losses.HistogramLoss(), lambda m: m.HistogramLoss()),
    "histogram, 12 bins": (losses.HistogramLoss(12), lambda m: m.HistogramLoss(12)),
    "FastAP": (losses.FastAPLoss(), lambda m: m.FastAPLoss()),
    "FastAP, 25 bins": (losses.FastAPLoss(25), lambda m: m.FastAPLoss(25)),
}


# What theirs makes of rows without a positive is shown by a test of its own.
WRONG_ON_LONE_ROWS = {"generalised lifted", "histogram", "histogram, 12 bins"}

# Ours by theirs, where the names differ or where ours of that name is TensorFlow Addons'.
NAMES = {
    "ContrastiveLoss": "ContrastivePairsLoss",
    "GeneralizedLiftedStructureLoss": "GeneralizedLiftedStructLoss",
    "TripletMarginLoss": "TripletLoss",
}


def _defaults(cls: Any) -> dict[str, Any]:
    parameters = inspect.signature(cls.__init__).parameters.items()
    return {name: p.default for name, p in parameters if p.default is not p.empty}


def test_defaults_are_the_same():
    compared = 0
    for name, cls in vars(pml).items():
        ours = getattr(losses, NAMES.get(name, name), None)
        if ours is None or name.startswith("Lifted"):
            continue
        mine, other = _defaults(ours), _defaults(cls)
        for key in mine.keys() & other.keys() - {"num_classes"}:
            assert mine[key] == other[key], (name, key)
            compared += 1
    assert compared >= 35


def theirs(loss: Any, labels: Any, x: Any, **kwargs: Any) -> tuple[float, np.ndarray]:
    given = torch.tensor(x, requires_grad=True)
    value = loss(given, torch.tensor(labels), **kwargs)
    value.backward()
    return value.item(), given.grad.numpy()


def along_the_sphere(x: Any, gradient: Any) -> Any:
    return gradient - x * (x * gradient).sum(1, keepdims=True)


def assert_agree(got: Any, expected: Any, x: Any, rtol: float = 1e-5) -> None:
    np.testing.assert_allclose(got[0], expected[0], rtol=rtol)
    got, expected = along_the_sphere(x, got[1]), along_the_sphere(x, expected[1])
    np.testing.assert_allclose(got, expected, rtol=0, atol=10 * rtol * np.abs(expected).max())


# Its histogram loss indexes with lists.
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("sizes", [(4, 4, 4), (1, 1, 2, 3, 6, 11)], ids=["even", "uneven"])
def test_the_same_value_and_gradient(name, sizes):
    ours, build = PEERS[name]
    if name in WRONG_ON_LONE_ROWS:
        sizes = tuple(size for size in sizes if size > 1)
    labels, x = uneven_batch(sizes)
    got = value_and_gradient(lambda x: ours(labels, x), x)
    assert_agree(got, theirs(build(pml), labels, x), x)


def test_generalised_lifted_of_theirs_costs_rows_that_have_no_positive():
    labels, x = uneven_batch()
    value, _ = theirs(pml.GeneralizedLiftedStructureLoss(1.2, 0.1), labels, x)
    # Their positives' part is 0 there, the logarithm of a sum of 1, and all rows are averaged.
    with_positive = np.bincount(labels)[labels] > 1
    ours = losses.GeneralizedLiftedStructLoss(1.2, 0.1)(labels, x)
    total = float(ours) * with_positive.sum()
    for row in np.flatnonzero(~with_positive):
        distances = np.delete(oracle.euclidean(x)[row], row)
        total += max(0.0, np.log(np.exp(1.2 - distances).sum()))
    np.testing.assert_allclose(value, total / len(x), rtol=1e-5)


# Its histogram loss indexes with lists.
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
def test_histogram_of_theirs_leaves_out_pairs_that_are_in_no_triplet():
    labels, x = uneven_batch()
    is_lone = np.bincount(labels)[labels] == 1
    same = labels[:, None] == labels[None]
    masks = {"is_positive": same, "is_negative": ~same & ~(is_lone[:, None] & is_lone[None])}
    got = value_and_gradient(lambda x: losses.HistogramLoss()(None, x, **masks), x)
    assert_agree(got, theirs(pml.HistogramLoss(), labels, x), x)


def test_multi_similarity_of_theirs_averages_rows_that_the_miner_left_without_a_pair():
    from pytorch_metric_learning.miners import MultiSimilarityMiner

    labels, x = uneven_batch()
    mined = MultiSimilarityMiner(0.05)(torch.tensor(x), torch.tensor(labels))
    num_left = len(np.unique(np.concatenate([mined[0], mined[2]])))
    assert num_left < len(x)
    peer = pml.MultiSimilarityLoss()
    value, gradient = theirs(lambda x, labels: peer(x, labels, mined), labels, x)
    ours = losses.MultiSimilarityLoss(miner=miners.MultiSimilarityMiner(0.05))
    got = value_and_gradient(lambda x: ours(labels, x), x)
    share = num_left / len(x)
    assert_agree((share * got[0], share * got[1]), (value, gradient), x)


def sorted_batch() -> tuple[np.ndarray, np.ndarray]:
    """Four classes of four, sorted: the only batches its SmoothAP is right for."""
    labels, rng = np.repeat(np.arange(4), 4), np.random.default_rng(4)
    x = 1.2 * np.eye(4, 6)[labels] + 0.6 * rng.normal(size=(16, 6))
    return labels, (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32")


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        (losses.SmoothAPLoss(), pml.SmoothAPLoss()),
        (losses.SmoothAPLoss(0.1), pml.SmoothAPLoss(0.1)),
        *(
            (losses.PNPLoss(3.0, 2.0, 0.1, variant), pml.PNPLoss(3.0, 2.0, 0.1, variant))
            for variant in ("O", "Iu", "Ib", "Ds", "Dq")
        ),
    ],
)
def test_rankings_that_hold_the_anchor_itself(ours, peer):
    # They rank the anchor as its own positive. Given as a reference it is one here as well, of
    # rows without another positive too, which they leave out.
    is_sorted = isinstance(ours, losses.SmoothAPLoss)
    labels, x = sorted_batch() if is_sorted else uneven_batch((2, 3, 6, 11))
    got = value_and_gradient(lambda x: ours(labels, x, ref_embeddings=x, ref_labels=labels), x)
    assert_agree(got, theirs(peer, labels, x), x, rtol=2e-5)


def test_smooth_ap_of_theirs_depends_on_the_order_of_the_batch():
    labels, x = sorted_batch()
    order = np.random.default_rng(0).permutation(16)
    values = [theirs(pml.SmoothAPLoss(), labels[o], x[o])[0] for o in (slice(None), order)]
    assert abs(values[0] - values[1]) > 1e-3
    ours = [float(losses.SmoothAPLoss()(labels[o], x[o])) for o in (slice(None), order)]
    np.testing.assert_allclose(ours[0], ours[1], rtol=1e-5)


# It warns of sharp weights.
@pytest.mark.filterwarnings("ignore:Values of Tp or Tn are too high:UserWarning")
def test_ranked_list_but_for_what_theirs_adds_to_the_weights():
    labels, x = uneven_batch()
    value, gradient = theirs(pml.RankedListLoss(0.4, 10.0, alpha=1.2), labels, x)
    # It adds 1e-5 for each column to each sum of weights.
    expected = oracle.ranked_list(labels, x, extra=1e-5 * len(x))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    got = value_and_gradient(lambda x: losses.RankedListLoss()(labels, x), x)
    np.testing.assert_allclose(got[0], expected, rtol=1e-4)
    along, atol = along_the_sphere(x, got[1]), 2e-4 * np.abs(gradient).max()
    np.testing.assert_allclose(along, gradient, rtol=0, atol=atol)


def test_dynamic_margin_on_two_views():
    rng = np.random.default_rng(5)
    x, refs = rng.normal(size=(2, 12, 5))
    refs = x + 0.4 * refs
    x, refs = ((v / np.linalg.norm(v, axis=1, keepdims=True)).astype("float32") for v in (x, refs))
    peer = pml.DynamicSoftMarginLoss()
    expected = peer(torch.tensor(x), ref_emb=torch.tensor(refs)).item()
    got = losses.DynamicSoftMarginLoss()(
        None, x, ref_embeddings=refs, is_positive=np.eye(12, dtype=bool)
    )
    np.testing.assert_allclose(float(got), expected, rtol=1e-5)
    # Its gradient cannot be asked for: it overwrites the distances it needs for that.
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        peer(torch.tensor(x, requires_grad=True), ref_emb=torch.tensor(refs)).backward()


def test_semi_hard_is_another_set_of_triplets_there():
    from pytorch_metric_learning import miners

    # One positive at 0.3; negatives at 0.4 and at 0.45: theirs are two triplets, TFA's
    # and ours is the nearest alone: 0.3 - 0.4 + 0.2.
    x = np.array([[0.0], [0.3], [0.4], [-0.45]], "float32")
    labels = np.array([0, 0, 1, 2])
    from pytorch_metric_learning.distances import LpDistance

    miner = miners.TripletMarginMiner(
        0.2, "semihard", distance=LpDistance(normalize_embeddings=False)
    )
    anchors = miner(torch.tensor(x), torch.tensor(labels))[0]
    assert (anchors == 0).sum() == 2
    got = losses.TripletSemiHardLoss(0.2, reduction="none")(labels, x)
    # Two pairs take part in a batch of 4, so values are doubled.
    np.testing.assert_allclose(keras.ops.convert_to_numpy(got)[0], 2 * 0.1, rtol=1e-5)


def test_theirs_ignores_reference_embeddings_in_the_threshold_loss():
    labels, x = labelled_batch(seed=2)
    ref_labels, refs = labelled_batch(seed=9)
    loss = losses.ThresholdConsistentMarginLoss()
    peer = pml.ThresholdConsistentMarginLoss()
    given = {"ref_emb": torch.tensor(refs), "ref_labels": torch.tensor(ref_labels)}
    ignoring = peer(torch.tensor(x), torch.tensor(labels), **given).item()
    got = float(loss(labels, x, ref_embeddings=refs, ref_labels=ref_labels))
    assert abs(got - ignoring) > 1e-3
    cosines = x @ refs.T
    same = labels[:, None] == ref_labels[None]
    below, above = 0.9 - cosines[same], cosines[~same] - 0.5
    np.testing.assert_allclose(got, below[below >= 0].mean() + above[above >= 0].mean(), rtol=1e-5)


def test_learned_margins_of_each_class():
    labels, x = labelled_batch(seed=2, size=12)
    betas = np.array([0.9, 1.2, 0.7], "float32")
    peer = pml.MarginLoss(learn_beta=True, num_classes=3)
    peer.beta.data = torch.tensor(betas)
    expected = theirs(peer, labels, x)
    ours = losses.MarginLoss(beta=None, num_classes=3)
    both = np.concatenate([x, np.tile(betas, (12, 1))], axis=1)
    value, gradient = value_and_gradient(lambda both: ours(labels, both), both)
    assert_agree((value, gradient[:, :6]), expected, x)
    by_class = gradient[:, 6:].sum(0)
    np.testing.assert_allclose(by_class, peer.beta.grad.numpy(), rtol=1e-4, atol=1e-5)


def two_views(size: int = 12) -> np.ndarray:
    rng = np.random.default_rng(5)
    views = rng.normal(size=(size, 1, 5)) + 0.4 * rng.normal(size=(size, 2, 5))
    return (views / np.linalg.norm(views, axis=2, keepdims=True)).astype("float32")


def of_views(loss: Any, views: np.ndarray) -> tuple[float, np.ndarray]:
    given = torch.tensor(views, requires_grad=True)
    value = loss(given)
    value.backward()
    return value.item(), given.grad.numpy()


VIEWS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "InfoNCE": (
        losses.InfoNCELoss(),
        lambda v: pml.SelfSupervisedLoss(pml.NTXentLoss(), symmetric=False)(v[:, 0], v[:, 1]),
    ),
    "n-pairs": (
        losses.NpairsLoss(),
        lambda v: pml.NPairsLoss()(
            torch.cat([v[:, 0], v[:, 1]]), torch.arange(len(v)).repeat(2), _pairs(len(v))
        ),
    ),
    "VICReg": (losses.VICRegLoss(), lambda v: pml.VICRegLoss()(v[:, 0], ref_emb=v[:, 1])),
}


def _pairs(size: int) -> tuple[Any, ...]:
    first = torch.arange(size)
    return first, first + size, first[:0], first[:0]


@pytest.mark.parametrize("name", VIEWS)
def test_losses_on_two_views(name):
    ours, peer = VIEWS[name]
    views = two_views() if name != "VICReg" else 3.0 * two_views()
    got = value_and_gradient(lambda views: ours(None, views), views)
    expected = of_views(peer, views)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-5)
    if name == "VICReg":
        np.testing.assert_allclose(got[1], expected[1], rtol=1e-4, atol=1e-4)
        return
    for view in (0, 1):
        ours_along, theirs_along = (
            along_the_sphere(views[:, view], gradient[:, view])
            for gradient in (got[1], expected[1])
        )
        np.testing.assert_allclose(ours_along, theirs_along, rtol=1e-4, atol=1e-4)


def test_one_label_a_row_is_its_supervised_contrastive_loss():
    labels, x = labelled_batch(seed=2, size=12)
    ours = losses.SupConMultilabelLoss()
    got = value_and_gradient(lambda x: ours(np.eye(3, dtype=int)[labels], x), x)
    assert_agree(got, theirs(pml.SupConLoss(), labels, x), x)
