"""What a server has to send for a stream, as it follows from what the bytes say.

    judge(due_of(read(Side.SERVER, [stream])), said)     raises Deviation for anything else

Spec: chapters 4 to 6, and 11.1. The law of this module: where a reply depends on what is stored,
any answer of the right `id` will do; where a server may close early, nothing has to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from headframe import UNSET
from headframe.conformance import codec_events as ev
from headframe.conformance.replies import Ended, Reply, Said
from headframe.conformance.verdicts import Crowded, Deviation

__all__ = ["Due", "due_of", "judge"]

ANY: Final = "ok or a refusal"
REFUSAL: Final = "a refusal"
FATAL_WORDS: Final = frozenset({"bad-frame", "bad-header", "timeout", "closing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One message that a server has to send, or may."""

    id: int
    word: str
    """`ok`, a code, ANY or REFUSAL."""
    optional: bool = False
    """It need not come: the request has not ended."""
    closes: bool | None = False
    """Whether it says `close: true`; None: either."""

    def is_met_by(self, said: Reply) -> bool:
        """Return whether a message is the one that is due."""
        if said.id != self.id or type(said.id) is not int:
            return False
        if self.closes is not None and said.closes is not self.closes:
            return False
        if self.word in {ANY, REFUSAL}:
            return said.word not in FATAL_WORDS and (self.word == ANY or said.word != "ok")
        return said.word == self.word

    def __str__(self) -> str:
        close = ", close" if self.closes else ""
        return f"id={self.id} {self.word}{close}{', or none' if self.optional else ''}"


def due_of(events: Sequence[ev.Event], *, heard: bool = False) -> list[Due]:
    """Return what a server has to send for a stream of these events, in order.

    `heard`: an `id` has arrived before.
    """
    due: list[Due] = []
    begun: Any = None
    """The `id` of the message that has not ended, UNSET without one."""
    for event, following in zip(events, [*events[1:], None], strict=True):
        match event:
            case ev.Header(members=members):
                begun = members.get("id", UNSET)
                heard = heard or begun is not UNSET
            case ev.End() | ev.Abort():
                if begun is not UNSET:
                    due.append(Due(id=begun, word=ANY if isinstance(event, ev.End) else REFUSAL))
                begun = None
            case ev.Refused(id=number, code=code):
                heard = heard or number is not None
                # what is stored may have been the reason before a later header was
                due += _due_of_refusal(number, code if begun is None else REFUSAL, following)
                begun = None
            case ev.Fatal(code=code, id_seen=seen):
                due += _due_of_unended(begun)
                if heard or seen is True:
                    due.append(Due(id=0, word=str(code), closes=True))
            case ev.Cut():
                due += _due_of_unended(begun)
            case _:
                pass
        if isinstance(event, ev.Cut | ev.Closed) and heard:
            due.append(Due(id=0, word="closing", optional=True, closes=None))
    return due


def _due_of_unended(number: Any) -> list[Due]:
    """Return what may come for a request that has begun and does not end."""
    if number is None or number is UNSET:
        return []
    return [Due(id=number, word=REFUSAL, optional=True, closes=None)]


def _due_of_refusal(number: int | None, code: str, following: ev.Event | None) -> list[Due]:
    """Return what is due for a refused request: if it may not have ended, perhaps nothing.

    What is left of it may be more than a server discards, which then closes, now or later.
    """
    if number is None:
        return []
    if code == "unsupported-version":
        return [Due(id=number, word=code, closes=True)]
    if isinstance(following, ev.Closed | ev.Fatal | ev.Cut):
        return [Due(id=number, word=code, optional=True, closes=None)]
    return [Due(id=number, word=code)]


def judge(due: Sequence[Due], said: Sequence[Said]) -> None:
    """Compare what came, up to the end of the connection, with what was due."""
    waiting = [*due]
    for one in said:
        if isinstance(one, Reply):
            if one.word == "busy" and one.closes:
                raise Crowded(one["retry_ms"])
            while waiting and waiting[0].optional and not waiting[0].is_met_by(one):
                waiting.pop(0)
            if not waiting or not waiting[0].is_met_by(one):
                raise Deviation(_told(waiting), str(one))
            waiting.pop(0)
            if one.closes:
                waiting = []
        else:
            missing = [each for each in waiting if not each.optional]
            ended = isinstance(one, Ended) and one.ending != "TIME-OUT" and not one.inside
            if missing or not ended:
                raise Deviation(_told(waiting), str(one))


def _told(waiting: Sequence[Due]) -> str:
    """Say what may come next."""
    for at, due in enumerate(waiting):
        if not due.optional:
            return " or ".join(map(str, waiting[: at + 1]))
    return " or ".join([*map(str, waiting), "the end: FIN or RST"])
