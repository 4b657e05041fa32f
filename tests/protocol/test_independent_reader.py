"""The codec and a reader that shares no code with it make the same of every stream."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import headframe as hf
from headframe import COMMANDS, UNSET, Command, Connection, Limits, Role
from headframe.conformance import strategies
from headframe.interpretation import REQUEST_CODEC
from headframe.messages import (
    command_of,
)
from independent_reader import read_stream

UNLIMITED = Limits(discard_bytes=2**53)


def said_by(header):
    """Return the members of a request header as JSON has them, without framing."""
    members = msgspec.to_builtins(header)
    return {name: members[name] for name in members if name not in ("filesize", "more", "abort")}


def by_codec(data):  # noqa: C901  (one case for each event)
    """Return what the codec makes of a stream, in the form of `read_stream`."""
    server = Connection(Role.SERVER, UNLIMITED)
    outcomes = []
    header, body = None, b""
    server.receive_data(data)
    if data:
        server.receive_data(b"")
    while True:
        try:
            event = server.next_event()
        except hf.ConnectionLost:
            return [*outcomes, ("cut",)]
        except hf.RemoteError as error:
            return [*outcomes, ("fatal", error.code)]
        match event:
            case hf.Request():
                header, body = event, b""
            case hf.BodyChunk(chunk):
                body += chunk
            case hf.MessageFinished():
                members = said_by(header)
                for name in FIELDS[command_of(header)] & {"digest", "total"}:
                    if (trailer := getattr(event, name)) is not UNSET:
                        members[name] = trailer
                outcomes.append(("request", members, body))
                server.send(NOT_FOUND)
            case hf.MessageAborted():
                outcomes.append(("aborted", said_by(header)))
                server.send(NOT_FOUND)
            case hf.RequestRefused(refusal=refusal, id=id):
                outcomes.append(("refused", None if id is UNSET else id, refusal.code))
                server.send(refusal)
            case hf.ConnectionClosed():
                closed = outcomes and "unsupported-version" == outcomes[-1][-1]
                return [*outcomes, ("closed",) if closed else ("end",)]


NOT_FOUND = hf.Refusal(code="not-found")
FIELDS = {command: set(row.request.__struct_encode_fields__) for command, row in COMMANDS.items()}


def judged(data):
    """Return what the independent reader makes of a stream, in the codec's words."""
    outcomes = []
    for outcome in read_stream(data):
        if outcome[0] in ("request", "aborted"):
            members = outcome[1]
            if "id" not in members and members["cmd"] != "put":
                continue  # withdrawn or not, nobody carries it out and nobody is told
            fields = FIELDS[Command(members["cmd"])] | {"cmd"}
            members = {name: members[name] for name in members if name in fields - {"abort"}}
            outcomes.append((outcome[0], members, *outcome[2:]))
        else:
            outcomes.append(outcome)
    return outcomes


def framed(raw):
    return struct.pack("<I", len(raw)) + raw


valid_streams = st.lists(strategies.messages(), max_size=3).map(
    lambda made: b"".join(frame.wire for message in made for frame in message)
)
request_streams = st.lists(
    strategies.requests(st.just(UNSET) | strategies.request_ids).map(
        lambda header: framed(REQUEST_CODEC.encode(header))
    )
    | strategies.requests().map(msgspec.to_builtins).flatmap(strategies.json_texts).map(framed),
    max_size=4,
).map(b"".join)
loose_frames = st.lists(
    strategies.frames().map(lambda frame: frame.wire) | strategies.nearly_valid_json().map(framed),
    max_size=4,
).map(b"".join)
member_soup = (
    st.dictionaries(
        st.sampled_from(
            [
                "id",
                "cmd",
                "filename",
                "filesize",
                "more",
                "digest",
                "total",
                "abort",
                "code",
                "upload",
                "offset",
                "if",
                "to",
                "to_if",
                "hf",
                "want",
                "ok",
                "rev",
                "!x",
                "x",
            ]
        ),
        st.sampled_from(
            [0, 1, 2, 3, True, False, None, "a", "put", "get", "stat", "delete", "hello", "move"]
            + ["u" * 22, "d", ["digest"], {}, 1.0, -1]
        ),
        max_size=6,
    )
    .flatmap(strategies.json_texts)
    .map(framed)
)
soup_streams = st.lists(member_soup | st.binary(min_size=1, max_size=3), max_size=6).map(b"".join)


@given(valid_streams)
@pytest.mark.rule("HF-FRAME-005", "HF-BODY-005")
def test_both_readers_agree_on_valid_streams(data):
    assert judged(data) == by_codec(data)


@given(request_streams)
def test_both_readers_agree_on_requests_of_every_kind(data):
    assert judged(data) == by_codec(data)


@given(
    loose_frames
    | soup_streams
    | (valid_streams | request_streams | loose_frames).flatmap(strategies.damaged)
)
@example(framed(b'{"cmd":"put","filename":"a","more":true}') + framed(b'{"more":false,"cmd":1}'))
@example(framed(b'{"id":1,"cmd":"hello","hf":2}') + framed(b'{"id":2,"cmd":"hello"}'))
@example(framed(b'{"id":1,"cmd":"get","filename":"a","abort":true}'))
@example(framed(b'{"cmd":"get","filename":"a","abort":true}'))
@example(framed(b'{"id":1,"cmd":"get","filename":"a","more":true,"abort":true}') + framed(b"{}"))
def test_both_readers_agree_on_nearly_valid_streams(data):
    assert judged(data) == by_codec(data)


@given(st.binary(max_size=80))
def test_both_readers_agree_on_random_bytes(data):
    assert judged(data) == by_codec(data)
