"""Throw frames at the codec until something but a RemoteError comes out, or the count is reached.

    python tests/fuzz_codec.py                      1,000,000 frames, half a connection each
    python tests/fuzz_codec.py --frames 20000 --seed 7

Deterministic for a seed. Frames are valid, mutated or random; each goes to a connection in either
role, cut at random, and again byte for byte the same to a second one in one piece: both must make
the same events. On a failure the script prints the seed, the wire in hex and the traceback, and
ends with 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import struct
import sys
import time
import traceback

from headframe import (
    NEED_DATA,
    BodyChunk,
    Connection,
    ConnectionClosed,
    Get,
    List,
    Put,
    RemoteError,
    RequestRefused,
    Role,
    Stat,
)

CORPUS: list[dict[str, object]] = [
    {"cmd": "put", "filename": "a.txt", "filesize": 3},
    {"id": 7, "cmd": "put", "filename": "ä/漢字", "filesize": 5, "digest": "sha-256:00"},
    {"id": 7, "cmd": "put", "filename": "b", "filesize": 4, "more": True},
    {"filesize": 2, "more": True},
    {"filesize": 1, "digest": "d", "total": 9},
    {"abort": True, "code": "internal", "message": "disk"},
    {"id": 1, "cmd": "get", "filename": "a", "offset": 0, "length": 10, "want": ["digest"]},
    {"id": 2, "cmd": "stat", "filename": "a", "if": None},
    {"id": 3, "cmd": "list", "prefix": "a/", "limit": 5, "delimiter": "/"},
    {"id": 4, "cmd": "move", "filename": "a", "to": "b", "to_if": True},
    {"id": 5, "cmd": "hello", "hf": 1, "auth": {"scheme": "token", "token": "t"}},
    {"id": 6, "cmd": "nope", "x": [[[[]]]], "!y": 1},
    {"id": 1, "ok": True, "rev": "r", "total": 3, "filesize": 3},
    {"id": 2, "ok": False, "code": "not-found", "message": "no"},
    {"id": 3, "ok": True, "end": True, "filesize": 2},
    {"id": 0, "ok": False, "code": "closing", "close": True},
]
TOKENS = [b"NaN", b"1e999", b"-0", b"true", b"null", b'"\\ud800"', b"[[", b"{}", b'"a":', b"\xff"]


def make_frame(rng: random.Random) -> bytes:
    """Return a frame: valid, mutated or random."""
    members = dict(rng.choice(CORPUS))
    if rng.random() < 0.3:
        members |= rng.choice(CORPUS)
    if rng.random() < 0.2:
        members[rng.choice(["a.b", "!x", "filesize", "id", "more", "cmd"])] = rng.choice(
            [0, -1, 1.5, True, None, "x", [], {"a": 1}, 2**53, 2**70]
        )
    header = json.dumps(members, ensure_ascii=rng.random() < 0.5).encode()
    if rng.random() < 0.3:
        header = header.replace(b" ", b"")
    if rng.random() < 0.15:
        at = rng.randrange(len(header))
        header = header[:at] + rng.choice(TOKENS) + header[at + rng.randrange(3) :]
    count = members.get("filesize", 0)
    body = rng.randbytes(count if type(count) is int and 0 <= count < 100 else 3)
    frame = struct.pack("<I", len(header)) + header + body
    if rng.random() < 0.3:
        mutable = bytearray(frame)
        for _ in range(rng.randint(1, 4)):
            mutable[rng.randrange(len(mutable))] = rng.randrange(256)
        frame = bytes(mutable)
    if rng.random() < 0.05:
        frame = rng.randbytes(rng.randint(1, 60))
    return frame


def new_connection(role: Role) -> Connection:
    """Return a connection; a client has requests outstanding, one of them unfinished."""
    connection = Connection(role)
    if role is Role.CLIENT:
        for request in (
            Get(id=1, filename="a"),
            Stat(id=2, filename="a"),
            List(id=3),
            Put(id=4, filename="a", filesize=9),
        ):
            connection.send(request)
    return connection


def run(role: Role, pieces: list[bytes]) -> list[object]:
    """Return what a connection makes of the pieces: events and, last, the error's text."""
    connection = new_connection(role)
    made: list[object] = []
    for piece in [*pieces, b""]:
        connection.receive_data(piece)
        for _ in range(len(piece) + 10):
            try:
                event = connection.next_event()
            except RemoteError as error:
                return [*made, str(error)]
            if event is NEED_DATA:
                break
            if isinstance(event, BodyChunk):
                if made and isinstance(made[-1], bytes):
                    made[-1] += bytes(event.data)
                else:
                    made.append(bytes(event.data))
                continue
            made.append(event)
            if isinstance(event, RequestRefused):
                connection.send(event.refusal)
            if isinstance(event, ConnectionClosed):
                return made
        else:
            raise AssertionError("more events than bytes: it would never end")
    return made


def cut(rng: random.Random, wire: bytes) -> list[bytes]:
    """Return the wire in pieces."""
    edges = sorted({0, len(wire), *(rng.randrange(len(wire) + 1) for _ in range(4))})
    return [wire[begin:end] for begin, end in itertools.pairwise(edges)]


def main() -> int:
    """Run; return 0 when nothing but RemoteError came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=2017)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    begun = shown = time.monotonic()
    frames = events = errors = 0
    while frames < arguments.frames:
        count = rng.randint(1, 5)
        wire = b"".join(make_frame(rng) for _ in range(count))
        role = rng.choice(list(Role))
        try:
            made = run(role, [wire])
            if made != run(role, cut(rng, wire)):
                raise AssertionError("another cutting gave other events")
        except Exception:
            traceback.print_exc()
            print(f"seed {arguments.seed}, frame {frames}, {role.value}: {wire.hex()}")
            return 1
        frames += count
        events += len(made)
        errors += isinstance(made[-1], str)
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(f"{frames:,} frames, {frames / (shown - begun):,.0f} a second", flush=True)
    taken = time.monotonic() - begun
    print(
        f"{frames:,} frames in {taken:.0f} s ({frames / taken:,.0f} a second), {events:,} events,"
        f" {errors:,} RemoteErrors, nothing else (seed {arguments.seed})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
