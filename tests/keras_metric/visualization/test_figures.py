import io

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from keras_metric import metrics, visualization


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


def pairs(seed=0, size=400, gap=0.6):
    rng = np.random.default_rng(seed)
    same = rng.integers(0, 2, size)
    return same, rng.normal(1.3 - gap * same, 0.25)


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_roc_plot_has_the_curves_and_their_areas():
    same, distances = pairs()
    figure = visualization.roc_plot(same, {"good": distances, "bad": pairs(1, gap=0)[1]})
    area = sklearn.metrics.roc_auc_score(same, -distances)
    assert legend(figure)[0] == f"good: area {area:.3f}"
    far, tar, _ = metrics.roc_curve(same, distances)
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), np.stack([far, tar], 1))
    scores = visualization.roc_plot(same, -distances, higher_is_similar=True)
    np.testing.assert_array_equal(scores.axes[0].lines[0].get_xydata(), np.stack([far, tar], 1))
    assert png(figure) == png(
        visualization.roc_plot(same, {"good": distances, "bad": pairs(1, gap=0)[1]})
    )


def test_det_plot_meets_the_diagonal_at_the_equal_error_rate():
    same, distances = pairs(size=4000)
    figure = visualization.det_plot(same, distances)
    rate = metrics.equal_error_rate(same, distances)
    assert legend(figure)[0] == f"equal error rate {100 * rate:.1f} %"
    x, y = figure.axes[0].lines[0].get_xydata().T
    nearest = np.abs(x - y).argmin()
    assert scipy.stats.norm.cdf(x[nearest]) == pytest.approx(rate, abs=0.005)
    # Of distances that are distributed normally the curve is a straight line.
    inner = (np.abs(x) < 2) & (np.abs(y) < 2)
    assert np.corrcoef(x[inner], y[inner])[0, 1] < -0.995
    assert png(figure)


def test_mistakes_are_the_worst_of_each_kind():
    same = np.array([1, 1, 1, 0, 0, 0])
    distances = np.array([0.1, 0.9, 0.5, 0.3, 0.2, 1.0])
    images = np.arange(6, dtype="uint8")[:, None, None] * np.full((1, 8, 8), 40, "uint8")
    figure = visualization.hardest_mistakes(
        images, images[::-1], same, distances, np.arange(6), np.arange(6)[::-1], count=2
    )
    titles = [axes.get_title() for axes in figure.get_axes()]
    assert [title for title in titles if title] == ["0.200", "0.300", "0.900", "0.500"]
    shown = [axes.get_xlabel() for axes in figure.get_axes()]
    assert shown == ["4", "3", "1", "2", "1", "2", "4", "3"]
    first = np.asarray(figure.get_axes()[0].images[0].get_array())
    assert first.max() == first.min() == 160
    turned = visualization.hardest_mistakes(
        images, images, same, -distances, count=2, higher_is_similar=True
    )
    titles = [axes.get_title() for axes in turned.get_axes()]
    assert [title for title in titles if title] == ["-0.200", "-0.300", "-0.900", "-0.500"]
    assert png(figure)
    alone = visualization.hardest_mistakes(images, images, np.ones(6), distances)
    assert len(alone.subfigs) == 1


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_map_with_images_is_repeatable_and_shows_at_most_so_many(channels):
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(60, 8)), np.repeat(np.arange(12), 5)
    images = rng.integers(0, 256, (60, 9, 7) + (() if channels is None else (channels,)), np.uint8)

    def draw(num):
        return visualization.embedding_map(embeddings, labels, images=images, num_images=num)

    assert len(draw(5).axes[0].artists) == 5
    assert 10 < len(draw(1000).axes[0].artists) <= 60
    assert png(draw(20)) == png(draw(20))


@pytest.mark.slow
def test_map_by_umap_is_repeatable():
    rng = np.random.default_rng(0)
    embeddings, labels = rng.normal(size=(40, 8)), np.repeat([0, 1], 20)
    embeddings[20:] += 20
    figures = [visualization.embedding_map(embeddings, labels, method="umap") for _ in range(2)]
    assert png(figures[0]) == png(figures[1])
    one, other = (np.asarray(found.get_offsets()) for found in figures[0].axes[0].collections)
    between = np.linalg.norm(one.mean(axis=0) - other.mean(axis=0))
    assert between > 2 * max(one.std(axis=0).max(), other.std(axis=0).max())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: v.roc_plot([1, 1], [0.1, 0.2]), "Received"),
        (lambda v: v.det_plot([1, 0], {}), "at least one curve"),
        (
            lambda v: v.hardest_mistakes(np.zeros((2, 4, 4)), np.zeros((3, 4, 4)), [1, 0], [1, 2]),
            r"\['images_b'\] that does not fit",
        ),
        (
            lambda v: v.hardest_mistakes(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)), [1], [1, 2]),
            r"\['distances'\]",
        ),
        (
            lambda v: v.hardest_mistakes(
                np.zeros((1, 4, 4)), np.zeros((1, 4, 4)), [1], [1], count=0
            ),
            "count=0",
        ),
        (lambda v: v.embedding_map(np.eye(3), [0] * 3, images=np.zeros((2, 4, 4))), "2 images"),
        (lambda v: v.embedding_map(np.eye(3), [0] * 3, num_images=0), "num_images=0"),
    ],
)
def test_bad_pairs_and_images_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(visualization)
