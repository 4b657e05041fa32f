"""Every exchange of the standard is played against the reference server, over a socket.

What a client sends goes out byte for byte as it is written; what the server answers has to be what
is written, but for revisions, the time of now, the name of the server and the text of messages. A
revision stands for one and the same throughout an exchange. Between the frames stand two more
kinds of line: HAS, a file that the server holds then, and ***, something that happens, which
`HAPPENINGS` knows how to bring about.
"""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

import standard
from headframe import (
    COMMANDS,
    LIMITS,
    NEED_DATA,
    UNSET,
    BodyChunk,
    Command,
    Connection,
    ConnectionClosed,
    Continuation,
    ErrorClass,
    ErrorCode,
    Hello,
    Put,
    PutReply,
    Request,
    Role,
)
from headframe_server import Access, DirectoryStore, Server, Settings, answers, directory
from headframe_server.access import Person, Token
from headframe_server.draft import store_error
from standard import Step

TIMEOUT_S = 20
TOTAL_BYTES = 1 << 40
REVISIONS = ("rev", "to_rev", "if", "to_if")
US_IN_S = 1_000_000


class End:
    """One end of a connection to the server: raw frames, and a codec that watches them."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=TIMEOUT_S)
        self.codec = Connection(Role.CLIENT)
        self.closing = False

    def exactly(self, count: int) -> bytes:
        """Return so many bytes."""
        found = b""
        while len(found) < count:
            piece = self.socket.recv(count - len(found))
            assert piece, f"the server ends the connection after {found!r}"
            found += piece
        return found

    def send(self, text: str, body: bytes) -> None:
        """Send a frame; the codec has to find it legal, if it is JSON."""
        try:
            header = json.loads(text)
        except ValueError:
            self.socket.sendall(standard.frame_of(text, body))
            return
        members = {name: value for name, value in header.items() if "." not in name}
        kind: type[Request | Continuation] = Continuation
        if header.get("cmd") in set(Command):
            kind = COMMANDS[Command(header["cmd"])].request
        elif "cmd" in header:
            kind, members = Hello, {"id": header["id"], "cmd": "hello"}  # it can only be refused
        self.codec.send(msgspec.convert(members, kind))
        if body:
            self.codec.send(BodyChunk(body))
        self.socket.sendall(standard.frame_of(text, body))

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """Return the next frame, which the codec has to believe."""
        prelude = self.exactly(4)
        header = self.exactly(*struct.unpack("<I", prelude))
        members = json.loads(header)
        body = self.exactly(members.get("filesize", 0))
        self.codec.receive_data(prelude + header + body)
        while (event := self.codec.next_event()) is not NEED_DATA:
            if isinstance(event, ConnectionClosed):
                break
        self.closing |= members.get("close", False)
        return members, body

    def rest(self) -> bytes:
        """Return all that comes until the server ends the connection."""
        found = b""
        while piece := self.socket.recv(1 << 16):
            found += piece
        return found

    def expect_nothing_more(self) -> None:
        """See the connection end without another byte."""
        if not self.closing:
            self.socket.shutdown(socket.SHUT_WR)
        assert b"" == self.socket.recv(1), "the server says more than is written"

    def close(self) -> None:
        """Go away."""
        self.socket.close()


@dataclass
class Play:
    """An exchange that is being played."""

    root: str
    monkeypatch: pytest.MonkeyPatch
    settings: Settings = field(default_factory=lambda: Settings(drain_s=5))
    limits: dict[str, int] = field(default_factory=dict)
    access: Access | None = None
    server: Server = field(init=False)
    ends: dict[str, End] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    """As the text calls them -> as the server does."""
    times: set[int] = field(default_factory=set)
    """Those that somebody has set."""

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve, and see every connection end well."""
        with contextlib.ExitStack() as stack:
            store = stack.enter_context(
                DirectoryStore(self.root, free_bytes=0, total_bytes=TOTAL_BYTES)
            )
            self.server = stack.enter_context(
                Server(
                    ("127.0.0.1", 0),
                    store,
                    settings=self.settings,
                    limits=replace(LIMITS, **self.limits),
                    access=self.access,
                )
            )
            try:
                yield
                self.expect_nothing_more()
            finally:
                for end in self.ends.values():
                    end.close()

    def expect_nothing_more(self) -> None:
        """See every connection end well; what was asked for has happened then."""
        for end in self.ends.values():
            end.expect_nothing_more()
            end.close()
        self.ends.clear()

    def end(self, name: str) -> End:
        """Return a connection by its letter."""
        if name not in self.ends:
            self.ends[name] = End(self.server.address)
        return self.ends[name]

    def take(self, step: Step) -> None:
        """Play one line."""
        if step.mark == "***":
            HAPPENINGS[step.text].happen(self)
        elif step.mark == "HAS":
            self._see_file(step)
        elif step.from_server:
            self._compare(step, *self.end(step.connection).receive())
        else:
            self.times.add(step.header.get("mtime", 0))
            self.end(step.connection).send(self._translated(step), step.body)

    def hold(self, step: Step) -> None:
        """Let the server hold a file from the beginning."""
        store, mtime = self.server.store, step.header.get("mtime", UNSET)
        put = Put(filename=step.header["filename"], mtime=mtime)
        incoming = store.receive(put, interrupt=lambda: None)
        incoming.write(step.body)
        incoming.end(None, None)
        (reply,) = store.commit([incoming])
        incoming.release()
        assert isinstance(reply, PutReply)
        self.times.add(step.header.get("mtime", 0))
        if "rev" in step.header:
            self.revisions[step.header["rev"]] = str(reply.rev)

    def _see_file(self, step: Step) -> None:
        found = self.server.store.stat(step.header["filename"])
        opened = self.server.store.open(step.header["filename"])
        try:
            assert step.body == opened.read(0, found.total + 1)
        finally:
            opened.close()
        if "rev" in step.header:
            assert self._same_revision(step.header["rev"], found.rev)
        if "mtime" in step.header:
            assert step.header["mtime"] == found.mtime

    def _translated(self, step: Step) -> str:
        """Return a header with the server's revisions in place of the text's."""
        text = step.text
        for name in REVISIONS:
            value = step.header.get(name)
            if isinstance(value, str) and value in self.revisions:
                text = text.replace(f'"{name}":"{value}"', f'"{name}":"{self.revisions[value]}"')
        return text

    def _compare(self, step: Step, header: dict[str, Any], body: bytes) -> None:
        """See that a frame is the one that is written."""
        assert header.get("filesize", 0) == len(body)
        assert step.header.get("filesize", 0) == len(step.body)
        if "end" in header:
            found = [json.loads(line) for line in body.splitlines()]
            wanted = [json.loads(line) for line in step.body.splitlines()]
            assert [list(row) for row in wanted] == [list(row) for row in found]
            for one, other in zip(wanted, found, strict=True):
                assert one == self._as_written(one, other)
            header = header | {"filesize": len(step.body)} if step.body else header
        else:
            assert step.body == body
        assert step.header == self._as_written(step.header, header)

    def _as_written(self, wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        """Return what came with the words of the text where any would do."""
        shown = dict(found)
        for name in set(wanted) & set(found):
            one, other = wanted[name], found[name]
            free = (
                (name in ("message", "server") and isinstance(other, str) and other)
                or (name == "features" and isinstance(other, list))
                or (name in REVISIONS and self._same_revision(one, other))
                or (name == "mtime" and one not in self.times and _is_now(other))
            )
            if free:
                shown[name] = one
        return shown

    def _same_revision(self, written: object, found: object) -> bool:
        if not isinstance(written, str) or not isinstance(found, str):
            return False
        if written not in self.revisions:
            assert found not in self.revisions.values(), "one revision under two names"
            self.revisions[written] = found
        return self.revisions[written] == found


def _is_now(mtime: object) -> bool:
    return isinstance(mtime, int) and abs(time.time() - mtime / US_IN_S) < TIMEOUT_S


# --- what happens ------------------------------------------------------------------------


@dataclass(frozen=True)
class Happening:
    """Something that a text says between the frames of an exchange."""

    arrange: Callable[[Play], None] = lambda _play: None
    """What is done before the server begins."""
    happen: Callable[[Play], None] = lambda _play: None
    """What is done at this point."""


def _limit(**limits: int) -> Callable[[Play], None]:
    return lambda play: play.limits.update(limits)


def _know_a_token(play: Play) -> None:
    """The token of the text belongs to somebody who may write."""
    hashed = "8f8f27957d5300dfed683470ae1583d4a24b7e50aae47806627945cceaa51d86"
    play.access = Access(tokens=(Token(Person("backup"), hashed),))


def _read_only(play: Play) -> None:
    hashed = "8f8f27957d5300dfed683470ae1583d4a24b7e50aae47806627945cceaa51d86"
    play.access = Access(tokens=(Token(Person("reader", may_write=False), hashed),))


def _take_one_connection(play: Play) -> None:
    play.settings = Settings(connections=1)


def _connect_another(play: Play) -> None:
    """Somebody else has the only place that there is; a reply shows that it is taken."""
    other = play.end("D")
    other.send('{"id":1,"cmd":"stat","filename":"a.txt"}', b"")
    other.receive()


def _send_half_a_prelude(play: Play) -> None:
    play.end("C").socket.sendall(b"\x10\x00")


def _stop(play: Play) -> None:
    threading.Thread(target=play.server.stop, daemon=True).start()


def _let_arrive(bytes_: int, play: Play) -> None:
    """Wait until the server has so many bytes of the only upload."""
    until = time.monotonic() + TIMEOUT_S
    uploads = Path(play.root) / ".headframe" / "uploads"
    while [bytes_] != [path.stat().st_size for path in uploads.glob("*.data")]:
        assert time.monotonic() < until, "the bytes do not arrive"
        time.sleep(0.001)


def _break_after(bytes_: int, play: Play) -> None:
    """Let bytes arrive and the connection break; the client opens another."""
    _let_arrive(bytes_, play)
    play.ends.pop("C").close()


def _shrink(frame_bytes: int, play: Play) -> None:
    """Let a file end after its first frame, which is a small one."""
    limits = replace(LIMITS, reply_frame_bytes=frame_bytes)
    play.monkeypatch.setattr(answers, "LIMITS", limits)
    play.monkeypatch.setattr(directory.Opened, "size", lambda _opened: frame_bytes)


def _fill_the_disk(play: Play) -> None:
    def refuse(_store: DirectoryStore, _more_bytes: int) -> None:
        raise store_error(OSError(errno.ENOSPC, "full"))

    play.monkeypatch.setattr(DirectoryStore, "check_room", refuse)


HAPPENINGS = {
    "idle_ms is short": Happening(arrange=_limit(idle_ms=800)),
    "header_ms is short": Happening(arrange=_limit(header_ms=800)),
    "two bytes of N arrive, and no more": Happening(happen=_send_half_a_prelude),
    "the server is told to stop": Happening(happen=_stop),
    "the server wants to know who is asking": Happening(arrange=_know_a_token),
    "this token may only read": Happening(arrange=_read_only),
    "the server takes one connection, and somebody has it": Happening(
        arrange=_take_one_connection, happen=_connect_another
    ),
    "the seven bytes arrive": Happening(happen=partial(_let_arrive, 7)),
    "the seven bytes arrive, the connection breaks, and the client opens another": Happening(
        happen=partial(_break_after, 7)
    ),
    "the server sends frames of 22 bytes, and cannot read on after the first": Happening(
        arrange=partial(_shrink, 22)
    ),
    "the disk is full": Happening(happen=_fill_the_disk),
}
"""What the texts say -> how it is brought about."""


# --- the tests ---------------------------------------------------------------------------


def _exchanges() -> list[Any]:
    return [pytest.param(steps, id=block.name) for block, steps in standard.exchanges()]


@pytest.mark.parametrize("steps", _exchanges())
def test_an_exchange_is_what_the_reference_server_makes_of_it(steps, tmp_path, monkeypatch):
    play = Play(str(tmp_path), monkeypatch)
    for step in steps:
        if step.mark == "***":
            HAPPENINGS[step.text].arrange(play)
    last = max(number for number, step in enumerate(steps) if step.is_frame)
    with play.serving():
        begun = False
        for number, step in enumerate(steps):
            begun = begun or step.is_frame
            if number > last:
                play.expect_nothing_more()
            if step.mark == "HAS" and not begun:
                play.hold(step)
            else:
                play.take(step)


def test_everything_that_can_happen_does():
    steps = [step for _, steps in standard.exchanges() for step in steps]
    happened = {step.text for step in steps if step.mark == "***"}
    assert set(HAPPENINGS) == happened


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return a server that serves them all."""
    root = tmp_path_factory.mktemp("root")
    with (
        DirectoryStore(root, free_bytes=0, durability="rename") as store,
        Server(("127.0.0.1", 0), store, settings=Settings(connections_per_peer=200)) as running,
    ):
        yield running


def verdict(server: Server, raw: bytes) -> str:
    """Return the code with which a server answers one message after a hello, or `accepted`."""
    with contextlib.closing(End(server.address)) as end:
        end.send('{"id":1,"cmd":"hello"}', b"")
        assert end.receive()[0]["ok"]
        end.socket.sendall(raw)
        end.socket.shutdown(socket.SHUT_WR)
        replies = [json.loads(header) for header, _ in standard.cut_frames(end.rest())]
    assert 1 == len(replies), "one request, one reply"
    code = replies[0].get("code", "accepted")
    fatal = code != "accepted" and ErrorCode(code).error_class is ErrorClass.FATAL
    assert (replies[0]["id"] == 0) is fatal
    assert replies[0].get("close", False) is (fatal or code == ErrorCode.UNSUPPORTED_VERSION)
    return "accepted" if code == ErrorCode.NOT_FOUND else code


@pytest.mark.parametrize(("wanted", "header"), standard.example_lines("header"))
def test_a_header_is_answered_by_a_server_as_the_standard_says(wanted, header, server):
    assert wanted == verdict(server, standard.frame_of(header))


@pytest.mark.parametrize(("wanted", "message"), standard.example_lines("message"))
def test_a_message_is_answered_by_a_server_as_the_standard_says(wanted, message, server):
    assert wanted == verdict(server, standard.message_of(message))


@pytest.mark.parametrize(("wanted", "name"), standard.example_lines("name"))
def test_a_name_is_answered_by_a_server_as_the_standard_says(wanted, name, server):
    put = f'{{"id":7,"cmd":"put","filename":{name}}}'
    assert wanted == verdict(server, standard.frame_of(put))


@pytest.mark.rule("HF-CMD-011", "HF-CMD-012", "HF-HEADER-016")
@pytest.mark.parametrize(("wanted", "digest"), standard.example_lines("digest"))
@pytest.mark.parametrize("trailing", [False, True])
def test_a_digest_is_answered_by_a_server_as_the_standard_says(wanted, digest, trailing, server):
    put = '"id":7,"cmd":"put","filename":"hello","filesize":5'
    message = standard.frame_of(f'{{{put},"digest":{digest}}}', b"hello")
    if trailing:
        message = standard.frame_of(f'{{{put},"more":true}}', b"hello")
        message += standard.frame_of(f'{{"digest":{digest}}}')
    assert wanted == verdict(server, message)


FATAL_DUMPS = [
    pytest.param(block.label, block.text, id=block.name)
    for block in standard.blocks("hexdump")
    if block.label
]


@pytest.mark.parametrize(("code", "dump"), FATAL_DUMPS)
def test_a_dump_with_a_code_is_answered_by_a_server_with_it(code, dump, server):
    with contextlib.closing(End(server.address)) as end:
        end.send('{"id":1,"cmd":"hello"}', b"")
        end.receive()
        end.socket.sendall(standard.dumped_bytes(dump))
        reply = json.loads(standard.cut_frames(end.rest())[-1][0])
        assert (0, code, True) == (reply["id"], reply["code"], reply["close"])


@pytest.mark.parametrize(("code", "dump"), FATAL_DUMPS)
def test_a_dump_with_a_code_and_without_an_id_is_answered_with_silence(code, dump, server):
    raw = standard.dumped_bytes(dump)
    if b'"id"' in raw:
        return  # then it says so itself
    with contextlib.closing(End(server.address)) as end:
        end.socket.sendall(raw)
        assert b"" == end.socket.recv(1)
