"""What builders of pairs, triplets and balanced batches share."""

import abc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from tfds_builders._image_table import ImageTable
from tfds_builders.builders._data_folder import explained
from tfds_builders.builders._encoded import Reader
from tfds_builders.builders._local_copy import LocalCopy, local_folder
from tfds_builders.builders._parts import Part, ZeroShot, parts_of
from tfds_builders.builders._prepare import prepare
from tfds_builders.builders._published_copy import PublishedCopy
from tfds_builders.builders._tuple_maker import Members, TupleMaker
from tfds_builders.features import TupleFeatures
from tfds_builders.sources._source import Source


class TupleBuilder(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg, unused-ignore]
):
    """Writes tuples of the images of a labelled source; a subclass says of which.

    Attributes:
        SOURCE: Name of a TFDS dataset, with its config if it has several.
        IMAGE_KEY: Name of the source's image feature. None: the first supervised key.
        LABEL_KEY: Name of the source's label feature. None: the second supervised key.
        IMAGES_ONCE: Whether images are stored once, in a table that is held in memory while
            reading, instead of in every record they occur in. For sets of images of one size
            that fit into memory.
        ZERO_SHOT: For the config `zero_shot`: each split's part of the source, such as
            `"train+test"`, and its class ids (None: all). Default: the first half of the
            classes for `train`, the second for the other splits. The classes of `train` and
            `test` are also those of the configs `seen` and `unseen`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Optional: put a local copy here, into a folder named like the source, as one folder of "
        "images for each class or as the folders train/ and test/ of such folders, and nothing "
        "is downloaded."
    )

    SOURCE: ClassVar[str] = ""
    IMAGE_KEY: ClassVar[str | None] = None
    LABEL_KEY: ClassVar[str | None] = None
    IMAGES_ONCE: ClassVar[bool] = False
    ZERO_SHOT: ClassVar[ZeroShot] = None

    _use_beam = False
    _own_manual_dir = False

    # What a subclass for one kind of tuples defines.

    @abc.abstractmethod
    def _members(self) -> Members:
        """Names of the features."""

    @abc.abstractmethod
    def _sampler(self, labels: Any) -> tuple[Any, int]:
        """What draws positions, and the number of records."""

    @abc.abstractmethod
    def _supervised_keys(self) -> Any:
        """What `as_supervised=True` gives."""

    _ORDERED: ClassVar[bool] = False

    # What a subclass on data of its own overrides.

    def _image_feature(self) -> Any:
        """The feature of one image, before resizing."""
        return self._source_feature(self.IMAGE_KEY, 0)

    def _label_feature(self) -> Any:
        """The feature of one label."""
        return self._source_feature(self.LABEL_KEY, 1)

    def _open_sources(self, dl_manager: Any, splits: list[str] | None) -> dict[str, Source]:
        """The images by the names of `splits`, such as `"train+test"`; None: every split."""
        folder = local_folder(dl_manager, self.SOURCE.split("/")[0], self._own_manual_dir)
        if folder is not None:
            copy = LocalCopy(folder, self._label_feature(), self._image_feature().shape[-1] or 3)
            return (self._published_copy(folder) or copy).sources(splits)
        from tfds_builders.sources import TfdsSource

        builder = self._source_builder()
        prepare(builder)
        return {
            split: TfdsSource(
                builder,
                split=split,
                image_key=self._key(self.IMAGE_KEY, 0),
                label_key=self._key(self.LABEL_KEY, 1),
            )
            for split in splits or list(builder.info.splits)
        }

    def _published_copy(self, folder: Path) -> PublishedCopy | None:
        """A local copy in its authors' own layout; None: it is not in one that is known."""
        return None

    # The dataset.

    def _info(self) -> tfds.core.DatasetInfo:
        image, label = self._stored_image(), self._label_feature()
        members = self._members()
        features: dict[str, Any] = {}
        for names in members.names:
            features |= dict(zip(names, (image, label, np.int64), strict=True))
        if members.same is not None:
            features[members.same] = np.int64
        if self.IMAGES_ONCE:
            connector = TupleFeatures(features, members=members.names, same=members.same)
        else:
            connector = tfds.features.FeaturesDict(features)
        return self._dataset_info(
            features=connector,
            supervised_keys=self._supervised_keys(),
            disable_shuffling=self._ORDERED,
        )

    def _dataset_info(self, **kwargs: Any) -> tfds.core.DatasetInfo:
        description = (type(self).__doc__ or "").strip()
        if self.SOURCE:
            source = self._source_builder().info
            description = f"{description}\n\nMade from `{self.SOURCE}`."
            kwargs |= {"homepage": source.homepage, "citation": source.citation}
        return tfds.core.DatasetInfo(builder=self, description=description, **kwargs)

    def _stored_image(self) -> Any:
        image, resize = self._image_feature(), self.builder_config.resize
        height, width, channels = image.shape
        if resize is not None:
            height, width = resize
        if self.IMAGES_ONCE and None in (height, width, channels):
            raise ValueError(
                "Images that are stored once must agree in size: use a config with `resize`. "
                f"Received: images of shape {image.shape}"
            )
        return tfds.features.Image(
            shape=(height, width, channels),
            dtype=image.np_dtype,
            encoding_format=image.to_json_content().encoding_format or None,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        parts = parts_of(
            lambda splits: self._open_sources(dl_manager, splits),
            self.builder_config.classes,
            self.ZERO_SHOT,
            self.builder_config.on_error,
        )
        first_rows = self._write_table(parts) if self.IMAGES_ONCE else dict.fromkeys(parts, 0)
        return {
            split: self._generate_examples(split, part, first_rows[split])
            for split, part in parts.items()
        }

    def _generate_examples(self, split: str, part: Part, first_row: int) -> Any:
        try:
            sampler, num_records = self._sampler(part.source.labels)
        except ValueError as error:
            raise ValueError(f"In split {split!r} of {self.info.full_name}: {error}") from error
        reader = None if self.IMAGES_ONCE else Reader(part.source, self.builder_config.resize)
        maker = TupleMaker(
            sampler, reader, part.source.labels, part.ids, self._members(), first_row
        )
        if self._use_beam:
            from tfds_builders.builders._beam import records

            return records(maker, num_records)
        return _in_process(maker, num_records)

    def _write_table(self, parts: Mapping[str, Part]) -> dict[str, int]:
        """Hands the images of all parts to the features; returns where each part begins."""
        lengths = [len(part.source) for part in parts.values()]
        images = [
            part.source.fetch(np.arange(len(part.source)), self.builder_config.resize)
            for part in parts.values()
        ]
        table = ImageTable(
            np.concatenate(images),
            np.concatenate([part.source.labels for part in parts.values()]),
            np.concatenate([part.ids for part in parts.values()]),
        )
        self.info.features.set_table(table)
        return dict(zip(parts, (np.cumsum(lengths) - lengths).tolist(), strict=True))

    # What TFDS calls around it.

    def download_and_prepare(self, **kwargs: Any) -> None:
        """As TFDS's; errors of the disk say what to do."""
        with explained(self.data_path):
            super().download_and_prepare(**kwargs)

    def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
        self._use_beam = bool(download_config.beam_runner or download_config.beam_options)
        self._own_manual_dir = download_config.manual_dir is not None
        super()._download_and_prepare(dl_manager, download_config)

    def _post_download_and_prepare_hook(self) -> None:
        if self.IMAGES_ONCE:
            self.info.features.load_metadata(self.data_dir)  # the build's table may go

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        # A config of a known name has that one's fields, whoever made the object.
        known = self.builder_configs.get(getattr(builder_config, "name", None) or "")
        return super()._create_builder_config(known or builder_config, version)

    def _as_dataset(self, *args: Any, **kwargs: Any) -> Any:
        if self._ORDERED and kwargs.get("shuffle_files"):
            raise ValueError(
                "The order of this dataset is what makes its batches balanced: read it without "
                "`shuffle_files`, batch it by P * K and shuffle the batches. "
                "Received: shuffle_files=True"
            )
        return super()._as_dataset(*args, **kwargs)

    def _source_builder(self) -> Any:
        if not self.SOURCE:
            raise ValueError(
                f"{type(self).__name__}.SOURCE must name a TFDS dataset. "
                f"Received: SOURCE={self.SOURCE!r}"
            )
        try:
            return tfds.builder(self.SOURCE, data_dir=self._data_dir_root)
        except tfds.core.DatasetNotFoundError as error:
            raise ValueError(
                f"{type(self).__name__}.SOURCE must name a TFDS dataset, and there is none of this "
                f"name. Received: SOURCE={self.SOURCE!r}"
            ) from error

    def _key(self, named: str | None, place: int) -> str:
        if named is not None:
            return named
        keys = self._source_builder().info.supervised_keys
        if keys is None:
            raise ValueError(
                f"The dataset {self.SOURCE!r} has no supervised keys: set IMAGE_KEY and LABEL_KEY. "
                f"Received: IMAGE_KEY={self.IMAGE_KEY!r}, LABEL_KEY={self.LABEL_KEY!r}"
            )
        return str(keys[place])

    def _source_feature(self, named: str | None, place: int) -> Any:
        key, features = self._key(named, place), self._source_builder().info.features
        kind = (tfds.features.Image, tfds.features.Tensor)[place]  # a ClassLabel is a Tensor
        if key not in features or not isinstance(features[key], kind):
            raise ValueError(
                f"Expected {kind.__name__} in the feature {key!r} of {self.SOURCE!r}, which has "
                f"{dict(features.items())}. Received: "
                f"IMAGE_KEY={self.IMAGE_KEY!r}, LABEL_KEY={self.LABEL_KEY!r}"
            )
        return features[key]


def _in_process(maker: TupleMaker, num_records: int) -> Iterator[tuple[int, Any]]:
    for start, stop in maker.blocks(num_records):
        yield from maker(start, stop)
