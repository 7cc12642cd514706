"""The TFA-compatible losses against TFA's published definitions, on any backend."""

import numpy as np
import pytest
import tensorflow as tf

from keras_metric import losses
from tests.backends import value_and_gradient
from tests.keras_metric.losses.cases import labelled_batch
from tests.oracles import tfa


def reference(function, labels, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(tf.constant(labels), x)
    return value.numpy(), tape.gradient(value, x).numpy()


@pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])
@pytest.mark.parametrize("size", [12, 33])
def test_triplet_semi_hard(metric, size):
    labels, x = labelled_batch(size=size)
    value, gradient = reference(lambda y, x: tfa.triplet_semihard(y, x, 0.5, metric), labels, x)
    got = value_and_gradient(lambda x: losses.TripletSemiHardLoss(0.5, metric)(labels, x), x)
    np.testing.assert_allclose(got[0], value, rtol=1e-5)
    np.testing.assert_allclose(got[1], gradient, atol=1e-5)


@pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])
@pytest.mark.parametrize("soft", [False, True])
def test_triplet_hard(metric, soft):
    labels, x = labelled_batch(size=33)
    value, gradient = reference(lambda y, x: tfa.triplet_hard(y, x, 0.5, soft, metric), labels, x)
    loss = losses.TripletHardLoss(0.5, soft, metric)
    got = value_and_gradient(lambda x: loss(labels, x), x)
    np.testing.assert_allclose(got[0], value, rtol=1e-5)
    np.testing.assert_allclose(got[1], gradient, atol=1e-5)
