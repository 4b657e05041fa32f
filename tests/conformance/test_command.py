"""headframe conform server: what it is told, what it tells, and how it ends."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from headframe.conformance.check import Check
from headframe.conformance.command import conform
from headframe.conformance.command.telling import Teller
from headframe.conformance.verdicts import Result, Verdict
from headframe_client.command.entry import TABLE, headframe
from headframe_client.errors import InvalidArgument


@pytest.fixture
def run(tmp_path):
    """Return a function that runs the command; gives its exit code and its lines."""

    def invoke(*arguments):
        given = ["server", *map(str, arguments), "--replays", str(tmp_path / "replays")]
        done = CliRunner().invoke(conform, given, standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return done.return_value, done.output.splitlines()

    return invoke


@pytest.fixture
def parrot(listening):
    """A server that can store and return the file of the preflight, and nothing else."""

    def answer(number, body=b""):
        header = b'{"id":%d,"ok":true,"filesize":%d}' % (number, len(body))
        return len(header).to_bytes(4, "little") + header + body

    def talk(sock):
        while data := sock.recv(65536):
            number = 22 if b'"id":22' in data else 21
            sock.sendall(answer(number, b"preflight" if b'"get"' in data else b""))

    return listening(talk, timeout_s=2.0)


def test_it_is_a_command_of_headframe():
    assert "conform" in TABLE
    assert "conform" in headframe.list_commands(None)


def test_a_good_server_passes(run, serving):
    code, lines = run(serving().url, "--only", "frame")
    assert 0 == code
    assert 1 == len(lines)
    assert "checks: " in lines[0]
    assert "pass" in lines[0]


def test_checks_are_listed_with_their_rules(run):
    code, lines = run("--list", "--only", "HF-FRAME-007")
    assert 0 == code
    assert all("HF-FRAME-007" in line for line in lines)
    assert 2 == len(lines)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("HF-FRAME-002", "HF-FRAME-002: A receiver MUST treat N < 2"),
        ("frame/length-0", "  permitted: ok (pass)"),
        ("security", "  profile core, lane plain, needs tls"),
    ],
)
def test_rules_and_checks_are_explained(run, what, told):
    code, lines = run("--explain", what)
    assert 0 == code
    assert any(line.startswith(told) for line in lines)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "URL is missing"),
        (("--explain", "nothing"), "'nothing' is no rule"),
        (("--only", "nothing"), "'nothing' is no id"),
        (("http://a",), "is not a URL"),
    ],
)
def test_what_makes_no_sense_is_said(run, arguments, told):
    with pytest.raises((Exception, InvalidArgument)) as caught:
        run(*arguments)
    assert told in str(caught.value)


def test_a_failure_shows_rule_exchange_and_replay(run, parrot, tmp_path):
    code, lines = run(parrot, "--only", "command/unknown-handle", "--timeout", "2")
    assert 1 == code
    told = "\n".join(lines)
    for wanted in (
        "FAIL    command/unknown-handle  HF-CMD-001",
        '"A server MUST refuse with `unknown-command`',
        "permitted: id=21 unknown-command",
        "got:       id=21 ok",
        "C>S 0000",
        f"replay: headframe replay {tmp_path}/replays/command-unknown-handle-",
    ):
        assert wanted in told
    assert 1 == len([*(tmp_path / "replays").iterdir()])


def test_of_many_failures_only_the_first_are_shown_at_length(run, parrot):
    code, lines = run(parrot, "--only", "command/unknown-*", "--timeout", "2")
    assert 1 == code
    failed = [line for line in lines if line.startswith("FAIL")]
    assert len(failed) > 12
    assert 12 == sum(line.strip().startswith("C>S 0000") for line in lines)


def test_expected_failures_count_for_nothing_and_unexpected_passes_fail(
    run, parrot, serving, tmp_path
):
    known = tmp_path / "known"
    known.write_text("# as of today\ncommand/unknown-handle   # soon\n", "utf-8")
    given = (parrot, "--timeout", "2", "--expected-failures", known)
    code, lines = run(*given, "--only", "command/unknown-handle")
    assert 0 == code
    assert "1 of the failures expected" in lines[-1]
    known.write_text("frame/shortest-header\n", "utf-8")
    code, lines = run(serving().url, *given[1:], "--only", "frame/shortest-header")
    assert 1 == code
    assert any("it passes" in line for line in lines)
    known.write_text("no/such-check\n", "utf-8")
    with pytest.raises(Exception, match="no check is called 'no/such-check'"):
        run(*given)


def test_results_as_json_are_a_line_each(run, serving):
    code, lines = run(serving().url, "--only", "frame/length-*", "--json")
    rows = [json.loads(line) for line in lines]
    assert 0 == code
    assert {"check", "verdict", "title", "rules", "got", "seconds"} <= rows[0].keys()
    assert {"pass": len(rows) - 1} == rows[-1]["counts"]
    assert 0 == rows[-1]["exit"]


def test_a_result_is_told_as_soon_as_it_is_there(capsys):
    check = Check(id="a/b", title="It is.", rules=("HF-FRAME-001",), run=lambda _: None)
    tell = Teller(
        expected=frozenset(),
        verbose=False,
        quiet=False,
        as_json=True,
        total=2,
        replay=lambda _: None,
        live=False,
    )
    tell(Result(check=check, verdict=Verdict.PASS, got="ok", permitted="ok"))
    assert "a/b" == json.loads(capsys.readouterr().out)["check"]


def test_where_there_is_nothing_it_says_so(run, listening):
    code, lines = run(listening(lambda sock: sock.recv(9)))
    assert 3 == code
    assert lines[0].startswith("setup: headframe://127.0.0.1:")


def test_a_silent_server_may_be_looked_at_through_its_folder(run, listening):
    def hold(sock):
        while sock.recv(4096):
            pass

    code, lines = run(listening(hold), "--profile", "origin")
    assert 3 == code
    assert "--root" in lines[0]
