"""The histograms give what the exact functions give, as far as they promise."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import metrics
from keras_metric.metrics import BestThresholdAccuracy, EqualErrorRate, TrueAcceptRate
from tests.backends import compiled_on_jax

BATCH = 64
EXACT = {
    EqualErrorRate: lambda *pairs: (metrics.equal_error_rate(*pairs), None),
    TrueAcceptRate: lambda *pairs: metrics.true_accept_rate(*pairs, 0.1),
    BestThresholdAccuracy: lambda *pairs: metrics.best_threshold(*pairs)[::-1],
}
ARGUMENTS = {TrueAcceptRate: {"at_far": 0.1}}
every_metric = pytest.mark.parametrize("cls", EXACT, ids=lambda cls: cls.__name__)


def make(cls, **kwargs):
    return cls(**ARGUMENTS.get(cls, {}), **kwargs)


def pairs(seed, size=400):
    rng = np.random.default_rng(seed)
    same = rng.integers(0, 2, size)
    return same, np.clip(rng.normal(1.3 - 0.6 * same, 0.25), 0, 2)


def fed(metric, same, values, weights=None):
    for start in range(0, len(same), BATCH):
        part = slice(start, start + BATCH)
        weight = None if weights is None else weights[part]
        metric.update_state(same[part], values[part].astype("float32"), weight)
    return metric


def right_at(threshold, same, values):
    accepted = values <= threshold
    return (np.mean(accepted[same == 1]) + np.mean(~accepted[same == 0])) / 2


@every_metric
@pytest.mark.parametrize("seed", range(3))
def test_values_in_the_middle_of_bins_lose_nothing(cls, seed):
    same, distances = pairs(seed)
    distances = (np.floor(distances * 20) + 0.5) / 20  # 40 bins in all, full of ties
    metric = fed(make(cls, bins=40), same, distances)
    value, _ = EXACT[cls](same, distances)
    assert float(metric.result()) == pytest.approx(value, abs=1e-6)
    scores = fed(make(cls, bins=40, higher_is_similar=True), same, 1 - distances)
    assert float(scores.result()) == pytest.approx(value, abs=1e-6)
    assert float(scores.threshold()) == pytest.approx(1 - float(metric.threshold()), abs=1e-5)


@every_metric
@pytest.mark.parametrize("bins", [7, 50, 2000])
def test_the_error_is_within_what_is_documented(cls, bins):
    for seed in range(5):
        same, distances = pairs(seed)
        value, _ = EXACT[cls](same, distances)
        found = float(fed(make(cls, bins=bins), same, distances).result())
        edges = np.linspace(0, 2, bins + 1)
        shares = [
            np.histogram(distances[same == kind], edges)[0] / np.sum(same == kind)
            for kind in (1, 0)
        ]
        if cls is EqualErrorRate:
            assert abs(found - value) <= max(np.minimum(*shares)) + 1e-6
        elif cls is TrueAcceptRate:
            assert value - max(shares[0]) - 1e-6 <= found <= value + 1e-6
        else:
            assert value - max(shares[0]) / 2 - 1e-6 <= found <= value + 1e-6


def test_thresholds_do_what_the_results_say():
    same, distances = pairs(5)
    metric = fed(BestThresholdAccuracy(), same, distances)
    told = right_at(float(metric.threshold()), same, distances)
    assert told == pytest.approx(float(metric.result()), abs=1e-6)
    metric = fed(TrueAcceptRate(at_far=0.1), same, distances)
    accepted = distances <= float(metric.threshold())
    assert np.mean(accepted[same == 1]) == pytest.approx(float(metric.result()), abs=1e-6)
    assert np.mean(accepted[same == 0]) <= 0.1
    metric = fed(EqualErrorRate(bins=200), same, distances)
    accepted = distances <= float(metric.threshold())
    assert np.mean(accepted[same == 0]) == pytest.approx(float(metric.result()), abs=0.01)


@every_metric
def test_weights_are_pairs_repeated(cls):
    same, distances = pairs(6)
    weights = np.random.default_rng(6).integers(0, 4, len(same))
    distances = (np.floor(distances * 20) + 0.5) / 20
    expected, _ = EXACT[cls](np.repeat(same, weights), np.repeat(distances, weights))
    for shape in ((-1,), (-1, 1)):
        metric = fed(make(cls), same, distances, weights.reshape(shape).astype("float32"))
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_accuracy_that_is_not_balanced():
    same, distances = pairs(7)
    keep = (same == 0) | (np.arange(len(same)) % 5 == 0)
    same, distances = same[keep], (np.floor(distances[keep] * 50) + 0.5) / 50
    metric = fed(BestThresholdAccuracy(balanced=False), same, distances)
    expected = metrics.best_threshold(same, distances, balanced=False)[1]
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    assert expected != pytest.approx(metrics.best_threshold(same, distances)[1], abs=1e-3)


@every_metric
def test_columns_and_booleans_are_taken(cls):
    same, distances = pairs(8)
    expected = float(fed(make(cls), same, distances).result())
    column = fed(make(cls), same.astype(bool)[:, None], distances[:, None])
    assert float(column.result()) == expected


@every_metric
def test_a_range_need_only_contain_the_threshold(cls):
    same, distances = pairs(9)
    expected = float(fed(make(cls), same, distances).result())
    around = float(fed(make(cls), same, distances).threshold())
    # The best accuracy asks for more: that no threshold outside can be better.
    reach = 0.4 if cls is BestThresholdAccuracy else 0.05
    narrow = {"value_range": (around - reach, around + reach), "bins": 2000}
    assert float(fed(make(cls, **narrow), same, distances).result()) == pytest.approx(
        expected, abs=0.003
    )
    for beside in ((around + 0.05, 2), (0, around - 0.05)):
        missed = fed(make(cls, value_range=beside, bins=100), same, distances)
        assert np.isnan(float(missed.result()))
        assert np.isnan(float(missed.threshold()))


@every_metric
def test_ends_of_the_range_are_within(cls):
    ends = np.array([0.0, -1e-7, 0.1, 0.1, 1.9, 2.0, 2.0000002])
    metric = fed(make(cls, bins=2), np.array([1, 0, 1, 1, 0, 0, 1]), ends)
    assert ops.convert_to_numpy(metric.counts).tolist() == [[0, 1, 2, 0, 0], [0, 3, 1, 0, 0]]


@every_metric
def test_what_is_not_known_is_nan(cls):
    metric = make(cls)
    assert np.isnan(float(metric.result()))
    metric.update_state([1, 1], [0.1, 0.2])
    assert np.isnan(float(metric.result()))
    metric.update_state([0, 0], [0.8, 0.9])
    assert float(metric.result()) == (0.0 if cls is EqualErrorRate else 1.0)
    metric.update_state([0], [float("nan")])
    assert np.isnan(float(metric.result()))
    metric.reset_state()
    metric.update_state([0, 1], [0.1, 0.9])
    assert float(metric.result()) == {EqualErrorRate: 1.0, TrueAcceptRate: 0.0}.get(cls, 0.5)


def test_nothing_or_everything_accepted_is_an_infinite_threshold():
    turned = BestThresholdAccuracy()
    turned.update_state([1, 0], [0.9, 0.1])
    assert float(turned.threshold()) in (-np.inf, np.inf)
    scores = TrueAcceptRate(at_far=0.1, higher_is_similar=True)
    # Even the nearest pairs are too many: higher than any score.
    scores.update_state([0, 1], [5.0, 0.5])
    assert float(scores.threshold()) == np.inf
    assert float(scores.result()) == 0.0


@every_metric
def test_the_configuration_rebuilds_it(cls):
    arguments = {"value_range": (-3.0, 4.0), "bins": 70, "higher_is_similar": True, "name": "it"}
    if cls is TrueAcceptRate:
        arguments["at_far"] = 0.25
    if cls is BestThresholdAccuracy:
        arguments["balanced"] = False
    metric = cls(**arguments)
    rebuilt = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(rebuilt) is cls
    for name, value in arguments.items():
        assert getattr(rebuilt, name) == value, name
    same, distances = pairs(10)
    assert float(fed(rebuilt, same, distances).result()) == float(
        fed(metric, same, distances).result()
    )


@every_metric
def test_compiled_updates_are_those_of_plain_ones(cls):
    same, distances = pairs(11, BATCH)
    metric = make(cls)
    expected = float(fed(make(cls), same, distances).result())
    if keras.backend.backend() == "jax":
        state = compiled_on_jax(
            lambda pair: metric.stateless_update_state(metric.variables, pair[0], pair[1])
        )((same, distances.astype("float32")))
        found = compiled_on_jax(metric.stateless_result)(state)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function(
            jit_compile=True,
            input_signature=[tf.TensorSpec([None], "int32"), tf.TensorSpec([None, 1], "float32")],
        )
        def step(same, values):
            metric.update_state(same, values)
            return metric.result()

        found = step(same.astype("int32"), distances.astype("float32")[:, None])
    else:
        fed(metric, same, distances)
        found = metric.result()
    assert float(found) == expected


# On PyTorch Keras compiles only when asked, by a compiler that warns of its own deprecation.
JIT = ["auto"] if keras.backend.backend() == "torch" else ["auto", True]


@pytest.mark.parametrize("jit_compile", JIT)
def test_in_fit_and_evaluate_with_weights(jit_compile):
    same, distances = pairs(12)
    weights = np.random.default_rng(12).integers(0, 3, len(same)).astype("float32")
    inputs = keras.Input((1,))
    # A network that stays as it is: the distance it puts out is its input.
    outputs = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(0.0),
        loss="mse",
        metrics=[EqualErrorRate(), TrueAcceptRate(0.1)],
        weighted_metrics=[BestThresholdAccuracy()],
        jit_compile=jit_compile,
    )
    rounded = (np.floor(distances * 20) + 0.5) / 20
    arguments = {"sample_weight": weights, "batch_size": 100, "verbose": 0}
    logs = model.fit(rounded[:, None].astype("float32"), same, **arguments).history
    found = model.evaluate(rounded[:, None].astype("float32"), same, **arguments, return_dict=True)
    for name, values in logs.items():
        assert values[0] == pytest.approx(found[name], abs=1e-5)
    assert found["equal_error_rate"] == pytest.approx(
        metrics.equal_error_rate(same, rounded), abs=1e-6
    )
    assert found["tar_at_far_0.1"] == pytest.approx(
        metrics.true_accept_rate(same, rounded, 0.1)[0], abs=1e-6
    )
    often = weights.astype(int)
    expected = metrics.best_threshold(np.repeat(same, often), np.repeat(rounded, often))[1]
    assert found["best_threshold_accuracy"] == pytest.approx(expected, abs=1e-6)


def test_keras_auc_on_distances_is_the_area_under_the_curve():
    same, distances = pairs(13)
    far, tar, _ = metrics.roc_curve(same, distances)
    auc = keras.metrics.AUC(num_thresholds=2000)
    auc.update_state(same, 1 - distances.astype("float32") / 2)
    assert float(auc.result()) == pytest.approx(np.trapezoid(tar, far), abs=2e-3)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"smaller and a larger.*value_range=\(2, 1\)"):
        EqualErrorRate(value_range=(2, 1))
    with pytest.raises(ValueError, match=r"at least 1. Received: bins=0"):
        EqualErrorRate(bins=0)
    with pytest.raises(ValueError, match=r"less than 1. Received: at_far=1"):
        TrueAcceptRate(at_far=1)
    metric = EqualErrorRate()
    with pytest.raises(ValueError, match=r"`y_pred` must be of shape \(batch,\).*\(4, 2\)"):
        metric.update_state(np.zeros(4), np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"y_true and y_pred. Received: lengths \(3, 4\)"):
        metric.update_state(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match=r"sample_weight and y_pred. Received: lengths \(3, 4\)"):
        metric.update_state(np.zeros(4), np.zeros(4), np.zeros(3))
