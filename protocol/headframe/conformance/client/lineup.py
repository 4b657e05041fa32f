"""A client to be tested: a look at it beforehand, what it does when all is well, and its checks.

    lineup = look_at_client(Commands.parse({"get": "mycli get {url} {local}"}))
    results = run_client_checks(lineup, CLIENT_CHECKS)

The law of this module: whatever the command is, the look ends with one sentence or with facts; a
client that cannot do a plain thing with a good server is not failed: nothing was tested. What it
does when all is well is seen once, and looked at by many checks.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from headframe.conformance.check import Check
from headframe.conformance.client.acts import looking
from headframe.conformance.client.commands import Commands, Op
from headframe.conformance.client.scene import Scene
from headframe.conformance.client.stage import LOCKSTEP, Stage
from headframe.conformance.runner import judge, run_all, skipped
from headframe.conformance.target import TIMEOUT_S, Facts
from headframe.conformance.verdicts import Deviation, Result, SetupError, Verdict
from headframe.registry import Command

__all__ = [
    "CLIENT_WORKERS",
    "Lineup",
    "Subject",
    "look_at_client",
    "run_client_check",
    "run_client_checks",
]

CLIENT_WORKERS: Final = max(2, min(8, 2 * (os.cpu_count() or 1)))
"""Processes at a time: most of what they do is to begin."""

Play = Callable[[Stage], Scene]

LOOK_S: Final = 30.0
"""What the plainest runs may take, on a machine that may be busy."""

LOOKING: Final = {str(cmd): (looking,) * 20 for cmd in Command}
"""A good server, which takes its time for the first requests."""


@dataclass(slots=True)
class Lineup:
    """A client, and what is known of it."""

    commands: Commands
    facts: Facts = field(default_factory=Facts)
    timeout_s: float = TIMEOUT_S
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: dict[str, tuple[threading.Lock, list[tuple[Stage, Scene]]]] = field(default_factory=dict)

    def see(self, occasion: str, play: Play) -> tuple[Stage, Scene]:
        """Return a run that is made once, whoever asks for it first."""
        with self._lock:
            lock, found = self._seen.setdefault(occasion, (threading.Lock(), []))
        with lock:
            if not found:
                stage = Stage(self.commands, self.facts, self.timeout_s)
                try:
                    found.append((stage, play(stage)))
                finally:
                    stage.close()
            return found[0]


class Subject(Stage):
    """What a check takes: runs of its own, and those that all checks share."""

    def __init__(self, lineup: Lineup) -> None:
        super().__init__(lineup.commands, lineup.facts, lineup.timeout_s)
        self._lineup = lineup

    def shared(self, occasion: str, play: Play) -> Scene:
        """Return a run with a good server that is made once for all checks.

        What passed in it is shown of a failure, unless there was a run of the check's own before.
        """
        stage, scene = self._lineup.see(occasion, play)
        if not self.scenes:
            self.transcript = stage.transcript
            self.scenes.append(scene)
        return scene

    def plainly(self, op: Op) -> Scene:
        """Return the plainest run of an operation."""
        return self.shared(op, lambda stage: stage.run(op, LOOKING))

    def usually(self, op: Op) -> Scene:
        """Return the plainest run of an operation, to hold one of the check's own against."""
        return self._lineup.see(op, lambda stage: stage.run(op, LOOKING))[1]


def look_at_client(commands: Commands, timeout_s: float | None = None) -> Lineup:
    """Return what a client is seen to do; raise SetupError where nothing can be tested.

    `timeout_s` is what a run may take; None: ten times what the plainest one takes, here and now.
    """
    patience_s = LOOK_S if timeout_s is None else timeout_s
    lineup = Lineup(commands, Facts(abilities=commands.abilities), patience_s)
    slowest_s = 0.0
    abilities = set(commands.abilities)
    ahead = False
    for op in (Op.PUT, Op.GET):
        if op in commands.templates:
            scene = _try(Subject(lineup), op)
            slowest_s = max(slowest_s, scene.ended.seconds)
            if any(request.id is not None for request in scene.asked(op)):
                abilities.add("replies")
            ahead = ahead or any(talk.ahead for talk in scene.talks)
    if not ahead:
        abilities.add(LOCKSTEP)
    lineup.facts = Facts(abilities=frozenset(abilities))
    lineup.timeout_s = max(TIMEOUT_S, 10 * slowest_s) if timeout_s is None else timeout_s
    return lineup


def _try(subject: Subject, op: Op) -> Scene:
    """Return the plainest run of an operation; raise SetupError if it does not work."""
    command = f"the command for {op}"
    scene = subject.plainly(op)
    asked = scene.asked(op)
    if not scene.talks:
        raise SetupError(f"{command} never connects to {{url}}: {scene.ended}")
    if not asked:
        raise SetupError(f"{command} connects and sends no {op}: {scene.ended}")
    names = {str(request["filename"]) for request in asked}
    if names != {scene.name}:
        raise SetupError(f"{command} asks for {min(names)!r}, and {{url}} ends with {scene.name!r}")
    try:
        scene.outcome()
    except Deviation as error:
        raise SetupError(f"{command} does not work with a good server: {error}") from error
    if not scene.ended.claims_success:
        raise SetupError(f"{command} fails with a good server: {scene.ended}")
    return scene


def run_client_check(lineup: Lineup, check: Check) -> Result:
    """Run one check, and remove what it leaves."""
    unable = skipped(check, lineup.facts)
    if unable is not None:
        return unable
    begun = time.monotonic()
    subject = Subject(lineup)
    try:
        got, permitted, verdict, deviation = judge(check, subject)
    finally:
        subject.close()
    if verdict is Verdict.FAIL and deviation is None:
        got = f"{got} ({subject.told})"
    return Result(
        check=check,
        verdict=verdict,
        got=got,
        permitted=permitted,
        transcript=subject.transcript,
        seconds=time.monotonic() - begun,
    )


def run_client_checks(
    lineup: Lineup,
    checks: Sequence[Check],
    *,
    workers: int = CLIENT_WORKERS,
    on_result: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Run checks and return their results, in the order of the checks."""
    return run_all(
        checks, lambda check: run_client_check(lineup, check), workers=workers, on_result=on_result
    )
