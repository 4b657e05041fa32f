"""What became of a mutant, weighed from the results of checks.

The law of this module: a mutant counts as killed only if, for each rule that it breaks, a check
that cites the rule fails. Checks that cite none of its rules are asked when those have not found
it, and what they find is told, but does not count.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

from conformance.mutants.mutant import Mutant
from headframe.conformance.check import Check
from headframe.conformance.verdicts import Result, Verdict

WORKERS = 6
"""Checks at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a mutant."""

    mutant: Mutant
    role: str = "server"
    broken: str | None = None
    """Why it cannot do the plainest things."""
    kills: tuple[tuple[str, str], ...] = ()
    """A check, and the rule of the mutant's that it cites."""
    strays: tuple[str, ...] = ()
    """Checks that have failed and cite none of its rules."""
    errors: tuple[str, ...] = ()
    """Checks that have failed by a fault of the kit."""

    @property
    def unproved(self) -> tuple[str, ...]:
        """The rules that it breaks and nobody has seen broken."""
        return tuple(r for r in self.mutant.breaks if r not in {rule for _, rule in self.kills})

    @property
    def verdict(self) -> str:
        """One word."""
        if self.broken is not None:
            return "BROKEN"
        if self.errors:
            return "KIT ERROR"
        if not self.unproved:
            return "killed"
        return "WRONG CHECK" if self.strays else "SURVIVED"

    def __str__(self) -> str:
        found = [f"{check} ({rule})" for check, rule in self.kills]
        if self.verdict != "killed":
            found += [f"breaks {' '.join(self.unproved)}: {self.mutant.bug}"]
            found += [*self.strays[:4], *self.errors[:1], self.broken or ""]
        told = "; ".join(filter(None, found))
        return f"{self.verdict:<11} {self.role:<6} {self.mutant.name:<40} {told}"


Run = Callable[[Check], Result]
Results = Generator[Result, None, None]
RunAll = Callable[[Run, Sequence[Check]], Results]


def several_at_once(run: Run, checks: Sequence[Check]) -> Results:
    """Yield the results of checks as they come; whoever has enough waits for no more."""
    pool = ThreadPoolExecutor(WORKERS, "check")
    try:
        for running in as_completed([pool.submit(run, check) for check in checks]):
            yield running.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def one_by_one(run: Run, checks: Sequence[Check]) -> Results:
    """Yield the results of checks that share what they ask."""
    yield from map(run, checks)


def citing(mutant: Mutant, checks: Iterable[Check]) -> list[Check]:
    """Return the checks that cite a rule which the mutant breaks."""
    return [check for check in checks if set(check.rules) & set(mutant.breaks)]


def weigh(
    mutant: Mutant,
    right: Sequence[Check],
    others: Sequence[Check],
    run: Run,
    run_all: RunAll = several_at_once,
) -> Judgement:
    """Ask those that cite a rule which the mutant breaks; the others if that does not suffice."""
    judgement = Judgement(mutant=mutant)
    for asked in (right, others):
        if judgement.unproved and not judgement.errors:
            with contextlib.closing(run_all(run, asked)) as results:
                judgement = _learn(judgement, results)
    return judgement


def _learn(judgement: Judgement, results: Iterable[Result]) -> Judgement:
    """Take in results until every rule that the mutant breaks has been seen broken."""
    breaks = judgement.mutant.breaks
    for result in results:
        rules = result.check.rules
        if result.verdict is Verdict.FAIL:
            kills = tuple((result.check.id, r) for r in judgement.unproved if r in rules)
            strays = () if set(rules) & set(breaks) else (result.check.id,)
            judgement = replace(
                judgement, kills=judgement.kills + kills, strays=judgement.strays + strays
            )
        elif result.verdict is Verdict.ERROR:
            error = f"{result.check.id}: {result.got}"
            judgement = replace(judgement, errors=(*judgement.errors, error))
        if not judgement.unproved:
            break
    return judgement
