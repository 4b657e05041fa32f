"""What is kept of an upload beside its bytes, as JSON in a file of its own.

Spec: chapter 10. The law of this module: a record says what was promised, and in which run of the
machine it was written; a later run can tell what of the bytes it may believe.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import msgspec

from headframe import ErrorCode, UnsetType
from headframe_server.store import StoreError

__all__ = ["BOOT", "RECORD_BYTES", "Done", "Record", "one_total", "read_record"]

RECORD_BYTES: Final = 16_384
"""No record is longer."""


class Done(msgspec.Struct, frozen=True):
    """How an upload ended."""

    rev: str
    total: int
    digest: str
    offset: int
    """Of the put that completed it."""
    body_digest: str
    """Of the body of that put."""
    provisional: bool = False
    """The file system keeps no marks, so that the rename changes the revision."""


class Record(msgspec.Struct, frozen=True):
    """What is kept of an upload beside its bytes."""

    filename: str
    total: int | None = None
    held: int = 0
    """Bytes that survive the end of the machine."""
    boot: str = ""
    """The run of the machine in which the size of KEY.data counts; in later ones `held` does."""
    done: Done | None = None


read_record: Final = msgspec.json.Decoder(Record).decode
"""Bytes to a record; made once, since a type is taken apart each time that it is named."""


def _read_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"unknown-{os.getpid()}-{time.time_ns()}"


BOOT: Final = _read_boot()


def one_total(record: Record | None, total: int | UnsetType) -> int | None:
    """Return the total that is known now; raise `bad-request` for a second one."""
    known = None if record is None else record.total
    if isinstance(total, UnsetType):
        return known
    if known not in (None, total):
        raise StoreError(ErrorCode.BAD_REQUEST, f"the total of this upload is {known}")
    return total
