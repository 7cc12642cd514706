"""Makes the sample's files from the full data: `python -m tfds_builders.sources._make_sample`."""

import gzip

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._fashion_mnist import fashion_mnist_files, read_fashion_mnist
from tfds_builders.sources._sample import FOLDER, SIZES


def first_of_each_class(labels: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Positions of the first `number` examples of each class, in their original order."""
    by_class = [np.flatnonzero(labels == label)[:number] for label in np.unique(labels)]
    return np.sort(np.concatenate(by_class))


def main() -> None:
    """Writes the four files."""
    files = fashion_mnist_files()
    FOLDER.mkdir(exist_ok=True)
    for split, size in SIZES.items():
        images, labels = read_fashion_mnist(files, split)
        chosen = first_of_each_class(labels, size // 10)
        for kind, array in (("images", images[chosen, ..., 0]), ("labels", labels[chosen])):
            header = bytes([0, 0, 8, array.ndim]) + np.asarray(array.shape, ">u4").tobytes()
            content = gzip.compress(header + array.astype(np.uint8).tobytes(), 9, mtime=0)
            (FOLDER / f"{split}-{kind}.idx.gz").write_bytes(content)


if __name__ == "__main__":
    main()
