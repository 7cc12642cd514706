"""Splits of the classes for zero-shot evaluation: test on classes never trained on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_metric.retrieval._arrays import check_choice
from keras_metric.retrieval._labels import as_labels


def zero_shot(labels: Any, train_share: float = 0.5) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows of the first classes, to train on, and of the rest, to test on.

    The classes are taken in sorted order and the first `floor(share * classes)` train, as
    the field does with CUB-200-2011 (100 of 200 classes) and Cars196 (98 of 196), whose own
    training and test images are put together first.

    Reference: [Oh Song et al., 2016](https://arxiv.org/abs/1511.06452), section 6.

    Args:
        labels: All rows' labels, `(rows,)`: integers or strings, not both.
        train_share: Share of the classes to train on, between 0 and 1.

    Returns:
        Row numbers of the training part and of the test part.

    Raises:
        ValueError: A part would have no class, a label is None, or the share is out of range.

    Example:
        >>> zero_shot([2, 0, 1, 3, 0])
        (array([1, 2, 4]), array([0, 3]))
    """
    if not 0 < train_share < 1:
        raise ValueError(
            f"`train_share` must be between 0 and 1. Received: train_share={train_share!r}"
        )
    flat = as_labels(labels, None)
    kinds = {type(value) for value in flat.tolist()}
    if len(kinds) > 1 or type(None) in kinds:
        raise ValueError(
            "`labels` must be all integers or all strings. "
            f"Received: labels of {sorted(kind.__name__ for kind in kinds)}"
        )
    classes = sorted(set(flat.tolist()))
    count = int(len(classes) * train_share)
    if not 0 < count < len(classes):
        raise ValueError(
            "Both parts must have a class. "
            f"Received: {len(classes)} classes and train_share={train_share}"
        )
    first = set(classes[:count])
    is_train = np.array([label in first for label in flat.tolist()])
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)


# (images, classes) of each part. Oh Song et al., 2016, section 6; Liu et al., 2016, for In-shop.
PUBLISHED = {
    "cub_200_2011": {"train": (5864, 100), "test": (5924, 100)},
    "cars196": {"train": (8054, 98), "test": (8131, 98)},
    "stanford_online_products": {"train": (59551, 11318), "test": (60502, 11316)},
    "in_shop": {"train": (25882, 3997), "query": (14218, 3985), "gallery": (12612, 3985)},
}


def check_published(dataset: str, part: str, labels: Any) -> None:
    """Compare a part's images and classes with the published counts.

    Args:
        dataset: "cub_200_2011", "cars196", "stanford_online_products" or "in_shop".
        part: "train" or "test"; of In-shop "train", "query" or "gallery".
        labels: Labels of the part's rows, `(rows,)`.

    Raises:
        ValueError: The counts differ, or there is no such dataset or part.

    Example:
        >>> check_published("cars196", "test", [3, 4])
        Traceback (most recent call last):
        ...
        ValueError: cars196's test part has 8131 images of 98 classes. Received: 2 of 2
    """
    parts = PUBLISHED[check_choice(dataset, "dataset", tuple(PUBLISHED))]
    images, classes = parts[check_choice(part, "part", tuple(parts))]
    flat = as_labels(labels, None).tolist()
    found = len(flat), len(set(flat))
    if found != (images, classes):
        raise ValueError(
            f"{dataset}'s {part} part has {images} images of {classes} classes. "
            f"Received: {found[0]} of {found[1]}"
        )


# TFDS's name of each of them that it has.
_OF_TFDS = {
    "caltech_birds2011": "cub_200_2011",
    "cars196": "cars196",
    "stanford_online_products": "stanford_online_products",
}


def zero_shot_sources(data: Any, *, train_share: float = 0.5, **options: Any) -> tuple[Any, Any]:
    """Images of classes to train on, and of others to test on.

    `"caltech_birds2011"`, `"cars196"` and `"stanford_online_products"` are split as the field
    does, and their counts compared with the published ones. Of any other labelled dataset the
    first classes train, as in `zero_shot`; all of its splits are put together first.

    Reference: [Oh Song et al., 2016](https://arxiv.org/abs/1511.06452), section 6.

    Args:
        data: What `tfds_builders.sources.as_source` takes: the name of a TFDS dataset, its
            builder or folder, `(images, labels)`, a folder of images by class, a table.
        train_share: Share of the classes to train on; without effect on the three.
        **options: Those of `as_source`, such as `data_dir=`, `download=True`, `label_key=`,
            and `split=` in place of all splits.

    Returns:
        Two `tfds_builders.sources.Source`s, for `tfds_builders.streams` and `fetch`.

    Raises:
        ValueError: The dataset is refused by `as_source`, its counts are not the published
            ones, or a part would have no class.

    Example:
        >>> from tfds_builders.sources import fashion_mnist_sample
        >>> train, test = zero_shot_sources(fashion_mnist_sample("train"))
        >>> sorted(set(train.labels.tolist())), len(test)
        ([0, 1, 2, 3, 4], 500)
    """
    from tfds_builders.sources import TfdsSource, as_source

    if isinstance(data, str) and data in _OF_TFDS:
        return _standard(data, options)
    source = as_source(data, **options)
    if isinstance(source, TfdsSource) and "split" not in options:
        source = as_source(data, split="+".join(source.builder.info.splits), **options)
    train, test = zero_shot(source.labels, train_share)
    return source.select(train), source.select(test)


def _standard(name: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """The parts of a dataset of the literature, as its builder divides it."""
    import tensorflow_datasets as tfds

    import tfds_builders  # noqa: F401 - registers it
    from tfds_builders.sources import as_source

    builder = tfds.builder_cls(f"{name}_pairs")
    keys = {"image_key": builder.IMAGE_KEY, "label_key": builder.LABEL_KEY}
    found = []
    for part in ("train", "test"):
        split, classes = builder.ZERO_SHOT[part]
        source = as_source(name, **{**keys, **options, "split": split})
        if classes is not None:
            source = source.select(np.isin(source.labels, classes))
        check_published(_OF_TFDS[name], part, source.labels)
        found.append(source)
    return found[0], found[1]
