"""A recorded conversation, played to a server again: is the answer still the same?

    for step in play(Transcript.from_json(text), target): print(step.recorded, step.now)

The law of this module: what was sent is sent again, byte for byte, on as many connections and in
the same order; before each thing that is sent, as many answers are awaited as had come by then.
Two things are put in place of what the record holds: the key in the names of a check, so that they
are new, and revisions that the server has now given in place of those it gave then, where
they are as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headframe import FRAME_PLAN, OpenHeader, Reader, RemoteError
from headframe.conformance.peer import Conversation, Peer
from headframe.conformance.replies import Reply
from headframe.conformance.target import Facts, Target
from headframe.conformance.transcript import Entry, Kind, Transcript
from headframe.reader import Sentinel

__all__ = ["Step", "play"]

UNREADABLE: Final = "bytes that are no HF/1"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the server was heard to do, then and now."""

    connection: int
    recorded: str
    now: str

    @property
    def same(self) -> bool:
        """Whether the server does what it did."""
        return self.recorded == self.now


@dataclass(slots=True)
class _Connection:
    """One connection of the record, and the one that is made in its place."""

    peer: Peer
    then: Reader = field(default_factory=lambda: Reader(FRAME_PLAN, FRAME_PLAN))
    broken: bool = False
    """Whether the recorded bytes can be read no further."""
    headers: list[Mapping[str, Any]] = field(default_factory=list)
    """Of the recorded message that is not whole yet."""

    def messages(self, data: bytes) -> Iterator[Reply | None]:
        """Yield the recorded messages that are whole with `data`; None: it cannot be read."""
        if self.broken:
            return
        self.then.receive_data(data)
        try:
            while (part := self.then.next_part()) is not Sentinel.NEED_DATA:
                if isinstance(part, OpenHeader):
                    self.headers.append(part.members)
                elif part is Sentinel.MESSAGE_END:
                    yield Reply(tuple(dict(header) for header in self.headers), b"")
                    self.headers = []
        except RemoteError:
            self.broken = True
            yield None


def play(record: Transcript, target: Target) -> Iterator[Step]:
    """Play a record; yield what the server does beside what it did. `record.key` may be empty."""
    player = _Player(record, target)
    try:
        for entry in record.entries:
            yield from player.take(entry)
    finally:
        player.close()


class _Player:
    """The connections of one record."""

    def __init__(self, record: Transcript, target: Target) -> None:
        self._talk = Conversation(target, Facts())
        self._put: dict[bytes, bytes] = {}
        """What stands for what, of the same length."""
        if record.key:
            self._put[record.key.encode()] = self._talk.transcript.key.encode()
        self._connections: dict[int, _Connection] = {}

    def take(self, entry: Entry) -> Iterator[Step]:
        """Do what was done, or await what came."""
        connection = self._connections.get(entry.connection)
        if connection is None:
            connection = self._connections[entry.connection] = _Connection(Peer(self._talk))
            connection.peer.open()
        match entry.kind:
            case Kind.SENT:
                connection.peer.wire.send(self._renewed(entry.data))
            case Kind.RECEIVED:
                for then in connection.messages(entry.data):
                    yield self._await(entry, connection, then)
            case Kind.PEER_ENDED | Kind.SILENT:
                said = connection.peer.receive(None if entry.kind is Kind.PEER_ENDED else 1.0)
                ended = entry.note.split(" ")[0] or str(entry.kind)
                yield Step(entry.connection, ended, str(said).removesuffix(" inside a message"))
            case Kind.ENDED_SENDING:
                connection.peer.wire.end_sending()
            case Kind.CLOSED:
                connection.peer.wire.close()

    def _await(self, entry: Entry, connection: _Connection, then: Reply | None) -> Step:
        said = connection.peer.receive()
        if isinstance(then, Reply) and isinstance(said, Reply):
            self._learn(then, said)
        return Step(entry.connection, UNREADABLE if then is None else str(then), str(said))

    def _learn(self, then: Reply, now: Reply) -> None:
        """Remember which revision stands for which."""
        for name in ("rev", "to_rev"):
            old, new = then[name], now[name]
            if isinstance(old, str) and isinstance(new, str) and len(old) == len(new):
                self._put[f'"{old}"'.encode()] = f'"{new}"'.encode()

    def _renewed(self, data: bytes) -> bytes:
        for old, new in self._put.items():
            data = data.replace(old, new)
        return data

    def close(self) -> None:
        """Close all connections."""
        self._talk.close()
