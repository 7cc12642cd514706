"""A loss in a training step that `torch.compile` has compiled."""

import shutil

import keras
import numpy as np
import pytest

from keras_metric.losses import TripletSemiHardLoss

pytestmark = [
    pytest.mark.slow,
    # torch.compile's own, of what it uses itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
    pytest.mark.skipif(
        keras.backend.backend() != "torch",
        reason="torch.compile is PyTorch's; on the others the contract's tests compile",
    ),
    pytest.mark.skipif(
        not (shutil.which("g++") or shutil.which("clang++")),
        reason="torch.compile calls a C++ compiler, which pip cannot install",
    ),
]


def test_a_compiled_fit_learns_what_an_eager_one_does():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(24, 8)).astype("float32"), np.arange(24) % 4
    weights, history = rng.normal(size=(8, 3)).astype("float32"), {}
    for jit in (False, True):
        dense = keras.layers.Dense(3, use_bias=False)
        model = keras.Sequential([keras.Input((8,)), dense])
        dense.set_weights([weights])
        model.compile("sgd", TripletSemiHardLoss(margin=0.5), jit_compile=jit)
        found = model.fit(x, labels, batch_size=24, epochs=2, verbose=0)
        history[jit] = found.history["loss"]
    np.testing.assert_allclose(history[True], history[False], rtol=1e-5)
    assert history[True][1] != history[True][0]
