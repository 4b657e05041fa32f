"""A request with its reply, and the message of it that is arriving.

Spec: chapters 4 and 5. The law of this module: it knows one exchange; which one is next, and what
goes out, is the connection's business.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headframe.events import MessageAborted, MessageFinished
from headframe.headers import Header
from headframe.messages import UNSET, Continuation, Refused, UnsetType, has_trailer
from headframe.registry import Command, ErrorCode
from headframe.states import EXCHANGE_TRANSITIONS, ExchangeInput, ExchangeState

__all__ = ["Exchange", "Incoming"]


class Exchange(msgspec.Struct, gc=False):
    """A request with its reply."""

    id: int | UnsetType
    command: Command | None
    """None: the request names no command of HF/1."""
    state: ExchangeState = ExchangeState.REQUESTING

    def takes(self, moved: ExchangeInput) -> bool:
        """Return whether `moved` may happen now."""
        return moved in EXCHANGE_TRANSITIONS[self.state]

    def move(self, moved: ExchangeInput) -> None:
        """Go to the state that follows."""
        self.state = EXCHANGE_TRANSITIONS[self.state][moved]


class Incoming(msgspec.Struct, gc=False):
    """A message that is being received."""

    first: Header
    last: Header
    """The newest of its headers."""
    takes_body: bool = True
    """Whether this message may have one."""
    exchange: Exchange | None = None
    """None: a notice."""
    body_bytes: int = 0
    discarding: bool = False
    """The rest of it makes no event."""
    discarded_bytes: int = 0

    def continue_with(self, header: Header) -> Refused | None:
        """Take a later header; return why it refuses the message, if it does."""
        self.last = header
        if isinstance(header, Refused):
            return header
        assert isinstance(header, Continuation)
        if header.more and has_trailer(header):
            return self._refused("HF-BODY-007", "a trailer in a header with more: true")
        for name in ("digest", "total"):
            values = {getattr(self.first, name, UNSET), getattr(header, name)} - {UNSET}
            if len(values) > 1:
                return self._refused("HF-BODY-009", f"two different values of {name}")
        return self.excess_body()

    def excess_body(self) -> Refused | None:
        """Return why the newest header's body refuses the message, if it does."""
        if self.takes_body or not self.last.filesize:
            return None
        return self._refused("HF-REQ-008", "a body was sent with a command that takes none")

    def _refused(self, rule: str, message: str) -> Refused:
        return Refused(
            filesize=self.last.filesize,
            more=self.last.more,
            code=ErrorCode.BAD_REQUEST,
            rule=rule,
            message=message,
        )

    def ending(self) -> MessageFinished | MessageAborted:
        """Return what the last byte of the message means."""
        if getattr(self.last, "abort", False):
            return MessageAborted(
                body_bytes=self.body_bytes,
                code=getattr(self.last, "code", UNSET),
                message=getattr(self.last, "message", UNSET),
            )
        return MessageFinished(
            body_bytes=self.body_bytes,
            digest=self._trailer("digest"),
            total=self._trailer("total"),
        )

    def _trailer(self, name: str) -> Any:
        """Return a trailer, or what the first header said in its place."""
        value = getattr(self.last, name, UNSET)
        return getattr(self.first, name, UNSET) if value is UNSET else value
