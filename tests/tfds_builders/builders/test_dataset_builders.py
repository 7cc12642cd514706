"""Every dataset of the package by TFDS's own test case, on data that is made up."""

import tempfile
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

import tfds_builders  # noqa: F401  registers them
from tests.tfds_builders.builders import copies
from tests.tfds_builders.builders.test_shipped import KINDS, SOURCES

SIZES = {"cifar10": (32, 32), "cifar100": (32, 32), "omniglot": (105, 105)}
QUICK = {"cifar10_pairs", "omniglot_triplets", "stanford_online_products_balanced"}


class Fashion:
    """The sample in the package, which needs no files."""

    BUILDER_CONFIG_NAMES_TO_TEST = ("sample",)
    SPLITS = {"train": 1000, "test": 500}  # noqa: RUF012


class Copies:
    """Four classes of four images each, in folders."""

    BUILDER_CONFIG_NAMES_TO_TEST = ("full",)
    SPLITS = {"train": 16, "test": 16}  # noqa: RUF012


class FashionBalanced(Fashion):
    # Ten of thirteen in each batch: 1,040 places for 1,000 images, 520 for 500.
    SPLITS = {"train": 8 * 130, "test": 4 * 130}  # noqa: RUF012


def test_case(name, base):
    """A test case of the dataset `name`."""
    source = name.rpartition("_")[0]

    class Case(base, tfds.testing.DatasetBuilderTestCase):
        DATASET_CLASS = tfds.builder_cls(name)
        OVERLAPPING_SPLITS = ()

        @classmethod
        def setUpClass(cls):
            cls._folder = tempfile.TemporaryDirectory()
            cls.EXAMPLE_DIR = cls._folder.name
            if base is Copies:
                size = SIZES.get(source, (6, 7))
                copies.by_class(Path(cls._folder.name) / source, size=size)
            super().setUpClass()

        @classmethod
        def tearDownClass(cls):
            super().tearDownClass()
            cls._folder.cleanup()

    Case.__name__ = Case.__qualname__ = "Test" + "".join(map(str.capitalize, name.split("_")))
    return Case if name in QUICK else pytest.mark.slow(Case)


test_case.__test__ = False
BASES = {f"{source}_{kind}": Copies for source in SOURCES for kind in KINDS}
BASES |= {
    "fashion_pairs": Fashion,
    "fashion_triplets": Fashion,
    "fashion_balanced": FashionBalanced,
}
for _name, _base in BASES.items():
    _case = test_case(_name, _base)
    globals()[_case.__name__] = _case
    del _case
