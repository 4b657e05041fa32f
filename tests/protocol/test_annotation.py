"""Any bytes are taken apart, into what the codec says they are."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headframe import (
    LIMITS,
    NEED_DATA,
    Connection,
    ErrorCode,
    RemoteError,
    RequestRefused,
    Role,
)
from headframe.annotation import Annotator, PartKind, annotate
from headframe.conformance import strategies as hf


def frame(header: dict | bytes, body: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(raw)) + raw + body


def put(**more: object) -> dict:
    return {"id": 1, "cmd": "put", "filename": "a.txt", **more}


streams = st.lists(
    hf.messages().map(lambda made: b"".join(frame(part.header, part.body) for part in made))
    | hf.nearly_valid_json().map(frame)
    | st.builds(
        lambda header: frame({"id": 1, "ok": True} | header),
        st.fixed_dictionaries({}, optional={"close": st.booleans(), "total": st.text(max_size=3)}),
    ),
    max_size=4,
).map(b"".join)
any_bytes = streams | streams.flatmap(hf.damaged) | st.binary(max_size=200)
senders = st.sampled_from([None, *Role])


@given(any_bytes, senders, st.booleans())
@example(b"", None, True)
@example(frame(b'{"id":1' + b"}" * 9 + b'{"id":1}'), None, False)
@example(frame(b"[" * 60_000), None, False)
@example(frame(b'{"id":' + b"[" * 60_000), None, False)
@example(frame(b'{"a":' + b"9" * 60_000 + b"}"), None, False)
def test_parts_laid_end_to_end_are_the_bytes(data, sender, shorten):
    offset = 0
    for part in annotate(data, sender, shorten=shorten).parts:
        assert offset == part.offset
        assert part.left_out_bytes or data[offset : part.end] == part.data
        assert not part.left_out_bytes or (shorten and not part.data)
        assert part.data or part.left_out_bytes or part.missing_bytes
        offset = part.end
    assert len(data) == offset


@given(st.data(), any_bytes, senders, st.booleans())
def test_how_the_bytes_were_cut_changes_nothing(data, stream, sender, shorten):
    annotator = Annotator(sender, shorten=shorten)
    parts = []
    for piece in data.draw(hf.cuttings(stream)):
        parts += annotator.receive_data(piece)
    parts += annotator.finish()
    whole = annotate(stream, sender, shorten=shorten)
    assert list(whole.parts) == parts
    assert whole.sender == annotator.sender


@given(any_bytes, senders)
def test_a_fault_lies_within_its_part(data, sender):
    for part in annotate(data, sender).parts:
        if part.fault is not None:
            assert part.offset <= part.fault.offset
            assert part.fault.size > 0
            assert part.fault.offset + part.fault.size <= part.end
        for member in part.members:
            assert 0 <= member.begin < member.name_end <= member.value_begin <= member.end
            assert member.end <= len(part.data)


@given(any_bytes)
def test_what_a_server_finds_wrong_is_a_fault(data):
    server = Connection(Role.SERVER)
    refused, fatal = [], []
    try:
        server.receive_data(data + bytes(not data))
        while (event := server.next_event()) is not NEED_DATA:
            if isinstance(event, RequestRefused):
                refused.append(event.refusal.code)
    except RemoteError as error:
        if error.code is not ErrorCode.CLOSING:  # too much to discard is no fault of a byte
            fatal.append(error.code)
    found = annotate(data, Role.CLIENT).faults
    assert fatal == [fault.code for fault in found if fault.fatal]
    codes = [fault.code for fault in found if not fault.fatal]
    if ErrorCode.BAD_NAME not in codes:  # which a Connection leaves to the store
        assert set(refused) <= set(codes)


@given(any_bytes)
def test_incomplete_input_is_marked_at_its_end_alone(data):
    parts = annotate(data).parts
    assert all(part.missing_bytes == 0 for part in parts[:-1])


CASES = {
    "N": (b"GET / HTTP/1.1", "HF-FRAME-002", b"GET "),
    "no UTF-8": (frame(b'{"id":1,"cmd":"\xc0\xaf"}'), "HF-HEADER-001", b"\xc0\xaf"),
    "cut character": (frame(b'{"a":"\xe2\x82'), "HF-HEADER-001", b"\xe2\x82"),
    "mark": (frame(b'\xef\xbb\xbf{"id":1}'), "HF-HEADER-001", b"\xef\xbb\xbf"),
    "comma": (frame(b'{"id":1,}'), "HF-HEADER-002", b"}"),
    "NaN": (frame(b'{"a":"NaN","b":NaN}'), "HF-HEADER-002", b"NaN"),
    "cut object": (frame(b'{"id":1'), "HF-HEADER-002", b"1"),
    "two objects": (frame(b'{"id":1} {}'), "HF-HEADER-002", b"{"),
    "array": (frame(b' [{"id":1}]'), "HF-HEADER-003", b"["),
    "half a pair": (frame(rb'{"a":"\ud83d\ude00","b":"\ud83d"}'), "HF-HEADER-005", rb"\ud83d"),
    "noncharacter": (frame(rb'{"a":"\\uffff","b":"\uffff"}'), "HF-HEADER-005", rb"\uffff"),
    "twice": (frame(rb'{"id":1,"b":{"id":2},"\u0069d":3}'), "HF-HEADER-006", rb'"\u0069d"'),
    "twice inside": (frame(b'{"b":[{"a":2,"a":2}]}'), "HF-HEADER-006", b'"a"'),
    "infinite": (frame(b'{"a":"1e400","b":-1e400}'), "HF-HEADER-007", b"-1e400"),
    "deep": (frame(b'{"a":' + b"[" * 15 + b"{"), "HF-HEADER-008", b"{"),
    "members": (
        frame(json.dumps({f"a{number}": 1 for number in range(65)}).encode()),
        "HF-HEADER-009",
        b'"a64": 1',
    ),
    "filesize": (frame(b'{"filesize":5.0}'), "HF-HEADER-011", b"5.0"),
    "id": (frame(b'{"cmd":"hello","id":0}'), "HF-HEADER-011", b"0"),
    "more": (frame(b'{"id":1,"more":1}'), "HF-HEADER-012", b"1"),
    "type": (frame(put(total="12")), "HF-HEADER-016", b'"12"'),
    "revision": (frame(put(**{"if": "a b"})), "HF-HEADER-016", b'"a b"'),
    "missing": (frame({"id": 1, "cmd": "put"}), "HF-HEADER-016", b"}"),
    "critical": (frame(put(**{"!a": 1})), "HF-HEADER-017", b'"!a": 1'),
    "no cmd": (frame({"id": 1, "cmd": 5}), "HF-REQ-002", b"5"),
    "unknown cmd": (frame({"id": 1, "cmd": "end", "end": 1}), "HF-CMD-001", b'"end"'),
    "version": (frame({"id": 1, "cmd": "hello", "hf": 2}), "HF-CMD-004", b"2"),
    "neither": (frame({"id": 1, "cmd": "stat"}), "HF-CMD-028", b"}"),
    "offset": (frame(put(offset=5)), "HF-CMD-028", b"5"),
    "body": (frame({"cmd": "hello", "filesize": 1}, b"x"), "HF-REQ-008", b"1"),
    "name": (frame(put() | {"filename": "../id"}), "HF-NAME-003", b'"../id"'),
    "later cmd": (frame(put(more=True)) + frame({"cmd": "put"}), "HF-BODY-001", b'"put"'),
    "empty": (frame(put(more=True)) + frame({"more": True}), "HF-BODY-002", b"true"),
    "later name": (frame(put(more=True)) + frame({"filename": "b"}), "HF-BODY-006", b'"b"'),
    "early trailer": (
        frame(put(more=True)) + frame({"filesize": 1, "total": 1, "more": True}, b"x"),
        "HF-BODY-007",
        b"true",
    ),
    "later critical": (frame(put(more=True)) + frame({"!a": 1}), "HF-BODY-008", b'"!a": 1'),
    "two totals": (
        frame(put(total=1, more=True)) + frame({"total": 2}),
        "HF-BODY-009",
        b"2",
    ),
    "ok": (frame({"id": 1, "ok": "yes"}), "HF-REPLY-001", b'"yes"'),
    "reply's later name": (
        frame({"id": 1, "ok": True, "more": True}) + frame({"rev": "r"}),
        "HF-REPLY-001",
        b'"r"',
    ),
    "notice": (
        frame({"id": 0, "ok": False, "code": "closing", "filesize": 1}, b"x"),
        "HF-REPLY-008",
        b"1",
    ),
}


@pytest.mark.parametrize(("data", "rule", "bad"), CASES.values(), ids=list(CASES))
def test_a_fault_names_the_rule_and_the_bytes_that_break_it(data, rule, bad):
    (fault,) = annotate(data).faults
    assert (rule, bad) == (fault.rule, data[fault.offset : fault.offset + fault.size])
    assert not fault.message.startswith("HF-")


def test_the_body_of_a_refused_request_is_discarded():
    parts = annotate(frame(put(filename="..", filesize=3), b"abc") + frame(put(filesize=1), b"a"))
    bodies = [part for part in parts.parts if part.kind is PartKind.BODY]
    assert [True, False] == [part.discarded for part in bodies]
    assert [False] == [fault.fatal for fault in parts.faults]


def test_nothing_is_read_after_close():
    last = frame({"id": 1, "ok": True, "close": True, "filesize": 2}, b"ab")
    parts = annotate(last + b"\xff\xff\xff\xff").parts
    assert ["prelude", "header", "body", "rest"] == [part.kind for part in parts]
    assert not any(part.fault for part in parts)


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (b"\x10", 3),
        (b"\x10\0\0\0", 16),
        (b"\x10\0\0\0{", 15),
        (frame(put(filesize=3)), 3),
        (frame(put(filesize=3), b"ab"), 1),
        (frame(put(more=True)), 4),
        (frame(put()), 0),
        (b"", 0),
        (b"\xff\xff\xff\xff", 0),
    ],
)
def test_an_end_inside_a_message_is_no_fault_but_counted(data, missing):
    annotation = annotate(data)
    assert missing == annotation.missing_bytes
    assert all(fault.fatal for fault in annotation.faults)


@pytest.mark.parametrize(
    ("data", "sender"),
    [
        (frame({"cmd": "hello"}), Role.CLIENT),
        (frame({"ok": True, "cmd": "hello"}), Role.CLIENT),
        (frame({"id": 0, "ok": False, "code": "closing"}), Role.SERVER),
        (frame(b"{"), None),
        (b"", None),
    ],
)
def test_the_sender_is_guessed_from_the_first_header(data, sender):
    assert sender is annotate(data).sender


def test_meanings_are_words_that_a_terminal_may_show():
    for header, meaning in [
        (put(), "request put, id 1"),
        ({"cmd": "\x1b[2J"}, r"request '\x1b[2J'"),
        ({"id": 7, "ok": True}, "reply ok, id 7"),
        ({"id": 7, "ok": False, "code": "not-found"}, "refusal not-found, id 7"),
        ({"id": 7, "ok": False, "code": "\x1b[2J"}, r"refusal '\x1b[2J', id 7"),
        ({"id": 0, "ok": False, "code": "closing"}, "notice closing"),
    ]:
        assert meaning == annotate(frame(header)).parts[1].meaning


def test_a_long_body_is_shortened_to_its_first_and_last_row_in_bounded_memory():
    annotator = Annotator(shorten=True)
    body_bytes = 3_000_005
    parts = annotator.receive_data(frame(put(filesize=body_bytes)))
    for _ in range(body_bytes // 1_000_000):
        parts += annotator.receive_data(bytes(1_000_000))
    parts += annotator.receive_data(b"12345")
    first, left_out, last = parts[2:]
    assert bytes(16) == first.data
    assert b"12345" == last.data[-5:]
    assert body_bytes == first.size + left_out.left_out_bytes + last.size
    assert last.within % 16 == 0
    assert len(last.data) <= 16


def test_a_long_body_comes_in_pieces_that_end_where_rows_do():
    annotator = Annotator()
    parts = annotator.receive_data(frame(put(filesize=200_000)))
    for _ in range(200):
        parts += annotator.receive_data(bytes(1000))
    pieces = parts[2:]
    assert len(pieces) > 1
    assert all(piece.within % 16 == 0 for piece in pieces)
    assert 200_000 == sum(piece.size for piece in pieces)


@pytest.mark.parametrize("stranger", [b"\x16\x03\x01\x02", b"SSH-2.0", b"\0\0\0\x34"])
def test_a_stranger_is_called_by_name(stranger):
    (fault,) = annotate(stranger).faults
    assert any(word in fault.message for word in ("TLS begins", "SSH begins", "big-endian"))
    assert str(LIMITS.header_bytes_max) in fault.message
