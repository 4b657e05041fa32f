"""Transfers over connections that are lost: each one comes to an end that somebody is told of."""

from __future__ import annotations

import gc
import io
import weakref
from typing import Any

import pytest

from headframe import Hello, HelloReply, Put, PutReply, Refusal
from headframe.digests import Hasher
from headframe_client import ConnectionFailed, Refused
from headframe_client.calls import Call, ReplyCall
from headframe_client.choice import AWAITED_BYTES
from headframe_client.crew import Crew
from headframe_client.gets import GetTransfer
from headframe_client.outcome import Outcome
from headframe_client.parts import PartFile
from headframe_client.puts import PutTransfer
from headframe_client.session import Session
from headframe_client.transfers import Transfer


def digest_of(data):
    hasher = Hasher()
    hasher.update(data)
    return hasher.digest


class RefusedAndLost(Transfer[Any]):
    """The server refuses it for now, and the connection is lost behind the refusal."""

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        call = ReplyCall(self.name)
        call.fail(Refused.of(Refusal(code="no-space", retry_ms=0), self.name))
        session.close()
        return call, 0

    def settle(self, call: Call[Any]) -> Any:
        return call.result()


@pytest.mark.parametrize("connections", [1, 2])
def test_a_loss_behind_a_refusal_for_now_is_no_success(connect, connections):
    outcome = Outcome()
    transfers = iter([RefusedAndLost("a"), RefusedAndLost("b")])
    with pytest.raises(ConnectionFailed):
        Crew(connect, transfers, outcome, connections=connections, retries=0).run()
    assert 0 == outcome.files


class ReadOnce(Transfer[Any]):
    """It has read from what can be read once only when the connection turns out to be lost."""

    begun = 0
    repeatable = False

    def begin(self, session: Session) -> tuple[Call[Any], int]:
        self.begun += 1
        session.close()
        raise ConnectionFailed("lost")

    def settle(self, call: Call[Any]) -> Any:
        raise AssertionError


def test_what_can_be_read_once_does_not_begin_again_without_its_beginning(connect):
    outcome, transfer = Outcome(), ReadOnce("a")
    Crew(connect, iter([transfer]), outcome, retries=3).run()
    assert (1, 0) == (transfer.begun, outcome.files)
    assert ["a"] == [name for name, _ in outcome.failures]


def test_an_open_file_is_whole_after_a_loss_before_its_first_byte(scripted):
    def lose(peer):
        peer.next_event()

    def take(peer):
        while not isinstance(request := peer.read_request(), Put):
            assert isinstance(request, Hello)
            peer.send(HelloReply(hf=[1]))
        peer.send(PutReply(rev="r", total=AWAITED_BYTES, digest=digest_of(peer.bodies[-1])))

    server, outcome = scripted(lose, take), Outcome()
    file = io.BytesIO(bytes(range(256)) * (AWAITED_BYTES // 256))
    transfer = PutTransfer("a", file, verify=True)
    Crew(server.connect, iter([transfer]), outcome, retries=1).run()
    assert (1, 0) == (outcome.files, len(outcome.failures))
    assert file.getvalue() == server.peers[-1].bodies[-1]


def test_a_transfer_that_has_ended_is_gone(connect, client, tmp_path):
    client.put("a", b"some bytes")
    transfer, outcome = GetTransfer("a", PartFile(tmp_path / "a")), Outcome()
    ended = weakref.ref(transfer)
    crew = Crew(connect, iter([transfer]), outcome)
    del transfer
    gc.disable()
    try:
        crew.run()
        assert ended() is None
    finally:
        gc.enable()
    assert 1 == outcome.files
