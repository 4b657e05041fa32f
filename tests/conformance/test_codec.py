"""The codec lane passes good codecs, finds what is wrong with bad ones, and stands what they do."""

from __future__ import annotations

import json
import random
import sys

import msgspec
import pytest
from click.testing import CliRunner

from headframe.conformance import codec_events as ev
from headframe.conformance.codec import CODEC_CHECKS, look_at_codec, run_codec_checks
from headframe.conformance.codec_checks import CodecPeer, cuttings
from headframe.conformance.codec_process import STARTS, CodecProcess
from headframe.conformance.codec_program import answer
from headframe.conformance.codec_random import is_settled
from headframe.conformance.command import conform
from headframe.conformance.vectors import VECTORS
from headframe.conformance.verdicts import Deviation, SetupError, Verdict

REFERENCE = f"{sys.executable} -m headframe.conformance.codec_program"
QUESTION = {"op": "read", "role": "server", "chunks": ["02000000", "7b7d"]}


class Here:
    """A codec in this process: the reference, with its answers changed by `bend`."""

    def __init__(self, bend=lambda question, said: said):
        self.bend = bend

    def ask(self, question):
        said = answer(json.loads(json.dumps(question)))
        return json.loads(json.dumps(self.bend(question, said)))


def failures(results):
    return {r.check.id: f"{r.permitted} | {r.got}" for r in results if r.verdict != Verdict.PASS}


def program(tmp_path, text):
    path = tmp_path / "codec.py"
    path.write_text(text)
    return [sys.executable, "-u", str(path)]


def conformed(*arguments):
    return CliRunner().invoke(conform, ["codec", *arguments], standalone_mode=False)


# --- good codecs -------------------------------------------------------------------------


def test_the_reference_passes_every_check_as_a_program():
    with CodecProcess(REFERENCE) as codec:
        assert {} == failures(run_codec_checks(codec))
        assert 1 == codec.starts


def test_members_that_nobody_knows_may_be_told_too():
    def bend(question, said):
        for event in said.get("events", []):
            if event["event"] == "header":
                event["members"] |= {"colour": "red", "filesize": 5, "more": False}
                event["members"].setdefault("close", False)
        return said

    assert {} == failures(run_codec_checks(Here(bend)))


def test_whether_an_id_was_seen_need_not_be_told():
    def bend(question, said):
        for event in said.get("events", []):
            event.pop("id_seen", None)
        return said

    assert {} == failures(run_codec_checks(Here(bend)))


def test_bodies_may_come_in_pieces():
    def bend(question, said):
        made = []
        for event in said.get("events", []):
            if event["event"] == "body":
                digits = event["hex"]
                made += [{"event": "body", "hex": part} for part in (digits[:2], "", digits[2:])]
            else:
                made.append(event)
        return said | ({"events": made} if made else {})

    assert {} == failures(run_codec_checks(Here(bend)))


def test_what_a_codec_says_that_it_does_not_do_is_skipped():
    def bend(question, said):
        return {"skip": "no writer"} if question["op"] == "build" else said

    results = run_codec_checks(Here(bend))
    skipped = {r.check.id for r in results if r.verdict is Verdict.SKIP}
    assert {f.partition("/")[0] for f in skipped} == {"build", "random"}
    assert {"random/builds"} == {name for name in skipped if name.startswith("random/")}
    assert {} == failures(r for r in results if r.verdict is not Verdict.SKIP)


# --- bad ones ----------------------------------------------------------------------------


def without_last_byte(question, said):
    for event in said.get("events", []):
        if event["event"] == "body":
            event["hex"] = event["hex"][:-2]
    return said


def blind_for_cuts(question, said):
    whole = len(question.get("chunks", [])) <= 1
    return said if whole or question["op"] == "build" else {"events": [{"event": "cut"}]}


def code_of_everything(question, said):
    for event in said.get("events", []):
        if event["event"] == "refused":
            event["code"] = "bad-request"
    return said


def true_for_one(question, said):
    for event in said.get("events", []):
        if event["event"] == "header" and event["members"].get("id") == 1:
            event["members"]["id"] = True
    return said


def adds_null(question, said):
    for event in said.get("events", []):
        if event["event"] == "header" and event["members"].get("cmd") == "put":
            event["members"].setdefault("if", None)
    return said


def counts_characters(question, said):
    if "hex" not in said:
        return said
    data = bytes.fromhex(said["hex"])
    size = int.from_bytes(data[:4], "little")
    characters = len(data[4 : 4 + size].decode())
    return {"hex": (characters.to_bytes(4, "little") + data[4:]).hex()}


@pytest.mark.parametrize(
    ("bend", "found_by"),
    [
        (without_last_byte, "vector/FRAME-001-put"),
        (blind_for_cuts, "vector/FRAME-006-three-messages"),
        (code_of_everything, "vector/CMD-001-handle"),
        (true_for_one, "vector/REQ-001-stat"),
        (adds_null, "vector/FRAME-001-put"),
        (counts_characters, "build/FRAME-003-two-byte-characters"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_with_a_codec_is_found(bend, found_by):
    checks = [c for c in CODEC_CHECKS if c.id.startswith(("vector/", "build/"))]
    results = run_codec_checks(Here(bend), checks)
    assert found_by in failures(results)
    assert any(r.verdict is Verdict.PASS for r in results)


def test_the_random_lane_finds_what_no_vector_shows_and_shrinks_it():
    def bend(question, said):
        data = bytes.fromhex("".join(question.get("chunks", [])))
        return {"events": [{"event": "eof"}]} if b'"move"' in data else said

    random_checks = [check for check in CODEC_CHECKS if check.id == "random/requests"]
    [result] = run_codec_checks(Here(bend), random_checks, seed="8")
    assert Verdict.FAIL is result.verdict
    [entry] = result.transcript.entries
    assert b'"move"' in entry.data
    assert len(entry.data) < 80
    [again] = run_codec_checks(Here(bend), random_checks, seed="8")
    assert entry.data == again.transcript.entries[0].data


def test_a_failure_names_the_first_event_that_differs_and_the_cutting():
    [check] = [check for check in CODEC_CHECKS if check.id == "vector/REQ-007-repeats"]

    def bend(question, said):
        return {"events": said["events"][:3] + said["events"][4:]} if "events" in said else said

    with pytest.raises(Deviation) as caught:
        check.run(CodecPeer(Here(bend), ""))
    hello = 'header(members={"cmd": "hello", "id": 7})'
    assert f"... {hello} end {hello} end eof" == caught.value.permitted
    assert f"... {hello} {hello} end eof (in pieces of 78 bytes)" == caught.value.got


# --- programs ----------------------------------------------------------------------------


def test_a_program_that_answers_nothing_in_time_is_ended_and_started_again(tmp_path):
    silent = "import sys, time\nfor line in sys.stdin: time.sleep(60)\n"
    with CodecProcess(program(tmp_path, silent), timeout_s=0.2) as codec:
        for _ in range(2):
            with pytest.raises(Deviation, match=r"nothing in 0.2 s"):
                codec.ask(QUESTION)
        assert 2 == codec.starts


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path):
    crashing = "import sys\nsys.stdin.readline()\nsys.exit('out of luck')\n"
    with CodecProcess(program(tmp_path, crashing)) as codec:
        with pytest.raises(Deviation, match="exit code 1, saying 'out of luck'"):
            codec.ask(QUESTION)


@pytest.mark.parametrize("said", ["hello", "[]", "{", '"events"', "[" * 100_000])
def test_an_answer_that_is_no_object_is_told(tmp_path, said):
    text = f"import sys\nfor line in sys.stdin: print({said!r})\n"
    with CodecProcess(program(tmp_path, text)) as codec:
        with pytest.raises(Deviation, match="permitted: one line of JSON, an object"):
            codec.ask(QUESTION)


@pytest.mark.parametrize(
    "events",
    [None, {}, [1], [{"event": "nonsense"}], [{"event": "header"}], [{"event": "body", "hex": 5}]]
    + [[{"event": "body", "hex": "xyz"}], [{"event": "refused", "id": 1}], [{}]],
    ids=str,
)
def test_events_that_are_none_are_told_and_are_no_fault_of_the_kit(events):
    with pytest.raises(SetupError, match="asked about the vector FRAME-001-hello"):
        look_at_codec(Here(lambda question, said: {"events": events}))


def test_a_program_that_always_ends_is_given_up(tmp_path):
    twice = (
        "import json, sys\nfrom headframe.conformance.codec_program import answer\n"
        "for n in range(2): print(json.dumps(answer(json.loads(sys.stdin.readline()))))\n"
    )
    with CodecProcess(program(tmp_path, twice)) as codec:
        results = run_codec_checks(codec, CODEC_CHECKS[:20])
    assert STARTS + 1 == codec.starts
    assert Verdict.BLOCKED is results[-1].verdict
    assert "has ended or kept silent" in results[-1].got


def test_a_program_that_cannot_be_started_is_a_matter_of_setup():
    with (
        CodecProcess("no-such-program-at-all") as codec,
        pytest.raises(SetupError, match="started"),
    ):
        codec.ask(QUESTION)


def test_what_the_program_writes_to_standard_error_does_not_block_it(tmp_path):
    text = "import sys\nfor line in sys.stdin:\n sys.stderr.write('x' * 1000000)\n print('{}')\n"
    with CodecProcess(program(tmp_path, text)) as codec:
        assert {} == codec.ask(QUESTION)


# --- the command -------------------------------------------------------------------------


def test_the_command_says_what_came_out():
    ran = conformed(REFERENCE, "--only", "no-such-chapter")
    assert 2 == ran.exception.exit_code
    ran = conformed(REFERENCE, "--only", "vector/FRAME-001-*")
    assert 0 == ran.return_value
    assert ran.output.endswith("s)\n")


def test_a_failure_is_shown_as_bytes_with_the_command_that_shows_it_again(tmp_path):
    bent = (
        "import json, sys\nfrom headframe.conformance.codec_program import answer\n"
        "for line in sys.stdin:\n"
        " said = json.dumps(answer(json.loads(line)))\n"
        " print(said.replace('\"bad-frame\"', '\"bad-header\"'), flush=True)\n"
    )
    command = " ".join(program(tmp_path, bent))
    ran = conformed(command, "--only", "vector/FRAME-002-tls", "--seed", "s")
    assert 1 == ran.return_value
    assert "FAIL    vector/FRAME-002-tls  HF-FRAME-002" in ran.output
    assert "C>S 0000  16 03 01 02" in ran.output
    assert f"headframe conform codec '{command}' --only vector/FRAME-002-tls --seed s" in ran.output
    known = tmp_path / "known"
    known.write_text("vector/FRAME-002-tls\n")
    ran = conformed(
        command, "--only", "vector/FRAME-002-*", "--expected-failures", str(known), "-q"
    )
    assert 1 == ran.return_value  # there are others
    ran = conformed(command, "--only", "vector/FRAME-002-tls", "--expected-failures", str(known))
    assert 0 == ran.return_value


def test_a_program_that_is_no_codec_is_a_matter_of_setup():
    ran = conformed("no-such-program-at-all")
    assert 3 == ran.return_value
    assert ran.output.startswith("setup: no-such-program-at-all cannot be started")


def test_checks_are_listed_and_explained_without_a_program():
    listed = conformed("--list").output.splitlines()
    assert len(CODEC_CHECKS) == len(listed)
    assert "HF-FRAME-002" in conformed("--explain", "vector/FRAME-002-tls").output


def test_results_are_json_lines_if_asked_for():
    told = conformed(REFERENCE, "--only", "build/compact", "--json").output
    rows = [json.loads(row) for row in told.splitlines()]
    assert ["build/compact", {"pass": 1}] == [rows[0]["check"], rows[1]["counts"]]


# --- vectors in a file -------------------------------------------------------------------


def test_vectors_in_a_file_are_asked_about_alone(tmp_path):
    vector = VECTORS["FRAME-001-hello"]
    path = tmp_path / "mine.json"
    path.write_bytes(msgspec.json.encode([vector]))
    done = conformed(REFERENCE, "--vectors", str(path), "--json")
    rows = [json.loads(row) for row in done.output.splitlines()]
    assert ["vector/FRAME-001-hello", "build/FRAME-001-hello"] == [r["check"] for r in rows[:-1]]
    assert {"pass": 2} == rows[-1]["counts"]


def test_a_vector_in_a_file_is_cut_everywhere():
    vector = VECTORS["FRAME-001-hello"]
    cut = [len(first) for first, _ in [*cuttings(vector, random.Random(1), thorough=True)][2:]]
    assert [*range(1, len(vector.data))] == cut


@pytest.mark.parametrize("text", ["{}", "[{}]", "no"])
def test_what_is_no_file_of_vectors_is_said(text, tmp_path):
    path = tmp_path / "v.json"
    path.write_text(text)
    done = conformed("x", "--vectors", str(path))
    assert "holds no vectors" in str(done.exception)


# --- what the lane leaves out ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ('{"filename":"Z\u00fcrich"}', True),
        ('{"filename":"a\u0378"}', False),
        ('{"to" : "a\\u0378"}', False),
        ('{"prefix":"a\u0378"}', True),
        ('{"filename":"\\ud83d\\ude00"}', True),
        ('{"filename":"\U00016d67\U00016d67"}', False),
    ],
    ids=ascii,
)
def test_names_are_left_out_about_which_versions_of_unicode_may_differ(text, settled):
    assert settled == is_settled(text.encode())


def test_events_are_compared_by_value_and_type():
    assert ev.Header(members={"id": 1}) == ev.Header(members={"id": 1})
    assert ev.said(ev.Header(members={"id": 1})) != ev.said(ev.Header(members={"id": True}))
    assert ev.said(ev.Header(members={"b": 1, "a": 2})) == ev.said(
        ev.Header(members={"a": 2, "b": 1})
    )
