"""The plan follows the declaration, and both say the same of every frame."""

from __future__ import annotations

import struct
import subprocess
import sys

import construct
import pytest
from construct import Adapter, Bytes, GreedyBytes, Int16ub, Int32ub, Int32ul, Prefixed, Struct, this
from hypothesis import example, given
from hypothesis import strategies as st

from headframe import (
    FRAME,
    FRAME_PLAN,
    NEED_DATA,
    BadFrame,
    LocalError,
    OpenHeader,
    Reader,
    RemoteError,
)
from headframe.conformance import strategies as hf
from headframe.headers import HeaderCodec
from headframe.interpretation import LATER_PLAN, REPLY_PLANS, REQUEST_PLAN
from headframe.layout import LAYOUT
from headframe.schema import (
    HeaderJSON,
    Limited,
    body_bytes,
    derive_layout,
    derive_plan,
)

CODEC = HeaderCodec(None, OpenHeader.of)


def declared(length, header=None, body=body_bytes):
    return Struct("header" / Prefixed(length, header or HeaderJSON(CODEC)), "body" / Bytes(body))


def read_all(reader):
    parts = []
    while (part := reader.next_part()) is not NEED_DATA:
        parts.append(bytes(part) if isinstance(part, memoryview) else part)
    return parts


@given(hf.frames())
def test_construct_and_the_plan_read_a_frame_alike(frame):
    parsed = FRAME.parse(frame.wire)
    assert frame.members == parsed.header.members
    assert frame.body == parsed.body
    count = FRAME_PLAN.header_bytes(frame.wire)
    header = FRAME_PLAN.decode_header(frame.wire[4 : 4 + count])
    assert parsed.header == header
    assert len(frame.body) == FRAME_PLAN.body_bytes(header)


@pytest.mark.rule("HF-FRAME-003")
@given(hf.frames())
def test_construct_and_the_plan_build_a_frame_alike(frame):
    header = OpenHeader.of(frame.members)
    built = FRAME.build({"header": header, "body": frame.body})
    assert FRAME_PLAN.build_head(header) + frame.body == built
    assert frame.members == FRAME.parse(built).header.members


def parse_by_construct(data):
    try:
        parsed = FRAME.parse(data)
        return parsed.header, parsed.body
    except RemoteError as error:
        return str(error)
    except construct.StreamError:
        return "need more"


def parse_by_reader(data):
    reader = Reader(FRAME_PLAN, FRAME_PLAN)
    if data:
        reader.receive_data(data)
    try:
        parts = read_all(reader)
    except RemoteError as error:
        return str(error)
    if not parts:
        return "need more"
    body = b"".join(part for part in parts[1:] if isinstance(part, bytes))
    if len(body) < parts[0].filesize:
        return "need more"
    return parts[0], body


@pytest.mark.rule("HF-FRAME-007")
@given(
    hf.frames().map(lambda frame: frame.wire)
    | hf.frames().flatmap(lambda frame: hf.damaged(frame.wire))
    | st.binary(min_size=1, max_size=60)
)
@example(b"")
@example(b"\xff\xff\xff\xff{}")
@example(b"\x01\0\0\0{")
@example(b'\x11\0\0\0{"filesize":true}x')
def test_construct_and_the_derived_reader_judge_one_frame_alike(data):
    # One frame: whatever follows the first is for the stream, not for construct.
    by_construct = parse_by_construct(data)
    if isinstance(by_construct, tuple):
        header, body = by_construct
        length = 4 + struct.unpack("<I", data[:4])[0] + len(body)
        data = data[:length]
    assert by_construct == parse_by_reader(data)


@pytest.mark.rule("HF-FRAME-001", "HF-FRAME-002")
@pytest.mark.parametrize("count", [0, 1, 65_536, 2**31, 2**32 - 1])
def test_a_length_outside_the_limits_is_refused_on_its_four_bytes(count):
    prelude = struct.pack("<I", count)
    with pytest.raises(BadFrame, match=f"HF-FRAME-002: header of {count} bytes"):
        FRAME_PLAN.header_bytes(prelude)
    with pytest.raises(BadFrame):
        FRAME.parse(prelude)
    reader = Reader(FRAME_PLAN)
    for index in range(3):
        reader.receive_data(prelude[index : index + 1])
        assert reader.next_part().name == "NEED_DATA"
    reader.receive_data(prelude[3:])
    with pytest.raises(BadFrame):
        reader.next_part()


@pytest.mark.rule("HF-FRAME-001", "HF-FRAME-002")
@pytest.mark.parametrize("count", [2, 65_535])
def test_the_least_and_the_greatest_length_are_read(count):
    text = b"{}" + b" " * (count - 2)
    assert count == FRAME_PLAN.header_bytes(struct.pack("<I", count))
    assert FRAME.parse(struct.pack("<I", count) + text).header.members == {}


@pytest.mark.parametrize(
    "opening",
    [
        b"\x16\x03\x01\x02",
        b"GET ",
        b"SSH-",
        b"\0\0\0\x30",
        b"PRI ",
        b"EHLO",
    ],
    ids=["TLS", "HTTP", "SSH", "big-endian", "HTTP/2", "SMTP"],
)
@pytest.mark.rule("HF-FRAME-002")
def test_another_protocol_is_recognised_by_its_first_four_bytes(opening):
    with pytest.raises(BadFrame):
        FRAME_PLAN.header_bytes(opening)


def test_every_plan_in_use_has_the_layout_of_the_declaration():
    assert derive_layout(FRAME) == LAYOUT
    plans = [FRAME_PLAN, REQUEST_PLAN, LATER_PLAN, *REPLY_PLANS.values()]
    assert {LAYOUT} == {plan.layout for plan in plans}


def test_the_codec_does_not_wait_for_construct():
    told = "import sys, headframe; print('construct' in sys.modules, headframe.FRAME.name)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert "False None" == done.stdout.strip()


def test_another_length_field_makes_another_reader():
    plan = derive_plan(declared(Limited(Int16ub, 2, 300)))
    assert (plan.prelude.format, plan.prelude.size) == (">H", 2)
    reader = Reader(plan)
    reader.receive_data(b'\0\x0e{"filesize":2}hi\0\x02{}')
    first, body, _, second, _ = read_all(reader)
    assert (first.members, body, second.members) == ({"filesize": 2}, b"hi", {})
    assert plan.build_head(OpenHeader.of({})) == b"\0\x02{}"


def test_another_limit_in_the_declaration_moves_the_readers_limit():
    plan = derive_plan(declared(Limited(Int32ul, 5, 10)))
    for refused in (4, 11):
        with pytest.raises(BadFrame, match="only 5 to 10"):
            plan.header_bytes(struct.pack("<I", refused))
    assert plan.header_bytes(struct.pack("<I", 10)) == 10
    with pytest.raises(LocalError, match="only 5 to 10"):
        plan.build_head(OpenHeader.of({"a": "much longer than this"}))


def test_the_declared_byte_order_is_the_readers():
    assert derive_plan(declared(Limited(Int32ub, 2, 99))).header_bytes(b"\0\0\0\x30") == 48


def test_another_member_may_count_the_body():
    plan = derive_plan(declared(Limited(Int32ul, 2, 99), body=lambda frame: frame.header.more))
    assert plan.body_bytes(OpenHeader.of({"more": True, "filesize": 7})) is True


class OtherAdapter(Adapter):
    def _decode(self, obj, context, path):
        return obj


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(Prefixed(Int32ul, GreedyBytes), id="no struct"),
        pytest.param(Struct("header" / Int32ul), id="one part"),
        pytest.param(Struct(Int32ul, "body" / GreedyBytes), id="a part without a name"),
        pytest.param(Struct("header" / Int32ul, "body" / Bytes(1)), id="a header of fixed size"),
        pytest.param(declared(Int32ul), id="no limit"),
        pytest.param(declared(Limited(construct.VarInt, 2, 9)), id="a length of unknown format"),
        pytest.param(declared(Limited(Int32ul, 2, 9), OtherAdapter(GreedyBytes)), id="no JSON"),
        pytest.param(declared(Limited(Int32ul, 2, 9), body=7), id="a body of fixed size"),
        pytest.param(
            declared(Limited(Int32ul, 2, 9), body=lambda frame: frame.filesize),
            id="a body counted outside the header",
        ),
        pytest.param(declared(Limited(Int32ul, 2, 9), body=lambda frame: 3), id="a constant body"),
        pytest.param(
            Struct(
                "header" / Prefixed(Limited(Int32ul, 2, 9), HeaderJSON(CODEC)),
                "body" / GreedyBytes,
            ),
            id="a body without a length",
        ),
    ],
)
def test_a_shape_that_is_not_known_fails_loudly(frame):
    with pytest.raises(TypeError):
        derive_plan(frame)


def test_arithmetic_on_the_count_fails_loudly():
    with pytest.raises(TypeError):
        derive_plan(declared(Limited(Int32ul, 2, 9), body=lambda frame: frame.header.filesize + 1))


def test_constructs_own_path_expressions_are_not_understood_silently():
    with pytest.raises((TypeError, KeyError, AttributeError)):
        derive_plan(declared(Limited(Int32ul, 2, 9), body=this.header.filesize))


def test_a_header_that_is_too_long_is_not_built():
    with pytest.raises(LocalError, match="HF-FRAME-002"):
        FRAME_PLAN.build_head(OpenHeader.of({"a": "x" * 65_536}))


def test_construct_validates_what_it_builds():
    with pytest.raises(LocalError):
        FRAME.build({"header": OpenHeader.of({"filesize": True}), "body": b"x"})
    with pytest.raises(LocalError, match="HF-FRAME-002"):
        FRAME.build({"header": OpenHeader.of({"a": "x" * 65_536}), "body": b""})
