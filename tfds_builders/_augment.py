"""Random changes of the images of a `tf.data` pipeline."""

import itertools
from typing import Any

import numpy as np

from tfds_builders.streams._augment import Augment

_NAMES = ("image", "image_a", "image_b", "anchor", "positive", "negative")
_PER_ITERATION = 2**32
# Two sizes: where the results agree, the size does not depend on the image.
_SIZES = ((256, 256), (288, 320))


def augment(
    dataset: Any, layers: Any, *, joint: bool = False, seed: int = 0, threads: int = 2
) -> Any:
    """Changes the images of pairs, triplets or batches at random; labels stay as they are.

    For the training data alone: hand the validation data to `fit` as it is. Streams have the
    same as their option `augment=`.

    Each element's changes follow from `seed`, the number of the element and that of the
    iteration, so that every epoch differs from the last and a second run repeats the first.
    Batch first: a call costs more than the changes of one image.

    Args:
        dataset: A `tf.data.Dataset` as `tfds.load` gives it, of dicts or in supervised form,
            batched or not.
        layers: A Keras layer or model, called with `training=True` on whichever backend Keras
            runs; or a function of images, shape `(batch, height, width, channels)`, and, if it
            takes two arguments, a `numpy.random.Generator`; or a list of these.
        joint: Whether all members of a tuple get the same random numbers. Otherwise each image
            is changed independently of the others.
        seed: Decides everything that is random.
        threads: Elements that are changed at the same time; a Keras layer takes one at a time.

    Returns:
        A dataset of the same structure and length; images have the type that `layers` give.

    Raises:
        TypeError: `dataset` is not a `tf.data.Dataset`.
        ValueError: Its elements are of another kind, `layers` cannot be called, or they return
            another number of images than they get.

    Example:
        >>> import tensorflow as tf
        >>> rows = tf.data.Dataset.from_tensors((tf.zeros((4, 2, 2, 1)), tf.range(4)))
        >>> def lighter(images, rng):
        ...     return images + rng.uniform(0.5, 1, (len(images), 1, 1, 1)).astype("float32")
        >>> images, labels = next(augment(rows, lighter).as_numpy_iterator())
        >>> images.shape, bool((images >= 0.5).all()), labels.tolist()
        ((4, 2, 2, 1), True, [0, 1, 2, 3])
    """
    import tensorflow as tf

    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(
            "`dataset` must be a tf.data.Dataset; streams take `augment=`. "
            f"Received: dataset={dataset!r}"
        )
    change = Augment(layers, joint, seed)
    specs = _images(dataset.element_spec)
    is_batched = _is_batched(specs)
    results = [_result(change, specs, is_batched, size) for size in _SIZES]

    def call(number: Any, *roles: Any) -> list[Any]:
        batches = list(roles) if is_batched else [image[np.newaxis] for image in roles]
        changed = change(batches, int(number))
        return changed if is_batched else [images[0] for images in changed]

    def mapped(number: Any, element: Any) -> Any:
        images = _images(element)
        types = [tf.as_dtype(result.dtype) for result in results[0]]
        changed = tf.numpy_function(call, [number, *images], types, stateful=False)
        for image, spec, *found in zip(changed, specs, *results, strict=True):
            sizes = zip(*(result.shape[1:] for result in found), strict=True)
            shape = [one if one == other else None for one, other in sizes]
            image.set_shape([*spec.shape[: int(is_batched)], *shape])
        return _replaced(element, changed)

    numbered = tf.data.Dataset.zip(_numbers(), dataset)
    changed = numbered.map(mapped, num_parallel_calls=threads, deterministic=True)
    length = dataset.cardinality()
    if length == tf.data.UNKNOWN_CARDINALITY:
        return changed
    return changed.apply(tf.data.experimental.assert_cardinality(length))


def _numbers() -> Any:
    """Numbers of elements, others in every iteration."""
    import tensorflow as tf

    iterations = itertools.count()

    # Not stateful in the sense of a checkpoint: the number that was drawn is saved.
    def begin(_: Any) -> Any:
        return np.int64(next(iterations) * _PER_ITERATION)

    def numbers(zero: Any) -> Any:
        start = tf.numpy_function(begin, [zero], tf.int64, stateful=False)
        return tf.data.Dataset.range(start, start + _PER_ITERATION)

    return tf.data.Dataset.range(1).flat_map(numbers)


def _images(element: Any) -> list[Any]:
    """The images of an element, in a fixed order."""
    inputs = element[0] if _is_supervised(element) else element
    if isinstance(inputs, dict):
        found = [inputs[name] for name in _NAMES if name in inputs]
    else:
        found = list(inputs) if isinstance(inputs, tuple) else [inputs]
    if not found or not all(hasattr(one, "shape") for one in found):
        raise ValueError(
            "Elements must be (images, labels) or a dict with some of the keys "
            f"{list(_NAMES)}. Received: elements of {element!r}"
        )
    return found


def _replaced(element: Any, images: list[Any]) -> Any:
    """The element with other images."""
    inputs, *rest = element if _is_supervised(element) else (element,)
    changed = _with_images(inputs, images)
    return (changed, *rest) if rest else changed


def _with_images(inputs: Any, images: list[Any]) -> Any:
    if isinstance(inputs, dict):
        names = [name for name in _NAMES if name in inputs]
        return {**inputs, **dict(zip(names, images, strict=True))}
    return tuple(images) if isinstance(inputs, tuple) else images[0]


def _is_supervised(element: Any) -> bool:
    return isinstance(element, tuple) and len(element) > 1


def _is_batched(specs: list[Any]) -> bool:
    ranks = {spec.shape.rank for spec in specs}
    if ranks not in ({3}, {4}):
        raise ValueError(
            "Images must be of shape (height, width, channels), or a batch of such. "
            f"Received: shapes {[spec.shape for spec in specs]}"
        )
    return ranks == {4}


def _result(change: Augment, specs: list[Any], is_batched: bool, size: tuple[int, int]) -> Any:
    """What images of two become, black ones of `size` where theirs is not fixed."""
    shapes = [spec.shape.as_list()[int(is_batched) :] for spec in specs]
    filled = [
        [own or other for own, other in zip(shape, (*size, 3), strict=True)] for shape in shapes
    ]
    images = [
        np.zeros((2, *shape), spec.dtype.as_numpy_dtype)
        for shape, spec in zip(filled, specs, strict=True)
    ]
    return change(images, 0)
