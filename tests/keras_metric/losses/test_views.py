"""What the losses on views, on pairs of embeddings and on several labels promise."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import losses
from tests.backends import compiled_on_jax, slow_on_jax, to_numpy, value_and_gradient
from tests.keras_metric.losses.cases import public_losses
from tests.oracles import losses as oracle

SIZE, DIM = 6, 4
CLASSES = np.array([0, 1, 0, 2, 1, 0])
MULTI_HOT = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1]])

# A loss: its targets, the middle axis of its inputs, its arguments other than by default.
KINDS = {
    losses.NpairsLoss: (CLASSES, [2, "matrix"], {"distance": "cosine"}),
    losses.NpairsMultilabelLoss: (MULTI_HOT, [2, "matrix"], {"distance": "cosine"}),
    losses.InfoNCELoss: (
        None,
        [2, "matrix"],
        {"temperature": 0.5, "symmetric": True, "distance": "L2"},
    ),
    losses.SupConMultilabelLoss: (MULTI_HOT, [1], {"temperature": 0.5, "distance": "L2"}),
    losses.VICRegLoss: (
        None,
        [2],
        {"invariance_lambda": 5.0, "variance_mu": 4.0, "covariance_v": 2.0, "eps": 1e-2},
    ),
    losses.BarlowTwinsLoss: (None, [2], {"redundancy": 0.1, "eps": 1e-2}),
    losses.SimSiamLoss: (None, [2, 4], {}),
}
INPUTS = [(cls, parts) for cls, (_, kinds, _) in KINDS.items() for parts in kinds]
every_input = pytest.mark.parametrize(
    ("cls", "parts"), INPUTS, ids=[f"{cls.__name__}-{parts}" for cls, parts in INPUTS]
)
every_loss = pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.__name__)


def example(cls, parts=None, size=SIZE):
    """Targets and an input."""
    targets, kinds, _ = KINDS[cls]
    parts = kinds[0] if parts is None else parts
    rng = np.random.default_rng(0)
    shape = {"matrix": (size, size), 1: (size, DIM)}.get(parts, (size, parts, DIM))
    x = rng.normal(size=shape).astype("float32")
    return None if targets is None else np.resize(targets, (size, *targets.shape[1:])), x


def values(loss, y, x, **kwargs):
    return to_numpy(compiled_on_jax(lambda x: loss(y, x, **kwargs))(x))


def test_every_loss_that_is_neither_labelled_nor_explicit_nor_on_proxies_is_here():
    elsewhere = (losses.LabelledBatchLoss, losses.ClassProxyLoss)
    explicit = {losses.ContrastiveLoss, losses.TripletMarginLoss}
    found = {cls for cls in public_losses() if not issubclass(cls, elsewhere)}
    assert found - explicit == set(KINDS)


ORACLES = {
    losses.NpairsLoss: lambda y, x, **_: oracle.npairs(y, x),
    losses.NpairsMultilabelLoss: lambda y, x, **_: oracle.npairs_multilabel(y, x),
    losses.InfoNCELoss: lambda y, x, **given: oracle.info_nce(x, **given),
    losses.SupConMultilabelLoss: oracle.sup_con_multilabel,
    losses.VICRegLoss: lambda y, x, **_: oracle.vicreg(x),
    losses.BarlowTwinsLoss: lambda y, x, **given: oracle.barlow_twins(x, **given),
    losses.SimSiamLoss: lambda y, x, **_: oracle.sim_siam(x),
}


@pytest.mark.parametrize(
    ("cls", "given"),
    [
        *((cls, {}) for cls in KINDS),
        (losses.InfoNCELoss, {"temperature": 0.5, "symmetric": True}),
        (losses.SupConMultilabelLoss, {"temperature": 0.5}),
        (losses.BarlowTwinsLoss, {"redundancy": 0.3}),
    ],
)
def test_a_plain_loop_gives_the_same(cls, given):
    for parts in KINDS[cls][1]:
        if parts != "matrix":
            y, x = example(cls, parts)
            expected = ORACLES[cls](y, x, **given)
            np.testing.assert_allclose(values(cls(**given), y, x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "cls", [losses.NpairsLoss, losses.NpairsMultilabelLoss, losses.InfoNCELoss]
)
def test_similarities_may_be_given_instead_of_embeddings(cls):
    y, x = example(cls)
    matrix = x[:, 0] @ x[:, 1].T
    expected = values(cls(distance="dot_product", reduction="none"), y, x)
    np.testing.assert_allclose(values(cls(reduction="none"), y, matrix), expected, 1e-4, 1e-5)


def test_by_hand():
    # Weights: anchor 0 half and half, anchor 1 itself; logits 0, 1 | 2, 0.
    matrix = np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]], "float32")
    log = np.log
    expected = [log(2 + np.e) - 0.5, log(np.e**2 + 2) - 1.0, log(3)]
    got = losses.NpairsLoss(reduction="none")(["a", "a", "b"], matrix)
    np.testing.assert_allclose(to_numpy(got), expected, rtol=1e-5)
    # Backwards: columns 0, 2, 0 | 1, 0, 0 | 0, 0, 0.
    got = losses.InfoNCELoss(1.0, symmetric=True, reduction="none")(None, matrix)
    forwards = [log(2 + np.e), log(np.e**2 + 2), log(3)]
    backwards = [log(2 + np.e**2), log(np.e + 2), log(3)]
    np.testing.assert_allclose(to_numpy(got), np.add(forwards, backwards) / 2, rtol=1e-5)


def test_rows_without_labels_leave_the_mean():
    labels = np.array([[1, 0], [1, 0], [0, 0], [0, 1]])
    for cls, x in (
        (losses.NpairsMultilabelLoss, example(losses.NpairsLoss, size=4)[1]),
        (losses.SupConMultilabelLoss, np.eye(4, dtype="float32")),
    ):
        got = values(cls(reduction="none"), labels, x)
        assert got[2] == 0.0
        np.testing.assert_allclose(values(cls(), labels, x), got.mean(), rtol=1e-6)
    # The fourth has its label alone; from the first two: log of three equal terms.
    np.testing.assert_allclose(got, [2 * np.log(3), 2 * np.log(3), 0.0, 0.0], rtol=1e-5)


def test_several_labels_against_references():
    y, x = example(losses.SupConMultilabelLoss)
    loss = losses.SupConMultilabelLoss(0.5)
    refs, ref_labels = np.concatenate([x[3:], x[:1]]), np.concatenate([y[3:], y[:1]])
    got = float(loss(y[:2], x[:2], ref_embeddings=refs, ref_labels=ref_labels))
    a, b = oracle.unit(x[:2]), oracle.unit(refs)
    costs = []
    for row, labels in zip(a, y[:2], strict=True):
        logits = b @ row / 0.5
        for label in np.flatnonzero(labels):
            costs.append(np.log(np.exp(logits).sum()) - logits[ref_labels[:, label] > 0].mean())
    np.testing.assert_allclose(got, np.mean(costs), rtol=1e-5)
    with pytest.raises(ValueError, match="ref_embeddings and ref_labels belong together"):
        loss(y, x, ref_embeddings=x)
    with pytest.raises(ValueError, match="Received: 2 rows in ref_labels, 6 rows in ref_embed"):
        loss(y, x, ref_embeddings=x, ref_labels=y[:2])


@every_input
def test_degenerate_inputs_are_finite(cls, parts):
    y, x = example(cls, parts)
    loss = cls()
    step = compiled_step(loss)
    kinds = {
        "identical": np.ones_like(x),
        "zero": 0.0 * x,
        "huge": 1e4 * x / np.abs(x).max(),
        "tiny": 1e-4 * x,
        "ordinary": x,
    }
    for name, given in kinds.items():
        for dtype in ("float32", "bfloat16", "float16"):
            value, gradient = step(y, ops.cast(given.astype("float32"), dtype))
            assert np.isfinite(value), (name, dtype)
            # VICReg's grows with the third power of the length.
            if (cls, name, dtype) != (losses.VICRegLoss, "huge", "float16"):
                assert np.all(np.isfinite(gradient.astype("float32"))), (name, dtype)
    one = (x[:1, :1] if parts == "matrix" else x[:1]).copy()
    value, gradient = step(None if y is None else y[:1], one)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


def compiled_step(loss):
    """Value and gradient, on JAX compiled once a shape and dtype."""
    if keras.backend.backend() != "jax":
        return lambda y, x: value_and_gradient(lambda x: loss(y, x), x)
    import jax

    steps = {}

    def call(y, x):
        if len(x) not in steps:
            steps[len(x)] = jax.jit(jax.value_and_grad(lambda x: loss(y, x)))
        value, gradient = steps[len(x)](x)
        return to_numpy(value), to_numpy(gradient)

    return call


@every_input
def test_gradient_is_the_derivative_compiled_too(cls, parts):
    y, x = example(cls, parts)
    loss = cls(**KINDS[cls][2])
    value, gradient = value_and_gradient(lambda x: loss(y, x), x, jit=False)
    if keras.backend.backend() != "torch":
        compiled = value_and_gradient(lambda x: loss(y, x), x, jit=True)
        np.testing.assert_allclose(compiled[0], value, rtol=1e-4)
        np.testing.assert_allclose(compiled[1], gradient, rtol=1e-3, atol=1e-5)
    # Partly along the gradient, so that the slope is not near 0.
    direction = np.random.default_rng(1).normal(size=x.shape) / np.sqrt(x.size)
    direction = (direction + gradient / np.linalg.norm(gradient)).astype("float32")
    if cls is losses.SimSiamLoss:  # nothing flows into the projections
        assert np.all(gradient[:, parts // 2 :] == 0)
        direction[:, parts // 2 :] = 0
    assert np.abs(gradient).max() > 0
    ahead, behind = (values(loss, y, x + step * direction) for step in (1e-3, -1e-3))
    np.testing.assert_allclose((gradient * direction).sum(), (ahead - behind) / 2e-3, rtol=2e-2)


@slow_on_jax
@every_input
def test_order_is_irrelevant(cls, parts):
    y, x = example(cls, parts)
    order = np.random.default_rng(2).permutation(SIZE)
    moved = x[order][:, order] if parts == "matrix" else x[order]
    loss = cls(reduction="none")
    got = values(loss, None if y is None else y[order], moved)
    np.testing.assert_allclose(got, values(loss, y, x)[order], 1e-4, 1e-5)


@every_input
def test_sample_weights_and_reductions(cls, parts):
    y, x = example(cls, parts)
    rows = values(cls(reduction="none"), y, x)
    assert rows.shape == (SIZE,)
    weights = np.array([0.0, 2.0, 1.0, 1.0, 0.5, 0.0], "float32")
    for given in (weights, weights[:, None]):
        got = values(cls(reduction="sum"), y, x, sample_weight=given)
        np.testing.assert_allclose(got, (rows * weights).sum(), rtol=1e-4)
    np.testing.assert_allclose(values(cls(), y, x), rows.mean(), rtol=1e-5)


@slow_on_jax
@every_loss
def test_targets_that_are_not_used_may_be_anything(cls):
    if KINDS[cls][0] is not None:
        return
    _, x = example(cls)
    expected = values(cls(), None, x)
    for y in (3, ["a", "b"], np.zeros((5, 5)), {"a": 1}):
        np.testing.assert_allclose(values(cls(), y, x), expected, rtol=1e-6)


def test_names_of_classes_are_irrelevant_to_n_pairs():
    y, x = example(losses.NpairsLoss)
    expected = values(losses.NpairsLoss(), y, x)
    others = [np.array(names)[y] for names in ([2**24, 2**24 + 1, 2**31], ["b", "a", "c"])]
    for same in (*others, y.tolist(), y[:, None], ops.convert_to_tensor(y)):
        np.testing.assert_allclose(values(losses.NpairsLoss(), same, x), expected, rtol=1e-6)
    own = values(losses.NpairsLoss(), np.arange(SIZE), x)
    np.testing.assert_allclose(values(losses.NpairsLoss(), None, x), own, rtol=1e-6)


@every_loss
def test_configuration_holds_every_argument(cls):
    other = KINDS[cls][2]
    own = set(inspect.signature(cls.__init__).parameters) - {"self", "name", "kwargs"}
    assert own == set(other)
    loss = cls(**other, name="mine", reduction="sum", dtype="bfloat16")
    config = loss.get_config()
    assert all(config[key] != value for key, value in cls().get_config().items())
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is cls
    assert again.get_config() == config
    assert again.dtype == "float32"


@every_loss
def test_fit_save_load_evaluate(cls, tmp_path):
    y, x = example(cls, size=2 * SIZE)
    y = np.zeros(len(x)) if y is None else y
    inputs = keras.Input(x.shape[1:])
    embeddings = keras.layers.Dense(3, dtype="mixed_bfloat16")(inputs)
    model = keras.Model(inputs, ops.cast(embeddings, "float32"))
    model.compile("sgd", loss=cls(), jit_compile=keras.backend.backend() != "torch")
    assert np.isfinite(model.fit(x, y, batch_size=SIZE, verbose=0).history["loss"][0])
    expected = model.evaluate(x, y, batch_size=SIZE, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.loss) is cls
    got = again.evaluate(x, y, batch_size=SIZE, verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@every_loss
def test_bad_shapes_are_named(cls):
    y, x = example(cls)
    with pytest.raises(TypeError, match="Received: y_pred of dtype=int32"):
        cls()(y, x.astype("int32"))
    with pytest.raises(ValueError, match=r"Expected .*dim\).*Received: y_pred\.shape=\(6, 3, 4\)"):
        cls()(y, np.zeros((SIZE, 3, DIM), "float32"))
    if KINDS[cls][1][-1] == "matrix":
        with pytest.raises(ValueError, match=r"\(batch, batch\), or .*y_pred\.shape=\(6, 5\)"):
            cls()(y, np.zeros((SIZE, 5), "float32"))
    if y is not None:
        with pytest.raises(ValueError, match=r"Received: (3 values|3 rows) in y_true, 6 rows in"):
            cls()(y[:3], x)


@pytest.mark.parametrize("cls", [losses.NpairsMultilabelLoss, losses.SupConMultilabelLoss])
def test_bad_labels_are_named(cls):
    _, x = example(cls)
    with pytest.raises(ValueError, match=r"Expected 1 for each label.*y_true\.shape=\(6,\)"):
        cls()(CLASSES, x)
    with pytest.raises(ValueError, match="Received: y_true from -1 to 1"):
        cls()(1 - 2 * MULTI_HOT, x)
    with pytest.raises(ValueError, match="Received: y_true of dtype=<U1"):
        cls()(np.full((SIZE, 2), "a"), x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.InfoNCELoss(temperature=0), "temperature must be greater than 0.*=0"),
        (lambda: losses.SupConMultilabelLoss(temperature=-1), "temperature must be greater"),
        (lambda: losses.InfoNCELoss(distance="cosin"), "Did you mean 'cosine'.*'cosin'"),
        (lambda: losses.NpairsLoss(distance="dot"), "Did you mean|known are"),
        (lambda: losses.VICRegLoss(variance_mu=-1), "variance_mu must be at least 0.*=-1"),
        (lambda: losses.VICRegLoss(eps=0), "eps must be greater than 0.*eps=0"),
        (lambda: losses.BarlowTwinsLoss(redundancy=-1), "redundancy must be at least 0"),
        (lambda: losses.BarlowTwinsLoss(eps=-1), "eps must be greater than 0.*eps=-1"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
