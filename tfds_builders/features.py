"""Feature connectors of tuples whose images are stored once."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.utils import py_utils

from tfds_builders._image_table import ImageTable, read_table


class TupleFeatures(tfds.features.FeaturesDict):
    """Features of tuples that are stored as rows of a table of images.

    A record holds one number for each member of the tuple: 45 bytes a pair, whatever the
    images weigh. Images, labels and ids are looked up while reading, so every way of reading
    that TFDS has (`tfds.load`, `as_supervised`, sub-splits, `tfds.data_source`, a folder
    copied to another machine) gives what it would give if they stood in the record. The table,
    `images.npz`, lies beside the records and is held in memory: for sets that fit there.

    Args:
        features: What reading gives, by name.
        members: For each member of a tuple the names of its image, its label and its id.
        same: Name of the feature that is 1 if the first two members' labels are equal, else 0.
    """

    def __init__(
        self,
        features: Mapping[str, Any],
        *,
        members: Sequence[Sequence[str]],
        same: str | None = None,
    ) -> None:
        super().__init__(features)
        self._members = [tuple(names) for names in members]
        self._same = same
        self._folder: str | None = None
        self._table: ImageTable | None = None

    @classmethod
    def from_json_content(cls, value: Any) -> "TupleFeatures":
        """What `to_json_content` describes, without a table."""
        features = {
            name: tfds.features.FeatureConnector.from_json(content)
            for name, content in value["features"].items()
        }
        return cls(features, members=value["members"], same=value["same"])

    def to_json_content(self) -> dict[str, Any]:
        """The features and how they hang together, for `features.json`."""
        features = {name: feature.to_json() for name, feature in self.items()}
        return {"features": features, "members": self._members, "same": self._same}

    @py_utils.memoize()
    def get_serialized_info(self) -> dict[str, Any]:
        """What a record holds."""
        return {"rows": tfds.features.TensorInfo(shape=(len(self._members),), dtype=np.int64)}

    def save_metadata(self, data_dir: Any, feature_name: str | None = None) -> None:
        """Writes the class names and the table."""
        super().save_metadata(data_dir, feature_name)
        if self._table is not None:
            self._table.write(data_dir)

    def load_metadata(self, data_dir: Any, feature_name: str | None = None) -> None:
        """Reads the class names; the table is read when the first example is."""
        super().load_metadata(data_dir, feature_name)
        self._folder, self._table = os.fspath(data_dir), None

    def set_table(self, table: ImageTable) -> None:
        """The table that `save_metadata` is to write."""
        self._table = table

    def encode_example(self, rows: Any) -> dict[str, Any]:
        """A record; `rows` holds one row of the table for each member."""
        return {"rows": np.asarray(rows, dtype=np.int64)}

    def decode_example(self, serialized_example: Any, *, decoders: Any = None) -> dict[str, Any]:
        """The features, in a `tf.data` pipeline."""
        import tensorflow as tf

        self._refuse(decoders)
        example = {}
        # All members at once: what a record costs is the number of operations.
        for place, column in enumerate(self._open().tensors):
            values = tf.unstack(tf.gather(column, serialized_example["rows"]))
            for names, value in zip(self._members, values, strict=True):
                example[names[place]] = value
        if self._same is not None:
            (_, a, _), (_, b, _) = self._members[:2]
            example[self._same] = tf.cast(example[a] == example[b], tf.int64)
        return {name: example[name] for name in self.keys()}

    def decode_example_np(self, serialized_example: Any, *, decoders: Any = None) -> dict[str, Any]:
        """The features, by random access."""
        self._refuse(decoders)
        table = self._open()
        example: dict[str, Any] = {}
        for row, (image, label, id_) in zip(serialized_example["rows"], self._members, strict=True):
            example[image] = table.images[row].copy()
            example[label], example[id_] = table.labels[row], table.ids[row]
        if self._same is not None:
            (_, a, _), (_, b, _) = self._members[:2]
            example[self._same] = np.int64(example[a] == example[b])
        return {name: example[name] for name in self.keys()}

    def _open(self) -> ImageTable:
        if self._table is None:
            if self._folder is None:
                raise ValueError("These features have no images: the dataset is not prepared.")
            self._table = read_table(self._folder)
        return self._table

    def _refuse(self, decoders: Any) -> None:
        if decoders:
            raise ValueError(
                "The images of this dataset are stored decoded, so there is nothing to decode "
                f"otherwise. Received: decoders={decoders}"
            )
