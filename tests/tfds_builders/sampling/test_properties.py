"""What holds for every layout of labels, not only for a chosen one."""

import tracemalloc
import warnings

import numpy as np
import pytest

from tfds_builders.sampling import (
    BalancedSampler,
    HardNegatives,
    LabelIndex,
    PairSampler,
    SimilarClasses,
    TripletSampler,
)
from tfds_builders.sampling._hash import key_of
from tfds_builders.sampling._permutation import permute


def layout(seed):
    """Labels of two to forty classes, of equal sizes or of very different ones."""
    rng = np.random.default_rng(seed)
    num_classes = int(rng.integers(2, 40))
    sizes = rng.integers(1, 2 + 60 // num_classes ** int(rng.integers(2)), num_classes)
    sizes[rng.integers(num_classes)] += int(rng.integers(2, 80))
    return rng.permutation(np.repeat(rng.permutation(1000)[:num_classes], sizes))


LAYOUTS = [layout(seed) for seed in range(40)]


def chi_square_limit(cells):
    """Five standard deviations above the mean of a chi-square of `cells - 1` degrees."""
    return cells - 1 + 5 * np.sqrt(2 * (cells - 1))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 10, 64, 1000])
def test_an_order_is_a_permutation_whose_places_are_uniform(size):
    orders = max(200, 40_000 // size)
    positions = np.broadcast_to(np.arange(size), (orders, size))
    moved = permute(key_of(0, 1, np.arange(orders))[:, None], positions, size)
    np.testing.assert_array_equal(np.sort(moved, axis=1), positions)
    if size <= 10:
        # Where the first and the last go together: all ordered pairs are equally likely.
        counts = np.bincount(moved[:, 0] * size + moved[:, -1], minlength=size * size)
        counts = counts[counts > 0]
        assert len(counts) == max(size * (size - 1), 1)
        expected = orders / len(counts)
        assert ((counts - expected) ** 2 / expected).sum() <= chi_square_limit(len(counts))


def test_index_agrees_with_a_plain_search_across_chunks(monkeypatch):
    monkeypatch.setattr("tfds_builders.sampling._label_index._CHUNK", 7)
    for labels in (*LAYOUTS[:10], np.array(["b", "a", "c"] * 9), LAYOUTS[10] * 10**9):
        index = LabelIndex(labels)
        for number, label in enumerate(index.classes):
            start, count = index.starts[number], index.counts[number]
            expected = np.flatnonzero(labels == label)
            np.testing.assert_array_equal(index.order[start : start + count], expected)
        np.testing.assert_array_equal(index.classes[index.numbers()], labels)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_pairs(share):
    for labels in LAYOUTS:
        sampler = PairSampler(labels, positive_fraction=share, seed=4)
        size = len(labels)
        pairs = sampler.take(0, 3 * size)
        assert (pairs[:, 0] != pairs[:, 1]).all()
        same = labels[pairs[:, 0]] == labels[pairs[:, 1]]
        _, number, counts = np.unique(labels, return_inverse=True, return_counts=True)
        possible = (counts[number] > 1).mean()
        # From any start to any stop the share is exact to within one pair.
        running = np.r_[0, np.cumsum(same)] - min(share, possible) * np.arange(3 * size + 1)
        assert np.ptp(running) <= 1 + 1e-6
        for epoch in range(3):
            anchors = pairs[epoch * size : (epoch + 1) * size, 0]
            np.testing.assert_array_equal(np.sort(anchors), np.arange(size))


@pytest.mark.parametrize("rule", ["pairs", "positives"])
def test_groups_are_kept_apart(rule):
    for seed, labels in enumerate(LAYOUTS):
        groups = np.random.default_rng(seed).integers(0, 2 + seed % 6, len(labels))
        sampler = PairSampler(labels, groups=groups, group_rule=rule, seed=seed)
        a, b = sampler.take(0, 4 * len(sampler)).T
        same = labels[a] == labels[b]
        checked = slice(None) if rule == "pairs" else same
        assert (groups[a] != groups[b])[checked].all()
        # A plain loop over all pairs tells which examples can be an anchor at all.
        other = groups[:, None] != groups
        alike = labels[:, None] == labels
        allowed = other if rule == "pairs" else (other | ~alike)
        assert set(a.tolist()) == set(np.flatnonzero(allowed.any(axis=1)).tolist())
        triplets = TripletSampler(labels, groups=groups, group_rule=rule, seed=seed)
        anchor, positive, negative = triplets.take(0, len(triplets)).T
        complete = (other & alike).any(axis=1) & (allowed & ~alike).any(axis=1)
        np.testing.assert_array_equal(np.sort(anchor), np.flatnonzero(complete))
        assert (groups[anchor] != groups[positive]).all()
        assert (labels[anchor] == labels[positive]).all()
        assert (labels[anchor] != labels[negative]).all()


def test_one_allowed_negative_among_many_is_found():
    # Class 1 has 3,000 examples in the anchors' group and a single one outside.
    labels = np.r_[np.zeros(4, int), np.ones(3001, int)]
    groups = np.r_[[0, 0, 1, 1], np.zeros(3000, int), 2]
    triplets = TripletSampler(labels, groups=groups).take(0, 3005)
    of_first = triplets[triplets[:, 0] < 2]
    assert len(of_first) >= 2
    assert (of_first[:, 2] == 3004).all()


def test_triplets_and_their_uniform_classes():
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 3])
    drawn = TripletSampler(labels, class_frequency="uniform").take(0, 90_000)
    negatives = labels[drawn[labels[drawn[:, 0]] == 0][:, 2]]
    counts = np.bincount(negatives, minlength=4)
    assert counts[0] == 0
    expected = counts.sum() / 3
    assert ((counts[1:] - expected) ** 2 / expected).sum() <= chi_square_limit(3)


def test_negatives_follow_the_weights():
    weights = np.array([[9, 1, 3, 0], [1, 0, 0, 0], [1, 1, 0, 2], [0, 0, 1, 0]])
    labels = np.repeat(np.arange(4), 5)
    drawn = TripletSampler(labels, negatives=SimilarClasses(weights), seed=2).take(0, 80_000)
    table = np.zeros((4, 4))
    np.add.at(table, (labels[drawn[:, 0]], labels[drawn[:, 2]]), 1)
    wanted = weights * ~np.eye(4, dtype=bool)
    expected = 20_000 * wanted / wanted.sum(axis=1, keepdims=True)
    assert (table[expected == 0] == 0).all()
    cells = expected > 0
    assert ((table - expected)[cells] ** 2 / expected[cells]).sum() <= chi_square_limit(cells.sum())


def test_hard_negatives_are_the_nearest_of_other_classes():
    rng = np.random.default_rng(0)
    labels, rows = rng.integers(0, 4, 60), rng.normal(size=(60, 3))
    drawn = TripletSampler(labels, negatives=HardNegatives(rows, k=3), seed=1).take(0, 6000)
    for anchor in range(60):
        apart = np.where(labels == labels[anchor], np.inf, ((rows - rows[anchor]) ** 2).sum(1))
        found = set(drawn[drawn[:, 0] == anchor, 2].tolist())
        assert found == set(np.argsort(apart)[:3].tolist())


@pytest.mark.parametrize("frequency", ["data", "uniform"])
@pytest.mark.parametrize(("share_of_classes", "each"), [(0.1, 2), (0.5, 3), (1.0, 1), (0.9, 5)])
@pytest.mark.filterwarnings("ignore:.*fewer than examples_per_class:UserWarning")
def test_balanced_batches(frequency, share_of_classes, each):
    for labels in LAYOUTS[::2]:
        classes, sizes = np.unique(labels, return_counts=True)
        width = max(1, int(share_of_classes * len(classes)))
        sampler = BalancedSampler(labels, width, each, seed=6, class_frequency=frequency)
        for epoch in range(2):
            batches = sampler.batches(epoch * len(sampler), (epoch + 1) * len(sampler))
            assert set(np.unique(batches)) == set(range(len(labels)))
            owners = labels[batches].reshape(len(batches), width, each)
            assert (owners == owners[:, :, :1]).all()
            chosen = np.sort(owners[:, :, 0], axis=1)
            assert (chosen[:, 1:] != chosen[:, :-1]).all()
            sets = batches.reshape(-1, each)
            large = np.isin(labels[sets[:, 0]], classes[sizes >= each])
            ordered = np.sort(sets[large], axis=1)
            assert (ordered[:, 1:] != ordered[:, :-1]).all()
            visits = np.bincount(np.searchsorted(classes, chosen.ravel()), minlength=len(classes))
            if frequency == "uniform":
                assert np.ptp(visits) <= 1
            assert (visits >= -(-sizes // each)).all()


def test_any_two_classes_meet_equally_often_within_an_epoch():
    # 10 classes of 400 in batches of 5 x 2: 400 batches, in which two given classes meet
    # with probability 5 / 10 * 4 / 9.
    labels = np.repeat(np.arange(10), 400)
    batches = BalancedSampler(labels, 5, 2, seed=0).batches(0, 400)
    member = np.zeros((400, 10))
    member[np.arange(400)[:, None], labels[batches]] = 1
    together = (member.T @ member)[np.triu_indices(10, 1)]
    expected, spread = 400 * 2 / 9, np.sqrt(400 * 2 / 9 * 7 / 9)
    assert np.abs(together - expected).max() < 5 * spread
    assert len({tuple(row) for row in member}) > 150  # of 252 sets of five


@pytest.mark.parametrize("hosts", [2, 3, 7])
def test_hosts_share_an_epoch_without_overlap(hosts):
    labels = LAYOUTS[3]
    samplers = [PairSampler(labels), TripletSampler(labels), BalancedSampler(labels, 2, 1)]
    for sampler in samplers:
        take = sampler.batches if isinstance(sampler, BalancedSampler) else sampler.take
        for epoch in (0, 2):
            whole = take(epoch * len(sampler), (epoch + 1) * len(sampler))
            parts = []
            for host in range(hosts):
                part = sampler.shard(host, hosts)
                take_part = part.batches if isinstance(part, BalancedSampler) else part.take
                parts.append(take_part(epoch * len(part), (epoch + 1) * len(part)))
            np.testing.assert_array_equal(np.concatenate(parts), whole)
    with pytest.raises(ValueError, match=r"Received: index=2, count=2"):
        samplers[0].shard(2, 2)


@pytest.mark.filterwarnings("ignore:.*fewer than examples_per_class:UserWarning")
def test_a_restart_continues_the_same_sequence():
    for labels in LAYOUTS[:8]:
        whole = BalancedSampler(labels, 2, 3, seed=8).batches(0, 300)
        fresh = BalancedSampler(labels, 2, 3, seed=8)
        for step in (299, 0, 150, 149):
            np.testing.assert_array_equal(fresh.batch(step), whole[step])
        np.testing.assert_array_equal(fresh.batches(37, 211), whole[37:211])
        pairs = PairSampler(labels, seed=8).take(0, 700)
        np.testing.assert_array_equal(PairSampler(labels, seed=8).take(123, 456), pairs[123:456])


def test_one_epoch_differs_from_the_next_and_one_seed_from_another():
    labels = np.repeat(np.arange(8), 20)
    pairs = PairSampler(labels).take(0, 320)
    assert (pairs[:160, 0] != pairs[160:, 0]).mean() > 0.9
    assert (PairSampler(labels, seed=1).take(0, 160)[:, 0] != pairs[:160, 0]).mean() > 0.9
    sampler = BalancedSampler(labels, 4, 2)
    epochs = sampler.batches(0, 2 * len(sampler))
    assert (epochs[: len(sampler)] != epochs[len(sampler) :]).mean() > 0.9


def test_an_index_takes_a_few_bytes_an_example():
    labels = np.random.default_rng(0).integers(0, 2**17, 2**21)
    tracemalloc.start()
    try:
        index = LabelIndex(labels)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == 2**21
    # 4 bytes an example, and 8 for the label, start and count of each class.
    assert kept < 1.05 * (4 * 2**21 + 3 * 8 * 2**17)
    assert peak < 40 * 2**21


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], r"Received: labels of shape \(0,\)"),
        ([0, -1, 1], r"Received: labels\[1\]=-1"),
        ([0, None, 1], r"Received: labels\[0\]=0 among 3"),
        (["a", None, "b"], r"Received: labels\[1\]=None among 1"),
        ([0.0, 1.0], r"Received: labels of dtype float64"),
    ],
)
def test_labels_that_are_none_are_refused(labels, message):
    for sampler in (LabelIndex, PairSampler, TripletSampler):
        with pytest.raises(ValueError, match=message):
            sampler(labels)


def test_other_arguments_are_checked():
    with pytest.raises(ValueError, match=r"Received: class_frequency='equal'"):
        PairSampler([0, 1], class_frequency="equal")
    with pytest.raises(ValueError, match=r"Received: group_rule='none'"):
        TripletSampler([0, 0, 1], group_rule="none")
    with pytest.raises(ValueError, match=r"Received: 2 groups"):
        PairSampler([0, 0, 1], groups=[0, 1])
    with pytest.raises(TypeError, match=r"Received: negatives='hard'"):
        PairSampler([0, 0, 1], negatives="hard")
    with pytest.raises(ValueError, match=r"Received: shape \(2, 3\)"):
        SimilarClasses(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"Received: minimum -1.0"):
        SimilarClasses([[0, -1], [1, 0]])
    with pytest.raises(ValueError, match=r"Received: weights of shape \(2, 2\)"):
        PairSampler([0, 1, 2], negatives=SimilarClasses(np.ones((2, 2))))
    with pytest.raises(ValueError, match=r"Received: none for 0"):
        PairSampler([0, 1], negatives=SimilarClasses([[1, 0], [1, 0]]))
    with pytest.raises(ValueError, match=r"Received: k=0"):
        HardNegatives(np.ones((2, 2)), k=0)
    with pytest.raises(ValueError, match=r"Received: 2 rows"):
        PairSampler([0, 0, 1], negatives=HardNegatives(np.ones((2, 2))))


def test_strings_in_a_column_of_objects_are_labels():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        index = LabelIndex(np.array(["b", "a", "b"], dtype=object))
    assert index.classes.tolist() == ["a", "b"]
