"""Encoded images to arrays, with OpenCV where it is installed and pillow elsewhere."""

import functools
import io
import warnings
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PIL_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_MOST_INTERPOLATED = 2.5  # beyond, pixels would be passed over
_JPEG, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


class DamagedImageError(ValueError):
    """The bytes are not a whole image."""


def decode(encoded: Any, channels: int, resize: tuple[int, int] | None) -> NDArray[np.uint8]:
    """The image, uint8 of shape `(height, width, channels)`, in the order red, green, blue.

    A rotation that a camera noted in the file is ignored, as TensorFlow and Keras do.

    Args:
        encoded: Content of a PNG, JPEG or other image file: bytes, or uint8 of rank 1.
        channels: 1, 3 or 4.
        resize: Height and width to bring it to, or None.

    Raises:
        DamagedImageError: The content is truncated, damaged or no image.
    """
    cv2 = opencv()
    image = None if cv2 is None else _with_opencv(cv2, encoded, channels)
    if image is None:
        image = _with_pillow(encoded, channels)
    return image if resize is None else resized(image, resize)


def resized(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The image at another height and width.

    It is averaged over whole pixels as far as it shrinks by whole factors, and interpolated
    for the rest; averaged throughout where that rest is large.
    """
    if image.shape[:2] == size:
        return image
    cv2 = opencv()
    if cv2 is None:
        return _resized_by_pillow(image, size)
    # Averaging by one whole factor is ten times faster than by another.
    factor = min(image.shape[0] // size[0], image.shape[1] // size[1])
    if factor > 1:
        height, width = image.shape[0] // factor, image.shape[1] // factor
        whole = image[: height * factor, : width * factor]
        image = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    rest = max(image.shape[0] / size[0], image.shape[1] / size[1])
    method = cv2.INTER_AREA if rest > _MOST_INTERPOLATED else cv2.INTER_LINEAR
    out = cv2.resize(image, (size[1], size[0]), interpolation=method)
    return out if out.ndim == 3 else out[..., np.newaxis]


@functools.cache
def opencv() -> ModuleType | None:
    """OpenCV, or None if it is not installed."""
    try:
        import cv2
    except ImportError:
        return None
    return cv2


def _with_opencv(cv2: Any, encoded: Any, channels: int) -> NDArray[np.uint8] | None:
    buffer = encoded if isinstance(encoded, np.ndarray) else np.frombuffer(encoded, np.uint8)
    if buffer.size < 8 or not _is_whole(buffer):
        return None
    flag = cv2.IMREAD_UNCHANGED
    if channels != 4:
        flag = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
        flag |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(buffer, flag)
    except cv2.error:
        return None
    if image is None or image.dtype != np.uint8:
        return None
    if channels == 1:
        return image[..., np.newaxis]
    if image.ndim != 3 or image.shape[2] != channels:
        return None
    code = cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGRA2RGBA
    return cv2.cvtColor(image, code)


def _is_whole(buffer: NDArray[np.uint8]) -> bool:
    """False if it is a JPEG without an end: OpenCV 4 would fill the rest with grey."""
    if buffer[0] != _JPEG[0] or buffer[1] != _JPEG[1]:
        return True
    return buffer[-64:].tobytes().rfind(_JPEG_END) >= 0


def _with_pillow(encoded: Any, channels: int) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; what matters is raised
            with Image.open(io.BytesIO(bytes(encoded))) as image:
                array = np.asarray(image.convert(_PIL_MODES[channels]))
    except Exception as error:
        # Pillow's plugins raise OSError, SyntaxError, struct.error, zlib.error and others.
        raise DamagedImageError(f"not a whole image ({error})") from error
    return array.reshape(*array.shape[:2], channels)


def _resized_by_pillow(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    from PIL import Image

    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    channels = [
        np.asarray(Image.fromarray(image[..., c]).resize((size[1], size[0]), method))
        for c in range(image.shape[2])
    ]
    return np.stack(channels, axis=-1)
