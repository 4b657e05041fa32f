"""Digests: which are understood, and that of a stored file.

Spec: 8.2 and 8.4. The law of this module: a digest is always of a whole file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from headframe import UNSET, ErrorCode, UnsetType
from headframe.digests import Hasher, algorithm_of, at_hand, is_digest
from headframe_server.draft import translated
from headframe_server.store import OpenFile, StoreError

__all__ = ["check_digest", "digest_of"]

READ_BYTES: Final = 1 << 18
_DIGEST: Final = re.compile(r"([a-z0-9-]+):(.*)", re.DOTALL)


def digest_of(opened: OpenFile, algorithms: Sequence[str]) -> str | UnsetType:
    """Return the digest of a file in one of these algorithms; of none there is none.

    It is as it was when the file was stored, or computed in the first of them. (HF-CMD-031)
    """
    known = opened.info.digest
    if not algorithms:
        return UNSET
    if known is not None and algorithm_of(known) in algorithms:
        return known
    hasher = Hasher(algorithms[0])
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
    if parts and not at_hand(parts[1]):
        raise StoreError(ErrorCode.UNSUPPORTED, "digests in this algorithm are not supported")
    raise StoreError(ErrorCode.BAD_REQUEST, "a digest is sha-256: and 64 hexadecimal digits")
