"""A recorded conversation is played again, and told apart from what happens now."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from headframe.conformance import SERVER_CHECKS, Target
from headframe.conformance.command.replay import replay
from headframe.conformance.peer import Conversation, Peer
from headframe.conformance.preflight import look_at
from headframe.conformance.replaying import play
from headframe.conformance.requests import delete, get, hello, put
from headframe.conformance.runner import chosen, run_check
from headframe.conformance.transcript import Entry, Kind, Transcript


@pytest.fixture
def target(serving):
    host, port = serving().address[:2]
    return Target(host=host, port=port, timeout_s=5.0)


def recorded(target, talk_to):
    """Return the record of a conversation."""
    talk = Conversation(target, look_at(target))
    talk_to(Peer(talk))
    made = Transcript(talk.transcript.key, [*talk.transcript.entries])
    talk.close()
    return made


def is_race(check):
    """Tell whether another connection may be answered first the next time."""
    return check.id.startswith("together/") or "race" in check.id


REPEATABLE = [c for c in chosen(SERVER_CHECKS) if not c.needs and not is_race(c)]


@pytest.mark.parametrize("check", REPEATABLE[::9], ids=lambda check: check.id)
def test_a_check_is_answered_again_as_it_was(target, check):
    record = run_check(target, look_at(target), check).transcript
    assert [] == [step for step in play(record, target) if not step.same]


def test_names_are_new_so_that_the_same_can_happen_again(target):
    def create(peer):
        peer.ok(put("~/a", b"one", if_=None))

    record = recorded(target, create)
    assert ["ok"] * 2 == [s.now.split()[1] for _ in range(2) for s in play(record, target)]


def test_a_revision_stands_for_the_one_that_is_given_now(target):
    def swap(peer):
        rev = peer.ok(put("~/a", b"one"))["rev"]
        peer.ok(put("~/a", b"two", if_=rev))
        peer.ok(delete("~/a", if_=peer.ok(get("~/a"))["rev"]))

    steps = [*play(recorded(target, swap), target)]
    assert 4 == len(steps)
    assert all(step.same for step in steps)


def test_another_answer_is_seen(target):
    record = recorded(target, lambda peer: peer.ok(hello()))
    record.entries = [
        Entry(e.connection, e.kind, e.data.replace(b'"ok":true', b'"ok":null'), e.note, e.at)
        for e in record.entries
    ]
    assert [("id=21 no code", "id=21 ok")] == [(s.recorded, s.now) for s in play(record, target)]


def test_an_end_is_awaited_and_compared(target):
    record = Transcript(
        "",
        [
            Entry(1, Kind.OPENED),
            Entry(1, Kind.SENT, b"GET / HTTP/1.1\r\n\r\n"),
            Entry(1, Kind.PEER_ENDED, note="RST"),
        ],
    )
    assert [("RST", "FIN")] == [(step.recorded, step.now) for step in play(record, target)]


def invoke(record, target, tmp_path, *arguments, **about):
    path = tmp_path / "replay.json"
    path.write_text(record.to_json(**about), "utf-8")
    return CliRunner().invoke(replay, [str(path), str(target), *arguments], standalone_mode=False)


def test_the_command_says_what_it_plays_and_what_came_of_it(target, tmp_path):
    record = recorded(target, lambda peer: peer.ok(hello()))
    done = invoke(record, target, tmp_path, check="frame/a", rules=["HF-FRAME-001"])
    assert 0 == done.return_value
    assert done.output.splitlines()[0] == "frame/a  HF-FRAME-001"
    assert done.output.splitlines()[-1] == "1 answers: all as recorded"


def test_the_command_ends_with_1_when_the_answers_are_others(target, tmp_path):
    record = Transcript("", [Entry(1, Kind.SENT, b"\0\0\0\0"), Entry(1, Kind.PEER_ENDED)])
    done = invoke(record, target, tmp_path, "--json")
    assert 1 == done.return_value
    assert [False] == [json.loads(line)["same"] for line in done.output.splitlines()]


def test_a_file_that_is_no_record_is_a_usage_error(tmp_path):
    path = tmp_path / "other.json"
    path.write_text("[1]")
    done = CliRunner().invoke(replay, [str(path), "headframe://127.0.0.1:1"])
    assert 2 == done.exit_code
    assert "no replay file" in done.output


def test_a_server_that_is_not_there_ends_with_3(tmp_path):
    record = Transcript("", [Entry(1, Kind.SENT, b"\0\0\0\0")])
    done = invoke(record, Target(host="127.0.0.1", port=1), tmp_path)
    assert 3 == done.return_value
