"""Which features of a TFDS dataset are the image and its label, and how images are stored."""

import math
import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfds_builders.sources._decode import DamagedImageError, decode, resized
from tfds_builders.sources._example_fields import unpack_bytes
from tfds_builders.sources._labels import ClassNames


class ImageFormat(NamedTuple):
    """How images are stored.

    Attributes:
        shape: `(height, width, channels)`, None where it differs.
        encoding: `"image"` (PNG, JPEG), `"bytes"`, `"zlib"` or `"integers"`.
        fixed_bytes: Bytes of each image if they are stored as they are, else None.
    """

    shape: tuple[int | None, ...]
    encoding: str

    @property
    def fixed_bytes(self) -> int | None:
        return self.num_values if self.encoding == "bytes" else None

    @property
    def num_values(self) -> int:
        return math.prod(size or 0 for size in self.shape)

    def decode(self, stored: Any, resize: tuple[int, int] | None) -> NDArray[np.uint8]:
        """The image in a record's field."""
        if self.encoding == "image":
            return decode(stored, self.shape[2] or 3, resize)
        values = self._values(stored)
        if len(values) != self.num_values:
            raise DamagedImageError(f"{len(values)} values instead of {self.num_values}")
        image = values.reshape([size or 0 for size in self.shape])
        return image if resize is None else resized(image, resize)

    def _values(self, stored: Any) -> NDArray[np.uint8]:
        if self.encoding == "integers":
            return unpack_bytes(np.frombuffer(stored, np.uint8))
        try:
            raw = zlib.decompress(stored) if self.encoding == "zlib" else stored
        except zlib.error as error:
            raise DamagedImageError(f"damaged zlib data ({error})") from error
        return np.frombuffer(raw, np.uint8)


def choose_keys(info: Any, image_key: str | None, label_key: str | None) -> tuple[str, str]:
    """The keys given, or found: the supervised ones, or the only feature of a fitting kind.

    Raises:
        ValueError: A key is unknown, or none was given and it is not clear which one is meant;
            or the images do not stand in the records.
    """
    import tensorflow_datasets as tfds

    from tfds_builders.features import TupleFeatures

    if isinstance(info.features, TupleFeatures):
        raise ValueError(
            "The records of this dataset are tuples of numbers of images, which are stored once "
            "beside them: read it by `tfds.load`, or draw new tuples from the images it was made "
            "of (of Fashion-MNIST: `sources.fashion_mnist_sample(split)` or "
            "`sources.read_fashion_mnist(sources.fashion_mnist_files(), split)`). "
            f"Received: {info.full_name}"
        )
    features = flat_features(info)
    supervised = info.supervised_keys
    supervised = supervised if isinstance(supervised, tuple) and len(supervised) >= 2 else ()
    images = [key for key, one in features.items() if isinstance(one, tfds.features.Image)]
    labels = [key for key, one in features.items() if isinstance(one, tfds.features.ClassLabel)]
    image = _choose("image_key", image_key, features, supervised[:1], images, info)
    return image, _choose("label_key", label_key, features, supervised[1:2], labels, info)


def image_format(info: Any, key: str) -> ImageFormat:
    """How the images of feature `key` are stored.

    Raises:
        ValueError: They are not of one to four channels of unsigned bytes.
    """
    import tensorflow_datasets as tfds

    feature = flat_features(info)[key]
    shape = tuple(feature.shape)
    if isinstance(feature, tfds.features.Image):
        encoding = "image"
    else:
        name = str(getattr(getattr(feature, "_encoding", None), "value", "none")).lower()
        encoding = {"none": "integers"}.get(name, name)
    known = encoding == "image" or (isinstance(feature, tfds.features.Tensor) and None not in shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    if not known or len(shape) != 3 or np.dtype(feature.np_dtype) != np.uint8:
        raise ValueError(
            "Images must be an Image feature, or a Tensor of fixed shape (height, width[, "
            f"channels]), of uint8. Received: image_key={key!r}, which is {feature!r}"
        )
    return ImageFormat(shape, encoding)


def label_names(info: Any, key: str) -> ClassNames:
    """The names of a ClassLabel's classes, or None.

    Raises:
        ValueError: The feature is not a single integer or string.
    """
    import tensorflow_datasets as tfds

    feature = flat_features(info)[key]
    is_text = isinstance(feature, tfds.features.Text) or feature.np_dtype == np.object_
    if tuple(feature.shape) or not (is_text or np.issubdtype(feature.np_dtype, np.integer)):
        raise ValueError(
            "Labels must be single integers or strings. "
            f"Received: label_key={key!r}, which is {feature!r}"
        )
    if not isinstance(feature, tfds.features.ClassLabel):
        return None
    # Without names TFDS makes them from the numbers; that of a million classes takes long.
    return tuple(feature.names) if feature._int2str is not None else None


def flat_features(info: Any) -> dict[str, Any]:
    """Features by the keys under which records hold them: `outer/inner` where nested."""
    import tensorflow_datasets as tfds

    found: dict[str, Any] = {}

    def walk(prefix: str, feature: Any) -> None:
        if isinstance(feature, tfds.features.FeaturesDict):
            for key, inner in feature.items():
                walk(f"{prefix}/{key}" if prefix else key, inner)
        else:
            found[prefix] = feature

    walk("", info.features)
    return found


def _choose(
    argument: str,
    key: str | None,
    features: dict[str, Any],
    supervised: tuple[Any, ...],
    fitting: list[str],
    info: Any,
) -> str:
    if key is None and supervised and isinstance(supervised[0], str):
        key = supervised[0]
    if key is None and len(fitting) == 1:
        key = fitting[0]
    if key is None:
        raise ValueError(
            f"`{argument}` must be given for {info.full_name}: one of {sorted(features)}. "
            f"Received: {argument}=None"
        )
    if key not in features:
        raise ValueError(
            f"`{argument}` must be a feature of {info.full_name}: one of {sorted(features)}. "
            f"Received: {argument}={key!r}"
        )
    return key
