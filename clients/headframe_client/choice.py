"""In which algorithm a digest is made, where server and client have more than one.

Spec: 8.9. The law of this module: nobody waits for the choice who would not wait longer for the
digest. A get and a stat ask for all that is at hand and look what comes. A put has to know what
the server has: it waits for a `hello` only where the file is large, lets one go ahead, unawaited,
where the connection has seen some requests already, and else makes do with SHA-256.
"""

from __future__ import annotations

from typing import Any, Final

from headframe import Hello, HelloReply, UnsetType
from headframe.digests import OPTIONAL, DigestAlgorithm, at_hand
from headframe_client.calls import Call, ReplyCall
from headframe_client.errors import ClientError, ConnectionFailed
from headframe_client.session import Session

__all__ = ["algorithm_for_put", "wishes"]

AWAITED_BYTES: Final = 16 << 20
"""From this size on a digest in SHA-256 takes longer than most servers are away."""
SEEN_REQUESTS: Final = 4
"""Who has asked so often goes on asking."""


def wishes() -> list[str]:
    """Return what to say in `want` for a digest in whatever algorithm, the fastest first."""
    return [*(name for name in OPTIONAL if at_hand(name)), "digest"]


def algorithm_for_put(session: Session, size: int | None) -> str:
    """Return the algorithm for the digest of so many bytes; None: nobody knows how many.

    Raises ConnectionFailed when the connection is lost meanwhile.
    """
    large = size is not None and size >= AWAITED_BYTES
    if session.greeting is None and (large or session.requests >= SEEN_REQUESTS):
        if not any(map(at_hand, OPTIONAL)):
            return DigestAlgorithm.SHA_256
        session.greeting = ReplyCall("the server")
        session.begin(session.greeting, Hello(id=session.next_id()))
    if session.greeting is None:
        return DigestAlgorithm.SHA_256
    if large:
        session.wait(session.greeting)
    features = _features(session.greeting)
    return next(
        (name for name in OPTIONAL if name in features and at_hand(name)), DigestAlgorithm.SHA_256
    )


def _features(greeting: Call[Any]) -> list[str]:
    """Return what a server has said of itself, if it has by now; raise ConnectionFailed."""
    if not greeting.done:
        return []
    try:
        reply = greeting.result()
    except ConnectionFailed:
        raise
    except ClientError:
        return []
    assert isinstance(reply, HelloReply)
    return [] if isinstance(reply.features, UnsetType) else reply.features
