"""Digests: the algorithms that are at hand, and how what they say is written.

Spec: 8.2 and chapter 13. The law of this module: nobody else makes a hash of a file's bytes, or
knows how its digest is written.

    hasher = Hasher(algorithm)    update(data) ...    digest    "sha-256:<64 hexadecimal digits>"
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from headframe.registry import DigestAlgorithm

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["DigestAlgorithm", "Hasher", "at_hand", "is_digest", "write_digest"]


class Hash(Protocol):
    """What hashlib makes, and everybody who follows it."""

    @property
    def update(self) -> Callable[[Buffer], object]:
        """Take in more bytes."""
        ...

    def digest(self) -> bytes:
        """Return the result so far."""
        ...


_MAKERS: Final[Mapping[str, Callable[[], Hash]]] = {DigestAlgorithm.SHA_256: hashlib.sha256}


class Hasher:
    """The digest, in one algorithm, of the bytes that have gone by."""

    __slots__ = ("_hash", "algorithm", "update")

    def __init__(self, algorithm: str = DigestAlgorithm.SHA_256) -> None:
        """Begin; the algorithm is at hand."""
        self.algorithm = algorithm
        self._hash = _MAKERS[algorithm]()
        self.update = self._hash.update
        """Take in more bytes."""

    @property
    def digest(self) -> str:
        """As HF/1 writes it."""
        return write_digest(self.algorithm, self.raw)

    @property
    def raw(self) -> bytes:
        """The same as bytes."""
        return self._hash.digest()


def at_hand() -> frozenset[str]:
    """Return the algorithms that digests can be made with here."""
    return frozenset(_MAKERS)


def write_digest(algorithm: str, raw: bytes) -> str:
    """Return a digest as HF/1 writes it.

    >>> write_digest("sha-256", bytes(32))[:16]
    'sha-256:00000000'
    """
    return f"{algorithm}:{raw.hex()}"


def is_digest(text: str) -> bool:
    """Return whether `text` is a digest, of whatever bytes, in an algorithm that is at hand."""
    algorithm, _, digits = text.partition(":")
    if algorithm not in at_hand():
        return False
    return re.fullmatch("[0-9a-f]+", digits) is not None and (
        len(digits) == DigestAlgorithm(algorithm).hex_digits
    )
