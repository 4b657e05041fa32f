"""The random checks of codecs: streams that nobody thought of, judged by the reference.

Spec: chapters 2 to 7. The law of this module: a seed gives the same streams on every machine, and
what the standard leaves open is not asked. What is found here belongs among the vectors.
"""

from __future__ import annotations

import json
import re
import struct
import unicodedata
from collections.abc import Callable
from typing import Any, Final

import msgspec
from hypothesis import assume
from hypothesis import strategies as st

from headframe import COMMANDS, UNSET, Command
from headframe.conformance import codec_events as ev
from headframe.conformance import strategies
from headframe.conformance.check import Check, Lane, Role
from headframe.conformance.codec_checks import CodecPeer
from headframe.conformance.codec_reader import read
from headframe.conformance.vectors import Awaited, Side

__all__ = ["EXAMPLES", "RANDOM_CHECKS", "is_settled"]

EXAMPLES: Final = 20
"""Streams of each kind in a run; of those that are wrong there are twice as many."""

_NAME: Final = re.compile(r'"(?:filename|to)"\s*:\s*"((?:[^"\\]|\\.)*)')
_ESCAPES: Final = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")


def framed(raw: bytes) -> bytes:
    """Return a frame without a body."""
    return struct.pack("<I", len(raw)) + raw


valid_streams: Final = st.lists(strategies.messages(), min_size=1, max_size=3).map(
    lambda made: b"".join(frame.wire for message in made for frame in message)
)
request_streams: Final = st.lists(
    strategies.requests(st.just(UNSET) | strategies.request_ids)
    .map(msgspec.to_builtins)
    .flatmap(strategies.json_texts)
    .map(framed),
    min_size=1,
    max_size=4,
).map(b"".join)
headers: Final = st.lists(strategies.nearly_valid_json().map(framed), min_size=1, max_size=3).map(
    b"".join
)
damaged_streams: Final = (valid_streams | request_streams | headers).flatmap(strategies.damaged)


@st.composite
def reply_streams(draw: st.DrawFn) -> tuple[list[Awaited], bytes]:
    """Return requests and the replies to them, some of them cut off at the end."""
    asked, wire = [], b""
    for number in range(1, draw(st.integers(1, 3)) + 1):
        command = draw(st.sampled_from(Command))
        asked.append(Awaited(id=number, cmd=command.value))
        members: dict[str, Any] = {"id": number, "ok": True}
        body = b""
        if draw(st.integers(0, 3)):
            members |= msgspec.to_builtins(draw(strategies.successes(command)))
            body = draw(strategies.bodies) if command in (Command.GET, Command.LIST) else b""
        else:
            members |= {"ok": False, "code": draw(st.sampled_from(["not-found", "forbidden"]))}
        if body:
            members["filesize"] = len(body)
        wire += framed(draw(strategies.json_texts(members))) + body
    return asked, wire[: draw(st.integers(0, len(wire)))] if draw(st.booleans()) else wire


def is_settled(data: bytes) -> bool:
    """Return whether every version of Unicode agrees whether the names in `data` are in NFC.

    HF/1 takes characters that a server's version does not know as they stand.
    """
    for name in _NAME.findall(data.decode("utf-8", "replace")):
        escaped = "".join(
            bytes.fromhex(run.replace("\\u", "")).decode("utf-16-be", "ignore")
            for run in _ESCAPES.findall(name)
        )
        if any(map(_may_decompose, (name + escaped))):
            return False
    return True


def _may_decompose(character: str) -> bool:
    """Return whether a character is young and matters to NFC, or may come to do so."""
    if character.isascii() or unicodedata.ucd_3_2_0.category(character) != "Cn":
        return False
    return (
        unicodedata.category(character) == "Cn"
        or unicodedata.combining(character) > 0
        or unicodedata.normalize("NFD", character) != character
    )


def _look(peer: CodecPeer, example: Callable[[st.DrawFn], None], usual: int = EXAMPLES) -> None:
    """Try examples, and let the peer show the one that fails."""
    search = peer.search
    try:
        search.explore(
            example,
            seed=peer.random.getrandbits(32),
            usual=usual,
            record=lambda: (peer.transcript, peer.question),
        )
    finally:
        if search.found is not None:
            peer.transcript = search.found.transcript


def _run_streams(
    streams: st.SearchStrategy[bytes], usual: int = EXAMPLES
) -> Callable[[CodecPeer], None]:
    def run(peer: CodecPeer) -> None:
        def example(draw: st.DrawFn) -> None:
            stream = draw(streams)
            assume(is_settled(stream))
            chunks = draw(strategies.cuttings(stream))
            peer.reads(Side.SERVER, chunks, read(Side.SERVER, [stream]))

        _look(peer, example, usual)

    return run


def _run_replies(peer: CodecPeer) -> None:
    def example(draw: st.DrawFn) -> None:
        asked, stream = draw(reply_streams())
        chunks = draw(strategies.cuttings(stream))
        peer.reads(Side.CLIENT, chunks, read(Side.CLIENT, [stream], asked), asked)

    _look(peer, example)


def _run_builds(peer: CodecPeer) -> None:
    def example(draw: st.DrawFn) -> None:
        members = msgspec.to_builtins(draw(strategies.requests()))
        body = draw(strategies.bodies)
        assume(is_settled(json.dumps(members).encode()))
        takes_body = COMMANDS[Command(members["cmd"])].request_has_body
        events: list[ev.Event] = [ev.Header(members=members)]
        events += [ev.Body(hex=body.hex())] * bool(body and takes_body)
        peer.builds(Side.CLIENT, [*events, ev.End()])

    _look(peer, example)


_RECEIVERS: Final = ("HF-FRAME-005", "HF-FRAME-006", "HF-BODY-005")
_STRICT: Final = ("HF-ERROR-001", "HF-HEADER-002", "HF-FRAME-002", "HF-FRAME-006")
_SENDERS: Final = ("HF-FRAME-003", "HF-FRAME-004", "HF-HEADER-013")
_ROWS: Final[list[tuple[str, str, tuple[str, ...], Callable[[CodecPeer], None]]]] = [
    ("puts", "Puts of any kind.", _RECEIVERS, _run_streams(valid_streams)),
    ("requests", "Requests of any kind.", _RECEIVERS, _run_streams(request_streams)),
    ("headers", "Headers that are nearly right.", _STRICT, _run_streams(headers, 2 * EXAMPLES)),
    ("damage", "Damaged streams.", _STRICT, _run_streams(damaged_streams, 2 * EXAMPLES)),
    ("replies", "Replies of any kind.", _RECEIVERS, _run_replies),
    ("builds", "Requests of any kind, built.", _SENDERS, _run_builds),
]

RANDOM_CHECKS: Final = tuple(
    Check(
        id=f"random/{name}",
        title=title,
        rules=rules,
        role=Role.CODEC,
        lane=Lane.RANDOM,
        run=run,
    )
    for name, title, rules, run in _ROWS
)
"""One for each kind of stream."""
