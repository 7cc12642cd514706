"""The sample of Fashion-MNIST that ships with the package."""

from pathlib import Path

import numpy as np

from tfds_builders.sources._fashion_mnist import Split
from tfds_builders.sources._idx import parse_idx, read_bytes

FOLDER = Path(__file__).parent / "data"
SIZES = {"train": 1000, "test": 500}


def fashion_mnist_sample(split: str) -> Split:
    """The first 100 training or 50 test images of each class of Fashion-MNIST.

    Args:
        split: `"train"` (1,000 images) or `"test"` (500 images).

    Returns:
        Images, uint8 of shape `(examples, 28, 28, 1)`, and labels, shape `(examples,)`.

    Raises:
        ValueError: `split` is unknown.

    Example:
        >>> images, labels = fashion_mnist_sample("train")
        >>> images.shape
        (1000, 28, 28, 1)
    """
    if split not in SIZES:
        raise ValueError(f"`split` must be one of {list(SIZES)}. Received: split={split!r}")
    images, labels = (
        parse_idx(read_bytes(FOLDER / f"{split}-{kind}.idx.gz"), f"{split}-{kind}")
        for kind in ("images", "labels")
    )
    return images[..., np.newaxis], labels.astype(np.int64)
