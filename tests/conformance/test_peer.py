"""FIN, RST and TIME-OUT are three observations; what passed is recorded and can be shown."""

from __future__ import annotations

import contextlib
import socket
import struct

import pytest

from headframe.conformance.check import Chapter, Check, select
from headframe.conformance.peer import Conversation, Peer
from headframe.conformance.replies import Ended, Unreadable
from headframe.conformance.requests import command, frame, get, hello, put, raw
from headframe.conformance.runner import run_check, run_checks
from headframe.conformance.target import Facts, Target
from headframe.conformance.transcript import Transcript
from headframe.conformance.verdicts import Deviation, Verdict

NOWHERE = Target(host="127.0.0.1", port=1)


@pytest.fixture
def peer(listening):
    """Return a function that connects a peer to a listener."""
    with contextlib.ExitStack() as stack:

        def connect(talk, **about):
            made = Peer(Conversation(listening(talk, **about), Facts()))
            stack.callback(made.close)
            return made

        yield connect


def fin(sock):
    sock.recv(4096)


def rst(sock):
    sock.recv(1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hold(sock):
    while sock.recv(4096):
        pass


@pytest.mark.parametrize(
    ("talk", "seen"), [(fin, "FIN"), (rst, "RST"), (hold, "TIME-OUT")], ids=["fin", "rst", "hold"]
)
def test_three_ways_of_saying_nothing_are_told_apart(peer, talk, seen):
    client = peer(talk, timeout_s=5.0 if seen != "TIME-OUT" else 0.2)
    client.send(hello(id=1))
    assert seen == str(client.receive())


def test_an_end_inside_a_message_is_told(peer):
    def talk(sock):
        sock.recv(4096)
        sock.sendall(frame(b'{"id":1,"ok":true,"filesize":9}', b"four"))

    client = peer(talk)
    client.send(hello(id=1))
    said = client.receive()
    assert isinstance(said, Ended)
    assert "FIN inside a message" == str(said)


def test_bytes_that_are_no_frame_are_told_with_the_rule(peer):
    client = peer(lambda sock: sock.sendall(b"HTTP/1.0 400\r\n\r\n"))
    said = client.receive()
    assert isinstance(said, Unreadable)
    assert "HF-FRAME-002" in str(said)


def test_the_reply_to_another_request_is_a_deviation(peer):
    def talk(sock):
        sock.recv(4096)
        sock.sendall(frame(b'{"id":99,"ok":true}'))

    with pytest.raises(Deviation) as caught:
        peer(talk).ok(hello(id=5))
    assert ("reply id=5 (hello)", "id=99 ok") == (caught.value.permitted, caught.value.got)


def test_whoever_writes_reads_meanwhile(peer):
    def talk(sock):
        for _ in range(16):
            sock.sendall(frame(b'{"id":1,"ok":true,"filesize":1000000}', bytes(1_000_000)))
        got = 0
        while got < 8_000_000:
            got += len(sock.recv(65536))

    client = peer(talk)
    client.send(bytes(8_000_000))
    for _ in range(16):
        assert 1_000_000 == len(client.receive().body)


def test_names_of_a_check_are_its_own_and_repeat_in_the_transcript():
    talk = Conversation(NOWHERE, Facts())
    sent = put("~/a", b"x", id=1, upload="~").encode(talk.fill)
    assert talk.prefix.encode() + b"a" in sent
    assert talk.names == {f"{talk.prefix}a"}
    assert all(22 <= len(token) <= 64 and talk.transcript.key in token for token in talk.tokens)
    assert raw(b'{"id":7,"filename":"~/a"}').encode(talk.fill).count(talk.prefix.encode()) == 1


def test_a_request_says_what_it_is_told_to():
    assert b'{"id":5,"cmd":"x","if":null}' == command("x", id=5, if_=None).encode()[4:]
    assert b'{"cmd":"get","filename":"a"}' == get("a", id=None).encode()[4:]
    assert 5 == command("x", id=5).id
    assert get("a", id=None).id is None


def test_a_transcript_can_be_written_and_read(peer):
    client = peer(fin)
    client.send(hello(id=1))
    client.receive()
    transcript = client.conversation.transcript
    again = Transcript.from_json(transcript.to_json(check="a/b"))
    assert transcript.key == again.key
    assert [(e.kind, e.data) for e in transcript.entries] == [
        (e.kind, e.data) for e in again.entries
    ]
    shown = "\n".join(transcript.lines())
    assert "C>S 0000  16 00 00 00" in shown
    assert "the server ends: FIN" in shown


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format":"x"}', '{"format": 1, "key": 2}'])
def test_what_is_no_replay_file_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        Transcript.from_json(text)


def test_a_check_that_raises_is_the_kits_error_and_not_a_failure(serving):
    check = Check(id="a/b", title="A.", rules=("HF-X",), run=lambda peer: 1 / 0)
    result = run_checks(serving().url, [check])[0]
    assert Verdict.ERROR == result.verdict
    assert "ZeroDivisionError" in result.got


def test_what_depends_on_a_failure_is_blocked_and_what_needs_more_is_skipped(serving):
    def fail(peer):
        raise Deviation("a", "b")

    chapter = Chapter("x")
    chapter.add("second", "Second.", "HF-X", lambda peer: None, depends_on=("x/first",))
    chapter.add("first", "First.", "HF-X", fail)
    chapter.add("third", "Third.", "HF-X", lambda peer: None, needs=frozenset({"y"}))
    verdicts = [result.verdict for result in run_checks(serving().url, chapter.checks)]
    assert [Verdict.BLOCKED, Verdict.FAIL, Verdict.SKIP] == verdicts


def test_outcomes_are_graded_as_the_check_says():
    permitted = {"early": Verdict.PASS, "late": Verdict.WARN}
    for got, verdict in {"early": "pass", "late": "warn", "never": "fail"}.items():
        check = Check(
            id="a/b",
            title="A.",
            rules=("HF-X",),
            run=lambda peer, got=got: got,
            permitted=permitted,
        )
        assert verdict == run_check(NOWHERE, Facts(), check).verdict


def test_checks_are_chosen_by_id_glob_chapter_and_rule():
    chapter = Chapter("x")
    for name in ("one", "two"):
        chapter.add(name, "A.", f"HF-{name.upper()}", lambda peer: None)
    for pattern, ids in {
        "x/one": ["x/one"],
        "x/t*": ["x/two"],
        "x": ["x/one", "x/two"],
        "HF-ONE": ["x/one"],
    }.items():
        assert ids == [check.id for check in select(chapter.checks, [pattern])]
    with pytest.raises(ValueError, match="'y' is no id"):
        select(chapter.checks, ["y"])
