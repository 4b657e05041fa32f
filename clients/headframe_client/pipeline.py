"""Many calls on their way at once, so that thousands of small files go as fast as large ones.

Spec: chapter 5, "Pipelining". The law of this module: what is on its way is bounded, in number and
in bytes, and calls are handed over in the order in which they were added, each exactly once.

    add  add  add ...   take in what has come; the window full, wait until half of it is done
    finish              wait for the rest

That sending never blocks reading is the session's law.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from headframe_client.calls import Call
from headframe_client.session import Session

__all__ = ["Finished", "Pipeline"]

Finished = Callable[[Call[Any]], None]

WINDOW_CALLS: Final = 512
"""Half of it covers a round trip of 10 ms at 25,000 files a second."""
WINDOW_BYTES: Final = 1 << 24
"""Bodies on their way, in both directions; a single larger one is let through."""
LOOK_S: Final = 0.1
"""What has come is not left lying for longer while calls are added; each time costs a little."""


class Pipeline:
    """A window of calls of one session."""

    def __init__(
        self,
        session: Session,
        *,
        window_calls: int = WINDOW_CALLS,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        self.session = session
        self._window_calls = window_calls
        self._window_bytes = window_bytes
        self._window: deque[tuple[Call[Any], int, Finished]] = deque()
        self._bytes = 0
        self._looked_at = 0.0

    def __len__(self) -> int:
        """Return how many calls are on their way."""
        return len(self._window)

    def add(self, call: Call[Any], finished: Finished, body_bytes: int = 0) -> None:
        """Take a call that has begun, with the bytes of body it moves; wait if that is too much.

        `finished` is called with it when it is done, well or not.
        """
        self._window.append((call, body_bytes, finished))
        self._bytes += body_bytes
        if len(self._window) >= self._window_calls or self._bytes >= self._window_bytes:
            self._drain(self._window_calls // 2, self._window_bytes // 2)
        elif time.monotonic() - self._looked_at >= LOOK_S:
            self.session.poll()
            self.hand_over()
            self._looked_at = time.monotonic()

    def finish(self) -> None:
        """Wait until every call is done."""
        self._drain(0, 0)

    def hand_over(self) -> None:
        """Hand over what is done, without waiting; after a loss of the connection all is."""
        while self._window and self._window[0][0].done:
            call, body_bytes, finished = self._window.popleft()
            self._bytes -= body_bytes
            finished(call)

    def _drain(self, calls: int, body_bytes: int) -> None:
        """Wait until at most this much is on its way."""
        self.hand_over()
        try:
            while len(self._window) > calls or self._bytes > body_bytes:
                self.session.step()
                self.hand_over()
        finally:
            self.hand_over()
