"""Tutorial 8, coming from other libraries: a program of each, as it is written here.

python examples/coming_from.py            # the full Fashion-MNIST
python examples/coming_from.py --sample   # the 1,500 images in the package
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
import tensorflow as tf
from matplotlib.figure import Figure
from tqdm import tqdm

from keras_metric import losses, miners, models
from keras_metric.callbacks import RetrievalEvaluation
from keras_metric.retrieval import SimilaritySearch
from tfds_builders import sampling, sources, streams

CLASSES, IMAGES = 10, 13  # in a batch, and of each class
BATCH = CLASSES * IMAGES

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 3, or 20 on the sample")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=Path("coming_from_output"))
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
epochs = flags.epochs or (20 if flags.sample else 3)


# %%
def load(split):
    """Images and labels."""
    if flags.sample:
        return sources.fashion_mnist_sample(split)
    return sources.read_fashion_mnist(sources.fashion_mnist_files(), split)


def adam():
    """The same schedule for all three."""
    steps = epochs * (len(images) // BATCH)
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps))


# %%
def from_addons(model, evaluation):
    """Shuffled batches, and a loss that finds its triplets in them."""
    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(10_000, flags.seed)
    # was: tfa.losses.TripletSemiHardLoss(margin=0.2)
    model.compile(adam(), losses.TripletSemiHardLoss(margin=0.2))
    model.fit(data.batch(BATCH, drop_remainder=True), epochs=epochs, callbacks=[evaluation])


# %%
def from_similarity(model, evaluation):
    """A sampler of balanced batches, a model that can be searched, a threshold for matches."""
    # was: MultiShotMemorySampler(images, labels, classes_per_batch=10, ...)
    batches = streams.balanced((images, labels), CLASSES, IMAGES, seed=flags.seed, output="keras")
    # was: SimilarityModel(...).compile(adam, loss=MultiSimilarityLoss(distance="cosine"))
    model.compile(adam(), losses.MultiSimilarityLoss(distance="cosine"))
    model.fit(batches, epochs=epochs, callbacks=[evaluation])
    # was: model.index(x, y), model.calibrate(x, y), model.match(x)
    search = SimilaritySearch(model)
    search.index(images, labels)
    half = np.arange(len(truth)) % 2 == 0
    search.calibrate(queries[half], truth[half], {"precise": ("precision", 0.95)})
    matched = search.match(queries[~half], "precise", no_match=-1)
    matches["accepted"] = (matched >= 0).mean()
    matches["right"] = (matched == truth[~half])[matched >= 0].mean()


# %%
def from_pytorch_metric_learning(model, evaluation):
    """A sampler, a miner and a loop of one's own."""
    # was: MPerClassSampler(labels, m=13, batch_size=130)
    sampler = sampling.BalancedSampler(labels, CLASSES, IMAGES, seed=flags.seed)
    # was: loss = TripletMarginLoss(0.2), miner = TripletMarginMiner(0.2, "semihard"), and in
    # the loop: loss(embeddings, labels, miner(embeddings, labels))
    miner = miners.TripletMarginMiner(0.2, "semi-hard")
    model.compile(adam(), losses.TripletLoss(margin=0.2, miner=miner))
    evaluation.set_model(model)
    evaluation.on_train_begin()
    for epoch in range(epochs):
        for step in tqdm(range(len(sampler)), f"epoch {epoch + 1}/{epochs}"):
            rows = sampler.batch(epoch * len(sampler) + step)
            model.train_on_batch(images[rows], labels[rows])
        # was: AccuracyCalculator().get_accuracy(embeddings, labels, embeddings, labels, True)
        evaluation.evaluate(epoch)


# %%
(images, labels), (queries, truth) = load("train"), load("test")
programs = {
    "TensorFlow Addons": from_addons,
    "tensorflow-similarity": from_similarity,
    "pytorch-metric-learning": from_pytorch_metric_learning,
}
table, curves, matches = [], {}, {}
for name, program in programs.items():
    print(name)
    keras.utils.clear_session()
    keras.utils.set_random_seed(flags.seed)
    evaluation = RetrievalEvaluation(queries, truth, batch_size=500)
    start = time.perf_counter()
    program(models.embedding_network(models.small_cnn(), 64), evaluation)
    seconds = time.perf_counter() - start
    curves[name] = [report["map_at_r"] for report in evaluation.reports.values()]
    last = evaluation.reports[epochs - 1]
    table.append({"program": name, "seconds": seconds, **last})
results = {"epochs": epochs, "table": table, "test_images": len(truth), **matches}
(flags.output / "coming_from.json").write_text(json.dumps(results, indent=1, default=float))

# %%
figure = Figure(figsize=(7, 3.5), dpi=120, layout="constrained")
axes = figure.subplots()
styles = zip(("#0072B2", "#D55E00", "#009E73"), "os^", strict=True)
for (name, values), (color, marker) in zip(curves.items(), styles, strict=True):
    axes.plot(range(1, epochs + 1), values, marker=marker, color=color, label=f"as in {name}")
axes.set(xlabel="epochs", ylabel="MAP@R of test images", xticks=range(1, epochs + 1))
axes.legend(frameon=False)
figure.savefig(flags.output / "coming_from.png")
for row in table:
    print(f"{row['program']}: P@1 {row['recall_at_1']:.3f}, MAP@R {row['map_at_r']:.3f}")
print(f"Three programs, {epochs} epochs each. See {flags.output}/")
