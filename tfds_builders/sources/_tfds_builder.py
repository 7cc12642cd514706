"""Prepared TFDS datasets by name, builder or folder."""

import os
from pathlib import Path
from typing import Any


def find_builder(dataset: Any, data_dir: Any, download: bool) -> Any:
    """The builder of a prepared dataset.

    Raises:
        ValueError: There is no dataset of that name, or the folder holds none.
        FileNotFoundError: The dataset is known, but not prepared.
    """
    import tensorflow_datasets as tfds

    if isinstance(dataset, tfds.core.DatasetBuilder):
        builder = dataset
    elif is_prepared_folder(dataset):
        return tfds.builder_from_directory(os.fspath(dataset))
    elif isinstance(dataset, str):
        builder = _by_name(dataset, data_dir)
    else:
        raise ValueError(
            "Expected the name of a TFDS dataset, a builder, or the folder of a prepared dataset "
            f"(with `dataset_info.json`). Received: {dataset!r}"
        )
    if not builder.is_prepared() and download:
        builder.download_and_prepare()
    if not builder.is_prepared():
        raise FileNotFoundError(
            f"The dataset is not prepared. `download=True` or "
            f"`tfds.builder({builder.name!r}, ...).download_and_prepare()` prepares it. "
            f"Received: {builder.info.full_name} in {builder.data_path}"
        )
    return builder


def find_split(info: Any, split: str) -> list[Any]:
    """The parts of files that a split is made of.

    Raises:
        ValueError: The split is unknown or empty.
    """
    try:
        instructions = list(info.splits[split].file_instructions)
    except (ValueError, KeyError, AssertionError) as error:
        raise ValueError(
            f"`split` must be made of {list(info.splits)}, as in `tfds.load` ({error}). "
            f"Received: split={split!r}"
        ) from error
    instructions = [one for one in instructions if one.take]
    if not instructions:
        raise ValueError(f"The split is empty. Received: split={split!r}")
    return instructions


def is_prepared_folder(dataset: Any) -> bool:
    """Whether it is the folder of one version of a prepared dataset."""
    if not isinstance(dataset, str | os.PathLike):
        return False
    return (Path(dataset) / "dataset_info.json").is_file()


def _by_name(name: str, data_dir: Any) -> Any:
    import tensorflow_datasets as tfds

    import tfds_builders  # noqa: F401  registers this package's datasets

    try:
        return tfds.builder(name, data_dir=None if data_dir is None else os.fspath(data_dir))
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(
            f"There is no TFDS dataset of this name, and no such folder. Received: {name!r}"
        ) from error
