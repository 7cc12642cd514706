"""A folder with one sub-folder of images for each class."""

import os
from pathlib import Path

from tfds_builders.sources._encoded_source import OnError
from tfds_builders.sources._table_source import TableSource

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


class FolderSource(TableSource):
    """Images in sub-folders whose names are the classes, as `keras.utils` reads them.

    Classes and files are sorted by name; files in deeper folders belong to the class too, and
    files whose names start with a dot or do not end like an image's are left out.

    Args:
        path: The folder.
        channels: 1, 3 or 4: what images are converted to.
        on_error: `"raise"`, or `"skip"`: a damaged image is replaced by the next whole one of
            its class; see `EncodedSource`.

    Raises:
        ValueError: There is no such folder, or no sub-folder holds an image.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (folder / name).mkdir()
        ...     Image.new("RGB", (5, 4)).save(folder / name / "1.png")
        >>> FolderSource(folder).class_names
        ('cat', 'dog')
    """

    def __init__(
        self, path: str | os.PathLike[str], *, channels: int = 3, on_error: OnError = "raise"
    ) -> None:
        root = Path(path)
        if not root.is_dir():
            raise ValueError(f"There is no such folder. Received: path={os.fspath(path)!r}")
        folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
        files = {folder.name: _images_in(folder) for folder in folders}
        names = [name for name, found in files.items() if found]
        if not names:
            raise ValueError(
                "Expected one sub-folder of images for each class, with files ending in "
                f"{', '.join(SUFFIXES)}. Received: path={os.fspath(path)!r}"
            )
        super().__init__(
            [os.path.relpath(file, root) for name in names for file in files[name]],
            [name for name in names for _ in files[name]],
            folder=root,
            channels=channels,
            class_names=names,
            on_error=on_error,
        )


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )
