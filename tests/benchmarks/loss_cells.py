"""One cell of the losses' benchmark: a loss, a batch, a backend or a peer, in this process."""

import ctypes
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.semi_hard import batch, jax_step, tensorflow_step, torch_step

MATRIX = "distance matrix"
STEP = "training step"
SECONDS = 0.3  # for which a cell is repeated
Cell = dict[str, Any]

# Margins that suit embeddings of length 1, and the peers' of those losses.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "TripletSemiHardLoss": {"margin": 0.2},
    "TripletHardLoss": {"margin": 0.2},
}

# What pytorch-metric-learning calls a loss, and what it needs to be the same. Not here: its
# DynamicSoftMarginLoss has no gradient (it overwrites what that needs), its SmoothAPLoss takes
# only batches of as many classes as samples a class.
PML: dict[str, tuple[str, dict[str, Any]]] = {
    "AngularLoss": ("AngularLoss", {}),
    "CircleLoss": ("CircleLoss", {}),
    "ContrastivePairsLoss": ("ContrastiveLoss", {}),
    "FastAPLoss": ("FastAPLoss", {}),
    "GeneralizedLiftedStructLoss": ("GeneralizedLiftedStructureLoss", {}),
    "HistogramLoss": ("HistogramLoss", {}),
    "IntraPairVarianceLoss": ("IntraPairVarianceLoss", {}),
    "LiftedStructLoss": ("LiftedStructureLoss", {}),
    "MarginLoss": ("MarginLoss", {}),
    "MultiSimilarityLoss": ("MultiSimilarityLoss", {}),
    "NCALoss": ("NCALoss", {}),
    "NTXentLoss": ("NTXentLoss", {}),
    "PNPLoss": ("PNPLoss", {}),
    "RankedListLoss": ("RankedListLoss", {"margin": 0.4, "Tn": 10.0}),
    "SupConLoss": ("SupConLoss", {}),
    "ThresholdConsistentMarginLoss": ("ThresholdConsistentMarginLoss", {}),
    "TripletHardLoss": ("TripletMarginLoss", {"margin": 0.2}),
    "TripletLoss": ("TripletMarginLoss", {}),
    "TripletSemiHardLoss": ("TripletMarginLoss", {"margin": 0.2}),
    "TupletMarginLoss": ("TupletMarginLoss", {}),
    "VICRegLoss": ("VICRegLoss", {}),
    "InfoNCELoss": ("NTXentLoss", {}),
    "NpairsLoss": ("NPairsLoss", {}),
    # These make their proxies themselves.
    "ArcFaceLoss": ("ArcFaceLoss", {}),
    "CosFaceLoss": ("CosFaceLoss", {}),
    "LargeMarginSoftmaxLoss": ("LargeMarginSoftmaxLoss", {}),
    "NormalizedSoftmaxLoss": ("NormalizedSoftmaxLoss", {}),
    "ProxyAnchorLoss": ("ProxyAnchorLoss", {}),
    "ProxyNCALoss": ("ProxyNCALoss", {}),
    "SoftTripleLoss": ("SoftTripleLoss", {"centers_per_class": 10}),
    "SphereFaceLoss": ("SphereFaceLoss", {}),
    "SubCenterArcFaceLoss": ("SubCenterArcFaceLoss", {"sub_centers": 3}),
}
# How the peer's losses on two views, `(batch, 2, dim)`, are called.
VIEWS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "InfoNCELoss": lambda loss: lambda y, x: _self_supervised(loss)(x[:, 0], x[:, 1]),
    "NpairsLoss": lambda loss: lambda y, x: loss(*_pairs_of_views(x)),
    "VICRegLoss": lambda loss: lambda y, x: loss(x[:, 0], ref_emb=x[:, 1]),
}
# What the heads of losses on class proxies are given.
HEADS: dict[str, dict[str, Any]] = {
    "LargeMarginSoftmaxLoss": {"lengths": "both"},
    "SoftTripleLoss": {"centers_per_class": 10},
    "SphereFaceLoss": {"lengths": "embedding"},
    "SubCenterArcFaceLoss": {"centers_per_class": 3},
}
# Functions of `tests.oracles.tfa`, and a margin.
TFA = {
    "LiftedStructLoss": ("lifted_struct", 1.0),
    "TripletHardLoss": ("triplet_hard", 0.2),
    "TripletSemiHardLoss": ("triplet_semihard", 0.2),
}


def public_losses() -> dict[str, str]:
    """Every public loss, and what it is given: `labelled` or another kind of input."""
    from keras_metric import losses

    found = {}
    for name, cls in vars(losses).items():
        is_loss = isinstance(cls, type) and issubclass(cls, losses.MetricLoss)
        if not is_loss or getattr(cls, "__abstractmethods__", 0) or cls is losses.MetricLoss:
            continue
        kind = "views"
        if issubclass(cls, losses.LabelledBatchLoss):
            kind = "labelled"
        elif issubclass(cls, losses.ClassProxyLoss):
            kind = f"proxies {HEADS.get(name, {}).get('centers_per_class', 1)}"
        elif name.startswith("Triplet"):
            kind = "triplets"
        elif "Multilabel" in name:
            kind = "multi-hot views" if name.startswith("Npairs") else "multi-hot"
        found[name] = kind
    return found


def inputs(kind: str, size: int, num_classes: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Labels and model output of a kind."""
    labels, x = batch(size, num_classes)
    classes = int(labels.max()) + 1
    if kind.startswith("multi-hot"):
        labels = np.eye(classes, dtype="float32")[labels]
    if kind.endswith("views") or kind == "triplets":
        parts = 3 if kind == "triplets" else 2
        x = np.stack([np.roll(x, i * classes, axis=0) for i in range(parts)], axis=1)
        if kind == "views":
            labels = np.arange(size) % 2
    if kind.startswith("proxies"):
        # Behind the embeddings, so that both get a gradient.
        rows = classes * int(kind.split()[1])
        proxies = np.random.default_rng(1).normal(size=(rows, 64)) / 8
        x = np.concatenate([x, proxies]).astype("float32")
    return labels, x


def step_of(competitor: str, name: str) -> Callable[..., Any]:
    """The competitor's function of labels and embeddings to value and gradient."""
    if competitor.startswith("TFA"):
        from tests.oracles import tfa

        function, margin = TFA[name]
        theirs = getattr(tfa, function)
        return tensorflow_step(lambda y, x: theirs(y, x, margin), competitor.endswith("XLA"))
    if competitor == "PML":
        return torch_step(_peer_of_proxies(name) if _has_proxies(name) else _peer(name))
    ours: Callable[..., Any] = _matrix if name == MATRIX else _ours(name)
    if competitor == "TensorFlow":
        step = tensorflow_step(ours, jit=True)
    else:
        step = jax_step(ours) if competitor == "JAX" else torch_step(ours)
    return ours.before(step) if isinstance(ours, _BehindAHead) else step


def _matrix(labels: Any, x: Any) -> Any:
    from keras import ops

    from keras_metric import distances

    return ops.mean(distances.get("L2").pairwise(x))


def _ours(name: str) -> Callable[..., Any]:
    from keras_metric import losses

    loss = getattr(losses, name)(**ARGUMENTS.get(name, {}))
    return _BehindAHead(loss, name) if _has_proxies(name) else loss


def _has_proxies(name: str) -> bool:
    return public_losses()[name].startswith("proxies")


def head_of(name: str, rows: int) -> Any:
    """The head that a loss on class proxies follows, with as many proxies."""
    from keras_metric import layers

    arguments = HEADS.get(name, {})
    head = layers.ProxyHead(rows // arguments.get("centers_per_class", 1), **arguments)
    head.build((None, 64))
    return head


class _BehindAHead:
    """A loss of embeddings with the proxies behind them."""

    def __init__(self, loss: Any, name: str) -> None:
        self.loss, self.name = loss, name
        self.heads: dict[int, Any] = {}

    def __call__(self, labels: Any, x: Any) -> Any:
        size = labels.shape[0]
        head = self.heads[x.shape[0] - size]
        similarities, _ = head.stateless_call([x[size:]], [], x[:size])
        return self.loss(labels, similarities)

    def before(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Make the head for a batch outside of what is compiled."""

        def with_head(labels: Any, x: Any) -> Any:
            rows = len(x) - len(labels)
            if rows not in self.heads:
                self.heads[rows] = head_of(self.name, rows)
            return step(labels, x)

        return with_head


def _peer_of_proxies(name: str) -> Callable[..., Any]:
    """The peer's loss, which holds as many proxies as there are classes; of the same input."""
    from pytorch_metric_learning import losses

    theirs, arguments = PML[name]
    known: dict[int, Any] = {}

    def of_both(labels: Any, x: Any) -> Any:
        num_classes = int(labels.max()) + 1
        if num_classes not in known:
            sizes = {"num_classes": num_classes, "embedding_size": 64}
            known[num_classes] = getattr(losses, theirs)(**sizes, **arguments)
        return known[num_classes](x[: len(labels)], labels)

    return of_both


def _peer(name: str) -> Callable[..., Any]:
    from pytorch_metric_learning import losses, miners

    theirs, arguments = PML[name]
    loss = getattr(losses, theirs)(**arguments)
    if name in VIEWS:
        return VIEWS[name](loss)
    miner: Any = None
    if name == "TripletSemiHardLoss":
        miner = miners.TripletMarginMiner(0.2, "semihard")
    elif name == "TripletHardLoss":
        miner = miners.BatchHardMiner()
    return lambda y, x: loss(x, y) if miner is None else loss(x, y, miner(x, y))


def _self_supervised(loss: Any) -> Any:
    from pytorch_metric_learning import losses

    return losses.SelfSupervisedLoss(loss, symmetric=False)


def _pairs_of_views(x: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """Embeddings, labels and pairs of views, each of a class of its own."""
    import torch

    first = torch.arange(len(x))
    pairs = (first, first + len(x), first[:0], first[:0])
    return torch.cat([x[:, 0], x[:, 1]]), first.repeat(2), pairs


class Peak:
    """Memory of this process above what it held at `start`, at its highest, in MB."""

    def start(self) -> None:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        self.before = self._read("VmRSS")

    def extra(self) -> float:
        return (self._read("VmHWM") - self.before) / 1024

    def _read(self, key: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key))


def measure(step: Callable[..., Any], labels: Any, x: Any) -> dict[str, float]:
    """Best time in milliseconds and extra memory in MB of a step that is compiled already."""
    peak, times = Peak(), []
    peak.start()
    while not times or (sum(times) < SECONDS and len(times) < 30):
        start = time.perf_counter()
        gradient = np.asarray(step(labels, x)[1])
        times.append(time.perf_counter() - start)
        if len(times) == 1:
            megabytes = peak.extra()
    if not np.isfinite(gradient).all():
        raise ArithmeticError("the gradient is not finite")
    return {"ms": 1e3 * min(times), "MB": max(megabytes, 0.0)}


def training_step() -> dict[str, float]:
    """A training step of the quickstart's network on 10 x 13 images, and its loss's part."""
    import keras

    from keras_metric import models

    labels, x = batch(130, 10)
    images = np.random.default_rng(0).integers(0, 256, size=(130, 28, 28, 1)).astype("uint8")
    name = "TripletSemiHardLoss"
    model = models.embedding_network(models.small_cnn(), 64)
    model.compile("adam", _ours(name))
    times = []
    for _ in range(8):
        start = time.perf_counter()
        model.train_on_batch(images, labels)
        times.append(time.perf_counter() - start)
    backend = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
    step = step_of(backend[keras.backend.backend()], name)
    step(labels, x)
    found = measure(step, labels, x)
    return {"ms": 1e3 * min(times[2:]), "MB": 0.0, "loss_ms": found["ms"]}


def run(competitor: str, cells: list[Cell], gigabytes: float, seconds: float) -> None:
    """Measure cells one after the other, and print each as a line of JSON."""
    runner = Runner(competitor, gigabytes)
    done: dict[tuple[str, Any], Cell] = {}
    for cell in cells:
        key = (cell["loss"], cell["classes"])
        why = hopeless(done.get(key), cell, gigabytes, seconds)
        found = {"failed": why} if why else runner.measured(cell)
        done[key] = {**cell, **found}
        print(json.dumps(done[key]), flush=True)


def hopeless(smaller: Cell | None, cell: Cell, gigabytes: float, seconds: float) -> str | None:
    """Why a cell need not be tried: at best it grows with the square of the batch."""
    if smaller is None:
        return None
    if "failed" in smaller:
        return str(smaller["failed"])
    growth = (cell["size"] / smaller["size"]) ** 2
    if smaller["ms"] * growth > 1e3 * seconds:
        return f"over {seconds:g} s"
    return "memory" if smaller["MB"] * growth > 1024 * gigabytes else None


class Runner:
    """Measures the cells of one competitor, and keeps what is compiled."""

    def __init__(self, competitor: str, gigabytes: float) -> None:
        self.competitor, self.gigabytes = competitor, gigabytes
        self.kinds = {MATRIX: "labelled", **public_losses()}
        self.ready: tuple[str, int] | None = None
        self.step: Callable[..., Any] | None = None

    def measured(self, cell: Cell) -> dict[str, Any]:
        """Figures of a cell, or why there are none."""
        try:
            return training_step() if cell["loss"] == STEP else self._measured(cell)
        except Exception as error:
            text = " ".join(str(error).split())
            words = ("memory", "oom", "resource_exhausted", "alloc")
            if isinstance(error, MemoryError) or any(word in text.lower() for word in words):
                return {"failed": "memory"}
            return {"failed": f"{type(error).__name__}: {text[:200]}"}

    def _measured(self, cell: Cell) -> dict[str, float]:
        name, size = cell["loss"], cell["size"]
        kind = self.kinds[name]
        labels, x = inputs(kind, size, cell["classes"])
        if self.step is None or self.ready is None or self.ready[0] != name:
            self.step = step_of(self.competitor, name)
        if self.ready != (name, size):
            # What is compiled is so for a shape; the rest only has to be loaded.
            is_compiled = self.competitor in ("TensorFlow", "JAX", "TFA, XLA")
            warm = inputs(kind, size if is_compiled else 16, cell["classes"])
            [np.asarray(part) for part in self.step(*warm)]
            self.ready = (name, size)
            self._limit()
        return measure(self.step, labels, x)

    def _limit(self) -> None:
        # Data counts what the program and its libraries take as well.
        lines = Path("/proc/self/status").read_text().splitlines()
        data = next(int(line.split()[1]) for line in lines if line.startswith("VmData"))
        most = int(self.gigabytes * 2**30) + 1024 * data
        if resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY:
            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
