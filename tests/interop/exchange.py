"""What is sent between implementations, and a connection that is cut on the way."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from headframe.conformance.faults import UP, Fault, FaultKind, Plan
from headframe.conformance.proxying import Proxy, Record

LARGE = os.urandom((3 << 20) + 1)
BODIES = {"a.txt": b"hello", "empty": b"", "schön/日本語 #1?%41": LARGE}
MTIME_US = 1_767_225_600_000_000
CUT_AT = 1 << 20


class _CutOnce(Plan):
    def faults(self, number: int) -> list[Fault]:
        return [Fault(FaultKind.CUT, UP, CUT_AT)] if number == 0 else []


def cutting(url: str, record: Record | None = None) -> Proxy:
    """Cut the first connection to a server when a third of the large body has passed."""
    address = urlsplit(url)
    plan = _CutOnce(seed=0, kinds=(), connections=1, spans={})
    return Proxy((address.hostname, address.port), plan, record=record)


def source(folder: Path, body: bytes) -> Path:
    """Write a file to be sent."""
    path = folder / "source"
    path.write_bytes(body)
    os.utime(path, ns=(MTIME_US * 1000, MTIME_US * 1000))
    return path
