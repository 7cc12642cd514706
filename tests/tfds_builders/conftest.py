"""The full Fashion-MNIST, for the tests that need it."""

import pytest

from tfds_builders import sources


@pytest.fixture
def full_data():
    """The files of the full data.

    They come from Debian's package or a user's folder, and the suite must pass on machines
    that have neither and no network. The continuous integration installs the package first.
    """
    if sources.find_fashion_mnist() is None:
        pytest.skip("Fashion-MNIST's full data is not on this machine")
    return sources.fashion_mnist_files()
