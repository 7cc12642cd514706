"""The published counts of the standard splits."""

import numpy as np
import pytest

from keras_metric.retrieval import splits


@pytest.mark.parametrize("dataset", list(splits.PUBLISHED))
def test_the_published_counts_pass_and_others_do_not(dataset):
    for part, (images, classes) in splits.PUBLISHED[dataset].items():
        labels = np.arange(images) % classes
        splits.check_published(dataset, part, labels)
        for wrong in (labels[1:], np.minimum(labels, classes - 2)):
            with pytest.raises(ValueError, match=f"{images} images of {classes} classes"):
                splits.check_published(dataset, part, wrong)


def test_the_parts_are_the_whole_datasets():
    # 11,788 birds and 16,185 cars; 120,053 products; 52,712 pieces of clothing.
    totals = {"cub_200_2011": 11788, "cars196": 16185, "stanford_online_products": 120053,
              "in_shop": 52712}  # fmt: skip
    for dataset, parts in splits.PUBLISHED.items():
        assert sum(images for images, _ in parts.values()) == totals[dataset]


def test_unknown_names_are_named():
    with pytest.raises(ValueError, match="`dataset` must be one of"):
        splits.check_published("birds", "test", [0])
    with pytest.raises(ValueError, match="`part` must be one of train, query, gallery"):
        splits.check_published("in_shop", "test", [0])
