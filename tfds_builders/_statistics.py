"""How tuples are made up."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_KEYS = (
    (("id_a", "id_b"), ("label_a", "label_b")),
    (
        ("id_anchor", "id_positive", "id_negative"),
        ("label_anchor", "label_positive", "label_negative"),
    ),
    (("id",), ("label",)),
)


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What tuples of examples are made up of; `print` shows it as a small table.

    Attributes:
        num_tuples: Number of pairs, triplets or, of balanced batches, single images.
        num_images: Number of different examples in them.
        reuse_mean: How often one of those examples comes, on average.
        reuse_max: How often the most frequent one comes.
        positive_share: Share of tuples whose first two examples are of one class; NaN of single
            images.
        classes: The labels, shape `(classes,)`.
        tuples_per_class: Tuples whose first example is of each class, shape `(classes,)`.
        images_per_class: Different examples of each class that come, shape `(classes,)`.
        uses_per_class: How often examples of each class come, shape `(classes,)`.
    """

    num_tuples: int
    num_images: int
    reuse_mean: float
    reuse_max: int
    positive_share: float
    classes: NDArray[Any]
    tuples_per_class: NDArray[np.int64]
    images_per_class: NDArray[np.int64]
    uses_per_class: NDArray[np.int64]

    def __str__(self) -> str:
        are_single = np.isnan(self.positive_share)
        kinds = "" if are_single else f"; {self.positive_share:.1%} begin with two of one class"
        lines = [
            f"{self.num_tuples:,} tuples of {self.num_images:,} images, each used "
            f"{self.reuse_mean:.2f} times, at most {self.reuse_max}{kinds}",
            f"{'class':>12} {'tuples':>10} {'images':>10} {'uses':>10}",
        ]
        table = zip(
            self.classes.tolist(),
            self.tuples_per_class.tolist(),
            self.images_per_class.tolist(),
            self.uses_per_class.tolist(),
            strict=True,
        )
        rows = [f"{c!s:>12} {t:>10,} {i:>10,} {u:>10,}" for c, t, i, u in table]
        return "\n".join(lines + (rows if len(rows) <= 20 else [*rows[:10], "...", *rows[-5:]]))

    def to_frame(self) -> Any:
        """The table by class as a pandas frame.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("`to_frame` needs `pip install pandas`") from error
        columns = {
            "tuples": self.tuples_per_class,
            "images": self.images_per_class,
            "uses": self.uses_per_class,
        }
        return pd.DataFrame(columns, index=pd.Index(self.classes, name="class"))


def statistics(tuples: Any, labels: ArrayLike | None = None) -> Statistics:
    """Counts tuples per class, reuse of images and the share of positives.

    Args:
        tuples: What a sampler draws, shape `(tuples, examples in each)`, with `labels`; or a
            dataset of pairs, triplets or balanced batches as `tfds.load` gives it, with ids and
            labels by name.
        labels: Class of each example, shape `(examples,)`.

    Raises:
        ValueError: There is no tuple, `labels` are missing, or the dataset has no ids.

    Example:
        >>> found = statistics([[0, 1], [1, 2]], ["cat", "cat", "dog"])
        >>> found.positive_share, found.reuse_max, found.tuples_per_class.tolist()
        (0.5, 2, [2, 0])
    """
    if hasattr(tuples, "as_numpy_iterator"):
        ids, classes = _read(tuples)
    else:
        ids = np.asarray(tuples)
        if labels is None or ids.ndim != 2 or not ids.size or ids.shape[1] < 2:
            raise ValueError(
                "`tuples` must be of shape (tuples, examples in each), with at least one, and "
                f"come with `labels`. Received: shape {ids.shape}, labels of {type(labels)}"
            )
        classes = np.asarray(labels)[ids]
    images, first, uses = np.unique(ids, return_index=True, return_counts=True)
    names, numbers = np.unique(classes, return_inverse=True)
    numbers, size = numbers.reshape(ids.shape), len(names)
    return Statistics(
        num_tuples=len(ids),
        num_images=len(images),
        reuse_mean=ids.size / len(images),
        reuse_max=int(uses.max()),
        positive_share=_positive_share(numbers),
        classes=names,
        tuples_per_class=np.bincount(numbers[:, 0], minlength=size),
        images_per_class=np.bincount(numbers.reshape(-1)[first], minlength=size),
        uses_per_class=np.bincount(numbers.reshape(-1), minlength=size),
    )


def _positive_share(numbers: NDArray[np.int64]) -> float:
    if numbers.shape[1] < 2:
        return float("nan")
    return float((numbers[:, 0] == numbers[:, 1]).mean())


def _read(dataset: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    spec = dataset.element_spec
    for keys in _KEYS:
        if isinstance(spec, dict) and all(key in spec for part in keys for key in part):
            break
    else:
        raise ValueError(
            "The dataset must have the ids and labels of pairs, triplets or images, as "
            f"`tfds.load` gives them without `as_supervised`. Received: dataset of {spec}"
        )
    wanted = {key for part in keys for key in part}
    slim = dataset.map(lambda row: {key: row[key] for key in wanted})
    batches = list(slim.batch(4096).as_numpy_iterator())
    if not batches:
        raise ValueError(f"The dataset must have an example. Received: dataset of {spec}")
    ids, classes = (
        np.stack([np.concatenate([batch[key] for batch in batches]) for key in part], axis=1)
        for part in keys
    )
    return ids, classes
