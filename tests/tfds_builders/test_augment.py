import keras
import numpy as np
import pytest
import tensorflow as tf

import tfds_builders


def numbered(structure, batched, count=6):
    """Images that hold their own number, in a structure; labels are numbers as well."""
    rng = np.random.default_rng(0)
    roles = [rng.uniform(size=(count, 4, 4, 1)).astype("float32") for _ in range(3)]
    labels = np.arange(count)
    elements = {
        "image": (roles[0], labels),
        "pair": (tuple(roles[:2]), labels % 2),
        "weighted": (tuple(roles[:2]), labels % 2, labels / 2),
        "dict": {"image_a": roles[0], "image_b": roles[1], "same": labels % 2, "id_a": labels},
        "triplet": dict(zip(("anchor", "positive", "negative"), roles, strict=True)),
    }
    dataset = tf.data.Dataset.from_tensor_slices(elements[structure])
    return dataset.batch(3) if batched else dataset


def jitter(images, rng):
    return images + rng.uniform(1, 2, (len(images), 1, 1, 1)).astype("float32")


def leaves(dataset):
    return [tf.nest.flatten(element) for element in dataset.as_numpy_iterator()]


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("structure", ["image", "pair", "weighted", "dict", "triplet"])
def test_images_change_and_nothing_else_does(structure, batched):
    plain = numbered(structure, batched)
    changed = tfds_builders.augment(plain, jitter)
    assert len(changed) == len(plain)
    assert changed.element_spec == plain.element_spec
    for before, after in zip(leaves(plain), leaves(changed), strict=True):
        for one, other in zip(before, after, strict=True):
            if one.ndim >= 3:
                # Each image is moved by one number between 1 and 2.
                shift = (other - one).reshape(*one.shape[:-3], -1)
                assert ((shift > 0.999) & (shift < 2.001)).all()
                assert np.ptp(shift, axis=-1).max() < 1e-5
            else:
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("joint", [True, False])
def test_members_change_independently_or_jointly(joint, batched):
    plain = numbered("pair", batched)
    changed = tfds_builders.augment(plain, jitter, joint=joint)
    shifts = []
    for before, after in zip(leaves(plain), leaves(changed), strict=True):
        pair = [(b - a).mean(axis=(-1, -2, -3)) for a, b in zip(before[:2], after[:2], strict=True)]
        shifts.append(np.stack(pair, axis=-1).reshape(-1, 2))
    shifts = np.concatenate(shifts)
    together = np.isclose(shifts[:, 0], shifts[:, 1], atol=1e-5)
    assert together.all() if joint else not together.any()
    assert len(np.unique(shifts[:, 0].round(5))) == 6


def test_epochs_differ_and_runs_agree():
    def two_epochs(seed):
        dataset = tfds_builders.augment(numbered("pair", True), jitter, seed=seed)
        return [np.stack([one[0] for one in leaves(dataset)]) for _ in range(2)]

    first, second = two_epochs(1)
    again = two_epochs(1)
    np.testing.assert_array_equal(first, again[0])
    np.testing.assert_array_equal(second, again[1])
    assert not np.isclose(first, second).any()
    assert not np.isclose(first, two_epochs(2)[0]).any()
    repeated = tfds_builders.augment(numbered("pair", True), jitter, seed=1).repeat(2)
    np.testing.assert_array_equal(
        np.stack([one[0] for one in leaves(repeated)]), np.concatenate([first, second])
    )


@pytest.mark.parametrize("joint", [True, False])
def test_keras_models_change_images_on_this_backend(joint):
    model = keras.Sequential([keras.layers.RandomTranslation(0.4, 0.4), keras.layers.RandomFlip()])
    images = np.random.default_rng(0).uniform(size=(40, 8, 8, 1)).astype("float32")
    plain = tf.data.Dataset.from_tensor_slices(((images, images), np.arange(40))).batch(20)
    changed = tfds_builders.augment(plain, model, joint=joint, seed=5)
    results = []
    for _ in range(2):
        dataset = tfds_builders.augment(plain, model, joint=joint, seed=5)
        results.append([np.concatenate(one) for one in zip(*leaves(dataset), strict=True)])
    (a, b, labels), again = results
    np.testing.assert_array_equal(a, again[0])
    np.testing.assert_array_equal(labels, np.arange(40))
    assert changed.element_spec[0][0].shape.as_list() == [None, 8, 8, 1]
    assert not np.allclose(a, images)
    same = np.isclose(a, b, atol=1e-6).all(axis=(1, 2, 3))
    assert same.all() if joint else same.mean() < 0.2


def test_a_list_is_applied_in_order_and_the_size_is_known_where_it_is_fixed():
    images = [np.full((5, 4 + number, 3), number, np.uint8) for number in range(3)]
    plain = tf.data.Dataset.from_generator(
        lambda: ((image, 0) for image in images),
        output_signature=(tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int64)),
    )
    steps = [lambda images: images * 2, keras.layers.Resizing(6, 8), lambda images: images + 1]
    changed = tfds_builders.augment(plain, steps)
    assert changed.element_spec[0].shape.as_list() == [6, 8, 3]
    for number, (image, _) in enumerate(changed.as_numpy_iterator()):
        np.testing.assert_allclose(image, np.full((6, 8, 3), 2 * number + 1), atol=1e-5)
    kept = tfds_builders.augment(plain, lambda images: images)
    assert kept.element_spec[0].shape.as_list() == [None, None, 3]


def test_a_saved_iterator_goes_on_with_the_same_changes(tmp_path):
    def start():
        dataset = tfds_builders.augment(numbered("image", False, 12), jitter, seed=3)
        iterator = iter(dataset)
        return iterator, tf.train.Checkpoint(iterator=iterator)

    iterator, checkpoint = start()
    for _ in range(5):
        next(iterator)
    path = checkpoint.save(str(tmp_path / "state"))
    rest = [image.numpy() for image, _ in iterator]
    other, checkpoint = start()
    checkpoint.restore(path)
    np.testing.assert_array_equal(rest, [image.numpy() for image, _ in other])


def test_bad_arguments_are_told():
    plain = numbered("pair", True)
    with pytest.raises(TypeError, match=r"streams take `augment=`. Received: dataset=7"):
        tfds_builders.augment(7, jitter)
    with pytest.raises(ValueError, match=r"callable, a Keras layer or a list.*augment=None"):
        tfds_builders.augment(plain, None)
    with pytest.raises(ValueError, match=r"must return as many images as it gets, 4"):
        tfds_builders.augment(plain, lambda images: images[:1])
    with pytest.raises(ValueError, match=r"some of the keys.*Received: elements of"):
        tfds_builders.augment(plain.map(lambda x, y: {"picture": x[0]}), jitter)
    with pytest.raises(ValueError, match=r"shape \(height, width, channels\)"):
        tfds_builders.augment(plain.batch(2), jitter)
