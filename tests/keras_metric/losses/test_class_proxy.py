"""What every loss on class proxies promises; a loss joins by being public."""

import functools
import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import losses
from keras_metric.layers import ProxyHead
from keras_metric.losses import ClassProxyLoss
from tests.backends import to_numpy, value_and_gradient
from tests.keras_metric.losses.cases import public_losses
from tests.oracles import proxies as oracle

PROXY = public_losses(ClassProxyLoss)
every_loss = pytest.mark.parametrize("cls", PROXY, ids=lambda cls: cls.__name__)
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 5, 12)
X = RNG.normal(size=(12, 6)).astype("float32")

OTHER = {
    "ArcFaceLoss": {"margin": 20.0, "scale": 8.0},
    "SubCenterArcFaceLoss": {"margin": 20.0, "scale": 8.0},
    "CosFaceLoss": {"margin": 0.2, "scale": 8.0},
    "NormalizedSoftmaxLoss": {"temperature": 0.5},
    "ProxyNCALoss": {"softmax_scale": 3.0},
    "SoftTripleLoss": {"scale": 8.0, "gamma": 0.3, "margin": 0.1},
    "ProxyAnchorLoss": {"margin": 0.2, "alpha": 8.0},
    "LargeMarginSoftmaxLoss": {"margin": 3, "scale": 2.0},
    "SphereFaceLoss": {"margin": 3, "scale": 2.0},
}


def head_of(cls, **kwargs):
    if cls is losses.SphereFaceLoss:
        return ProxyHead(5, lengths="embedding", **kwargs)
    if cls is losses.LargeMarginSoftmaxLoss:
        return ProxyHead(5, lengths="both", **kwargs)
    several = cls in (losses.SubCenterArcFaceLoss, losses.SoftTripleLoss)
    return ProxyHead(5, centers_per_class=3 if several else 1, **kwargs)


LOOPS = {
    losses.ArcFaceLoss: oracle.arc_face,
    losses.SubCenterArcFaceLoss: oracle.arc_face,
    losses.CosFaceLoss: oracle.cos_face,
    losses.NormalizedSoftmaxLoss: oracle.normalized_softmax,
    losses.LargeMarginSoftmaxLoss: oracle.large_margin_softmax,
    losses.SphereFaceLoss: oracle.sphere_face,
    losses.ProxyNCALoss: oracle.proxy_nca,
    losses.ProxyAnchorLoss: oracle.proxy_anchor,
    losses.SoftTripleLoss: oracle.soft_triple,
}


def rows_and_proxies():
    """6, 3, 2 and 1 rows of four of five classes, and proxies `(classes, centers, dim)`."""
    rng = np.random.default_rng(1)
    labels = rng.permutation(np.repeat([0, 1, 3, 4], [6, 3, 2, 1]))
    x, proxies = rng.normal(size=(12, 6)), rng.normal(size=(5, 3, 6))
    return labels, x.astype("float32"), proxies.astype("float32")


@every_loss
def test_a_plain_loop_gives_the_same(cls):
    labels, x, proxies = rows_and_proxies()
    head = head_of(cls)
    head.build((None, 6))
    proxies = proxies[:, : head.centers_per_class]
    head.proxies.assign(proxies.reshape(-1, 6))
    # So wide that rows are past the angle where the cosine would grow again.
    wide = {"margin": 100.0} if issubclass(cls, losses.ArcFaceLoss) else {}
    similarities = to_numpy(head(x))
    for arguments in ({}, {**OTHER[cls.__name__], **wide}):
        expected = LOOPS[cls](labels, x, proxies, **arguments)
        got = float(cls(**arguments)(labels, similarities))
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_by_hand():
    # Own cosines of 0, 60, 90 and 120 degrees, that to the other proxy 0.
    own = np.array([1.0, 0.5, 0.0, -0.5])
    cosines = np.array([[1, 0], [0.5, 0], [0, 0], [0, -0.5]], "float32")
    log, exp, labels = np.log, np.exp, [0, 0, 1, 1]

    def cross_entropy(logits):
        return np.mean(log(1 + exp(-np.array(logits))))

    # 90, 150 and 180 degrees; 120 is past 180 - 90.
    moved = [0.0, -(0.75**0.5), -1.0, -0.5 - np.pi / 2]
    for loss, logits in (
        (losses.ArcFaceLoss(90.0, 1.0), moved),
        (losses.ArcFaceLoss(90.0, 3.0), np.multiply(3, moved)),
        (losses.CosFaceLoss(0.25, 2.0), 2 * (own - 0.25)),
        (losses.NormalizedSoftmaxLoss(0.5), own / 0.5),
        (losses.ProxyNCALoss(3.0), 3 * (2 - (2 - 2 * own))),  # squared distances 2 - 2 cosine
    ):
        got = float(loss(labels, cosines))
        np.testing.assert_allclose(got, cross_entropy(logits), rtol=1e-5)
    # A second centre for each class: farther than the first, or at cosine 0.
    farther, at_0 = np.stack([cosines, cosines - 1], 2), np.stack([cosines, 0 * cosines], 2)
    got = float(losses.SubCenterArcFaceLoss(90.0, 1.0)(labels, farther))
    np.testing.assert_allclose(got, cross_entropy(moved), rtol=1e-5)
    relaxed = own * exp(own / 0.5) / (exp(own / 0.5) + 1)
    got = float(losses.SoftTripleLoss(2.0, 0.5, 0.25)(labels, at_0))
    np.testing.assert_allclose(got, cross_entropy(2 * (relaxed - 0.25)), rtol=1e-5)
    # Twice the angles: cosines 1, -0.5, -1 and, past 90 degrees, 0.5 - 2; lengths 1 to 4.
    lengths = np.tile(np.array([[1], [2], [3], [4]], "float32"), 2)
    for cls in (losses.LargeMarginSoftmaxLoss, losses.SphereFaceLoss):
        got = float(cls(2, 0.5)(labels, np.stack([cosines, lengths], 2)))
        expected = cross_entropy(0.5 * np.array([1 * 1, 2 * -0.5, 3 * -1, 4 * -1.5]))
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    # Each proxy has two rows of its own and two others, at cosine 0.
    pull = log(1 + exp(2 * 0.1 - 2 * own[:2]).sum()) + log(1 + exp(2 * 0.1 - 2 * own[2:]).sum())
    expected = pull / 2 + log(1 + 2 * exp(2 * 0.1))
    got = float(losses.ProxyAnchorLoss(0.1, 2.0)(labels, cosines))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@every_loss
def test_gradients_are_finite_where_embeddings_meet_proxies(cls):
    rows = np.eye(6, dtype="float32")[[0, 0, 1, 2, 3, 4]]
    x = np.concatenate([rows, -rows, np.zeros((1, 6), "float32"), 1e4 * rows, 1e-4 * rows])
    labels = np.arange(len(x)) % 5
    head = head_of(cls)
    head.build((None, 6))
    centers = head.centers_per_class
    head.proxies.assign(np.repeat(np.eye(6)[:5], centers, axis=0).astype("float32"))
    for dtype in ("float32", "bfloat16", "float16"):
        value, gradient = value_and_gradient(lambda x: cls()(labels, head(x)), x, dtype=dtype)
        assert np.isfinite(value), dtype
        assert np.isfinite(gradient.astype("float32")).all(), dtype


@every_loss
@pytest.mark.parametrize(
    "weights", [None, np.linspace(0.0, 2.0, 12, dtype="float32")], ids=["even", "uneven"]
)
def test_gradient_is_the_derivative(cls, weights):
    # The same on every backend and in any order of tests: where another center becomes the
    # nearest within a step there is no derivative to compare with.
    rng, head = np.random.default_rng(0), head_of(cls)
    head.build((None, 6))
    head.proxies.assign(rng.normal(size=head.proxies.shape).astype("float32"))
    similarities = to_numpy(head(X))
    loss = cls(**OTHER[cls.__name__])
    _, gradient = value_and_gradient(lambda s: loss(LABELS, s, weights), similarities)
    for place in rng.integers(similarities.size, size=8):
        nudge = np.zeros_like(similarities)
        nudge.flat[place] = 5e-3
        up = float(loss(LABELS, similarities + nudge, weights))
        slope = (up - float(loss(LABELS, similarities - nudge, weights))) / 1e-2
        np.testing.assert_allclose(gradient.flat[place], slope, rtol=3e-2, atol=1e-3)


@every_loss
def test_mean_weights_order_and_labels_of_either_shape(cls):
    similarities = to_numpy(head_of(cls)(X))
    shares = to_numpy(cls(reduction="none")(LABELS, similarities))
    assert shares.shape == (12,)
    for labels in (LABELS, LABELS[:, None], LABELS.tolist(), ops.convert_to_tensor(LABELS)):
        np.testing.assert_allclose(float(cls()(labels, similarities)), shares.mean(), rtol=1e-5)
    weights = RNG.uniform(size=12).astype("float32")
    got = float(cls(reduction="sum")(LABELS, similarities, weights))
    np.testing.assert_allclose(got, (weights * shares).sum(), rtol=1e-5)
    order = RNG.permutation(12)
    again = to_numpy(cls(reduction="none")(LABELS[order], similarities[order]))
    np.testing.assert_allclose(again, shares[order], rtol=1e-4, atol=1e-5)


@every_loss
def test_a_weight_of_zero_removes_a_row_altogether(cls):
    similarities = to_numpy(head_of(cls)(X))
    is_kept = LABELS != LABELS[0]  # no row of this class is left, nor every second of the others
    is_kept[::2] = False
    weights = np.where(is_kept, 1.0, 0.0).astype("float32")
    for reduction, factor in (
        ("sum", 1.0),
        ("mean_with_sample_weight", 1.0),
        ("sum_over_batch_size", is_kept.mean()),
    ):
        loss = cls(reduction=reduction)
        expected, slopes = value_and_gradient(
            functools.partial(loss, LABELS[is_kept]), similarities[is_kept]
        )
        value, gradient = value_and_gradient(
            functools.partial(loss, LABELS, sample_weight=weights), similarities
        )
        np.testing.assert_allclose(value, factor * expected, rtol=1e-5)
        np.testing.assert_allclose(gradient[is_kept], factor * slopes, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(gradient[~is_kept], 0.0)


def test_proxy_anchor_splits_a_proxys_term_over_its_rows():
    cosines = np.array([[0.5], [0.2], [-0.1]], "float32")
    weights = np.array([2.0, 0.0, 1.0], "float32")
    e = np.exp(0.1 - np.array([0.5, -0.1]))  # of the two rows of a weight
    # No other class: all rows pull. The two shares of log(1 + sum), times two rows.
    term = np.log(1 + e.sum())
    expected = [2 * 2 * e[0] / e.sum() * term, 0.0, 2 * e[1] / e.sum() * term]
    loss = losses.ProxyAnchorLoss(alpha=1.0, margin=0.1, reduction="none")
    np.testing.assert_allclose(to_numpy(loss([0, 0, 0], cosines, weights)), expected, rtol=1e-5)


@every_loss
def test_configuration_holds_every_argument(cls):
    own = set(inspect.signature(cls.__init__).parameters) - {"self", "name", "kwargs"}
    other = OTHER[cls.__name__]
    assert own == set(other)
    loss = cls(**other, name="mine", reduction="sum", dtype="bfloat16")
    config = loss.get_config()
    assert own | {"name", "reduction", "dtype"} == set(config)
    assert not [key for key, value in cls().get_config().items() if config[key] == value]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == config


@every_loss
def test_fit_save_load_evaluate(cls, tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4), head_of(cls)])
    model.compile(keras.optimizers.Adam(0.05), loss=cls())
    history = model.fit(X, LABELS, batch_size=6, epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    expected = model.evaluate(X, LABELS, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.evaluate(X, LABELS, verbose=0), expected, rtol=1e-6)


@every_loss
def test_bad_input_is_named(cls):
    similarities = to_numpy(head_of(cls)(X))
    with pytest.raises(ValueError, match="labels must be from 0 to 4"):
        cls()(np.arange(12) % 6, similarities)
    with pytest.raises(ValueError, match="Received: 3 values in y_true, 12 rows in y_pred"):
        cls()(LABELS[:3], similarities)
    with pytest.raises(ValueError, match=r"needs similarities of shape \(batch, classes"):
        cls()(LABELS, np.zeros((12, 5, 2, 2), "float32"))
    with pytest.raises(TypeError, match="y_pred of dtype=int"):
        cls()(LABELS, similarities.astype("int32"))
    with pytest.raises(TypeError, match=r"must be numbers from 0; .*y_true of dtype=<U"):
        cls()(LABELS.astype(str), similarities)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only it has string tensors")
def test_tensors_of_strings_are_refused():
    labels = ops.convert_to_tensor(np.array(["a", "b"]))
    with pytest.raises(TypeError, match=r"must be numbers from 0; .*y_true of dtype=string"):
        losses.ArcFaceLoss()(labels, np.zeros((2, 3), "float32"))


def test_likely_mislabelled_by_hand():
    # Class 0: samples 0 to 2 vote for centre 0, sample 3 for centre 1, 84 degrees away.
    to_0 = [[0.9, 0.1], [0.8, 0.0], [0.3, 0.2], [0.1, 0.9]]
    cosines = np.array([[row, [0.0, 0.0]] for row in to_0])
    assert losses.likely_mislabelled(cosines, [0, 0, 0, 0]).tolist() == [3]
    assert losses.likely_mislabelled(cosines, [0, 0, 0, 0], threshold=60).tolist() == [2, 3]
    with pytest.raises(ValueError, match="labels must be from 0 to 1"):
        losses.likely_mislabelled(cosines, [0, 0, 0, 2])


def test_head_shapes_and_errors():
    assert ProxyHead(3, similarity="squared_euclidean")(X).shape == (12, 3)
    with pytest.raises(ValueError, match="num_classes must be a positive integer"):
        ProxyHead(0)
    with pytest.raises(ValueError, match="one centre a class"):
        ProxyHead(3, 2, lengths="both")
    with pytest.raises(ValueError, match="Did you mean 'both'"):
        ProxyHead(3, lengths="boths")
    with pytest.raises(ValueError, match=r"shape \(batch, dim\)"):
        ProxyHead(3)(np.zeros((2, 3, 4), "float32"))


# Their proxies, their own arguments, and their names of ours.
PML = {
    "ArcFaceLoss": ("W", {}, {}),
    "CosFaceLoss": ("W", {}, {}),
    "SubCenterArcFaceLoss": ("W", {}, {}),
    "NormalizedSoftmaxLoss": ("W", {}, {}),
    "LargeMarginSoftmaxLoss": ("W", {}, {}),
    "SphereFaceLoss": ("W", {}, {}),
    "ProxyNCALoss": ("proxies", {}, {}),
    "ProxyAnchorLoss": ("proxies", {}, {}),
    "SoftTripleLoss": ("fc", {"centers_per_class": 3}, {"scale": "la"}),
}


# It hands torch tensors to scipy.
@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")
@every_loss
@pytest.mark.parametrize("is_default", [True, False], ids=["defaults", "others"])
def test_pytorch_metric_learning_agrees(cls, is_default):
    torch = pytest.importorskip("torch")
    pml = pytest.importorskip("pytorch_metric_learning.losses")
    attribute, own, names = PML[cls.__name__]
    ours = {} if is_default else OTHER[cls.__name__]
    same = {names.get(name, name): value for name, value in ours.items()}
    theirs = getattr(pml, cls.__name__)(num_classes=5, embedding_size=6, **own, **same)
    head = head_of(cls)
    head.build((None, 6))
    labels, x, proxies = rows_and_proxies()
    weights = proxies[:, : head.centers_per_class].reshape(-1, 6)
    head.proxies.assign(weights)
    weights = weights if attribute == "proxies" else weights.T.copy()
    getattr(theirs, attribute).data = torch.tensor(weights)
    given = torch.tensor(x, requires_grad=True)
    expected = theirs(given, torch.tensor(labels))
    expected.backward()
    value, gradient = value_and_gradient(lambda x: cls(**ours)(labels, head(x)), x)
    np.testing.assert_allclose(value, expected.item(), rtol=1e-5)
    largest = np.abs(given.grad.numpy()).max()
    np.testing.assert_allclose(gradient, given.grad.numpy(), rtol=0, atol=1e-4 * largest)


def test_likely_mislabelled_are_the_outliers_of_pytorch_metric_learning():
    torch = pytest.importorskip("torch")
    pml = pytest.importorskip("pytorch_metric_learning.losses")
    # The last class has no sample, another only one.
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat(np.arange(4), [30, 1, 17, 25]))
    x, centers = (rng.normal(size=(rows, 6)).astype("float32") for rows in (len(labels), 15))
    head = ProxyHead(5, centers_per_class=3)
    head.build((None, 6))
    head.proxies.assign(centers)
    theirs = pml.SubCenterArcFaceLoss(num_classes=5, embedding_size=6, sub_centers=3)
    theirs.W.data = torch.tensor(centers.T)
    cosines = ops.stop_gradient(head(x))
    found = set()
    for threshold in (30, 60, 75, 90, 120):
        expected, _ = theirs.get_outliers(torch.tensor(x), torch.tensor(labels), threshold)
        got = losses.likely_mislabelled(cosines, labels, threshold)
        assert got.tolist() == sorted(expected.tolist())
        found.add(len(got))
    assert len(found) == 5
