"""mkdocs's hooks: fills in pages (see `pages`), and tells versions apart when mike builds."""

import os
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

sys.path.insert(0, str(Path(__file__).parent))

from navigation import expanded
from pages import filled
from results import ResultsError


def on_config(config: Any) -> Any:
    """Folders in the navigation, and versions.

    The choice of versions asks for a file that only a site made by mike has.
    """
    config.nav = expanded(config.nav, Path(config.docs_dir))
    if "MIKE_DOCS_VERSION" in os.environ:
        config.extra["version"] = {"provider": "mike"}
    return config


def on_page_markdown(markdown: str, page: Any, **kwargs: Any) -> str:
    """Fills in a page."""
    try:
        return filled(markdown)
    except (ResultsError, OSError, LookupError) as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error
