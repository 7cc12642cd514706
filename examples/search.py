"""Tutorial 7, search: index, measure, calibrate, match, save, serve.

python examples/search.py            # the full Fashion-MNIST
python examples/search.py --sample   # the 1,500 images in the package
"""

# %%
import argparse
import json
import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Off by default on AMD processors, where convolutions are then 3 times as slow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_metric import losses, models, visualization
from keras_metric.retrieval import SimilaritySearch
from tfds_builders import sources, streams
from tfds_builders.sources import CLASS_NAMES

UNKNOWN = [8, 9]  # bags and ankle boots: not trained with, and not in the index

# %%
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--sample", action="store_true", help="use the images in the package")
parser.add_argument("--epochs", type=int, help="default: 4, or 30 on the sample")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=Path("search_output"))
parser.add_argument("--engine", default="flat", help="flat is exact; hnsw, ivf, ivfpq are not")
parser.add_argument("--precision", type=float, default=0.98, help="what accepted answers reach")
parser.add_argument("--port", type=int, default=0, help="go on serving at this port")
flags = parser.parse_args()
flags.output.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(flags.seed)


# %%
def load(split):
    """Images and labels."""
    if flags.sample:
        return sources.fashion_mnist_sample(split)
    return sources.read_fashion_mnist(sources.fashion_mnist_files(), split)


def train(images, labels):
    """As in tutorial 5, with batches that are drawn while they are read."""
    batches = streams.balanced((images, labels), 8, 16, seed=flags.seed, output="tf")
    epochs = flags.epochs or (30 if flags.sample else 4)
    model = models.embedding_network(models.small_cnn(), embedding_size=64)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(batches))
    model.compile(keras.optimizers.Adam(schedule), losses.TripletSemiHardLoss(margin=0.2))
    model.fit(batches, epochs=epochs)
    return model


class Handler(BaseHTTPRequestHandler):
    """Answers 784 bytes, an image, with what it is and what is most like it."""

    def do_POST(self):
        pixels = self.rfile.read(min(int(self.headers["Content-Length"] or 0), 1000))
        if len(pixels) != 28 * 28:
            return self.send_error(400, f"expected 784 bytes, received {len(pixels)}")
        image = np.frombuffer(pixels, "uint8").reshape(1, 28, 28, 1)
        ids, distances, labels = loaded.lookup(image, k=5)
        is_match = distances[0, 0] <= loaded.indexer.cutpoints["precise"]["distance"]
        answer = {"match": CLASS_NAMES[labels[0, 0]] if is_match else None}
        answer |= {"neighbors": ids[0].tolist(), "distances": distances[0].tolist()}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


def ask(image, port):
    request = urllib.request.Request(f"http://127.0.0.1:{port}", data=image.tobytes())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


# %%
(images, labels), (queries, own) = load("train"), load("test")
is_in_index, is_known = ~np.isin(labels, UNKNOWN), ~np.isin(own, UNKNOWN)
images, labels = images[is_in_index], labels[is_in_index]

# %%
search = SimilaritySearch(train(images, labels), distance="cosine", search=flags.engine)
search.index(images, labels)
found = search.evaluate(queries[is_known], own[is_known])
half = np.arange(len(own)) % 2 == 0  # thresholds are chosen on it, and used on the other
targets = {"precise": ("precision", flags.precision)}
calibrated = search.calibrate(queries[half], own[half], targets)
others, truth = queries[~half], own[~half]
matched = search.match(others, "precise", no_match=-1)
embedded, _ = search.embed(others)
start = time.perf_counter()
ids, distances, names = search.indexer.search(embedded, k=5)
seconds = time.perf_counter() - start

# %% Save it, load it as another program would, and serve it.
search.save(flags.output / "search")
loaded = SimilaritySearch.load(flags.output / "search")
Handler.log_message = lambda *_: None  # by default each request writes a line
server = HTTPServer(("127.0.0.1", flags.port), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
start = time.perf_counter()
answers = [ask(image, server.server_port) for image in others[:100]]
per_request = (time.perf_counter() - start) / len(answers)
agree = np.mean([a["neighbors"][0] == i for a, i in zip(answers, ids[:100, 0], strict=True)])

# %%
files = [file.stat().st_size for file in (flags.output / "search").rglob("*") if file.is_file()]
results = {
    **{"indexed": len(images), "queries": int(is_known.sum()), **found},
    **{"precise": calibrated.cutpoints["precise"], "best_f1": calibrated.cutpoints["optimal"]},
    "open_set": search.indexer.evaluate_open_set(embedded, truth, "precise"),
    **{"accepted": (matched >= 0).mean(), "right": (matched == truth)[matched >= 0].mean()},
    **{"lookups_per_second": len(others) / seconds, "seconds_per_request": per_request},
    **{"bytes": sum(files), "wanted": flags.precision, "answer": answers[0], "agree": agree},
}
(flags.output / "search.json").write_text(json.dumps(results, indent=1, default=float))
figure, axes = plt.subplots(figsize=(8, 3.5), dpi=120, layout="constrained")
for name, style in (("precision", "-"), ("recall", "--"), ("f1", ":")):
    axes.plot(calibrated.thresholds["distance"], calibrated.thresholds[name], style, label=name)
axes.axvline(calibrated.cutpoints["precise"]["distance"], color="black", label="precise")
axes.set(xscale="log", xlabel="threshold of the cosine distance", ylim=(0, 1.02))
axes.legend(frameon=False)
figure.savefig(flags.output / "search_thresholds.png")
kinds = {"right": matched == truth, "wrong": matched != truth, "refused": matched < 0}
kinds["wrong"] &= ~kinds["refused"]
for name, rows in ((name, np.flatnonzero(chosen)[:4]) for name, chosen in kinds.items()):
    shown = (others[rows], images[ids[rows]], truth[rows], names[rows], distances[rows])
    if len(rows):
        figure = visualization.show_neighbors(*shown, CLASS_NAMES)
        figure.savefig(flags.output / f"search_{name}.png")
print(
    f"Search among {len(images):,} images: P@1 {found['recall_at_1']:.3f}; {results['right']:.1%} "
    f"of {results['accepted']:.0%} accepted answers are right. See {flags.output}/"
)
if flags.port:
    input(f"Serving at http://127.0.0.1:{flags.port}, until Enter is pressed")
