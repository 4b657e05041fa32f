"""What can go wrong, as a tree of exceptions; their wire codes come from the registry.

    HeadframeError
    +-- LocalError            the caller broke a rule; nothing was sent
    +-- RemoteError           the peer broke one; carries the wire code and the rule
        +-- BadFrame          fatal: framing is lost            bad-frame
        +-- BadHeader         fatal: the JSON profile is broken bad-header
        +-- BadName           refusal: not a file name          bad-name
        +-- BadReply          a server's reply makes no sense; the client closes
        +-- DiscardTooLong    a refused message goes on for too long; the server closes
        +-- ConnectionLost    the connection ended inside a message or before a reply

The law of this module: whatever bytes a peer sends, the codec answers with events or with a
`RemoteError`, and with nothing else. Every message names the rule, what came and what was
allowed; what came is shortened and escaped, so that it may be logged and printed.
"""

from __future__ import annotations

from typing import ClassVar, Final

from headframe.registry import ErrorCode

__all__ = [
    "BadFrame",
    "BadHeader",
    "BadName",
    "BadReply",
    "ConnectionLost",
    "DiscardTooLong",
    "HeadframeError",
    "LocalError",
    "RemoteError",
    "shown",
]

SHOWN_CHARACTERS: Final = 60
"""How much of what a peer sent an error repeats."""


class HeadframeError(Exception):
    """Any error of this package."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule
        """Id of the rule that was broken, such as `HF-FRAME-002`."""


class LocalError(HeadframeError):
    """The caller broke a rule of the protocol or of this API; nothing was sent."""


class RemoteError(HeadframeError):
    """The peer broke a rule."""

    code: ClassVar[ErrorCode]
    """The code that tells the peer so."""


class BadFrame(RemoteError):
    """Framing is lost: the connection ends."""

    code = ErrorCode.BAD_FRAME


class BadHeader(RemoteError):
    """A header is not the JSON it has to be: the connection ends."""

    code = ErrorCode.BAD_HEADER

    def __init__(self, rule: str, message: str, *, has_id: bool = False) -> None:
        super().__init__(rule, message)
        self.has_id = has_id
        """Whether the header, bad as it is, has a member `id`: its sender reads replies."""


class BadName(RemoteError):
    """A file name that no peer may use."""

    code = ErrorCode.BAD_NAME


class BadReply(RemoteError):
    """A reply that makes no sense; there is nothing to answer, a client closes."""

    code = ErrorCode.INTERNAL


class DiscardTooLong(RemoteError):
    """The rest of a refused message exceeds what the server discards: it closes."""

    code = ErrorCode.CLOSING


class ConnectionLost(RemoteError):
    """The connection ended inside a message, or before a reply that was due."""

    code = ErrorCode.ABORTED


def shown(value: object) -> str:
    r"""Return `value` as an error message may repeat it: escaped, at most 60 characters.

    >>> print(shown("tab\there"))
    'tab\there'
    >>> len(shown("x" * 5000))
    60
    """
    text = ascii(value[:SHOWN_CHARACTERS] if isinstance(value, str | bytes) else value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
