"""A run as one page: a matrix by rule, and each failure as the exchange that shows it.

The law of this module: the page holds all it needs, and what an implementation said is escaped by
the template engine, never by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import jinja2

from headframe.conformance.runs import Run
from headframe.conformance.terminal import sentence_of
from headframe.conformance.verdicts import Exit, Result, Verdict

__all__ = ["render"]

_WORDS: Final = {
    Exit.PASSED: "passed",
    Exit.FAILED: "failed",
    Exit.UNREACHABLE: "nothing to test",
    Exit.KIT_ERROR: "the kit itself failed",
}
_ORDER: Final = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.BLOCKED,
    Verdict.WARN,
    Verdict.INFO,
    Verdict.SKIP,
    Verdict.PASS,
)
_TOLD: Final = _ORDER[:5]
"""Verdicts that deserve more than a line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rule, and what proves it."""

    rule: str
    sentence: str
    results: tuple[Result, ...]


def render(run: Run) -> str:
    """Return the document."""
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("headframe.conformance.reports", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html")
    counts = run.counts
    return template.render(
        run=run,
        word=_WORDS[run.exit],
        passed=run.exit is Exit.PASSED,
        counts=[(verdict.value, counts[verdict]) for verdict in _ORDER if counts[verdict]],
        chapters=[*_matrix(run)],
        told=sorted(
            (result for result in run.results if result.verdict in _TOLD),
            key=lambda result: (_ORDER.index(result.verdict), result.check.id),
        ),
        sentence_of=sentence_of,
        anchor=lambda result: result.check.id.replace("/", "-"),
        exchange=_exchange,
    )


def _matrix(run: Run) -> Iterator[tuple[str, list[Row]]]:
    """Yield the name of each chapter, with its rules in order."""
    by_rule: dict[str, list[Result]] = {}
    for result in run.results:
        for rule in result.check.rules:
            by_rule.setdefault(rule, []).append(result)
    chapters: dict[str, list[Row]] = {}
    for rule in [rule for rule in _all_rules() if rule in by_rule] or sorted(by_rule):
        chapter = rule.split("-")[1].lower()
        row = Row(rule, sentence_of(rule), tuple(by_rule[rule]))
        chapters.setdefault(chapter, []).append(row)
    yield from chapters.items()


def _all_rules() -> list[str]:
    """Return the ids of all rules, in the order of the standard."""
    try:
        rules: Any = import_module("headframe.conformance.rules").RULES
    except ModuleNotFoundError:
        return []
    return [*rules]


def _exchange(result: Result) -> str:
    return "" if result.transcript is None else "\n".join(result.transcript.lines())
