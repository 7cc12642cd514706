"""Tutorial 1, siamese networks: are two items of clothing the same kind of thing?

python examples/siamese.py            # the full Fashion-MNIST
python examples/siamese.py --sample   # the 1,500 images in the package
"""

# %%
import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Off by default on AMD processors, where convolutions are then 3 times as slow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow_datasets as tfds
from keras import layers

import tfds_builders
from keras_metric import metrics, models, visualization
from keras_metric.layers import SimilarityHead
from keras_metric.retrieval import measures
from tfds_builders.sources import CLASS_NAMES

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 6, or 30 on the sample")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=Path("siamese_output"))
parser.add_argument("--backbone", default="small_cnn", help="dense, wide_cnn or pretrained")
parser.add_argument("--embedding-size", type=int, default=64)
parser.add_argument("--augment", action="store_true", help="flip and move images at random")
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(flags.seed)


# %%
def load_pairs():
    """All pairs of both splits, each a dict of arrays, and the training pairs in batches."""
    name = "fashion_pairs/sample" if flags.sample else "fashion_pairs"
    datasets = tfds.load(name, split=["train", "test"])
    train, test = (next(d.batch(len(d)).as_numpy_iterator()) for d in datasets)
    pairs = tfds.load(name, split="train", as_supervised=True).cache()
    batches = pairs.shuffle(len(pairs), seed=flags.seed).batch(min(128, len(pairs) // 10))
    if flags.augment:
        changes = [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)]
        batches = tfds_builders.augment(batches, changes, seed=flags.seed)
    return train, test, batches.prefetch(2)


def make_backbone(name):
    """A network from an image to features, from the simplest to one that knows photographs."""
    if name == "dense":
        flat = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(128, "relu")]
        return keras.Sequential([keras.Input((28, 28, 1)), *flat])
    if name == "pretrained":  # downloads the weights of MobileNetV2
        size = {"input_shape": (28, 28, 1), "resize": 96, "pooling": "avg"}
        return models.backbone("MobileNetV2", weights="imagenet", **size)
    return models.small_cnn(filters=(32, 64, 128) if name == "wide_cnn" else (16, 32, 64))


def build(num_steps):
    embedding = models.embedding_network(make_backbone(flags.backbone), flags.embedding_size)
    network = models.SiameseNetwork(embedding, SimilarityHead(output_activation="sigmoid"))
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, num_steps))
    network.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return network


def confusions(output, pairs, count=5):
    """The kinds of different pairs that are most often taken for the same."""
    kinds = np.sort(np.stack([pairs["label_a"], pairs["label_b"]], axis=1), axis=1)
    rows = []
    for kind in np.unique(kinds[pairs["same"] == 0], axis=0):
        here = (kinds == kind).all(axis=1)
        row = {"pairs": here.sum(), "share": (output[here] > 0.5).mean()}
        rows.append({"a": CLASS_NAMES[kind[0]], "b": CLASS_NAMES[kind[1]], **row})
    return sorted(rows, key=lambda row: -row["share"])[:count]


def compare_all(network, queries, gallery):
    """The network's output for each query with each image of the gallery."""
    pairs = ([np.broadcast_to(query, gallery.shape), gallery] for query in queries)
    return np.stack([keras.ops.convert_to_numpy(network.head(pair))[:, 0] for pair in pairs])


def show_pairs(pairs, output):
    """Pairs with the names of their classes and the output; the frame tells the truth."""
    a, b = (np.array(CLASS_NAMES)[pairs[key]] for key in ("label_a", "label_b"))
    b = [f"{name}\nsame: {share:.1%}" for name, share in zip(b, output, strict=True)]
    return tfds_builders.show([{**pairs, "label_a": a, "label_b": b}], rows=3)


# %%
train, test, batches = load_pairs()
figure = tfds_builders.show([{key: train[key][:12] for key in train}], 3, 8, CLASS_NAMES)
figure.savefig(flags.output / "siamese_data.png")

epochs = flags.epochs or (30 if flags.sample else 6)
network = build(epochs * len(batches))
start = time.perf_counter()
history = network.fit(batches, epochs=epochs)
seconds = time.perf_counter() - start

# %%
same, labels = test["same"] == 1, test["label_a"]
output = network.predict((test["image_a"], test["image_b"]), batch_size=500)[:, 0]
is_right = (output > 0.5) == same
half = np.arange(len(same)) % 2 == 1  # tutorials 2 and 3 choose a threshold on the other half
tar, far = ((output > 0.5)[half & kind].mean() for kind in (same, ~same))  # shares accepted
firsts = (split["image_a"] for split in (train, test))
gallery, queries = (network.embedding.predict(images, batch_size=500) for images in firsts)
found = measures.evaluate(queries, labels, gallery, train["label_a"], distance="euclidean")
shuffled = np.random.default_rng(flags.seed).permutation(len(labels))
outputs = compare_all(network, queries[shuffled[:100]], gallery)
results = {
    **{"epochs": epochs, "seconds": seconds, "loss": history.history["loss"]},
    **{"pairs": len(train["same"]), "images_seen": 2 * len(train["same"]) * epochs},
    **{"test_pairs": len(same), "parameters": network.count_params(), "gallery": len(gallery)},
    **{"sure": np.median((outputs > 0.99).sum(axis=1)), "confused": confusions(output, test)},
    **{"accuracy": is_right[half].mean(), "same_accepted": tar, "different_accepted": far},
    **{"precision_half": tar / (tar + far), "precision_tenth": tar / (tar + 9 * far)},
    **{"equal_error_rate": metrics.equal_error_rate(same[half], 1 - output[half]), **found},
}
(flags.output / "siamese.json").write_text(json.dumps(results, indent=1, default=float))

# %%
worst = np.argsort(np.where(is_right, 0, -np.abs(output - 0.5)))
for name, rows in (("right", np.flatnonzero(is_right)[:12]), ("wrong", worst[:12])):
    figure = show_pairs({key: test[key][rows] for key in test}, output[rows])
    figure.savefig(flags.output / f"siamese_{name}.png")
figure = visualization.distance_histogram(1 - output, same, 0.5, "Test pairs")
figure.axes[0].set_xlabel("1 minus the output of the network")
figure.savefig(flags.output / "siamese_histogram.png")
five, best = shuffled[:5], np.argsort(-outputs[:5], axis=1)[:, :8]
visualization.show_neighbors(
    *(test["image_a"][five], train["image_a"][best], labels[five], train["label_a"][best]),
    *(np.take_along_axis(outputs[:5], best, axis=1), CLASS_NAMES),
).savefig(flags.output / "siamese_ranking.png")
print(
    f"Siamese network, {epochs} epochs in {seconds:.0f} s: {results['accuracy']:.1%} of pairs "
    f"right; P@1 {found['recall_at_1']:.3f}, MAP@R {found['map_at_r']:.3f}. See {flags.output}/"
)
