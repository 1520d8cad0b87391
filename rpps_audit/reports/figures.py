"""Figures as inline SVG: drawn by matplotlib, readable without colour, named and described for those who listen."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from markupsafe import escape

from rpps_audit.reports.french import number, typeset
from rpps_audit.reports.model import Bars, Grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito: told apart by every kind of colour vision; hatches say the same without colour.
_FILLS = (("#0072b2", ""), ("#e69f00", "////"), ("#999999", "...."))
_SHADES = ("#f3f8fc", "#084081")
_INK, _MUTED = "#1b1f23", "#57606a"
_WIDTH = 9.2
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rpps-audit",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "hatch.linewidth": 0.6,
    # A dollar in a name is a dollar.
    "text.parse_math": False,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _INK,
}


def prepare_figures() -> None:
    """Import what drawing needs, which is not imported before something is drawn."""
    import matplotlib.backends.backend_svg
    import matplotlib.figure  # noqa: F401


def draw(block: Bars | Grid) -> str:
    """One `<svg role="img">` with its title and description; ids carry the figure's name, so that pages can hold many.

    The same figure gives the same bytes.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]
        figure = _draw_bars(block) if isinstance(block, Bars) else _draw_grid(block)
        FigureCanvasSVG(figure)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return _as_inline(drawn.getvalue(), block)


def _draw_bars(block: Bars) -> Figure:
    from matplotlib.ticker import MaxNLocator

    labels = [typeset(bar) for bar in block.bars]
    figure, axes = _frame(labels, 9, rows=0.4 * len(labels), above=0.4, below=0.55)
    positions = range(len(labels))
    left = [0.0] * len(labels)
    for (label, values), (colour, hatch) in zip(block.series, _FILLS, strict=False):
        axes.barh(
            positions, values, 0.62, left=left, label=typeset(label), color=colour, hatch=hatch, edgecolor="white"
        )
        left = [start + value for start, value in zip(left, values, strict=True)]
    longest = max(left, default=0) or 1
    for position, (end, said) in enumerate(zip(left, block.said, strict=True)):
        axes.text(end + longest * 0.01, position, typeset(said), va="center", fontsize=8.5)
    axes.set_xlim(0, longest * 1.55)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(positions, labels)
    axes.set_xlabel(typeset(block.unit), loc="left")
    ticks = [tick for tick in MaxNLocator(4, integer=True).tick_values(0, longest) if 0 <= tick <= longest]
    axes.set_xticks(ticks, [number(tick) for tick in ticks])
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#d0d7de", linewidth=0.6)
    axes.set_axisbelow(True)
    if len(block.series) > 1:
        figure.legend(loc="upper left", ncols=len(block.series), frameon=False, fontsize=8.5)
    return figure


def _draw_grid(block: Grid) -> Figure:
    from matplotlib.colors import LinearSegmentedColormap

    rows = [typeset(row) for row in block.rows]
    columns = [typeset(column) for column in block.columns]
    turned = len(columns) > 6
    figure, axes = _frame(
        rows, 7, rows=0.165 * len(rows), above=1.5 if turned else 0.45, below=0.05, right=1.2 if turned else 0.05
    )
    axes.set_axis_off()
    cells = [(x, y, value) for y, row in enumerate(block.values) for x, value in enumerate(row)]
    greatest = max((value for _, _, value in cells if value), default=0) or 1
    # The square root keeps small numbers apart from nothing.
    tones = [[float("nan") if value is None else (value / greatest) ** 0.5 for value in row] for row in block.values]
    shades = LinearSegmentedColormap.from_list("blue", _SHADES)
    edges = ([x - 0.5 for x in range(len(columns) + 1)], [y - 0.5 for y in range(len(rows) + 1)])
    axes.pcolormesh(*edges, tones, cmap=shades, vmin=0, vmax=1, edgecolor="#d0d7de", linewidth=0.4)
    barred = [(x, y) for x, y, value in cells if value is None]
    axes.scatter([x for x, _ in barred], [y for _, y in barred], s=2, color=_MUTED)
    for x, y, value in cells:
        # Nothing found needs no number; nobody holding a role that opens does.
        if value or (value == 0 and block.impossible):
            ink = "white" if (value / greatest) ** 0.5 > 0.55 else _INK
            axes.text(x, y + 0.04, number(value), ha="center", va="center", fontsize=7, color=ink)
    for y, row_label in enumerate(rows):
        axes.text(-0.56, y + 0.04, row_label, ha="right", va="center", fontsize=7)
    for x, column in enumerate(columns):
        if turned:
            axes.text(x - 0.2, -0.6, column, ha="left", va="bottom", fontsize=7, rotation=40, rotation_mode="anchor")
        else:
            axes.text(x, -0.6, column, ha="center", va="bottom", fontsize=7.5)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    return figure


def _frame(
    labels: list[str], size: float, *, rows: float, above: float, below: float, right: float = 0.1
) -> tuple[Figure, Axes]:
    """A figure whose left margin holds the labels; heights are in inches. Measuring the text would cost more."""
    from matplotlib.figure import Figure

    left = 0.15 + max(map(len, labels), default=0) * size * 0.0077
    height = rows + above + below
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_axes((left / _WIDTH, below / height, 1 - (left + right) / _WIDTH, rows / height))
    return figure, axes


def _as_inline(drawn: str, block: Bars | Grid) -> str:
    """The `<svg>` alone, without the document's prologue and metadata, with unique ids and a name."""
    svg = drawn[drawn.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>|\s*<style type=\"text/css\">.*?</style>|<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{block.name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{block.name}-", svg)
    svg = re.sub(r'xlink:href="#', f'href="#{block.name}-', svg)
    svg = re.sub(r' (?:xmlns:xlink|version|width|height)="[^"]*"', "", svg[: svg.index(">")]) + svg[svg.index(">") :]
    names = f"{block.name}-titre {block.name}-texte"
    svg = svg.replace("<svg", f'<svg role="img" aria-labelledby="{names}"', 1)
    told = (
        f'<title id="{block.name}-titre">{escape(typeset(block.title))}</title>'
        f'<desc id="{block.name}-texte">{escape(typeset(block.description))}</desc>'
    )
    head = svg.index(">") + 1
    return svg[:head] + told + "\n".join(line.strip() for line in svg[head:].splitlines())
