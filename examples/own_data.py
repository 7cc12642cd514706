"""Tutorial 6, your own data: a folder of images to pairs, triplets and balanced batches.

python examples/own_data.py                    # the full Fashion-MNIST, as a folder of PNG files
python examples/own_data.py --sample           # the 1,500 images in the package
python examples/own_data.py --folder pictures  # yours: pictures/train/CLASS/*, and test/CLASS/*
"""

# %%
import argparse
import json
import os
import time
import tracemalloc
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Off by default on AMD processors, where convolutions are then 3 times as slow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

import tfds_builders
from keras_metric import losses, models, visualization
from keras_metric.retrieval import Indexer, measures
from tfds_builders import sources, streams

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 4, or 30 on the sample")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=Path("own_data_output"))
parser.add_argument("--folder", type=Path, help="with train/ and test/, a sub-folder for a class")
parser.add_argument("--size", type=int, default=28, help="height and width to bring images to")
parser.add_argument("--classes", type=int, default=10, help="classes in a batch")
parser.add_argument("--images", type=int, default=13, help="images of each class in a batch")
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(flags.seed)
resize = (flags.size, flags.size)


# %%
def write_folder(root):
    """Fashion-MNIST as one would find one's own images: a PNG file each, a folder a class."""
    for split in ("train", "test"):
        if flags.sample:
            images, labels = sources.fashion_mnist_sample(split)
        else:
            images, labels = sources.read_fashion_mnist(sources.fashion_mnist_files(), split)
        for label, name in enumerate(sources.CLASS_NAMES):
            folder = root / split / name.replace("/", " or ")
            folder.mkdir(parents=True, exist_ok=True)
            for row in tqdm(np.flatnonzero(labels == label), f"{split}, {name}", leave=False):
                (folder / f"{row}.png").write_bytes(tf.io.encode_png(images[row]).numpy())
    return root


def draw(stream, name, rows):
    """The first tuples of a stream, with the names of their classes."""
    figure = tfds_builders.show([stream.batch(0)], rows, class_names=train.class_names)
    figure.savefig(flags.output / f"own_data_{name}.png", dpi=80)


def read(stream, steps=40):
    """Images a second, and the most bytes that Python holds while batches are read."""
    stream.batch(0)  # opens files, or fills the cache
    start = time.perf_counter()
    num_images = sum(len(stream.batch(step)[1]) for step in range(steps))
    seconds = time.perf_counter() - start
    tracemalloc.start()
    for step in range(steps):
        stream.batch(step)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"images_per_second": num_images / seconds, "bytes": most}


# %% From a folder to pairs, triplets and balanced batches
root = flags.folder or write_folder(flags.output / "images")
train, test = (sources.FolderSource(root / split, channels=1) for split in ("train", "test"))
options = {"resize": resize, "seed": flags.seed}
batches = streams.balanced(train, flags.classes, flags.images, **options)
draw(streams.pairs(train, 32, **options), "pairs", rows=3)
draw(streams.triplets(train, 32, **options), "triplets", rows=3)
draw(batches, "balanced", rows=4)

counts = np.bincount(train.labels)
pairs, triplets = counts * (counts - 1) // 2, counts * (counts - 1) * (counts.sum() - counts)
stored = streams.balanced(
    train, flags.classes, flags.images, cache=flags.output / "cache", **options
)
ways = {"decoded from their files": batches, "from a file of decoded images": stored}
reading = [{"way": way, **read(stream)} for way, stream in ways.items()]

# %% Training with it
epochs = flags.epochs or (30 if flags.sample else 4)
model = models.embedding_network(models.small_cnn((*resize, 1)), embedding_size=64)
schedule = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(stored))
model.compile(keras.optimizers.Adam(schedule), losses.TripletSemiHardLoss(margin=0.2))
start = time.perf_counter()
history = model.fit(stored.as_tf_dataset(), epochs=epochs).history
seconds = time.perf_counter() - start

# %% Each test image searched among all training images
images, others = (source.fetch(np.arange(len(source)), resize) for source in (train, test))
gallery, queries = (model.predict(x, batch_size=500, verbose=0) for x in (images, others))
found = measures.evaluate(queries, test.labels, gallery, train.labels, distance="euclidean")
results = {
    **{"epochs": epochs, "seconds": seconds, "loss": history["loss"], "images": len(train)},
    **{"classes": len(counts), "pairs": pairs.sum(), "triplets": triplets.sum()},
    **{"batch": flags.classes * flags.images, "batches": len(batches), "reading": reading},
    **{"decoded_bytes": images.nbytes, "test_images": len(test), **found},
}
(flags.output / "own_data.json").write_text(json.dumps(results, indent=1, default=float))

# %%
index = Indexer(embedding_size=64, distance="euclidean")
index.batch_add(gallery, train.labels)
ids, distances, labels = index.search(queries, k=8)
is_right = labels[:, 0] == test.labels
order = np.random.default_rng(flags.seed).permutation(len(test))
for name, chosen in (("right", is_right), ("wrong", ~is_right)):
    rows = order[chosen[order]][:4]
    shown = (others[rows], images[ids[rows]], test.labels[rows], labels[rows], distances[rows])
    figure = visualization.show_neighbors(*shown, train.class_names)
    figure.savefig(flags.output / f"own_data_{name}.png")
print(
    f"{len(train):,} images in {len(counts)} folders, {epochs} epochs in {seconds:.0f} s: "
    f"P@1 {found['recall_at_1']:.3f}, MAP@R {found['map_at_r']:.3f}. See {flags.output}/"
)
