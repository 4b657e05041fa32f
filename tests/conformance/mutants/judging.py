"""Let the kit loose on mutants, and see whether it finds what is wrong with them.

The law of this module: a mutant counts as killed only if, for each rule that it breaks, a check
that cites the rule fails. Checks that cite none of its rules are asked when those have not found
it, and what they find is told, but does not count.
"""

from __future__ import annotations

import atexit
import functools
import os
import ssl
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from conformance.mutants.mutant import Mutant, load_mutants
from conformance.mutants.nursery import TOKEN, nursery
from headframe.conformance.check import Check, Lane
from headframe.conformance.preflight import look_at
from headframe.conformance.runner import run_check
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Facts, Target
from headframe.conformance.verdicts import SetupError, Verdict

TIMEOUT_S = 3.0
IDLE_MS = 5000
"""Silence after which a mutant closes whose rule is about time."""
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


def judge(name: str, role: str) -> tuple[str, str]:
    """Return what becomes of a mutant, as one word and as a line."""
    judgement = _JUDGES[role](load_mutants()[name])
    return judgement.verdict, str(judgement)


def judge_server(mutant: Mutant, checks: Sequence[Check] = SERVER_CHECKS) -> Judgement:
    """Find out what the checks of servers find."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as root:
        how: dict[str, str | int] = {"root": root}
        about: dict[str, Any] = {"root": Path(root), "timeout_s": TIMEOUT_S}
        if is_slow(mutant):
            how["idle_ms"] = IDLE_MS
        if mutant.breaks[0].startswith("HF-SEC-00"):
            how["guard"], about["tls"] = _make_guard()
            about["token"] = TOKEN
        try:
            with nursery().serving(mutant.name, **how) as url:
                target = Target.from_url(url, **about)
                return _judge(mutant, checks, target, look_at(target))
        except (SetupError, RuntimeError) as error:
            return Judgement(mutant=mutant, broken=str(error))


@functools.cache
def _make_guard() -> tuple[str, ssl.SSLContext]:
    """Return a file with a key and a certificate, and the context of a client that trusts it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        atexit.register(os.unlink, file.name)
        file.write(authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.bytes())
    return file.name, context


def is_slow(mutant: Mutant) -> bool:
    """Return whether only waiting can tell what is wrong."""
    lanes = {check.lane for check in _citing(mutant, SERVER_CHECKS)}
    return lanes == {Lane.TIMERS}


def _citing(mutant: Mutant, checks: Iterable[Check]) -> list[Check]:
    return [check for check in checks if set(check.rules) & set(mutant.breaks)]


def _judge(mutant: Mutant, checks: Sequence[Check], target: Target, facts: Facts) -> Judgement:
    citing = _citing(mutant, checks)
    judgement = Judgement(mutant=mutant)
    if not is_slow(mutant):
        citing = [check for check in citing if check.lane is Lane.PLAIN]
    others = [c for c in checks if c.lane is Lane.PLAIN and c not in citing]
    for asked in (citing, others):
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


_JUDGES = {"server": judge_server}
