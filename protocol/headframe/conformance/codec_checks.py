"""The checks of codecs: every vector, at several cuttings, and the way back.

Spec: chapters 2 to 7 and the page `spec/vectors.md`. The law of this module: what is right stands
in the vectors; here it is only asked for, and compared.

    vector/FRAME-002-tls    the events of the vector, however it is cut
    build/FRAME-001-put     a message that says what the vector's message says
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from headframe import UNSET
from headframe.conformance import codec_events as ev
from headframe.conformance.check import OK, Check, Role
from headframe.conformance.codec_process import Codec
from headframe.conformance.codec_reader import read
from headframe.conformance.searching import Search
from headframe.conformance.transcript import Entry, Kind, Transcript
from headframe.conformance.vectors import VECTORS, Awaited, Category, Side, Vector
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CodecPeer", "Skipped", "build_checks", "vector_checks"]

SHOWN_EVENTS: Final = 6
SHOWN_CHARACTERS: Final = 200
_ALL: Final = tuple(VECTORS.values())


class Skipped(Exception):
    """The codec says that it does not do this."""


class CodecPeer:
    """A codec as one check sees it."""

    def __init__(self, codec: Codec, seed: str, search: Search | None = None) -> None:
        self.codec = codec
        self.search = search or Search()
        """How a random check looks."""
        self.question: dict[str, Any] = {}
        """What was asked last."""
        self.random = random.Random(seed)  # noqa: S311  (repeatable, not secret)
        self.transcript = Transcript("codec")

    def reads(
        self,
        role: Side,
        chunks: Sequence[bytes],
        events: Sequence[ev.Event],
        requests: Sequence[Awaited] = (),
    ) -> None:
        """Expect these events of a stream."""
        self._record(role, b"".join(chunks))
        question: dict[str, Any] = {
            "op": "read",
            "role": role.value,
            "chunks": [chunk.hex() for chunk in chunks],
        }
        answer = self._ask(question, requests)
        asked = [one.cmd for one in requests] if role is Side.CLIENT else None
        try:
            made = ev.normal(msgspec.convert(answer.get("events"), list[ev.Event]), asked)
        except (msgspec.ValidationError, ValueError) as error:
            raise Deviation("events, as the page about vectors says", str(error)) from None
        how = f"in pieces of {_sizes(chunks)} bytes"
        compare(ev.joined(events), _as_judged(made, events[-1]), how)

    def builds(
        self, role: Side, events: Sequence[ev.Event], requests: Sequence[Awaited] = ()
    ) -> bytes:
        """Expect bytes that make these events of one message: header, body if any, end."""
        header = next(event for event in events if isinstance(event, ev.Header))
        body = b"".join(event.data for event in events if isinstance(event, ev.Body))
        question: dict[str, Any] = {"op": "build", "role": role.value}
        question |= {"members": header.members, "body": body.hex()}
        trailers = msgspec.to_builtins(events[-1])
        del trailers["event"]
        question |= {"trailers": trailers} if trailers else {}
        answer = self._ask(question, requests)
        try:
            data = bytes.fromhex(answer["hex"])
        except (KeyError, TypeError, ValueError):
            got = str(answer.get("error", json.dumps(answer)))
            raise Deviation("a member hex, of hexadecimal digits", ascii(got[:200])) from None
        reader = Side.SERVER if role is Side.CLIENT else Side.CLIENT
        self._record(reader, data)
        over = ev.Closed() if header.members.get("close") else ev.Eof()
        compare([*events, over], read(reader, [data], requests), "read by the kit")
        return data

    def _ask(self, question: dict[str, Any], requests: Sequence[Awaited]) -> dict[str, Any]:
        if requests:
            question["requests"] = msgspec.to_builtins(requests)
        self.question = question
        answer = self.codec.ask(question)
        if isinstance(answer.get("skip"), str):
            raise Skipped(answer["skip"])
        if isinstance(answer.get("error"), str) and question["op"] == "read":
            raise Deviation("events", ascii(f"the error {answer['error'][:200]}"))
        return answer

    def _record(self, reader: Side, data: bytes) -> None:
        kind = Kind.SENT if reader is Side.SERVER else Kind.RECEIVED
        self.transcript = Transcript("codec", [Entry(1, kind, data)])


def _as_judged(made: list[ev.Event], last: ev.Event) -> list[ev.Event]:
    """Return events without what a codec need not say of a fatal error."""
    if made and isinstance(last, ev.Fatal) and isinstance(made[-1], ev.Fatal):
        code = UNSET if last.code is UNSET else made[-1].code
        id_seen = last.id_seen if made[-1].id_seen is UNSET else made[-1].id_seen
        made[-1] = ev.Fatal(code=code, id_seen=UNSET if last.id_seen is UNSET else id_seen)
    return made


def compare(permitted: Sequence[ev.Event], got: Sequence[ev.Event], how: str) -> None:
    """Raise Deviation where events differ, with what stands at the first place that does."""
    if ev.spelled(permitted) == ev.spelled(got):
        return
    one, other = [*map(ev.said, permitted)], [*map(ev.said, got)]
    same = next(
        (n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
    raise Deviation(_shown(one, same), f"{_shown(other, same)} ({how})")


def _shown(events: list[str], begin: int) -> str:
    """Return events from the one before `begin` on, as far as there is room."""
    begin = max(0, begin - 1)
    shown = [
        text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
        for text in events[begin : begin + SHOWN_EVENTS]
    ]
    before = ["..."] * bool(begin)
    after = ["..."] * (len(events) > begin + SHOWN_EVENTS)
    return " ".join([*before, *shown, *after]) or "nothing"


def _sizes(chunks: Sequence[bytes]) -> str:
    sizes = [str(len(chunk)) for chunk in chunks]
    return " ".join(sizes if len(sizes) <= 8 else [*sizes[:6], "...", sizes[-1]])


# --- the vectors -------------------------------------------------------------------------


def cuttings(
    vector: Vector, chance: random.Random, *, thorough: bool = False
) -> Iterator[list[bytes]]:
    """Return ways to cut a vector: whole, in small pieces, in two at an edge and anywhere.

    `thorough`: in two everywhere, unless it is long.
    """
    data = vector.data
    yield [data]
    step = 1 if len(data) < 2000 else 509
    yield [data[at : at + step] for at in range(0, len(data), step)]
    edges = [edge for note in vector.annotations for edge in (note.offset, note.offset + 2)]
    places: Iterable[int] = (chance.choice(edges or [0]), chance.randint(0, len(data)))
    for place in range(1, len(data)) if thorough and step == 1 else places:
        yield [data[:place], data[place:]]


def _run_vector(vector: Vector, *, thorough: bool) -> Callable[[CodecPeer], None]:
    def run(peer: CodecPeer) -> None:
        for chunks in cuttings(vector, peer.random, thorough=thorough):
            peer.reads(vector.role, chunks, vector.events, vector.requests)
        followed = vector.followed()
        if followed is not None:
            place = peer.random.randint(0, len(followed.data))
            pieces = [followed.data[:place], followed.data[place:]]
            for chunks in ([followed.data], pieces):
                peer.reads(followed.role, chunks, followed.events, followed.requests)

    return run


def vector_checks(vectors: Iterable[Vector] = _ALL, *, thorough: bool = False) -> tuple[Check, ...]:
    """Return a check for each vector; a thorough one cuts it everywhere."""
    return tuple(
        Check(
            id=f"vector/{vector.id}",
            title=vector.title,
            rules=vector.rules,
            role=Role.CODEC,
            run=_run_vector(vector, thorough=thorough),
        )
        for vector in vectors
    )


# --- the way back ------------------------------------------------------------------------


def messages(vector: Vector) -> Iterator[tuple[list[ev.Event], tuple[Awaited, ...]]]:
    """Return the events of each whole message of a vector, and the request that it answers."""
    due = [*vector.requests]
    made: list[ev.Event] = []
    asked: tuple[Awaited, ...] = ()
    for event in ev.joined(vector.events):
        match event:
            case ev.Header(members=members):
                made = [event]
                answers = vector.role is Side.CLIENT and members["id"] != 0
                asked = (due.pop(0),) if answers and due else ()
            case ev.Body():
                made.append(event)
            case ev.End():
                yield [*made, event], asked
            case _:
                made = []


def _run_build(vector: Vector) -> Callable[[CodecPeer], None]:
    def run(peer: CodecPeer) -> None:
        role = Side.SERVER if vector.role is Side.CLIENT else Side.CLIENT
        for events, requests in messages(vector):
            peer.builds(role, events, requests)

    return run


_SENDERS: Final = ("HF-FRAME-003", "HF-FRAME-004", "HF-HEADER-013", "HF-BODY-003")


def build_checks(vectors: Iterable[Vector] = _ALL) -> tuple[Check, ...]:
    """Return a check for each valid vector whose messages a codec can be asked to build."""
    made = [
        Check(
            id=f"build/{vector.id}",
            title=f"{vector.title}, built.",
            rules=_SENDERS,
            role=Role.CODEC,
            run=_run_build(vector),
        )
        for vector in vectors
        if vector.category in (Category.VALID, Category.ORIGIN) and _can_be_built(vector)
    ]
    return tuple(made)


def compact_check() -> Check:
    """Return the check of how a header is written."""
    return Check(
        id="build/compact",
        title="A header is written without white space.",
        rules=("HF-HEADER-019",),
        role=Role.CODEC,
        run=_run_compact,
        permitted={OK: Verdict.PASS, "white-space": Verdict.WARN},
    )


def _run_compact(peer: CodecPeer) -> str:
    data = peer.builds(Side.CLIENT, [ev.Header(members={"id": 1, "cmd": "list"}), ev.End()])
    return "white-space" if set(data[4:]) & set(b" \t\r\n") else OK


def _can_be_built(vector: Vector) -> bool:
    """Return whether there are messages, all of them such as a sender may write."""
    headers = [events[0] for events, _ in messages(vector)]
    return bool(headers) and not any(
        isinstance(header, ev.Header) and header.members.get("code") == "internal"
        for header in headers
    )
