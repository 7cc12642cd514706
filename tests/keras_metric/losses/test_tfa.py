"""The TFA-compatible losses against TFA's published definitions, on any backend."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_metric import losses
from tests.backends import compiled_on_jax, slow_on_jax, to_numpy, value_and_gradient
from tests.keras_metric.losses.cases import labelled_batch
from tests.oracles import tfa

MULTI_HOT = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1]])


def similarities(size):
    a, b = labelled_batch(size=size)[1], labelled_batch(seed=1, size=size)[1]
    return (4.0 * a @ b.T).astype("float32")


def reference(function, labels, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(tf.constant(labels), x)
    return value.numpy(), tape.gradient(value, x).numpy()


def assert_same(loss, function, labels, x):
    value, gradient = reference(function, labels, x)
    got = value_and_gradient(lambda x: loss(labels, x), x)
    np.testing.assert_allclose(got[0], value, rtol=1e-5)
    np.testing.assert_allclose(got[1], gradient, atol=1e-5)


@pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])
def test_triplet_semi_hard(metric):
    labels, x = labelled_batch(size=33)
    loss = losses.TripletSemiHardLoss(0.5, metric)
    assert_same(loss, lambda y, x: tfa.triplet_semihard(y, x, 0.5, metric), labels, x)


@pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])
@pytest.mark.parametrize("soft", [False, True])
def test_triplet_hard(metric, soft):
    labels, x = labelled_batch(size=33)
    loss = losses.TripletHardLoss(0.5, soft, metric)
    assert_same(loss, lambda y, x: tfa.triplet_hard(y, x, 0.5, soft, metric), labels, x)


@pytest.mark.parametrize("margin", [0.5, 1.5])
def test_lifted_struct(margin):
    labels, x = labelled_batch(size=33)
    loss = losses.LiftedStructLoss(margin)
    assert_same(loss, lambda y, x: tfa.lifted_struct(y, x, margin), labels, x)


def test_contrastive():
    d = np.random.default_rng(0).uniform(0.0, 2.0, 16).astype("float32")
    loss = losses.ContrastiveLoss(1.5)
    mean = lambda y, d: tf.reduce_mean(tfa.contrastive(y, d, 1.5))  # noqa: E731
    assert_same(loss, mean, np.arange(16) % 2, d)


@pytest.mark.parametrize("labels", [np.arange(12), np.arange(12) % 3], ids=["pairs", "classes"])
def test_npairs(labels):
    assert_same(losses.NpairsLoss(), tfa.npairs, labels, similarities(12))


def test_npairs_multilabel():
    assert_same(losses.NpairsMultilabelLoss(), tfa.npairs_multilabel, MULTI_HOT, similarities(6))


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="TFA's users hand over tf.SparseTensor, which no other backend can hold",
)
def test_sparse_labels_are_taken():
    x = similarities(6)
    got = losses.NpairsMultilabelLoss()(tf.sparse.from_dense(MULTI_HOT), x)
    expected = losses.NpairsMultilabelLoss()(MULTI_HOT, x)
    np.testing.assert_allclose(float(got), float(expected))


# A function, the class it stands for, and arguments in TFA's order.
FORMS = {
    "triplet_semihard_loss": (losses.TripletSemiHardLoss, ("margin", "distance_metric")),
    "triplet_hard_loss": (losses.TripletHardLoss, ("margin", "soft", "distance_metric")),
    "contrastive_loss": (losses.ContrastiveLoss, ("margin",)),
    "lifted_struct_loss": (losses.LiftedStructLoss, ("margin",)),
    "npairs_loss": (losses.NpairsLoss, ()),
    "npairs_multilabel_loss": (losses.NpairsMultilabelLoss, ()),
}
VALUES = {"margin": 0.7, "soft": True, "distance_metric": "squared-L2"}
every_form = pytest.mark.parametrize("name", FORMS)


def computed(function, y, x, *arguments, **keywords):
    return to_numpy(compiled_on_jax(lambda x: function(y, x, *arguments, **keywords))(x))


def example(name):
    if name == "contrastive_loss":
        return np.arange(12) % 2, np.linspace(0.1, 1.9, 12, dtype="float32")
    if name == "npairs_multilabel_loss":
        return MULTI_HOT, similarities(6)
    if name == "npairs_loss":
        return np.arange(12) % 3, similarities(12)
    return labelled_batch()


@every_form
def test_arguments_are_tfas_in_its_order(name):
    function, (cls, arguments) = getattr(losses, name), FORMS[name]
    inputs = ["labels", "embeddings"] if name == "lifted_struct_loss" else ["y_true", "y_pred"]
    assert list(inspect.signature(function).parameters) == [*inputs, *arguments]
    parameters = list(inspect.signature(cls).parameters)
    assert parameters[: len(arguments) + 1] == [*arguments, "name"]
    defaults = {"margin": 1.0, "soft": False, "distance_metric": "L2"}
    for argument in arguments:
        assert inspect.signature(function).parameters[argument].default == defaults[argument]


@every_form
def test_functions_give_the_values_of_their_classes(name):
    function, (cls, arguments) = getattr(losses, name), FORMS[name]
    y, x = example(name)
    given = [VALUES[argument] for argument in arguments]
    reduction = {"reduction": "none"} if name == "contrastive_loss" else {}
    expected = computed(cls(*given, **reduction), y, x)
    np.testing.assert_allclose(computed(function, y, x, *given), expected, rtol=1e-6)
    assert expected.shape == ((12,) if name == "contrastive_loss" else ())


@slow_on_jax
@every_form
def test_labels_may_be_lists_tensors_or_columns(name):
    function, (y, x) = getattr(losses, name), example(name)
    expected = computed(function, y, x)
    others = [y.tolist(), ops.convert_to_tensor(y), y.astype("float32"), y.astype("int64")]
    if y.ndim == 1:
        others += [y[:, None], ops.convert_to_tensor(y[:, None])]
    for same in others:
        np.testing.assert_allclose(computed(function, same, x), expected, rtol=1e-6)


@slow_on_jax
@every_form
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats(name, dtype):
    function, (y, x) = getattr(losses, name), example(name)
    short = ops.cast(x, dtype) if dtype != "float64" else x.astype(dtype)
    got = compiled_on_jax(lambda x: function(y, x))(short)
    # Keras takes means in 64 bits on TensorFlow alone; JAX has none unless told to.
    wide = dtype == "float64" and keras.backend.backend() == "tensorflow"
    if wide or dtype != "float64":
        expected = "float64" if wide else "float32"
        assert keras.backend.standardize_dtype(got.dtype) == expected
    # 16 bits round the input; what follows is computed in 32.
    rounded = computed(function, y, ops.cast(short, "float32"))
    np.testing.assert_allclose(to_numpy(got), rounded, rtol=1e-5)
    tolerance = {"float16": 5e-3, "bfloat16": 5e-2, "float64": 1e-5}[dtype]
    np.testing.assert_allclose(to_numpy(got), computed(function, y, x), tolerance, tolerance)


@pytest.mark.parametrize("name", ["triplet_semihard_loss", "triplet_hard_loss"])
def test_a_function_as_the_distance_metric(name):
    def manhattan(x):
        return ops.sum(ops.abs(ops.expand_dims(x, 1) - ops.expand_dims(x, 0)), axis=-1)

    function, (y, x) = getattr(losses, name), example(name)
    got = computed(function, y, x, 0.7, distance_metric=manhattan)
    expected = computed(function, y, x, 0.7, distance_metric="L1")
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"Did you mean 'L2'.*Received: distance='l2'"):
        function(y, x, distance_metric="l2")


def test_batches_without_pairs_are_0_where_tfas_are_nan():
    x = labelled_batch(size=4)[1]
    for function in (losses.triplet_semihard_loss, losses.lifted_struct_loss):
        for labels in ([0, 1, 2, 3], [0, 0, 0, 0]):
            assert computed(function, labels, x) == 0.0
    assert np.isnan(tfa.lifted_struct(tf.constant([0, 1, 2, 3]), tf.constant(x)).numpy())
    labels = np.zeros((4, 3), int)
    assert float(losses.npairs_multilabel_loss(labels, x @ x.T)) == 0.0


@every_form
def test_functions_are_registered(name):
    assert keras.saving.get_registered_object(f"keras_metric>{name}") is getattr(losses, name)


@pytest.mark.parametrize("name", ["triplet_hard_loss", "contrastive_loss", "npairs_loss"])
def test_fit_save_and_load(name, tmp_path):
    y, x = example(name)
    inputs = keras.Input(x.shape[1:] or (1,))
    model = keras.Model(inputs, keras.layers.Dense(x.shape[1] if x.ndim > 1 else 1)(inputs))
    x = x.reshape(len(x), -1)
    model.compile("sgd", loss=getattr(losses, name))
    assert np.isfinite(model.fit(x, y, batch_size=len(x), verbose=0).history["loss"][0])
    expected = model.evaluate(x, y, batch_size=len(x), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    got = again.evaluate(x, y, batch_size=len(x), verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
