"""The connection: requests and replies, pipelining, refusals, endings, and who may say what."""

from __future__ import annotations

import dataclasses
import itertools
import json
import struct
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

import headframe as hf
from headframe import LIMITS, NEED_DATA, UNSET, Connection, ErrorCode, Role
from headframe.conformance import strategies
from headframe.states import EXCHANGE_TRANSITIONS, ExchangeInput, ExchangeState


def frame(body: bytes = b"", **members) -> bytes:
    if body:
        members["filesize"] = len(body)
    header = json.dumps(members).encode()
    return struct.pack("<I", len(header)) + header + body


def events_of(connection, wire=b""):
    """Return all events that `wire` makes; chunks as bytes."""
    if wire:
        connection.receive_data(wire)
    events = []
    while (event := connection.next_event()) is not NEED_DATA:
        events.append(bytes(event.data) if isinstance(event, hf.BodyChunk) else event)
        if isinstance(event, hf.ConnectionClosed):
            break
    return events


def header_of(sent: bytes) -> dict:
    (count,) = struct.unpack("<I", sent[:4])
    assert len(sent) == 4 + count
    return json.loads(sent[4:])


def serving(wire=b""):
    server = Connection(Role.SERVER)
    events = events_of(server, wire)
    return server, events


def asking(*requests):
    client = Connection(Role.CLIENT)
    for request in requests:
        client.send(request)
    return client


STAT = frame(id=1, cmd="stat", filename="a")
DONE = hf.MessageFinished(body_bytes=0)


# --- requests, as a server sees them


@pytest.mark.rule("HF-REQ-001")
def test_a_request_becomes_its_header_its_body_and_an_ending():
    _, events = serving(frame(b"hello", id=7, cmd="put", filename="a.txt"))
    assert [
        hf.Put(id=7, filename="a.txt", filesize=5),
        b"hello",
        hf.MessageFinished(body_bytes=5),
    ] == events


@pytest.mark.rule("HF-BODY-005")
def test_a_body_in_several_frames_is_one_body():
    _, events = serving(
        frame(b"he", id=7, cmd="put", filename="a", more=True)
        + frame(b"ll", more=True)
        + frame(b"o", digest="sha-256:00", total=5)
    )
    assert events[1:4] == [b"he", b"ll", b"o"]
    assert hf.MessageFinished(body_bytes=5, digest="sha-256:00", total=5) == events[4]


@pytest.mark.rule("HF-BODY-005")
def test_the_last_frame_may_be_empty():
    _, events = serving(frame(b"he", id=7, cmd="put", filename="a", more=True) + frame())
    assert hf.MessageFinished(body_bytes=2) == events[-1]


@pytest.mark.rule("HF-BODY-005")
def test_a_first_frame_may_announce_more_without_a_body():
    _, events = serving(frame(id=7, cmd="put", filename="a", more=True) + frame(b"x"))
    assert [b"x", hf.MessageFinished(body_bytes=1)] == events[1:]


def test_trailers_of_a_message_of_one_frame_stand_in_its_header():
    _, events = serving(frame(b"x", id=1, cmd="put", filename="a", digest="d", total=1))
    assert hf.MessageFinished(body_bytes=1, digest="d", total=1) == events[-1]


def test_the_same_trailer_twice_is_accepted():
    _, events = serving(
        frame(b"x", id=1, cmd="put", filename="a", digest="d", total=1, more=True)
        + frame(digest="d", total=1)
    )
    assert hf.MessageFinished(body_bytes=1, digest="d", total=1) == events[-1]


@pytest.mark.rule("HF-BODY-009")
@pytest.mark.parametrize("later", [{"digest": "e"}, {"total": 2}])
def test_two_different_trailers_refuse_the_message(later):
    _, events = serving(
        frame(b"x", id=1, cmd="put", filename="a", digest="d", total=1, more=True) + frame(**later)
    )
    assert events[-1].refusal.code == "bad-request"
    assert (events[-1].id, events[-1].cmd) == (1, "put")


@pytest.mark.rule("HF-BODY-011")
@pytest.mark.parametrize(
    "request_wire",
    [
        frame(b"x", id=1, cmd="put", filename="a", abort=True),
        frame(b"x", id=1, cmd="put", filename="a", more=True) + frame(abort=True),
        frame(id=1, cmd="put", filename="a", more=True) + frame(b"x", abort=True),
    ],
)
def test_an_aborted_message_never_ends_as_finished(request_wire):
    _, events = serving(request_wire)
    assert hf.MessageAborted(body_bytes=1) == events[-1]


@pytest.mark.rule("HF-BODY-011")
def test_an_aborted_request_without_a_body_is_aborted():
    _, events = serving(frame(id=1, cmd="delete", filename="a", abort=True))
    assert hf.MessageAborted(body_bytes=0) == events[-1]


@pytest.mark.rule("HF-BODY-017")
def test_abort_false_is_no_trailer():
    _, events = serving(
        frame(b"x", id=1, cmd="put", filename="a", more=True)
        + frame(b"y", abort=False, more=True)
        + frame(abort=False)
    )
    assert hf.MessageFinished(body_bytes=2) == events[-1]


def test_abort_false_and_abort_before_the_last_frame_mean_nothing():
    _, events = serving(
        frame(id=1, cmd="put", filename="a", abort=True, more=True) + frame(b"x", abort=False)
    )
    assert hf.MessageFinished(body_bytes=1) == events[-1]


@pytest.mark.rule("HF-HEADER-014", "HF-HEADER-015")
def test_unknown_names_are_ignored_in_every_header():
    _, events = serving(
        frame(b"x", id=1, cmd="put", filename="a", length="?", more=True, **{"a.b": [1]})
        + frame(x={"y": 1})
    )
    assert hf.Put(id=1, filename="a", filesize=1, more=True) == events[0]
    assert hf.MessageFinished(body_bytes=1) == events[-1]


REFUSED = [
    (dict(id=1), "bad-request"),
    (dict(id=1, cmd=None), "bad-request"),
    (dict(id=1, cmd=["put"]), "bad-request"),
    (dict(id=1, cmd="put"), "bad-request"),
    (dict(id=1, cmd="put", filename=7), "bad-request"),
    (dict(id=1, cmd="put", filename="a", mtime=1.5), "bad-request"),
    (dict(id=1, cmd="put", filename="a", total="5"), "bad-request"),
    (dict(id=1, cmd="put", filename="a", upload="short"), "bad-request"),
    (dict(id=1, cmd="get", filename="a", **{"if": "a b"}), "bad-request"),
    (dict(id=1, cmd="get", filename="a", **{"if": 5}), "bad-request"),
    (dict(id=1, cmd="get", filename="a", want="digest"), "bad-request"),
    (dict(id=1, cmd="list", limit=0), "bad-request"),
    (dict(id=1, cmd="list", delimiter=":"), "bad-request"),
    (dict(id=1, cmd="get", filename="a", **{"if": ""}), "bad-request"),
    (dict(id=1, cmd="put", filename="a", **{"if": "a/b"}), "bad-request"),
    (dict(id=1, cmd="put", filename="a", upload="!" * 22), "bad-request"),
    (dict(id=1, cmd="stat", filename="a", **{"if": "a/b"}), "bad-request"),
    (dict(id=1, cmd="stat", upload="/" * 22), "bad-request"),
    (dict(id=1, cmd="delete", filename="a", **{"if": "a/b"}), "bad-request"),
    (dict(id=1, cmd="delete", upload="." * 22), "bad-request"),
    (dict(id=1, cmd="move", filename="a", to="b", **{"if": "ä"}), "bad-request"),
    (dict(id=1, cmd="move", filename="a", to="b", to_if="ä"), "bad-request"),
    (dict(id=1, cmd="move", filename="a", to="b", to_if=False), "bad-request"),
    (dict(id=1, cmd="move", filename="a"), "bad-request"),
    (dict(id=1, cmd="stat"), "bad-request"),
    (dict(id=1, cmd="stat", filename="a", upload="u" * 22), "bad-request"),
    (dict(id=1, cmd="delete"), "bad-request"),
    (dict(id=1, cmd="put", filename="a", offset=0), "bad-request"),
    (dict(id=1, cmd="hello", hf="1"), "bad-request"),
    (dict(id=1, cmd="hello", hf=True), "bad-request"),
    (dict(id=1, cmd="hello", hf=2), "unsupported-version"),
    (dict(id=1, cmd="hello", hf=2, **{"!x": 1}), "unsupported-version"),
    (dict(id=1, cmd="stat", **{"!x": 1}), "unsupported"),
    (dict(id=1, cmd=5, **{"!x": 1}), "unsupported"),
    (dict(id=1, cmd="nope", **{"!x": 1}), "unsupported"),
    (dict(id=1, cmd="nope", filename=7), "unknown-command"),
    (dict(id=1, cmd="PUT", filename="a"), "unknown-command"),
    (dict(id=1, cmd=""), "unknown-command"),
    (dict(id=1, cmd="handle"), "unknown-command"),
    (dict(id=1, cmd="__init__"), "unknown-command"),
    (dict(id=1, cmd="finish"), "unknown-command"),
    (dict(id=1, cmd="setup"), "unknown-command"),
]


@pytest.mark.rule(
    "HF-HEADER-016",
    "HF-HEADER-017",
    "HF-REQ-002",
    "HF-CMD-001",
    "HF-CMD-004",
    "HF-ERROR-008",
    "HF-CMD-028",
)
@pytest.mark.parametrize(("members", "code"), REFUSED)
def test_a_request_that_breaks_a_rule_is_refused_and_the_next_one_answered(members, code):
    server, events = serving(frame(b"body", **members) + STAT)
    assert code == events[0].refusal.code
    assert [hf.Stat(id=1, filename="a"), DONE] == events[1:]
    refusal = header_of(server.send(events[0].refusal))
    assert (1, False, code) == (refusal["id"], refusal["ok"], refusal["code"])


@pytest.mark.rule("HF-REQ-008")
@pytest.mark.parametrize("command", ["hello", "get", "stat", "list", "delete", "move"])
def test_a_body_where_the_command_takes_none_is_refused(command):
    members = {"id": 1, "cmd": command, "filename": "a", "to": "b"}
    _, events = serving(frame(b"x", **members))
    assert [event.refusal.code for event in events] == ["bad-request"]
    _, events = serving(frame(more=True, **members) + frame(b"x"))
    assert events[-1].refusal.code == "bad-request"
    _, events = serving(frame(more=True, **members) + frame())
    assert events[-1] == DONE


@pytest.mark.rule("HF-BODY-006", "HF-BODY-007", "HF-BODY-008", "HF-BODY-004")
@pytest.mark.parametrize(
    ("later", "code"),
    [
        (dict(filename="b"), "bad-request"),
        (dict(id=2), "bad-request"),
        (dict(rev="x"), "bad-request"),
        (dict(digest=5), "bad-request"),
        (dict(total=-1), "bad-request"),
        (dict(digest="d", more=True), "bad-request"),
        (dict(abort=True, more=True), "bad-request"),
        (dict(abort=1), "bad-request"),
        ({"!x": 1}, "unsupported"),
    ],
)
def test_a_later_header_that_breaks_a_rule_refuses_the_message(later, code):
    wire = frame(b"a", id=1, cmd="put", filename="a", more=True) + frame(b"b", **later)
    wire += frame(b"c") if later.get("more") else b""
    server, events = serving(wire + STAT)
    assert [b"a", code] == [events[1], events[2].refusal.code]
    assert [hf.Stat(id=1, filename="a"), DONE] == events[3:]
    assert code == header_of(server.send(events[2].refusal))["code"]


@pytest.mark.rule("HF-BODY-016")
@pytest.mark.parametrize("later", [{"total": "1"}, {"digest": 1}, {"code": 1}, {"message": 1}])
def test_a_trailer_of_another_type_refuses_whatever_the_command(later):
    _, events = serving(frame(id=1, cmd="stat", filename="a", more=True) + frame(**later) + STAT)
    assert "bad-request" == events[1].refusal.code
    assert [hf.Stat(id=1, filename="a"), DONE] == events[2:]


@pytest.mark.rule("HF-BODY-001")
@pytest.mark.parametrize("name", ["cmd", "ok"])
def test_a_command_or_reply_inside_a_message_is_fatal(name):
    server = Connection(Role.SERVER)
    server.receive_data(frame(b"a", id=1, cmd="put", filename="a", more=True) + frame(**{name: 1}))
    with pytest.raises(hf.BadFrame, match=name):
        events_of(server)


@pytest.mark.rule("HF-BODY-002")
def test_a_later_frame_with_more_and_no_body_is_fatal():
    server = Connection(Role.SERVER)
    server.receive_data(frame(b"a", id=1, cmd="put", filename="a", more=True) + frame(more=True))
    with pytest.raises(hf.BadFrame):
        events_of(server)


@pytest.mark.rule("HF-BODY-004")
def test_faults_of_later_headers_do_not_matter_once_a_message_is_refused():
    _, events = serving(
        frame(b"a", id=1, cmd="put", more=True)
        + frame(b"b", filename=7, more=True)
        + frame(b"c")
        + STAT
    )
    assert [type(e).__name__ for e in events] == ["RequestRefused", "Stat", "MessageFinished"]


@pytest.mark.rule("HF-BODY-001")
def test_fatal_faults_still_matter_once_a_message_is_refused():
    server = Connection(Role.SERVER)
    server.receive_data(frame(b"a", id=1, cmd="put", more=True) + frame(cmd="put"))
    server.next_event()
    with pytest.raises(hf.BadFrame):
        server.next_event()


# --- requests without an id


@pytest.mark.rule("HF-REQ-003", "HF-REQ-004", "HF-REQ-006")
def test_a_put_without_id_is_an_event_and_its_reply_is_silence():
    server, events = serving(frame(b"abc", cmd="put", filename="a"))
    assert hf.Put(filename="a", filesize=3) == events[0]
    assert server.send(hf.PutReply(rev="r")) == b""
    assert server.send(hf.Notice(code="closing")) == b""


@pytest.mark.rule("HF-REQ-003", "HF-REQ-005")
@pytest.mark.parametrize("command", ["hello", "get", "stat", "list", "delete", "move"])
def test_any_other_request_without_id_is_discarded(command):
    server, events = serving(frame(cmd=command, filename="a", to="b") + STAT)
    assert [hf.Stat(id=1, filename="a"), DONE] == events
    assert header_of(server.send(hf.StatReply(rev="r")))["id"] == 1


@pytest.mark.rule("HF-REQ-003")
def test_a_refused_request_without_id_is_an_event_and_answered_with_silence():
    server, events = serving(frame(cmd="handle"))
    assert (events[0].id, events[0].cmd) == (UNSET, "handle")
    assert server.send(events[0].refusal) == b""


@pytest.mark.rule("HF-REQ-006")
def test_a_server_never_speaks_before_a_header_had_an_id():
    server, _ = serving(frame(cmd="put", filename="a"))
    assert server.send(hf.PutReply(rev="r")) == b""
    server.receive_data(b"\xff\xff\xff\xff")
    with pytest.raises(hf.BadFrame) as caught:
        server.next_event()
    assert server.send(hf.Notice(code=caught.value.code, close=True)) == b""


@pytest.mark.rule("HF-REQ-006", "HF-ERROR-003")
@pytest.mark.parametrize("members", [{"id": "1"}, {"id": 1, "more": 3}, {"id": 0, "filesize": -1}])
def test_a_fatal_header_with_an_id_is_answered(members):
    server = Connection(Role.SERVER)
    server.receive_data(frame(cmd="stat", filename="a", **members))
    with pytest.raises(hf.BadHeader):
        server.next_event()
    assert "bad-header" == header_of(server.send(hf.Notice(code="bad-header", close=True)))["code"]


@pytest.mark.rule("HF-ERROR-011")
def test_a_refusal_that_closes_is_a_notice_where_only_an_earlier_request_had_an_id():
    server, events = serving(STAT + frame(cmd="hello", hf=3))
    server.send(hf.StatReply(rev="r"))
    sent = header_of(server.send(events[-1].refusal))
    assert sent == {"id": 0, "ok": False, "code": "closing", "close": True}
    assert server.closed


@pytest.mark.rule("HF-REQ-006")
def test_a_refusal_that_closes_is_silence_where_no_request_had_an_id():
    server, events = serving(frame(cmd="hello", hf=3))
    assert server.send(events[-1].refusal) == b""
    assert [hf.ConnectionClosed()] == events_of(server)


# --- replies, as a server sends them


@pytest.mark.rule("HF-REPLY-002", "HF-REPLY-003", "HF-REQ-007")
def test_replies_echo_the_ids_in_the_order_of_the_requests():
    server, _ = serving(b"".join(frame(id=i, cmd="stat", filename="a") for i in (5, 5, 3)))
    assert server.outstanding == 3
    sent = [header_of(server.send(hf.StatReply(rev=rev)))["id"] for rev in "abc"]
    assert sent == [5, 5, 3]
    assert server.outstanding == 0


@pytest.mark.rule("HF-REPLY-005", "HF-REPLY-011")
def test_a_refusal_has_a_registered_code_and_says_when_to_try_again_if_that_helps():
    for code in ("busy", "no-space", "internal"):
        server, _ = serving(STAT)
        with pytest.raises(hf.LocalError, match="HF-REPLY-011"):
            server.send(hf.Refusal(code=code))
        assert 100 == header_of(server.send(hf.Refusal(code=code, retry_ms=100)))["retry_ms"]
    server, _ = serving(STAT)
    with pytest.raises(hf.LocalError, match="HF-REPLY-011"):
        server.send(hf.Refusal(code="not-found", retry_ms=100))
    with pytest.raises(hf.LocalError, match="HF-REPLY-005"):
        server.send(hf.Refusal(code="invented"))
    assert header_of(server.send(hf.Refusal(code="not-found")))["code"] == "not-found"


@pytest.mark.rule("HF-REPLY-002")
def test_a_reply_nobody_waits_for_is_not_sent():
    server, _ = serving()
    with pytest.raises(hf.LocalError, match="no request awaits"):
        server.send(hf.StatReply())


def test_a_reply_of_another_command_is_not_sent():
    server, _ = serving(STAT)
    with pytest.raises(hf.LocalError, match="does not answer stat"):
        server.send(hf.PutReply())
    assert header_of(server.send(hf.StatReply(rev="r")))["ok"]


def test_a_refused_unknown_command_takes_no_success():
    server, _ = serving(frame(id=1, cmd="nope"))
    with pytest.raises(hf.LocalError, match="does not answer"):
        server.send(hf.StatReply())


@pytest.mark.rule("HF-REPLY-006")
def test_a_success_before_the_request_has_ended_is_not_sent():
    server, _ = serving(frame(id=1, cmd="put", filename="a", filesize=5))
    with pytest.raises(hf.LocalError, match="only a refusal"):
        server.send(hf.PutReply())


@pytest.mark.rule("HF-FRAME-004")
def test_a_reply_with_a_body_of_several_frames():
    server, _ = serving(frame(id=4, cmd="get", filename="a"))
    sent = server.send(hf.GetReply(rev="r", total=3, filesize=2, more=True))
    assert header_of(sent) == {
        "id": 4,
        "ok": True,
        "rev": "r",
        "total": 3,
        "filesize": 2,
        "more": True,
    }
    chunk = b"ab"
    assert chunk is server.send(hf.BodyChunk(chunk))
    later = server.send(hf.Continuation(filesize=1))
    assert header_of(later) == {"filesize": 1}
    assert server.send(hf.BodySent(1)) == b""
    assert server.outstanding == 0


@pytest.mark.rule("HF-BODY-005")
def test_a_reply_in_several_frames_is_one_body():
    client = asking(hf.Get(id=4, filename="a"))
    wire = frame(b"ab", id=4, ok=True, rev="r", total=5, more=True)
    events = events_of(client, wire + frame(b"cd", more=True) + frame(b"e", digest="d"))
    assert [b"ab", b"cd", b"e"] == events[1:4]
    assert [hf.MessageFinished(body_bytes=5, digest="d", total=5)] == events[4:]


@pytest.mark.rule("HF-BODY-013")
def test_a_server_may_give_up_a_reply_half_way():
    server, _ = serving(frame(id=4, cmd="get", filename="a"))
    client = asking(hf.Get(id=4, filename="a"))
    wire = server.send(hf.GetReply(rev="r", filesize=1, more=True)) + server.send(
        hf.BodyChunk(b"x")
    )
    wire += server.send(hf.Continuation(abort=True, code="internal", message="disk"))
    assert (
        hf.MessageAborted(body_bytes=1, code="internal", message="disk")
        == events_of(client, wire)[-1]
    )


@pytest.mark.rule("HF-REPLY-013")
def test_a_reply_may_close():
    server, _ = serving(STAT)
    assert header_of(server.send(hf.StatReply(rev="r", close=True)))["close"]
    server.receive_data(b"anything at all")
    assert [hf.ConnectionClosed()] == events_of(server)
    with pytest.raises(hf.LocalError):
        server.send(hf.Notice(code="closing"))


@pytest.mark.rule("HF-CMD-004")
def test_codes_that_always_close_do():
    server, events = serving(frame(id=1, cmd="hello", hf=9))
    assert header_of(server.send(events[0].refusal))["close"]


# --- early refusals and what is discarded


@pytest.mark.rule("HF-BODY-004", "HF-ERROR-008")
def test_after_an_early_refusal_exactly_the_rest_of_the_message_is_discarded():
    wire = frame(b"0123456789", id=1, cmd="put", filename="../x")
    server, events = serving(wire[:-4])
    assert events[-1] == b"012345"
    assert header_of(server.send(hf.Refusal(code="bad-name")))["id"] == 1
    assert [hf.Stat(id=1, filename="a"), DONE] == events_of(server, wire[-4:] + STAT)


@pytest.mark.rule("HF-BODY-004")
def test_after_an_early_refusal_later_frames_are_discarded_too():
    server, _ = serving(frame(b"a", id=1, cmd="put", filename="a", more=True))
    server.send(hf.Refusal(code="no-space", retry_ms=1000))
    events = events_of(server, frame(b"b", more=True) + frame(b"c", filename=1) + STAT)
    assert [hf.Stat(id=1, filename="a"), DONE] == events


@pytest.mark.rule("HF-REPLY-007")
def test_an_early_refusal_is_small_and_has_no_body():
    server, _ = serving(frame(id=1, cmd="put", filename="a", filesize=5))
    with pytest.raises(hf.LocalError, match="4096"):
        server.send(hf.Refusal(code="forbidden", message="x" * 4096))
    with pytest.raises(hf.LocalError, match="no body"):
        server.send(hf.Refusal(code="forbidden", filesize=1))
    assert header_of(server.send(hf.Refusal(code="internal", retry_ms=5)))


@pytest.mark.rule("HF-ERROR-006")
@pytest.mark.parametrize(("excess", "closes"), [(0, False), (1, True)])
def test_a_rest_beyond_the_limit_makes_the_refusal_close(excess, closes):
    server, _ = serving(
        frame(id=1, cmd="put", filename="a", filesize=LIMITS.discard_bytes + excess)
    )
    assert closes is header_of(server.send(hf.Refusal(code="no-space", retry_ms=5))).get(
        "close", False
    )
    assert closes is server.closed


def test_the_limit_of_what_is_discarded_can_be_raised():
    server = Connection(Role.SERVER, dataclasses.replace(LIMITS, discard_bytes=2**40))
    events_of(server, frame(id=1, cmd="put", filename="a", filesize=2**40))
    assert "close" not in header_of(server.send(hf.Refusal(code="no-space", retry_ms=5)))


@pytest.mark.rule("HF-ERROR-007")
def test_a_refused_message_that_goes_on_too_long_ends_the_connection():
    server, _ = serving(frame(b"a", id=1, cmd="put", filename="a", more=True))
    server.send(hf.Refusal(code="no-space", retry_ms=5))
    server.receive_data(frame(b"b" * 1000, more=True))
    assert NEED_DATA is server.next_event()
    server.receive_data(frame(filesize=LIMITS.discard_bytes - 999))
    with pytest.raises(hf.DiscardTooLong) as caught:
        server.next_event()
    notice = header_of(server.send(hf.Notice(code=caught.value.code, close=True)))
    assert (notice["id"], notice["code"], notice["close"]) == (0, "closing", True)


@pytest.mark.rule("HF-ERROR-007")
def test_a_discarded_request_without_id_is_bounded_as_well():
    server = Connection(Role.SERVER)
    server.receive_data(frame(cmd="get", filename="a", filesize=2**50))
    with pytest.raises(hf.DiscardTooLong):
        server.next_event()


def test_a_refusal_that_comes_after_the_rest_has_passed_is_a_plain_reply():
    server, events = serving(frame(b"xx", id=1, cmd="put") + STAT)
    assert server.outstanding == 2
    assert header_of(server.send(events[0].refusal))["id"] == 1
    assert header_of(server.send(hf.StatReply(rev="r")))["ok"]


# --- fatal errors, notices and the end


@pytest.mark.rule("HF-ERROR-002", "HF-ERROR-003", "HF-ERROR-004", "HF-ERROR-005")
def test_requests_before_a_fatal_error_are_events_and_nothing_after_it():
    server = Connection(Role.SERVER)
    server.receive_data(STAT + b"\1\0\0\0" + STAT)
    assert isinstance(server.next_event(), hf.Stat)
    assert server.next_event() == DONE
    for _ in range(2):
        with pytest.raises(hf.BadFrame):
            server.next_event()
    assert header_of(server.send(hf.StatReply(rev="r")))["ok"]
    notice = header_of(server.send(hf.Notice(code="bad-frame", close=True)))
    assert notice == {"id": 0, "ok": False, "code": "bad-frame", "close": True}


@pytest.mark.rule("HF-TIME-007")
def test_the_end_of_file_between_requests_lets_replies_out():
    server, events = serving(STAT)
    assert [hf.ConnectionClosed()] == (server.receive_data(b""), events_of(server))[1]
    assert header_of(server.send(hf.StatReply(rev="r")))["ok"]


@pytest.mark.rule("HF-BODY-010")
def test_the_end_of_file_inside_a_request_is_a_lost_connection():
    server = Connection(Role.SERVER)
    server.receive_data(frame(id=1, cmd="put", filename="a", filesize=5) + b"abc")
    server.receive_data(b"")
    assert [type(server.next_event()).__name__ for _ in range(2)] == ["Put", "BodyChunk"]
    with pytest.raises(hf.ConnectionLost):
        server.next_event()


@pytest.mark.rule("HF-TIME-009", "HF-TIME-008")
def test_after_the_notice_closing_only_requests_begun_are_read():
    server, _ = serving(STAT + frame(id=2, cmd="put", filename="a", filesize=1))
    notice = header_of(server.send(hf.Notice(code="closing")))
    assert notice == {"id": 0, "ok": False, "code": "closing"}
    events = events_of(server, b"x" + STAT)
    assert [b"x", hf.MessageFinished(body_bytes=1), hf.ConnectionClosed()] == events
    assert [
        header_of(server.send(reply))["id"] for reply in (hf.StatReply(rev="r"), hf.PutReply())
    ] == [1, 2]


@pytest.mark.rule("HF-REPLY-008", "HF-REPLY-014")
def test_a_notice_stands_between_replies_and_has_no_body():
    server, _ = serving(frame(id=4, cmd="get", filename="a"))
    with pytest.raises(hf.LocalError, match="no body"):
        server.send(hf.Notice(code="closing", filesize=1))
    server.send(hf.GetReply(filesize=2))
    with pytest.raises(hf.LocalError):
        server.send(hf.Notice(code="closing"))


# --- the client's side


@pytest.mark.rule("HF-REPLY-005", "HF-REPLY-002")
@pytest.mark.parametrize(
    ("request_header", "reply"),
    [
        (hf.Hello(id=1), hf.HelloReply(hf=[1], limits={"total": 5})),
        (hf.Put(id=1, filename="a"), hf.PutReply(rev="r", total=0, digest="d")),
        (hf.Get(id=1, filename="a"), hf.GetReply(rev="r", total=0, offset=0)),
        (hf.Stat(id=1, filename="a"), hf.StatReply(rev="r", total=0, mtime=1)),
        (hf.List(id=1), hf.ListReply(end=True)),
        (hf.Delete(id=1, filename="a"), hf.DeleteReply()),
        (hf.Move(id=1, filename="a", to="b"), hf.MoveReply(rev="r")),
        (
            hf.Put(id=1, filename="a"),
            hf.Refusal(code="precondition-failed", rev=None, message="m"),
        ),
        (hf.Put(id=1, filename="a"), hf.Refusal(code="busy", retry_ms=5, close=True)),
    ],
)
def test_every_request_gets_its_reply(request_header, reply):
    client, server = Connection(Role.CLIENT), Connection(Role.SERVER)
    assert [request_header, DONE] == events_of(server, client.send(request_header))
    header, done, *rest = events_of(client, server.send(reply))
    assert (type(reply), 1, not isinstance(reply, hf.Refusal)) == (
        type(header),
        header.id,
        header.ok,
    )
    assert structs.replace(done, digest=UNSET, total=UNSET) == DONE
    assert rest == [hf.ConnectionClosed()] * reply.close


@pytest.mark.rule("HF-REPLY-016")
def test_an_unknown_code_is_internal_to_a_client():
    client = asking(hf.Stat(id=1, filename="a"))
    refusal, _ = events_of(client, frame(id=1, ok=False, code="new-code", extra=1))
    assert (refusal.code, refusal.error_code) == ("new-code", ErrorCode.INTERNAL)


@pytest.mark.rule("HF-REPLY-001", "HF-REPLY-004", "HF-REPLY-019", "HF-REPLY-020", "HF-BODY-018")
@pytest.mark.parametrize(
    "wire",
    [
        frame(id=2, ok=True),
        frame(id=0, ok=True),
        frame(ok=True),
        frame(id=1),
        frame(id=1, ok=None),
        frame(id=1, ok=1),
        frame(id=1, ok=False),
        frame(id=1, ok=False, code=7),
        frame(id=1, ok=True, rev=7),
        frame(id=1, ok=True, rev="no revision"),
        frame(id=1, ok=False, code="precondition-failed", rev=""),
        frame(id=1, ok=True, **{"!x": 1}),
        frame(b"x", id=0, ok=False, code="closing"),
        frame(id=0, ok=False, code="closing", more=True) + frame(),
        frame(id=0, ok=False),
        frame(id=1, ok=True, filesize=1, more=True) + b"x" + frame(abort=True, filename="a"),
        frame(id=1, ok=True, filesize=1, more=True) + b"x" + frame(b"y", more=True, digest="d"),
        frame(id=1, ok=True) + frame(id=1, ok=True),
    ],
)
def test_a_reply_that_makes_no_sense_is_bad_reply(wire):
    client = asking(hf.Stat(id=1, filename="a"))
    client.receive_data(wire)
    with pytest.raises(hf.BadReply):
        events_of(client)
    with pytest.raises(hf.BadReply):
        client.next_event()


@pytest.mark.rule("HF-REPLY-019")
@pytest.mark.parametrize("request_", [hf.Hello(id=1), hf.List(id=1)])
def test_a_reply_that_lacks_what_a_client_cannot_do_without_is_bad_reply(request_):
    client = asking(request_)
    client.receive_data(frame(id=1, ok=True))
    with pytest.raises(hf.BadReply, match="missing required field"):
        client.next_event()


@pytest.mark.rule("HF-BODY-018")
def test_two_different_digests_in_a_reply_are_bad_reply():
    client = asking(hf.Get(id=1, filename="a"))
    client.receive_data(frame(b"x", id=1, ok=True, digest="d", more=True) + frame(digest="e"))
    with pytest.raises(hf.BadReply, match="digest"):
        events_of(client)


@pytest.mark.rule("HF-REPLY-018")
def test_a_success_before_the_request_has_ended_is_bad_reply():
    client = asking(hf.Put(id=1, filename="a", filesize=5))
    client.receive_data(frame(id=1, ok=True, rev="r"))
    with pytest.raises(hf.BadReply, match="before the request has ended"):
        client.next_event()


def test_an_early_refusal_lets_the_client_end_its_message_early():
    client = asking(hf.Put(id=1, filename="a", filesize=2, more=True))
    refusal, done = events_of(client, frame(id=1, ok=False, code="no-space"))
    assert (refusal.code, done) == ("no-space", DONE)
    client.send(hf.BodyChunk(b"ab"))
    assert header_of(client.send(hf.Continuation(abort=True))) == {"abort": True}
    assert client.outstanding == 0
    assert client.send(hf.Stat(id=2, filename="a"))


def test_a_request_may_end_between_the_header_and_the_end_of_its_early_refusal():
    client = asking(hf.Put(id=1, filename="a", filesize=2))
    client.receive_data(frame(id=1, ok=False, code="no-space"))
    assert client.next_event().code == "no-space"
    client.send(hf.BodyChunk(b"ab"))
    assert client.next_event() == DONE
    assert client.outstanding == 0


@pytest.mark.rule("HF-REPLY-021")
@pytest.mark.parametrize("wire", [dict(body=b"x"), dict(more=True)])
def test_an_early_refusal_with_a_body_is_bad_reply(wire):
    client = asking(hf.Put(id=1, filename="a", filesize=2))
    client.receive_data(frame(id=1, ok=False, code="no-space", **wire))
    with pytest.raises(hf.BadReply, match="body"):
        client.next_event()


@pytest.mark.rule("HF-REPLY-015")
def test_a_notice_comes_between_replies():
    client = asking(hf.Stat(id=1, filename="a"), hf.Stat(id=2, filename="a"))
    events = events_of(
        client,
        frame(id=1, ok=True, rev="r")
        + frame(id=0, ok=False, code="closing")
        + frame(id=2, ok=True, rev="s"),
    )
    assert [type(event).__name__ for event in events] == [
        "StatReply",
        "MessageFinished",
        "Notice",
        "StatReply",
        "MessageFinished",
    ]
    assert ErrorCode.CLOSING is events[2].error_code


@pytest.mark.rule("HF-REPLY-009")
def test_a_fatal_notice_closes():
    client = asking(hf.Stat(id=1, filename="a"))
    events = events_of(client, frame(id=0, ok=False, code="bad-frame", close=True))
    assert [type(event).__name__ for event in events] == ["Notice", "ConnectionClosed"]
    with pytest.raises(hf.LocalError, match="closed"):
        client.send(hf.Stat(id=2, filename="a"))


@pytest.mark.rule("HF-REPLY-010")
def test_the_end_of_file_before_a_due_reply_is_a_lost_connection():
    client = asking(hf.Stat(id=1, filename="a"))
    client.receive_data(b"")
    with pytest.raises(hf.ConnectionLost, match="1 due"):
        client.next_event()


def test_the_end_of_file_with_nothing_due_is_clean():
    client = asking(hf.Put(filename="a"))
    client.receive_data(b"")
    assert [hf.ConnectionClosed()] == events_of(client)
    with pytest.raises(hf.LocalError):
        client.send(hf.Put(filename="a"))


def test_a_request_without_id_awaits_nothing():
    client = asking(hf.Put(filename="a", filesize=1))
    client.send(hf.BodyChunk(b"x"))
    assert client.outstanding == 0


# --- whole messages at once


def test_a_header_goes_out_with_its_body_as_in_two_steps():
    put = hf.Put(id=1, filename="a", filesize=5)
    at_once, in_steps = asking(), asking()
    assert in_steps.send(put) + in_steps.send(hf.BodyChunk(b"hello")) == at_once.send(put, b"hello")
    assert in_steps.send(hf.Stat(id=2, filename="a")) == at_once.send(hf.Stat(id=2, filename="a"))


@pytest.mark.rule("HF-FRAME-004")
@pytest.mark.parametrize("body", [b"hell", b"hello!", b"", memoryview(bytes(10)).cast("H")])
def test_a_body_that_is_not_the_announced_one_is_not_sent_and_changes_nothing(body):
    client = asking()
    with pytest.raises(hf.LocalError, match="HF-FRAME-004"):
        client.send(hf.Put(id=1, filename="a", filesize=5), body)
    assert client.send(hf.Stat(id=1, filename="a"))


def test_a_reply_that_nobody_wants_is_silence_with_its_body():
    server, _ = serving(frame(cmd="put", filename="a"))
    assert b"" == server.send(hf.PutReply(filesize=2), b"ab")


WHOLE = [
    frame(b"hello", id=1, cmd="put", filename="a", digest="d"),
    frame(id=2, cmd="stat", filename="a"),
    frame(b"gone", id=3, cmd="put", filename="a", abort=True),
    frame(b"no", id=4, cmd="stat", filename="a"),
    frame(b"he", id=5, cmd="put", filename="a", more=True) + frame(b"llo", total=5),
    frame(b"x", id=6, cmd="nonsense"),
    frame(id=7, cmd="put", filename="a"),
    frame(id=8, cmd="delete", filename="a", abort=True),
]


@given(st.lists(st.sampled_from(WHOLE), max_size=4), st.lists(st.integers(1, 80), max_size=6))
@example(WHOLE, [])
def test_whoever_takes_bodies_at_once_sees_the_same_messages(messages, cuts):
    def seen(*, takes):
        server, story = Connection(Role.SERVER), []
        wire = b"".join(messages)
        for begin, end in itertools.pairwise([0, *itertools.accumulate(cuts), len(wire)]):
            if not wire[begin:end]:
                continue
            server.receive_data(wire[begin:end])
            while (event := server.next_event()) is not NEED_DATA:
                if isinstance(event, hf.BodyChunk):
                    story[-1][1] += bytes(event.data)
                elif isinstance(event, hf.Request | hf.RequestRefused):
                    body = server.take_body() if takes else None
                    story.append([event, b"" if body is None else bytes(body)])
                    if body is not None:
                        story.append(["finished", b""])
                else:
                    assert isinstance(event, hf.MessageFinished | hf.MessageAborted)
                    finished = isinstance(event, hf.MessageFinished)
                    story.append(["finished" if finished else event, b""])
        return story

    assert seen(takes=False) == seen(takes=True)


def test_a_body_is_taken_once_and_before_any_of_its_chunks():
    server = Connection(Role.SERVER)
    assert server.take_body() is None
    server.receive_data(WHOLE[0] + WHOLE[0])
    server.next_event()
    assert b"hello" == server.take_body()
    assert server.take_body() is None
    server.next_event()
    server.next_event()
    assert server.take_body() is None
    assert hf.MessageFinished(body_bytes=5, digest="d") == server.next_event()


def test_a_client_that_takes_bodies_sees_its_replies_and_the_end():
    client = asking(hf.Get(id=1, filename="a"), hf.Stat(id=2, filename="a"))
    client.receive_data(frame(b"abc", id=1, ok=True, rev="r", total=3))
    assert "r" == client.next_event().rev
    assert b"abc" == client.take_body()
    client.receive_data(frame(id=2, ok=False, code="not-found", close=True))
    assert "not-found" == client.next_event().code
    assert b"" == client.take_body()
    assert client.closed


# --- what a side may not send


@pytest.mark.parametrize(
    ("role", "event"),
    [
        (Role.CLIENT, hf.StatReply(rev="r")),
        (Role.CLIENT, hf.Notice(code="closing")),
        (Role.CLIENT, hf.MessageFinished(body_bytes=0)),
        (Role.SERVER, hf.Stat(id=1, filename="a")),
        (Role.SERVER, hf.ConnectionClosed()),
    ],
)
def test_a_side_sends_only_what_its_role_sends(role, event):
    with pytest.raises(hf.LocalError, match="does not send"):
        Connection(role).send(event)


SENT = [
    hf.Put(id=9, filename="b", filesize=2),
    hf.Continuation(filesize=1, more=True),
    hf.Continuation(digest="d"),
    hf.BodyChunk(b"ab"),
    hf.BodyChunk(b"abc"),
    hf.BodySent(2),
    hf.BodySent(-1),
]

SENDING = {
    "between-messages": ([], {0}),
    "in-frame": ([hf.Put(id=1, filename="a", filesize=2, more=True)], {3, 5}),
    "in-last-frame": ([hf.Put(id=1, filename="a", filesize=2)], {3, 5}),
    "between-frames": ([hf.Put(id=1, filename="a", more=True)], {1, 2}),
}


@pytest.mark.rule("HF-FRAME-004")
@pytest.mark.parametrize("state", SENDING)
@pytest.mark.parametrize("index", range(len(SENT)))
def test_every_event_in_every_state_is_sent_or_changes_nothing(state, index):
    begun, allowed = SENDING[state]
    client = asking(*begun)
    if index in allowed:
        client.send(SENT[index])
        return
    with pytest.raises(hf.LocalError):
        client.send(SENT[index])
    follow_up = {
        "between-messages": hf.Stat(id=2, filename="a"),
        "in-frame": hf.BodyChunk(b"ab"),
        "in-last-frame": hf.BodyChunk(b"ab"),
        "between-frames": hf.Continuation(),
    }[state]
    client.send(follow_up)


@pytest.mark.rule("HF-BODY-003", "HF-BODY-002")
def test_later_headers_obey_the_rules_of_their_place():
    client = asking(hf.Put(id=1, filename="a", more=True))
    with pytest.raises(hf.LocalError, match="needs a body"):
        client.send(hf.Continuation(more=True))
    with pytest.raises(hf.LocalError, match="last header"):
        client.send(hf.Continuation(more=True, filesize=1, digest="d"))
    with pytest.raises(hf.LocalError):
        client.send(hf.Continuation(total=-1))
    client.send(hf.Continuation(digest="d"))


@pytest.mark.rule("HF-HEADER-013")
def test_a_header_that_a_peer_would_refuse_is_not_sent_and_changes_nothing():
    client = asking()
    with pytest.raises(hf.LocalError):
        client.send(hf.Put(id=1, filename="a", total=-1))
    client.send(hf.Put(id=1, filename="a"))
    server, _ = serving(STAT)
    with pytest.raises(hf.LocalError):
        server.send(hf.StatReply(total=-1))
    assert header_of(server.send(hf.StatReply(total=1)))["total"] == 1


def test_an_empty_chunk_is_nothing():
    server, _ = serving()
    for connection in (server, asking()):
        assert b"" == connection.send(hf.BodyChunk(b""))


def test_where_the_incoming_stream_is_can_be_asked():
    server, _ = serving(b"\x02")
    assert (server.receiving, server.header_begun) == (hf.StreamState.BETWEEN_MESSAGES, True)
    server, _ = serving(frame(id=1, cmd="put", filename="a", filesize=5))
    assert (server.receiving, server.header_begun) == (hf.StreamState.IN_LAST_FRAME, False)


PUT = frame(b"ab", id=1, cmd="put", filename="a")
GET = frame(id=1, cmd="get", filename="a")
EXCHANGES = {
    ExchangeState.REQUESTING: (PUT[:-1], []),
    ExchangeState.AWAITING_REPLY: (GET, []),
    ExchangeState.REPLYING: (GET, [hf.GetReply(filesize=2, more=True)]),
    ExchangeState.DISCARDING: (PUT[:-1], [hf.Refusal(code="not-found")]),
    ExchangeState.DONE: (GET, [hf.GetReply()]),
}


@pytest.mark.parametrize("state", EXCHANGES)
@pytest.mark.parametrize(
    "reply",
    [hf.PutReply(), hf.GetReply(), hf.Refusal(code="not-found")],
    ids=lambda r: type(r).__name__,
)
def test_every_reply_in_every_state_of_an_exchange_is_sent_or_changes_nothing(state, reply):
    wire, sent = EXCHANGES[state]
    server, _ = serving(wire)
    for event in sent:
        server.send(event)
    moved = ExchangeInput.REFUSAL if isinstance(reply, hf.Refusal) else ExchangeInput.REPLY
    answers = isinstance(reply, hf.Refusal) or isinstance(reply, hf.PutReply) is (wire != GET)
    before = server.outstanding
    if moved in EXCHANGE_TRANSITIONS[state] and answers:
        assert header_of(server.send(reply))["id"] == 1
        assert before - 1 == server.outstanding
        return
    with pytest.raises(hf.LocalError):
        server.send(reply)
    assert before == server.outstanding


def test_headers_and_messages_are_counted_whatever_becomes_of_them():
    server, _ = serving(
        frame(b"a", id=1, cmd="put", filename="a", more=True)
        + frame(b"b")
        + frame(b"x", cmd="nope")
        + frame(b"x", cmd="list")
    )
    assert (4, 3) == (server.headers_read, server.messages_begun)


# --- the invariant of the whole codec


@given(
    st.lists(
        st.binary(max_size=30)
        | strategies.nearly_valid_json().map(lambda raw: struct.pack("<I", len(raw)) + raw)
        | strategies.frames().map(lambda made: made.wire)
        | strategies.messages().map(lambda made: b"".join(part.wire for part in made))
        | strategies.frames().flatmap(lambda made: strategies.damaged(made.wire)),
        max_size=6,
    ),
    st.sampled_from(Role),
    st.booleans(),
)
@example([b'\x0f\0\0\0{"filesize": 1}', b""], Role.CLIENT, True)
def test_whatever_a_peer_sends_gives_events_or_one_remote_error_and_ends(pieces, role, answers):
    """Any bytes, cut anyhow, give finitely many events and then NEED_DATA or one RemoteError."""
    connection = Connection(role)
    if role is Role.CLIENT:
        connection.send(hf.Get(id=1, filename="a"))
        connection.send(hf.Put(id=2, filename="a", filesize=3))
    try:
        for piece in [*pieces, b""]:
            connection.receive_data(piece)
            for _ in range(len(piece) + 10):
                event = connection.next_event()
                if event is NEED_DATA or isinstance(event, hf.ConnectionClosed):
                    break
                if answers and isinstance(event, hf.RequestRefused):
                    connection.send(event.refusal)
            else:
                pytest.fail("more events than bytes")
            if piece == b"":
                break
    except hf.RemoteError as error:
        assert error.rule.startswith("HF-")
        assert str(error).isprintable()
        with pytest.raises(type(error)):
            connection.next_event()


@pytest.mark.parametrize("kind", [hf.PutReply, partial(hf.Refusal, code="conflict")])
def test_a_reply_with_a_revision_that_is_none_says_so(kind):
    rule, message = kind(rev="a b").revision_flaw()
    assert rule.startswith("HF-")
    assert "a b" in message
    assert kind(rev="ab").revision_flaw() is None
