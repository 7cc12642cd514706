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
from keras_metric.retrieval import Indexer, measures
from tfds_builders.sources import CLASS_NAMES

MARGIN = 0.2
ROLES = ("anchor", "positive", "negative")


# %%
def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", action="store_true", help="use the images in the package")
    parser.add_argument("--epochs", type=int, help="default: 4, or 20 on the sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("triplet_output"))
    parser.add_argument("--backbone", default="small_cnn", help="dense, wide_cnn or pretrained")
    parser.add_argument("--embedding-size", type=int, default=64)
    parser.add_argument("--augment", action="store_true", help="flip and move images at random")
    return parser.parse_args()


def load(kind, split):
    """All pairs or triplets of a split, as a dict of arrays."""
    dataset = tfds.load(f"fashion_{kind}/{config}", split=split)
    return next(dataset.batch(len(dataset)).as_numpy_iterator())


def load_batches():
    triplets = tfds.load(f"fashion_triplets/{config}", split="train", as_supervised=True).cache()
    size = min(128, len(triplets) // 10)
    batches = triplets.shuffle(len(triplets), seed=flags.seed).batch(size)
    if flags.augment:
        changes = [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)]
        batches = tfds_builders.augment(batches, changes, seed=flags.seed)
    return batches.prefetch(2)


def make_backbone(name):
    """A network from an image to features, from the simplest to one that knows photographs."""
    image = keras.Input((28, 28, 1))
    if name == "dense":
        x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
        return keras.Model(image, layers.Dense(128, "relu")(x))
    if name == "pretrained":  # downloads the weights of MobileNetV2
        x = layers.Resizing(96, 96)(layers.Rescaling(1 / 127.5, -1)(image))
        x = layers.Concatenate()([x, x, x])  # grey as red, green and blue
        features = keras.applications.MobileNetV2((96, 96, 3), include_top=False, pooling="avg")
        return keras.Model(image, features(x))
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


def measure_pairs(distances, same):
    """A threshold chosen on one half of the test pairs, and what it is worth on the other."""
    chosen_on = np.arange(len(same)) % 2 == 0
    threshold, _ = metrics.best_threshold(same[chosen_on], distances[chosen_on])
    accepted = distances <= threshold
    return {
        "threshold": threshold,
        "accuracy": (accepted == same)[~chosen_on].mean(),
        "equal_error_rate": metrics.equal_error_rate(same[~chosen_on], distances[~chosen_on]),
    }


def show_triplets(triplets, distances):
    """Anchors, their positives and their negatives, with the distance to each."""
    shown = {role: triplets[role] for role in ROLES}
    for role, apart in zip(ROLES, (None, *distances.T), strict=True):
        names = np.array(CLASS_NAMES)[triplets[f"label_{role}"]]
        texts = (
            names if apart is None else [f"{n}\n{d:.2f}" for n, d in zip(names, apart, strict=True)]
        )
        shown[f"label_{role}"] = np.array(texts)
    return tfds_builders.show([shown], rows=3, columns=9)


# %%
flags = parse_flags()
flags.output.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(flags.seed)
config = "sample" if flags.sample else "full"
train, test, pairs = load("triplets", "train"), load("triplets", "test"), load("pairs", "test")
batches = load_batches()
epochs = flags.epochs or (20 if flags.sample else 4)
network = build(epochs * len(batches))
start = time.perf_counter()
history = network.fit(batches, epochs=epochs)
seconds = time.perf_counter() - start

# %%
same, labels = pairs["same"] == 1, pairs["label_a"]
distances = network.predict(tuple(test[role] for role in ROLES), batch_size=500)
queries, others, gallery = (
    network.embedding.predict(images, batch_size=500)
    for images in (pairs["image_a"], pairs["image_b"], train["anchor"])
)
apart = np.linalg.norm(queries - others, axis=1)
found = measures.evaluate(queries, labels, gallery, train["label_anchor"], distance="euclidean")
results = {
    **{"epochs": epochs, "seconds": seconds, "loss": history.history["loss"]},
    **{"right_in_training": history.history["right"], "useful": history.history["useful"]},
    **{"triplets": len(train["anchor"]), "images_seen": 3 * len(train["anchor"]) * epochs},
    **{"useful_first": history.history["useful"][0], "useful_last": history.history["useful"][-1]},
    **{"parameters": network.count_params(), "right": (distances[:, 0] < distances[:, 1]).mean()},
    **{**measure_pairs(apart, same), **found},
}
(flags.output / "triplet.json").write_text(json.dumps(results, indent=1, default=float))

# %%
gap = distances[:, 1] - distances[:, 0]
for name, rows in (("right", np.flatnonzero(gap > 0)[:9]), ("wrong", np.argsort(gap)[:9])):
    figure = show_triplets({key: test[key][rows] for key in test}, distances[rows])
    figure.savefig(flags.output / f"triplet_{name}.png")
title = f"Distances of test pairs; {results['accuracy']:.1%} of one half are told right"
figure = visualization.distance_histogram(apart, same, results["threshold"], title)
figure.savefig(flags.output / "triplet_histogram.png")
index = Indexer(flags.embedding_size, distance="euclidean")
index.batch_add(gallery, train["label_anchor"])
ids, ranked, names = index.search(queries, k=8)
shuffled = np.random.default_rng(flags.seed).permutation(len(labels))
is_first_right = names[shuffled, 0] == labels[shuffled]
shown = np.concatenate([shuffled[is_first_right][:3], shuffled[~is_first_right][:3]])
visualization.show_neighbors(
    *(pairs["image_a"][shown], train["anchor"][ids[shown]], labels[shown], names[shown]),
    *(ranked[shown], CLASS_NAMES),
    title="Test images and their nearest training images",
).savefig(flags.output / "triplet_ranking.png")
some = shuffled[:2000]
figure = visualization.embedding_map(
    queries[some], labels[some], CLASS_NAMES, "tsne", flags.seed, "2,000 test images (t-SNE)"
)
figure.savefig(flags.output / "triplet_map.png")
print(
    f"Triplet loss, {epochs} epochs in {seconds:.0f} s: {results['accuracy']:.1%} of test pairs "
    f"told right; P@1 {found['recall_at_1']:.3f}, MAP@R {found['map_at_r']:.3f}. "
    f"Pictures and numbers are in {flags.output}/"
)
