"""Many calls on their way at once."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest

from headframe import BodyChunk, Get, GetReply, Notice, Put, Refusal, Stat
from headframe_client import Client, ConnectionFailed, Pipeline, Refused
from headframe_client import pipeline as pipeline_module
from headframe_client.calls import Call, StatCall
from headframe_client.gets import GetCall
from headframe_client.sinks import StreamSink
from headframe_client.sources import open_source, send_put

MIB = 1 << 20


def begin_put(client: Client, name: str, body: bytes) -> Call[Any]:
    with open_source(body) as source:
        return send_put(client.session, Put(id=client.session.next_id(), filename=name), source)


def begin_get(client: Client, name: str) -> Call[Any]:
    call = GetCall(name, StreamSink(io.BytesIO()))
    request = Get(id=client.session.next_id(), filename=name, want=["digest"])
    client.session.begin(call, request)
    return call


def begin_stat(client: Client, name: str) -> Call[Any]:
    call = StatCall(name)
    client.session.begin(call, Stat(id=client.session.next_id(), filename=name))
    return call


@pytest.mark.rule("HF-REQ-010", "HF-REQ-009")
def test_who_sends_much_and_is_sent_much_is_never_stuck(client: Client) -> None:
    body = bytes(MIB)
    client.put("there", body)
    done: list[Call[Any]] = []
    pipeline = Pipeline(client.session, window_calls=1000, window_bytes=1 << 40)
    for number in range(40):
        pipeline.add(begin_get(client, "there"), done.append, MIB)
        pipeline.add(begin_put(client, f"new/{number}", body), done.append, MIB)
    pipeline.finish()
    assert [None] * 80 == [call.error for call in done]
    assert [MIB] * 80 == [call.result().total for call in done]


@pytest.mark.rule("HF-TIME-010")
def test_calls_are_handed_over_once_and_in_order(client: Client) -> None:
    client.put("there", b"x")
    done: list[Call[Any]] = []
    pipeline = Pipeline(client.session, window_calls=7)
    begun = []
    for number in range(100):
        begun.append(begin_stat(client, "there" if number % 3 else "missing"))
        pipeline.add(begun[-1], done.append)
        assert len(begun) - len(done) <= 7
    pipeline.finish()
    assert begun == done
    assert [not number % 3 for number in range(100)] == [
        isinstance(call.error, Refused) for call in done
    ]


def test_the_bytes_on_their_way_are_bounded(client: Client) -> None:
    done: list[Call[Any]] = []
    pipeline = Pipeline(client.session, window_bytes=100_000)
    for number in range(20):
        pipeline.add(begin_put(client, f"n/{number}", bytes(30_000)), done.append, 30_000)
        assert (number + 1 - len(done)) * 30_000 <= 100_000
    pipeline.finish()
    assert 20 == len(done)


def test_another_call_may_wait_in_the_middle(client: Client) -> None:
    done: list[Call[Any]] = []
    pipeline = Pipeline(client.session)
    pipeline.add(begin_put(client, "a", b"a"), done.append)
    assert ["a"] == [entry.name for entry in client.list()]
    pipeline.add(begin_put(client, "b", b"b"), done.append)
    pipeline.finish()
    assert ["a", "b"] == [call.subject for call in done]


@pytest.mark.rule("HF-REPLY-010", "HF-REPLY-015")
def test_a_lost_connection_fails_what_had_no_whole_reply_and_nothing_else(scripted) -> None:
    def script(peer) -> None:
        for _ in range(3):
            peer.read_request()
        reply = GetReply(rev="r", total=2, offset=0, filesize=2, digest="sha-256:" + "0" * 64)
        peer.send(Refusal(code="not-found"), Notice(code="closing", message="bye"))
        peer.send(reply, BodyChunk(b"x"))

    done: list[Call[Any]] = []
    with scripted(script).connect() as client:
        pipeline = Pipeline(client.session)
        for _ in range(3):
            pipeline.add(begin_get(client, "x"), done.append)
        with pytest.raises(ConnectionFailed, match="bye"):
            pipeline.finish()
    assert [Refused, ConnectionFailed, ConnectionFailed] == [type(call.error) for call in done]


def test_what_has_come_is_handed_over_while_calls_are_added(client: Client, monkeypatch) -> None:
    monkeypatch.setattr(pipeline_module, "LOOK_S", 0)
    done: list[Call[Any]] = []
    pipeline = Pipeline(client.session)
    body = bytes(100_000)  # more than is collected before it is written
    for number in range(100):
        pipeline.add(begin_put(client, f"n/{number}", body), done.append, len(body))
        if done:
            break
        time.sleep(0.01)
    assert 0 < len(done) == number + 1 - len(pipeline)
    pipeline.finish()
    assert len(done) == number + 1
