"""Runs checks, several at a time, and turns what they find into verdicts.

    results = run_checks("headframe://127.0.0.1:37263", SERVER_CHECKS)

The law of this module: each check has a conversation of its own and ends with a verdict, whatever
happens in it; what is the kit's own fault is an `error`, never a `fail`.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from headframe.conformance.check import OK, Check, Lane, Profile
from headframe.conformance.peer import Conversation, Peer
from headframe.conformance.preflight import look_at
from headframe.conformance.searching import Search
from headframe.conformance.target import Facts, Target
from headframe.conformance.verdicts import Crowded, Deviation, Result, Verdict

__all__ = ["WORKERS", "chosen", "judge", "run_all", "run_check", "run_checks", "skipped"]

WORKERS: Final = 4
"""Checks at a time: each has up to four connections, and a server may allow one peer 32."""

CROWDED_TRIES: Final = 10
"""How often a check is begun again that a server has no connection left for."""

_HELD: Final = {
    Profile.ORIGIN: {Profile.ORIGIN},
    Profile.CORE: {Profile.ORIGIN, Profile.CORE},
    Profile.FULL: set(Profile),
}


def chosen(
    checks: Iterable[Check], profile: Profile = Profile.FULL, lane: Lane = Lane.PLAIN
) -> tuple[Check, ...]:
    """Return those that belong to a profile and a lane."""
    return tuple(c for c in checks if c.profile in _HELD[profile] and c.lane is lane)


def run_checks(
    server: str | Target,
    checks: Sequence[Check],
    *,
    facts: Facts | None = None,
    seed: str = "0",
    workers: int = WORKERS,
    flat: bool = False,
    on_result: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Run checks and return their results, in the order of the checks.

    Raises SetupError where there is nothing to test. `facts` spares the look beforehand;
    `on_result` is called from several threads, one at a time.
    """
    target = Target.from_url(server) if isinstance(server, str) else server
    found = look_at(target, silent_is_fine=flat) if facts is None else facts
    return run_all(
        checks,
        lambda check: run_check(target, found, check, seed=seed, flat=flat),
        workers=workers,
        on_result=on_result,
    )


def run_all(
    checks: Sequence[Check],
    run_one: Callable[[Check], Result],
    *,
    workers: int,
    on_result: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Run checks of any kind, each after those that it depends on; return results in order."""
    lock = threading.Lock()
    stop = threading.Event()
    ended: dict[str, Future[Result]] = {}

    def run(check: Check) -> Result:
        if stop.is_set():
            return Result(check=check, verdict=Verdict.SKIP, got="the run was stopped")
        result = _blocked(check, ended) or run_one(check)
        if on_result is not None:
            with lock:
                on_result(result)
        return result

    with ThreadPoolExecutor(max(1, workers), "check") as pool:
        try:
            for check in _after_their_needs(checks):
                ended[check.id] = pool.submit(run, check)
            return [ended[check.id].result() for check in checks]
        except BaseException:
            stop.set()
            raise


def _after_their_needs(checks: Sequence[Check]) -> list[Check]:
    """Return the checks so that each comes after those that it depends on."""
    by_id = {check.id: check for check in checks}
    ordered: dict[str, Check] = {}

    def place(check: Check) -> None:
        if check.id not in ordered:
            for other in check.depends_on:
                if other in by_id:
                    place(by_id[other])
            ordered[check.id] = check

    for check in checks:
        place(check)
    return list(ordered.values())


def _blocked(check: Check, ended: dict[str, Future[Result]]) -> Result | None:
    """Return the verdict of a check that depends on one that failed, in this run."""
    for other in check.depends_on:
        if other in ended and ended[other].result().verdict not in _GOOD:
            return Result(check=check, verdict=Verdict.BLOCKED, got=f"{other} did not pass")
    return None


_GOOD: Final = {Verdict.PASS, Verdict.WARN, Verdict.INFO}


def skipped(check: Check, facts: Facts) -> Result | None:
    """Return the verdict of a check that needs what is not there."""
    missing = check.needs - facts.abilities
    if not missing:
        return None
    return Result(check=check, verdict=Verdict.SKIP, got=f"needs {', '.join(sorted(missing))}")


def judge(check: Check, subject: Any) -> tuple[str, str, Verdict, Deviation | None]:
    """Run a check on what it takes; return what came, what was permitted, and the verdict."""
    permitted = " or ".join(check.permitted)
    try:
        got = check.run(subject) or OK
        return got, permitted, check.permitted.get(got, Verdict.FAIL), None
    except Deviation as deviation:
        return deviation.got, deviation.permitted, Verdict.FAIL, deviation
    except Exception:
        return traceback.format_exc(), permitted, Verdict.ERROR, None


def run_check(
    target: Target,
    facts: Facts,
    check: Check,
    *,
    seed: str = "0",
    flat: bool = False,
    search: Search | None = None,
) -> Result:
    """Run one check and clean up after it; `search` is for a random one."""
    search = search or Search()
    unable = skipped(check, facts)
    if unable is not None:
        return unable
    crowded, result = _run_once(target, facts, check, seed, flat, search)
    for turn in range(CROWDED_TRIES):
        if crowded is None:
            break
        time.sleep(crowded.retry_s * (1 + turn))
        crowded, result = _run_once(target, facts, check, seed, flat, search)
    return result


def _run_once(
    target: Target, facts: Facts, check: Check, seed: str, flat: bool, search: Search
) -> tuple[Crowded | None, Result]:
    """Run a check; return besides its result whether there were too many connections for it."""
    begun = time.monotonic()
    talk = Conversation(target, facts, seed=f"{seed} {check.id}", flat=flat)
    talk.search, search.found = search, None
    got, permitted, verdict, deviation = judge(check, Peer(talk))
    crowded = deviation if isinstance(deviation, Crowded) else None
    seconds = time.monotonic() - begun
    talk.close_unrecorded(broken_off=deviation is not None)
    return crowded, Result(
        check=check,
        verdict=verdict,
        got=got,
        permitted=permitted,
        transcript=talk.transcript,
        seconds=seconds,
    )
