"""Let the kit loose on mutants, and see whether it finds what is wrong with them.

The law of this module: a mutant counts as killed only if, for each rule that it breaks, a check
that cites the rule fails. Checks that cite none of its rules are asked when those have not found
it, and what they find is told, but does not count.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from conformance.mutants.mutant import Mutant, load
from headframe.conformance.check import Check, Lane
from headframe.conformance.preflight import look_at
from headframe.conformance.runner import run_check
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Facts, Target
from headframe.conformance.verdicts import SetupError, Verdict

TIMEOUT_S = 3.0
"""How long a check waits for what a mutant may never send."""
WORKERS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a mutant."""

    mutant: Mutant
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
        return f"{self.verdict:<12} {self.mutant.name:<36} {'; '.join(filter(None, found))}"


@contextlib.contextmanager
def serving(mutant: Mutant | None, root: Path) -> Iterator[Target]:
    """Serve a folder with a mutant, or the reference itself, in threads of this process."""
    server = load(mutant, "headframe_server")
    store = server.DirectoryStore(
        root, durability="rename", free_bytes=0, total_bytes=server.settings.LIMITS.total_bytes
    )
    settings = server.Settings(drain_s=0, durability="rename")
    with store, server.Server(("127.0.0.1", 0), store, settings=settings) as served:
        yield Target.from_url(served.url, root=root, timeout_s=TIMEOUT_S)


def judge_server(mutant: Mutant, checks: Sequence[Check] = SERVER_CHECKS) -> Judgement:
    """Find out what the checks of servers find."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        with serving(mutant, Path(folder)) as target:
            try:
                facts = look_at(target)
            except SetupError as error:
                return Judgement(mutant=mutant, broken=str(error))
            return _judge(mutant, checks, target, facts)


def _judge(mutant: Mutant, checks: Sequence[Check], target: Target, facts: Facts) -> Judgement:
    plain = [check for check in checks if check.lane is Lane.PLAIN]
    citing = [check for check in plain if set(check.rules) & set(mutant.breaks)]
    judgement = Judgement(mutant=mutant)
    for asked in (citing, [check for check in plain if check not in citing]):
        if judgement.unproved and not judgement.errors:
            judgement = _ask(mutant, asked, judgement, target, facts)
    return judgement


def _ask(
    mutant: Mutant, checks: Sequence[Check], judgement: Judgement, target: Target, facts: Facts
) -> Judgement:
    """Run checks until every rule that the mutant breaks has been seen broken."""
    kills, strays, errors = [*judgement.kills], [], []
    pool = ThreadPoolExecutor(WORKERS, "check")
    try:
        runs = [pool.submit(run_check, target, facts, check) for check in checks]
        for run in as_completed(runs):
            result = run.result()
            proved = {rule for _, rule in kills}
            rules = [r for r in mutant.breaks if r in result.check.rules and r not in proved]
            if result.verdict is Verdict.FAIL:
                kills += [(result.check.id, rule) for rule in rules]
                strays += [] if set(result.check.rules) & set(mutant.breaks) else [result.check.id]
            elif result.verdict is Verdict.ERROR:
                errors.append(f"{result.check.id}: {result.got}")
            if {rule for _, rule in kills} == set(mutant.breaks):
                break
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return Judgement(
        mutant=mutant, kills=tuple(kills), strays=tuple(sorted(strays)), errors=tuple(errors)
    )
