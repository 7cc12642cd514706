"""Tutorial 3, triplet loss: is this one more like that one, or like the other?

python examples/triplet.py            # the full Fashion-MNIST
python examples/triplet.py --sample   # the 1,500 images in the package
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
from keras_metric.retrieval import measures
from tfds_builders.sources import CLASS_NAMES

MARGIN = 0.2
ROLES = ("anchor", "positive", "negative")


# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 4, or 20 on the sample")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=Path("triplet_output"))
parser.add_argument("--backbone", default="small_cnn", help="dense, wide_cnn or pretrained")
parser.add_argument("--embedding-size", type=int, default=64)
parser.add_argument("--augment", action="store_true", help="flip and move images at random")
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(flags.seed)


# %%
def load(name, split):
    """All pairs or triplets of a split, as a dict of arrays."""
    dataset = tfds.load(name, split=split)
    return next(dataset.batch(len(dataset)).as_numpy_iterator())


def load_batches(name):
    triplets = tfds.load(name, split="train", as_supervised=True).cache()
    size = min(128, len(triplets) // 10)
    batches = triplets.shuffle(len(triplets), seed=flags.seed).batch(size)
    if flags.augment:
        changes = [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)]
        batches = tfds_builders.augment(batches, changes, seed=flags.seed)
    return batches.prefetch(2)


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
    network = models.TripletNetwork(embedding, "euclidean")
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, num_steps)
    loss = losses.TripletMarginLoss(margin=MARGIN)
    network.compile(keras.optimizers.Adam(schedule), loss, metrics=[right, useful])
    return network


def right(_, distances):
    """The share of triplets whose positive is nearer to the anchor than the negative."""
    return keras.ops.cast(distances[:, 0] < distances[:, 1], "float32")


def useful(_, distances):
    """The share of triplets that still cost something, so that the network learns from them."""
    return keras.ops.cast(distances[:, 0] - distances[:, 1] + MARGIN > 0, "float32")


def show(triplets, distances):
    """Triplets with the names of their classes, and the distances to the anchor."""
    names = {f"label_{r}": np.array(CLASS_NAMES)[triplets[f"label_{r}"]] for r in ROLES}
    for key, column in zip(("label_positive", "label_negative"), distances.T, strict=True):
        names[key] = [f"{n}\n{d:.2f}" for n, d in zip(names[key], column, strict=True)]
    return tfds_builders.show([{**triplets, **names}], rows=3, columns=9)


# %%
suffix = "/sample" if flags.sample else ""
pairs = load("fashion_pairs" + suffix, "test")
train, test = (load("fashion_triplets" + suffix, split) for split in ("train", "test"))
nine = {key: train[key][:9] for key in train}
tfds_builders.show([nine], 3, 9, CLASS_NAMES).savefig(flags.output / "triplet_data.png")

batches = load_batches("fashion_triplets" + suffix)
epochs = flags.epochs or (20 if flags.sample else 4)
network = build(epochs * len(batches))
start = time.perf_counter()
history = network.fit(batches, epochs=epochs).history
seconds = time.perf_counter() - start

# %%
same, labels = pairs["same"] == 1, pairs["label_a"]
distances = network.predict(tuple(test[role] for role in ROLES), batch_size=500)
images = (pairs["image_a"], pairs["image_b"], train["anchor"])
queries, others, gallery = (network.embedding.predict(x, batch_size=500) for x in images)
apart = np.linalg.norm(queries - others, axis=1)
half = np.arange(len(same)) % 2 == 0  # the threshold is chosen on it and measured on the other
threshold, _ = metrics.best_threshold(same[half], apart[half])
accuracy = ((apart <= threshold) == same)[~half].mean()
found = measures.evaluate(queries, labels, gallery, train["label_anchor"], distance="euclidean")
results = {
    **{"epochs": epochs, "seconds": seconds, "triplets": len(train["anchor"])},
    **{"parameters": network.count_params(), "images_seen": 3 * len(train["anchor"]) * epochs},
    **{"loss": history["loss"], "useful": history["useful"], "learned": history["right"]},
    **{"test_triplets": len(distances), "right": (distances[:, 0] < distances[:, 1]).mean()},
    **{"threshold": threshold, "accuracy": accuracy},
    **{"equal_error_rate": metrics.equal_error_rate(same[~half], apart[~half]), **found},
}
(flags.output / "triplet.json").write_text(json.dumps(results, indent=1, default=float))

# %%
gap = distances[:, 1] - distances[:, 0]
for name, rows in (("right", np.flatnonzero(gap > 0)[:9]), ("wrong", np.argsort(gap)[:9])):
    figure = show({key: test[key][rows] for key in test}, distances[rows])
    figure.savefig(flags.output / f"triplet_{name}.png")
figure = visualization.distance_histogram(apart, same, threshold, "Distances of test pairs")
figure.savefig(flags.output / "triplet_histogram.png")
some = np.random.default_rng(flags.seed).permutation(len(labels))[:2000]
figure = visualization.embedding_map(queries[some], labels[some], CLASS_NAMES, "tsne")
figure.savefig(flags.output / "triplet_map.png")
print(
    f"Triplet loss, {epochs} epochs in {seconds:.0f} s: {accuracy:.1%} of test pairs told right; "
    f"P@1 {found['recall_at_1']:.3f}, MAP@R {found['map_at_r']:.3f}. See {flags.output}/"
)
