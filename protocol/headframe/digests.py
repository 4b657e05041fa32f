"""Digests: the algorithms that are at hand, and how what they say is written.

Spec: 8.2 and chapter 13. The law of this module: nobody else makes a hash of a file's bytes, or
knows how its digest is written.

    hasher = Hasher(algorithm)    update(data) ...    digest    "sha-256:<64 hexadecimal digits>"

SHA-256 is always at hand, BLAKE3 where the package blake3 is installed (`headframe[blake3]`); it is
loaded when somebody first asks.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import UNSET, UnsetType

from headframe.registry import DigestAlgorithm

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "OPTIONAL",
    "DigestAlgorithm",
    "Hasher",
    "algorithm_of",
    "at_hand",
    "is_digest",
    "wanted",
    "write_digest",
]

OPTIONAL: Final = tuple(name for name in DigestAlgorithm if name is not DigestAlgorithm.SHA_256)
"""What a server names in `features` if it has it."""
_WORDS: Final = {"digest": DigestAlgorithm.SHA_256} | {str(name): name for name in OPTIONAL}
"""What the words of `want` ask for."""


class Hash(Protocol):
    """What hashlib makes, and everybody who follows it."""

    @property
    def update(self) -> Callable[[Buffer], object]:
        """Take in more bytes."""
        ...

    def digest(self) -> bytes:
        """Return the result so far."""
        ...


Maker = Callable[[], Hash]


def _load_blake3() -> Maker:
    from blake3 import blake3  # noqa: PLC0415  (what it costs, and it may not be there)

    return blake3


_LOADERS: Final[Mapping[str, Callable[[], Maker]]] = {
    DigestAlgorithm.SHA_256: lambda: hashlib.sha256,
    DigestAlgorithm.BLAKE3: _load_blake3,
}


@functools.cache
def _maker(algorithm: str) -> Maker | None:
    """Return what makes the hashes of a registered algorithm; None: it is not at hand."""
    try:
        return _LOADERS[algorithm]()
    except ImportError:
        return None


class Hasher:
    """The digest, in one algorithm, of the bytes that have gone by."""

    __slots__ = ("_hash", "algorithm", "update")

    def __init__(self, algorithm: str = DigestAlgorithm.SHA_256) -> None:
        """Begin; the algorithm is at hand."""
        self.algorithm = algorithm
        maker = _maker(algorithm)
        assert maker is not None
        self._hash = maker()
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


def at_hand(algorithm: str) -> bool:
    """Return whether digests can be made with an algorithm here."""
    return algorithm in _LOADERS and _maker(algorithm) is not None


def wanted(want: list[str] | UnsetType = UNSET, digest: str | UnsetType = UNSET) -> tuple[str, ...]:
    """Return the algorithms at hand that a request asks for a digest in, the best first.

    That of its own `digest` leaves its `want` no choice. (HF-CMD-030, HF-CMD-031)
    """
    if not isinstance(digest, UnsetType):
        return (algorithm_of(digest),)
    if isinstance(want, UnsetType):
        return ()
    return tuple(_WORDS[word] for word in want if word in _WORDS and at_hand(_WORDS[word]))


def write_digest(algorithm: str, raw: bytes) -> str:
    """Return a digest as HF/1 writes it.

    >>> write_digest("sha-256", bytes(32))[:16]
    'sha-256:00000000'
    """
    return f"{algorithm}:{raw.hex()}"


def algorithm_of(digest: str) -> str:
    """Return the name of the algorithm that a digest is in."""
    return digest.partition(":")[0]


def is_digest(text: str) -> bool:
    """Return whether `text` is a digest, of whatever bytes, in an algorithm that is at hand."""
    algorithm, _, digits = text.partition(":")
    if not at_hand(algorithm):
        return False
    return re.fullmatch("[0-9a-f]+", digits) is not None and (
        len(digits) == DigestAlgorithm(algorithm).hex_digits
    )
