import keras
import numpy as np
import pytest
from keras import ops

from keras_metric.layers import FusedBatchNormalization
from tests.backends import to_numpy

MAPS = np.random.default_rng(0).normal(2.0, 3.0, (6, 4, 5, 3)).astype("float32")
CASES = {
    "feature maps": (MAPS, {}),
    "momentum, epsilon": (MAPS, {"momentum": 0.7, "epsilon": 0.1}),
    "one row": (MAPS[:1], {}),
    "one number a channel": (MAPS[:1, :1, :1], {}),
    "no scale": (MAPS, {"scale": False}),
    "no centre": (MAPS, {"center": False}),
    "channels first": (MAPS, {"axis": 1}),
    "vectors": (MAPS[:, 0, 0], {}),
    "16 bits": (MAPS, {"dtype": "mixed_float16"}),
    "constant": (np.ones_like(MAPS), {}),
}
both = pytest.mark.parametrize(("x", "arguments"), CASES.values(), ids=CASES)


def layers(arguments):
    return [cls(**arguments) for cls in (keras.layers.BatchNormalization, FusedBatchNormalization)]


@both
def test_values_and_averages_are_those_of_keras(x, arguments):
    expected, fused = layers(arguments)
    for step in range(3):
        inputs = x * (step + 1)
        values = [layer(inputs, training=True) for layer in (expected, fused)]
        assert values[0].dtype == values[1].dtype
        np.testing.assert_allclose(*map(to_numpy, values), rtol=1e-3, atol=2e-3)
    for one, other in zip(expected.weights, fused.weights, strict=True):
        assert one.name == other.name
        np.testing.assert_allclose(to_numpy(other), to_numpy(one), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(to_numpy(fused(x)), to_numpy(expected(x)), rtol=1e-3, atol=2e-3)


# PyTorch compiles by warning that what it compiles with is deprecated.
@pytest.mark.parametrize("jit", [False] if keras.backend.backend() == "torch" else [False, True])
def test_training_is_that_of_keras(jit):
    found = []
    for cls in (keras.layers.BatchNormalization, FusedBatchNormalization):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((4, 5, 3)),
                keras.layers.Conv2D(4, 3),
                cls(momentum=0.8),
                keras.layers.Flatten(),
                keras.layers.Dense(1),
            ]
        )
        model.compile("sgd", "mse", jit_compile=jit)
        model.fit(MAPS, np.arange(6.0), batch_size=4, epochs=2, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)


def test_frozen_it_keeps_its_averages():
    layer = FusedBatchNormalization()
    layer(MAPS, training=True)
    before = layer.get_weights()
    layer.trainable = False
    layer(MAPS + 1, training=True)
    for one, other in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="the kernel is TensorFlow's; elsewhere the layer is Keras's, as the other tests show",
)
def test_it_is_one_kernel_where_it_can_be():
    import tensorflow as tf

    def kernels(layer, x):
        layer.build(x.shape)
        function = tf.function(lambda x: layer(x, training=True))
        graph = function.get_concrete_function(tf.TensorSpec([None, *x.shape[1:]])).graph
        return [op.type for op in graph.get_operations()].count("FusedBatchNormV3")

    assert kernels(FusedBatchNormalization(), MAPS) == 1
    assert kernels(FusedBatchNormalization(axis=1), MAPS) == 0
    assert kernels(keras.layers.BatchNormalization(), MAPS) == 0


def test_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((4, 5, 3)), FusedBatchNormalization(momentum=0.5)])
    model(MAPS, training=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.layers[0]) is FusedBatchNormalization
    assert again.layers[0].momentum == 0.5
    np.testing.assert_array_equal(*(ops.convert_to_numpy(one(MAPS)) for one in (model, again)))
