"""Every example of the standard is run.

Framing is read here with `struct` and `json` alone, so that a mistake of the codec cannot hide
one of the text; what a header is answered with is asked of the codec.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from pathlib import Path

import msgspec
import pytest

from headframe import (
    COMMANDS,
    NEED_DATA,
    BodyChunk,
    Command,
    Connection,
    ConnectionClosed,
    Continuation,
    ErrorClass,
    ErrorCode,
    RemoteError,
    Request,
    RequestRefused,
    Role,
    is_name,
)
from headframe.registry import REGISTERED_KEYS

STANDARD = Path(__file__).resolve().parents[2] / "spec" / "headframe.md"
BLOCK = re.compile(r"^```(\w+)(?: ([\w-]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DUMP_LINE = re.compile(r"([0-9a-f]{4})  ((?:[0-9a-f]{2} ?){1,16}) {1,}(\S.*)?")


def blocks(kind: str) -> list:
    """Return the fenced blocks of a kind as (label, text), named by their line."""
    text = STANDARD.read_text("utf-8")
    return [
        pytest.param(
            found[2], found[3].rstrip("\n"), id=f"line {text.count(chr(10), 0, found.start()) + 1}"
        )
        for found in BLOCK.finditer(text)
        if found[1] == kind
    ]


def lines(kind: str) -> list:
    """Return the lines of all blocks of a kind as (verdict, example)."""
    return [
        pytest.param(*line.split(maxsplit=1), id=line)
        for block in blocks(kind)
        for line in block.values[1].splitlines()
    ]


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


def server_verdict(raw: bytes) -> str:
    """Return `accepted`, or the code with which a server answers the last of these messages."""
    server = Connection(Role.SERVER)
    verdict = "nothing"
    try:
        server.receive_data(raw)
        server.receive_data(b"")
        while True:
            event = server.next_event()
            if isinstance(event, RequestRefused):
                verdict = str(event.refusal.code)
            elif isinstance(event, Request):
                verdict = "accepted"
            elif isinstance(event, ConnectionClosed):
                return verdict
    except RemoteError as error:
        return str(error.code)


def frame_of(header: str) -> bytes:
    """Return the frame with this header and no body."""
    return struct.pack("<I", len(header.encode())) + header.encode()


def parse_exchange(text: str) -> list[tuple[str, dict, bytes]]:
    """Return (direction, header, body) for each frame of an exchange."""
    parts = re.split(r"^(C>S|S>C)  ", text, flags=re.MULTILINE)
    assert "" == parts[0]
    frames = []
    for direction, frame in zip(parts[1::2], parts[2::2], strict=True):
        header, body = [], []
        for line in frame.rstrip("\n").split("\n"):
            bar = re.fullmatch(r" {5}\| (.*)", line)
            (body if bar else header).append(bar[1] if bar else line)
        frames.append((direction, json.loads("".join(header)), "".join(body).replace("⏎", "\n")))
    return [(direction, header, body.encode()) for direction, header, body in frames]


def test_there_are_examples_of_every_kind():
    for kind in ("hexdump", "exchange", "header", "message", "name"):
        assert blocks(kind), kind


@pytest.mark.parametrize(("label", "dump"), [b for b in blocks("hexdump") if not b.values[0]])
def test_a_dump_is_a_whole_number_of_frames(label, dump):
    frames = cut_frames(dumped_bytes(dump))
    assert frames
    for header, _ in frames:
        assert isinstance(json.loads(header.decode("utf-8")), dict)


@pytest.mark.parametrize(("code", "dump"), [b for b in blocks("hexdump") if b.values[0]])
def test_a_dump_with_a_code_is_refused_with_it(code, dump):
    assert ErrorClass.FATAL is ErrorCode(code).error_class
    assert code == server_verdict(dumped_bytes(dump))


@pytest.mark.parametrize(("label", "dump"), blocks("hexdump"))
def test_a_dump_names_n_and_shows_the_text_of_its_bytes(label, dump):
    for line in dump.splitlines():
        _, hexadecimal, note = DUMP_LINE.fullmatch(line).groups()
        raw = bytes.fromhex(hexadecimal)
        if note and note.startswith("N = "):
            assert int.from_bytes(raw, "little") == int(re.match(r"N = (\d+)", note)[1])
        elif note and note.startswith("body: "):
            assert re.match(r'body: "(.*)"', note)[1].encode() == raw
        elif raw.isascii():
            assert (note or "").strip() == raw.decode().strip()


@pytest.mark.parametrize(("verdict", "header"), lines("header"))
def test_a_header_is_answered_as_the_standard_says(verdict, header):
    assert verdict == server_verdict(frame_of(header))


@pytest.mark.parametrize(("verdict", "message"), lines("message"))
def test_a_message_is_answered_as_the_standard_says(verdict, message):
    raw, headers, decoder = b"", 0, json.JSONDecoder()
    while message:
        header, end = decoder.raw_decode(message)
        raw += frame_of(message[:end]) + b"x" * header.get("filesize", 0)
        message, headers = message[end:].lstrip(), headers + 1
    assert headers > 1
    assert verdict == server_verdict(raw)


@pytest.mark.parametrize(("verdict", "name"), lines("name"))
def test_a_name_is_judged_as_the_standard_says(verdict, name):
    assert (verdict == "accepted") == is_name(json.loads(name))


@pytest.mark.parametrize(("label", "text"), blocks("exchange"))
def test_an_exchange_announces_the_bodies_it_shows(label, text):
    for _, header, body in parse_exchange(text):
        assert header.get("filesize", 0) == len(body)


@pytest.mark.parametrize(("label", "text"), blocks("exchange"))
def test_an_exchange_uses_registered_words(label, text):
    for direction, header, _ in parse_exchange(text):
        assert set(header) <= REGISTERED_KEYS
        if "cmd" in header:
            assert "C>S" == direction
            assert header["cmd"] in set(Command)
        if "ok" in header:
            assert "S>C" == direction
            assert header["ok"] == ("code" not in header)
        if "code" in header:
            assert header["code"] in set(ErrorCode)


@pytest.mark.parametrize(("label", "text"), blocks("exchange"))
def test_an_exchange_answers_every_id_once_and_in_order(label, text):
    frames = parse_exchange(text)
    asked = [h["id"] for _, h, _ in frames if "cmd" in h and "id" in h]
    answered = [h["id"] for _, h, _ in frames if "ok" in h and h["id"] != 0]
    if asked:
        assert asked == answered


@pytest.mark.parametrize(("label", "text"), blocks("exchange"))
def test_an_exchange_shows_the_digest_of_its_body(label, text):
    for direction, header, body in parse_exchange(text):
        if direction == "C>S" and "digest" in header and not header.get("more"):
            assert header["digest"] == "sha-256:" + hashlib.sha256(body).hexdigest()


def pull_events(connection: Connection) -> list:
    """Return all events that are there."""
    events = []
    while (event := connection.next_event()) is not NEED_DATA:
        events.append(event)
        if isinstance(event, ConnectionClosed):
            break
    return events


@pytest.mark.parametrize(("label", "text"), blocks("exchange"))
def test_an_exchange_is_one_that_two_connections_can_have(label, text):
    """A client may send what it sends, and the server's replies fit what it asked."""
    frames = parse_exchange(text)
    if frames[0][0] != "C>S" and frames[0][1]["id"] != 0:
        frames = frames[1:]  # the request stands in the dump above it
    client, server = Connection(Role.CLIENT), Connection(Role.SERVER)
    for direction, header, body in frames:
        if direction == "S>C":
            client.receive_data(frame_of(json.dumps(header)) + body)
            assert pull_events(client)
            continue
        kind = COMMANDS[Command(header["cmd"])].request if "cmd" in header else Continuation
        head = client.send(msgspec.convert(header, kind))
        if body:
            client.send(BodyChunk(body))
        server.receive_data(bytes(head) + body)
        assert pull_events(server) or "id" not in header
