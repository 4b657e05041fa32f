"""What a reader makes of a stream, in words that every language has.

Spec: chapters 2 to 7; the page `spec/vectors.md`. The law of this module: an event says nothing
that depends on how bytes were cut, on how far a reader buffers, or on the words of one codec.

    header    a first header that is accepted, and the members that mean something in it
    body      bytes of the body of that message, joined
    end       the message is whole; with what its trailers add to the first header
    abort     the message is whole and withdrawn
    refused   a server refuses the request; what is left of it makes no event
    fatal     the stream cannot be read any further
    closed    the connection ends here by what was said on it, whatever comes after
    cut       end of file inside a message, or before a reply that is due
    eof       end of file where it may come

The last four end a stream: there is exactly one of them, and it comes last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from headframe import COMMANDS, UNSET, Command, Notice, Refusal, UnsetType
from headframe.headers import Header as TypedHeader

__all__ = [
    "Abort",
    "Body",
    "Closed",
    "Cut",
    "End",
    "Eof",
    "Event",
    "Fatal",
    "Header",
    "Refused",
    "expanded",
    "joined",
    "normal",
    "said",
    "spelled",
]


class Kind(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """One event."""


class Header(Kind, frozen=True, kw_only=True, tag="header"):
    """The first header of a message that is accepted."""

    members: dict[str, Any]
    """Those that the command or the reply uses, but for `filesize`, `more` and `abort`."""


class Body(Kind, frozen=True, kw_only=True, tag="body"):
    """Bytes of the body; next to each other they are one."""

    hex: str

    @property
    def data(self) -> bytes:
        """The bytes."""
        return expanded(self.hex)


class End(Kind, frozen=True, kw_only=True, tag="end"):
    """The message is whole."""

    digest: str | UnsetType = UNSET
    """From a trailer, if the first header does not say it."""
    total: int | UnsetType = UNSET
    """From a trailer, if the first header does not say it."""


class Abort(Kind, frozen=True, kw_only=True, tag="abort"):
    """The message is whole, and withdrawn."""

    code: str | UnsetType = UNSET
    """Why, as a server says; `internal` for a code that chapter 13 does not have."""


class Refused(Kind, frozen=True, kw_only=True, tag="refused"):
    """The request is refused."""

    id: int | None
    code: str


class Fatal(Kind, frozen=True, kw_only=True, tag="fatal"):
    """The stream cannot be read."""

    code: str | UnsetType = UNSET
    """A server's; a client tells nobody."""
    id_seen: bool | UnsetType = UNSET
    """Whether an `id` has arrived, so that the server says why it closes (HF-REQ-006)."""


class Closed(Kind, frozen=True, kw_only=True, tag="closed"):
    """The connection is over; what comes after means nothing."""


class Cut(Kind, frozen=True, kw_only=True, tag="cut"):
    """The stream ended inside a message, or before a reply that is due."""


class Eof(Kind, frozen=True, kw_only=True, tag="eof"):
    """The stream ended where it may."""


Event = Header | Body | End | Abort | Refused | Fatal | Closed | Cut | Eof
"""One thing that a reader makes of a stream."""

_FRAMING: Final = frozenset({"filesize", "more", "abort"})


def expanded(groups: str) -> bytes:
    r"""Return the bytes that `groups` spells: hex, in groups, of which `XX*n` stands n times.

    >>> expanded("02000000 7b7d")
    b'\x02\x00\x00\x00{}'
    >>> expanded("61*3 0a")
    b'aaa\n'
    """
    made = bytearray()
    for group in groups.split():
        digits, _, times = group.partition("*")
        made += bytes.fromhex(digits) * int(times or 1)
    return bytes(made)


def spelled(events: Sequence[Event]) -> str:
    """Return events as text that is the same only for the same events: 1 is not true, nor 1.0."""
    return json.dumps(msgspec.to_builtins(events), sort_keys=True)


def said(event: Event) -> str:
    """Return an event in words; two that differ in anything differ in that.

    >>> said(Refused(id=1, code="bad-name"))
    'refused(id=1, code="bad-name")'
    """
    members: dict[str, Any] = msgspec.to_builtins(event)
    kind = members.pop("event")
    inner = ", ".join(f"{name}={json.dumps(members[name], sort_keys=True)}" for name in members)
    return f"{kind}({inner})" if inner else str(kind)


def joined(events: Iterable[Event]) -> list[Event]:
    """Return the events with neighbouring bodies as one, and without empty ones."""
    made: list[Event] = []
    for event in events:
        if isinstance(event, Body):
            data = event.data
            if made and isinstance(made[-1], Body):
                data = made.pop().data + data  # type: ignore[union-attr]
            if data:
                made.append(Body(hex=data.hex()))
        else:
            made.append(event)
    return made


def normal(events: Iterable[Event], commands: Sequence[str] | None = None) -> list[Event]:
    """Return events as two readers that agree would both put them.

    Bodies are joined, and headers keep only the members that mean something: a codec may as well
    report names that nobody knows. `commands` are what a client has asked; None: a server reads.
    """
    made: list[Event] = []
    due = None if commands is None else list(commands)
    for event in joined(events):
        if not isinstance(event, Header):
            made.append(event)
            continue
        members = event.members
        kind = _kind_of(members, due)
        used = set(kind.__struct_encode_fields__) | {"cmd"} if kind else set(members)
        kept = {name: value for name, value in members.items() if name in used - _FRAMING}
        if kept.get("close") is False:
            del kept["close"]
        made.append(Header(members=kept))
    return made


def _kind_of(members: dict[str, Any], due: list[str] | None) -> type[TypedHeader] | None:
    """Return what a header has to be; takes the command of a reply from `due`."""
    if due is None:
        command = members.get("cmd")
        return COMMANDS[Command(command)].request if command in set(Command) else None
    if members.get("id") == 0:
        return Notice
    answered = due.pop(0) if due else None
    if members.get("ok") is False:
        return Refusal
    return COMMANDS[Command(answered)].reply if answered else None
