"""Learn similarity from Fashion-MNIST, then search it: the library's main job from end to end.

python examples/quickstart.py            # the full data if it can be had, else the sample
python examples/quickstart.py --sample   # the 1,500 images in the package
"""

# %%
import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Off by default on AMD processors, where convolutions are then 3 times as slow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow_datasets as tfds

from keras_metric import losses, metrics, models, visualization
from keras_metric.retrieval import Indexer, MapAtR, RecallAtK, RPrecision
from tfds_builders import sampling  # the package registers fashion_balanced
from tfds_builders.sources import CLASS_NAMES

BATCH = 10 * 13  # classes times examples of each, as `fashion_balanced` stores them

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 3, or 20 on the sample")
parser.add_argument("--embedding-size", type=int, default=64)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=Path("quickstart_output"))
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(flags.seed)


# %%
def choose_data():
    """The full data if it can be had and is wanted, else the sample."""
    if not flags.sample:
        try:
            tfds.builder("fashion_balanced").download_and_prepare()
            return "fashion_balanced"
        except FileNotFoundError as error:
            print(f"The full data is not to be had, so the sample is used.\n  {error}")
    return "fashion_balanced/sample"


def unique_images(dataset):
    """Images and labels of a balanced dataset, each image once, in the order of their ids."""
    rows = next(dataset.batch(len(dataset)).as_numpy_iterator())
    _, first = np.unique(rows["id"], return_index=True)
    return rows["image"][first], rows["label"][first]


def measure(title):
    """Index the gallery, search it with every query, and print the measures."""
    index = Indexer(model.output_shape[-1], distance="cosine")
    index.batch_add(model.predict(gallery[0], batch_size=500, verbose=0), gallery[1])
    embeddings = model.predict(queries[0], batch_size=500, verbose=0)
    found = index.evaluate_retrieval(
        embeddings, queries[1], [RecallAtK(1), RecallAtK(5), MapAtR(), RPrecision()], verbose=0
    )
    print(f"{title}: " + "   ".join(f"{name} {value:.4f}" for name, value in found.items()))
    return index, embeddings


# %%
name = choose_data()
train, test = tfds.load(name, split=["train", "test"])
gallery, queries = unique_images(train), unique_images(test)
print(f"Data: {name}, {len(gallery[0]):,} training and {len(queries[0]):,} test images")
batches = tfds.load(name, split="train", as_supervised=True).batch(BATCH, drop_remainder=True)
batches = batches.cache().shuffle(len(batches), seed=flags.seed).prefetch(2)

# %%
epochs = flags.epochs or (20 if name.endswith("sample") else 3)
model = models.embedding_network(models.small_cnn(), flags.embedding_size)
schedule = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(batches))
model.compile(
    keras.optimizers.Adam(schedule),
    loss=losses.TripletSemiHardLoss(margin=0.2),
    steps_per_execution=min(len(batches), 11),  # fewer returns from TensorFlow to Python
)
measure("Before training")
start = time.perf_counter()
model.fit(batches, epochs=epochs)
print(f"Trained {epochs} epochs in {time.perf_counter() - start:.0f} s")
index, embeddings = measure("After training")

# %% Queries and their neighbours: of each class a test image, of every second one a mistake
rng = np.random.default_rng(flags.seed)
ids, distances, found = index.search(embeddings, k=8)
wrong, shown = found[:, 0] != queries[1], []
for label in range(10):
    of_class = queries[1] == label
    pool = np.flatnonzero(of_class & (wrong if label % 2 else ~wrong))
    shown.append(rng.choice(pool if len(pool) else np.flatnonzero(of_class)))
figure = visualization.show_neighbors(
    *(queries[0][shown], gallery[0][ids[shown]], queries[1][shown], found[shown]),
    *(distances[shown], CLASS_NAMES),
    title="Test images and their nearest training images",
)
figure.savefig(flags.output / "neighbors.png")

# %% The embedding seen in two dimensions
some = rng.permutation(len(embeddings))[:2000]
figure = visualization.embedding_map(
    embeddings[some], queries[1][some], CLASS_NAMES, method="tsne", seed=flags.seed
)
figure.savefig(flags.output / "embedding_map.png")

# %% How far apart pairs of one class are, and pairs of two
a, b = sampling.PairSampler(queries[1], seed=flags.seed).take(0, len(queries[1])).T
apart = np.linalg.norm(embeddings[a] - embeddings[b], axis=1)
same = queries[1][a] == queries[1][b]
threshold, accuracy = metrics.best_threshold(same, apart)
title = f"Distances of test pairs; the threshold tells {accuracy:.1%} of them right"
figure = visualization.distance_histogram(apart, same, threshold, title)
figure.savefig(flags.output / "distances.png")

# %% Saved, then loaded by a process of its own, which answers one query
QUERY = """
import sys, keras
from keras_metric.retrieval import Indexer
from tfds_builders.sources import CLASS_NAMES, fashion_mnist_sample

folder, seed = sys.argv[1], int(sys.argv[2])
model, index = keras.saving.load_model(folder + "/model.keras"), Indexer.load(folder + "/index")
images, labels = fashion_mnist_sample("test")
one = seed * 37 % len(images)
_, distances, found = index.search(model.predict(images[one : one + 1], verbose=0), k=5)
pairs = zip(found[0], distances[0], strict=True)
names = ", ".join(f"{CLASS_NAMES[label]} {distance:.3f}" for label, distance in pairs)
print(f"Loaded again, a query that is a {CLASS_NAMES[labels[one]]} finds: {names}")
"""
model.save(flags.output / "model.keras")
index.save(flags.output / "index")
command = [sys.executable, "-c", QUERY, str(flags.output), str(flags.seed)]
print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
print(f"Pictures, model and index are in {flags.output}/")
