"""What a server owes for a stream follows from its bytes, and anything else is a deviation."""

from __future__ import annotations

import pytest

from headframe.conformance.codec_reader import read
from headframe.conformance.models.due import Due, due_of, judge
from headframe.conformance.replies import Ended, Reply
from headframe.conformance.vectors import Side
from headframe.conformance.verdicts import Crowded, Deviation
from headframe.conformance.wire import Ending


def framed(*texts):
    return b"".join(len(text).to_bytes(4, "little") + text for text in map(str.encode, texts))


def read_due(data, **how):
    return [str(due) for due in due_of(read(Side.SERVER, [data]), **how)]


HELLO = '{"id":7,"cmd":"hello"}'
EARLY = "id=1 a refusal, or none"
BAD_NAME = "id=1 bad-name, or none"
NOTICE = "id=0 closing, or none"


@pytest.mark.parametrize(
    ("data", "due"),
    [
        (framed(HELLO), ["id=7 ok or a refusal"]),
        (framed(HELLO) + b"\0\0\0\0", ["id=7 ok or a refusal", "id=0 bad-frame, close"]),
        (b"\0\0\0\0", []),
        (framed('{"id":1,"cmd":"x"}', HELLO), ["id=1 unknown-command", "id=7 ok or a refusal"]),
        (framed('{"cmd":"x"}', HELLO), ["id=7 ok or a refusal"]),
        (
            framed('{"id":1,"cmd":"hello","hf":9}', HELLO),
            ["id=1 unsupported-version, close", NOTICE],
        ),
        (framed('{"id":1,"cmd":"put","filename":"a","filesize":9}'), [EARLY, NOTICE]),
        (framed('{"id":1,"cmd":"put","filename":"..","filesize":9}'), [BAD_NAME, NOTICE]),
        (
            framed(HELLO, '{"cmd":"put","filename":"a","filesize":9}'),
            ["id=7 ok or a refusal", NOTICE],
        ),
        (
            framed('{"id":1,"cmd":"put","filename":"a","more":true}', '{"abort":true}'),
            ["id=1 a refusal"],
        ),
        (
            framed('{"id":1,"cmd":"put","filename":"a","more":true}', '{"cmd":"put"}'),
            [EARLY, "id=0 bad-frame, close"],
        ),
        (
            framed('{"id":1,"cmd":"put","filename":"a","more":true}', '{"abort":1}', HELLO),
            ["id=1 a refusal", "id=7 ok or a refusal"],
        ),
    ],
)
def test_what_is_due_follows_from_the_stream(data, due):
    assert due == read_due(data)


def test_somebody_who_was_heard_before_is_told_why_it_ends():
    assert ["id=0 bad-frame, close"] == read_due(b"\0\0\0\0", heard=True)


def reply(**members):
    return Reply((members,), b"")


FIN = Ended(Ending.FIN, inside=False)
ONE = Due(id=1, word="ok or a refusal")
MAYBE = Due(id=2, word="a refusal", optional=True, closes=None)
LAST = Due(id=0, word="bad-frame", closes=True)
FINE = reply(id=1, ok=True)
DEAD = reply(id=0, ok=False, code="bad-frame", close=True)


@pytest.mark.parametrize(
    ("due", "said"),
    [
        ([ONE], [FINE, FIN]),
        ([ONE], [reply(id=1, ok=False, code="not-found"), FIN]),
        ([ONE, MAYBE, LAST], [FINE, DEAD, FIN]),
        ([ONE, MAYBE, LAST], [FINE, reply(id=2, ok=False, code="conflict"), DEAD, FIN]),
        ([ONE, MAYBE, ONE], [FINE, reply(id=2, ok=False, code="conflict", close=True), FIN]),
        ([], [Ended(Ending.RST, inside=False)]),
    ],
)
def test_what_is_due_is_taken(due, said):
    judge(due, said)


@pytest.mark.parametrize(
    ("due", "said", "told"),
    [
        ([ONE], [FIN], "id=1 ok or a refusal; got: FIN"),
        ([ONE], [Ended(Ending.TIME_OUT, inside=False)], "got: TIME-OUT"),
        ([], [Ended(Ending.TIME_OUT, inside=False)], "the end: FIN or RST; got: TIME-OUT"),
        ([ONE], [FINE, FINE, FIN], "the end: FIN or RST; got: id=1 ok"),
        ([ONE], [reply(id=2, ok=True), FIN], "got: id=2 ok"),
        ([ONE], [reply(id=1.0, ok=True), FIN], "got: id=1.0 ok"),
        ([ONE], [DEAD, FIN], "got: id=0 bad-frame, close"),
        ([ONE], [reply(id=1, ok=False, code="bad-header"), FIN], "got: id=1 bad-header"),
        ([ONE], [reply(id=1, ok=True, close=True), FIN], "got: id=1 ok, close"),
        ([LAST], [reply(id=0, ok=False, code="bad-frame"), FIN], "got: id=0 bad-frame"),
        ([LAST], [DEAD, DEAD, FIN], "the end: FIN or RST; got: id=0"),
        ([MAYBE], [reply(id=2, ok=True), FIN], "got: id=2 ok"),
        ([ONE], [FINE, Ended(Ending.FIN, inside=True)], "got: FIN inside a message"),
    ],
)
def test_anything_else_is_a_deviation(due, said, told):
    with pytest.raises(Deviation) as caught:
        judge(due, said)
    assert told in str(caught.value)


def test_a_crowded_server_is_asked_again():
    with pytest.raises(Crowded):
        judge([ONE], [reply(id=0, ok=False, code="busy", retry_ms=9, close=True), FIN])
