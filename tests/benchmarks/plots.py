"""Pictures of the results: what others take, and how ours grows. SVG, on white."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from script import MIB, Result

__all__ = ["draw_comparison", "draw_growth"]

OURS, OTHERS = "#1f6feb", "#b8bfc8"
LINES = ("#1f6feb", "#d1660f", "#2a8a4a")
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "headframe",
    "figure.facecolor": "white",
    "axes.facecolor": "white",
}
KIB_MIB = 1024
LINE_POINTS = 60


def draw_comparison(transfers: Result, path: Path) -> None:
    """Draw the rates of whole transfers, ours beside others'."""
    sizes = transfers["sizes"]
    large, files = sizes["large_bytes"] / MIB, sizes["files"]
    words = f"{files:,} x {sizes['small_bytes'] // 1024} KiB, files/s"
    panels = (
        ("put-large", f"put {large:,.0f} MiB, MiB/s", large),
        ("get-large", f"get {large:,.0f} MiB, MiB/s", large),
        ("put-small", f"put {words}", files),
        ("get-small", f"get {words}", files),
    )
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 5), layout="constrained")
        for axes, (job, title, amount) in zip(figure.subplots(2, 2).flat, panels, strict=True):
            _bars(axes, transfers["jobs"].get(job, {}), amount)
            axes.set_title(title, loc="left", fontsize=10)
        _save(figure, path)


def _bars(axes: Axes, seconds: dict[str, float], amount: float) -> None:
    names = sorted(seconds, key=lambda name: -seconds[name])
    rates = [amount / seconds[name] for name in names]
    colours = [OURS if name.startswith("headframe") else OTHERS for name in names]
    bars = axes.barh(names, rates, color=colours)
    axes.bar_label(bars, [f"{rate:,.0f}" for rate in rates], padding=3)
    axes.margins(x=0.15)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def draw_growth(growth: Result, path: Path) -> None:
    """Draw time and memory against the number of files and the bytes of one."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 6), layout="constrained")
        panels = figure.subplots(2, 2, sharex="col")
        for column, (unit, label) in enumerate(((1, "files of 4 KiB"), (MIB, "MiB in one file"))):
            kind = {
                words: row for words, row in growth.items() if words.endswith("-r") == (unit == 1)
            }
            _times(panels[0][column], kind, unit)
            _memories(panels[1][column], kind, unit)
            panels[1][column].set_xlabel(label)
        panels[0][0].set_ylabel("seconds, start-up included")
        panels[1][0].set_ylabel("peak memory, MiB")
        _save(figure, path)


def _times(axes: Axes, rows: Result, unit: int) -> None:
    for colour, (words, row) in zip(LINES, rows.items(), strict=False):
        sizes = [size / unit for size in row["sizes"]]
        axes.plot(sizes, row["seconds"], "o", color=colour, label=words)
        step = (sizes[-1] / sizes[0]) ** (1 / LINE_POINTS)
        along = [sizes[0] * step**index for index in range(LINE_POINTS + 1)]
        line = [row["start_s"] + size * unit * row["each_s"] for size in along]
        axes.plot(along, line, "-", color=colour, linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title("dots: measured; lines: start-up + size x a constant", loc="left", fontsize=9)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False)


def _memories(axes: Axes, rows: Result, unit: int) -> None:
    for colour, (words, row) in zip(LINES, rows.items(), strict=False):
        sizes = [size / unit for size in row["sizes"]]
        for side, style in (("client", "o-"), ("server", "s--")):
            mib = [kib / KIB_MIB for kib in row[f"{side}_kib"]]
            axes.plot(sizes, mib, style, color=colour, label=f"{words}, {side}", markersize=4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower left")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
