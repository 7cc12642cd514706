"""TensorFlow Addons' own tensor code, as the values that users' code expects."""

import keras
import numpy as np
import pytest

from keras_metric.losses import TripletHardLoss, TripletSemiHardLoss

pytestmark = [
    pytest.mark.skipif(  # TFA was TensorFlow alone
        keras.backend.backend() != "tensorflow", reason="the reference is written in TensorFlow"
    )
]


@pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])
@pytest.mark.parametrize(("classes", "each"), [(8, 8), (2, 40)])
def test_value_and_gradient_are_tfas(metric, classes, each):
    import tensorflow as tf

    from tests.oracles import tfa

    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), each)
    x = tf.constant(rng.normal(size=(classes * each, 16)), "float32")
    for ours, theirs in (
        (TripletSemiHardLoss(1.0, metric), lambda y, e: tfa.triplet_semihard(y, e, 1.0, metric)),
        (TripletHardLoss(1.0, False, metric), lambda y, e: tfa.triplet_hard(y, e, metric=metric)),
    ):
        results = []
        for loss in (ours, theirs):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(labels, x)
            results.append((value, tape.gradient(value, x)))
        np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
        np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-3, atol=1e-5)
