"""Transfers over connections that are lost: each one comes to an end that somebody is told of."""

from __future__ import annotations

from typing import Any

import pytest

from headframe import Refusal
from headframe_client import ConnectionFailed, Refused
from headframe_client.calls import Call, ReplyCall
from headframe_client.crew import Crew
from headframe_client.outcome import Outcome
from headframe_client.session import Session
from headframe_client.transfers import Transfer


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
