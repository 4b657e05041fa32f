"""The one layout of dumps: what it shows, what it never lets out, and who may colour it."""

from __future__ import annotations

import json
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headframe.annotation import annotate
from headframe.conformance import strategies as hf
from headframe.hexdump import Ink, dump

LINE = re.compile(r"[0-9a-f]{4}  (?:(?:[0-9a-f]{2} ){1,16}|)(?: .*)?")
FAULT_LINE = re.compile(r" {6}(?: {3})*\^\^.*")


def frame(header: dict | bytes, body: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(raw)) + raw + body


def shown(data: bytes, **options: object) -> list[str]:
    return list(dump(annotate(data, shorten=options.pop("shorten", False)).parts, **options))


any_bytes = st.binary(max_size=100) | hf.nearly_valid_json().map(lambda raw: frame(raw[:500]))


@given(any_bytes)
def test_a_dump_holds_every_byte_once_and_nothing_a_terminal_obeys(data):
    lines = shown(data, faults=False)
    pairs = [line[6:53].split() for line in lines]
    assert data.hex(" ").split() == [pair for row in pairs for pair in row]
    assert all(line.isprintable() for line in lines)
    for line in shown(data):
        assert LINE.fullmatch(f"{line:53} ") or FAULT_LINE.fullmatch(line), line


@given(any_bytes)
def test_paint_changes_no_layout(data):
    marks = {ink: chr(0xE000 + number) for number, ink in enumerate(Ink)}
    painted = shown(data, paint=lambda text, ink: f"{marks[ink]}{text}\uf000")
    bare = [re.sub("[\ue000-\uf000]", "", line).rstrip() for line in painted]
    assert shown(data) == bare


def test_a_row_below_the_bad_bytes_points_at_them():
    assert [
        "0000  16 00 00 00                                      N = 22",
        '0004  7b 22 69 64 22 3a 32 2c 22 63 6d 64 22 3a 22 68  {"id":2,"cmd":"h',
        '0014  65 6c 6c 6f 22 2c                                ello",',
        (
            f"{'':21}^^{'':32}HF-HEADER-002 (bad-header): header is not JSON: Expecting property"
            " name enclosed in double quotes at character 22, ''"
        ),
    ] == shown(frame(b'{"id":2,"cmd":"hello",'))


def test_bad_bytes_over_two_rows_are_marked_in_both_and_explained_once():
    lines = shown(frame({"cmd": "get", "filename": "a", "offset": "x" * 20}))
    assert [True, False] == ["HF-HEADER-016" in line for line in lines if "^^" in line]


@pytest.mark.parametrize(
    ("bad", "label"),
    [
        (b"\xef\xbb\xbf", "byte order mark"),
        (b"\xc0\xaf", '"/" in two bytes'),
        (b"\xe0\x80\x8a", "U+000A in three bytes"),
        (b"\xf0\x80\x80\xaf", '"/" in four bytes'),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"\xe2\x82", "not UTF-8"),
        (b"\xff", "not UTF-8"),
        (b"\xef\xbf\xbe", "U+FFFE"),
    ],
)
def test_bad_bytes_that_no_text_can_show_stand_alone_and_are_named(bad, label):
    lines = shown(frame(bad + b'{"id":1}' if "mark" in label else b'{"a":"' + bad + b'"}'))
    assert [label] == [line[55:] for line in lines if line[6:53].rstrip() == bad.hex(" ")]


def test_the_text_of_a_header_keeps_characters_whole():
    header = '{"cmd":"stat","filename":"日本","a":"é"}'.encode()
    assert header.decode() == "".join(line[55:] for line in shown(frame(header))[1:])


def test_a_reply_that_only_a_client_judges_has_no_code():
    assert "HF-REPLY-001: ok is" in shown(frame({"id": 1, "ok": "yes"}))[-1]


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"hello", ['body: "hello"']),
        ("é\n".encode(), ['body: "é⏎"']),
        (b"\0\x1b\xff\n", ["body: ...."]),
        (bytes(17), [f"body: {'.' * 16}", "      ."]),
        (b"x" * 17, ['body: "xxxxxxxxxxxxxxxx"', '      "x"']),
    ],
)
def test_a_body_is_shown_as_text_where_it_is_text(body, lines):
    data = frame({"filesize": len(body), "cmd": "put", "filename": "a"}, body)
    assert lines == [line[55:] for line in shown(data)[-len(lines) :]]


def test_what_is_left_out_and_what_is_missing_is_counted():
    data = frame({"cmd": "put", "filename": "a", "filesize": 3000}, bytes(2000))
    lines = shown(data, shorten=True, digits=8)
    assert lines[-4].startswith("00000035  00 00 00")
    assert lines[-3:] == [
        "........  ...                                              (1,968 bytes)",
        "000007f5  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00        ................",
        f"00000805{'':51}(ends here, 1,000 bytes are missing)",
    ]


def test_what_nobody_reads_is_called_rest():
    assert 'rest: "/ HTTP"' == shown(b"GET / HTTP")[-1][55:]
