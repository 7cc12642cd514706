"""Measures during fit: the numbers of the model as it is, in time for later callbacks."""

import keras
import numpy as np
import pytest

from keras_metric.callbacks import RetrievalEvaluation
from keras_metric.losses import TripletSemiHardLoss
from keras_metric.retrieval import measures


def rows(seed, num, classes=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, num)
    centers = 2 * np.random.default_rng(9).normal(size=(classes, 6))
    return (centers[labels] + rng.normal(size=(num, 6))).astype("float32"), labels


X, Y = rows(0, 64)
QUERIES, LABELS = rows(1, 25)


def compiled(seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3)]
    )
    model.compile(keras.optimizers.Adam(0.05), TripletSemiHardLoss())
    return model


def fit(model, *callbacks, epochs=2, **options):
    return model.fit(
        X, Y, batch_size=32, epochs=epochs, callbacks=list(callbacks), verbose=0, **options
    ).history


def test_leave_one_out_measures_the_weights_of_that_epoch():
    model = compiled()
    kept = []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    names = ["recall_at_1", "map_at_r"]
    history = fit(model, RetrievalEvaluation(QUERIES, LABELS, measures=names), keep, epochs=3)
    for epoch, weights in enumerate(kept):
        model.set_weights(weights)
        expected = measures.evaluate(model.predict(QUERIES, verbose=0), LABELS, measures=names)
        for name in names:
            assert history[f"val_{name}"][epoch] == pytest.approx(expected[name], abs=1e-6)
    assert len(set(history["val_map_at_r"])) == 3  # training changes them


def test_a_gallery_apart_and_a_sub_model_beside_validation():
    encoder = compiled()
    inputs = keras.Input((6,))
    model = keras.Model(inputs, {"z": encoder(inputs), "again": encoder(inputs)})
    loss = TripletSemiHardLoss()
    model.compile("adam", {"z": loss, "again": loss})
    callbacks = [
        RetrievalEvaluation(QUERIES, LABELS, X, Y, ["mrr"], "euclidean", choice, prefix=prefix)
        for choice, prefix in (("z", "a_"), (encoder, "b_"), (encoder.name, "c_"))
    ]
    targets = {"z": Y, "again": Y}
    history = model.fit(
        X, targets, epochs=1, callbacks=callbacks, verbose=0, validation_data=(X, targets)
    ).history
    embed = encoder.predict_on_batch
    expected = measures.evaluate(
        embed(QUERIES), LABELS, embed(X), Y, measures=["mrr"], distance="euclidean"
    )
    for prefix in "abc":
        assert history[f"{prefix}_mrr"][0] == pytest.approx(expected["mrr"], abs=1e-6)


def test_datasets_on_both_sides():
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((QUERIES, LABELS)).batch(8)
    gallery = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(64).batch(10)
    model = compiled()
    history = fit(
        model,
        RetrievalEvaluation(data, gallery=gallery, prefix="data_"),
        RetrievalEvaluation(QUERIES, LABELS, X, Y, prefix="array_"),
    )
    for name in ("recall_at_1", "map_at_r", "r_precision"):
        assert history[f"data_{name}"] == pytest.approx(history[f"array_{name}"], abs=1e-6)


def test_known_and_unknown_classes_apart():
    model = compiled()
    history = fit(
        model,
        RetrievalEvaluation(QUERIES, LABELS, measures=["r_precision"], known_classes=[0, 1, 77]),
        epochs=1,
    )
    per_query = measures.r_precision(model.predict(QUERIES, verbose=0), LABELS, average="none")
    known = LABELS <= 1
    assert history["val_r_precision_known"] == [pytest.approx(per_query[known].mean())]
    assert history["val_r_precision_unknown"] == [pytest.approx(per_query[~known].mean())]
    assert history["val_r_precision"] == [pytest.approx(per_query.mean())]


def test_later_callbacks_see_the_keys(tmp_path):
    model = compiled()
    evaluation = RetrievalEvaluation(QUERIES, LABELS, measures=["map_at_r"])
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}-{val_map_at_r:.6f}.weights.h5", "val_map_at_r", mode="max",
        save_weights_only=True,
    )  # fmt: skip
    # No second epoch is better by 1.
    stop = keras.callbacks.EarlyStopping("val_map_at_r", min_delta=1.0, patience=1, mode="max")
    history = fit(model, evaluation, best, stop, epochs=9)["val_map_at_r"]
    assert len(history) == 2
    assert history[1] > history[0]  # so both epochs were the best so far
    expected = {f"{i}-{value:.6f}.weights.h5" for i, value in enumerate(history, 1)}
    assert {file.name for file in tmp_path.iterdir()} == expected


def test_every_other_epoch_and_the_last():
    evaluation = RetrievalEvaluation(QUERIES, LABELS, measures=["mrr"], every=2)
    history = fit(compiled(), evaluation, epochs=5)
    assert sorted(evaluation.reports) == [1, 3, 4]
    assert len(history["val_mrr"]) == 3


def test_scalars_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    import tensorflow as tf

    evaluation = RetrievalEvaluation(QUERIES, LABELS, measures=["mrr"], log_dir=tmp_path)
    history = fit(compiled(), evaluation, epochs=2)
    (file,) = tmp_path.glob("events*")
    events = [
        tf.compat.v1.Event.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(file))
    ]
    found = {
        (event.step, value.tag): float(tf.make_ndarray(value.tensor))
        for event in events
        for value in event.summary.value
    }
    assert sorted(found) == [(0, "epoch_val_mrr"), (1, "epoch_val_mrr")]
    assert list(found.values()) == pytest.approx(history["val_mrr"], abs=1e-6)


def test_string_labels_and_macro_average():
    names = np.array(["cat", "dog", "emu", "fox"])[LABELS]
    model = compiled()
    evaluation = RetrievalEvaluation(QUERIES, names, measures=["mrr"], average="macro")
    history = fit(model, evaluation, epochs=1)
    expected = measures.evaluate(
        model.predict(QUERIES, verbose=0), LABELS, measures=["mrr"], average="macro"
    )
    assert history["val_mrr"] == [pytest.approx(expected["mrr"])]


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="`gallery_labels` needs a `gallery`"):
        RetrievalEvaluation(QUERIES, LABELS, gallery_labels=Y)
    with pytest.raises(ValueError, match="`measures` must be among"):
        RetrievalEvaluation(QUERIES, LABELS, measures=["recall"])
    with pytest.raises(ValueError, match="`measures` must be names"):
        RetrievalEvaluation(QUERIES, LABELS, measures=[])
    with pytest.raises(ValueError, match="`every` must be an integer"):
        RetrievalEvaluation(QUERIES, LABELS, every=0)
    with pytest.raises(ValueError, match="`x` needs labels"):
        fit(compiled(), RetrievalEvaluation(QUERIES))
    with pytest.raises(ValueError, match="`y` must be as many"):
        fit(compiled(), RetrievalEvaluation(QUERIES, LABELS[:3]))
