"""What a user installs holds all that the packages need."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("keras_metric", "tfds_builders")
PROGRAM = """
import sys
import tensorflow_datasets as tfds
import keras_metric, tfds_builders
from tfds_builders.__main__ import names

for package in (keras_metric, tfds_builders):
    assert package.__file__.startswith(sys.argv[1]), package.__file__
for name in names():
    builder = tfds.builder(name, data_dir=sys.argv[2])
    assert builder.info.description and builder.info.citation, name
    assert builder.get_metadata().tags and builder.url_infos, name
print(len(tfds.load("fashion_pairs/sample", split="test", data_dir=sys.argv[2])), len(names()))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_every_file_of_the_packages_is_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == wanted
    for suffix in ("README.md", "CITATIONS.bib", "TAGS.txt", "checksums.tsv", "idx.gz", "py.typed"):
        assert any(name.endswith(suffix) for name in packed), suffix


@pytest.mark.slow
def test_unpacked_alone_it_knows_its_datasets_and_builds_the_sample(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(site), str(tmp_path / "data")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["500", "21"]
