"""Checks of the shape of images, one wording for every small network."""

from collections.abc import Sequence


def check_image_shape(
    input_shape: Sequence[int | None], least: int, why: str
) -> tuple[int | None, ...]:
    """Return `(height, width, channels)`, or say that it is none or too small.

    Args:
        input_shape: What the user gave.
        least: Smallest height and width that the network takes.
        why: What needs it, as the beginning of a sentence.

    Raises:
        ValueError: It does not have three entries, or a side is less than `least`.
    """
    shape = tuple(input_shape) if isinstance(input_shape, (list, tuple)) else (input_shape,)
    entries_are_sizes = all(size is None or (isinstance(size, int) and size > 0) for size in shape)
    if len(shape) != 3 or not entries_are_sizes or shape[2] is None:
        raise ValueError(
            f"`input_shape` must be (height, width, channels). Received: input_shape={input_shape}"
        )
    if any(size is not None and size < least for size in shape[:2]):
        raise ValueError(
            f"{why} images of at least {least} x {least}. Received: input_shape={shape}"
        )
    return shape
