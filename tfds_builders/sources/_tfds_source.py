"""A prepared TFDS dataset, read at random."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._array_record_file import ArrayRecordFile
from tfds_builders.sources._encoded_source import EncodedSource, OnError
from tfds_builders.sources._example_fields import BYTES, INTEGERS
from tfds_builders.sources._index_cache import cached_index
from tfds_builders.sources._labels import chosen_classes, class_ids
from tfds_builders.sources._record_file import RecordFile, require_local
from tfds_builders.sources._source import Images
from tfds_builders.sources._tfds_builder import find_builder, find_split
from tfds_builders.sources._tfds_features import choose_keys, image_format, label_names
from tfds_builders.sources._tfrecord_file import TfRecordFile

_FORMATS = {"tfrecord": TfRecordFile, "array_record": ArrayRecordFile}


class TfdsSource(EncodedSource):
    """A prepared TFDS dataset, read at random from its ordinary files.

    An index says where each image lies; it is made once for each file, by reading the lengths
    of the records, and kept beside the data (or, where that is read-only, in the user's cache
    folder). Examples stand in the order of the files, which is that of
    `tfds.load(..., read_config=tfds.ReadConfig(interleave_cycle_length=1))`.

    Args:
        dataset: A TFDS name such as `"cifar10"` or `"fashion_pairs/sample:1.*.*"`, a builder,
            or the folder of a prepared dataset.
        split: As in `tfds.load`, sums and slices as well: `"train[10%:20%]+test"`.
        image_key: Name of the feature that holds the image, `"outer/inner"` if it is nested.
            Default: the first supervised key, else the only Image.
        label_key: Name of the feature that holds the class: an integer or a string. Default:
            the second supervised key, else the only ClassLabel.
        classes: Ids or names of the classes to keep. Default: all.
        data_dir: Where TFDS keeps its datasets. Default: TFDS's own.
        download: Whether a named dataset that is not prepared yet is downloaded and prepared.
        cache_dir: Folder for the index.
        on_error: `"raise"`, or `"skip"`: a damaged image is replaced by the next whole one of
            its class; see `EncodedSource`.

    Raises:
        ValueError: The dataset, split or a key is unknown, or an example has no label; a file
            is truncated, damaged or missing (`verify` finds damage inside of images too).
        FileNotFoundError: The dataset is not prepared.
    """

    def __init__(
        self,
        dataset: Any,
        split: str = "train",
        *,
        image_key: str | None = None,
        label_key: str | None = None,
        classes: Any = None,
        data_dir: str | os.PathLike[str] | None = None,
        download: bool = False,
        cache_dir: str | os.PathLike[str] | None = None,
        on_error: OnError = "raise",
    ) -> None:
        self.builder = find_builder(dataset, data_dir, download)
        self.split = split
        info = self.builder.info
        self._instructions = find_split(info, split)
        self.image_key, self.label_key = choose_keys(info, image_key, label_key)
        self.format = image_format(info, self.image_key)
        names = label_names(info, self.label_key)
        make = _FORMATS.get(info.file_format.value)
        if make is None:
            raise ValueError(
                f"Random access needs files of one of the formats {list(_FORMATS)}. "
                f"Received: {info.full_name} of format {info.file_format.value}"
            )
        paths = list(dict.fromkeys(require_local(str(i.filename)) for i in self._instructions))
        self.files: list[RecordFile] = [make(path) for path in paths]
        labels = self._make_index(paths, cache_dir)
        labels, names = self._keep(labels, names, classes)
        super().__init__(labels, names, self.format.shape, on_error)
        self.is_decoded = self.format.fixed_bytes is not None

    def verify(self) -> None:
        """Reads all of the files and checks every checksum.

        Raises:
            ValueError: A checksum is wrong; the message names file and record.
        """
        for file in self.files:
            file.verify()

    def _make_index(self, paths: list[str], cache_dir: Any) -> NDArray[Any]:
        """Sets file, record, start and length of each example; returns the labels."""
        from tqdm import tqdm

        keys = (self.image_key, self.label_key)
        indexes = {
            path: cached_index(path, keys, cache_dir, lambda file=file: file.index(*keys))  # type: ignore[misc]
            for path, file in tqdm(
                list(zip(paths, self.files, strict=True)),
                desc="Indexing",
                disable=len(paths) < 10,
            )
        }
        parts: list[dict[str, NDArray[Any]]] = []
        for instruction in self._instructions:
            path = str(instruction.filename)
            index = indexes[path]
            if len(index["starts"]) != instruction.examples_in_shard:
                raise ValueError(
                    f"The file must hold {instruction.examples_in_shard} records. "
                    f"Received: {path} with {len(index['starts'])}"
                )
            here = slice(instruction.skip, instruction.skip + instruction.take)
            self._require_kind(index, path)
            parts.append(
                {
                    "files": np.full(instruction.take, paths.index(path), np.int32),
                    "records": np.arange(here.start, here.stop, dtype=np.int64),
                    **{key: index[key][here] for key in ("starts", "lengths", "labels")},
                }
            )
        rows = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        self._files, self._records = rows["files"], rows["records"]
        self._starts, self._lengths = rows["starts"], rows["lengths"]
        return rows["labels"]

    def _require_kind(self, index: dict[str, NDArray[Any]], path: str) -> None:
        wanted = INTEGERS if self.format.encoding == "integers" else BYTES
        bad = index["kinds"] != wanted
        size = self.format.fixed_bytes
        if size is not None:
            bad = bad | (index["lengths"] != size)
        if bad.any():
            raise ValueError(
                f"Field {self.image_key!r} of record {int(bad.argmax())} is not an image of the "
                f"kind that the dataset states. Received: {path}"
            )

    def _keep(self, labels: NDArray[Any], names: Any, classes: Any) -> tuple[Any, Any]:
        if classes is None:
            return class_ids(labels, names)
        if labels.dtype.kind in "US":
            labels, names = class_ids(labels, names)
        wanted = chosen_classes(classes, names)
        absent = wanted[~np.isin(wanted, labels)]
        if len(absent):
            raise ValueError(
                f"Every class must have an example in {self.builder.info.full_name}, split "
                f"{self.split!r}. Received: classes with {absent[0]}"
            )
        kept = np.isin(labels, wanted)
        for name in ("_files", "_records", "_starts", "_lengths"):
            setattr(self, name, getattr(self, name)[kept])
        return class_ids(labels[kept], names)

    def _fetch(self, indices: NDArray[np.int64], resize: tuple[int, int] | None) -> Images:
        size = self.format.fixed_bytes
        if size is None or (resize is not None and resize != self.format.shape[:2]):
            return super()._fetch(indices, resize)
        batch = np.empty((len(indices), size), np.uint8)
        for file, here in self._by_file(indices):
            at = indices[here]
            batch[here] = file.fixed(self._records[at], self._starts[at], size)
        return batch.reshape(len(indices), *(s or 0 for s in self.format.shape))

    def _by_file(self, indices: NDArray[np.int64]) -> Iterable[tuple[RecordFile, Any]]:
        if len(self.files) == 1:
            yield self.files[0], slice(None)
            return
        of = self._files[indices]
        for number in np.unique(of):
            yield self.files[number], np.flatnonzero(of == number)

    def _read_ahead(self, indices: NDArray[np.int64]) -> Sequence[Any]:
        encoded: list[Any] = [None] * len(indices)
        for file, here in self._by_file(indices):
            at = indices[here]
            pieces = file.pieces(self._records[at], self._starts[at], self._lengths[at])
            for place, piece in zip(np.arange(len(indices))[here].tolist(), pieces, strict=True):
                encoded[place] = piece
        return encoded

    def _read(self, index: int) -> Any:
        at = slice(index, index + 1)
        file = self.files[self._files[index]]
        return file.pieces(self._records[at], self._starts[at], self._lengths[at])[0]

    def _decode(self, encoded: Any, resize: tuple[int, int] | None) -> NDArray[np.uint8]:
        return self.format.decode(encoded, resize)

    def _name(self, index: int) -> str:
        return f"{self.files[self._files[index]].path}, record {self._records[index]}"

    def _identity(self) -> Iterable[str | bytes]:
        yield f"{self.builder.info.full_name} {self.image_key} {self.label_key}"
        for i in self._instructions:
            path = str(i.filename)
            name, size = os.path.basename(path), os.path.getsize(path)
            yield f"{name} {size} {i.skip} {i.take}"
        yield self.labels.tobytes()
