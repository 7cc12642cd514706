import io

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_builders
from tfds_builders import sampling, sources


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("data"))


def load(name, data_dir, **options):
    return tfds.load(f"fashion_{name}/sample", split="test", data_dir=data_dir, **options)


def drawn(figure):
    """The titles of the images in a figure, which must be possible to save."""
    figure.savefig(io.BytesIO(), format="png")
    return [axes.get_title() for axes in figure.axes if axes.images]


@pytest.mark.parametrize(("name", "width"), [("pairs", 2), ("triplets", 3), ("balanced", 1)])
@pytest.mark.parametrize("supervised", [False, True])
def test_tuples_are_drawn_batched_or_not(name, width, supervised, data_dir):
    dataset = load(name, data_dir, as_supervised=supervised)
    names = list(sources.CLASS_NAMES)
    for form in (dataset, dataset.batch(5), list(dataset.batch(7).take(3).as_numpy_iterator())):
        figure = tfds_builders.show(form, rows=2, columns=6, class_names=names)
        titles = drawn(figure)
        assert len(titles) == 12
        assert {title for title in titles if title} <= {*names, "same", "different"}


def test_frames_tell_same_from_different(data_dir):
    dataset = load("pairs", data_dir)
    same = [int(row["same"]) for row in dataset.take(8).as_numpy_iterator()]
    figure = tfds_builders.show(dataset, rows=8, columns=2)
    second = [axes for axes in figure.axes if axes.images][1::2]
    styles = [axes.spines["top"].get_linestyle() for axes in second]
    assert styles == ["-" if one else "--" for one in same]


@pytest.mark.parametrize(
    ("labels", "across"),
    [
        (np.repeat([3, 1, 2], 4), 4),  # K = 4
        (np.repeat([3, 1], 16), 16),
        (np.repeat([3, 1], 17), 8),  # too wide
        (np.tile([0, 1], 10), 8),  # in no order
        ([0, 0, 1, 2, 2, 1, 0, 2, 1, 0], 8),
    ],
)
def test_balanced_images_have_one_class_in_a_row(labels, across):
    elements = [{"image": np.zeros((8, 8, 1), np.uint8), "label": label} for label in labels]
    drawn = tfds_builders.show(elements, rows=2).axes
    titles = [axes.get_title() for axes in drawn if axes.axison]
    assert titles == [str(label) for label in labels[: 2 * across]]
    assert drawn[0].get_subplotspec().get_gridspec().ncols == across


def test_what_cannot_be_drawn_is_an_error(data_dir):
    with pytest.raises(ValueError, match=r"Received: dataset=\[\]"):
        tfds_builders.show([])
    with pytest.raises(ValueError, match=r"Received: element of \['x'\]"):
        tfds_builders.show([{"x": 1}])
    with pytest.raises(ValueError, match=r"Received: shapes \[\(8, 8\)\]"):
        tfds_builders.show([{"image": np.zeros((8, 8))}])
    with pytest.raises(ValueError, match=r"Received: rows=0, columns=None"):
        tfds_builders.show(load("pairs", data_dir), rows=0)


def test_statistics_of_a_sampler_by_hand():
    # 0 and 1 are cats, 2 is a dog: uses 2, 3 and 1 times; one pair of three is of one class.
    found = tfds_builders.statistics([[0, 1], [1, 2], [1, 0]], ["cat", "cat", "dog"])
    assert (found.num_tuples, found.num_images, found.reuse_mean, found.reuse_max) == (3, 3, 2, 3)
    assert found.positive_share == pytest.approx(2 / 3)
    assert found.tuples_per_class.tolist() == [3, 0]
    assert found.images_per_class.tolist() == [2, 1]
    assert found.uses_per_class.tolist() == [5, 1]
    assert "3 tuples of 3 images, each used 2.00 times, at most 3; 66.7%" in str(found)


def test_statistics_of_balanced_batches_count_images(data_dir):
    found = tfds_builders.statistics(load("balanced", data_dir))
    rows = list(load("balanced", data_dir).as_numpy_iterator())
    ids, labels = [int(row["id"]) for row in rows], [int(row["label"]) for row in rows]
    assert found.num_tuples == len(rows)
    assert found.num_images == len(set(ids))
    assert found.reuse_max == max(ids.count(one) for one in set(ids))
    assert found.uses_per_class.tolist() == [labels.count(one) for one in range(10)]
    assert np.isnan(found.positive_share)
    assert "begin with" not in str(found)


def test_statistics_of_a_dataset_are_those_of_its_sampler(data_dir):
    pytest.importorskip("pandas")
    _, labels = sources.fashion_mnist_sample("test")
    for name, kind in (("pairs", sampling.PairSampler), ("triplets", sampling.TripletSampler)):
        sampler = kind(labels)
        ours = tfds_builders.statistics(sampler.take(0, len(sampler)), labels)
        read = tfds_builders.statistics(load(name, data_dir))
        assert (read.num_tuples, read.num_images) == (500, 500)
        assert read.to_frame()["tuples"].tolist() == [50] * 10
        assert read.to_frame().index.tolist() == ours.classes.tolist()
    with pytest.raises(ValueError, match=r"without `as_supervised`"):
        tfds_builders.statistics(load("pairs", data_dir, as_supervised=True))
    with pytest.raises(ValueError, match=r"Received: shape \(0,\)"):
        tfds_builders.statistics([], labels)


def test_tfds_draws_the_dataset_as_a_frame(data_dir):
    pytest.importorskip("pandas")
    for name, columns in (("pairs", {"image_a", "same", "id_b"}), ("balanced", {"image", "label"})):
        dataset, info = load(name, data_dir, with_info=True)
        frame = tfds.as_dataframe(dataset.take(3), info)
        assert len(frame) == 3
        assert columns <= set(frame.columns)
