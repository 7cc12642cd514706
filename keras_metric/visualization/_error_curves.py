"""The errors of verification at every threshold, as curves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_metric.metrics import det_curve, equal_error_rate, roc_curve
from keras_metric.visualization._figure import COLORS, new_figure

_STYLES = ("-", "--", "-.", ":")
_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
_LEAST = 1e-4


def roc_plot(
    same: ArrayLike,
    distances: ArrayLike | Mapping[str, ArrayLike],
    higher_is_similar: bool = False,
    title: str | None = None,
) -> Any:
    """Draws the receiver operating characteristic: right acceptances against false ones.

    A point for each threshold: to the right all the different pairs that are accepted as the
    same, upwards the same pairs that are. The legend has the area under each curve.

    Reference: [Fawcett, 2006](https://doi.org/10.1016/j.patrec.2005.10.010).

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, shape `(pairs,)`; or several such by name, one curve
            each, to compare networks on the same pairs.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.
        title: Printed above.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: As `keras_metric.metrics.roc_curve`, or there is no curve.

    Example:
        >>> figure = roc_plot([1, 0, 1, 0], [0.1, 0.3, 0.35, 0.8])
        >>> figure.axes[0].get_legend_handles_labels()[1][0]
        'area 0.750'
    """
    figure = new_figure(5.4, 5.2)
    axes = figure.add_subplot()
    for number, (name, values) in enumerate(_named(distances).items()):
        far, tar, _ = roc_curve(same, values, higher_is_similar)
        label = f"{name}area {np.trapezoid(tar, far):.3f}"
        axes.plot(far, tar, **_style(number), label=label)
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="by chance")
    axes.set(
        xlabel="different pairs accepted (false acceptance rate)",
        ylabel="same pairs accepted (true acceptance rate)",
        title=title or "ROC curve",
        aspect="equal",
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
    )
    _finish(axes, "lower right")
    return figure


def det_plot(
    same: ArrayLike,
    distances: ArrayLike | Mapping[str, ArrayLike],
    higher_is_similar: bool = False,
    title: str | None = None,
) -> Any:
    """Draws the detection error tradeoff: false rejections against false acceptances.

    The axes are stretched as the quantiles of a normal distribution, so that small errors can
    be read, and curves are straight where distances are distributed normally. Where a curve
    meets the diagonal is its equal error rate, which the legend has.

    Reference: Martin et al., 1997, The DET curve in assessment of detection task performance.

    Args:
        same: Whether each pair is of one class, shape `(pairs,)`: booleans, or 0 and 1.
        distances: Distance of each pair, shape `(pairs,)`; or several such by name.
        higher_is_similar: Whether `distances` are scores instead, larger meaning closer.
        title: Printed above.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: As `keras_metric.metrics.det_curve`, or there is no curve.

    Example:
        >>> figure = det_plot([1, 0, 1, 0], [0.1, 0.3, 0.35, 0.8])
        >>> figure.axes[0].get_legend_handles_labels()[1][0]
        'equal error rate 50.0 %'
    """
    figure = new_figure(5.4, 5.2)
    axes = figure.add_subplot()
    for number, (name, values) in enumerate(_named(distances).items()):
        far, frr, _ = det_curve(same, values, higher_is_similar)
        rate = equal_error_rate(same, values, higher_is_similar)
        label = f"{name}equal error rate {rate:.1%}".replace("%", " %")
        axes.plot(_quantile(far), _quantile(frr), **_style(number), label=label)
    ends = _quantile(np.array([_LEAST, 0.5]))
    axes.plot(ends, ends, color="#999999", linewidth=1, label="both errors equal")
    places, texts = _quantile(np.array(_TICKS)), [f"{100 * tick:g} %" for tick in _TICKS]
    axes.set_xticks(places, texts, rotation=45, fontsize=8)
    axes.set_yticks(places, texts, fontsize=8)
    axes.set(
        xlabel="different pairs accepted (false acceptance rate)",
        ylabel="same pairs rejected (false rejection rate)",
        title=title or "DET curve",
        aspect="equal",
        xlim=ends,
        ylim=ends,
    )
    axes.grid(color="#dddddd", linewidth=0.6)
    _finish(axes, "lower left")
    return figure


def _named(distances: Any) -> dict[str, Any]:
    """Curves by the beginning of their legend."""
    if not isinstance(distances, Mapping):
        return {"": distances}
    if not distances:
        raise ValueError("`distances` must hold at least one curve. Received: none")
    return {f"{name}: ": values for name, values in distances.items()}


def _style(number: int) -> dict[str, Any]:
    return {
        "color": COLORS[number % len(COLORS)],
        "linestyle": _STYLES[number % len(_STYLES)],
        "linewidth": 2,
    }


def _quantile(share: Any) -> Any:
    """Quantiles of a standard normal distribution, cut off where nothing is left to see."""
    from statistics import NormalDist

    clipped = np.clip(share, _LEAST / 10, 1 - _LEAST / 10)
    return np.array([NormalDist().inv_cdf(one) for one in clipped.tolist()])


def _finish(axes: Any, place: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc=place, frameon=False, fontsize=9)
