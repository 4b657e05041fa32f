"""How long a peer may keep a thread waiting.

Spec: chapter 11. The law of this module: a wait is counted against what it is for. A header has its
time in all; a body has a grace and then a pace, and what the server itself takes is not counted;
between messages there is silence for a while.
"""

from __future__ import annotations

import time

from headframe import Connection, StreamState

__all__ = ["Patience"]


class Patience:
    """Follows one connection; call `left_s` before each wait and `received` after it."""

    __slots__ = (
        *("_body_left_s", "_connection", "_header_until", "_headers", "_limits"),
        *("_messages", "_waiting_since"),
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._limits = connection.limits
        self._messages = self._headers = 0
        self._header_until: float | None = None
        self._body_left_s = 0.0
        """How long the message may still keep this thread waiting."""
        self._waiting_since = 0.0

    def is_idle(self) -> bool:
        """Return whether the next byte begins a message."""
        connection = self._connection
        return connection.receiving is StreamState.BETWEEN_MESSAGES and not connection.header_begun

    def left_s(self) -> float:
        """Return how long the peer may now be silent."""
        self._follow()
        self._waiting_since = now = time.monotonic()
        if self.is_idle():
            return self._limits.idle_ms / 1000
        if not self._connection.header_begun:
            return self._body_left_s
        if self._header_until is None:
            self._header_until = now + self._limits.header_ms / 1000
        return self._header_until - now

    def received(self, byte_count: int) -> None:
        """Count a wait that brought bytes."""
        waited_s = time.monotonic() - self._waiting_since
        self._body_left_s += byte_count / self._limits.body_bytes_per_s - waited_s

    def _follow(self) -> None:
        """Begin to count anew for each header and each message."""
        if self._connection.headers_read != self._headers:
            self._headers = self._connection.headers_read
            self._header_until = None
        if self._connection.messages_begun != self._messages:
            self._messages = self._connection.messages_begun
            self._body_left_s = self._limits.body_grace_ms / 1000
