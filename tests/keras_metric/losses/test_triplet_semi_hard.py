import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import distances
from keras_metric.losses import TripletSemiHardLoss
from tests.gradients import value_and_gradient


def batch(seed, sizes, dim=8):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    x = rng.normal(size=(len(labels), dim))
    return labels, (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32")


def loop(labels, x, margin, squared=False):
    """TFA's definition: the mean over all pairs (a, p) of relu(margin + d_ap - n)."""
    x = x.astype("float64")
    terms = []
    for a in range(len(x)):
        d = ((x - x[a]) ** 2).sum(1) ** (1 if squared else 0.5)
        negatives = d[labels != labels[a]]
        for p in range(len(x)):
            if p == a or labels[p] != labels[a] or not len(negatives):
                continue
            farther = negatives[negatives > d[p]]
            n = farther.min() if len(farther) else negatives.max()
            terms.append(max(0.0, margin + d[p] - n))
    return float(np.mean(terms)) if terms else 0.0


def test_hand_computed():
    x = np.array([[0.0], [1.0], [1.5], [2.0]], "float32")
    # Pairs 0-1, 1-0, 2-3, 3-2; their negatives are 1.5, none (farthest: 1), 1.5 and 1 away.
    terms = [1 - 1.5 + 1, 1 - 1 + 1, 0.5 - 1.5 + 1, 0.5 - 1 + 1]
    loss = TripletSemiHardLoss(margin=1.0, reduction="none")(np.array([0, 0, 1, 1]), x)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), terms, atol=1e-6)


@pytest.mark.parametrize("sizes", [[4] * 8, [2, 3, 9, 1, 5], [50, 40], [1, 30], [2, 2]])
@pytest.mark.parametrize("metric", ["L2", "squared-L2"])
def test_equals_a_plain_loop(sizes, metric):
    labels, x = batch(len(sizes), sizes)
    expected = loop(labels, x, 0.3, squared=metric != "L2")
    ours = TripletSemiHardLoss(margin=0.3, distance_metric=metric)(labels, x)
    np.testing.assert_allclose(float(ours), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sizes", [[4] * 6, [40, 38]])
def test_gradient_is_the_numerical_one(sizes):
    labels, x = batch(3, sizes, dim=3)
    _, gradient = value_and_gradient(lambda e: TripletSemiHardLoss(margin=0.5)(labels, e), x)
    rng = np.random.default_rng(0)
    for row, column in rng.integers([0, 0], [len(x), 3], size=(5, 2)):
        step = np.zeros(x.shape)
        step[row, column] = 1e-6
        numeric = (loop(labels, x + step, 0.5) - loop(labels, x - step, 0.5)) / 2e-6
        np.testing.assert_allclose(gradient[row, column], numeric, rtol=1e-3, atol=1e-5)


DEGENERATE = {
    "no positive": (np.arange(6), None),
    "one class": (np.zeros(6, int), None),
    "one sample": (np.zeros(1, int), np.ones((1, 4))),
    "two identical rows": (np.array([0, 0, 1, 1]), np.array([[1, 0], [1, 0], [0, 1], [1, 1]])),
    "all zero": (np.array([0, 0, 1, 1]), np.zeros((4, 3))),
    "all identical": (np.array([0, 0, 1, 1]), np.ones((4, 3))),
    "huge": (np.array([0, 0, 1, 1]), 1e3 * np.arange(12.0).reshape(4, 3)),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_batches_are_finite(case, dtype):
    labels, x = DEGENERATE[case]
    x = np.random.default_rng(0).normal(size=(len(labels), 4)) if x is None else x
    x = ops.cast(x.astype("float32"), dtype)
    value, gradient = value_and_gradient(lambda e: TripletSemiHardLoss()(labels, e), x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("first", [2**24, 2**31 - 2, 2**53])
def test_neighbouring_large_ids_are_different_classes(first):
    labels, x = batch(1, [4, 4])
    expected = float(TripletSemiHardLoss()(labels, x))
    assert float(TripletSemiHardLoss()(labels.astype("int64") + first, x)) == expected
    assert expected > 0


def test_strings_columns_and_lists_are_labels():
    labels, x = batch(2, [4, 4])
    expected = float(TripletSemiHardLoss()(labels, x))
    assert float(TripletSemiHardLoss()(np.array(["cat", "dog"])[labels], x)) == expected
    assert float(TripletSemiHardLoss()(labels[:, None], x)) == expected
    assert float(TripletSemiHardLoss()(labels.tolist(), x)) == expected


def test_zero_weight_removes_an_anchor():
    labels, x = batch(5, [3, 3])
    each = ops.convert_to_numpy(TripletSemiHardLoss(reduction="none")(labels, x))
    weights = np.array([1.0, 0, 1, 1, 1, 1], "float32")
    weighted = float(TripletSemiHardLoss(reduction="sum")(labels, x, sample_weight=weights))
    np.testing.assert_allclose(weighted, (each * weights).sum(), rtol=1e-6)


def test_config_rebuilds_every_argument():
    loss = TripletSemiHardLoss(0.3, "squared-L2", "mine", reduction="sum", dtype="float64")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert (again.margin, again.name, again.reduction) == (0.3, "mine", "sum")
    assert type(again.distance) is type(loss.distance) is distances.SquaredEuclideanDistance


def test_fit_save_load_evaluate(tmp_path):
    labels, x = batch(6, [8, 8], dim=4)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.05), loss=TripletSemiHardLoss(margin=0.5))
    history = model.fit(x, labels, batch_size=16, epochs=30, shuffle=False, verbose=0)
    assert history.history["loss"][-1] < 0.8 * history.history["loss"][0]
    before = model.evaluate(x, labels, batch_size=16, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.evaluate(x, labels, batch_size=16, verbose=0), before)


def test_compiled_equals_eager():
    labels, x = batch(7, [8] * 4, dim=4)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    values = []
    for jit in (False, True):
        if jit and keras.backend.backend() == "torch":
            continue  # torch.compile needs a C++ compiler at run time
        model.compile(loss=TripletSemiHardLoss(margin=0.5), jit_compile=jit)
        values.append(model.evaluate(x, labels, batch_size=32, verbose=0))
    embeddings = ops.convert_to_numpy(model(x))
    expected = float(TripletSemiHardLoss(margin=0.5)(labels, embeddings))
    np.testing.assert_allclose(values, expected, rtol=1e-5)


@pytest.mark.parametrize("margin", [0, -1.0, float("nan"), float("inf")])
def test_margin_must_be_positive(margin):
    with pytest.raises(ValueError, match=r"margin must be greater than 0.*Received: margin="):
        TripletSemiHardLoss(margin=margin)


def test_shapes_and_dtypes_are_checked():
    loss = TripletSemiHardLoss()
    with pytest.raises(ValueError, match=r"one label for each row.*3 labels in y_true, 4 rows"):
        loss(np.arange(3), np.zeros((4, 2), "float32"))
    with pytest.raises(ValueError, match=r"\(batch, dim\).*Received: y_pred.shape=\(4,\)"):
        loss(np.arange(4), np.zeros(4, "float32"))
    with pytest.raises(TypeError, match=r"floating point.*Received: y_pred of dtype=int"):
        loss(np.arange(4), np.zeros((4, 2), "int32"))
    with pytest.raises(ValueError, match=r"Labels must be one class id.*\(4, 2\)"):
        loss(np.zeros((4, 2), int), np.zeros((4, 2), "float32"))
