"""The quickstart as a user runs it, on the sample."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_quickstart_learns_draws_and_answers(tmp_path):
    flags = ["--sample", "--epochs", "5", "--embedding-size", "16", "--output", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "quickstart.py"), *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, after = re.findall(r"map_at_r (\d\.\d+)", done.stdout)
    assert float(after) > float(before) + 0.05
    assert re.search(r"Loaded again, a query that is a .* finds: ", done.stdout)
    for name in ("neighbors.png", "embedding_map.png", "distances.png", "model.keras", "index"):
        assert (tmp_path / name).exists()
