import itertools

import grain
import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.tfds_builders.streams.test_streams import DATA, assert_same, flat, kind, make  # noqa: F401
from tfds_builders import sources, streams


def test_tf_data_gives_the_same_batches_epoch_after_epoch(kind):  # noqa: F811
    stream = make(kind)
    dataset = make(kind, output="tf")
    assert len(dataset) == len(stream)
    for _ in range(2):
        for one, two in zip(dataset.as_numpy_iterator(), stream, strict=True):
            assert_same(one, two)


@pytest.mark.parametrize("augment", [None, lambda images, rng: images + rng.integers(0, 9)])
def test_tf_data_starts_anywhere_and_goes_on_from_a_checkpoint(kind, augment, tmp_path):  # noqa: F811
    stream = make(kind, augment=augment).at(2)
    dataset = stream.as_tf_dataset()
    list(dataset)
    iterator = iter(dataset)
    for _ in range(2):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "checkpoint"))
    expected = [tf.nest.map_structure(lambda part: part.numpy(), batch) for batch in iterator]
    assert len(expected) == len(stream) - 2
    assert_same(expected[0], stream.batch(len(stream) + 2))
    again = iter(make(kind, augment=augment).at(2).as_tf_dataset())
    tf.train.Checkpoint(iterator=again).restore(path)
    for one, two in zip(expected, again, strict=True):
        assert_same(one, tf.nest.map_structure(lambda part: part.numpy(), two))


def test_the_structure_is_that_of_the_builders(kind, tmp_path):  # noqa: F811
    name = f"fashion_{kind}/sample"
    built = tfds.load(name, split="test", as_supervised=True, data_dir=tmp_path).batch(32)
    source = sources.fashion_mnist_sample("test")
    streamed = make(kind, source=source, output="tf")

    def loose(spec):
        return tf.nest.map_structure(lambda s: (tuple(s.shape[1:]), s.dtype), spec)

    assert loose(streamed.element_spec) == loose(built.element_spec)


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_grain_gives_the_same_batches_and_goes_on_from_a_state(kind, workers):  # noqa: F811
    stream = make(kind).at(1)
    dataset = stream.as_grain(workers=workers)
    assert isinstance(dataset, grain.IterDataset)
    iterator = iter(dataset)
    for step in range(1, len(stream) + 3):
        assert_same(next(iterator), stream.batch(step))
    state = iterator.get_state()
    expected = [next(iterator) for _ in range(3)]
    again = iter(stream.as_grain(workers=workers))
    again.set_state(state)
    for one in expected:
        assert_same(next(again), one)
    two_epochs = make(kind).as_grain(epochs=2)
    assert len(list(two_epochs)) == 2 * len(stream)
    with pytest.raises(ValueError, match=r"Received: epochs=0"):
        stream.as_grain(epochs=0)


@pytest.mark.parametrize("options", [{}, {"workers": 2}])
def test_py_dataset_gives_the_same_batches_epoch_after_epoch(kind, options):  # noqa: F811
    stream = make(kind)
    dataset = stream.as_py_dataset(**options)
    assert isinstance(dataset, keras.utils.PyDataset)
    assert len(dataset) == len(stream)
    for epoch in range(2):
        for index in range(len(stream)):
            assert_same(dataset[index], stream.batch(epoch * len(stream) + index))
        dataset.on_epoch_end()


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        self.batches = []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(batch)


def network(kind):  # noqa: F811
    image = keras.Input((4, 3, 1))
    features = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    if kind == "balanced":
        return keras.Model(image, features(image))
    inputs = [keras.Input((4, 3, 1)) for _ in range(2 if kind == "pairs" else 3)]
    return keras.Model(inputs, keras.layers.Concatenate()([features(one) for one in inputs]))


@pytest.mark.parametrize("output", ["tf", "grain", "keras"])
def test_fit_takes_it_on_this_backend(kind, output):  # noqa: F811
    data = make(kind, output=output, augment=lambda images: images / np.float32(255))
    length = len(make(kind))
    model = network(kind)
    model.compile("sgd", lambda y, x: keras.ops.mean(x**2, axis=-1))
    recorder = Recorder()
    before = model.get_weights()
    steps = {"steps_per_epoch": length} if output == "grain" else {}
    history = model.fit(data, epochs=2, verbose=0, callbacks=[recorder], shuffle=False, **steps)
    assert recorder.batches == list(range(length)) * 2
    assert np.isfinite(history.history["loss"]).all()
    changed = [(old != new).any() for old, new in zip(before, model.get_weights(), strict=True)]
    assert any(changed)


def test_fit_reads_ahead_in_processes():
    data = streams.balanced(DATA, 4, 3).as_py_dataset(workers=2, use_multiprocessing=True)
    first = list(itertools.islice((flat(data[i]) for i in range(len(data))), 2))
    assert len(first) == 2
