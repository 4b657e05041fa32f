"""Every example of the standard is run.

Framing is read with `struct` and `json` alone, so that a mistake of the codec cannot hide one of
the text; what a header is answered with is asked of the codec. `test_played.py` asks the server.
"""

from __future__ import annotations

import hashlib
import json
import re

import pytest

import standard
from headframe import (
    FRAME,
    Command,
    Connection,
    ConnectionClosed,
    ErrorClass,
    ErrorCode,
    RemoteError,
    Request,
    RequestRefused,
    Role,
    is_name,
)
from headframe.registry import REGISTERED_KEYS


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


def labelled(kind: str) -> list:
    """Return the blocks of a kind as (label, text)."""
    return [pytest.param(block.label, block.text, id=block.name) for block in standard.blocks(kind)]


DUMPS = [dump for dump in labelled("hexdump") if not dump.values[0]]
BAD_DUMPS = [dump for dump in labelled("hexdump") if dump.values[0]]
EXCHANGES = [
    pytest.param([step for step in steps if step.is_frame], id=block.name)
    for block, steps in standard.exchanges()
]


def canonical(header: bytes) -> bool:
    """Return whether a header is written without white space."""
    return json.dumps(json.loads(header), separators=(",", ":")).encode() == header


def test_there_are_examples_of_every_kind():
    for kind in ("hexdump", "exchange", "header", "message", "name"):
        assert standard.blocks(kind), kind


def test_there_are_no_blocks_that_nobody_runs():
    run = {"hexdump", "exchange", "header", "message", "name", "digest", "mermaid", "text"}
    run |= {"python", "sh", "vector", "json-lines", "js"}  # tests/conformance/test_vectors_page.py
    assert [] == [block.name for block in standard.all_blocks() if block.kind not in run]


@pytest.mark.parametrize(("label", "dump"), DUMPS)
def test_a_dump_is_built_again_by_the_declaration(label, dump):
    """Byte for byte, unless a header has white space, which no sender of ours writes."""
    for header, body in standard.cut_frames(standard.dumped_bytes(dump)):
        raw = standard.frame_of(header.decode(), body)
        parsed = FRAME.parse(raw)
        assert bytes(body) == bytes(parsed.body)
        rebuilt = FRAME.build(parsed)
        if canonical(header):
            assert raw == rebuilt
        assert json.loads(header) == json.loads(standard.cut_frames(rebuilt)[0][0])


@pytest.mark.parametrize(("label", "dump"), DUMPS)
def test_a_dump_shows_frames_of_an_exchange_that_is_played(label, dump):
    """One direction of it, and nothing between the frames in that direction."""
    shown = standard.dumped_bytes(dump)
    for _, steps in standard.exchanges():
        for mark in ("C>S", "S>C"):
            passing = [step for step in steps if step.mark == mark]
            frames = [standard.frame_of(step.text, step.body) for step in passing]
            for start in range(len(frames)):
                for end in range(start + 1, len(frames) + 1):
                    if shown == b"".join(frames[start:end]):
                        return
    pytest.fail("no exchange has these frames")


@pytest.mark.parametrize(("code", "dump"), BAD_DUMPS)
def test_a_dump_with_a_code_is_refused_with_it(code, dump):
    assert ErrorClass.FATAL is ErrorCode(code).error_class
    assert code == server_verdict(standard.dumped_bytes(dump))


@pytest.mark.parametrize(("code", "dump"), BAD_DUMPS)
def test_a_dump_with_a_code_names_n_and_shows_the_text_of_its_bytes(code, dump):
    for line in dump.splitlines():
        _, hexadecimal, note = standard.DUMP_LINE.fullmatch(line).groups()
        raw = bytes.fromhex(hexadecimal)
        if note and note.startswith("N = "):
            assert int.from_bytes(raw, "little") == int(re.match(r"N = (\d+)", note)[1])
        elif raw.isascii():
            assert (note or "").strip() == raw.decode().strip()


@pytest.mark.parametrize(("verdict", "header"), standard.example_lines("header"))
def test_a_header_is_answered_as_the_standard_says(verdict, header):
    assert verdict == server_verdict(standard.frame_of(header))


@pytest.mark.parametrize(("verdict", "message"), standard.example_lines("message"))
def test_a_message_is_answered_as_the_standard_says(verdict, message):
    assert verdict == server_verdict(standard.message_of(message))


@pytest.mark.parametrize(("verdict", "name"), standard.example_lines("name"))
def test_a_name_is_judged_as_the_standard_says(verdict, name):
    assert (verdict == "accepted") == is_name(json.loads(name))


@pytest.mark.parametrize("steps", EXCHANGES)
def test_an_exchange_announces_the_bodies_it_shows(steps):
    for step in steps:
        assert step.header.get("filesize", 0) == len(step.body)


@pytest.mark.parametrize("steps", EXCHANGES)
def test_an_exchange_uses_registered_words(steps):
    for step in steps:
        header = step.header
        assert {name for name in header if "." not in name} <= REGISTERED_KEYS
        if "cmd" in header:
            assert not step.from_server
            assert header["cmd"] in set(Command) or "." in header["cmd"]
        if "ok" in header:
            assert step.from_server
            assert header["ok"] == ("code" not in header)
        if "code" in header:
            assert header["code"] in set(ErrorCode)


@pytest.mark.parametrize("steps", EXCHANGES)
def test_an_exchange_answers_every_id_once_and_in_order(steps):
    for connection in {step.connection for step in steps}:
        headers = [step.header for step in steps if step.connection == connection]
        asked = [h["id"] for h in headers if "cmd" in h and "id" in h]
        answered = [h["id"] for h in headers if "ok" in h and h["id"] != 0]
        lost = len(asked) - len(answered)
        assert lost in (0, 1)
        assert asked[lost:] == answered


@pytest.mark.parametrize("steps", EXCHANGES)
def test_an_exchange_shows_the_digest_of_its_body(steps):
    for step in steps:
        shown = step.header.get("digest", "")
        if step.header.get("cmd") == "put" and re.fullmatch("sha-256:[0-9a-f]{64}", shown):
            assert step.header["digest"] == "sha-256:" + hashlib.sha256(step.body).hexdigest()
