"""What a header costs: this codec beside hand-written code and beside HTTP/1.1's.

    python tests/benchmarks/codec.py            a table, all rows in one run
    pytest tests/benchmarks/codec.py --benchmark-enable

Each row is the minimum of many short rounds in which all rows take turns, so that a slow moment of
the machine hits all of them; trust the ratios, not the microseconds. "x by hand" is the time
relative to the first row, or for foreign bytes to the second one.
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
from pytest_benchmark.fixture import BenchmarkFixture

import script
from headframe import Put
from headframe.interpretation import REQUEST_PLAN
from script import How, Result

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

HAND, HAND_FOREIGN = "struct + json.loads, canonical", "struct + json.loads, foreign"
ORJSON, H11 = "struct + orjson", "h11 request head"
OURS, OURS_FOREIGN = "headframe, canonical", "headframe, foreign"
HAND_WRITER = "struct + json.dumps"
OURS_WRITER, OURS_CHECKED = "headframe, writer", "headframe, writer and check"


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
        Row(HAND, lambda: decode_by_hand(own)),
        Row(HAND_FOREIGN, lambda: decode_by_hand(foreign)),
        Row(ORJSON, lambda: decode_by_orjson(own)),
        Row(H11, lambda: decode_by_h11(head)),
        Row(OURS, lambda: decode_by_plan(own)),
        Row(OURS_FOREIGN, lambda: decode_by_plan(foreign)),
    ]
    encoding = [
        Row(HAND_WRITER, lambda: encode_by_hand(members)),
        Row(H11, lambda: encode_by_h11("/" + header.filename, headers)),
        Row(OURS_WRITER, lambda: REQUEST_PLAN.build_head(header, checked=False)),
        Row(OURS_CHECKED, lambda: REQUEST_PLAN.build_head(header)),
    ]
    return decoding, encoding, len(canonical)


def take_turns(rows: list[Row], rounds: int) -> list[float]:
    """Return the least microseconds a call of each row took."""
    best = [float("inf")] * len(rows)
    for _ in range(rounds):
        for index, row in enumerate(rows):
            call = row.call
            begin = time.perf_counter()
            for _ in range(CALLS):
                call()
            best[index] = min(best[index], (time.perf_counter() - begin) / CALLS * 1e6)
    return best


def ratios(decode: dict[str, float], encode: dict[str, float]) -> dict[str, float]:
    """Return what the goals are about: ours by others', and for h11 the other way round."""
    return {
        "canonical": decode[OURS] / decode[HAND],
        "foreign": decode[OURS_FOREIGN] / decode[HAND_FOREIGN],
        "orjson": decode[OURS] / decode[ORJSON],
        "h11": decode[H11] / decode[OURS],
        "encode": encode[OURS_WRITER] / encode[HAND_WRITER],
        "encode, checked": encode[OURS_CHECKED] / encode[HAND_WRITER],
    }


def measure(how: How) -> Result:
    """Return microseconds, and ratios, by header."""
    headers = {}
    for words, header in (("short", SHORT), ("long", LONG), ("with `if`", CONDITIONAL)):
        *both, size = rows_for(header)
        decode, encode = (
            dict(
                zip(
                    [row.label for row in rows],
                    take_turns(rows, 3 if how.quick else ROUNDS),
                    strict=True,
                )
            )
            for rows in both
        )
        headers[words] = {
            "bytes": size,
            "decode_us": decode,
            "encode_us": encode,
            "ratios": ratios(decode, encode),
        }
    return {"headers": headers}


def report(result: Result) -> list[str]:
    """Return the lines of a table of each header, and of the ratios."""
    lines = []
    for header in result["headers"].values():
        for title in ("decode", "encode"):
            row = header[f"{title}_us"]
            lines += ["", f"| {title} a header of {header['bytes']} bytes | us | x by hand |"]
            lines.append("| --- | --- | --- |")
            for label, taken in row.items():
                base = row[HAND_FOREIGN] if "foreign" in label else next(iter(row.values()))
                lines.append(f"| {label} | {taken:.2f} | {taken / base:.2f} |")
    names = list(next(iter(result["headers"].values()))["ratios"])
    lines += ["", "| header | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for words, header in result["headers"].items():
        cells = [f"{header['ratios'][name]:.2f}" for name in names]
        lines.append(f"| {words}, {header['bytes']} bytes | " + " | ".join(cells) + " |")
    return lines[1:]


def test_decode(benchmark: BenchmarkFixture) -> None:
    benchmark(decode_by_plan, framed(msgspec.json.encode(SHORT)))


def test_decode_by_hand(benchmark: BenchmarkFixture) -> None:
    benchmark(decode_by_hand, framed(msgspec.json.encode(SHORT)))


def test_encode(benchmark: BenchmarkFixture) -> None:
    benchmark(REQUEST_PLAN.build_head, SHORT)


if __name__ == "__main__":
    script.main(__doc__, measure, report)
