"""What every labelled-batch loss promises; a loss joins by being public."""

import functools
import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import losses
from keras_metric.losses import LabelledBatchLoss, _ranks, _semi_hard, _triplet_sums
from keras_metric.losses._pair_loss import MinedLoss
from tests.backends import (
    compiled_on_jax,
    is_compiled_for_any_batch,
    loss_value,
    only_where_constants_can_slip_in,
    slow_on_jax,
    value_and_gradient,
    value_and_gradient_of,
)
from tests.keras_metric.losses.cases import (
    BEYOND_FLOAT16,
    DETACHED,
    FEWER_KINKS,
    MAY_BE_NEGATIVE,
    OTHER_ARGUMENTS,
    REQUIRED,
    SECOND_NAMES,
    degenerate_batches,
    labelled_batch,
    make,
    public_losses,
)

LABELLED = public_losses(LabelledBatchLoss)
every_loss = pytest.mark.parametrize("cls", LABELLED, ids=lambda cls: cls.__name__)


way_of_large_classes = pytest.mark.parametrize(
    ("cls", "module"),
    [
        (losses.PNPLoss, _ranks),
        (losses.SmoothAPLoss, _ranks),
        (losses.TripletLoss, _triplet_sums),
        (losses.TripletSemiHardLoss, _semi_hard),
    ],
)

# One instance for all tests: what JAX compiled for one of them serves the others.
shared = functools.cache(make)


def compiled_value(loss, labels, dtype, **kwargs):
    function = compiled_on_jax(lambda x: loss(labels, x, **kwargs))
    return lambda x: float(function(ops.convert_to_tensor(x, dtype=dtype)))


@every_loss
def test_degenerate_batches_are_finite(cls):
    step = value_and_gradient_of(make(cls))
    for name, (labels, x) in degenerate_batches().items():
        for dtype in ("float32", "bfloat16", "float16"):
            value, gradient = step(labels, ops.cast(x.astype("float32"), dtype))
            assert np.isfinite(value), (name, dtype)
            if dtype == "float16" and (cls.__name__, name) in BEYOND_FLOAT16:
                continue
            assert np.all(np.isfinite(gradient.astype("float32"))), (name, dtype)


@slow_on_jax
@way_of_large_classes
def test_degenerate_batches_are_finite_by_the_way_of_large_classes(cls, module, monkeypatch):
    monkeypatch.setattr(module, "_MOST_TO_WALK", -1)
    step = value_and_gradient_of(cls())
    batches = {**degenerate_batches(), "one sample": (np.array([7]), np.array([[0.6, 0.8]]))}
    for name, (labels, x) in batches.items():
        for dtype in ("float32", "float16"):
            value, gradient = step(labels, ops.cast(x.astype("float32"), dtype))
            assert np.isfinite(value), (name, dtype)
            if dtype != "float16" or (cls.__name__, name) not in BEYOND_FLOAT16:
                assert np.all(np.isfinite(gradient.astype("float32"))), (name, dtype)


@every_loss
def test_a_single_sample_is_finite(cls):
    step = value_and_gradient_of(make(cls))
    for dtype in ("float32", "bfloat16", "float16"):
        value, gradient = step(np.array([7]), ops.convert_to_tensor([[0.6, 0.8]], dtype=dtype))
        assert np.isfinite(value), dtype
        assert np.all(np.isfinite(gradient.astype("float32"))), dtype


@every_loss
def test_an_ordinary_batch_has_a_loss_and_a_gradient(cls):
    labels, x = labelled_batch()
    value, gradient = value_and_gradient(lambda x: make(cls)(labels, x), x)
    assert value > 0 or cls.__name__ in MAY_BE_NEGATIVE
    assert np.abs(gradient).max() > 0


@every_loss
def test_batch_order_is_irrelevant(cls):
    labels, x = labelled_batch()
    order = np.random.default_rng(5).permutation(len(labels))
    loss = shared(cls, reduction="none")
    values = loss_value(loss, labels, x)
    np.testing.assert_allclose(
        loss_value(loss, labels[order], x[order]), values[order], rtol=1e-4, atol=1e-5
    )


@every_loss
@pytest.mark.parametrize(
    "names",
    [
        np.array([2, 0, 1]),
        np.array([2**24 + 1, 2**24, 2**24 + 2]),
        np.array([2**31, 2**31 + 1, -(2**31)]),
        np.array(["b", "c", "a"]),
    ],
    ids=["permuted", "above 2**24", "above 2**31", "strings"],
)
def test_names_of_classes_are_irrelevant(cls, names):
    labels, x = labelled_batch()
    loss = shared(cls)
    np.testing.assert_allclose(
        loss_value(loss, names[labels], x), loss_value(loss, labels, x), rtol=1e-5
    )


@every_loss
def test_labels_may_be_a_column_a_list_or_a_tensor(cls):
    labels, x = labelled_batch()
    loss = shared(cls)
    expected = loss_value(loss, labels, x)
    for same in (labels[:, None], labels.tolist(), ops.convert_to_tensor(labels[:, None])):
        np.testing.assert_allclose(loss_value(loss, same, x), expected, rtol=1e-6)


@every_loss
def test_a_sample_weight_of_zero_removes_an_anchor(cls):
    labels, x = labelled_batch()
    shares = loss_value(shared(cls, reduction="none"), labels, x)
    assert shares.shape == labels.shape
    weights = np.array([0.0, 2.0] + [1.0] * (len(labels) - 2), "float32")
    for shape in (weights, weights[:, None]):
        got = loss_value(shared(cls, reduction="sum"), labels, x, sample_weight=shape)
        np.testing.assert_allclose(got, (weights * shares).sum(), rtol=1e-5, atol=1e-6)
    got = loss_value(shared(cls), labels, x)
    np.testing.assert_allclose(got, shares.mean(), rtol=1e-5)


@every_loss
def test_masks_say_the_same_as_labels(cls):
    labels, x = labelled_batch()
    loss = shared(cls)
    same = labels[:, None] == labels[None]
    expected = loss_value(loss, labels, x)
    np.testing.assert_allclose(loss_value(loss, None, x, is_positive=same), expected, rtol=1e-6)
    both = {"is_positive": same, "is_negative": ~same}
    np.testing.assert_allclose(loss_value(loss, None, x, **both), expected, rtol=1e-6)


@every_loss
def test_references_are_compared_with_the_anchors(cls):
    labels, x = labelled_batch()
    ref_labels, refs = labelled_batch(seed=9, size=15)
    loss = shared(cls)
    got = loss_value(loss, labels, x, ref_embeddings=refs, ref_labels=ref_labels)
    assert np.isfinite(got)
    order = np.random.default_rng(5).permutation(len(refs))
    again = loss_value(loss, labels, x, ref_embeddings=refs[order], ref_labels=ref_labels[order])
    np.testing.assert_allclose(again, got, rtol=1e-4)
    masks = labels[:, None] == ref_labels[None]
    again = loss_value(loss, None, x, ref_embeddings=refs, is_positive=masks)
    np.testing.assert_allclose(again, got, rtol=1e-5)


@every_loss
def test_compiled_equals_eager(cls):
    labels, x = labelled_batch()
    loss = make(cls)
    eager = value_and_gradient(lambda x: loss(labels, x), x, jit=False)
    compiled = value_and_gradient(lambda x: loss(labels, x), x, jit=True)
    np.testing.assert_allclose(compiled[0], eager[0], rtol=1e-4)
    np.testing.assert_allclose(compiled[1], eager[1], rtol=1e-3, atol=1e-4)


@every_loss
def test_gradient_is_the_derivative(cls):
    labels, x = labelled_batch()
    # Keras computes in 64 bits on TensorFlow alone. With 32 some differences are off:
    # the step crosses a kink of the loss.
    precise = keras.backend.backend() == "tensorflow"
    dtype, step, rtol = ("float64", 1e-6, 1e-4) if precise else ("float32", 2e-3, 5e-2)
    loss = make(cls, dtype=dtype, **FEWER_KINKS.get(cls.__name__, {}))
    weights = np.linspace(0.5, 1.5, len(x))
    _, gradient = value_and_gradient(lambda x: loss(labels, x, weights), x, dtype=dtype)
    value = compiled_value(loss, labels, dtype, sample_weight=weights)
    agree = []
    for i, j in np.random.default_rng(6).integers(x.shape, size=(10, 2)):
        nudge = np.zeros(x.shape)
        nudge[i, j] = step
        slope = (value(x + nudge) - value(x - nudge)) / (2 * step)
        agree.append(np.isclose(gradient[i, j], slope, rtol=rtol, atol=rtol * 1e-2))
    if cls.__name__ in DETACHED:
        assert not all(agree)
    else:
        assert sum(agree) >= (10 if precise else 8), agree


@only_where_constants_can_slip_in
@every_loss
def test_a_program_serves_all_batches_of_a_shape(cls):
    assert is_compiled_for_any_batch(make(cls), *labelled_batch())


@only_where_constants_can_slip_in
@way_of_large_classes
def test_so_does_the_way_of_large_classes(cls, module, monkeypatch):
    monkeypatch.setattr(module, "_MOST_TO_WALK", -1)
    assert is_compiled_for_any_batch(cls(), *labelled_batch())


@every_loss
def test_configuration_holds_every_argument(cls):
    parameters = set(inspect.signature(cls.__init__).parameters) - SECOND_NAMES
    own = parameters - {"self", "name", "kwargs"}
    other = OTHER_ARGUMENTS[cls.__name__]
    assert own == set(other), "OTHER_ARGUMENTS must name each argument of the loss"
    loss = cls(**{**other, "name": "mine", "reduction": "sum", "dtype": "bfloat16"})
    config = loss.get_config()
    inherited = {"miner"} if issubclass(cls, MinedLoss) else set()
    assert own | inherited | {"name", "reduction", "dtype"} == set(config)
    default = cls(**REQUIRED.get(cls.__name__, {})).get_config()
    assert [key for key in config if config[key] == default[key]] == list(inherited)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is cls
    assert again.get_config() == config
    labels, x = labelled_batch()
    np.testing.assert_allclose(loss_value(again, labels, x), loss_value(loss, labels, x))


@every_loss
def test_short_dtypes_are_computed_in_float32(cls):
    # 300 classes: as bfloat16 numbers 256 and 257 would be one class.
    labels = np.arange(600) % 300
    x = np.random.default_rng(0).normal(size=(600, 4)).astype("float32")
    short = loss_value(make(cls, dtype="bfloat16"), labels, x)
    np.testing.assert_allclose(short, loss_value(make(cls), labels, x), rtol=1e-6)


@every_loss
def test_fit_save_load_evaluate(cls, tmp_path):
    labels, x = labelled_batch(size=18)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
    model.compile("sgd", loss=make(cls))
    history = model.fit(x, labels + 2**24, batch_size=9, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    expected = model.evaluate(x, labels, batch_size=9, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.loss) is cls
    np.testing.assert_allclose(again.evaluate(x, labels, batch_size=9, verbose=0), expected)


@every_loss
def test_bad_input_is_named(cls):
    loss, x = make(cls), np.zeros((4, 3), "float32")
    with pytest.raises(ValueError, match=r"shape \(batch, dim\). Received: y_pred\.shape=\(4,"):
        loss(np.zeros(4, "int32"), np.zeros((4, 3, 2), "float32"))
    with pytest.raises(ValueError, match="Received: 3 labels in y_true, 4 rows in y_pred"):
        loss(np.zeros(3, "int32"), x)
    with pytest.raises(TypeError, match=r"floating point numbers\. Received: y_pred of dtype=int"):
        loss(np.zeros(4, "int32"), np.zeros((4, 3), "int32"))
    refs = {"ref_embeddings": np.zeros((5, 2), "float32"), "ref_labels": np.zeros(5, "int32")}
    with pytest.raises(ValueError, match=r"same dimension\. Received: 3 in y_pred, 2 in ref_embed"):
        loss(np.zeros(4, "int32"), x, **refs)
