"""The queue of past embeddings."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_metric import layers, losses, miners
from tests.backends import slow_on_jax, to_numpy
from tests.keras_metric.losses.cases import labelled_batch


def batches(count=5, size=6, dim=3):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.normal(size=(size, dim)).astype("float32"), rng.integers(0, 3, size)


def state(memory):
    return [to_numpy(v) for v in (memory.memory, memory.labels, memory.pointer, memory.fill)]


@pytest.mark.parametrize("memory_size", [4, 9, 100])
def test_it_compares_with_the_last_rows(memory_size):
    """Against a list of past rows; the queue wraps, and is smaller than a batch or larger."""
    loss = losses.ContrastivePairsLoss(0.1, 2.0)
    memory = layers.CrossBatchMemory(loss, memory_size, weight=0.5)
    past, past_labels = np.zeros((0, 3), "float32"), np.zeros(0, int)
    for x, labels in batches():
        got = memory([x, labels], training=True)
        np.testing.assert_array_equal(to_numpy(got), x)
        assert len(memory.losses) == 1
        expected = 0.0
        if len(past):
            expected = 0.5 * float(loss(labels, x, ref_embeddings=past, ref_labels=past_labels))
        np.testing.assert_allclose(float(memory.losses[0]), expected, rtol=1e-5)
        past = np.concatenate([past, x])[-memory_size:]
        past_labels = np.concatenate([past_labels, labels])[-memory_size:]
        stored, ids, _, fill = state(memory)
        assert fill == len(past)
        kept = sorted(map(tuple, np.column_stack([stored, ids])[: len(past)]))
        assert kept == sorted(map(tuple, np.column_stack([past, past_labels])))


def test_out_of_training_nothing_happens():
    memory = layers.CrossBatchMemory(losses.TripletSemiHardLoss(), 8)
    x, labels = next(batches())
    memory([x, labels], training=True)
    before = state(memory)
    np.testing.assert_array_equal(to_numpy(memory([x, labels])), x)
    assert memory.losses == []
    for got, expected in zip(state(memory), before, strict=True):
        np.testing.assert_array_equal(got, expected)


def network(loss, memory_size=16, seed=0):
    keras.utils.set_random_seed(seed)
    image, label = keras.Input((6,)), keras.Input((), dtype="int32")
    embeddings = keras.layers.Dense(4, dtype="mixed_bfloat16")(image)
    memory = layers.CrossBatchMemory(loss, memory_size, name="memory")
    outputs = memory([keras.layers.Activation("linear", dtype="float32")(embeddings), label])
    return keras.Model([image, label], outputs)


LOSSES = [
    losses.NTXentLoss(),
    losses.TripletSemiHardLoss(0.2),
    losses.MultiSimilarityLoss(miner=miners.MultiSimilarityMiner()),
]


@pytest.mark.parametrize(
    "loss",
    [LOSSES[0], *(pytest.param(loss, marks=pytest.mark.slow) for loss in LOSSES[1:])],
    ids=lambda loss: loss.name,
)
def test_fit_save_load(loss, tmp_path):
    jit = keras.backend.backend() != "torch"
    labels, x = labelled_batch(size=30)
    # As float32 the ids would be equal.
    labels = labels + 2**24
    model = network(loss)
    model.compile("sgd", loss=losses.TripletHardLoss(0.2), jit_compile=jit)
    first, second = model.fit([x, labels], labels, batch_size=9, epochs=2, verbose=0).history[
        "loss"
    ]
    assert np.isfinite(second)
    memory = model.get_layer("memory")
    stored, ids, pointer, fill = state(memory)
    # Two epochs of 30 rows.
    assert (int(pointer), int(fill)) == (60 % 16, 16)
    assert set(ids) == {2**24, 2**24 + 1, 2**24 + 2}
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for got, expected in zip(state(again.get_layer("memory")), state(memory), strict=True):
        np.testing.assert_array_equal(got, expected)
    restored = again.get_layer("memory").get_config()
    assert restored == memory.get_config()
    assert np.abs(stored).max() > 0
    # It goes on where it stopped: the same next step from the same weights.
    history = [m.train_on_batch([x[:9], labels[:9]], labels[:9]) for m in (model, again)]
    np.testing.assert_allclose(history[0], history[1], rtol=1e-4)
    assert first != second


@slow_on_jax
def test_the_added_loss_has_a_gradient():
    labels, x = labelled_batch(size=24)
    trained = []
    for weight in (1e-9, 1.0):
        keras.utils.set_random_seed(0)
        image, label = keras.Input((6,)), keras.Input((), dtype="int32")
        memory = layers.CrossBatchMemory(losses.ContrastivePairsLoss(), 12, weight=weight)
        model = keras.Model([image, label], memory([keras.layers.Dense(2)(image), label]))
        model.compile("sgd", loss=None)
        model.fit([x, labels], None, batch_size=12, verbose=0, shuffle=False)
        trained.append(to_numpy(model.get_weights()[0]))
    assert np.abs(trained[0] - trained[1]).max() > 1e-4


def test_a_learned_margin_is_not_stored():
    memory = layers.CrossBatchMemory(losses.MarginLoss(beta=None), 8)
    for x, labels in batches(2):
        both = ops.stop_gradient(layers.LearnableMargin(initial=0.8)(x))
        memory([both, labels], training=True)
    assert tuple(memory.memory.shape) == (8, 3)
    assert np.isfinite(float(memory.losses[0]))


def test_it_is_as_that_of_pytorch_metric_learning():
    peer = pytest.importorskip("pytorch_metric_learning.losses")
    import torch

    # Full, since theirs takes an unfilled queue for full when a step stores nothing.
    theirs = peer.CrossBatchMemory(peer.NTXentLoss(), 3, memory_size=18)
    memory = layers.CrossBatchMemory(losses.NTXentLoss(), 18)
    given = list(batches(4))
    for x, labels in given[:3]:
        memory([x, labels], training=True)
        theirs(torch.tensor(x), torch.tensor(labels))
    x, labels = given[3]
    # Theirs compares with the batch itself too, unless told which rows to store.
    mask = torch.zeros(len(x), dtype=torch.bool)
    expected = theirs(torch.tensor(x), torch.tensor(labels), enqueue_mask=mask)
    memory([x, labels], training=True)
    np.testing.assert_allclose(float(memory.losses[0]), expected.item(), rtol=1e-5)


def test_bad_input_is_named():
    loss = losses.TripletHardLoss()
    x, labels = next(batches())
    with pytest.raises(TypeError, match=r"LabelledBatchLoss\)\. Received: loss=<.*InfoNCELoss"):
        layers.CrossBatchMemory(losses.InfoNCELoss())
    with pytest.raises(TypeError, match="Received: loss='triplet'"):
        layers.CrossBatchMemory("triplet")
    with pytest.raises(ValueError, match="Received: loss of reduction='none'"):
        layers.CrossBatchMemory(losses.TripletHardLoss(reduction="none"))
    with pytest.raises(ValueError, match=r"memory_size must be a positive integer.*=0"):
        layers.CrossBatchMemory(loss, 0)
    with pytest.raises(ValueError, match=r"weight must be greater than 0.*weight=0"):
        layers.CrossBatchMemory(loss, weight=0)
    with pytest.raises(ValueError, match=r"takes a list .*shapes \(6, 3\), \(6, 2\)"):
        layers.CrossBatchMemory(loss)([x, np.zeros((6, 2), "int32")])
    with pytest.raises(ValueError, match=r"Received: is_positive\.shape|one label|mask of shape"):
        layers.CrossBatchMemory(loss)([x, labels[:4]], training=True)
