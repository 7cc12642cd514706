"""How complex a network does it take? Several backbones under one budget.

python examples/backbones.py            # the full Fashion-MNIST
python examples/backbones.py --sample   # the 1,500 images in the package
python examples/backbones.py --backbones MobileNet --weights mobilenet_no_top.h5   # a file
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
from matplotlib.figure import Figure

import tfds_builders  # makes the datasets known
from keras_metric import losses, models
from keras_metric.retrieval import measures

BATCH = 10 * 13  # classes, and images of each, as `fashion_balanced` holds them
COLORS = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"
NAMES = ["dense", "small_cnn", "small_resnet", "small_vit", "MobileNet"]

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 1, or 20 on the sample")
parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one run for each")
parser.add_argument("--backbones", nargs="+", default=NAMES, help="also any of keras.applications")
parser.add_argument("--output", type=Path, default=Path("backbones_output"))
parser.add_argument("--embedding-size", type=int, default=64)
parser.add_argument("--weights", help="of a network of keras.applications: a file, or imagenet")
parser.add_argument("--resize", type=int, default=32, help="image size for keras.applications")
parser.add_argument("--augment", action="store_true", help="flip and move images at random")
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
config, epochs = "sample" if flags.sample else "full", flags.epochs or (20 if flags.sample else 1)


# %%
def make_backbone(name):
    """A network from images to features, and how to pool these to a vector."""
    if name == "dense":
        image = keras.Input((28, 28, 1))
        x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
        return keras.Model(image, layers.Dense(128, "relu")(x)), "flatten"
    if name.startswith("small_"):
        return models.backbone(name, (28, 28, 1)), "flatten" if name == "small_cnn" else "avg"
    is_new = flags.weights is None
    network = models.backbone(name, (28, 28, 1), flags.weights, flags.resize, trainable=is_new)
    for layer in next(x for x in network.layers if isinstance(x, keras.Model)).layers:
        if is_new and isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9  # 0.99 averages over more steps than a small budget has
    return network, "avg"


def stages(name, backbone):
    """Epochs and learning rate of each stage; ready weights are frozen, then half are freed."""
    if flags.weights is None or name == "dense" or name.startswith("small_"):
        yield epochs, 3e-3 if name in NAMES[:3] else 1e-3
        return
    yield epochs - epochs // 2, 3e-3  # the backbone is frozen: only the layer upon it trains
    if epochs > 1:
        models.unfreeze(backbone, fraction=0.5)
        yield epochs // 2, 3e-4


def train(name, seed):
    """One network from its first weights to the end of the budget, and the seconds it took."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    backbone, pooling = make_backbone(name)
    network = models.embedding_network(backbone, flags.embedding_size, pooling=pooling)
    shuffled = batches.shuffle(len(batches), seed=seed)
    if flags.augment:
        changes = [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.1, 0.1)]
        shuffled = tfds_builders.augment(shuffled, changes, seed=seed)
    row = {"backbone": name, "seed": seed, "loss": [], "seconds": 0.0, "trained": []}
    for number, rate in stages(name, backbone):
        schedule = keras.optimizers.schedules.CosineDecay(rate, number * len(batches))
        loss, steps = losses.TripletSemiHardLoss(margin=0.2), min(len(batches), 11)
        network.compile(keras.optimizers.Adam(schedule), loss, steps_per_execution=steps)
        start = time.perf_counter()
        row["loss"] += network.fit(shuffled.prefetch(2), epochs=number).history["loss"]
        row["seconds"] += time.perf_counter() - start
        row["trained"].append(sum(np.prod(weight.shape) for weight in network.trainable_weights))
    return network, row


def summarize(rows):
    """For each backbone the means over the seeds, and the range of MAP@R."""
    table = []
    for name in dict.fromkeys(row["backbone"] for row in rows):
        of_name = [row for row in rows if row["backbone"] == name]
        keys = ("parameters", "seconds", "recall_at_1", "map_at_r")
        entry = {key: np.mean([row[key] for row in of_name]) for key in keys}
        ends = [extreme(row["map_at_r"] for row in of_name) for extreme in (min, max)]
        table.append({"backbone": name, **entry, "low": ends[0], "high": ends[1]})
    return table


# %%
images = tfds.load(f"fashion_balanced/{config}", split="train", as_supervised=True)
batches = images.batch(BATCH, drop_remainder=True).cache()
test = tfds.as_numpy(tfds.load(f"fashion_pairs/{config}", split="test", batch_size=-1))
settings = {"data": config, "epochs": epochs, "images_seen": epochs * len(batches) * BATCH}
settings |= {"test_images": len(test["label_a"]), "size": flags.embedding_size}
settings |= {"weights": flags.weights, "augment": flags.augment}
file = flags.output / "backbones.json"
saved = json.loads(file.read_text()) if file.exists() else {}
rows = saved["runs"] if saved.get("settings") == settings else []  # an interrupted study goes on
cells = [(seed, name) for seed in flags.seed for name in flags.backbones]
done = {(row["seed"], row["backbone"]) for row in rows}
for seed, name in [cell for cell in cells if cell not in done]:
    print(f"{name}, seed {seed}")
    network, row = train(name, seed)
    x = network.predict(test["image_a"], verbose=0)  # each test image once
    found = measures.evaluate(x, test["label_a"], distance="euclidean")  # without itself
    rows.append({**row, "parameters": network.count_params(), **found})
    results = {"settings": settings, "table": summarize(rows), "runs": rows}
    file.write_text(json.dumps(results, indent=1, default=float))

# %%
figure = Figure(figsize=(10, 3.8), dpi=120, layout="constrained")
axes = figure.subplots(1, 2, sharey=True)
for ax, key in zip(axes, ("parameters", "seconds"), strict=True):
    for place, entry in enumerate(table := summarize(rows)):
        of_name = [row for row in rows if row["backbone"] == entry["backbone"]]
        x, y = [row[key] for row in of_name], [row["map_at_r"] for row in of_name]
        look = {"color": COLORS[place % 7], "marker": "o^sDvPX"[place % 7], "markersize": 8}
        ax.plot(x, y, linestyle="", label=entry["backbone"], alpha=0.8, **look)
    ax.set(xscale="log", xlabel={"seconds": "seconds of training"}.get(key, key))
    ax.xaxis.set_minor_formatter("")
axes[0].set_ylabel("MAP@R of test images")
axes[1].legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
figure.savefig(flags.output / "backbones.png")
best = max(table, key=lambda entry: entry["map_at_r"])
text = f"{len(rows)} networks: best is {best['backbone']}, MAP@R {best['map_at_r']:.3f} in "
print(f"{text}{best['seconds']:.0f} s. See {flags.output}/")
