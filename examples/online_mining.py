"""Tutorial 5, online mining: triplets that are formed in the batch, by how hard they are.

python examples/online_mining.py            # the full Fashion-MNIST
python examples/online_mining.py --sample   # the 1,500 images in the package
"""

# %%
import argparse
import json
import os
import time
import timeit
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Off by default on AMD processors, where convolutions are then 3 times as slow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow_datasets as tfds

import tfds_builders
from keras_metric import losses, miners, models, visualization
from keras_metric.retrieval import measures
from tfds_builders.sources import CLASS_NAMES

BATCH = 10 * 13  # classes, and images of each, as `fashion_balanced` holds them
TRIPLETS = BATCH * 12 * 117  # each image's positives times its negatives
ROLES, BLUE, ORANGE = ("anchor", "positive", "negative"), "#0072B2", "#D55E00"

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 12, or 60 on the sample")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=Path("online_mining_output"))
parser.add_argument("--margin", type=float, default=0.2)
parser.add_argument("--loss", default="TripletSemiHardLoss", help="or TripletHardLoss")
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(flags.seed)
config = "sample" if flags.sample else "full"


# %%
def build(num_steps):
    model = models.embedding_network(models.small_cnn(), 64)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, num_steps))
    model.compile(optimizer, getattr(losses, flags.loss)(margin=flags.margin))
    return model


def images_per_second(network, batches, images, steps=8 if flags.sample else 40):
    """The most images a second that a network is trained with, in five tries."""
    once = batches.repeat().take(steps).cache()
    network.fit(once, verbose=0)  # reads the batches into memory, and compiles the network
    tries = timeit.repeat(lambda: network.fit(once, verbose=0), repeat=5, number=1)
    return steps * images / min(tries)


def look(epoch):
    """What triplets one batch holds at this time, and what the prepared ones still teach."""
    x, counts = model.predict(images, verbose=0), {}
    for kind in ("easy", "semi-hard", "hard"):
        found = miners.TripletMarginMiner(flags.margin, kind)(labels, x)
        counts[kind] = keras.ops.convert_to_numpy(found.counts()[0])  # for each pair (a, p)
    a, p, n = (model.predict(prepared[role][:3000], batch_size=500, verbose=0) for role in ROLES)
    useful = np.linalg.norm(a - p, axis=1) - np.linalg.norm(a - n, axis=1) + flags.margin > 0
    kinds = {kind: found.sum() / TRIPLETS for kind, found in counts.items()}
    mined = (counts["semi-hard"] > 0).sum() / BATCH
    looks.append({"epoch": epoch, **kinds, "mined": mined, "prepared": useful.mean() / 3})
    from_first.append(np.linalg.norm(x - x[0], axis=1))


def draw_distances(axes, apart, title):
    """Distances of image 0 to the others; negatives that are semi-hard lie in the band."""
    is_same = labels == labels[0]
    axes.axvspan(apart[1], apart[1] + flags.margin, color="0.85")
    axes.plot(apart[is_same][1:], np.ones(is_same.sum() - 1), "o", color=BLUE, alpha=0.6)
    axes.plot(apart[~is_same], np.zeros((~is_same).sum()), "x", color=ORANGE, alpha=0.6)
    axes.plot(apart[1], 1, "ks")
    axes.set(ylim=(-0.5, 1.5), yticks=[0, 1], yticklabels=["negatives", "positives"], title=title)


def pick(apart):
    """Image 1, a positive of image 0; the hardest negative, the semi-hard one, the easiest."""
    order = [row for row in np.argsort(apart) if labels[row] != labels[0]]
    farther = [row for row in order if apart[row] > apart[1]] or order[-1:]
    return np.array([1, order[0], farther[0], order[-1]])


# %%
datasets = tfds.load(f"fashion_triplets/{config}", split=["train", "test"])
prepared, test = (next(d.batch(len(d)).as_numpy_iterator()) for d in datasets)
batches = tfds.load(f"fashion_balanced/{config}", split="train", as_supervised=True)
batches = batches.batch(BATCH, drop_remainder=True).shuffle(100, seed=flags.seed).prefetch(2)
images, labels = next(batches.as_numpy_iterator())
images, labels = (one[np.argsort(labels, kind="stable")] for one in (images, labels))
figure = tfds_builders.show([(images, labels)], 4, 13, CLASS_NAMES)
figure.savefig(flags.output / "online_mining_data.png", dpi=80)

# %%
epochs = flags.epochs or (60 if flags.sample else 12)
model, looks, from_first = build(epochs * len(batches)), [], []
speed = images_per_second(build(100), batches, BATCH)
explicit = models.TripletNetwork(build(100), "euclidean")
explicit.compile("adam", losses.TripletMarginLoss(margin=flags.margin))
triplets = tfds.load(f"fashion_triplets/{config}", split="train", as_supervised=True)
prepared_speed = images_per_second(explicit, triplets.batch(128, drop_remainder=True), 3 * 128)
look(0)
callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: look(epoch + 1))
start = time.perf_counter()
history = model.fit(batches, epochs=epochs, callbacks=[callback]).history
seconds = time.perf_counter() - start

# %%
queries, gallery = (model.predict(x["anchor"], batch_size=500) for x in (test, prepared))
found = measures.evaluate(queries, test["label_anchor"], gallery, prepared["label_anchor"])
results = {
    **{"epochs": epochs, "seconds": seconds, "loss": history["loss"], "looks": looks},
    **{"images_seen": BATCH * len(batches) * epochs, "triplets_in_batch": TRIPLETS},
    **{"images_per_second": speed, "prepared_images_per_second": prepared_speed, **found},
}
(flags.output / "online_mining.json").write_text(json.dumps(results, indent=1, default=float))

# %%
apart = np.stack(from_first)[[0, 1, -1]]
figure, axes = plt.subplots(3, figsize=(8, 5), dpi=120, sharex=True, layout="constrained")
for row, title in enumerate(["Before training", "After one epoch", "At the end"]):
    draw_distances(axes[row], apart[row], title)
axes[2].set_xlabel("distance to the anchor")
figure.savefig(flags.output / "online_mining_distances.png")
rows, first = np.stack([pick(one) for one in apart]), np.zeros(3, int)
distances = np.take_along_axis(apart, rows, axis=1)
visualization.show_neighbors(
    *(images[first], images[rows], labels[first], labels[rows], distances, CLASS_NAMES)
).savefig(flags.output / "online_mining_kinds.png")
figure, axes = plt.subplots(figsize=(8, 3.5), dpi=120, layout="constrained")
axes.semilogy([one["mined"] for one in looks], "o-", color=BLUE, label="mined in the batch")
axes.semilogy([one["prepared"] for one in looks], "s--", color=ORANGE, label="prepared")
axes.set(xlabel="epochs", ylabel="useful triplets for each image")
axes.legend(frameon=False)
figure.savefig(flags.output / "online_mining_useful.png")
print(
    f"Online mining, {epochs} epochs in {seconds:.0f} s: P@1 {found['recall_at_1']:.3f}, MAP@R "
    f"{found['map_at_r']:.3f}. Pictures and numbers are in {flags.output}/"
)
