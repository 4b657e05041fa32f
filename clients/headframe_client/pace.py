"""How fast bytes may go by, in both directions together.

The law of this module: over any time longer than a second the rate is kept, however many
connections share it, and no single pause is long enough for a server to take for a standstill.
"""

from __future__ import annotations

import threading
import time
from typing import Final

from headframe_client.errors import InvalidArgument

__all__ = ["LEAST_RATE", "Pace"]

LEAST_RATE: Final = 4096
"""Bytes a second: a server may give up on a body that brings less than 1,024 (HF-TIME-004)."""
PIECES_A_SECOND: Final = 16
MOST_PIECE_BYTES: Final = 1 << 20


class Pace:
    """A rate in bytes a second; may be shared by several threads."""

    def __init__(self, bytes_per_s: int) -> None:
        """Raise InvalidArgument for a rate that servers take for a standstill."""
        if bytes_per_s < LEAST_RATE:
            raise InvalidArgument(
                f"a rate of {bytes_per_s} bytes a second is too slow, {LEAST_RATE} is the least"
            )
        self._bytes_per_s = bytes_per_s
        self.piece_bytes = min(MOST_PIECE_BYTES, max(1024, bytes_per_s // PIECES_A_SECOND))
        """How much goes by at once."""
        self._lock = threading.Lock()
        self._free_at = 0.0
        """When what has been taken so far has gone by."""

    def take(self, count: int) -> None:
        """Wait until `count` more bytes may have gone by."""
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + count / self._bytes_per_s
            wait_s = self._free_at - now
        time.sleep(wait_s)
