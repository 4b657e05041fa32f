"""The exact judge of headers: one row for each hazard that JSON parsers are known for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headframe import LIMITS, BadHeader
from headframe.conformance import strategies as hf
from headframe.strict_json import NONCHARACTER_BYTES, load_object

NONCHARACTERS = [plane << 16 | last for plane in range(17) for last in (0xFFFE, 0xFFFF)] + list(
    range(0xFDD0, 0xFDF0)
)


def refused_rule(raw: bytes) -> str:
    with pytest.raises(BadHeader) as caught:
        load_object(raw)
    return caught.value.rule


@given(hf.json_texts({"a": 1, "b": [{"c": 'é漢😀\n"\\/'}], "d": None, "e": -1.5e300}))
def test_any_way_of_writing_an_object_reads_the_same(raw):
    assert load_object(raw) == {"a": 1, "b": [{"c": 'é漢😀\n"\\/'}], "d": None, "e": -1.5e300}


@given(st.dictionaries(hf.texts, hf.json_values, max_size=5))
def test_what_json_writes_is_read_back(members):
    assert members == load_object(json.dumps(members).encode())


@pytest.mark.rule("HF-HEADER-001")
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":"\xc0\x80"}', id="overlong NUL"),
        pytest.param(b'{"a":"\xe0\x80\xaf"}', id="overlong slash"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="surrogate as three bytes"),
        pytest.param(b'{"a":"\xf4\x90\x80\x80"}', id="beyond U+10FFFF"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16 with its mark"),
        pytest.param(b'{"a":"\xe2\x82', id="cut in a character"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
    ],
)
def test_a_header_that_is_not_plain_utf_8_is_refused(raw):
    assert refused_rule(raw) == "HF-HEADER-001"


@pytest.mark.rule("HF-HEADER-001", "HF-HEADER-002")
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param('{"a":1}'.encode("utf-16-le"), id="UTF-16 without its mark"),
        pytest.param('{"a":1}'.encode("utf-32-le"), id="UTF-32"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"  ", id="white space"),
        pytest.param(b"\0\0", id="NUL"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b"{a:1}", id="a name without quotes"),
        pytest.param(b'{"a":1,}', id="a comma too many"),
        pytest.param(b'{"a":[1,]}', id="a comma too many in an array"),
        pytest.param(b'{"a":1', id="cut"),
        pytest.param(b'{"a"', id="cut after a name"),
        pytest.param(b'{"a":1}}', id="a bracket too many"),
        pytest.param(b'{"a":1} x', id="text behind"),
        pytest.param(b'{"a":1}{"b":2}', id="two objects"),
        pytest.param(b'{"a":1}\0', id="NUL behind"),
        pytest.param(b'{"a":1}\x0b', id="vertical tab behind"),
        pytest.param(b'{"a":1}\xc2\xa0', id="no-break space behind"),
        pytest.param(b'{"a":1}//', id="a comment"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":Infinity}', id="Infinity"),
        pytest.param(b'{"a":-Infinity}', id="-Infinity"),
        pytest.param(b'{"a":01}', id="a leading zero"),
        pytest.param(b'{"a":+1}', id="a plus sign"),
        pytest.param(b'{"a":1.}', id="a point without digits"),
        pytest.param(b'{"a":.5}', id="a point first"),
        pytest.param(b'{"a":0x10}', id="hexadecimal"),
        pytest.param(b'{"a":1e}', id="an exponent without digits"),
        pytest.param(b'{"a":"\x01"}', id="a control character"),
        pytest.param(b'{"a":"\t"}', id="a raw tab in a string"),
        pytest.param(b'{"a":"\\x41"}', id="an unknown escape"),
        pytest.param(b'{"a":"\\u00"}', id="a short escape"),
        pytest.param(b'{"a":"', id="an open string"),
        pytest.param(b'{"a":True}', id="a Python literal"),
        pytest.param(b'{"a":1 "b":2}', id="a comma too few"),
    ],
)
def test_a_header_that_is_not_json_is_refused(raw):
    assert refused_rule(raw) in ("HF-HEADER-001", "HF-HEADER-002")


@pytest.mark.rule("HF-HEADER-003")
@pytest.mark.parametrize("raw", [b"[]", b"1", b'"a"', b"null", b"true", b'[{"a":1}]'])
def test_a_header_that_is_no_object_is_refused(raw):
    assert refused_rule(raw) == "HF-HEADER-003"


@pytest.mark.rule("HF-HEADER-005")
@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"\\ud800"}',
        b'{"a":"\\udfff"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":"\\ud83dx\\ude00"}',
        b'{"\\ud800":1}',
        b'{"a":[{"\\udbff":1}]}',
    ],
)
def test_a_lone_surrogate_is_refused_wherever_it_stands(raw):
    assert refused_rule(raw) == "HF-HEADER-005"


@pytest.mark.rule("HF-HEADER-005")
def test_an_escaped_pair_is_the_character_it_stands_for():
    assert load_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "😀"}


@pytest.mark.rule("HF-HEADER-005")
@pytest.mark.parametrize("code", NONCHARACTERS)
def test_each_noncharacter_is_refused_raw_and_escaped(code):
    assert refused_rule(json.dumps({"a": chr(code)}).encode()) == "HF-HEADER-005"
    assert refused_rule(json.dumps({chr(code): 1}, ensure_ascii=False).encode()) == "HF-HEADER-005"


def test_the_pattern_of_noncharacters_finds_all_of_them_and_nothing_else():
    text = (chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    found = [ord(character) for character in text if NONCHARACTER_BYTES.search(character.encode())]
    assert sorted(NONCHARACTERS) == found


@pytest.mark.rule("HF-HEADER-006")
@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"b":2,"a":3}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":{"a":1,"a":2}}',
        b'{"x":[[{"a":1,"a":2}]]}',
        b'{"":1,"":2}',
    ],
)
def test_a_name_that_comes_twice_in_one_object_is_refused(raw):
    assert refused_rule(raw) == "HF-HEADER-006"


@pytest.mark.rule("HF-HEADER-007")
@pytest.mark.parametrize(
    "token",
    [
        b"1e309",
        b"-1e309",
        b"18" + b"0" * 307,
        b"1E400",
        b"9" * 310,
        b"-" + b"9" * 400,
        b"1" + b"0" * 5000,
        b"2e308",
    ],
)
def test_a_number_beyond_double_range_is_refused(token):
    assert refused_rule(b'{"a":%s}' % token) == "HF-HEADER-007"


@pytest.mark.rule("HF-HEADER-007")
@pytest.mark.parametrize(
    ("token", "value"),
    [
        (b"1e-400", 0.0),
        (b"1.7976931348623157e308", 1.7976931348623157e308),
        (b"-0", 0),
        (b"0.0000", 0),
        (b"1" + b"0" * 308, 10**308),
        (b"-1" + b"0" * 308, -(10**308)),
        (b"0." + b"0" * 5000 + b"1", 0.0),
    ],
)
def test_a_number_within_double_range_is_read(token, value):
    assert {"a": value} == load_object(b'{"a":%s}' % token)


def nested(depth: int, opened: bytes = b"[", closed: bytes = b"]") -> bytes:
    return b'{"a":' + opened * (depth - 1) + b"1" + closed * (depth - 1) + b"}"


@pytest.mark.rule("HF-HEADER-008")
def test_sixteen_levels_are_read_and_seventeen_refused():
    assert load_object(nested(LIMITS.header_depth))
    assert load_object(nested(LIMITS.header_depth, b'{"a":', b"}"))
    assert refused_rule(nested(LIMITS.header_depth + 1)) == "HF-HEADER-008"
    assert refused_rule(nested(LIMITS.header_depth + 1, b'{"a":', b"}")) == "HF-HEADER-008"


@pytest.mark.rule("HF-HEADER-008")
@pytest.mark.parametrize("raw", [b'{"a":' + b"[" * 60_000, b"[" * 65_535, b'{"a":' * 13_000])
def test_a_tower_of_brackets_neither_crashes_nor_recurses(raw):
    assert refused_rule(raw) == "HF-HEADER-008"


@pytest.mark.rule("HF-HEADER-008")
def test_brackets_in_strings_and_side_by_side_are_no_depth():
    assert load_object(json.dumps({"a": "[{" * 40 + '"\\'}).encode())
    assert load_object(json.dumps({"a": [[]] * 40}).encode())
    assert load_object(json.dumps({"a": [{}] * 17}).encode())


@pytest.mark.rule("HF-HEADER-009")
def test_sixty_four_members_are_read_and_sixty_five_refused():
    many = {f"x{index}": index for index in range(LIMITS.header_members)}
    assert many == load_object(json.dumps(many).encode())
    assert refused_rule(json.dumps(many | {"y": {}}).encode()) == "HF-HEADER-009"
    assert load_object(json.dumps({"a": many | {"y": 1}}).encode())


@pytest.mark.rule("HF-HEADER-004")
def test_white_space_before_and_behind_is_allowed():
    assert load_object(b" \t\r\n{ \t\r\n} \t\r\n") == {}


@given(hf.nearly_valid_json() | st.binary(max_size=40) | st.text().map(str.encode))
def test_any_bytes_give_an_object_or_bad_header(raw):
    try:
        assert isinstance(load_object(raw), dict)
    except BadHeader:
        pass
