"""headframe fuzz: it finds what is wrong, makes it small, keeps it, and ends when it is told to."""

from __future__ import annotations

import json
import signal
import sys

import pytest
from click.testing import CliRunner
from hypothesis import strategies as st

from headframe.conformance import SERVER_CHECKS, Target
from headframe.conformance.campaign import ROUND, Campaign
from headframe.conformance.codec_random import RANDOM_CHECKS
from headframe.conformance.command import conform, watching
from headframe.conformance.command.fuzz import fuzz
from headframe.conformance.command.replay import replay
from headframe.conformance.pinning import vector_of
from headframe.conformance.preflight import look_at
from headframe.conformance.runner import run_check
from headframe.conformance.searching import Search
from headframe.conformance.transcript import Kind, Transcript
from headframe.conformance.vectors import Category, Side, read_vectors
from headframe.conformance.verdicts import Deviation, Gone, Result, Verdict
from headframe_client.command.entry import TABLE
from headframe_server.directory import DirectoryStore

[DAMAGE] = [check for check in SERVER_CHECKS if check.id == "model/damage"]


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the command; gives its exit code, its output and its errors."""

    def invoke(*arguments, database="none"):
        given = [*map(str, arguments), "--found", str(tmp_path / "found"), "--database", database]
        done = CliRunner().invoke(fuzz, given, standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return done.return_value, done.stdout.splitlines(), done.stderr.splitlines()

    return invoke


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    """How small a case becomes is not tested here."""
    monkeypatch.setattr("headframe.conformance.campaign.SHRINK_S", 0.3)


@pytest.fixture
def careless(monkeypatch):
    """The store of the reference does not look at conditions."""
    monkeypatch.setattr(DirectoryStore, "_check_current", lambda self, name, condition: None)


def bent(tmp_path, what):
    """Return the command of a codec that answers as the reference does, unless `what` is said."""
    path = tmp_path / "bent.py"
    path.write_text(
        "import json, sys\n"
        "from headframe.conformance.codec_program import answer\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    said = answer(asked)\n"
        "    data = bytes.fromhex(''.join(asked.get('chunks', [])))\n"
        f"    {what}\n"
        "    print(json.dumps(said), flush=True)\n"
    )
    return f"{sys.executable} {path}"


# --- servers -----------------------------------------------------------------------------


def test_it_is_a_command_of_headframe():
    assert "fuzz" in TABLE


def test_a_bug_of_a_server_is_found_kept_and_seen_again(run, serving, careless, tmp_path):
    url = serving().url
    code, lines, _ = run("server", url, "--only", "model/files", "--examples", 200, "--seed", "1")
    assert 1 == code
    told = "\n".join(lines)
    for wanted in (
        "FAIL    model/files  HF-CMD-006",
        "permitted: ",
        "precondition-failed",
        "C>S 0000",
        f"replay: headframe replay {tmp_path}/found/model-files-",
        " 1 found (seed 1)",
    ):
        assert wanted in told
    [kept] = (tmp_path / "found").iterdir()
    again = CliRunner().invoke(replay, [str(kept), url], standalone_mode=False)
    assert 0 == again.return_value


def test_a_good_server_gives_nothing_to_find_and_is_left_as_it_was(run, serving, root):
    code, lines, errors = run("server", serving().url, "--examples", 12, "--seed", "2")
    assert (0, []) == (code, errors)
    assert lines == [line for line in lines if line.startswith("12 examples in ")]
    assert lines[0].endswith("nothing found (seed 2)")
    assert [] == [path for path in root.iterdir() if not path.name.startswith(".")]


def test_findings_and_the_end_are_lines_of_json(run, serving, careless):
    given = ("--only", "model/files", "--examples", 200, "--seed", "1", "--json")
    code, lines, _ = run("server", serving().url, *given)
    finding, end = map(json.loads, lines)
    assert 1 == code == end["exit"] == end["found"]
    assert ("model/files", "fail") == (finding["check"], finding["verdict"])
    assert finding["file"] in finding["replay"]
    assert "1" == end["seed"]


def test_where_there_is_nothing_it_says_so(run, listening):
    code, lines, _ = run("server", listening(lambda sock: sock.recv(9)), "--examples", 1)
    assert 3 == code
    assert lines[0].startswith("setup: headframe://127.0.0.1:")


# --- codecs ------------------------------------------------------------------------------


def test_a_bug_of_a_codec_is_found_and_kept_as_a_vector(run, tmp_path):
    program = bent(tmp_path, "if b'move' in data: said = {'events': []}")
    given = ("--only", "random/requests", "--examples", 200, "--seed", "8")
    code, lines, _ = run("codec", program, *given)
    assert 1 == code
    [kept] = (tmp_path / "found").iterdir()
    again = f'headframe conform codec "{program}" --vectors {kept}'.replace('"', "'")
    assert f"        replay: {again}" in lines
    [vector] = read_vectors(kept.read_bytes())
    assert b'"move"' in vector.data
    assert "random/requests" in vector.title
    done = CliRunner().invoke(
        conform, ["codec", program, "--vectors", str(kept)], standalone_mode=False
    )
    assert 1 == done.return_value


def test_a_codec_that_ends_again_and_again_is_asked_all_the_same(run, tmp_path):
    program = bent(tmp_path, "assert b'move' not in data")
    given = ("--only", "random/requests", "--examples", 200, "--seed", "8", "--json")
    code, lines, _ = run("codec", program, *given)
    assert 1 == code
    assert "AssertionError" in json.loads(lines[0])["got"]


def test_a_message_that_was_not_built_right_is_kept_as_bytes_to_read(run, tmp_path):
    program = bent(tmp_path, "said.pop('hex', None)")
    code, _, _ = run("codec", program, "--only", "random/builds", "--examples", 5)
    assert 1 == code
    [kept] = (tmp_path / "found").iterdir()
    done = CliRunner().invoke(
        conform, ["codec", program, "--vectors", str(kept), "--list"], standalone_mode=False
    )
    assert ["build", "vector"] == sorted(line.split("/")[0] for line in done.stdout.splitlines())
    done = CliRunner().invoke(
        conform, ["codec", program, "--vectors", str(kept)], standalone_mode=False
    )
    assert 1 == done.return_value


@pytest.mark.parametrize(
    ("chunks", "category", "rule"),
    [
        (["1000", "00007b226964223a312c22636d64223a317d"], Category.REFUSED, "HF-REQ-002"),
        (["020000007b5d"], Category.FATAL, "HF-HEADER-002"),
        (["0200"], Category.INCOMPLETE, "HF-ERROR-001"),
    ],
)
def test_a_vector_has_the_rule_that_its_bytes_break(chunks, category, rule):
    [check] = [check for check in RANDOM_CHECKS if check.id == "random/damage"]
    made = vector_of({"op": "read", "role": "server", "chunks": chunks}, check)
    assert (category, rule, Side.SERVER) == (made.category, made.rules[0], made.role)
    assert made.id.startswith(rule.removeprefix("HF-"))
    ends = [note.offset + note.length for note in made.annotations]
    assert len(made.data) == ends[-1]
    assert [note.offset for note in made.annotations] == [0, *ends[:-1]]


# --- when it ends ------------------------------------------------------------------------


def campaign(check=DAMAGE, result=None, **about):
    """Return a campaign of one check whose examples do nothing but begin."""

    def go(check, seed, search):
        for _ in range(search.examples):
            search.begin(search)
        return result or run_result(check)

    return Campaign(checks=[check], run=go, seed="1", **about)


def run_result(check, verdict=Verdict.PASS):
    return Result(check=check, verdict=verdict, got="")


def test_so_many_examples_are_tried_and_no_more():
    made = campaign(limit=60)
    assert [] == [*made.results()]
    assert 60 == made.examples


def test_when_the_time_is_over_nothing_new_is_begun():
    made = campaign(seconds=0.01)
    assert [] == [*made.results()]
    assert 0.01 <= made.elapsed_s < 10


def test_a_check_that_has_found_something_is_out():
    made = campaign(result=run_result(DAMAGE, Verdict.FAIL))
    assert [Verdict.FAIL] == [result.verdict for result, _ in made.results()]
    assert (1, ROUND) == (made.found, made.examples)


def test_the_seed_of_each_round_is_another_and_repeats_itself():
    seeds = []

    def go(check, seed, search):
        seeds.append(seed)
        for _ in range(20):
            search.begin(search)
        return run_result(check)

    assert [] == [*Campaign(checks=[DAMAGE], run=go, seed="s", limit=40).results()]
    assert ["s-1", "s-2"] == seeds


def test_what_was_found_is_told_even_if_there_is_no_time_to_make_it_smaller(
    serving, careless, monkeypatch
):
    monkeypatch.setattr("headframe.conformance.campaign.SHRINK_S", 0.0)
    target = Target.from_url(serving().url)
    facts = look_at(target)
    [files] = [check for check in SERVER_CHECKS if check.id == "model/files"]
    made = Campaign(
        checks=[files],
        run=lambda check, seed, search: run_check(target, facts, check, seed=seed, search=search),
        seed="1",
        limit=500,
    )
    [(result, found)] = made.results()
    assert Verdict.FAIL is result.verdict
    assert found.transcript is result.transcript
    assert [] != [entry for entry in result.transcript.entries if entry.kind is Kind.SENT]


def test_what_ended_a_server_is_shown_and_not_that_it_is_gone():
    ended, passed = Deviation("id=1 ok", "RST"), []

    def example(draw):
        draw(st.integers())
        passed.append("!")
        raise Gone("refused") if len(passed) > 1 else ended

    search = Search()
    with pytest.raises(Deviation) as caught:
        search.explore(example, seed=1, usual=9, record=lambda: (Transcript("key"), None))
    assert ended is caught.value
    assert 2 == len(passed)


def test_it_ends_when_nobody_is_left_to_be_asked():
    def go(check, seed, search):
        search.keep(Gone("refused"), Transcript("key"))
        return run_result(check, Verdict.FAIL)

    results = Campaign(checks=RANDOM_CHECKS, run=go, seed="1").results()
    assert [RANDOM_CHECKS[0]] == [result.check for result, _ in results]


def test_that_nobody_is_left_is_no_second_finding():
    def go(check, seed, search):
        before = RANDOM_CHECKS[0] is check
        search.keep(Deviation("id=1 ok", "RST") if before else Gone("refused"), Transcript("key"))
        return run_result(check, Verdict.FAIL)

    made = Campaign(checks=RANDOM_CHECKS, run=go, seed="1")
    assert [RANDOM_CHECKS[0]] == [result.check for result, _ in made.results()]
    assert (1, True) == (made.found, made.gone)


def test_an_interrupt_ends_it_with_a_summary(run, serving, monkeypatch):
    monkeypatch.setattr(watching.Watch, "__call__", lambda *_: signal.raise_signal(signal.SIGINT))
    code, lines, _ = run("server", serving().url, "--for", "10m")
    assert 0 == code
    assert "nothing found" in lines[-1]
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_a_second_interrupt_ends_it_at_once():
    made = campaign()
    with watching.ending_on_interrupt(made):
        signal.raise_signal(signal.SIGINT)
        assert made.stopped
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("text", ["", "0", "m", "10 m", "-1", "1y"])
def test_what_is_no_time_is_said(run, text):
    with pytest.raises(Exception, match="is no time, such as 90s, 10m or 8h"):
        run("server", "headframe://127.0.0.1:1", "--for", text)


# --- how far it is -----------------------------------------------------------------------


def test_a_pipe_is_told_in_lines_how_far_it_is(monkeypatch, capsys):
    monkeypatch.setattr(watching, "PLAIN_S", 0.0)
    made = campaign(limit=30, seconds=600, on_example=watching.Watch(quiet=False, live=False))
    assert [] == [*made.results()]
    lines = capsys.readouterr().err.splitlines()
    assert 31 == len(lines)
    assert lines[-2].startswith("29 examples, ")
    assert lines[-2].endswith(" a second, 0 found, 1 to go, 10m 00s left")


def test_a_terminal_is_told_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(watching, "DRAWN_S", 0.0)
    watch = watching.Watch(quiet=False, live=True)
    assert [] == [*campaign(limit=3, on_example=watch).results()]
    watch.clear()
    told = capsys.readouterr().err
    assert "\n" not in told
    assert "\r1 examples, " in told


def test_nobody_is_told_more_than_they_want(monkeypatch, capsys):
    monkeypatch.setattr(watching, "PLAIN_S", 0.0)
    assert [] == [*campaign(limit=3, on_example=watching.Watch(quiet=True, live=False)).results()]
    assert "" == capsys.readouterr().err
