"""The state machines as drawings in SVG.

Spec: 11.1. The law of this module: every arrow comes from the tables of `headframe.states`; only
where a box stands, and which way an arrow bends, is decided here. A state without a place fails.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from headframe.states import (
    EXCHANGE_TRANSITIONS,
    STREAM_TRANSITIONS,
    ExchangeInput,
    ExchangeState,
    StreamInput,
    StreamState,
)

__all__ = ["DIAGRAMS", "draw"]

Point = tuple[float, float]

BOX: Final = (176.0, 46.0)
STEP: Final = (310.0, 124.0)
"""How far apart the middles of boxes are that stand side by side, and one below the other."""
MARGIN: Final = 46.0
APART: Final = 11.0
"""How far an arrow keeps from the middle if another one goes back."""

S, E = StreamState, ExchangeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """A machine, and how it is laid out."""

    title: str
    transitions: Mapping[Any, Mapping[Any, Any]]
    places: Mapping[Any, Point]
    """Column and row of each state."""
    bends: Mapping[tuple[Any, Any], Point]
    """Column and row of a point that an arrow is drawn towards."""
    faults: frozenset[Any]
    """Inputs that are drawn as what nobody wishes for."""


DIAGRAMS: Final[Mapping[str, Diagram]] = {
    "stream-diagram": Diagram(
        title="The states of a stream",
        transitions=STREAM_TRANSITIONS,
        places={
            S.ENDED: (0, 0),
            S.BETWEEN_MESSAGES: (1, 0),
            S.IN_LAST_FRAME: (2, 0),
            S.IN_FRAME: (1, 1),
            S.BETWEEN_FRAMES: (2, 1),
            S.BROKEN: (1.5, 2),
        },
        bends={
            (S.BETWEEN_MESSAGES, S.BROKEN): (0.28, 1.5),
            (S.IN_LAST_FRAME, S.BROKEN): (2.72, 1.5),
        },
        faults=frozenset({StreamInput.FAULT}),
    ),
    "exchange-diagram": Diagram(
        title="The states of an exchange",
        transitions=EXCHANGE_TRANSITIONS,
        places={
            E.REQUESTING: (0, 0),
            E.AWAITING_REPLY: (1, 0),
            E.REPLYING: (2, 0),
            E.DONE: (3, 0),
            E.REFUSED_EARLY: (1, 1),
            E.DISCARDING: (2, 1),
        },
        bends={},
        faults=frozenset({ExchangeInput.REFUSAL}),
    ),
}
"""By the name that the standard gives the place of the drawing."""


_BEGIN: Final = """\
<svg class="states" id="{name}" role="img" viewBox="0 0 {width:.0f} {height:.0f}" \
aria-labelledby="{name}-title"><title id="{name}-title">{title}</title>
<defs><marker id="{name}-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" \
markerHeight="8" orient="auto"><path d="M0 1 10 5 0 9z"/></marker></defs>"""


@dataclass(frozen=True, slots=True)
class _Arrow:
    begin: Point
    bend: Point
    end: Point

    @property
    def middle(self) -> Point:
        (ax, ay), (bx, by), (cx, cy) = self.begin, self.bend, self.end
        return (ax + 2 * bx + cx) / 4, (ay + 2 * by + cy) / 4


def draw(name: str) -> str:
    """Return the drawing as an element `svg`, in the colours of the page that it stands in."""
    diagram = DIAGRAMS[name]
    first = next(iter(diagram.transitions))
    columns, rows = zip(*[*diagram.places.values(), *diagram.bends.values()], strict=True)
    width = STEP[0] * (max(columns) - min(columns)) + BOX[0] + 2 * MARGIN
    height = STEP[1] * (max(rows) - min(rows)) + BOX[1] + 2 * MARGIN
    lines = [
        _BEGIN.format(name=name, width=width, height=height, title=escape(diagram.title)),
        *_draw_begin(name, _place(diagram.places[first])),
        *_draw_arrows(name, diagram),
    ]
    for state in diagram.transitions:
        x, y = _place(diagram.places[state])
        kind = "" if diagram.transitions[state] else " final"
        lines.append(
            f'<rect class="state{kind}" x="{x - BOX[0] / 2:.0f}" y="{y - BOX[1] / 2:.0f}"'
            f' width="{BOX[0]:.0f}" height="{BOX[1]:.0f}" rx="9"/>'
            f'<text class="state" x="{x:.0f}" y="{y + 5:.0f}">{escape(state)}</text>'
        )
    return "\n".join([*lines, "</svg>"])


def _draw_begin(name: str, place: Point) -> Iterator[str]:
    """Draw where everything begins: a dot, and an arrow to the first state."""
    x, top = place[0], place[1] - BOX[1] / 2
    yield f'<circle class="begin" cx="{x:.0f}" cy="{top - 30:.0f}" r="6"/>'
    yield (
        f'<path class="arrow" d="M{x:.0f} {top - 24:.0f}V{top:.0f}" marker-end="url(#{name}-tip)"/>'
    )


def _draw_arrows(name: str, diagram: Diagram) -> Iterator[str]:
    """Draw all transitions; those between the same two states are one arrow."""
    joined: dict[tuple[Any, Any], list[Any]] = defaultdict(list)
    for state, targets in diagram.transitions.items():
        for moved, target in targets.items():
            joined[state, target].append(moved)
    labels = []
    for (state, target), inputs in joined.items():
        arrow = _route(diagram, state, target, (target, state) in joined)
        kind = " fault" if set(inputs) <= diagram.faults else ""
        (ax, ay), (bx, by), (cx, cy) = arrow.begin, arrow.bend, arrow.end
        yield (
            f'<path class="arrow{kind}" d="M{ax:.0f} {ay:.0f}Q{bx:.0f} {by:.0f} {cx:.0f} {cy:.0f}"'
            f' marker-end="url(#{name}-tip)"/>'
        )
        x, y = arrow.middle
        level = abs(ay - cy) < 1
        shift = (-6 if cx > ax else 16) if level else 4
        text = escape(", ".join(inputs))
        labels.append(f'<text class="input{kind}" x="{x:.0f}" y="{y + shift:.0f}">{text}</text>')
    yield from labels


def _route(diagram: Diagram, state: Any, target: Any, two_ways: bool) -> _Arrow:
    """Lead an arrow from the edge of one box to the edge of another."""
    begin, end = _place(diagram.places[state]), _place(diagram.places[target])
    bend = diagram.bends.get((state, target))
    if bend is not None:
        point = _place(bend)
        return _Arrow(_edge(begin, point), point, _edge(end, point))
    if two_ways:
        dx, dy = end[0] - begin[0], end[1] - begin[1]
        length = (dx * dx + dy * dy) ** 0.5
        aside = APART * dy / length, -APART * dx / length
        begin = begin[0] + aside[0], begin[1] + aside[1]
        end = end[0] + aside[0], end[1] + aside[1]
    from_edge, to_edge = _edge(begin, end), _edge(end, begin)
    middle = (from_edge[0] + to_edge[0]) / 2, (from_edge[1] + to_edge[1]) / 2
    return _Arrow(from_edge, middle, to_edge)


def _place(place: Point) -> Point:
    """Return the middle of a box."""
    return (
        MARGIN + BOX[0] / 2 + STEP[0] * place[0],
        MARGIN + BOX[1] / 2 + STEP[1] * place[1],
    )


def _edge(middle: Point, towards: Point) -> Point:
    """Return where a line from the middle of a box leaves it."""
    dx, dy = towards[0] - middle[0], towards[1] - middle[1]
    scale = min(
        BOX[0] / 2 / abs(dx) if dx else float("inf"), BOX[1] / 2 / abs(dy) if dy else float("inf")
    )
    return middle[0] + dx * scale, middle[1] + dy * scale
