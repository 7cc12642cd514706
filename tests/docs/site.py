"""The built site as tests look at it: its pages, their links and their anchors."""

from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """One file of HTML: what it links to, what it loads, and what can be linked to in it."""

    _LOADED: ClassVar = {
        "img": "src",
        "script": "src",
        "iframe": "src",
        "source": "src",
        "link": "href",
    }
    # Relations that a browser does not fetch.
    _ONLY_TOLD: ClassVar = {"canonical", "prev", "next", "author", "license"}

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors = {"", "__skip"}
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors.update(attributes[key] for key in ("id", "name") if attributes.get(key))
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        address = attributes.get(self._LOADED.get(tag, ""))
        if address and not set((attributes.get("rel") or "").split()) & self._ONLY_TOLD:
            self.loaded.append(address)


class Site:
    """A folder that mkdocs built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def pages(self) -> dict[Path, Page]:
        return {file: Page(file) for file in sorted(self.folder.rglob("*.html"))}

    def broken(self) -> list[str]:
        """Addresses inside the site that lead nowhere, and files that it asks of others."""
        found = []
        for file, page in self.pages.items():
            if file.name == "404.html":  # its addresses are absolute, for servers
                continue
            where = file.relative_to(self.folder)
            found += [f"{where} loads {one}" for one in page.loaded if self._is_foreign(one)]
            for address in page.links + page.loaded:
                if not self._is_foreign(address) and not self._exists(file, address):
                    found.append(f"{where}: {address}")
        return found

    @staticmethod
    def _is_foreign(address: str) -> bool:
        return bool(urlsplit(address).scheme or urlsplit(address).netloc)

    def _exists(self, file: Path, address: str) -> bool:
        parts = urlsplit(address)
        target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
        if target.is_dir():
            target = target / "index.html"
        if not target.is_file():
            return False
        page = self.pages.get(target)
        return page is None or unquote(parts.fragment) in page.anchors
