"""Train the siamese, contrastive and triplet networks on all of Fashion-MNIST and measure them.

    python -m tests.benchmarks.networks                    # three networks, three seeds
    python -m tests.benchmarks.networks --variants triplet # other margins, distances, rates ...
    python -m tests.benchmarks.networks --sizes            # the triplet network, 2 to 512 numbers
    python -m tests.benchmarks.networks --throughput       # pairs read by TFDS, and from memory

Each run is a process of its own, `--jobs` of them at a time, and its row is written to
docs/results/networks.json as soon as it is there; rows of earlier calls are kept, and medians
are over the rows of one network, variant and size. The throughput needs TensorFlow Datasets and
prepared `fashion_pairs`; all else runs with Keras, numpy, tqdm and matplotlib alone, on any
backend: pairs and triplets are drawn by `tfds_builders.sampling`, new ones in each epoch, and
looked up in images in memory.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import report

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results" / "networks.json"
DEBIAN = "/usr/share/datasets/fashion-mnist"
NUM_TEST_PAIRS = 10_000
NUM_HELD_OUT = 10_000  # training images

DEFAULTS: dict[str, Any] = {
    "size": 64, "epochs": 5, "batch": 128, "rate": 3e-3, "fresh": True, "ema": False,
    "augment": False, "limit": 0, "holdout": False,
}  # fmt: skip
NETWORKS: dict[str, dict[str, Any]] = {
    "siamese": {"features": ["difference", "product"], "units": [], "normalize": True},
    "contrastive": {"margin": 1.0, "distance": "euclidean"},
    "triplet": {"margin": 0.2, "distance": "euclidean", "soft": False, "swap": False},
}
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "siamese": {
        "difference": {"features": ["difference"]},
        "product": {"features": ["product"]},
        "hidden": {"units": [64]},
        "unnormalized": {"normalize": False},
        "unnormalized, difference": {"normalize": False, "features": ["difference"]},
        "ema": {"ema": True},
    },
    "contrastive": {
        "margin 0.7": {"margin": 0.7},
        "margin 1.3": {"margin": 1.3},
        "ema": {"ema": True},
    },
    "triplet": {
        "margin 0.1": {"margin": 0.1},
        "margin 0.3": {"margin": 0.3},
        "margin 0.5": {"margin": 0.5},
        "squared, margin 0.2": {"distance": "squared_euclidean"},
        "squared, margin 0.5": {"distance": "squared_euclidean", "margin": 0.5},
        "squared, margin 1": {"distance": "squared_euclidean", "margin": 1.0},
        "swap": {"swap": True},
        "swap, margin 0.3": {"swap": True, "margin": 0.3},
        "swap, squared, margin 0.5": {
            "swap": True, "distance": "squared_euclidean", "margin": 0.5,
        },
        "soft, squared, margin 0.5": {
            "soft": True, "distance": "squared_euclidean", "margin": 0.5,
        },
        "the same triplets": {"fresh": False},
        "ema": {"ema": True},
        "swap, ema": {"swap": True, "ema": True},
        "batch 64": {"batch": 64},
        "batch 256": {"batch": 256},
        "rate 1e-3": {"rate": 1e-3},
        "rate 5e-3": {"rate": 5e-3},
        "augment": {"augment": True},
    },
}  # fmt: skip
SIZES = (2, 4, 8, 16, 32, 64, 128, 256, 512)


def sampling() -> Any:
    """`tfds_builders.sampling`, which needs numpy alone, without the package around it."""
    if "tfds_builders" not in sys.modules:
        bare = types.ModuleType("tfds_builders")
        bare.__path__ = [str(ROOT / "tfds_builders")]
        sys.modules["tfds_builders"] = bare
    import tfds_builders.sampling

    return tfds_builders.sampling


def fashion_mnist(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images `(rows, 28, 28, 1)` and labels, from the folder's idx files."""
    prefix = {"train": "train", "test": "t10k"}[split]
    arrays = []
    for name, header in ((f"{prefix}-images-idx3-ubyte", 16), (f"{prefix}-labels-idx1-ubyte", 8)):
        plain = folder / name
        raw = plain.read_bytes() if plain.exists() else gzip.open(f"{plain}.gz").read()
        arrays.append(np.frombuffer(raw, np.uint8, offset=header))
    return arrays[0].reshape(-1, 28, 28, 1), arrays[1].astype(np.int64)


def build(network: str, options: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    """The network, its loss and its metrics."""
    import keras

    from keras_metric import layers, losses, models

    normalize = options.get("normalize", True)
    embedding = models.embedding_network(models.small_cnn(), options["size"], normalize)
    if options["augment"]:
        inputs = keras.Input((28, 28, 1))
        changed = keras.layers.RandomTranslation(0.07, 0.07, fill_mode="constant")(
            keras.layers.RandomFlip("horizontal")(inputs)
        )
        embedding = keras.Model(inputs, embedding(changed))
    if network == "siamese":
        head: Any = layers.SimilarityHead(options["features"], options["units"])
        loss: Any = keras.losses.BinaryCrossentropy(from_logits=True)
        return models.SiameseNetwork(embedding, head), loss, []
    if network == "contrastive":
        head = layers.PairwiseDistance(options["distance"])
        return models.SiameseNetwork(embedding, head), losses.ContrastiveLoss(options["margin"]), []
    chosen = {name: options[name] for name in ("margin", "soft", "swap", "distance")}
    distance = None if options["swap"] else options["distance"]
    return models.TripletNetwork(embedding, distance), losses.TripletMarginLoss(**chosen), []


def tuples(sampler: Any, images: np.ndarray, labels: np.ndarray, options: dict[str, Any]) -> Any:
    """Batches of pairs with `same`, or of triplets with the anchor's label."""
    import keras

    class Tuples(keras.utils.PyDataset):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.epoch = -1
            self.on_epoch_begin()

        def __len__(self) -> int:
            return max(1, len(self.ids) // options["batch"])

        def on_epoch_begin(self) -> None:
            self.epoch += 1
            begin = self.epoch * len(sampler) if options["fresh"] else 0
            self.ids = sampler.take(begin, begin + (options["limit"] or len(sampler)))

        def __getitem__(self, number: int) -> Any:
            start = number * options["batch"]
            columns = self.ids[start : start + options["batch"]].T
            found = labels[columns]
            target = (found[0] == found[1]).astype("float32") if len(columns) == 2 else found[0]
            return tuple(images[column] for column in columns), target

    return Tuples()


def verification(
    network: str, model: Any, images: np.ndarray, labels: np.ndarray
) -> dict[str, Any]:
    """How well pairs of unseen images are told apart.

    All figures are those of 10,000 pairs; the threshold is chosen on as many others.
    """
    from keras_metric import metrics

    pairs = sampling().PairSampler(labels, seed=1234).take(0, 2 * NUM_TEST_PAIRS)
    chosen_on, judged = slice(NUM_TEST_PAIRS), slice(NUM_TEST_PAIRS, None)
    same = labels[pairs[:, 0]] == labels[pairs[:, 1]]
    embeddings = model.embedding.predict(images, batch_size=500, verbose=0)
    a, b = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    if network == "siamese":
        parts = [
            keras_numpy(model.head([a[i : i + 1000], b[i : i + 1000]]))
            for i in range(0, len(a), 1000)
        ]
        apart, threshold = -np.concatenate(parts)[:, 0], 0.0
    else:
        apart = np.linalg.norm(a - b, axis=1)
        threshold = metrics.best_threshold(same[chosen_on], apart[chosen_on])[0]
    same, apart = same[judged], apart[judged]
    is_right = (apart < threshold) == same
    return {
        "pair_accuracy": float((is_right[same].mean() + is_right[~same].mean()) / 2),
        "equal_error_rate": float(metrics.equal_error_rate(same, apart)),
    }


def keras_numpy(tensor: Any) -> np.ndarray:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(tensor))


def run_one(network: str, options: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
    """Trains one network once and measures it."""
    sampler_class = {"triplet": "TripletSampler"}.get(network, "PairSampler")
    sampler_of = getattr(sampling(), sampler_class)
    import keras

    from keras_metric.retrieval.measures import evaluate

    keras.utils.set_random_seed(seed)
    images, labels = fashion_mnist(folder, "train")
    if options["holdout"]:
        images, queries = np.split(images, [-NUM_HELD_OUT])
        labels, query_labels = np.split(labels, [-NUM_HELD_OUT])
    else:
        queries, query_labels = fashion_mnist(folder, "test")
    batches = tuples(sampler_of(labels, seed=seed), images, labels, options)
    model, loss, metrics = build(network, options)
    steps = options["epochs"] * len(batches)
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(options["rate"], steps),
        use_ema=options["ema"],
        ema_momentum=0.99,
    )
    model.compile(optimizer, loss, metrics=metrics)
    start = time.perf_counter()
    model.fit(batches, epochs=options["epochs"], shuffle=False, verbose=0)
    seconds = time.perf_counter() - start
    if options["limit"]:
        images, labels = images[: options["limit"]], labels[: options["limit"]]
    found = verification(network, model, queries, query_labels)
    if options["limit"]:
        queries, query_labels = queries[: options["limit"]], query_labels[: options["limit"]]
    gallery, unseen = (
        model.embedding.predict(x, batch_size=500, verbose=0) for x in (images, queries)
    )
    report = evaluate(
        unseen,
        query_labels,
        gallery=gallery,
        gallery_labels=labels,
        measures=["recall_at_1", "map_at_r"],
        distance="cosine" if options.get("normalize", True) else "euclidean",
    )
    found |= {name: float(report[name]) for name in ("recall_at_1", "map_at_r")}
    return found | {"seconds": seconds, "parameters": int(model.count_params())}


def jobs_of(flags: argparse.Namespace) -> list[dict[str, Any]]:
    """What shall be run: network, variant, options and seed of each run."""
    common = {**DEFAULTS, "epochs": flags.epochs, "limit": flags.limit, "holdout": flags.holdout}
    chosen: list[tuple[str, str, dict[str, Any]]] = []
    if flags.sizes:
        chosen = [("triplet", f"size {size}", {"size": size}) for size in SIZES]
    elif flags.variants:
        for network in flags.variants:
            chosen += [(network, name, more) for name, more in VARIANTS[network].items()]
    else:
        chosen = [(network, "default", {}) for network in flags.networks]
    if flags.only:
        chosen = [row for row in chosen if row[1] in flags.only]
    return [
        {
            "network": network,
            "variant": name,
            "seed": seed,
            "options": {**common, **NETWORKS[network], **more},
        }
        for seed in range(flags.first_seed, flags.first_seed + flags.seeds)
        for network, name, more in chosen
    ]


def run_apart(job: dict[str, Any], flags: argparse.Namespace) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--one", json.dumps(job)]
    environment = {
        **os.environ,
        "KERAS_BACKEND": flags.backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Several processes share one accelerator.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        # glibc may map and unmap the memory of every tensor: half of the time, with two runs.
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(2**36),
    }
    if flags.cache:
        environment["JAX_COMPILATION_CACHE_DIR"] = str(flags.cache)
    done = subprocess.run(
        [*command, "--data", str(flags.data)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    if done.returncode:
        raise RuntimeError(f"{job['network']} {job['variant']}:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {**job, "backend": flags.backend, "date": time.strftime("%Y-%m-%d"), **found}


def update(
    path: Path, new_rows: list[dict[str, Any]], throughput: dict[str, Any] | None = None
) -> None:
    """Adds to what the file holds now, so that two calls at a time lose nothing."""
    known: dict[str, Any] = {"rows": [], "throughput": {}}
    if path.exists():
        known |= json.loads(path.read_text(encoding="utf-8"))
    rows = {run_key(row): row for row in (*known["rows"], *new_rows)}
    write(path, list(rows.values()), known["throughput"] if throughput is None else throughput)


def run_key(row: dict[str, Any]) -> str:
    return json.dumps([row[name] for name in ("network", "variant", "seed", "options")])


def write(path: Path, rows: list[dict[str, Any]], throughput: dict[str, Any]) -> None:
    """Rows and their medians, moved into place when whole."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(f"{row['network']}, {row['variant']}", []).append(row)
    measured = ("pair_accuracy", "equal_error_rate", "recall_at_1", "map_at_r", "seconds")
    medians = {
        name: {
            "seeds": len(members),
            "date": min(row["date"] for row in members),
            **{key: round(statistics.median(row[key] for row in members), 4) for key in measured},
        }
        for name, members in groups.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    about = report.about("networks")
    content = {**about, "medians": medians, "throughput": throughput, "rows": rows}
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def throughput(flags: argparse.Namespace) -> dict[str, Any]:
    """Pairs a second in `fit`: read by TFDS, drawn by a stream, and from arrays in memory."""
    import keras
    import tensorflow_datasets as tfds

    import tfds_builders
    from keras_metric import layers, losses, models

    images, labels = fashion_mnist(flags.data, "train")
    steps = (flags.limit or len(labels)) // 128
    rows = 128 * steps
    stored = tfds.load("fashion_pairs", split="train", as_supervised=True).batch(128)
    stream = tfds_builders.streams.pairs((images, labels), 128, output="tf")
    ids = tfds_builders.sampling.PairSampler(labels).take(0, rows)
    arrays = (images[ids[:, 0]], images[ids[:, 1]])
    same = (labels[ids[:, 0]] == labels[ids[:, 1]]).astype("float32")
    embedding = models.embedding_network(models.small_cnn())
    network = models.SiameseNetwork(embedding, layers.PairwiseDistance())
    network.compile("adam", losses.ContrastiveLoss())
    feeds = {
        "arrays in memory": lambda: network.fit(arrays, same, batch_size=128, verbose=0),
        "tfds.load": lambda: network.fit(stored.take(steps).prefetch(2), shuffle=False, verbose=0),
        "stream": lambda: network.fit(stream.take(steps), shuffle=False, verbose=0),
    }
    network.fit(arrays, same, batch_size=128, verbose=0, steps_per_epoch=20)
    seconds: dict[str, list[float]] = {name: [] for name in feeds}
    for _ in range(flags.seeds):  # in turn, so that a busy moment does not hit one alone
        for name, fit in feeds.items():
            start = time.perf_counter()
            fit()
            seconds[name].append(time.perf_counter() - start)
            print(f"{name}: {rows / seconds[name][-1]:,.0f} pairs/s", flush=True)
    rates = {name: rows / min(s) for name, s in seconds.items()}  # other work only slows
    best = rates["arrays in memory"]
    return {
        "backend": keras.backend.backend(),
        "pairs": rows,
        "rounds": flags.seeds,
        "date": time.strftime("%Y-%m-%d"),
        "feeds": {
            name: {"pairs_per_second": round(rate), "of_arrays": round(rate / best, 3)}
            for name, rate in rates.items()
        },
    }


def parse_flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, help="instead of the defaults")
    parser.add_argument("--only", nargs="+", help="variants by name")
    parser.add_argument("--sizes", action="store_true", help="study the size of the embedding")
    parser.add_argument("--throughput", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--limit", type=int, default=0, help="tuples an epoch, for a trial")
    parser.add_argument(
        "--holdout", action="store_true", help="measure on 10,000 training images, to choose by"
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--backend", default=os.environ.get("KERAS_BACKEND", "tensorflow"))
    parser.add_argument("--cache", type=Path, help="folder for JAX's compiled programs")
    folder = Path(os.environ.get("FASHION_MNIST_DIR", DEBIAN))
    parser.add_argument("--data", type=Path, default=folder, help="folder of the idx files")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    flags = parse_flags()
    if flags.one:
        job = json.loads(flags.one)
        found = run_one(job["network"], job["options"], job["seed"], flags.data)
        print(json.dumps(found))
        return
    if flags.throughput:
        os.environ["KERAS_BACKEND"] = flags.backend
        update(flags.output, [], throughput(flags))
        return
    jobs = jobs_of(flags)
    start = time.perf_counter()
    with ThreadPoolExecutor(flags.jobs) as pool:
        for number, row in enumerate(pool.map(lambda job: run_apart(job, flags), jobs), 1):
            update(flags.output, [row])
            print(
                f"[{number}/{len(jobs)} {time.perf_counter() - start:.0f} s] {row['network']}, "
                f"{row['variant']}, seed {row['seed']}: pairs {row['pair_accuracy']:.4f}   "
                f"EER {row['equal_error_rate']:.4f}   Recall@1 {row['recall_at_1']:.4f}   "
                f"MAP@R {row['map_at_r']:.4f}   {row['seconds']:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
