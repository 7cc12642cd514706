"""The hooks that fill in pages are programs of the site, not of a package."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.docs.site import ROOT, Site

sys.path.insert(0, str(ROOT / "docs" / "hooks"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, built anew as CI builds it."""
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("needs the extra docs, which `make test` leaves out and `.ci/run` installs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return Site(folder)
