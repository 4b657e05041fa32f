"""What a header costs: this codec beside hand-written code and beside HTTP/1.1's.

    python tests/benchmarks/codec.py            a table, all rows in one run
    pytest tests/benchmarks -p no:cacheprovider --benchmark-enable

Each row is the minimum of many short rounds in which all rows take turns, so that a slow moment of
the machine hits all of them; trust the ratios, not the microseconds.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import h11
import msgspec
import orjson

from headframe import Put
from headframe.interpretation import REQUEST_PLAN

ROUNDS = 60
CALLS = 500

SHORT = Put(id=7, filename="photos/2026/harbour/IMG_20260714_183512.jpg", filesize=4096, total=4096)
LONG = Put(
    id=7,
    filename="archive/2026/07/14/measurements/station-0042/" + "sensor-readings-" * 6 + ".csv",
    filesize=1_048_576,
    total=1_048_576,
    mtime=1_784_054_112_000_000,
    digest="sha-256:" + "0123456789abcdef" * 4,
)
CONDITIONAL = Put(id=7, filename=SHORT.filename, filesize=4096, if_="1a2b-17c9d0e5f3a1b2c4")
PRELUDE = struct.Struct("<I")


@dataclass(frozen=True)
class Row:
    """One thing that is timed."""

    label: str
    call: Callable[[], object]


def framed(header: bytes) -> bytes:
    return PRELUDE.pack(len(header)) + header


def decode_by_plan(wire: bytes) -> object:
    return REQUEST_PLAN.decode_header(wire[4 : 4 + REQUEST_PLAN.header_bytes(wire)])


def decode_by_hand(wire: bytes) -> object:
    (count,) = struct.unpack("<I", wire[:4])
    return json.loads(wire[4 : 4 + count])


def decode_by_orjson(wire: bytes) -> object:
    (count,) = PRELUDE.unpack_from(wire)
    return orjson.loads(wire[4 : 4 + count])


def encode_by_hand(members: dict[str, object]) -> bytes:
    header = json.dumps(members).encode()
    return struct.pack("<I", len(header)) + header


def http_head(members: dict[str, object]) -> bytes:
    """Return a PUT that says the same."""
    lines = [f"PUT /{members['filename']} HTTP/1.1", "Host: localhost"]
    lines += [f"Content-Length: {members['filesize']}", f"X-Request-Id: {members['id']}"]
    lines += [f"X-{name}: {members[name]}" for name in ("digest", "mtime") if name in members]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def decode_by_h11(head: bytes) -> object:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    return connection.next_event()


def encode_by_h11(target: str, headers: list[tuple[str, str]]) -> object:
    connection = h11.Connection(h11.CLIENT)
    return connection.send(h11.Request(method="PUT", target=target, headers=headers))


def rows_for(header: Put) -> tuple[list[Row], list[Row], int]:
    canonical = msgspec.json.encode(header)
    members = json.loads(canonical)
    own, foreign = framed(canonical), framed(json.dumps(members).encode())
    head = http_head(members)
    headers = [("Host", "localhost"), ("Content-Length", str(header.filesize))]
    headers += [("X-Request-Id", "7"), ("X-Mtime", str(header.mtime or 0))]
    decoding = [
        Row("struct + json.loads, canonical", lambda: decode_by_hand(own)),
        Row("struct + json.loads, foreign", lambda: decode_by_hand(foreign)),
        Row("struct + orjson", lambda: decode_by_orjson(own)),
        Row("h11 request head", lambda: decode_by_h11(head)),
        Row("headframe, canonical", lambda: decode_by_plan(own)),
        Row("headframe, foreign", lambda: decode_by_plan(foreign)),
    ]
    encoding = [
        Row("struct + json.dumps", lambda: encode_by_hand(members)),
        Row("h11 request head", lambda: encode_by_h11("/" + header.filename, headers)),
        Row("headframe, writer", lambda: REQUEST_PLAN.build_head(header, checked=False)),
        Row("headframe, writer and check", lambda: REQUEST_PLAN.build_head(header)),
    ]
    return decoding, encoding, len(canonical)


def measure(rows: list[Row]) -> list[float]:
    """Return the least microseconds a call of each row took."""
    best = [float("inf")] * len(rows)
    for _ in range(ROUNDS):
        for index, row in enumerate(rows):
            call = row.call
            begin = time.perf_counter()
            for _ in range(CALLS):
                call()
            best[index] = min(best[index], (time.perf_counter() - begin) / CALLS * 1e6)
    return best


def main() -> None:
    """Print the table."""
    for header in (SHORT, LONG, CONDITIONAL):
        decoding, encoding, size = rows_for(header)
        for title, rows in (("decode", decoding), ("encode", encoding)):
            times = measure(rows)
            print(f"\n{title} a header of {size} bytes{'microseconds':>24}{'x hand-written':>17}")
            for row, taken in zip(rows, times, strict=True):
                base = times[1] if "foreign" in row.label else times[0]
                print(f"  {row.label:<36}{taken:>14.2f}{taken / base:>17.2f}")


def test_decode(benchmark):
    benchmark(decode_by_plan, framed(msgspec.json.encode(SHORT)))


def test_decode_by_hand(benchmark):
    benchmark(decode_by_hand, framed(msgspec.json.encode(SHORT)))


def test_encode(benchmark):
    benchmark(REQUEST_PLAN.build_head, SHORT)


if __name__ == "__main__":
    main()
