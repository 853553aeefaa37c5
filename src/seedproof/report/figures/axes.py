"""Axes that every figure has: a thin grid, and logarithmic scales whose labels are plain text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from seedproof.report.figures.style import GRID

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plain_grid(axes: Axes) -> None:
    """Thin horizontal lines behind everything."""
    axes.grid(axis="y", which="major", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(width=0.6)


def one_format(values: Iterable[float]) -> list[str]:
    """Numbers of a scale with one number of decimals: two digits of the smallest, or as many as tell all numbers apart, at most
    6; else powers of ten.

    >>> one_format([5.67, 0.926, 0.449]), one_format([0.6912, 0.6931, 0.695])
    (['5.67', '0.93', '0.45'], ['0.691', '0.693', '0.695'])
    """
    listed = [float(value) for value in values]
    sizes = [abs(value) for value in listed if value]
    decimals = max(0, 1 - math.floor(math.log10(min(sizes, default=1.0))))
    forms = [f".{places}f" for places in range(decimals, 7)] if max(sizes, default=1.0) < 1e6 else []
    written: list[str] = []
    for form in [*forms, *(f".{places}e" for places in range(1, 17))]:
        written = [format(value, form) for value in listed]
        if len(set(written)) == len(set(listed)):
            break
    return written


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def log_axis(axes: Axes, name: str) -> None:
    """Make the axis ``x`` or ``y`` logarithmic, its labels plain text: 0.01 where all are short, else 10⁻⁸.

    matplotlib's own labels are formulas, which our figures cannot have: names in them must stay as they are.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    getattr(axes, f"set_{name}scale")("log")
    axis = getattr(axes, f"{name}axis")

    class Decades(LogLocator):
        """Powers of ten, or round numbers where the axis is too short to hold two of them."""

        def tick_values(self, vmin: float, vmax: float) -> Any:
            low, high = sorted((vmin, vmax))
            return MaxNLocator(4).tick_values(low, high) if 0 < high < 10 * low else super().tick_values(vmin, vmax)

    def label(value: float, _position: int | None = None) -> str:
        low, high = sorted(axis.get_view_interval())
        if value <= 0:
            return ""
        if (low >= 9e-4 and high <= 1.1e5) or high < 10 * low:
            return f"{value:g}"
        exponent = math.floor(math.log10(value) + 1e-9)
        factor = value / 10**exponent
        power = f"10{str(exponent).translate(_SUPERSCRIPTS)}"
        return power if abs(factor - 1) < 1e-6 else f"{factor:g}·{power}"

    def between(value: float, position: int | None = None) -> str:
        low, high = sorted(axis.get_view_interval())
        return label(value, position) if 10 * low <= high < 60 * low else ""

    axis.set_major_locator(Decades())
    axis.set_major_formatter(FuncFormatter(label))
    axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axis.set_minor_formatter(FuncFormatter(between))
