"""Tutorial 4: how large should an embedding be? The same training at many sizes and seeds.

python examples/embedding_size.py              # the full Fashion-MNIST
python examples/embedding_size.py --sample     # the 1,500 images in the package
python examples/embedding_size.py --search 8   # KerasTuner chooses which sizes to try
"""

# %%
import argparse
import json
import os
import timeit
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Off by default on AMD processors, where convolutions are then 3 times as slow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow_datasets as tfds
from matplotlib.figure import Figure
from tqdm import tqdm

import tfds_builders  # noqa: F401 (makes the datasets known)
from keras_metric import losses, models
from keras_metric.retrieval import Indexer, measures

BATCH = 10 * 13  # classes, and images of each, as `fashion_balanced` holds them
COLORS = "#0072B2", "#D55E00"
SHOWN = {"recall_at_1": "P@1", "map_at_r": "MAP@R", "seconds": "training, s"}
SHOWN |= {"search_ms": "1,000 searches, ms", "bytes": "stored, bytes an image"}

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 1, or 20 on the sample")
parser.add_argument("--seed", type=int, nargs="+", default=[0, 1, 2], help="one run for each")
parser.add_argument("--output", type=Path, default=Path("embedding_size_output"))
parser.add_argument("--sizes", type=int, nargs="+", default=[2**i for i in range(1, 10)])
parser.add_argument("--prepared", action="store_true", help="prepared triplets, not mined ones")
parser.add_argument("--search", type=int, metavar="TRIALS", help="search with KerasTuner")
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
config, epochs = "sample" if flags.sample else "full", flags.epochs or (20 if flags.sample else 1)


# %%
def build(size):
    """A network to embeddings of that size; for prepared triplets, one of three images on it."""
    embedding, steps = models.embedding_network(models.small_cnn(), size), min(len(batches), 11)
    network = models.TripletNetwork(embedding, "euclidean") if flags.prepared else embedding
    loss = (losses.TripletMarginLoss if flags.prepared else losses.TripletSemiHardLoss)(margin=0.2)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(batches))
    network.compile(keras.optimizers.Adam(schedule), loss, steps_per_execution=steps)
    return network, embedding


def train(size, seed):
    """One network from its first weights to the end of the budget, and the seconds it took."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    network, embedding = build(size)
    start = timeit.default_timer()
    network.fit(batches.shuffle(len(batches), seed=seed).prefetch(2), epochs=epochs, verbose=0)
    return embedding, timeit.default_timer() - start


def measure(size, seed, rows=slice(None)):
    """Test images searched among each other; what training and search take, what is stored."""
    embedding, trained = train(size, seed)
    x, y = embedding.predict(test["image_a"][rows], verbose=0), test["label_a"][rows]
    found = measures.evaluate(x, y, distance="euclidean")  # without the image itself
    index, queries = Indexer(size, distance="euclidean"), np.resize(x, (1000, size))
    index.batch_add(x, y)
    searched = 1000 * min(timeit.repeat(lambda: index.search(queries, k=10), number=1))
    index.save(flags.output / "index")
    stored = sum(file.stat().st_size for file in (flags.output / "index").rglob("*"))
    costs = {"seconds": trained, "search_ms": searched, "bytes": stored / len(x)}
    return {"size": size, "seed": seed, **found, **costs}


def search(trials):
    """KerasTuner chooses the sizes to try by one half of the test images; the other reports."""
    try:
        import keras_tuner
    except ImportError:
        raise SystemExit("--search needs KerasTuner: pip install 'keras-metric[tuner]'") from None

    class Search(keras_tuner.BayesianOptimization):
        def run_trial(self, trial):
            d = trial.hyperparameters.Int("size", flags.sizes[0], flags.sizes[-1], sampling="log")
            return -measure(d, flags.seed[0], slice(0, None, 2))["map_at_r"]

    tuner = Search(max_trials=trials, seed=0, directory=flags.output, overwrite=True)
    tuner.search()
    size = tuner.get_best_hyperparameters()[0].get("size")
    found = measure(size, flags.seed[0], slice(1, None, 2))
    (flags.output / "search.json").write_text(json.dumps(found, indent=1, default=float))
    print(f"KerasTuner, {trials} trials: {size}, MAP@R {found['map_at_r']:.3f} on the other half")


def summarize(rows):
    """For each size the mean over the seeds, the least and the greatest."""
    table = []
    for size in sorted({row["size"] for row in rows}):
        of_size = [row for row in rows if row["size"] == size]
        table.append({"size": size, "seeds": len(of_size)})
        for end, function in (("", np.mean), ("_low", min), ("_high", max)):
            table[-1] |= {key + end: function([row[key] for row in of_size]) for key in SHOWN}
    best = max(table, key=lambda entry: entry["map_at_r"])
    enough = next(entry for entry in table if entry["map_at_r"] >= best["map_at_r_low"])
    return {"table": table, "best": best, "enough": enough}


# %%
name = f"fashion_triplets/{config}" if flags.prepared else f"fashion_balanced/{config}"
images = tfds.load(name, split="train", as_supervised=True)
batches = images.batch(BATCH, drop_remainder=True).cache()
test = tfds.as_numpy(tfds.load(f"fashion_pairs/{config}", split="test", batch_size=-1))
if flags.search:
    raise SystemExit(search(flags.search))
settings = {"epochs": epochs, "prepared": flags.prepared, "test_images": len(test["label_a"])}
settings["images_seen"] = epochs * len(batches) * BATCH * (3 if flags.prepared else 1)
file = flags.output / "embedding_size.json"
saved = json.loads(file.read_text()) if file.exists() else {}
rows = saved["runs"] if saved.get("settings") == settings else []  # an interrupted study goes on
cells = {(size, seed) for size in flags.sizes for seed in flags.seed}
cells -= {(row["size"], row["seed"]) for row in rows}
for size, seed in tqdm(sorted(cells), desc="networks", unit="network"):
    rows.append(measure(size, seed))
    results = {"settings": settings, **summarize(rows), "runs": rows}
    file.write_text(json.dumps(results, indent=1, default=float))

# %%
table, best, enough = summarize(rows).values()
figure, sizes = Figure(figsize=(10, 3.4), layout="constrained"), [entry["size"] for entry in table]
for place, ax in enumerate(figure.subplots(1, 3)):
    for key, color, marker in zip(list(SHOWN)[2 * place :], COLORS, "o^", strict=False):
        ax.plot(sizes, [entry[key] for entry in table], color=color)  # through the means
        dots = np.array([(row["size"], row[key]) for row in rows]).T
        ax.plot(*dots, marker, color=color, markersize=4, label=SHOWN[key])
    ax.set_xscale("log", base=2)
    ax.set_yscale("log" if place == 2 else "linear")
    ax.set(xlabel="embedding size", xticks=sizes, xticklabels=sizes)
    ax.legend(frameon=False)
figure.savefig(flags.output / "embedding_size.png", dpi=120)
text = f"{len(rows)} networks: best is size {best['size']}, MAP@R {best['map_at_r']:.3f}; size "
print(f"{text}{enough['size']} is as good as the worst seed of that. See {flags.output}/")
