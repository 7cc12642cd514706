"""Pairs that are neither positive nor negative, for every loss on a labelled batch."""

import numpy as np
import pytest

from keras_metric import losses, miners
from tests.backends import compiled_on_jax, slow_on_jax, to_numpy, value_and_gradient
from tests.keras_metric.losses.cases import labelled_batch, make, public_losses

LABELLED = public_losses(losses.LabelledBatchLoss)


def references():
    """Anchors, references, and rows that no anchor shall be compared with."""
    labels, x = labelled_batch()
    ref_labels, refs = labelled_batch(seed=9, size=15)
    strangers = np.concatenate([x[:2], np.zeros((1, 6)), 50.0 * refs[:2]]).astype("float32")
    return x, refs, strangers, labels[:, None] == ref_labels[None]


@slow_on_jax
@pytest.mark.parametrize("cls", LABELLED, ids=lambda cls: cls.__name__)
def test_references_that_are_neither_do_not_count(cls):
    x, refs, strangers, is_positive = references()
    nobody = np.zeros((len(x), len(strangers)), bool)
    loss = make(cls)
    expected = value_and_gradient(
        lambda x: loss(None, x, ref_embeddings=refs, is_positive=is_positive), x
    )
    got = value_and_gradient(
        lambda x: loss(
            None,
            x,
            ref_embeddings=np.concatenate([refs, strangers]),
            is_positive=np.concatenate([is_positive, nobody], axis=1),
            is_negative=np.concatenate([~is_positive, nobody], axis=1),
        ),
        x,
    )
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", miners.names())
def test_miners_choose_among_what_the_masks_allow(name):
    x, refs, strangers, is_positive = references()
    nobody = np.zeros((len(x), len(strangers)), bool)
    positive, negative = (
        np.concatenate([mask, nobody], axis=1) for mask in (is_positive, ~is_positive)
    )
    everyone = np.concatenate([refs, strangers])
    batch = losses._labelled_batch.as_batch(
        *losses._labelled_batch.checked(
            None, x, everyone, is_positive=positive, is_negative=negative
        )
    )
    chosen = [to_numpy(mask) for mask in miners.get(name).pairs(batch)]
    assert not np.any(chosen[0] & ~positive)
    assert not np.any(chosen[1] & ~negative)
    loss = losses.TripletLoss(miner=name)
    value = compiled_on_jax(
        lambda x: loss(None, x, ref_embeddings=everyone, is_positive=positive, is_negative=negative)
    )
    assert np.isfinite(float(value(x)))


@pytest.mark.parametrize("name", miners.names())
def test_counts_are_the_numbers_of_triplets_a_pair_is_in(name):
    labels, x = labelled_batch(seed=4, size=14, dim=3)
    batch = losses._labelled_batch.as_batch(*losses._labelled_batch.checked(labels, x))
    triplets = miners.get(name).triplets(batch)
    expected = np.zeros((2, 14, 14))
    for anchor, positive, negative in triplets.to_indices():
        expected[0, anchor, positive] += 1
        expected[1, anchor, negative] += 1
    for got, wanted in zip(triplets.counts(), expected, strict=True):
        np.testing.assert_array_equal(to_numpy(got), wanted)
