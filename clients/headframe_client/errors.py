"""What can go wrong between a client and a server, as a tree of exceptions.

    ClientError
    +-- InvalidArgument     the caller asked for what cannot be: a name, a URL
    +-- Refused             the server said no; holds its code and message
    +-- ConnectionFailed    no connection, or it ended too early, or took too long
    +-- NotTrusted          one side could not show by TLS that it is who it should be
    +-- ProtocolViolation   the server broke a rule; the connection is not used again
    +-- DigestMismatch      the bytes are not those the other side has

Spec: chapters 5 and 6. The law of this module: nothing else comes out of network work, no OSError
and no RemoteError. An OSError from this package is about a local file.
"""

from __future__ import annotations

from headframe import UNSET, ErrorCode, Notice, Refusal

__all__ = [
    "ClientError",
    "ConnectionFailed",
    "DigestMismatch",
    "InvalidArgument",
    "NotTrusted",
    "ProtocolViolation",
    "Refused",
    "error_of_notice",
]


class ClientError(Exception):
    """Any error of this package."""


class InvalidArgument(ClientError):
    """The caller asked for something that no server could be asked; nothing was sent."""


class ConnectionFailed(ClientError):
    """The connection could not be made, was lost or came to a standstill.

    The outcome of a request that had begun is unknown; trying again may help.
    """


class NotTrusted(ClientError):
    """One side could not show that it is who it should be; nothing was sent."""


class ProtocolViolation(ClientError):
    """The server broke a rule of the protocol; the connection is not used again."""


class DigestMismatch(ClientError):
    """What arrived is not what was sent; nothing was kept."""

    def __init__(self, name: str, expected: str, actual: str) -> None:
        super().__init__(f"{name!r} arrived with digest {actual}, expected {expected}")
        self.name = name
        self.expected = expected
        self.actual = actual


class Refused(ClientError):
    """The server refused a request, or gave up half-way through a reply."""

    def __init__(
        self,
        code: str,
        message: str,
        refusal: Refusal | Notice | None = None,
        *,
        subject: str = "",
    ) -> None:
        about = f"{subject}: " if subject else ""
        super().__init__(about + (f"{message} ({code})" if message else code))
        self.word = code
        """The code as it was sent."""
        self.message = message
        """For people; the server's words."""
        self.refusal = refusal
        """The reply, with what else it holds (`rev`, `retry_ms`, ...)."""

    @classmethod
    def of(cls, refusal: Refusal | Notice, subject: str = "") -> Refused:
        """Return the error that a refusal stands for; `subject` is what it is about."""
        message = "" if refusal.message is UNSET else str(refusal.message)
        return cls(refusal.code, message, refusal, subject=subject)

    @property
    def code(self) -> ErrorCode:
        """The code; `internal` for one that is not registered."""
        try:
            return ErrorCode(self.word)
        except ValueError:
            return ErrorCode.INTERNAL


_SERVER_COMPLAINS = (ErrorCode.BAD_FRAME, ErrorCode.BAD_HEADER)
_CONNECTION_ENDS = (ErrorCode.TIMEOUT, ErrorCode.CLOSING)


def error_of_notice(notice: Notice) -> ClientError:
    """Return the error that a notice stands for, for requests it leaves without a reply."""
    refused = Refused.of(notice)
    if notice.error_code in _SERVER_COMPLAINS:
        return ProtocolViolation(f"the server did not understand what was sent: {refused}")
    if notice.error_code in _CONNECTION_ENDS:
        return ConnectionFailed(f"the server ends the connection: {refused}")
    return refused
