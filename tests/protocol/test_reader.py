"""The reader: how the stream was cut never changes what comes out."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headframe import (
    FRAME_PLAN,
    NEED_DATA,
    BadFrame,
    BadHeader,
    ConnectionLost,
    LocalError,
    OpenHeader,
    Reader,
    RemoteError,
    StreamState,
)
from headframe.conformance import strategies as hf
from headframe.reader import Sentinel
from headframe.states import STREAM_TRANSITIONS, StreamInput


def new_reader():
    return Reader(FRAME_PLAN, FRAME_PLAN)


def parts_of(pieces, *, end=True):
    """Return headers, whole bodies and sentinels for a stream cut into `pieces`."""
    reader = new_reader()
    parts = []
    for piece in [*pieces, b""] if end else pieces:
        reader.receive_data(piece)
        while True:
            try:
                part = reader.next_part()
            except RemoteError as error:
                return [*parts, (type(error), str(error))]
            if part is NEED_DATA:
                break
            if isinstance(part, memoryview):
                if not (parts and isinstance(parts[-1], bytes)):
                    parts.append(b"")
                parts[-1] += bytes(part)
            else:
                parts.append(part.members if isinstance(part, OpenHeader) else part)
                if part is Sentinel.STREAM_END:
                    break
    return parts


def wire_of(message):
    return b"".join(frame.wire for frame in message)


@given(st.data(), st.lists(hf.messages(), min_size=1, max_size=3))
@pytest.mark.rule("HF-FRAME-006")
def test_any_cutting_of_the_stream_gives_the_same_parts(data, made):
    wire = b"".join(map(wire_of, made))
    whole = parts_of([wire])
    assert whole == parts_of(data.draw(hf.cuttings(wire)))
    assert whole == parts_of([wire[index : index + 1] for index in range(len(wire))])
    assert Sentinel.STREAM_END is whole[-1]


@given(st.data(), hf.messages().map(wire_of).flatmap(hf.damaged) | st.binary(min_size=1))
@pytest.mark.rule("HF-FRAME-006")
def test_any_cutting_of_a_damaged_stream_gives_the_same_parts_and_error(data, wire):
    if wire:
        assert parts_of([wire]) == parts_of(data.draw(hf.cuttings(wire)))


@pytest.mark.rule("HF-FRAME-005")
@given(st.lists(hf.messages(), min_size=1, max_size=2))
def test_parts_are_what_the_frames_say(made):
    expected = []
    for message in made:
        body_before = False
        for frame in message:
            expected.append(frame.members)
            body_before = bool(frame.body)
            if body_before:
                expected.append(frame.body)
        expected.append(Sentinel.MESSAGE_END)
    assert [*expected, Sentinel.STREAM_END] == parts_of([b"".join(map(wire_of, made))])


@given(st.data(), hf.messages())
@pytest.mark.rule("HF-FRAME-006")
def test_a_prefix_of_something_valid_needs_more_and_is_never_an_error(data, made):
    wire = wire_of(made)
    cut = data.draw(st.integers(1, len(wire) - 1))
    reader = new_reader()
    reader.receive_data(wire[:cut])
    while (part := reader.next_part()) is not NEED_DATA:
        assert part is not Sentinel.MESSAGE_END
    assert NEED_DATA is reader.next_part()


@given(hf.messages())
def test_pieces_may_be_fed_before_any_part_is_taken(made):
    wire = wire_of(made)
    reader = new_reader()
    for index in range(len(wire)):
        reader.receive_data(wire[index : index + 1])
    reader.receive_data(b"")
    taken = []
    while (part := reader.next_part()) is not Sentinel.STREAM_END:
        taken.append(part)
    whole = parts_of([wire])
    bodies = [bytes(part) for part in taken if isinstance(part, memoryview)]
    assert b"".join(part for part in whole if isinstance(part, bytes)) == b"".join(bodies)


@pytest.mark.rule("HF-FRAME-002")
def test_the_length_is_judged_before_a_byte_is_kept_for_the_header():
    reader = new_reader()
    reader.receive_data(b"\xff\xff\xff\xff")
    with pytest.raises(BadFrame, match="HF-FRAME-002"):
        reader.next_part()


def test_a_chunk_is_a_view_of_the_buffer_and_no_copy():
    buffer = bytearray(b'\x0e\0\0\0{"filesize":2}hi')
    reader = new_reader()
    reader.receive_data(buffer)
    reader.next_part()
    chunk = reader.next_part()
    assert buffer is chunk.obj
    buffer[-2:] = b"HO"
    assert chunk == b"HO"


def test_a_body_of_any_size_is_never_held():
    reader = new_reader()
    reader.receive_data(b'\x1f\0\0\0{"filesize":  9007199254740991}')
    assert reader.next_part().filesize == 2**53 - 1
    piece = bytes(65_536)
    for _ in range(50):
        reader.receive_data(piece)
        assert piece is reader.next_part().obj
        assert NEED_DATA is reader.next_part()
    assert reader.body_left == 2**53 - 1 - 50 * 65_536


@pytest.mark.rule("HF-ERROR-004")
@pytest.mark.parametrize(
    ("wire", "kind"),
    [(b"\1\0\0\0{", BadFrame), (b"\2\0\0\0[]", BadHeader), (b"\2\0\0", ConnectionLost)],
)
def test_after_an_error_every_call_gives_the_same_error(wire, kind):
    reader = new_reader()
    reader.receive_data(wire)
    reader.receive_data(b"" if kind is ConnectionLost else b"\2\0\0\0{}")
    caught = []
    for _ in range(2):
        with pytest.raises(kind) as error:
            reader.next_part()
        caught.append(error.value)
    assert caught[0] is caught[1]
    assert StreamState.BROKEN is reader.state


@pytest.mark.rule("HF-BODY-010")
@pytest.mark.parametrize(
    "wire",
    [
        b"\2",
        b"\2\0\0\0",
        b"\2\0\0\0{",
        b'\x0e\0\0\0{"filesize":2}',
        b'\x0e\0\0\0{"filesize":2}h',
        b'\x0d\0\0\0{"more":true}',
    ],
)
def test_the_end_of_file_inside_a_message_is_a_lost_connection(wire):
    assert (ConnectionLost, "HF-BODY-010: connection ended inside a message") == parts_of([wire])[
        -1
    ]


def test_the_end_of_file_between_messages_is_the_end_and_stays_it():
    reader = new_reader()
    reader.receive_data(b"\2\0\0\0{}")
    reader.receive_data(b"")
    assert Sentinel.MESSAGE_END is [reader.next_part(), reader.next_part()][1]
    assert [reader.next_part(), reader.next_part()] == [Sentinel.STREAM_END] * 2
    assert StreamState.ENDED is reader.state
    with pytest.raises(LocalError):
        reader.receive_data(b"x")


@pytest.mark.rule("HF-BODY-002")
def test_a_later_frame_with_more_and_no_body_is_bad_frame():
    reader = new_reader()
    reader.receive_data(b'\x0d\0\0\0{"more":true}' * 2)
    reader.next_part()
    with pytest.raises(BadFrame, match="no body"):
        reader.next_part()


def test_a_head_that_has_begun_is_told():
    reader = new_reader()
    assert not reader.head_begun
    reader.receive_data(b"\2\0\0\0{")
    reader.next_part()
    assert reader.head_begun
    reader.receive_data(b"}")
    reader.next_part()
    assert not reader.head_begun


def head(members: bytes) -> bytes:
    return len(members).to_bytes(4, "little") + members


STATES = {
    StreamState.BETWEEN_MESSAGES: head(b"{}"),
    StreamState.IN_FRAME: head(b'{"filesize":2,"more":true}') + b"h",
    StreamState.IN_LAST_FRAME: head(b'{"filesize":2}') + b"h",
    StreamState.BETWEEN_FRAMES: head(b'{"filesize":2,"more":true}') + b"hi",
    StreamState.ENDED: b"",
    StreamState.BROKEN: b"\xff\xff\xff\xff",
}
INPUTS = {
    StreamInput.HEADER: head(b'{"filesize":1}'),
    StreamInput.HEADER_WITH_MORE: head(b'{"filesize":1,"more":true}'),
    StreamInput.FRAME_END: b"i",
    StreamInput.END: b"",
    StreamInput.FAULT: b"\0\0\0\0",
}
SEEN_AS_BODY = {StreamInput.HEADER, StreamInput.HEADER_WITH_MORE, StreamInput.FAULT}
"""What these bytes are while a body is passing."""


def drained(reader):
    with contextlib.suppress(RemoteError):
        while reader.next_part() not in (NEED_DATA, Sentinel.STREAM_END):
            pass
    return reader.state


@pytest.mark.parametrize("state", StreamState)
@pytest.mark.parametrize("moved", StreamInput)
def test_every_input_in_every_state_leads_where_the_table_says(state, moved):
    reader = new_reader()
    reader.receive_data(STATES[state])
    assert state is drained(reader)
    if state in (StreamState.ENDED, StreamState.BROKEN):
        with contextlib.suppress(LocalError):
            reader.receive_data(INPUTS[moved])
        assert state is drained(reader)
        return
    if state in (StreamState.IN_FRAME, StreamState.IN_LAST_FRAME):
        if moved in SEEN_AS_BODY:
            return
        if moved is StreamInput.END:
            moved = StreamInput.FAULT
            reader.receive_data(b"")
        else:
            reader.receive_data(INPUTS[moved])
    elif moved is StreamInput.FRAME_END:
        return
    else:
        reader.receive_data(INPUTS[moved])
        if moved not in STREAM_TRANSITIONS[state]:
            moved = StreamInput.FAULT
    assert STREAM_TRANSITIONS[state][moved] is drained(reader)
