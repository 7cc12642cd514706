import io

import numpy as np
import pytest

from keras_metric import visualization


def png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_map_is_repeatable_and_names_every_class(method):
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(40, 8)), np.repeat([0, 1, 2, 3], 10)
    names = ["cat", "dog", "cow", "hen"]
    figures = [visualization.embedding_map(embeddings, labels, names, method) for _ in range(2)]
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == names
    assert png(figures[0]) == png(figures[1])


def test_map_by_pca_keeps_distances_of_flat_data():
    flat = np.array([[0.0, 0], [3, 0], [0, 4], [3, 4]])
    spun = flat @ np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0][:2]
    figure = visualization.embedding_map(spun, ["a"] * 4)
    drawn = np.asarray(figure.axes[0].collections[0].get_offsets())
    for i, j, length in ((0, 1, 3), (0, 2, 4), (0, 3, 5)):
        assert np.linalg.norm(drawn[i] - drawn[j]) == pytest.approx(length)


def test_histogram_counts_every_pair_and_draws_the_threshold():
    distances, same = np.array([0.1, 0.2, 0.9, 1.0]), np.array([1, 1, 0, 1])
    figure = visualization.distance_histogram(distances, same, threshold=0.5)
    axes = figure.axes[0]
    assert sum(patch.get_height() for patch in axes.patches) == 4
    assert axes.lines[0].get_xdata()[0] == 0.5
    assert {"same class (3 pairs)", "different classes (1 pairs)", "threshold 0.500"} == {
        text.get_text() for text in figure.legends[0].get_texts()
    }


def test_neighbors_are_marked_right_and_wrong():
    images = np.zeros((2, 8, 8, 1), "uint8")
    figure = visualization.show_neighbors(
        images, np.zeros((2, 3, 8, 8, 1), "uint8"), [0, 1], [[0, 0, 1], [1, 1, 1]], np.ones((2, 3))
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert sum("\N{CHECK MARK}" in title for title in titles) == 5
    assert sum("\N{MULTIPLICATION X}" in title for title in titles) == 1
    assert png(figure)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"Received: method='mds'"):
        visualization.embedding_map(np.eye(4), [0, 0, 1, 1], method="mds")
    with pytest.raises(ValueError, match=r"Received: shapes \(4, 4\) and \(3,\)"):
        visualization.embedding_map(np.eye(4), [0, 0, 1])
    with pytest.raises(ValueError, match=r"Received: shapes \(2,\) and \(3,\)"):
        visualization.distance_histogram([0.1, 0.2], [1, 0, 1])
    with pytest.raises(ValueError, match=r"`distances` must be of shape \(1, 2\)"):
        visualization.show_neighbors(np.zeros((1, 4, 4)), np.zeros((1, 2, 4, 4)), distances=[[1]])


def test_images_share_one_scale_whatever_their_type():
    dark, bright = np.full((1, 4, 4, 1), 51, "uint8"), np.full((1, 1, 4, 4, 1), 255, "uint8")
    for factor in (1, 1.0, 1 / 255):
        figure = visualization.show_neighbors(dark * factor, bright * factor)
        shown = [axes.images[0] for axes in figure.axes]
        assert [image.norm(image.get_array()).max() for image in shown] == pytest.approx([0.2, 1])
    color = np.array([255.0, 127.5, 0.0]) * np.ones((1, 4, 4, 3))
    figure = visualization.show_neighbors(color, color[:, None])
    np.testing.assert_allclose(figure.axes[0].images[0].get_array()[0, 0], [1.0, 0.5, 0.0])


def test_a_label_without_a_name_is_an_error():
    images = np.zeros((1, 4, 4, 1), "uint8")
    show, names = visualization.show_neighbors, ["coat", "bag"]
    with pytest.raises(ValueError, match=r"`neighbor_labels` must be integers from 0 to 1.*2$"):
        show(images, images[:, None], [0], [[2]], class_names=names)
    with pytest.raises(ValueError, match=r"`query_labels` must be integers.*-1$"):
        show(images, images[:, None], [-1], [[1]], class_names=names)
