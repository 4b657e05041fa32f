"""The limits of HF/1, each with the reason for its size.

Spec: chapter 13, "Limits". The law of this module: a number that both sides must know stands
here once, and nothing else in the package repeats it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LIMITS", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a peer may rely on; a server may be more generous, never less."""

    header_bytes_min: int = 2
    """N is at least this: the shortest JSON object is `{}`."""

    header_bytes_max: int = 65_535
    """N is at most this: its two high bytes are zero, so that TLS, HTTP, SSH or a big-endian
    peer is recognised by its first four bytes, and a header never costs more than 64 KiB."""

    header_depth: int = 16
    """Nesting of a header, the top object being 1: a parser may recurse without a guard."""

    header_members: int = 64
    """Members of the top object: twice what HF/1 registers, little enough to log."""

    integer_max: int = 2**53 - 1
    """A registered integer is at most this: every JSON implementation holds it exactly."""

    name_bytes: int = 1024
    """A file name in UTF-8: what common systems open without special calls."""

    segment_bytes: int = 255
    """One segment of a file name in UTF-8: what common file systems store."""

    early_refusal_bytes: int = 4096
    """Header of a reply that comes before its request has ended: it fits a socket buffer whose
    owner is still writing and not yet reading."""

    reply_frame_bytes: int = 1_048_576
    """Body of one frame of a `get` reply: a failure half-way is told after at most this much."""

    discard_bytes: int = 1_048_576
    """What a server reads and throws away of a refused message before it closes instead."""

    total_bytes: int = 1_073_741_824
    """A whole file: every server takes at least this, space permitting."""

    list_entries: int = 100
    """Entries a page of `list` may be asked to hold."""

    header_ms: int = 10_000
    """From the first byte of N to the end of the header, in total: a slow peer holds a thread
    no longer."""

    idle_ms: int = 60_000
    """Silence between messages before a server closes."""

    linger_ms: int = 2_000
    """How long a closing server goes on reading, so that no reset destroys its last reply."""

    upload_ttl_ms: int = 86_400_000
    """How long an upload is remembered after its last use: a client may come back the next day."""

    body_bytes_per_s: int = 1024
    """Average pace of a body after the grace: a thread is not held by a trickle."""

    body_grace_ms: int = 10_000
    """How long a message may be slower than that pace."""


LIMITS: Final = Limits()
"""The guaranteed values."""
