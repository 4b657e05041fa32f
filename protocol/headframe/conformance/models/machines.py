"""Three machines that ask at random, while a model judges every answer.

    search(FilesMachine, peer, examples=40, steps=30)

The law of this module: each example has names of its own, and what fails is shrunk to the fewest
and simplest requests that show it; their conversation is the one that a report shows.

    FilesMachine       all commands on files, over two connections, one at a time
    PipeliningMachine  the same sent in bunches, cut anywhere, with requests that want no reply
    UploadsMachine     parts, cuts, take-overs and repeats of two uploads
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar, Final

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from headframe.conformance.models.uploads import Finished, Upload, Uploads
from headframe.conformance.models.world import World, digest_of
from headframe.conformance.peer import Conversation, Peer
from headframe.conformance.requests import Asked, delete, get, hello, list_, move, put, stat
from headframe.conformance.verdicts import Deviation

__all__ = ["FilesMachine", "Machine", "PipeliningMachine", "UploadsMachine", "search"]

BODIES: Final = st.sampled_from(
    [b"", b"\0", b"abc", b"abd", b"\x02\0\0\0{}", b"\xff" * 700]
) | st.binary(max_size=40)
NAMES: Final = st.sampled_from(["~/a", "~/a/x", "~/a-b", "~/b", "~/b/c/d"])
TIMES: Final = st.sampled_from([None, None, 0, 1_000_000, 1_767_225_600_123_456])
CONDITIONS: Final = st.sampled_from(["none", "none", "null", "current", "earlier", "other"])
COMMANDS: Final = st.sampled_from(["put", "put", "get", "stat", "delete", "move", "list"])
NO_REV: Final = "no-such-revision"


class Machine(RuleBasedStateMachine):
    """One example: a conversation with names of its own, and the model of what is there."""

    origin: ClassVar[Conversation]
    """Of the check that searches."""

    def __init__(self) -> None:
        self.origin.search.begin(self.origin.search)
        super().__init__()
        self.talk = Conversation(self.origin.target, self.origin.facts)
        self.peers = [Peer(self.talk), Peer(self.talk)]
        self.world = World(self.talk.fill)

    def teardown(self) -> None:
        """Close the connections, and leave nothing behind."""
        error = sys.exception()
        self.talk.close_unrecorded()
        if isinstance(error, Deviation):
            self.origin.search.keep(error, self.talk.transcript)

    def condition(self, data: st.DataObject, name: str, label: str) -> dict[str, Any]:
        """Draw a condition on a file: none, null, its revision or another.

        What is drawn does not depend on what a server has said, only what it stands for.
        """
        file = self.world.files.get(name)
        earlier = [rev for owner, rev in self.world.bodies if owner == name]
        match data.draw(CONDITIONS, label):
            case "null":
                return {"if": None}
            case "current" if file is not None and file.rev is not None:
                return {"if": file.rev}
            case "earlier" if earlier:
                return {"if": earlier[0]}
            case "other":
                return {"if": NO_REV}
        return {}


def any_put(data: st.DataObject, name: str, body: bytes, **members: Any) -> Asked:
    """Draw one way to send a put: in one frame or several, fitting or not."""
    digest = data.draw(st.sampled_from([None, None, body, body + b"x"]), "digest of")
    excess = data.draw(st.sampled_from([None, None, 0, 1]), "excess of total")
    trailers: dict[str, Any] = {} if digest is None else {"digest": digest_of(digest)}
    trailers |= {} if excess is None else {"total": len(body) + excess}
    if data.draw(st.booleans(), "in one frame"):
        return put(name, body, **members, **trailers)
    cut = data.draw(st.integers(0, len(body)), "cut")
    asked = put(name, body[:cut], more=True, **members)
    if data.draw(st.booleans(), "withdrawn"):
        trailers = {"abort": True}
    return asked.then(body[cut:], **trailers)


def any_request(
    data: st.DataObject, conditions: Callable[[str, str], dict[str, Any]], name: str, other: str
) -> Asked:
    """Draw a request about a file."""
    want = data.draw(st.sampled_from([{}, {"want": ["digest", "example.com.x"]}]), "want")
    match data.draw(COMMANDS, "cmd"):
        case "put":
            time = data.draw(TIMES, "mtime")
            members = conditions(name, "if") | ({} if time is None else {"mtime": time})
            return any_put(data, name, data.draw(BODIES, "body"), **members)
        case "get":
            places = st.sampled_from([None, 0, 1, 2, 3, 699, 700, 701])
            span = {"offset": data.draw(places, "offset"), "length": data.draw(places, "length")}
            given = {key: value for key, value in span.items() if value is not None}
            return get(name, **given, **want, **conditions(name, "if"))
        case "stat":
            return stat(name, **want, **conditions(name, "if"))
        case "delete":
            return delete(name, **conditions(name, "if"))
        case "move":
            to_if = conditions(other, "to_if")
            members = {"to_if": to_if["if"]} if to_if else {}
            if data.draw(st.booleans(), "whatever is there"):
                members = {"to_if": True}
            return move(name, other, **members, **conditions(name, "if"))
    prefix = data.draw(st.sampled_from(["~/", "~/a", "~/a/", "~/b/", "~/c"]), "prefix")
    after = data.draw(st.sampled_from([None, "~/a", "~/a-b", "~/a/", "~/b/c"]), "after")
    members = {} if after is None else {"after": after}
    members |= data.draw(st.sampled_from([{}, {"delimiter": "/"}]), "delimiter")
    members |= data.draw(st.sampled_from([{}, {"limit": 1}, {"limit": 2}]), "limit")
    return list_(prefix, **members)


class FilesMachine(Machine):
    """Files, one request at a time."""

    @rule(data=st.data(), who=st.integers(0, 1), name=NAMES, other=NAMES)
    def ask(self, data: st.DataObject, who: int, name: str, other: str) -> None:
        """Ask something."""

        def conditions(name: str, label: str) -> dict[str, Any]:
            return self.condition(data, name, label)

        asked = any_request(data, conditions, name, other)
        self.world.judge(asked, self.peers[who].ask(asked))

    @rule()
    def look(self) -> None:
        """Compare all that is there."""
        asked = list_()
        self.world.judge(asked, self.peers[0].ask(asked))
        for name in self.world.files:
            asked = get(name)
            self.world.judge(asked, self.peers[1].ask(asked))


class PipeliningMachine(Machine):
    """The same, many at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Asked] = []

    @rule(data=st.data(), name=NAMES, other=NAMES)
    def queue(self, data: st.DataObject, name: str, other: str) -> None:
        """Have something to ask; it may want no reply."""

        def conditions(_name: str, label: str) -> dict[str, Any]:
            return data.draw(st.sampled_from([{}, {}, {"if": None}, {"if": NO_REV}]), label)

        asked = any_request(data, conditions, name, other)
        if data.draw(st.sampled_from([False, False, False, True]), "wants no reply"):
            first, *more = asked.frames
            assert isinstance(first.header, dict)
            first = type(first)({"id": None, **first.header}, first.body)
            asked = Asked((first, *more))
        self.waiting.append(asked)

    @rule(sizes=st.lists(st.integers(1, 60), max_size=30))
    def send(self, sizes: list[int]) -> None:
        """Ask all of it in one go, cut anywhere, with a greeting at the end."""
        peer = self.peers[0]
        asked = [peer.numbered(one) for one in [*self.waiting, hello()]]
        self.waiting = []
        peer.send_in_pieces(peer.encode(*asked), sizes)
        for one in asked[:-1]:
            self.world.judge(one, None if one.id is None else peer.answer(one))
        peer.agrees(asked[-1])


class UploadsMachine(Machine):
    """Uploads and the files that they become."""

    def __init__(self) -> None:
        super().__init__()
        self.uploads = Uploads(self.world)

    TOKENS: ClassVar = st.sampled_from(["~", "~2"])
    FILES: ClassVar = st.sampled_from(["~/u", "~/v", "~/u/w"])

    @rule(data=st.data(), who=st.integers(0, 1), token=TOKENS, name=FILES)
    def send_part(self, data: st.DataObject, who: int, token: str, name: str) -> None:
        """Send a part: where the upload stands or elsewhere, the last one or not."""
        header, body = self.part(data, token, name)
        if data.draw(st.booleans(), "in one frame"):
            asked = put(name, body, **header)
        else:
            cut = data.draw(st.integers(0, 300), "cut")
            last = data.draw(st.sampled_from([{}, {}, {"abort": True}]), "end")
            asked = put(name, body[:cut], more=True, **header).then(body[cut:], **last)
        self.uploads.judge(asked, self.peers[who].ask(asked))

    def part(self, data: st.DataObject, token: str, name: str) -> tuple[dict[str, Any], bytes]:
        """Draw a part of an upload."""
        body = data.draw(st.sampled_from([b"", b"abc", b"abcdef", b"\xff" * 300]), "body")
        again = data.draw(st.sampled_from([True, True, False]), "the same as before")
        beyond = data.draw(st.sampled_from([0, 0, 0, None, 1]), "offset")
        excess = data.draw(st.sampled_from([None, None, 0, 3, -1]), "excess of total")
        tail = data.draw(st.sampled_from([None, None, None, b"", b"x"]), "digest of what more")
        condition = self.condition(data, name, "if")
        held = self.uploads.known.get(token)
        stands = len(held.data) if isinstance(held, Upload) else 0
        if isinstance(held, Finished) and again:
            where = {"offset": held.offset} if held.offset else {}
            return {"upload": token, **where}, held.body
        offset = 0 if beyond is None else stands + beyond
        whole = (held.data if isinstance(held, Upload) else b"") + body
        header: dict[str, Any] = {"upload": token}
        header |= {"offset": offset} if offset else {}
        header |= {} if excess is None else {"total": max(0, len(whole) + excess)}
        header |= {} if tail is None else {"digest": digest_of(whole + tail)}
        return header | condition, body

    @rule(data=st.data(), token=TOKENS, name=FILES)
    def take_over(self, data: st.DataObject, token: str, name: str) -> None:
        """Ask about an upload while a part of it is on its way.

        Either the part came first, and is told so, or the question did, and both count.
        """
        header, body = self.part(data, token, name)
        asked = put(name, body + b"the rest", **header)
        older = Peer(self.talk)
        numbered = older.numbered(asked)
        whole = older.encode(numbered)
        older.send(whole[: -len(b"the rest")])
        question = stat(upload=token)
        answer = self.peers[0].ask(question)
        older.send(b"the rest")
        reply = older.answer(numbered)
        older.close()
        if reply.word == "superseded":
            self.uploads.arrived(asked, len(b"the rest"), answer["offset"])
        self.uploads.judge(question, answer)
        if reply.word != "superseded":
            self.uploads.judge(asked, reply)

    @rule(who=st.integers(0, 1), token=TOKENS, cmd=st.sampled_from([stat, stat, delete]))
    def ask_about(self, who: int, token: str, cmd: Callable[..., Asked]) -> None:
        """Ask how an upload stands, or have it forgotten."""
        asked = cmd(upload=token)
        self.uploads.judge(asked, self.peers[who].ask(asked))

    @rule(data=st.data(), who=st.integers(0, 1), name=FILES, body=BODIES)
    def change_the_file(self, data: st.DataObject, who: int, name: str, body: bytes) -> None:
        """Do something with the file meanwhile."""
        choices = [put(name, body), delete(name), get(name), list_()]
        asked = data.draw(st.sampled_from(choices), "ask")
        self.world.judge(asked, self.peers[who].ask(asked))


def search(kind: type[Machine], peer: Peer, *, examples: int = 25, steps: int = 30) -> None:
    """Let a machine look for a wrong answer; raise its Deviation, shrunk, if there is one.

    The seed of the run decides what is asked.
    """
    talk = peer.conversation
    machine = seed(peer.random.getrandbits(64))(type(kind.__name__, (kind,), {"origin": talk}))
    settings = talk.search.settings(examples, stateful_step_count=steps)
    try:
        talk.search.conclude(lambda: run_state_machine_as_test(machine, settings=settings))
    finally:
        talk.show_found()
