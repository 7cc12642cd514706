"""A model and an index in one: every kind of input, the same answers, and a folder of both."""

import keras
import numpy as np
import pytest

from keras_metric.retrieval import Indexer, SimilaritySearch

DIM = 3


def rows(seed, num):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, num)
    centers = 4 * np.random.default_rng(9).normal(size=(4, 5))
    return (centers[labels] + rng.normal(size=(num, 5))).astype("float32"), labels


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(DIM)])


def as_kind(kind, x, y, size=7):
    if kind == "array":
        return x, y
    if kind == "tf":
        import tensorflow as tf

        return tf.data.Dataset.from_tensor_slices((x, y)).batch(size), None
    if kind == "grain":
        import grain

        pairs = list(zip(x, y, strict=True))
        return grain.MapDataset.source(pairs).batch(size), None
    if kind == "grain iterable":
        return as_kind("grain", x, y)[0].to_iter_dataset(), None
    if kind == "torch":
        torch = pytest.importorskip("torch")
        data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
        return torch.utils.data.DataLoader(data, batch_size=size), None

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return -(-len(x) // size)

        def __getitem__(self, i):
            return x[i * size : (i + 1) * size], y[i * size : (i + 1) * size]

    return Batches(), None


@pytest.mark.parametrize("kind", ["array", "tf", "pydataset", "grain", "grain iterable", "torch"])
def test_every_kind_of_input_gives_the_same_answers(model, kind):
    (g, z), (x, y) = rows(0, 40), rows(1, 10)
    weights, bias = (np.asarray(w) for w in model.get_weights())
    index = Indexer(DIM, "euclidean")
    index.batch_add(g @ weights + bias, z)
    expected = index.search(x @ weights + bias, k=3)

    search = SimilaritySearch(model, distance="euclidean", batch_size=7)
    assert search.index(*as_kind(kind, g, z)).tolist() == list(range(40))
    found = search.lookup(as_kind(kind, x, y)[0], k=3)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found[2], expected[2])
    report = search.evaluate(*as_kind(kind, x, y), measures=["recall_at_1"])
    assert report["recall_at_1"] == np.mean(expected[2][:, 0] == y)


def test_a_shuffled_dataset_keeps_images_and_labels_together(model):
    import tensorflow as tf

    g, z = rows(0, 40)
    data = tf.data.Dataset.from_tensor_slices((g, z)).shuffle(40).batch(8)
    search = SimilaritySearch(model)
    search.index(data)
    # Every row finds itself, whatever order it came in, and so its own label.
    np.testing.assert_array_equal(search.lookup(g, k=1)[2][:, 0], z)


def test_rows_of_the_index_are_not_their_own_neighbours(model):
    g, z = rows(0, 40)
    search = SimilaritySearch(model)
    ids = search.index(g, z)
    assert search.evaluate(g, z, ["recall_at_1"])["recall_at_1"] == 1.0
    apart = search.evaluate(g, z, ["map_at_r"], ids=ids)
    embeddings = search.embed(g)[0]
    from keras_metric.retrieval import measures

    assert apart["map_at_r"] == measures.map_at_r(embeddings, z)


def test_match_needs_a_threshold_and_refuses_strangers(model):
    (g, z), (x, y) = rows(0, 60), rows(1, 30)
    search = SimilaritySearch(model, distance="euclidean")
    search.index(g, z)
    with pytest.raises(ValueError, match="Call calibrate before match"):
        search.match(x)
    search.calibrate(x, y, {"sure": ("precision", 0.9)})
    assert np.mean(search.match(x, "sure") == y) > 0.5
    assert search.match(x + 1e3).tolist() == [None] * 30
    assert search.match(x + 1e3, no_match=-1).tolist() == [-1] * 30
    with pytest.raises(ValueError, match="`cutpoint` must be one of optimal, sure"):
        search.match(x, "certain")


def test_data_comes_back_by_id(model):
    g, _ = rows(0, 3)
    search = SimilaritySearch(model)
    search.index(g, ["a", "b", None], data=["a.png", "b.png", "c.png"])
    ids, _, labels = search.lookup(g, k=1)
    assert search.data(ids) == ["a.png", "b.png", "c.png"]
    assert labels[:, 0].tolist() == ["a", "b", None]


@pytest.mark.parametrize("engine", ["flat", "hnsw"])
def test_model_and_index_last_together(model, tmp_path, engine):
    (g, z), (x, y) = rows(0, 60), rows(1, 30)
    params = {"links": 8} if engine == "hnsw" else None
    search = SimilaritySearch(model, "euclidean", engine, params, batch_size=16)
    search.index(g, z)
    search.calibrate(x, y)
    search.save(tmp_path / "search")
    again = SimilaritySearch.load(tmp_path / "search")
    for before, after in zip(search.lookup(x, 4), again.lookup(x, 4), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(search.match(x), again.match(x))
    assert again.batch_size == 16
    assert again.index(g[:2], z[:2]).tolist() == [60, 61]
    assert again.indexer.search_params == (params or {})


def test_a_damaged_model_is_refused(model, tmp_path):
    search = SimilaritySearch(model)
    search.index(*rows(0, 5))
    search.save(tmp_path / "search")
    file = next((tmp_path / "search").glob("model-*.npy"))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="truncated or altered"):
        SimilaritySearch.load(tmp_path / "search")
    with pytest.raises(ValueError, match=r"Expected format 'keras_metric\.index'"):
        Indexer.load(tmp_path / "search")


class TwoHeads(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential([keras.Input((5,)), keras.layers.Dense(DIM)])
        self.head = keras.layers.Dense(2)

    def call(self, x):
        z = self.encoder(x)
        return {"embedding": z, "class": self.head(z)}


def functional():
    x = keras.Input((5,))
    z = keras.layers.Dense(DIM, name="features")(x)
    return keras.Model(x, [z, keras.layers.Dense(2)(z)])


def test_the_embedding_of_any_model():
    x, y = rows(0, 12)
    subclassed, outputs = TwoHeads(), functional()
    expected = keras.ops.convert_to_numpy(subclassed(x)["embedding"])
    for choice in ("embedding", "encoder", subclassed.encoder, lambda model: model.encoder):
        found, labels = SimilaritySearch(subclassed, embedding=choice).embed(x, y)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        np.testing.assert_array_equal(labels, y)
    expected = keras.ops.convert_to_numpy(outputs(x)[0])
    for choice in (0, "features"):
        found, _ = SimilaritySearch(outputs, embedding=choice).embed(x)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_models_with_several_inputs():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    model = keras.Model({"a": a, "b": b}, keras.layers.Concatenate()([a, b]))
    x, y = rows(0, 9)
    found, _ = SimilaritySearch(model, batch_size=4).embed({"a": x[:, :2], "b": x[:, 2:]}, y)
    np.testing.assert_allclose(found, x)


def test_wrong_models_and_inputs_are_named(model):
    x, y = rows(0, 9)
    with pytest.raises(TypeError, match="`model` must be a Keras model"):
        SimilaritySearch(np.eye(3))
    with pytest.raises(TypeError, match="`embedding` must be None, an output's number"):
        SimilaritySearch(model, embedding=1.5)
    with pytest.raises(ValueError, match="must say which output is the embedding"):
        SimilaritySearch(functional()).embed(x)
    with pytest.raises(ValueError, match=r"outputs \(\['.*'\]\), layers"):
        SimilaritySearch(TwoHeads(), embedding="embeding").embed(x)
    with pytest.raises(ValueError, match="one of the model's outputs"):
        SimilaritySearch(functional(), embedding=7).embed(x)
    with pytest.raises(ValueError, match=r"hand a `keras\.Model` that ends in it over"):
        SimilaritySearch(TwoHeads(), embedding="head")
    with pytest.raises(ValueError, match="`search` must be one of flat"):
        SimilaritySearch(model, search="fast")
    with pytest.raises(ValueError, match="`distance` must be one of"):
        SimilaritySearch(model, distance="far")
    search = SimilaritySearch(model)
    with pytest.raises(ValueError, match="Call `index` first"):
        search.lookup(x)
    with pytest.raises(ValueError, match="`y` must be as many as the rows of `x`, 9"):
        search.index(x, y[:3])
    with pytest.raises(ValueError, match="must hold at least one row"):
        search.index(x[:0], y[:0])
    with pytest.raises(ValueError, match="arrays of lengths"):
        search.index({"a": x, "b": x[:3]})
    search.index(x, y)
    with pytest.raises(ValueError, match="Labels are needed"):
        search.evaluate(x)
    with pytest.raises(ValueError, match="brings its own labels"):
        search.index(as_kind("pydataset", x, y)[0], y)
    bad = x.copy()
    bad[4, 2] = np.nan
    with pytest.raises(ValueError, match="`embeddings` must be finite"):
        search.index(bad, y)
    assert search.size() == 9


def test_endless_datasets_are_refused(model):
    import grain
    import tensorflow as tf

    x, y = rows(0, 9)
    endless = tf.data.Dataset.from_tensor_slices((x, y)).batch(3).repeat()
    with pytest.raises(ValueError, match="must end"):
        SimilaritySearch(model).index(endless)
    repeated = grain.MapDataset.source(list(zip(x, y, strict=True))).batch(3).repeat()
    with pytest.raises(ValueError, match="must end"):
        SimilaritySearch(model).index(repeated)
