"""Draws architecture.png: the packages, and the way of the data through them.

python docs/images/architecture.py
"""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"

# Name: x, y of the middle, colour of the frame, what it does.
BOXES = {
    "sources": (1.5, 7.0, BLUE, "where images and\nlabels come from"),
    "sampling": (4.5, 7.0, BLUE, "who goes with whom:\npositions only"),
    "builders": (7.5, 7.7, BLUE, "tuples stored once,\nfor tfds.load"),
    "streams": (7.5, 6.3, BLUE, "tuples drawn\nwhile reading"),
    "models": (1.5, 3.6, ORANGE, "backbones, siamese and\ntriplet networks"),
    "layers": (1.5, 2.2, ORANGE, "heads, pooling,\nproxies, memory"),
    "distances": (4.5, 3.6, ORANGE, "how far apart\ntwo embeddings are"),
    "miners": (7.5, 2.2, ORANGE, "which pairs and\ntriplets count"),
    "losses": (7.5, 3.6, ORANGE, "what training\nmakes small"),
    "regularizers": (10.5, 3.6, ORANGE, "what embeddings\nshould look like"),
    "metrics": (10.5, 2.2, ORANGE, "in a batch, and\nof verification"),
    "retrieval": (4.5, -0.4, GREEN, "index, engines,\nthresholds"),
    "measures": (7.5, -0.4, GREEN, "Recall@k, MAP@R, ...\n(in retrieval)"),
    "callbacks": (1.5, -0.4, GREEN, "measures while\nfit trains"),
    "visualization": (10.5, -0.4, GREEN, "maps, neighbours,\nhistograms"),
}
BANDS = (
    (5.45, 3.35, BLUE, "tfds_builders: from labelled images to tuples and balanced batches"),
    (1.35, 3.35, ORANGE, "keras_metric, training: from batches to embeddings"),
    (-1.35, 2.15, GREEN, "keras_metric, retrieval: from embeddings to neighbours and figures"),
)
HALF_WIDTH, HALF_HEIGHT = 1.15, 0.5


def box(ax, name, x, y, color, text):
    corner = (x - HALF_WIDTH, y - HALF_HEIGHT)
    style = "round,pad=0,rounding_size=0.1"
    size = 2 * HALF_WIDTH, 2 * HALF_HEIGHT
    ax.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, fc="white", ec=color, lw=1.5))
    ax.text(x, y + 0.26, name, ha="center", va="center", weight="bold", size=10)
    ax.text(x, y - 0.16, text, ha="center", va="center", size=7.5, linespacing=1.15)


def arrow(ax, start, end):
    style = {"arrowstyle": "-|>", "color": "0.25", "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)


def side(name, where):
    x, y, *_ = BOXES[name]
    dx, dy = {"left": (-1, 0), "right": (1, 0), "top": (0, 1), "bottom": (0, -1)}[where]
    return x + dx * HALF_WIDTH, y + dy * HALF_HEIGHT


figure = Figure(figsize=(10, 8.2), dpi=120, layout="constrained", facecolor="white")
ax = figure.subplots()
ax.set(xlim=(-0.05, 12.05), ylim=(-1.4, 8.85))
ax.set_axis_off()
for bottom, height, color, title in BANDS:
    ax.add_patch(Rectangle((0, bottom), 12, height, fc=color, alpha=0.08, ec="none"))
    options = {"color": color, "weight": "bold", "ha": "right", "va": "top", "size": 10}
    ax.text(11.85, bottom + height - 0.1, title, **options)
for name, (x, y, color, text) in BOXES.items():
    box(ax, name, x, y, color, text)

for start, end in (
    (side("sources", "right"), side("sampling", "left")),
    (side("sampling", "right"), side("builders", "left")),
    (side("sampling", "right"), side("streams", "left")),
    (side("models", "right"), side("distances", "left")),
    (side("distances", "right"), side("losses", "left")),
    (side("layers", "top"), side("models", "bottom")),
    (side("miners", "top"), side("losses", "bottom")),
    (side("retrieval", "left"), side("callbacks", "right")),
    (side("retrieval", "right"), side("measures", "left")),
    (side("measures", "right"), side("visualization", "left")),
):
    arrow(ax, start, end)

# Batches, from either of the two, to the network.
ax.plot([8.65, 9.3, 9.3], [7.7, 7.7, 5.1], color="0.25", lw=1.3)
ax.plot([8.65, 9.3], [6.3, 6.3], color="0.25", lw=1.3)
ax.plot([9.3, 1.5], [5.1, 5.1], color="0.25", lw=1.3)
arrow(ax, (1.5, 5.1), side("models", "top"))
ax.text(5.4, 5.13, "batches of images and labels", ha="center", va="bottom", size=8.5)
# Embeddings, to the index.
ax.plot([3.0, 3.0], [3.6, 1.1], color="0.25", lw=1.3)
ax.plot([3.0, 4.5], [1.1, 1.1], color="0.25", lw=1.3)
arrow(ax, (4.5, 1.1), side("retrieval", "top"))
ax.text(4.6, 1.08, "embeddings", ha="left", va="center", size=8.5)
figure.savefig(Path(__file__).with_name("architecture.png"))
