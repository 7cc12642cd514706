"""Every fenced Python block of README and docs runs: a page is one session."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import _run_page
from tests.docs.site import ROOT

PAGES = [
    page
    for page in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    if _run_page.program(page.read_text("utf-8")).strip()
]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_runs(page, tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "TF_ENABLE_ONEDNN_OPTS": "1", **os.environ}
    done = subprocess.run(
        [sys.executable, _run_page.__file__, page],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_lines_stay_where_they_are():
    text = (
        "# T\n\n```python\na = 1\n```\n\n- item\n\n    ```py title='x'\n    b = 2\n    ```\n\n"
        "<!-- not run: it needs a cluster -->\n```python\nc = 3\n```\n```bash\nd\n```\n"
    )
    lines = _run_page.program(text).split("\n")
    assert {place: line for place, line in enumerate(lines, 1) if line} == {4: "a = 1", 10: "b = 2"}


def test_readme_is_among_them():
    assert Path(ROOT / "README.md") in PAGES
