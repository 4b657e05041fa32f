"""The shapes that many checks of clients have, and what is right for each of them.

The law of this module: a client that was lied to may fail, or come again and succeed; what it may
never do is claim what nobody told it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from headframe.annotation import annotate
from headframe.conformance.client.acts import Make, bad, reworded
from headframe.conformance.client.commands import Op
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.scene import EMPTY_FILE, FAILURE, HALF_FILE, SUCCESS, Scene
from headframe.conformance.client.stage import Stage
from headframe.conformance.client.talk import Act, Talk
from headframe.conformance.transcript import Kind
from headframe.conformance.verdicts import Deviation, Verdict
from headframe.connection import Role

__all__ = [
    "CUT_OFF",
    "EITHER",
    "SUCCEEDS",
    "Run",
    "acted",
    "believed",
    "disbelieved",
    "expect_good_frames",
    "main_op",
    "sent_on",
]

Run = Callable[[Subject], str | None]
Permitted = Mapping[str, Verdict]

EITHER: Final[Permitted] = MappingProxyType(
    {
        FAILURE: Verdict.PASS,
        SUCCESS: Verdict.PASS,
        EMPTY_FILE: Verdict.WARN,
        HALF_FILE: Verdict.WARN,
    }
)
"""After a lie: no claim without ground. What is left under the final name is told."""

CUT_OFF: Final[Permitted] = MappingProxyType(
    {FAILURE: Verdict.PASS, SUCCESS: Verdict.PASS, EMPTY_FILE: Verdict.WARN}
)
"""After a loss: what has come of the reply counts as never sent (HF-BODY-010)."""

SUCCEEDS: Final[Permitted] = MappingProxyType({SUCCESS: Verdict.PASS})
"""After an answer that is right, however it looks."""


def main_op(stage: Stage) -> Op:
    """Return what a client can do that has one reply: put, or else get."""
    return Op.PUT if Op.PUT in stage.commands.templates else Op.GET


def acted(op: Op | None, *acts: Act, connect: Act | None = None, **more: Any) -> Run:
    """The first requests of an operation are treated so; None: its main one."""

    def run(subject: Subject) -> str:
        chosen = op or main_op(subject)
        cmd = chosen.partition("-")[0]
        script = {cmd: acts} | ({} if connect is None else {"connect": [connect]})
        return subject.run(chosen, script, **more).outcome()

    return run


def disbelieved(make: Make, op: Op | None = None, **more: Any) -> Run:
    """This reply is fatal."""
    return acted(op, bad(make), **more)


def believed(make: Make, op: Op | None = None, **more: Any) -> Run:
    """This reply is as good as any."""
    return acted(op, reworded(make), **more)


def sent_on(stage: Stage, talk: Talk) -> bytes:
    """Return all bytes that the client sent on a connection."""
    return b"".join(
        entry.data
        for entry in stage.transcript.entries
        if entry.connection == talk.wire.number and entry.kind is Kind.RECEIVED
    )


def expect_good_frames(stage: Stage, scene: Scene, rules: tuple[str, ...] = ()) -> None:
    """Expect that nothing of what the client sent breaks a rule, or none of these."""
    for talk in scene.talks:
        found = annotate(sent_on(stage, talk), Role.CLIENT)
        faults = [fault for fault in found.faults if not rules or fault.rule in rules]
        if faults:
            where = f"at byte {faults[0].offset} of connection {talk.wire.number}"
            raise Deviation("requests of HF/1", f"{faults[0].rule} {where}: {faults[0].message}")
        if found.missing_bytes and not rules:
            raise Deviation("whole messages", f"{found.missing_bytes} bytes are missing at the end")
