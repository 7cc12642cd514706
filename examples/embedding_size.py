"""Tutorial 4: how large should an embedding be? The same training at many sizes and seeds.

python examples/embedding_size.py              # the full Fashion-MNIST
python examples/embedding_size.py --sample     # the 1,500 images in the package
python examples/embedding_size.py --search 8   # KerasTuner chooses which sizes to try
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
from matplotlib.figure import Figure
from tqdm import tqdm

import tfds_builders  # noqa: F401, makes the datasets known
from keras_metric import losses, models
from keras_metric.retrieval import Indexer, measures

BATCH, MARGIN, BLUE, ORANGE = 10 * 13, 0.2, "#0072B2", "#D55E00"
SHOWN = {"recall_at_1": "P@1", "map_at_r": "MAP@R", "seconds": "training, s"}
SHOWN |= {"search_ms": "1,000 searches, ms", "bytes": "stored, bytes per image"}

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 1, or 20 on the sample")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="--seed is the same")
parser.add_argument("--sizes", type=int, nargs="+", default=[2**i for i in range(1, 10)])
parser.add_argument("--output", type=Path, default=Path("embedding_size_output"))
parser.add_argument("--prepared", action="store_true", help="prepared triplets, not mined ones")
parser.add_argument("--search", type=int, metavar="TRIALS", help="search with KerasTuner")
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
config, epochs = "sample" if flags.sample else "full", flags.epochs or (20 if flags.sample else 1)


# %%
def load_data():
    """Training batches, and each test image once with its label."""
    kind, size = ("triplets", 128) if flags.prepared else ("balanced", BATCH)
    name = f"fashion_{kind}/{config}"
    batches = tfds.load(name, split="train", as_supervised=True).batch(size, drop_remainder=True)
    test = tfds.load(f"fashion_pairs/{config}", split="test")
    test = next(test.batch(len(test)).as_numpy_iterator())
    return batches.cache(), test["image_a"], test["label_a"]


def build(size):
    """A network to embeddings of that size; for prepared triplets, one of three images on it."""
    network = embedding = models.embedding_network(models.small_cnn(), size)
    loss = losses.TripletSemiHardLoss(margin=MARGIN)
    if flags.prepared:
        network = models.TripletNetwork(embedding, "euclidean")
        loss = losses.TripletMarginLoss(margin=MARGIN)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(batches))
    network.compile(keras.optimizers.Adam(schedule), loss, steps_per_execution=11)
    return network, embedding


def train(size, seed):
    """One network from its first weights to the end of the budget, and the seconds it took."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    network, embedding = build(size)
    shuffled = batches.shuffle(len(batches), seed=seed).prefetch(2)
    start = time.perf_counter()
    loss = network.fit(shuffled, epochs=epochs, verbose=0).history["loss"]
    return embedding, {"seconds": time.perf_counter() - start, "loss": loss}


def measure(embedding, rows=slice(None)):
    """Each test image searched among the others; what a search takes, and what is stored."""
    x, y = embedding.predict(images[rows], batch_size=500, verbose=0), labels[rows]
    found = measures.evaluate(x, y, distance="euclidean")  # without the image itself
    index, seconds = Indexer(x.shape[1], distance="euclidean"), []
    index.batch_add(x, y)
    for _ in range(5):
        start = time.perf_counter()
        index.search(np.resize(x, (1000, x.shape[1])), k=10)
        seconds.append(time.perf_counter() - start)
    index.save(flags.output / "index")
    stored = sum(file.stat().st_size for file in (flags.output / "index").rglob("*"))
    return {**found, "search_ms": 1000 * min(seconds), "bytes": stored / len(x)}


def search(trials):
    """KerasTuner chooses the sizes to try by one half of the test images; the other reports."""
    try:
        import keras_tuner
    except ImportError:
        raise SystemExit("--search needs KerasTuner: pip install 'keras-metric[tuner]'") from None

    class Sizes(keras_tuner.HyperModel):
        def build(self, hp):
            return build(hp.Int("size", min(flags.sizes), max(flags.sizes), sampling="log"))[0]

        def fit(self, hp, *_, **__):
            embedding, _ = train(hp.get("size"), flags.seeds[0])
            return {"map_at_r": measure(embedding, slice(0, None, 2))["map_at_r"]}

    goal, where = keras_tuner.Objective("map_at_r", "max"), {"directory": flags.output}
    tuner = keras_tuner.BayesianOptimization(Sizes(), goal, trials, overwrite=True, **where)
    tuner.search()
    size = tuner.get_best_hyperparameters()[0].get("size")
    found = measure(train(size, flags.seeds[0])[0], slice(1, None, 2))["map_at_r"]
    (flags.output / "search.json").write_text(json.dumps({"size": size, "map_at_r": float(found)}))
    print(f"KerasTuner, {trials} trials: size {size}, MAP@R {found:.3f} on the other half")


def summarize(rows):
    """For each size the mean over the seeds, and the least and the greatest."""
    table = []
    for size in sorted({row["size"] for row in rows}):
        table.append({"size": size, "seeds": sum(row["size"] == size for row in rows)})
        for key in SHOWN:
            values = np.array([row[key] for row in rows if row["size"] == size])
            table[-1] |= {key: values.mean(), f"{key}_low": values.min()}
            table[-1] |= {f"{key}_high": values.max()}
    best = max(table, key=lambda entry: entry["map_at_r"])
    enough = next(entry for entry in table if entry["map_at_r"] >= best["map_at_r_low"])
    return {"table": table, "best": best, "enough": enough, "smallest": table[0]}


def draw(rows, table):
    """Measures, times and storage against size: a dot for each run, a line through the means."""
    figure = Figure(figsize=(10, 3.4), dpi=120, layout="constrained")
    sizes = [entry["size"] for entry in table]
    panels = ("recall_at_1", "map_at_r"), ("seconds", "search_ms"), ("bytes",)
    for ax, keys in zip(figure.subplots(1, 3), panels, strict=True):
        for key, color, marker in zip(keys, (BLUE, ORANGE), "o^", strict=False):
            ax.plot(sizes, [entry[key] for entry in table], color=color)
            dots = [row["size"] for row in rows], [row[key] for row in rows]
            ax.plot(*dots, marker, color=color, markersize=4, label=SHOWN[key])
        ax.set_xscale("log", base=2)
        ax.set_yscale("linear" if "map_at_r" in keys else "log")
        ax.set(xlabel="embedding size", xticks=sizes, xticklabels=sizes)
        ax.legend(frameon=False)
        ax.grid(alpha=0.3)
    return figure


# %%
batches, images, labels = load_data()
if flags.search:
    raise SystemExit(search(flags.search))
settings = {"config": config, "epochs": epochs, "prepared": flags.prepared}
file = flags.output / "embedding_size.json"
saved = json.loads(file.read_text()) if file.exists() else {}
rows = saved["runs"] if saved.get("settings") == settings else []  # an interrupted study goes on
done = {(row["size"], row["seed"]) for row in rows}
cells = [(size, seed) for seed in flags.seeds for size in flags.sizes if (size, seed) not in done]
counts = {"test_images": len(images)}
counts["images_seen"] = epochs * len(batches) * (3 * 128 if flags.prepared else BATCH)
for size, seed in tqdm(cells, desc="networks", unit="network"):
    embedding, trained = train(size, seed)
    rows.append({"size": size, "seed": seed, **trained, **measure(embedding)})
    results = {"settings": settings, **counts, **summarize(rows), "runs": rows}
    file.write_text(json.dumps(results, indent=1, default=float))

# %%
found = summarize(rows)
draw(rows, found["table"]).savefig(flags.output / "embedding_size.png")
best, enough = found["best"], found["enough"]
print(
    f"Embedding sizes, {len(rows)} networks: best is {best['size']}, MAP@R {best['map_at_r']:.3f}; "
    f"{enough['size']}, MAP@R {enough['map_at_r']:.3f}, is as good as its worst seed. "
    f"Pictures and numbers are in {flags.output}/"
)
