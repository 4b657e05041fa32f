"""Damaged streams against a server: what it answers follows from what the bytes say.

    hurt(peer)     raises Deviation for a server that hangs, goes on, or answers out of order

Spec: chapters 2 to 6, and 11.1. The law of this module: nothing is sent that could change a file
outside the names of the check; after each stream the server is asked whether it goes on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from hypothesis import assume
from hypothesis import strategies as st

from headframe import UNSET, Command
from headframe.conformance import codec_events as ev
from headframe.conformance import strategies
from headframe.conformance.codec_random import is_settled
from headframe.conformance.codec_reader import read
from headframe.conformance.models.due import due_of, judge
from headframe.conformance.peer import Conversation, Peer
from headframe.conformance.replies import Reply
from headframe.conformance.transcript import KEY_LENGTH, Transcript
from headframe.conformance.vectors import Side
from headframe.conformance.verdicts import Crowded

__all__ = ["hurt"]

EXAMPLES: Final = 60
TRIES: Final = 6
"""How often an example is begun that a server has no connection left for."""
KEY: Final = "~" * KEY_LENGTH
"""Stands in a stream for the key of the names of a check: as long, and never one."""
PREFIX: Final = f"hfk-{KEY}/"


def _own(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a request about the names and uploads of the check alone."""
    made = dict(members)
    for name in ("filename", "to"):
        if name in made:
            made[name] = PREFIX + made[name]
    if members["cmd"] == "list":
        made["prefix"] = PREFIX + made.get("prefix", "")
    if "upload" in made:
        made["upload"] = f"hfk-{KEY}-{made['upload']}"[:64]
    made.pop("auth", None)
    return made


def _framed(header: bytes) -> bytes:
    return len(header).to_bytes(4, "little") + header


_ODD_MEMBERS: Final[list[tuple[str, Any]]] = [
    ("cmd", "x"),
    ("cmd", 5),
    ("cmd", "stat"),
    ("ok", True),
    ("id", 0),
    ("id", "1"),
    ("id", 1.5),
    ("filesize", -1),
    ("filesize", "5"),
    ("filesize", 0),
    ("filesize", 1 << 40),
    ("more", True),
    ("more", False),
    ("more", 1),
    ("abort", True),
    ("abort", 1),
    ("filename", ".."),
    ("filename", 5),
    ("filename", f"{PREFIX}a"),
    ("!x", 1),
    ("x.y", {}),
    ("digest", "md5:00"),
    ("digest", "sha-256:00"),
    ("digest", f"sha-256:{'0' * 64}"),
    ("total", 3),
    ("total", -1),
    ("if", 5),
    ("hf", 9),
    ("offset", 1),
    ("upload", "short"),
]
_BODIES: Final = st.sampled_from(
    [b"", b"", b"abc", _framed(b'{"id":9,"cmd":"hello"}'), b"\2\0\0\0{}"]
)


@st.composite
def _messages(draw: st.DrawFn) -> bytes:
    """Return a request of one frame or several, each with members that fit or do not."""
    request = strategies.requests(st.just(UNSET) | strategies.request_ids)
    members = _own(msgspec.to_builtins(draw(request)))
    wire = b""
    for left in range(draw(st.integers(0, 2)), -1, -1):
        body = draw(_BODIES)
        members |= {"filesize": len(body)} if body else {}
        members |= {"more": True} if left else {}
        members |= dict(draw(st.lists(st.sampled_from(_ODD_MEMBERS), max_size=2)))
        wire += _framed(draw(strategies.json_texts(members))) + body
        members = {}
    return wire


streams: Final = (
    st.lists(_messages() | strategies.nearly_valid_json().map(_framed), min_size=1, max_size=4)
    .map(b"".join)
    .flatmap(lambda data: st.just(data) | strategies.damaged(data))
)


def is_harmless(events: Sequence[ev.Event], key: str) -> bool:
    """Return whether what is carried out of a stream stays within the names of a check."""
    for event in events:
        if isinstance(event, ev.Header) and event.members["cmd"] in {"put", "delete", "move"}:
            named = [event.members[name] for name in ("filename", "to") if name in event.members]
            tokens = [event.members["upload"]] if "upload" in event.members else []
            own = (name.startswith(f"hfk-{key}/") for name in named)
            if not all(own) or not all(token.startswith(f"hfk-{key}-") for token in tokens):
                return False
    return True


def hurt(peer: Peer) -> None:
    """Look for a stream that a server answers wrongly; raise Deviation, shrunk, if there is one."""
    origin = peer.conversation
    newest = [origin]

    def example(draw: st.DrawFn) -> None:
        stream = draw(streams)
        assume(is_settled(stream))
        sizes = draw(st.lists(st.integers(1, 60), max_size=12))
        for _ in range(TRIES):
            talk = newest[0] = Conversation(origin.target, origin.facts)
            try:
                _play(talk, stream, sizes)
                return
            except Crowded as crowded:
                time.sleep(crowded.retry_s)
            finally:
                talk.close_unrecorded()
        assume(False)

    def record() -> tuple[Transcript, None]:
        return newest[0].transcript, None

    try:
        origin.search.explore(
            example, seed=peer.random.getrandbits(64), usual=EXAMPLES, record=record
        )
    finally:
        origin.show_found()


def _play(talk: Conversation, stream: bytes, sizes: Sequence[int]) -> None:
    """Send a stream and end of file; judge what comes, and that the server goes on."""
    key = talk.transcript.key
    data = stream.replace(KEY.encode(), key.encode())
    events = read(Side.SERVER, [data])
    assume(is_harmless(events, key))
    for event in events:
        if isinstance(event, ev.Header) and event.members["cmd"] in {Command.PUT, Command.MOVE}:
            talk.names |= {
                event.members[name] for name in ("filename", "to") if name in event.members
            }
            talk.tokens |= {event.members["upload"]} if "upload" in event.members else set()
    peer = Peer(talk)
    peer.send_in_pieces(data, sizes)
    peer.wire.end_sending()
    said = [peer.receive()]
    while isinstance(said[-1], Reply):
        said.append(peer.receive())
    judge(due_of(events, heard=talk.target.token is not None), said)
    peer.close()
    Peer(talk).in_step()
