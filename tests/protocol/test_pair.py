"""Two connections wired together against a model: nothing is lost, mixed up or invented."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import headframe as hf
from headframe import NEED_DATA, UNSET, Command, Connection, Role
from headframe.conformance import strategies
from headframe.messages import command_of


@dataclass
class Model:
    """A request as the client meant it, and what became of it."""

    header: hf.Request
    body: bytes = b""
    ended: str = ""
    """"", "finished" or "aborted"."""
    arrived: bytes = b""
    reply: object = None
    refused_early: bool = False


@dataclass
class Wire:
    """Bytes on their way, in one direction."""

    sent: bytearray = field(default_factory=bytearray)

    def take(self, count: int) -> bytes:
        taken = bytes(self.sent[:count])
        del self.sent[:count]
        return taken


class TwoConnections(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.client = Connection(Role.CLIENT)
        self.server = Connection(Role.SERVER)
        self.to_server = Wire()
        self.to_client = Wire()
        self.begun: deque[Model] = deque()  # not yet seen whole by the server
        self.unanswered: deque[Model] = deque()  # begun to arrive, no reply sent
        self.expected: deque[Model] = deque()  # reply sent, not yet seen by the client
        self.sending: Model | None = None
        self.left = 0
        self.arriving: Model | None = None
        self.reply_seen: Model | None = None
        self.reply_body = b""

    # --- the client

    @precondition(lambda self: self.sending is None)
    @rule(header=strategies.requests(st.just(UNSET) | strategies.request_ids), data=st.data())
    def begin_request(self, header, data):
        if isinstance(header, hf.Put):
            header = hf.Put(
                id=header.id,
                filename=header.filename,
                filesize=data.draw(st.integers(0, 20)),
                more=data.draw(st.booleans()),
            )
        self.to_server.sent += self.client.send(header)
        model = Model(header)
        if isinstance(header, hf.Put) or header.id is not UNSET:
            self.begun.append(model)
        self.begin_frame(model, header)

    def begin_frame(self, model, header):
        self.sending, self.left = model, header.filesize
        self.more = header.more
        if not self.left and not self.more:
            self.end_request("aborted" if getattr(header, "abort", False) else "finished")

    def end_request(self, how):
        self.sending.ended, self.sending = how, None

    @precondition(lambda self: self.sending is not None and self.left)
    @rule(data=st.data())
    def send_body(self, data):
        count = data.draw(st.integers(1, self.left))
        chunk = data.draw(st.binary(min_size=count, max_size=count))
        self.to_server.sent += self.client.send(hf.BodyChunk(chunk))
        self.sending.body += chunk
        self.left -= count
        if not self.left and not self.more:
            self.end_request("finished")

    @precondition(lambda self: self.sending is not None and not self.left and self.more)
    @rule(count=st.integers(0, 20), more=st.booleans(), abort=st.booleans())
    def send_later_header(self, count, more, abort):
        more = more and bool(count)
        abort = abort and not more and not count
        header = hf.Continuation(filesize=count, more=more, abort=abort)
        self.to_server.sent += self.client.send(header)
        self.begin_frame_of_later(header)

    def begin_frame_of_later(self, header):
        self.begin_frame(self.sending, header)

    # --- the network and the server

    @precondition(lambda self: self.to_server.sent)
    @rule(count=st.integers(1, 60) | st.just(1000))
    def carry_to_server(self, count):
        self.server.receive_data(self.to_server.take(count))
        while (event := self.server.next_event()) is not NEED_DATA:
            match event:
                case hf.Request():
                    self.arriving = self.begun.popleft()
                    assert self.arriving.header == event
                    self.unanswered.append(self.arriving)
                case hf.BodyChunk(data):
                    self.arriving.arrived += data
                case hf.MessageFinished() | hf.MessageAborted():
                    assert self.arriving.body == self.arriving.arrived
                    finished = isinstance(event, hf.MessageFinished)
                    assert ("finished" if finished else "aborted") == self.arriving.ended
                    self.arriving = None
                case other:
                    raise AssertionError(other)

    @precondition(lambda self: self.unanswered)
    @rule(data=st.data())
    def answer(self, data):
        model = self.unanswered[0]
        arriving = model is self.arriving
        if arriving or data.draw(st.booleans()):
            reply = hf.Refusal(code="not-found")
        else:
            reply = data.draw(strategies.successes(Command(command_of(model.header))))
        if isinstance(reply, hf.GetReply) and data.draw(st.booleans()):
            reply = hf.GetReply(rev="r", filesize=3, more=True)
        sent = self.server.send(reply)
        if isinstance(reply, hf.GetReply) and reply.filesize:
            sent += self.server.send(hf.BodyChunk(b"abc"))
            sent += self.server.send(hf.Continuation(filesize=2)) + self.server.send(
                hf.BodyChunk(b"de")
            )
        self.unanswered.popleft()
        if arriving:
            model.refused_early = True
            self.arriving = Model(model.header)  # what is discarded makes no event
        model.reply = reply
        if model.header.id is UNSET:
            assert sent == b""
        else:
            self.expected.append(model)
            self.to_client.sent += sent

    @precondition(lambda self: self.to_client.sent)
    @rule(count=st.integers(1, 60) | st.just(1000))
    def carry_to_client(self, count):
        self.client.receive_data(self.to_client.take(count))
        while (event := self.client.next_event()) is not NEED_DATA:
            match event:
                case hf.Reply():
                    self.reply_seen = self.expected.popleft()
                    assert self.reply_seen.header.id == event.id
                    assert type(self.reply_seen.reply) is type(event)
                    self.reply_body = b""
                case hf.BodyChunk(data):
                    self.reply_body += data
                case hf.MessageFinished(body_bytes=body_bytes):
                    assert body_bytes == len(self.reply_body)
                    assert self.reply_body in (b"", b"abcde")
                case other:
                    raise AssertionError(other)

    @invariant()
    def both_sides_count_what_is_outstanding(self):
        in_flight = sum(model.header.id is not UNSET for model in self.unanswered)
        assert in_flight == self.server.outstanding
        assert self.client.outstanding >= self.server.outstanding

    def teardown(self):
        if self.sending is not None:
            return
        while self.to_server.sent:
            self.carry_to_server(1000)
        while self.unanswered:
            self.to_client.sent += self.server.send(hf.Refusal(code="internal", retry_ms=5))
            model = self.unanswered.popleft()
            model.reply = hf.Refusal(code="internal", retry_ms=5)
            if model.header.id is not UNSET:
                self.expected.append(model)
        while self.to_client.sent:
            self.carry_to_client(1000)
        assert not self.begun
        assert not self.expected
        assert 0 == self.client.outstanding == self.server.outstanding


TwoConnections.TestCase.settings = settings(stateful_step_count=40)
TestTwoConnections = TwoConnections.TestCase
