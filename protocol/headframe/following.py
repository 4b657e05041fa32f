"""The digest of a file, made beside whoever moves its bytes.

Spec: 8.2. The law of this module: no buffer belongs to two threads. Bytes in hand are taken in at
once, as they pass. What stands in the file and has not been taken in a thread reads back, and
`beside` it does so with all that is large: whoever moves bytes waits only when the digest lags far
behind. That costs a third more of processor time, so it is for whoever has a core to spare.

    update(data)      the next bytes, which stand in the file by now
    expect(algorithm) in which the digest is wanted
    settle()          wait for the digest of all of them
    rest()            let go of the file, which is going to be closed

It is no part of the codec. Where a system cannot read at an offset everything is taken in at once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from headframe.digests import Hasher

if TYPE_CHECKING:
    import threading

    from typing_extensions import Buffer

__all__ = ["READS_BESIDE", "Follower"]

BESIDE_BYTES: Final = 4 << 20
"""Of smaller files the digest is made before a thread would have begun."""
STEP_BYTES: Final = 1 << 18
"""Read at once: less is woken for too often, more does not stay in the processor's cache."""
LAG_BYTES: Final = 8 << 20
"""So far the digest may be behind: it is still in the cache, and the end does not wait long."""
READS_BESIDE: Final = hasattr(os, "preadv")
"""Whether this system can read at an offset."""


class Follower:
    """A hasher that goes along a file, from its beginning."""

    __slots__ = (
        *(
            "_asked",
            "_beside",
            "_end",
            "_error",
            "_hasher",
            "_moved",
            "_stops",
            "_taken",
            "_thread",
        ),
        "_descriptor",
    )

    def __init__(self, hasher: Hasher | None = None, *, end: int = 0, beside: bool = False) -> None:
        """`end`: how many bytes the file has already, none of which `hasher` has seen."""
        self._hasher = Hasher() if hasher is None else hasher
        self._descriptor: int | None = None
        self._beside = beside
        self._end = end
        self._taken = 0
        """How many bytes the hasher has seen."""
        self._thread: threading.Thread | None = None
        self._moved: threading.Condition | None = None
        """Guards what follows, and tells of any change."""
        self._asked = False
        """Somebody waits for the end."""
        self._stops = False
        self._error: Exception | None = None

    @property
    def algorithm(self) -> str:
        """Of the digest."""
        return self._hasher.algorithm

    def expect(self, algorithm: str) -> None:
        """Make the digest in `algorithm`; what it was made of in another one is read again."""
        if algorithm != self._hasher.algorithm:
            self._stop(asked=False)
            self._hasher, self._taken = Hasher(algorithm), 0

    def follow(self, descriptor: int | None) -> None:
        """Read from an open file, until `rest`; None: every byte will be in hand."""
        self._descriptor = descriptor if READS_BESIDE else None

    def update(self, data: Buffer) -> None:
        """Take in the next bytes, which the file has by now if it is followed."""
        count = memoryview(data).nbytes
        end = self._end + count
        at_once = self._thread is None and self._taken == self._end
        if self._descriptor is None or (at_once and not (self._beside and end > BESIDE_BYTES)):
            self._hasher.update(data)
            self._taken = self._end = end
        else:
            self._reach(end)

    def _reach(self, end: int) -> None:
        """Let the thread take in what there is by now; wait if it lags too far behind."""
        if self._thread is None:
            self._begin()
        assert self._moved is not None
        with self._moved:
            self._end = end
            self._moved.notify()
            while self._end - self._taken > LAG_BYTES and self._error is None:
                self._moved.wait()
        self._check()

    def settle(self) -> Hasher:
        """Return the hasher when it has seen everything; raise OSError if that cannot be read."""
        if self._taken < self._end and self._thread is None:
            self._begin()
        self._stop(asked=True)
        self._check()
        return self._hasher

    def rest(self) -> None:
        """Stop where it is; it can `follow` again."""
        self._stop(asked=False)
        self._descriptor = None

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    # --- the thread --------------------------------------------------------------------------

    def _begin(self) -> None:
        import threading  # noqa: PLC0415  (few need it)

        self._check()
        self._moved = threading.Condition()
        self._asked = self._stops = False
        self._thread = threading.Thread(target=self._run, args=(self._moved,), daemon=True)
        self._thread.start()

    def _stop(self, *, asked: bool) -> None:
        """End the thread, when it has seen everything if that is `asked` for."""
        if self._thread is None:
            return
        assert self._moved is not None
        with self._moved:
            self._asked, self._stops = asked, not asked
            self._moved.notify()
        self._thread.join()
        self._thread = self._moved = None

    def _run(self, moved: threading.Condition) -> None:
        try:
            buffer = memoryview(bytearray(STEP_BYTES))
            while count := self._await_bytes(moved):
                self._read(buffer[:count])
        except Exception as error:  # whoever asks for the digest hears of it
            self._error = error
            with moved:
                moved.notify()

    def _await_bytes(self, moved: threading.Condition) -> int:
        """Wait for a whole step, or what there is if somebody asked; return 0 at the end."""
        with moved:
            moved.notify()
            while not (self._asked or self._stops or self._end - self._taken >= STEP_BYTES):
                moved.wait()
            return 0 if self._stops else min(STEP_BYTES, self._end - self._taken)

    def _read(self, step: memoryview) -> None:
        assert self._descriptor is not None
        count = os.preadv(self._descriptor, (step,), self._taken)
        if not count:
            raise OSError(f"the file ended after {self._taken} bytes, {self._end} are due")
        self._hasher.update(step[:count])
        self._taken += count
