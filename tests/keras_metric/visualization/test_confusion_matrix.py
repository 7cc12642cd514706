"""The cells hold what a count by hand gives."""

import numpy as np
import pytest

from keras_metric.visualization import confusion_matrix


def drawn(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


def test_shares_of_rows_and_no_match():
    # a: two right, one refused, one taken for b. z is unknown: refused once, once taken for a.
    labels = ["a", "a", "a", "a", "b", "z", "z"]
    matches = ["a", "a", None, "b", "b", None, "a"]
    figure = confusion_matrix(labels, matches)
    expected = [[2 / 4, 1 / 4, 0, 1 / 4], [0, 1, 0, 0], [1 / 2, 0, 0, 1 / 2]]
    np.testing.assert_allclose(drawn(figure), expected)
    names = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert names == ["a", "b", "z", "no match"]
    assert {text.get_text() for text in figure.axes[0].texts} == {"0.50", "0.25", "1.00"}


def test_integers_with_names():
    figure = confusion_matrix([0, 1], [0, -1], no_match=-1, class_names=["shirt", "shoe"])
    np.testing.assert_array_equal(drawn(figure), [[1, 0, 0], [0, 0, 1]])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["shirt", "shoe"]


def test_wrong_lengths_are_named():
    with pytest.raises(ValueError, match="`matches` must be as many"):
        confusion_matrix([0, 1], [0])
    with pytest.raises(ValueError, match="at least one query"):
        confusion_matrix([], [])
