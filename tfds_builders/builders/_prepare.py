"""Sources that have to be downloaded first."""

from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

from tfds_builders.sources import can_reach

_MODULES = ("requests.", "urllib3.", "tensorflow_datasets.core.download.")


def prepare(builder: Any) -> None:
    """Downloads and prepares a dataset that is not there yet.

    Without a network TFDS tries for minutes and then does not speak of local copies; so hosts
    are looked up first.

    Args:
        builder: The dataset's builder.

    Raises:
        FileNotFoundError: It cannot be downloaded; the message says what to do instead.
    """
    if builder.is_prepared():
        return
    hosts = sorted({urlparse(url).hostname or "" for url in builder.url_infos or ()})
    if hosts and not any(can_reach(host) for host in hosts):
        raise FileNotFoundError(_message(builder, f"none of {', '.join(hosts)} can be reached"))
    try:
        builder.download_and_prepare()
    except Exception as error:
        if isinstance(error, URLError) or type(error).__module__.startswith(_MODULES):
            raise FileNotFoundError(_message(builder, str(error))) from error
        raise


def _message(builder: Any, reason: str) -> str:
    name = builder.name
    return (
        f"The dataset {name!r} could not be downloaded ({reason}). Put a copy of it into the "
        f"folder {name}/ of TFDS's manual directory (`downloads/manual` in the data folder, or "
        "`DownloadConfig(manual_dir=...)`), as one folder of images for each class, or as "
        f"train/ and test/ of such folders. Received: {builder.info.full_name}"
    )
