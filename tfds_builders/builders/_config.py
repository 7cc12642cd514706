"""What every config of a dataset of tuples has."""

import dataclasses
from typing import Any, Literal, get_args

import tensorflow_datasets as tfds

from tfds_builders.sources._encoded_source import OnError

Classes = Literal["all", "seen", "unseen", "zero_shot"]

_OF_TFDS = {field.name for field in dataclasses.fields(tfds.core.BuilderConfig)}


@dataclasses.dataclass(kw_only=True, eq=False)
class TupleConfig(tfds.core.BuilderConfig):
    """How a dataset of tuples is made; its name follows from its fields.

    TFDS keeps one folder a name, so two different configs must never share one: `name` cannot
    be given, and holds every field that is not at its default.

    Attributes:
        classes: `"all"`; `"seen"` and `"unseen"`: the training and the test classes of the
            literature's zero-shot protocol where the dataset has one (`ZERO_SHOT`), else the
            first and the second half of the classes, by id; `"zero_shot"`: `train` from seen
            and `test` from unseen classes.
        sample: Whether to use the sample that ships with the package; Fashion-MNIST only.
        resize: Height and width to bring every image to. None: as they are.
        seed: Decides which examples go together.
        on_error: `"raise"`: a damaged image ends the building, with an error that names its
            file; `"skip"`: every image is read once before tuples are drawn, and damaged ones
            are left out, with a warning that counts them.
    """

    name: str = dataclasses.field(default="", init=False)
    classes: Classes = "all"
    sample: bool = False
    resize: tuple[int, int] | None = None
    seed: int = 0
    on_error: OnError = "raise"

    def __post_init__(self) -> None:
        if self.classes not in get_args(Classes):
            raise ValueError(
                f"`classes` must be one of {list(get_args(Classes))}. "
                f"Received: classes={self.classes!r}"
            )
        if self.on_error not in get_args(OnError):
            raise ValueError(
                f"`on_error` must be 'raise' or 'skip'. Received: on_error={self.on_error!r}"
            )
        if self.resize is not None:
            self.resize = _size(self.resize)
        self._check()
        self.name = self._name()

    def _check(self) -> None:
        """Raises `ValueError` if a field of a subclass is out of range."""

    def _name(self) -> str:
        parts = ["sample"] if self.sample else []
        parts += [self.classes] if self.classes != "all" else []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            known = field.name in _OF_TFDS or field.name in ("classes", "sample")
            if not known and value != field.default:
                parts.append(f"{field.name}_{_text(value)}")
        return "-".join(parts) or "full"


def check_positive(name: str, value: int | None) -> None:
    """Raises `ValueError` if `value` is neither None nor an integer of at least 1."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"`{name}` must be an integer of at least 1. Received: {name}={value!r}")


def _size(resize: Any) -> tuple[int, int]:
    sizes = tuple(resize) if isinstance(resize, tuple | list) else ()
    if len(sizes) != 2 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(
            f"`resize` must be (height, width), two positive integers. Received: resize={resize!r}"
        )
    return int(sizes[0]), int(sizes[1])


def _text(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
