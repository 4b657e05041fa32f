"""The written standard as data: its texts, its rules, its dumps and its exchanges.

Framing is read here with `struct` and `json` alone, so that a mistake of the codec cannot hide
one of the text.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "spec"
STANDARD = SPEC / "headframe.md"
TEXTS = sorted(SPEC.glob("*.md"))

BLOCK = re.compile(r"^```([\w-]+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DUMP_LINE = re.compile(r"([0-9a-f]{4})  ((?:[0-9a-f]{2} ?){1,16}) {1,}(\S.*)?")
MARK = re.compile(r"^(C>S|S>C|D>S|S>D|HAS|\*\*\*)  ", re.MULTILINE)
COMMAND_FREE = {"HAS", "***"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a text."""

    path: Path
    line: int
    kind: str
    label: str
    text: str

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.path.name}, line {self.line}"


def all_blocks() -> Iterator[Block]:
    """Return the fenced blocks of all texts, in order."""
    for path in TEXTS:
        text = path.read_text("utf-8")
        for found in BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(path, line, found[1], found[2] or "", found[3].rstrip("\n"))


def blocks(kind: str) -> list[Block]:
    """Return the blocks of one kind."""
    return [block for block in all_blocks() if block.kind == kind]


def example_lines(kind: str) -> list[Any]:
    """Return the lines of all blocks of a kind as (verdict, example)."""
    return [
        pytest.param(*line.split(maxsplit=1), id=line)
        for block in blocks(kind)
        for line in block.text.splitlines()
    ]


# --- dumps -------------------------------------------------------------------------------


def dumped_bytes(dump: str) -> bytes:
    """Return the bytes of a dump; its offsets have to be theirs."""
    found = bytearray()
    for line in dump.splitlines():
        matched = DUMP_LINE.fullmatch(line)
        assert matched, line
        assert len(found) == int(matched[1], 16), line
        found += bytes.fromhex(matched[2])
    return bytes(found)


def cut_frames(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Cut whole frames into (header, body)."""
    frames = []
    while raw:
        (header_bytes,) = struct.unpack("<I", raw[:4])
        header, raw = raw[4 : 4 + header_bytes], raw[4 + header_bytes :]
        assert header_bytes == len(header), "the header is whole"
        body_bytes = json.loads(header).get("filesize", 0)
        body, raw = raw[:body_bytes], raw[body_bytes:]
        assert body_bytes == len(body), "the body is whole"
        frames.append((header, body))
    return frames


def frame_of(header: str, body: bytes = b"") -> bytes:
    """Return the frame with this header and body."""
    return struct.pack("<I", len(header.encode())) + header.encode() + body


def message_of(headers: str) -> bytes:
    """Return the message with these headers, one after the other, and bodies of `x`."""
    raw, count, decoder = b"", 0, json.JSONDecoder()
    while headers:
        header, end = decoder.raw_decode(headers)
        raw += frame_of(headers[:end], b"x" * header.get("filesize", 0))
        headers, count = headers[end:].lstrip(), count + 1
    assert count > 1
    return raw


# --- exchanges ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One frame of an exchange, or what stands beside the frames.

    `mark` is C>S or S>C; D>S or S>D on a second connection; HAS for a file that the server holds
    at that point; *** for what happens.
    """

    mark: str
    text: str
    """The header as it is written; of *** what happens."""
    body: bytes = b""
    header: dict[str, Any] = field(default_factory=dict)

    @property
    def is_frame(self) -> bool:
        """Whether it goes over the wire."""
        return self.mark not in COMMAND_FREE

    @property
    def from_server(self) -> bool:
        """Whether the server sends it."""
        return self.mark.startswith("S>")

    @property
    def connection(self) -> str:
        """C or D."""
        return self.mark.replace("S", "").replace(">", "")


def parse_exchange(text: str) -> list[Step]:
    """Return the steps of an exchange."""
    parts = MARK.split(text)
    assert "" == parts[0], text
    return [
        _parse_step(mark, lines.rstrip("\n").split("\n"))
        for mark, lines in zip(parts[1::2], parts[2::2], strict=True)
    ]


def _parse_step(mark: str, lines: list[str]) -> Step:
    if mark == "***":
        return Step(mark, " ".join(line.strip() for line in lines))
    header, body = [], []
    for number, line in enumerate(lines):
        bar = re.fullmatch(r" {5}\| (.*)", line)
        if bar:
            body.append(bar[1].replace("⏎", "\n"))
            continue
        assert not body, f"a header goes on after a body: {line}"
        assert number == 0 or line.startswith("      "), line
        header.append(line.strip() if number else line.rstrip())
    text = "".join(header)
    try:
        members = json.loads(text)
    except ValueError:
        members = {}  # what a server makes of it is for the exchange to show
    return Step(mark, text, "".join(body).encode(), members)


def exchanges() -> list[tuple[Block, list[Step]]]:
    """Return all exchanges of all texts."""
    return [(block, parse_exchange(block.text)) for block in blocks("exchange")]


# --- rules -------------------------------------------------------------------------------

RULE_LINE = re.compile(r"^\*\*(HF-[A-Z]+-\d{3})\*\* \((\w+)\) (.+)$", re.MULTILINE)
RULE_ID = re.compile(r"\bHF-[A-Z]+-\d{3}\b")
