"""A whole run: what was tested, how, and all its results; what every report is made from.

The law of this module: a run passes if nothing failed that was not expected to, and everything
that was expected to fail did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headframe.conformance.verdicts import Exit, Result, Verdict

__all__ = ["Run", "compare", "read_expected", "to_row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a report tells."""

    target: str
    profile: str = ""
    seed: str = ""
    hello: Mapping[str, Any] = field(default_factory=dict)
    """What the server said of itself."""
    results: tuple[Result, ...] = ()
    seconds: float = 0.0
    setup: str | None = None
    """Why nothing was tested."""

    @property
    def counts(self) -> Counter[Verdict]:
        """How many results have each verdict."""
        if self.setup is not None:
            return Counter({Verdict.SETUP: 1})
        return Counter(result.verdict for result in self.results)

    @property
    def exit(self) -> Exit:
        """How the command ends."""
        if self.setup is not None:
            return Exit.UNREACHABLE
        if any(result.verdict is Verdict.ERROR for result in self.results):
            return Exit.KIT_ERROR
        return Exit.FAILED if any(r.counts_as_failure for r in self.results) else Exit.PASSED

    def to_row(self) -> dict[str, Any]:
        """Return the whole as a JSON object."""
        return {
            "target": self.target,
            "profile": self.profile,
            "seed": self.seed,
            "server": self.hello.get("server"),
            "counts": {verdict.value: number for verdict, number in sorted(self.counts.items())},
            "seconds": round(self.seconds, 3),
            "exit": int(self.exit),
        } | ({} if self.setup is None else {"setup": self.setup})


def to_row(result: Result) -> dict[str, Any]:
    """Return a result as a JSON object."""
    row: dict[str, Any] = {
        "check": result.check.id,
        "verdict": result.verdict.value,
        "title": result.check.title,
        "rules": list(result.check.rules),
        "got": result.got,
        "seconds": round(result.seconds, 4),
    }
    if result.verdict is Verdict.FAIL:
        row |= {"permitted": result.permitted, "expected": result.expected}
        row |= {"exchange": [*result.transcript.lines()]} if result.transcript else {}
    return row


def read_expected(path: Path) -> frozenset[str]:
    """Return the ids in a file of expected failures: one a line, `#` begins a comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(text for line in lines if (text := line.partition("#")[0].strip()))


def compare(results: Iterable[Result], expected: frozenset[str]) -> tuple[Result, ...]:
    """Mark the failures that were expected; what was expected and passed fails."""
    return tuple(_compare(result, expected) for result in results)


def _compare(result: Result, expected: frozenset[str]) -> Result:
    if result.check.id not in expected:
        return result
    if result.verdict is Verdict.FAIL:
        return replace(result, expected=True)
    if result.verdict in {Verdict.PASS, Verdict.WARN, Verdict.INFO}:
        return replace(
            result, verdict=Verdict.FAIL, got="it passes", permitted="a failure, as is expected"
        )
    return result
