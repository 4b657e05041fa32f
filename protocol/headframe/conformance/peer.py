"""The vocabulary of checks: ask, expect, and see that the connection is still in step.

The law of this module: an expectation either holds or raises Deviation, which says what was
permitted and what came. That nothing is answered is shown by a request that is answered next,
never by waiting.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import time
from collections.abc import Iterable
from typing import Any, Final

from headframe.conformance.replies import Ended, Inbox, Reply, Said
from headframe.conformance.requests import Asked, delete, get, hello, list_
from headframe.conformance.searching import Search
from headframe.conformance.target import Facts, Target
from headframe.conformance.transcript import KEY_LENGTH, Kind, Transcript
from headframe.conformance.verdicts import Crowded, Deviation
from headframe.conformance.wire import Ending, Wire

__all__ = ["Conversation", "Peer", "page_of", "same"]

JANITORS: Final = 5
"""How often it is tried to clean up, over a connection of its own each time."""
SETTLE_S: Final = 1.0
"""What a server has to come to an end of a check that was broken off."""
FIRST_ID: Final = 21
"""Ids are chosen from here on, so that they can be told from those that a check writes."""
_TOKEN: Final = re.compile(r"~\d*")
_ANY_END: Final = (Ending.FIN, Ending.RST)


def same(expected: object, actual: object, what: str) -> None:
    """Expect two values to be the same, of the same type."""
    if expected != actual or type(expected) is not type(actual):
        raise Deviation(f"{what}: {_short(expected)}", f"{what}: {_short(actual)}")


def page_of(reply: Reply) -> tuple[list[dict[str, Any]], bool]:
    """Return the entries of a page, which have to be well-formed, and its end."""
    try:
        text = reply.body.decode()
        lines = text.removesuffix("\n").split("\n") if text else []
        rows = [json.loads(line) for line in lines]
    except ValueError as error:
        raise Deviation("a JSON object on each line", ascii(reply.body[:80])) from error
    if reply.body and not reply.body.endswith(b"\n"):
        raise Deviation("lines that end with U+000A", ascii(reply.body[-20:]))
    if not all(isinstance(row, dict) for row in rows) or type(reply["end"]) is not bool:
        raise Deviation("objects, and an end that is true or false", str(reply.header)[:80])
    return rows, reply["end"]


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"


class Conversation:
    """All connections of one check, its names, and the record of what passed."""

    def __init__(self, target: Target, facts: Facts, *, seed: str = "", flat: bool = False) -> None:
        """`flat`: names of one segment, for a server that knows no other."""
        self.target = target
        self.facts = facts
        self.transcript = Transcript(secrets.token_hex(KEY_LENGTH // 2))
        self.random = random.Random(seed)  # noqa: S311  (repeatable, not secret)
        self.search = Search()
        """How a random check looks."""
        self.begun = time.monotonic()
        self.names: set[str] = set()
        self.tokens: set[str] = set()
        self.peers: list[Peer] = []
        self._looker: Peer | None = None
        self.prefix = f"hfk-{self.transcript.key}{'-' if flat else '/'}"

    def fill(self, text: str) -> str:
        """Return the name or token of this check that `~/...` or `~` stands for."""
        if text.startswith("~/"):
            name = self.prefix + text[2:]
            self.names.add(name)
            return name
        if _TOKEN.fullmatch(text):
            token = f"hfk-{self.transcript.key}-upload-{text[1:] or 1:0>3}"
            self.tokens.add(token)
            return token
        return text

    def looker(self) -> Peer:
        """Return a peer that only looks what is there, on a connection of its own."""
        if self._looker is None:
            self._looker = Peer(self)
        return self._looker

    def close(self, *, broken_off: bool = False) -> None:
        """Delete what may be left of the check, and close all connections.

        After a check that was broken off the server may still be at what it was asked: it is given
        the time to come to an end of it, so that nothing appears behind the deleting.
        """
        for peer in self.peers:
            if peer is not self._looker:
                if broken_off:
                    peer.end()
                peer.close()
        if not self.facts.hello:
            self._remove()
        elif self.names or self.tokens:
            leftovers = [delete(name) for name in self.names if not name.endswith("/")]
            leftovers += [delete(upload=token) for token in self.tokens]
            self._delete(leftovers)
        for peer in self.peers:
            peer.close()

    def close_unrecorded(self, *, broken_off: bool = False) -> None:
        """Close, and leave the cleaning up out of the record."""
        seen = len(self.transcript.entries)
        self.close(broken_off=broken_off)
        del self.transcript.entries[seen:]

    def show_found(self) -> None:
        """Let what the search has found, if anything, be the record."""
        if self.search.found is not None:
            self.transcript = self.search.found.transcript

    def _delete(self, leftovers: list[Asked]) -> None:
        """Have the server delete them; one that cannot is judged elsewhere."""
        janitor = self.looker()
        for _ in range(JANITORS):
            try:
                janitor.ask_all(*leftovers)
                return
            except Crowded as crowded:
                time.sleep(crowded.retry_s)
            except Deviation:
                pass
            janitor = janitor.another()

    def _remove(self) -> None:
        """Remove the files of a check whose server deletes nothing."""
        root = self.target.root
        if root is not None:
            for name in self.names:
                (root / name).unlink(missing_ok=True)


class Peer:
    """A client that says what it is told to, and looks at what comes."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self._wire: Wire | None = None
        self._inbox: Inbox | None = None
        self._next_id = FIRST_ID
        self.introduces_itself = True
        """Whether it says who it is, where the run was given a token, before anything else."""
        self.receive_buffer: int | None = None
        """Bytes that the system keeps for it at most; None: what it likes."""
        conversation.peers.append(self)

    # --- connections ---------------------------------------------------------------------

    @property
    def facts(self) -> Facts:
        """What the server said of itself."""
        return self.conversation.facts

    @property
    def random(self) -> random.Random:
        """Repeats itself with the seed of the run."""
        return self.conversation.random

    @property
    def wire(self) -> Wire:
        """The connection; made when it is first used."""
        if self._wire is None:
            self.open()
        assert self._wire is not None
        return self._wire

    def open(self) -> None:
        """Connect, and say who we are where that is needed."""
        talk = self.conversation
        number = talk.peers.index(self) + 1
        self._wire = Wire(
            talk.target, talk.transcript, number, talk.begun, receive_buffer=self.receive_buffer
        )
        self._inbox = Inbox(self._wire)
        if talk.target.token is not None and self.introduces_itself:
            recorded = len(talk.transcript.entries)
            self.ok(hello(auth={"scheme": "token", "token": talk.target.token}))
            del talk.transcript.entries[recorded:]  # a secret has no place in a replay file

    def another(self) -> Peer:
        """Return another client with a connection of its own, and the same names."""
        return Peer(self.conversation)

    def received(self) -> bytes:
        """Return all bytes that have come on this connection."""
        number = self.wire.number
        return b"".join(
            entry.data
            for entry in self.conversation.transcript.entries
            if entry.connection == number and entry.kind is Kind.RECEIVED
        )

    @property
    def bytes_received(self) -> int:
        """How many bytes have come on this connection."""
        return len(self.received())

    def end(self) -> None:
        """Say nothing more, and let the server end the connection, if it does so in time."""
        if self._wire is not None and self._wire.ending is None:
            self._wire.end_sending()
            deadline = time.monotonic() + SETTLE_S
            while isinstance(self._wire.receive(max(0.0, deadline - time.monotonic())), bytes):
                pass

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._wire is not None:
            self._wire.close()

    # --- saying --------------------------------------------------------------------------

    def name(self, text: str = "") -> str:
        """Return a name of this check."""
        return self.conversation.fill(f"~/{text}")

    def numbered(self, asked: Asked) -> Asked:
        """Return a request with an `id`, the next one unless it has one."""
        if not asked.needs_id:
            return asked
        self._next_id += 1
        return asked.with_id(self._next_id - 1)

    def encode(self, *said: bytes | Asked) -> bytes:
        """Return the bytes of frames and requests, one behind the other."""
        return b"".join(
            part if isinstance(part, bytes) else part.encode(self.conversation.fill)
            for part in said
        )

    def send(self, *said: bytes | Asked) -> None:
        """Send them in one go, as they stand: a request without `id` stays without."""
        self.wire.send(self.encode(*said))

    def begin(self, asked: Asked) -> Asked:
        """Send a request that has not ended, and let the server read it, as far as can be.

        An answered request travels with it, and others are answered elsewhere meanwhile.
        """
        sentinel, begun = self.numbered(hello()), self.numbered(asked)
        self.send(sentinel, begun)
        self.agrees(sentinel)
        elsewhere = self.another()
        for _ in range(3):
            elsewhere.in_step()
        elsewhere.close()
        return begun

    def send_in_pieces(self, data: bytes, sizes: Iterable[int]) -> None:
        """Send bytes cut into pieces; the last one takes the rest."""
        wire = self.wire
        for size in sizes:
            wire.send(data[:size])
            data = data[size:]
        wire.send(data)

    # --- reading -------------------------------------------------------------------------

    def receive(self, seconds: float | None = None) -> Said:
        """Return what comes next, whatever it is."""
        assert self.wire
        assert self._inbox is not None
        return self._inbox.receive(seconds)

    def answer(self, asked: Asked) -> Reply:
        """Expect the reply to a request that was sent."""
        said = self.receive()
        if isinstance(said, Reply) and said.word == "busy" and said.closes:
            raise Crowded(said["retry_ms"])
        if isinstance(said, Reply) and said.id == asked.id and type(said.id) is int:
            return said
        raise Deviation(f"reply id={asked.id} ({asked})", self._told(said))

    def check_served(self) -> None:
        """Raise Crowded if this connection, which nobody has answered, is one too many.

        What was sent without an `id` is then lost without a word (HF-SEC-011).
        """
        if not self.facts.hello:
            return
        try:
            self.in_step()
        except Deviation as deviation:
            if self.wire.ending is None or isinstance(deviation, Crowded):
                raise
            raise Crowded(None) from deviation

    def _told(self, said: Said) -> str:
        """Say what came, and how the connection ended if it does."""
        if isinstance(said, Reply) and said.closes:
            return f"{said}, {self.receive(1.0)}"
        return str(said)

    def ends(self, *permitted: Ending) -> Ending:
        """Expect the connection to end without another byte; by FIN or RST, unless told."""
        said = self.receive()
        permitted = permitted or _ANY_END
        if isinstance(said, Ended) and not said.inside and said.ending in permitted:
            return said.ending
        raise Deviation(" or ".join(permitted), self._told(said))

    # --- asking --------------------------------------------------------------------------

    def ask(self, asked: Asked) -> Reply:
        """Send a request and expect its reply."""
        numbered = self.numbered(asked)
        self.send(numbered)
        return self.answer(numbered)

    def ask_all(self, *asked: Asked) -> list[Reply]:
        """Send requests in one go and expect their replies, in order."""
        numbered = [self.numbered(one) for one in asked]
        self.send(*numbered)
        return [self.answer(one) for one in numbered if one.id is not None]

    def ok(self, asked: Asked) -> Reply:
        """Expect that a request is carried out."""
        numbered = self.numbered(asked)
        self.send(numbered)
        return self.agrees(numbered)

    def agrees(self, asked: Asked) -> Reply:
        """Expect the reply `ok` to a request that was sent."""
        reply = self.answer(asked)
        if reply.word != "ok":
            raise Deviation(f"id={asked.id} ok ({asked})", str(reply))
        return reply

    def refused(self, code: str, asked: Asked) -> Reply:
        """Expect that a request is refused with this code."""
        numbered = self.numbered(asked)
        self.send(numbered)
        return self.refuses(code, numbered)

    def refuses(self, code: str, asked: Asked) -> Reply:
        """Expect the refusal of a request that was sent."""
        reply = self.answer(asked)
        if reply["ok"] is not False or reply.word != code:
            raise Deviation(f"id={asked.id} {code} ({asked})", str(reply))
        return reply

    def in_step(self) -> None:
        """Expect the next request to be answered: the sentinel."""
        self.ok(hello())

    def unanswered(self, *said: bytes | Asked) -> None:
        """Expect no reply to what is sent: the sentinel behind it is answered first."""
        sentinel = self.numbered(hello())
        self.send(*said, sentinel)
        self.agrees(sentinel)

    def fatal(self, code: str, *said: bytes | Asked, followed: bool = True) -> None:
        """Expect a fatal error after an `id` was seen, and nothing said to what follows."""
        self.in_step()
        self.send(*said, *([self.numbered(hello())] if followed else []))
        self.dies(code)

    def dies(self, code: str) -> None:
        """Expect the message of a fatal error, and the end."""
        said = self.receive()
        wanted = f"id=0 {code}, close"
        if not isinstance(said, Reply) or str(said) != wanted:
            raise Deviation(wanted, self._told(said))
        self.ends()

    # --- looking -------------------------------------------------------------------------

    def content(self, name: str) -> bytes | None:
        """Return what is stored under a name of this check, or None: by a look from elsewhere."""
        reply = self.conversation.looker().ask(get(name))
        if reply.word not in {"ok", "not-found"}:
            raise Deviation(f"ok or not-found (get {name})", str(reply))
        return reply.body if reply.word == "ok" else None

    def holds(self, name: str, body: bytes | None) -> None:
        """Expect a file of these bytes, or none."""
        same(body, self.content(name), f"what is stored as {name}")

    def page(self, asked: Asked) -> tuple[list[dict[str, Any]], bool]:
        """Ask for a page; return its entries, which have to be well-formed, and its end."""
        self.send(asked)
        return page_of(self.agrees(asked))

    def listed(self, prefix: str = "~/", **members: Any) -> list[dict[str, Any]]:
        """Return the entries of the first page of a listing."""
        return self.page(self.numbered(list_(prefix, **members)))[0]
