import json
import pickle

import numpy as np
import pytest
from PIL import Image

from tests.tfds_builders.sources.datasets import build, in_file_order
from tfds_builders import streams
from tfds_builders.sampling import BalancedSampler, PairSampler, TripletSampler
from tfds_builders.sources import ArraySource

# Each image says which example it is, so that batches can be checked against the arrays.
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(6), [30, 12, 20, 25, 9, 24]))
IMAGES = np.zeros((len(LABELS), 4, 3, 1), np.uint8)
IMAGES[:, 0, 0, 0] = np.arange(len(LABELS))
DATA = (IMAGES, LABELS)


def make(kind, **options):
    source = options.pop("source", DATA)
    if kind == "balanced":
        return streams.balanced(source, 4, 3, **options)
    return getattr(streams, kind)(source, 32, **options)


def ids(images):
    return images[:, 0, 0, 0].astype(int)


def flat(batch):
    images, labels = batch
    return [*(images if isinstance(images, tuple) else (images,)), labels]


def assert_same(one, other):
    assert len(flat(one)) == len(flat(other))
    for a, b in zip(flat(one), flat(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(params=["balanced", "pairs", "triplets"])
def kind(request):
    return request.param


def test_balanced_batches_are_those_of_the_sampler():
    stream = make("balanced", seed=5)
    sampler = BalancedSampler(LABELS, 4, 3, seed=5)
    assert len(stream) == len(sampler)
    for step in (0, 7, len(stream) + 2):
        images, labels = stream.batch(step)
        assert ids(images).tolist() == sampler.batch(step).tolist()
        assert labels.tolist() == LABELS[ids(images)].tolist()
        assert np.unique(labels, return_counts=True)[1].tolist() == [3] * 4


def test_pairs_are_those_of_the_sampler_and_every_example_is_an_anchor_in_an_epoch():
    stream = make("pairs", seed=5, positive_fraction=0.25)
    drawn = PairSampler(LABELS, positive_fraction=0.25, seed=5).take(0, 120)
    batches = list(stream)
    assert [len(same) for _, same in batches] == [32, 32, 32, 24]
    a, b = (np.concatenate([ids(images[side]) for images, _ in batches]) for side in (0, 1))
    np.testing.assert_array_equal(np.stack([a, b], axis=1), drawn)
    same = np.concatenate([same for _, same in batches])
    np.testing.assert_array_equal(same, LABELS[a] == LABELS[b])
    assert sorted(a) == list(range(120))


def test_triplets_are_those_of_the_sampler():
    stream = make("triplets", seed=5, drop_remainder=True)
    assert len(stream) == 3
    drawn = TripletSampler(LABELS, seed=5).take(0, 240)
    for step in (0, 2, 3, 5):
        roles, labels = stream.batch(step)
        start = step // 3 * 120 + step % 3 * 32
        np.testing.assert_array_equal(
            np.stack([ids(images) for images in roles], axis=1), drawn[start : start + 32]
        )
        np.testing.assert_array_equal(labels, LABELS[ids(roles[0])])


def test_each_iteration_is_the_next_epoch_in_a_new_order(kind):
    stream = make(kind)
    epochs = [list(stream) for _ in range(2)]
    assert [len(epoch) for epoch in epochs] == [len(stream)] * 2
    first, second = (np.concatenate([ids(flat(b)[0]) for b in epoch]) for epoch in epochs)
    assert (first != second).any()
    assert stream.step == 2 * len(stream)


@pytest.mark.parametrize("prefetch", [0, 3])
def test_a_saved_state_goes_on_with_the_same_batches(kind, prefetch):
    stream = make(kind, prefetch=prefetch)
    for _ in zip(range(len(stream) + 2), stream, strict=False):
        pass
    for _ in zip(range(2), stream, strict=False):
        pass
    state = json.loads(json.dumps(stream.state_dict()))
    other = make(kind)
    other.load_state_dict(state)
    expected, found = list(stream), list(other)
    assert 0 < len(expected) < len(stream)
    for one, two in zip(expected, found, strict=True):
        assert_same(one, two)
    with pytest.raises(ValueError, match=r"another stream: expected seed=1. Received: seed=0"):
        make(kind, seed=1).load_state_dict(state)
    with pytest.raises(ValueError, match=r"expected source="):
        make(kind, source=(IMAGES + 1, LABELS)).load_state_dict(state)


def test_reading_ahead_changes_nothing_and_errors_arrive(kind):
    for one, two in zip(make(kind, prefetch=4), make(kind, prefetch=0), strict=True):
        assert_same(one, two)

    def fail(images):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        next(iter(make(kind, augment=fail, prefetch=2)))


def test_hosts_share_nothing_and_have_equally_many_batches(kind):
    stream = make(kind)
    hosts = [stream.shard(host, 3) for host in range(3)]
    assert len({len(host) for host in hosts}) == 1
    taken = [np.concatenate([ids(flat(batch)[0]) for batch in host]) for host in hosts]
    sizes = {len(flat(batch)[-1]) for host in hosts for batch in host}
    assert sizes == {12 if kind == "balanced" else 32}
    if kind == "balanced":  # an example may fill up a second batch, but no batch is dealt twice
        batches = [ids(host.batch(step)[0]).tolist() for host in hosts for step in range(len(host))]
        assert len({tuple(batch) for batch in batches}) == len(batches)
    else:
        assert len(np.unique(np.concatenate(taken))) == sum(map(len, taken))
    with pytest.raises(ValueError, match=r"0 <= host < hosts. Received: host=3, hosts=3"):
        stream.shard(3, 3)
    with pytest.raises(ValueError, match=r"at least one batch for each host"):
        stream.shard(0, 1000)


def add_noise(images, rng):
    return images + rng.integers(1, 100, images.shape)


@pytest.mark.parametrize("jointly", [False, True])
def test_augmentation_depends_on_seed_and_step_alone(jointly):
    def noise(seed, step):
        plain = make("pairs", seed=seed).batch(step)[0]
        stream = make("pairs", seed=seed, augment=add_noise, augment_jointly=jointly)
        changed = stream.batch(step)[0]
        return [c - p for c, p in zip(changed, plain, strict=True)]

    first, second = noise(3, 1)
    assert (first == second).all() == jointly
    assert (first[0] != first[1]).any()
    np.testing.assert_array_equal(noise(3, 1)[0], first)
    assert (noise(3, 0)[0] != first).any()
    assert (noise(4, 1)[0] != first).any()


@pytest.mark.parametrize("jointly", [False, True])
def test_keras_layers_augment_and_can_be_repeated(jointly):
    import keras

    layer = keras.Sequential([keras.layers.RandomTranslation(0.5, 0.5), keras.layers.RandomFlip()])
    source = (np.random.default_rng(0).integers(0, 256, (120, 8, 8, 1), np.uint8), LABELS)
    stream = make("pairs", source=source, augment=layer, augment_jointly=jointly)
    first = stream.batch(3)
    stream.batch(1)
    assert_same(stream.batch(3), first)
    plain = make("pairs", source=source).batch(3)
    assert (first[0][0] != plain[0][0]).any()
    same = make("pairs", source=(source[0][:1].repeat(120, axis=0), LABELS), augment=layer)
    same.augment.jointly = jointly
    a, b = same.batch(0)[0]
    assert (a == b).all() == jointly


def test_augmentation_that_loses_images_is_told():
    with pytest.raises(ValueError, match=r"as many images as it gets, 12"):
        make("balanced", augment=lambda images: images[1:]).batch(0)
    with pytest.raises(ValueError, match=r"`augment` must be callable"):
        make("balanced", augment=3)


def test_images_are_decoded_once_where_they_are_cached(tmp_path, kind):
    for number, image in enumerate(np.repeat(IMAGES, 3, axis=3)):
        (tmp_path / f"{LABELS[number]}").mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / f"{LABELS[number]}" / f"{number:03}.png")
    plain = make(kind, source=tmp_path, resize=(8, 9))
    in_memory = make(kind, source=tmp_path, resize=(8, 9), cache=True)
    in_file = make(kind, source=tmp_path, resize=(8, 9), cache=tmp_path / ".cache")
    expected = list(plain)
    for stream in (in_memory, in_memory.at(0), in_file):
        for one, two in zip(expected, stream, strict=True):
            assert_same(one, two)
    copy = pickle.loads(pickle.dumps(in_memory.source))
    np.testing.assert_array_equal(copy.fetch([5]), in_memory.source.fetch([5]))
    for file in tmp_path.rglob("*.png"):
        file.write_bytes(b"")
    for stream in (in_memory.at(0), in_file.at(0)):
        assert_same(stream.batch(0), expected[0])
    with pytest.raises(ValueError, match=r"could not be read"):
        plain.batch(0)


def test_a_cache_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    fetch = ArraySource._fetch

    def fail(self, indices, resize):
        if len(indices) == len(LABELS):
            raise OSError("No space left on device")
        return fetch(self, indices, resize)

    monkeypatch.setattr(ArraySource, "_fetch", fail)
    with pytest.raises(OSError, match="No space"):
        make("pairs", cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
    with pytest.raises(ValueError, match=r"`cache` must be"):
        make("pairs", cache=3)


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_prepared_datasets_are_read_where_they_lie(file_format, tmp_path, kind):
    builder = build(tmp_path, "bytes", file_format, shards=2)
    options = {"image_key": "picture", "label_key": "group/kind", "split": "train[5:]+test"}
    stream = make(kind, source=builder, **options)
    examples = in_file_order(builder, "train[5:]+test")
    arrays = (
        np.stack([one["picture"] for one in examples]),
        np.array([one["group"]["kind"] for one in examples]),
    )
    for one, two in zip(stream, make(kind, source=arrays), strict=True):
        assert_same(one, two)


def test_images_of_various_sizes_need_one_size(tmp_path, kind):
    builder = build(tmp_path, "various")
    with pytest.raises(ValueError, match=r"`resize=\(height, width\)` brings them together"):
        make(kind, source=builder, label_key="group/kind")
    stream = make(kind, source=builder, label_key="group/kind", resize=(4, 4))
    assert flat(stream.batch(0))[0].shape[1:] == (4, 4, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: streams.pairs(DATA, 0), r"positive integer. Received: batch_size=0"),
        (lambda: streams.balanced(DATA, 7, 2), r"`classes_per_batch`|number of classes"),
        (lambda: streams.balanced(DATA, 2, 0), r"examples_per_class=0"),
        (lambda: streams.balanced(DATA, 2, 10, strict=True), r"fewer than examples_per_class=10"),
        (lambda: streams.triplets((IMAGES[:3], [1, 1, 1])), r"two classes"),
        (lambda: streams.pairs(DATA, output="torch"), r"Received: output='torch'"),
        (lambda: streams.pairs(DATA, prefetch=-1), r"Received: prefetch=-1"),
        (lambda: streams.pairs(DATA, resize=3), r"Received: resize=3"),
        (lambda: streams.pairs("no_such_dataset"), r"no TFDS dataset of this name"),
        (lambda: streams.pairs(DATA).batch(-1), r"Received: step=-1"),
        (lambda: streams.pairs(DATA).at(-1), r"Received: step=-1"),
    ],
)
def test_bad_arguments_are_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_unknown_options_are_told():
    with pytest.raises(TypeError, match=r"shuffel"):
        streams.pairs(DATA, shuffel=True)
