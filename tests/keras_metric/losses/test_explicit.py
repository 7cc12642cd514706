"""The losses on explicit pairs and triplets."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric.losses import ContrastiveLoss, TripletMarginLoss
from tests.backends import to_numpy, value_and_gradient
from tests.keras_metric.losses.cases import SECOND_NAMES
from tests.oracles import distances as oracle

PAIRS = np.array([[[0.0, 0.0], [0.3, 0.4]], [[1.0, 1.0], [1.0, 1.2]]], "float32")
TRIPLETS = np.array([[[0.0], [1.0], [3.0]], [[0.0], [2.0], [2.5]]], "float32")

# A loss, its targets and its three kinds of input.
OTHER_ARGUMENTS = {
    ContrastiveLoss: {"margin": 0.3, "distance": "cosine"},
    TripletMarginLoss: {"margin": 0.3, "soft": True, "swap": True, "distance": "cosine"},
}
both = pytest.mark.parametrize("cls", OTHER_ARGUMENTS, ids=lambda cls: cls.__name__)


def example(cls, size=6, dim=4, stacked=True):
    rng = np.random.default_rng(0)
    parts = 2 if cls is ContrastiveLoss else 3
    x = rng.normal(size=(size, parts, dim)).astype("float32")
    if not stacked:
        x = rng.uniform(0.1, 1.0, (size, parts - 1)).astype("float32")
    return np.arange(size) % 2, x


def test_contrastive_by_hand():
    loss = ContrastiveLoss(margin=2.0, reduction="none")
    y, d = np.array([1, 0, 0, 1]), np.array([0.5, 0.5, 3.0, 0.0], "float32")
    # 0.5^2, (2 - 0.5)^2, nothing beyond the margin, 0.
    expected = [0.25, 2.25, 0.0, 0.0]
    for targets in (y, y[:, None], y.tolist(), y.astype(bool), ops.convert_to_tensor(y)):
        for given in (d, d[:, None]):
            np.testing.assert_allclose(to_numpy(loss(targets, given)), expected)
    # Distances 0.5 (3-4-5) and 0.2; (1 - 0.2)^2.
    got = ContrastiveLoss(reduction="none")(np.array([1, 0]), PAIRS)
    np.testing.assert_allclose(to_numpy(got), [0.25, 0.64], rtol=1e-5)


def test_triplet_margin_by_hand():
    distances = np.array([[0.5, 0.9], [0.1, 2.0], [3.0, 1.0]], "float32")
    loss = TripletMarginLoss(reduction="none")
    np.testing.assert_allclose(to_numpy(loss(None, distances)), [0.6, 0.0, 3.0], rtol=1e-6)
    soft = TripletMarginLoss(soft=True, reduction="none")(None, distances)
    np.testing.assert_allclose(to_numpy(soft), np.log1p(np.exp([0.6, -0.9, 3.0])), rtol=1e-5)
    # 1 - 3 + 2.5 and 2 - 2.5 + 2.5; from the positives the negatives are 2 and 0.5 away.
    got = TripletMarginLoss(2.5, reduction="none")(None, TRIPLETS)
    np.testing.assert_allclose(to_numpy(got), [0.5, 2.0])
    got = TripletMarginLoss(2.5, swap=True, reduction="none")(None, TRIPLETS)
    np.testing.assert_allclose(to_numpy(got), [1.5, 4.0])


@pytest.mark.parametrize(
    "y_true", [None, 3, ["a", "b"], np.zeros((5, 5)), [1, 2, 3], {"a": 1}], ids=str
)
def test_triplet_margin_ignores_its_targets(y_true):
    np.testing.assert_allclose(float(TripletMarginLoss(2.5)(y_true, TRIPLETS)), 1.25)


@pytest.mark.parametrize("name", oracle.PAIRWISE)
def test_every_distance(name):
    y, x = example(ContrastiveLoss)
    d = np.diag(oracle.PAIRWISE[name](x[:, 0], x[:, 1]))
    terms = [di**2 if yi else max(1.0 - di, 0.0) ** 2 for yi, di in zip(y, d, strict=True)]
    got = ContrastiveLoss(distance=name, reduction="none")(y, x)
    np.testing.assert_allclose(to_numpy(got), terms, rtol=1e-4)
    _, x = example(TripletMarginLoss)
    to_positive, to_negative = (np.diag(oracle.PAIRWISE[name](x[:, 0], x[:, i])) for i in (1, 2))
    terms = [max(0.0, p - n + 1.0) for p, n in zip(to_positive, to_negative, strict=True)]
    got = TripletMarginLoss(distance=name, reduction="none")(None, x)
    np.testing.assert_allclose(to_numpy(got), terms, rtol=1e-4, atol=1e-6)


def test_a_function_as_the_distance():
    def manhattan(a, b):
        return ops.sum(ops.abs(ops.expand_dims(a, 1) - ops.expand_dims(b, 0)), axis=-1)

    y, x = example(ContrastiveLoss)
    expected = float(ContrastiveLoss(distance="manhattan")(y, x))
    np.testing.assert_allclose(float(ContrastiveLoss(distance=manhattan)(y, x)), expected, 1e-6)


@both
@pytest.mark.parametrize("kind", ["identical", "zero", "huge", "ordinary", "distance 0"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_degenerate_tuples_are_finite(cls, kind, dtype):
    y, x = example(cls, stacked=kind != "distance 0")
    x = {"identical": np.ones_like(x), "huge": 1e4 * x, "ordinary": x}.get(kind, 0.0 * x)
    value, gradient = value_and_gradient(lambda x: cls()(y, x), ops.cast(x, dtype))
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


@both
@pytest.mark.parametrize("stacked", [True, False])
def test_gradient_is_the_derivative_compiled_too(cls, stacked):
    y, x = example(cls, stacked=stacked)
    if cls is ContrastiveLoss:
        x = x[:, :2] if stacked else x[:, 0]
    loss = cls(margin=0.37)
    value, gradient = value_and_gradient(lambda x: loss(y, x), x, jit=False)
    compiled = value_and_gradient(lambda x: loss(y, x), x, jit=True)
    np.testing.assert_allclose(compiled[0], value, rtol=1e-5)
    np.testing.assert_allclose(compiled[1], gradient, rtol=1e-4, atol=1e-6)
    direction = np.random.default_rng(1).normal(size=x.shape).astype("float32")
    slope = (float(loss(y, x + 1e-3 * direction)) - float(loss(y, x - 1e-3 * direction))) / 2e-3
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=2e-2)


@both
def test_sample_weights_and_reductions(cls):
    y, x = example(cls)
    values = to_numpy(cls(reduction="none")(y, x))
    weights = np.array([0.0, 2.0, 1.0, 1.0, 0.5, 0.0], "float32")
    for given in (weights, weights[:, None]):
        got = float(cls(reduction="sum")(y, x, sample_weight=given))
        np.testing.assert_allclose(got, (values * weights).sum(), rtol=1e-5)
    np.testing.assert_allclose(float(cls()(y, x)), values.mean(), rtol=1e-5)


@both
def test_configuration_holds_every_argument(cls):
    own = set(inspect.signature(cls.__init__).parameters) - {"self", "name", "kwargs"}
    assert own - SECOND_NAMES == set(OTHER_ARGUMENTS[cls])
    loss = cls(**OTHER_ARGUMENTS[cls], name="mine", reduction="sum", dtype="bfloat16")
    config = loss.get_config()
    assert all(config[key] != value for key, value in cls().get_config().items())
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is cls
    assert again.get_config() == config
    assert again.dtype == "float32"


@both
@pytest.mark.parametrize("stacked", [True, False])
def test_fit_save_load_evaluate(cls, stacked, tmp_path):
    parts = 2 if cls is ContrastiveLoss else 3
    y, x = example(cls, size=8)
    inputs = keras.Input(x.shape[1:])
    embeddings = keras.layers.Dense(3, dtype="mixed_bfloat16")(inputs)
    outputs = (
        keras.ops.cast(embeddings, "float32")
        if stacked
        else keras.layers.Dense(parts - 1, activation="softplus")(
            keras.layers.Flatten()(embeddings)
        )
    )
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss=cls(), jit_compile=keras.backend.backend() != "torch")
    assert np.isfinite(model.fit(x, y, batch_size=4, verbose=0).history["loss"][0])
    expected = model.evaluate(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.loss) is cls
    np.testing.assert_allclose(again.evaluate(x, y, verbose=0), expected, rtol=1e-5)


def test_bad_input_is_named():
    shapes = r"\(batch,\) or \(batch, 1\), or embeddings of shape \(batch, 2, dim\)\. Received"
    for shape in [(4, 2), (4, 3, 5), (4, 2, 3, 1)]:
        with pytest.raises(ValueError, match=shapes):
            ContrastiveLoss()(np.zeros(4), np.zeros(shape, "float32"))
    shapes = r"\(batch, 2\), or embeddings of shape \(batch, 3, dim\)\. Received: y_pred\.shape"
    for shape in [(4,), (4, 3), (4, 2, 5)]:
        with pytest.raises(ValueError, match=shapes):
            TripletMarginLoss()(None, np.zeros(shape, "float32"))
    with pytest.raises(ValueError, match=r"swap needs .* Received: swap=True, y_pred\.shape=\(4,"):
        TripletMarginLoss(swap=True)(None, np.zeros((4, 2), "float32"))
    for loss in (ContrastiveLoss(), TripletMarginLoss()):
        with pytest.raises(TypeError, match="Received: y_pred of dtype=int32"):
            loss(np.zeros(4), np.zeros((4, 2), "int32"))
    x = np.zeros((4, 2, 3), "float32")
    with pytest.raises(ValueError, match="Received: 3 values in y_true, 4 rows in y_pred"):
        ContrastiveLoss()(np.zeros(3), x)
    with pytest.raises(ValueError, match=r"one value a row.*Received: y_true\.shape=\(4, 2\)"):
        ContrastiveLoss()(np.zeros((4, 2)), x)
    with pytest.raises(ValueError, match=r"1 for similar.*Received: y_true from 0 to 7"):
        ContrastiveLoss()(np.array([0, 7, 1, 1]), x)
    with pytest.raises(ValueError, match=r"1 for similar.*Received: y_true from -1 to 1"):
        ContrastiveLoss()(ops.convert_to_tensor([1, -1, 1, 1]), x)
    with pytest.raises(ValueError, match=r"1 for similar.*Received: y_true of dtype=<U1"):
        ContrastiveLoss()(["a", "b", "a", "b"], x)
    for cls in OTHER_ARGUMENTS:
        with pytest.raises(ValueError, match=r"margin must be greater than 0.*Received: margin=0"):
            cls(margin=0)
        with pytest.raises(ValueError, match="Did you mean 'cosine'"):
            cls(distance="cosin")
