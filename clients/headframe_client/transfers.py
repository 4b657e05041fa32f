"""One file on its way: what to ask next, until it is settled.

Spec: chapters 8 to 10. The law of this module: a transfer may begin again after any loss of the
connection, and then goes on where it stood, if the far side proves that it is the same file (`puts`
and `gets`).

    begin(session) -> call    ... the call is done ...    settle(call) -> result, or begin again
"""

from __future__ import annotations

import contextlib
from typing import Any, Generic, TypeVar

from headframe import (
    UNSET,
    Delete,
    DeleteReply,
    ErrorCode,
    Stat,
)
from headframe.digests import algorithm_of
from headframe_client.calls import Call, Progress, ReplyCall, StatCall
from headframe_client.choice import wishes
from headframe_client.errors import (
    ConnectionFailed,
    Refused,
)
from headframe_client.results import Kept
from headframe_client.session import Session
from headframe_client.sources import (
    digest_of,
)

__all__ = [
    "DeleteTransfer",
    "Transfer",
    "UnlessKept",
]

R_co = TypeVar("R_co", covariant=True)


class Transfer(Generic[R_co]):
    """A file that is to be moved, or removed."""

    path = ""
    """Here; empty where there is none."""
    total: int | None = None
    """Bytes of the file, as far as known."""
    held_bytes = 0
    """How much the far side, or this one, had already when the last call began."""
    told_bytes = 0
    """How much of that somebody has been told."""
    moved_bytes: int | None = None
    """How far it has come, as somebody has been told; None: nobody has."""
    progress: Progress | None = None

    def __init__(self, name: str) -> None:
        self.name = name
        """On the server."""

    @property
    def repeatable(self) -> bool:
        """Whether it may begin again after a loss."""
        return True

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        """Send the next request; return its call, and the bytes of body that move.

        Raises OSError for what is wrong with the local file.
        """
        raise NotImplementedError

    def settle(self, call: Call[Any]) -> R_co | None:
        """Return what came of the call that is done; None: begin again. Raise why it failed."""
        raise NotImplementedError

    def give_up(self, error: BaseException | None) -> None:
        """End without a result; `error` is why, None if somebody interrupted."""


class UnlessKept(Transfer[R_co | Kept]):
    """A transfer that is not needed if both sides have the same bytes.

    What is here has the size and the time of what is there; now the digests are compared.
    """

    def __init__(self, path: str, total: int, transfer: Transfer[R_co]) -> None:
        super().__init__(transfer.name)
        self.path = path
        self.total = total
        self._kept = Kept(name=transfer.name, total=total, verified=True)
        self._transfer = transfer
        self._compares = True

    @property
    def repeatable(self) -> bool:
        """Whether the transfer is."""
        return self._transfer.repeatable

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        """Ask for the digest, or begin the transfer."""
        if not self._compares:
            self._transfer.progress = self.progress
            begun = self._transfer.begin(session)
            self.held_bytes = self._transfer.held_bytes
            return begun
        call = StatCall(self.name)
        session.begin(call, Stat(id=session.next_id(), filename=self.name, want=wishes()))
        return call, 0

    def settle(self, call: Call[Any]) -> R_co | Kept | None:
        """Compare, or return what came of the transfer."""
        if not self._compares:
            return self._transfer.settle(call)
        if isinstance(call.error, ConnectionFailed):
            raise call.error
        self._compares = False
        with contextlib.suppress(OSError):
            digest = None if call.error is not None else call.result().digest
            if digest is not None and digest == digest_of(self.path, algorithm_of(digest)):
                return self._kept
        return None

    def give_up(self, error: BaseException | None) -> None:
        """Give up the transfer."""
        self._transfer.give_up(error)


class DeleteTransfer(Transfer[DeleteReply]):
    """A file on its way out."""

    def __init__(self, name: str, *, if_rev: str | None = None) -> None:
        super().__init__(name)
        self._if_rev = if_rev
        self._lost = False
        """Whether the reply to an earlier request was lost."""

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        """Ask for the deletion."""
        call = ReplyCall(self.name)
        if_ = UNSET if self._if_rev is None else self._if_rev
        session.begin(call, Delete(id=session.next_id(), filename=self.name, if_=if_))
        return call, 0

    def settle(self, call: Call[Any]) -> DeleteReply | None:
        """A file that is gone after a reply was lost has been deleted."""
        error = call.error
        gone = isinstance(error, Refused) and error.code is ErrorCode.NOT_FOUND
        if error is None or (gone and self._lost):
            return DeleteReply()
        self._lost = self._lost or isinstance(error, ConnectionFailed)
        raise error
