"""Digests: which are understood, and that of a stored file.

Spec: 8.2 and 8.4. The law of this module: a digest is always of a whole file.
"""

from __future__ import annotations

import re
from typing import Final

from headframe import ErrorCode
from headframe.digests import Hasher, is_digest
from headframe_server.draft import translated
from headframe_server.store import OpenFile, StoreError

__all__ = ["check_digest", "digest_of"]

READ_BYTES: Final = 1 << 18
_DIGEST: Final = re.compile(r"([a-z0-9-]+):(.*)", re.DOTALL)


def digest_of(opened: OpenFile) -> str:
    """Return the digest of a file: as it was when it was stored, or computed."""
    if opened.info.digest is not None:
        return opened.info.digest
    hasher = Hasher()
    offset = 0
    with translated():
        while data := opened.read(offset, READ_BYTES):
            hasher.update(data)
            offset += len(data)
    return hasher.digest


def check_digest(digest: object) -> None:
    """Raise unless `digest` is absent or one that can be compared."""
    if not isinstance(digest, str) or is_digest(digest):
        return
    parts = _DIGEST.fullmatch(digest)
    if parts and parts[1] != "sha-256":
        raise StoreError(ErrorCode.UNSUPPORTED, "of digests only sha-256 is supported")
    raise StoreError(ErrorCode.BAD_REQUEST, "a digest is sha-256: and 64 hexadecimal digits")
