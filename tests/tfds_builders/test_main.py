import os
import subprocess
import sys

import tensorflow_datasets as tfds

from tfds_builders.__main__ import main, names


def test_build_from_the_command_line_needs_no_extra(tmp_path):
    command = [sys.executable, "-m", "tfds_builders", "build", "fashion_pairs/sample"]
    # A package that cannot be imported: what stands where the extra is not installed.
    for package in ("apache_beam", "mlcroissant"):
        (tmp_path / f"{package}.py").write_text("raise ImportError('not installed')")
    path = os.pathsep.join([str(tmp_path), os.getcwd()])
    done = subprocess.run(
        [*command, f"--data_dir={tmp_path}"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(tfds.load("fashion_pairs/sample", split="test", data_dir=str(tmp_path))) == 500


def test_an_unknown_command_prints_the_usage(capsys):
    assert main(["bulid"]) == 2
    assert "usage: python -m tfds_builders build" in capsys.readouterr().err
    assert {"fashion_pairs", "fashion_triplets", "fashion_balanced"} <= set(names())
