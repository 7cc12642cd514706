"""Tutorial 2, contrastive loss: how similar are two items of clothing?

python examples/contrastive.py            # the full Fashion-MNIST
python examples/contrastive.py --sample   # the 1,500 images in the package
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
from keras_metric import losses, metrics, models, visualization
from keras_metric.layers import PairwiseDistance
from keras_metric.retrieval import Indexer, measures
from tfds_builders.sources import CLASS_NAMES

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 6, or 30 on the sample")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=Path("contrastive_output"))
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
    network = models.SiameseNetwork(embedding, PairwiseDistance("euclidean"))
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, num_steps)
    network.compile(keras.optimizers.Adam(schedule), losses.ContrastiveLoss(margin=1.0))
    return network


def measure_pairs(distances, same):
    """A threshold chosen on one half of the test pairs, and what it is worth on the other."""
    chosen_on = np.arange(len(same)) % 2 == 0
    threshold, _ = metrics.best_threshold(same[chosen_on], distances[chosen_on])
    distances, same = distances[~chosen_on], same[~chosen_on]
    accepted = distances <= threshold
    return {
        "threshold": threshold,
        "accuracy": (accepted == same).mean(),
        "same_accepted": accepted[same].mean(),
        "different_accepted": accepted[~same].mean(),
        "equal_error_rate": metrics.equal_error_rate(same, distances),
        "accepted_at_1_percent": metrics.true_accept_rate(same, distances, 0.01)[0],
    }


def show_pairs(pairs, distances):
    """Pairs with the names of their classes and their distance; the frame tells the truth."""
    a, b = (np.array(CLASS_NAMES)[pairs[key]] for key in ("label_a", "label_b"))
    b = [f"{name}\n{distance:.2f}" for name, distance in zip(b, distances, strict=True)]
    return tfds_builders.show([{**pairs, "label_a": a, "label_b": b}], rows=3)


# %%
train, test, batches = load_pairs()
epochs = flags.epochs or (30 if flags.sample else 6)
network = build(epochs * len(batches))
start = time.perf_counter()
history = network.fit(batches, epochs=epochs)
seconds = time.perf_counter() - start

# %% From here on the embedding network is used alone, on one image at a time.
same, labels = test["same"] == 1, test["label_a"]
distances = network.predict((test["image_a"], test["image_b"]), batch_size=500)[:, 0]
queries = network.embedding.predict(test["image_a"], batch_size=500)
gallery = network.embedding.predict(train["image_a"], batch_size=500)
index = Indexer(flags.embedding_size, distance="euclidean")
index.batch_add(gallery, train["label_a"])
found = measures.evaluate(queries, labels, gallery, train["label_a"], distance="euclidean")
of_class = sorted(found.per_class("map_at_r").items(), key=lambda one: one[1])
results = {
    **{"epochs": epochs, "seconds": seconds, "loss": history.history["loss"]},
    **{"pairs": len(train["same"]), "images_seen": 2 * len(train["same"]) * epochs},
    **{"test_pairs": len(same), "parameters": network.count_params(), "gallery": len(gallery)},
    **{**measure_pairs(distances, same), **found},
    "by_class": [{"name": CLASS_NAMES[k], "map_at_r": v} for k, v in of_class],
}
(flags.output / "contrastive.json").write_text(json.dumps(results, indent=1, default=float))

# %%
threshold, title = results["threshold"], "Distances of test pairs"
figure = visualization.distance_histogram(distances, same, threshold, title)
figure.savefig(flags.output / "contrastive_histogram.png")
is_right, certainty = (distances <= threshold) == same, np.abs(distances - threshold)
rows = np.argsort(np.where(is_right, 0, -certainty))[:12]
figure = show_pairs({key: test[key][rows] for key in test}, distances[rows])
figure.savefig(flags.output / "contrastive_wrong.png")

# %% Queries and their best matches: three that were right, and three that were wrong.
ids, ranked, names = index.search(queries, k=8)
shuffled = np.random.default_rng(flags.seed).permutation(len(labels))
is_first_right = names[shuffled, 0] == labels[shuffled]
shown = np.concatenate([shuffled[is_first_right][:3], shuffled[~is_first_right][:3]])
visualization.show_neighbors(
    *(test["image_a"][shown], train["image_a"][ids[shown]], labels[shown], names[shown]),
    *(ranked[shown], CLASS_NAMES),
).savefig(flags.output / "contrastive_ranking.png")
some = shuffled[:2000]
figure = visualization.embedding_map(queries[some], labels[some], CLASS_NAMES, "tsne")
figure.savefig(flags.output / "contrastive_map.png")
print(
    f"Contrastive loss, {epochs} epochs in {seconds:.0f} s: {results['accuracy']:.1%} of pairs "
    f"right; P@1 {found['recall_at_1']:.3f}, MAP@R {found['map_at_r']:.3f}. See {flags.output}/"
)
