"""A run as text: each failure as the exchange that shows it, and one line for the whole.

The law of this module: a failure tells which rule is broken in the rule's own words, what was
permitted, what came, and how to see it again. Nothing that a server sent reaches a terminal
unescaped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from headframe.conformance.check import Check
from headframe.conformance.runs import Run
from headframe.conformance.verdicts import Exit, Result, Verdict

__all__ = ["explain_check", "explain_rule", "save_replay", "sentence_of", "show_result", "summary"]

WIDTH: Final = 100
_ORDER: Final = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.BLOCKED,
    Verdict.WARN,
    Verdict.INFO,
    Verdict.SKIP,
    Verdict.PASS,
)


def sentence_of(rule: str) -> str:
    """Return what a rule says, or nothing for one that is not known."""
    try:
        rules = import_module("headframe.conformance.rules").RULES
    except ModuleNotFoundError:
        return ""
    found = rules.get(rule)
    return "" if found is None else str(found.sentence)


def show_result(result: Result, replay: str | None = None, *, whole: bool = True) -> Iterator[str]:
    """Yield the lines that tell of a result.

    `replay` is the command that plays it again, `whole` whether the exchange is shown.
    """
    check = result.check
    known = " (expected)" if result.expected else ""
    yield f"{result.verdict.upper():7} {check.id}  {' '.join(check.rules)}{known}"
    if result.verdict in {Verdict.PASS, Verdict.SKIP, Verdict.BLOCKED}:
        if result.verdict is not Verdict.PASS:
            yield f"        {result.got}"
        return
    yield from _wrapped(check.title)
    if result.verdict is Verdict.ERROR:
        yield "        the kit itself failed:"
        yield from (f"        {line}" for line in result.got.splitlines())
        return
    if sentence := sentence_of(check.rules[0]):
        yield from _wrapped(f'"{sentence}"')
    yield f"        permitted: {result.permitted}"
    yield f"        got:       {result.got}"
    if result.verdict is Verdict.FAIL and not result.expected:
        if whole and result.transcript is not None:
            yield from (f"        {line}" for line in result.transcript.lines())
        if replay:
            yield f"        replay: {replay}"


def _wrapped(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)


def summary(run: Run) -> str:
    """Return what came out, in a line."""
    if run.setup is not None:
        return f"setup: {run.setup}"
    counts = run.counts
    what = "check" if sum(counts.values()) == 1 else "checks"
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _ORDER if counts[verdict])
    known = sum(result.expected for result in run.results)
    told += f", {known} of the failures expected" if known else ""
    profile = f", profile {run.profile}" if run.profile else ""
    profile += f", seed {run.seed}" if run.exit is not Exit.PASSED else ""
    return f"{sum(counts.values())} {what}: {told or 'none'} ({run.seconds:.1f} s{profile})"


def save_replay(result: Result, folder: Path, target: str) -> Path | None:
    """Write the conversation of a result for `headframe replay`; return where it is."""
    if result.transcript is None or not result.transcript.entries:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{result.check.id.replace('/', '-')}-{result.transcript.key[:4]}.json"
    text = result.transcript.to_json(
        check=result.check.id,
        rules=list(result.check.rules),
        target=target,
        permitted=result.permitted,
        got=result.got,
    )
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def explain_check(check: Check) -> Iterator[str]:
    """Yield what a check proves and needs."""
    yield f"{check.id}: {check.title}"
    for rule in check.rules:
        yield f"  {rule}  {sentence_of(rule)}".rstrip()
    needs = f", needs {', '.join(sorted(check.needs))}" if check.needs else ""
    yield f"  profile {check.profile}, lane {check.lane}{needs}"
    permitted = ", ".join(f"{outcome} ({grade})" for outcome, grade in check.permitted.items())
    yield f"  permitted: {permitted}"


def explain_rule(rule: str, checks: tuple[Check, ...]) -> Iterator[str]:
    """Yield what a rule says, and which checks prove it."""
    yield f"{rule}: {sentence_of(rule)}".rstrip(": ")
    proving = [check for check in checks if rule in check.rules]
    for check in proving:
        yield f"  {check.id}  {check.title}"
    if not proving:
        yield "  no check of this lane proves it"
