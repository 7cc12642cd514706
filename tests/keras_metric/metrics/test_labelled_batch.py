"""Metrics of a labelled batch against plain loops, alone and in `fit`."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric.losses import TripletSemiHardLoss
from keras_metric.metrics import (
    ActiveTriplets,
    BatchRecall,
    LabelledBatchMetric,
    MeanEmbeddingNorm,
    NegativeDistance,
    PositiveDistance,
    VarianceShare,
)
from tests.backends import compiled_on_jax
from tests.keras_metric.losses.cases import degenerate_batches, labelled_batch

REDUCE = {"mean": list, "min": lambda found: [min(found)], "max": lambda found: [max(found)]}


def by_anchor(labels, x, of_anchor, weights=None):
    """The weighted mean of what a function of an anchor and its partners lists."""
    total = count = 0.0
    weights = np.ones(len(labels)) if weights is None else weights
    for a in range(len(labels)):
        same = [i for i in range(len(labels)) if labels[i] == labels[a] and i != a]
        other = [i for i in range(len(labels)) if labels[i] != labels[a]]
        distance = np.linalg.norm(x.astype("float64") - x[a].astype("float64"), axis=1)
        found = of_anchor(distance[same].tolist(), distance[other].tolist(), x[a])
        total, count = total + weights[a] * sum(found), count + weights[a] * len(found)
    return total / count if count else np.nan


def positive(of):
    return lambda same, other, row: REDUCE[of](same) if same else []


def negative(of):
    return lambda same, other, row: REDUCE[of](other) if other else []


def active(margin):
    return lambda same, other, row: [float(n <= p + margin) for p in same for n in other]


def recall(k):
    def found(same, other, row):
        return [float(sum(n <= min(same) for n in other) < k)] if same else []

    return found


def norm(same, other, row):
    return [np.linalg.norm(row)]


CASES = {
    **{f"positive {of}": (PositiveDistance, {"of": of}, positive(of)) for of in REDUCE},
    **{f"negative {of}": (NegativeDistance, {"of": of}, negative(of)) for of in REDUCE},
    "active": (ActiveTriplets, {"margin": 0.2}, active(0.2)),
    "active, no margin": (ActiveTriplets, {"margin": 0.0}, active(0.0)),
    "recall at 1": (BatchRecall, {}, recall(1)),
    "recall at 3": (BatchRecall, {"k": 3}, recall(3)),
    "norm": (MeanEmbeddingNorm, {}, norm),
}
every_case = pytest.mark.parametrize(("cls", "arguments", "loop"), CASES.values(), ids=CASES)
BATCHES = [labelled_batch(seed, size) for seed, size in ((0, 12), (1, 9), (2, 16))]


@every_case
def test_the_mean_over_batches_is_that_of_plain_loops(cls, arguments, loop):
    metric = cls(**arguments)
    for labels, x in BATCHES[:1]:
        metric.update_state(labels, x)
        assert float(metric.result()) == pytest.approx(by_anchor(labels, x, loop), rel=1e-5)
    metric.reset_state()
    parts = []
    for labels, x in BATCHES:
        metric.update_state(labels, x)
        found = []
        by_anchor(labels, x, lambda *a, found=found: found.extend(loop(*a)) or [0.0])
        parts += found
    assert float(metric.result()) == pytest.approx(np.mean(parts), rel=1e-5)


@every_case
def test_weights_count_anchors(cls, arguments, loop):
    labels, x = BATCHES[0]
    weights = np.random.default_rng(0).integers(0, 3, len(labels)).astype("float32")
    expected = by_anchor(labels, x, loop, weights)
    for shape in (weights, weights[:, None]):
        metric = cls(**arguments)
        metric.update_state(labels, x, sample_weight=shape)
        assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


@every_case
def test_degenerate_batches_are_finite_or_unknown(cls, arguments, loop):
    for name, (labels, x) in degenerate_batches().items():
        x = x.astype("float32")
        metric = cls(**arguments)
        metric.update_state(labels, x)
        expected = by_anchor(labels, x, loop)
        assert float(metric.result()) == pytest.approx(expected, rel=1e-3, abs=2e-3, nan_ok=True), (
            name
        )
        # What cannot be known changes nothing of what is.
        metric.update_state(*BATCHES[0])
        assert np.isfinite(float(metric.result())), name


@every_case
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_embeddings_are_counted_in_32_bits(cls, arguments, loop, dtype):
    labels, x = BATCHES[0]
    metric = cls(**arguments)
    assert metric.dtype == "float32"
    metric.update_state(labels, ops.cast(x, dtype))
    rounded = ops.convert_to_numpy(ops.cast(ops.cast(x, dtype), "float32"))
    expected = by_anchor(labels, rounded, loop)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("names", [np.array(["b", "a", "c"]), np.array([2**24, 2**24 + 1, 7])])
def test_labels_are_exact(names):
    labels, x = BATCHES[0]
    expected, found = ActiveTriplets(0.2), ActiveTriplets(0.2)
    expected.update_state(labels, x)
    found.update_state(names[labels], x)
    assert float(found.result()) == float(expected.result())


def share(x, components, weights=None):
    covariance = np.cov(x.astype("float64"), rowvar=False, ddof=0, fweights=weights)
    values = np.linalg.eigvalsh(covariance)[::-1]
    return values[:components].sum() / values.sum()


@pytest.mark.parametrize("components", [1, 2, 6, 9])
def test_variance_share_is_that_of_the_covariance(components):
    metric = VarianceShare(components)
    assert np.isnan(float(metric.result()))
    rows = np.concatenate([x * (1 + 0.3 * i) for i, (_, x) in enumerate(BATCHES)])
    for start in range(0, len(rows), 10):
        metric.update_state(None, rows[start : start + 10])
    assert float(metric.result()) == pytest.approx(share(rows, components), rel=1e-4)
    weights = np.arange(len(rows)) % 3
    metric.reset_state()
    metric.update_state(None, rows, sample_weight=weights.astype("float32"))
    assert float(metric.result()) == pytest.approx(share(rows, components, weights), rel=1e-4)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_variance_share_tells_a_collapse(scale):
    rng = np.random.default_rng(0)
    line = rng.normal(size=(50, 1)) * np.ones((1, 5)) + 3
    for rows, least in ((line, 0.999), (np.ones((50, 5)), 1.0), (np.zeros((50, 5)), 1.0)):
        metric = VarianceShare()
        metric.update_state(None, (scale * rows).astype("float32"))
        assert least <= float(metric.result()) <= 1.0 + 1e-6
    metric = VarianceShare()
    metric.update_state(None, (scale * rng.normal(size=(500, 5))).astype("float32"))
    assert float(metric.result()) < 0.3


ALL = [
    PositiveDistance("max", distance="cosine", name="far"),
    NegativeDistance("min", distance="cosine", name="near"),
    ActiveTriplets(0.25, distance="cosine", name="active"),
    BatchRecall(2, distance="cosine"),
    MeanEmbeddingNorm("norm"),
    VarianceShare(2, "share"),
]
every_metric = pytest.mark.parametrize("metric", ALL, ids=lambda metric: type(metric).__name__)


def clone(metric):
    return type(metric).from_config(metric.get_config())


@every_metric
def test_the_configuration_rebuilds_it(metric):
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    metric = clone(metric)
    for one in (metric, again):
        one.update_state(*BATCHES[0])
    assert float(again.result()) == float(metric.result())


@every_metric
def test_compiled_updates_are_those_of_plain_ones(metric):
    labels, x = BATCHES[0]
    plain, metric = clone(metric), clone(metric)
    plain.update_state(labels, x)
    expected = float(plain.result())
    if keras.backend.backend() == "jax":
        metric.update_state(labels, x)  # makes what depends on the dimension
        metric.reset_state()
        state = compiled_on_jax(
            lambda batch: metric.stateless_update_state(metric.variables, *batch)
        )((labels, x))
        found = compiled_on_jax(metric.stateless_result)(state)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        metric.update_state(labels[:2], x[:2])
        metric.reset_state()
        rows = tf.TensorSpec([None, x.shape[1]], tf.float32)
        signature = [tf.TensorSpec([None], tf.int64), rows]
        tf.function(metric.update_state, signature, jit_compile=True)(labels, x)
        found = tf.function(metric.result, jit_compile=True)()
    else:
        metric.update_state(labels, x)
        found = metric.result()
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_in_fit_saved_and_loaded(tmp_path):
    labels, x = labelled_batch(size=24)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
    weighted = BatchRecall(name="weighted_recall")
    model.compile(
        "sgd",
        TripletSemiHardLoss(0.2),
        metrics=[clone(metric) for metric in ALL],
        weighted_metrics=[weighted],
    )
    weights = (np.arange(24) < 12).astype("float32")
    model.fit(x, labels, sample_weight=weights, batch_size=12, epochs=2, shuffle=False, verbose=0)
    logs = model.evaluate(
        x, labels, sample_weight=weights, batch_size=12, verbose=0, return_dict=True
    )
    embeddings = model.predict(x, verbose=0)
    for metric in ALL:
        again = clone(metric)
        for part in (slice(0, 12), slice(12, 24)):
            again.update_state(labels[part], embeddings[part])
        assert logs[metric.name] == pytest.approx(float(again.result()), rel=1e-4)
    first = BatchRecall()
    first.update_state(labels[:12], embeddings[:12])
    assert logs["weighted_recall"] == pytest.approx(float(first.result()), rel=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again = loaded.evaluate(
        x, labels, sample_weight=weights, batch_size=12, verbose=0, return_dict=True
    )
    assert again == pytest.approx(logs, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: PositiveDistance("median"), ValueError, "'mean', .*of='median'"),
        (lambda: NegativeDistance(distance="euclid"), ValueError, "euclid"),
        (lambda: ActiveTriplets(-0.1), ValueError, "margin"),
        (lambda: BatchRecall(0), ValueError, "k=0"),
        (lambda: VarianceShare(1.5), ValueError, "components=1.5"),
        (lambda: MeanEmbeddingNorm().update_state([0, 1], np.zeros(2)), ValueError, "shape"),
        (lambda: MeanEmbeddingNorm().update_state([0], np.zeros((2, 3))), ValueError, "1 labels"),
        (lambda: MeanEmbeddingNorm().update_state([0, 1], np.zeros((2, 3), int)), TypeError, "int"),
        (lambda: VarianceShare().update_state(None, np.zeros(2)), ValueError, "shape"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_weights_of_another_length_and_a_new_dimension():
    labels, x = BATCHES[0]
    for metric in (BatchRecall(), VarianceShare()):
        with pytest.raises(ValueError, match="sample_weight"):
            metric.update_state(labels, x, sample_weight=np.ones(5))
    metric = VarianceShare()
    metric.update_state(labels, x)
    with pytest.raises(ValueError, match="5 dimensions after 6"):
        metric.update_state(labels, x[:, :5])


def test_every_public_one_is_tested():
    from keras_metric import metrics

    public = {
        value
        for value in vars(metrics).values()
        if isinstance(value, type) and issubclass(value, LabelledBatchMetric)
    }
    assert public - {LabelledBatchMetric} == {case[0] for case in CASES.values()}
