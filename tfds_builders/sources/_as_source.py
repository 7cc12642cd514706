"""Whatever holds labelled images, as a source."""

import os
from pathlib import Path
from typing import Any

from tfds_builders.sources._array_source import ArraySource
from tfds_builders.sources._folder_source import FolderSource
from tfds_builders.sources._source import Source
from tfds_builders.sources._table_source import TableSource
from tfds_builders.sources._tfds_builder import is_prepared_folder
from tfds_builders.sources._tfds_source import TfdsSource


def as_source(data: Any, **options: Any) -> Source:
    """Turns a dataset's name, a folder, arrays or a table into a `Source`.

    Args:
        data: A `Source`, which is returned as it is; `(images, labels)`; the name of a TFDS
            dataset, its builder or its prepared folder; a folder with one sub-folder of images
            for each class; a CSV file or pandas DataFrame of paths and labels.
        **options: Arguments of the class that is chosen: `TfdsSource` (`split=`, `label_key=`,
            `classes=`, ...), `ArraySource`, `FolderSource` or `TableSource`. `classes=` is
            understood by all.

    Raises:
        ValueError: `data` is none of these, or is refused by the class.
        TypeError: The class has no such option.

    Example:
        >>> import numpy as np
        >>> as_source((np.zeros((2, 8, 8), np.uint8), [0, 1]))
        <ArraySource: 2 images of 8 x 8 x 1, 2 classes>
    """
    kind = _kind(data)
    if kind is TfdsSource:
        return TfdsSource(data, **options)
    classes = options.pop("classes", None)
    if isinstance(data, Source):
        if options:
            raise TypeError(f"A Source takes no further options. Received: {sorted(options)}")
        source = data
    elif kind is ArraySource:
        source = ArraySource(*data, **options)
    else:
        source = kind(data, **options)
    return source if classes is None else source.select(classes=classes)


def _kind(data: Any) -> Any:
    import tensorflow_datasets as tfds

    if isinstance(data, Source):
        return Source
    if isinstance(data, tuple | list) and len(data) == 2:
        return ArraySource
    if hasattr(data, "columns"):
        return TableSource
    if isinstance(data, tfds.core.DatasetBuilder) or is_prepared_folder(data):
        return TfdsSource
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        if path.is_dir():
            return FolderSource
        if path.suffix.lower() == ".csv":
            return TableSource
        if isinstance(data, str):
            return TfdsSource
    raise ValueError(
        "Expected the name of a TFDS dataset, its builder or its folder, (images, labels), a "
        "folder of images by class, a table of paths and labels, or a Source. "
        f"Received: {data!r}"
    )
