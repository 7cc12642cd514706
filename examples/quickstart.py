"""Learn similarity from Fashion-MNIST, then search it: the library's main job from end to end.

python examples/quickstart.py            # the full data if it can be had, else the sample
python examples/quickstart.py --sample   # the 1,500 images in the package
"""

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

import tfds_builders  # registers fashion_balanced
from keras_metric import losses, metrics, models, visualization
from keras_metric.retrieval import Indexer, MapAtR, RecallAtK, RPrecision
from tfds_builders.sources import CLASS_NAMES

BATCH = 10 * 13  # classes times examples of each, as `fashion_balanced` stores them


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", action="store_true", help="use the images in the package")
    parser.add_argument("--epochs", type=int, help="default: 3, or 20 on the sample")
    parser.add_argument("--embedding-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("quickstart_output"))
    parser.add_argument("--query-saved", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def load_data(sample):
    """The training batches, then images and labels of gallery and queries."""
    name = "fashion_balanced/sample"
    if not sample:
        try:
            tfds.builder("fashion_balanced").download_and_prepare()
            name = "fashion_balanced"
        except FileNotFoundError as error:
            print(f"The full data is not to be had, so the sample is used.\n  {error}")
    train, test = tfds.load(name, split=["train", "test"])
    gallery, queries = unique_images(train), unique_images(test)
    print(f"Data: {name}, {len(gallery[0]):,} training and {len(queries[0]):,} test images")
    return name, gallery, queries


def unique_images(dataset):
    """Images and labels of a balanced dataset, each image once, in the order of their ids."""
    rows = {"id": [], "image": [], "label": []}
    for batch in dataset.batch(1000).as_numpy_iterator():
        for key, values in rows.items():
            values.append(batch[key])
    ids, images, labels = (np.concatenate(values) for values in rows.values())
    _, first = np.unique(ids, return_index=True)
    return images[first], labels[first]


def build_index(model, gallery):
    images, labels = gallery
    index = Indexer(model.output_shape[-1], distance="cosine")
    index.batch_add(model.predict(images, batch_size=500, verbose=0), labels)
    return index


def measure(title, model, gallery, queries):
    """Index the gallery, search it with every query, and print the measures."""
    index = build_index(model, gallery)
    embeddings = model.predict(queries[0], batch_size=500, verbose=0)
    found = index.evaluate_retrieval(
        embeddings, queries[1], [RecallAtK(1), RecallAtK(5), MapAtR(), RPrecision()], verbose=0
    )
    print(f"{title}: " + "   ".join(f"{name} {value:.4f}" for name, value in found.items()))
    return index, embeddings


def draw(index, embeddings, gallery, queries, output, seed):
    rng = np.random.default_rng(seed)
    ids, distances, found = index.search(embeddings, k=8)
    # For each class a query, half of them with a wrong nearest neighbour where there is one.
    wrong = found[:, 0] != queries[1]
    shown = []
    for label in range(10):
        of_class = queries[1] == label
        pool = np.flatnonzero(of_class & (wrong if label % 2 else ~wrong))
        shown.append(rng.choice(pool if len(pool) else np.flatnonzero(of_class)))
    figure = visualization.show_neighbors(
        queries[0][shown],
        gallery[0][ids[shown]],
        queries[1][shown],
        found[shown],
        distances[shown],
        CLASS_NAMES,
        title="Test images and their nearest training images",
    )
    figure.savefig(output / "neighbors.png")
    chosen = rng.permutation(len(embeddings))[:2000]
    visualization.embedding_map(
        embeddings[chosen], queries[1][chosen], CLASS_NAMES, method="tsne", seed=seed
    ).savefig(output / "embedding_map.png")
    a, b = rng.permutation(len(embeddings)), rng.permutation(len(embeddings))
    # As many same pairs as different ones: b's order is kept within classes for one half.
    b[: len(b) // 2] = rng.permutation(len(embeddings))[: len(b) // 2]
    by_class = np.argsort(queries[1][a], kind="stable")
    a = np.concatenate([a, a[by_class[:-1]]])
    b = np.concatenate([b, a[by_class[1:]]])
    keep = a != b
    a, b = a[keep], b[keep]
    apart, same = (
        np.linalg.norm(embeddings[a] - embeddings[b], axis=1),
        queries[1][a] == queries[1][b],
    )
    threshold, accuracy = metrics.best_threshold(same, apart)
    title = f"Distances of test pairs; the threshold tells {accuracy:.1%} of them right"
    visualization.distance_histogram(apart, same, threshold, title).savefig(
        output / "distances.png"
    )


def query_saved(output, seed):
    """In a process of its own: load model and index, and answer one query."""
    model = keras.saving.load_model(output / "model.keras")
    index = Indexer.load(output / "index")
    images, labels = tfds_builders.sources.fashion_mnist_sample("test")
    one = int(np.random.default_rng(seed).integers(len(images)))
    _, distances, found = index.search(model.predict(images[one : one + 1], verbose=0), k=5)
    names = ", ".join(
        f"{CLASS_NAMES[label]} {distance:.3f}"
        for label, distance in zip(found[0], distances[0], strict=True)
    )
    print(f"Loaded again, a query that is a {CLASS_NAMES[labels[one]]} finds: {names}")


def main():
    flags = parse_flags()
    if flags.query_saved:
        query_saved(flags.query_saved, flags.seed)
        return
    keras.utils.set_random_seed(flags.seed)
    name, gallery, queries = load_data(flags.sample)
    epochs = flags.epochs or (20 if name.endswith("sample") else 3)

    batches = tfds.load(name, split="train", as_supervised=True).batch(BATCH, drop_remainder=True)
    batches = batches.cache().shuffle(len(batches), seed=flags.seed).prefetch(2)
    model = models.embedding_network(models.small_cnn(), flags.embedding_size)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(batches))
    model.compile(
        keras.optimizers.Adam(schedule),
        loss=losses.TripletSemiHardLoss(margin=0.2),
        steps_per_execution=min(len(batches), 11),  # fewer returns from TensorFlow to Python
    )

    measure("Before training", model, gallery, queries)
    start = time.perf_counter()
    model.fit(batches, epochs=epochs)
    print(f"Trained {epochs} epochs in {time.perf_counter() - start:.0f} s")
    index, embeddings = measure("After training", model, gallery, queries)

    flags.output.mkdir(parents=True, exist_ok=True)
    draw(index, embeddings, gallery, queries, flags.output, flags.seed)
    model.save(flags.output / "model.keras")
    index.save(flags.output / "index")
    command = [sys.executable, __file__, "--query-saved", str(flags.output)]
    subprocess.run(command, check=True)
    print(f"Pictures, model and index are in {flags.output}/")


if __name__ == "__main__":
    main()
