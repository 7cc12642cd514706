"""Figures made without pyplot, so that no global state is touched."""

from typing import Any


def new_figure(width: float, height: float) -> Any:
    """An empty figure of that size in inches, which can be saved without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


# Okabe and Ito's colours, told apart by the colour-blind, without their yellow (too light).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "^", "s", "v", "D", "P", "X", "<", ">", "*")
RIGHT, WRONG = COLORS[0], COLORS[1]
