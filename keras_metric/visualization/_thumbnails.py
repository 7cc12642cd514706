"""Small pictures of many images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_thumbnails(images: Any, size: int) -> list[Any]:
    """Pillow images whose longer side is `size` pixels.

    Args:
        images: `(rows, height, width[, channels])`, 1, 3 or 4 channels, values 0 to 255 or,
            where they are floats and none is above 1, 0 to 1.
        size: Pixels.

    Raises:
        ValueError: Another rank or number of channels.
    """
    from PIL import Image

    array = np.asarray(images)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (3, 4)):
        raise ValueError(
            "`images` must be of shape (rows, height, width) or (rows, height, width, 1, 3 or "
            f"4). Received: images of shape {array.shape}"
        )
    array = _as_bytes(array)
    height, width = array.shape[1:3]
    scale = size / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    return [Image.fromarray(image).resize(shape) for image in array]


def sprite_sheet(thumbnails: list[Any]) -> Any:
    """One Pillow image of all thumbnails, row after row in a square grid."""
    from PIL import Image

    width, height = thumbnails[0].size
    columns = grid_columns(len(thumbnails))
    sheet = Image.new(thumbnails[0].mode, (columns * width, columns * height))
    for number, thumbnail in enumerate(thumbnails):
        row, column = divmod(number, columns)
        sheet.paste(thumbnail, (column * width, row * height))
    return sheet


def grid_columns(count: int) -> int:
    """Columns, and rows, of the smallest square grid with so many places."""
    return int(np.ceil(count**0.5))


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    values = array.astype(np.float32)
    if array.dtype.kind == "f" and values.max(initial=0) <= 1:
        values = values * 255
    bytes_: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return bytes_
