"""The checks of clients: good ones pass, and one with a bug fails where its rule is cited."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from commanding import COMMAND, environment
from headframe.conformance.check import Profile, select
from headframe.conformance.client import CLIENT_CHECKS
from headframe.conformance.client.commands import Commands, Op
from headframe.conformance.client.lineup import look_at_client, run_client_checks
from headframe.conformance.rules import RULES
from headframe.conformance.runner import chosen
from headframe.conformance.verdicts import SetupError, Verdict

HERE = Path(__file__).parent
PYTHON = f"'{sys.executable}' -S -E"
OPS = {
    Op.PUT: "put {local} {url}",
    Op.GET: "get {local} {url}",
    Op.PUT_ALL: "put-all {local} {url}",
    Op.GET_ALL: "get-all {local} {url}",
    Op.LIST: "ls - {url}",
    Op.DELETE: "rm - {url}",
    Op.GET_TLS: "get {local} {url} {ca}",
}
OURS = {
    Op.PUT: "put {local} {url}",
    Op.GET: "get {url} {local}",
    Op.PUT_ALL: "put -r {local} {url}",
    Op.GET_ALL: "get -r {url} {local}",
    Op.LIST: "ls -r {url}",
    Op.DELETE: "rm {url}",
    Op.GET_TLS: "get --ca {ca} {url} {local}",
}
GOOD = {Verdict.PASS, Verdict.SKIP}


def little(bug="-", ops=OPS):
    return Commands.parse(
        {op: f"{PYTHON} '{HERE / 'little_client.py'}' {bug} {ops[op]}" for op in ops}
    )


def told(results):
    return {r.check.id: f"{r.permitted} | {r.got}" for r in results}


@pytest.fixture
def ours(monkeypatch):
    """The reference client."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    command = " ".join(f"'{word}'" for word in COMMAND)
    return Commands.parse({op: f"{command} {arguments}" for op, arguments in OURS.items()})


# --- no false alarm ----------------------------------------------------------------------

NOT_OF_A_CLIENT_THAT_NEVER_GOES_ON = {
    "client-reply/replies-in-the-wrong-order": "one request at a time",
    "client-resume/offset-is-a-string": "it does not go on",
}


NOT_OF_A_CLIENT_THAT_COMPARES_NOTHING = {
    "client-body/get-of-less-than-its-total": "it does not notice",
    "client-body/get-with-the-digest-of-other-bytes": "it does not notice",
    "client-body/put-with-the-digest-of-other-bytes": "it does not notice",
}


def test_a_little_client_that_never_tries_again_passes_every_check():
    results = run_client_checks(look_at_client(little()), CLIENT_CHECKS)
    warned = {r.check.id: r.got for r in results if r.verdict is Verdict.WARN}
    assert NOT_OF_A_CLIENT_THAT_COMPARES_NOTHING == warned
    assert {} == told(r for r in results if r.verdict not in GOOD | {Verdict.WARN})
    skipped = {r.check.id: r.got for r in results if r.verdict is Verdict.SKIP}
    assert NOT_OF_A_CLIENT_THAT_NEVER_GOES_ON == skipped


@pytest.mark.slow
@pytest.mark.parametrize("way", ["says-hello", "sends-ahead", "tries-again", "in-ranges"])
def test_there_are_many_good_ways_of_being_a_client(way):
    results = run_client_checks(look_at_client(little(way)), CLIENT_CHECKS)
    warned = {r.check.id for r in results if r.verdict is Verdict.WARN}
    assert warned <= NOT_OF_A_CLIENT_THAT_COMPARES_NOTHING.keys()
    assert {} == told(r for r in results if r.verdict not in GOOD | {Verdict.WARN})


SAMPLE = (
    "client-frame/well-formed-put-of-a-large-file",
    "client-frame/cut-in-n",
    "client-header/name-twice",
    "client-header/all-that-the-limits-allow",
    "client-body/get-in-*",
    "client-body/cut-between-frames",
    "client-request/*",
    "client-reply/replies-in-the-wrong-order",
    "client-reply/end-is-a-string",
    "client-reply/delete-cut-*",
    "client-reply/unknown-code-is-internal",
    "client-ending/after-*",
    "client-ending/put-*",
    "client-name/that-climbs",
    "client-name/good-names-are-used",
    "client-resume/*",
    "client-security/*",
)


def test_the_reference_client_passes_a_sample_of_the_checks(ours):
    results = run_client_checks(look_at_client(ours), select(CLIENT_CHECKS, SAMPLE))
    assert {} == told(r for r in results if r.verdict is not Verdict.PASS)


@pytest.mark.slow
def test_the_reference_client_passes_every_check(ours):
    results = run_client_checks(look_at_client(ours), CLIENT_CHECKS)
    assert {} == told(r for r in results if r.verdict is not Verdict.PASS)


def test_a_client_that_only_puts_is_asked_for_nothing_else():
    lineup = look_at_client(little(ops={Op.PUT: OPS[Op.PUT]}))
    results = run_client_checks(
        lineup, select(CLIENT_CHECKS, ["client-name", "client-reply/*-refused"])
    )
    assert {"client-reply/put-refused"} == {
        r.check.id for r in results if r.verdict is Verdict.PASS
    }
    assert {Verdict.PASS, Verdict.SKIP} == {r.verdict for r in results}


ORIGINAL = """
import json, os, re, socket, struct, sys
local, url = sys.argv[1:]
host, port, name = re.fullmatch("headframe://(.*):(.*?)/(.*)", url).groups()
with socket.create_connection((host, int(port))) as sock:
    head = {"cmd": "put", "filename": name, "filesize": os.path.getsize(local)}
    data = bytes(json.dumps(head), encoding="utf-8")
    sock.send(struct.pack("i", len(data)))
    sock.send(data)
    with open(local, "rb") as file:
        for line in file:
            sock.sendall(line)
"""


def test_the_original_client_passes_what_it_is_there_for(tmp_path):
    script = tmp_path / "client.py"
    script.write_text(ORIGINAL, "utf-8")
    commands = Commands.parse({}, f"{PYTHON} '{script}' {{local}} {{url}}")
    lineup = look_at_client(commands)
    assert {"put", "lockstep"} == lineup.facts.abilities
    results = run_client_checks(lineup, chosen(CLIENT_CHECKS, Profile.ORIGIN))
    assert {} == told(r for r in results if r.verdict is not Verdict.PASS)
    assert [Verdict.WARN] == [
        r.verdict
        for r in run_client_checks(lineup, chosen(CLIENT_CHECKS))
        if r.verdict is not Verdict.PASS and r.verdict is not Verdict.SKIP
    ]


# --- no bug gets away --------------------------------------------------------------------

BUGS = {
    "abort-is-an-end": "client-body/aborted-half-way client-reply/put-reply-is-aborted",
    "any-host": "client-security/certificate-of-another-host",
    "anybody": "client-security/certificate-of-a-stranger",
    "no-protocol": "client-security/tls-is-spoken client-security/server-without-alpn",
    "any-form": "client-name/not-in-form-c",
    "any-id": "client-reply/id-of-another",
    "any-length": "client-frame/length-65536 client-frame/length-of-http",
    "any-name": "client-name/that-climbs client-name/that-is-absolute client-name/with-nul",
    "complains": "client-frame/length-0",
    "critical-ignored": "client-reply/critical-name",
    "end-is-success": "client-reply/put-cut-before-the-reply client-body/cut-in-the-body",
    "end-is-zeros": "client-body/cut-in-the-body",
    "first-header-is-enough": "client-reply/put-reply-lacks-its-last-frame",
    "first-page-only": "client-name/every-page-is-asked-for",
    "later-empty": "client-body/later-more-alone",
    "later-ok": "client-body/later-ok",
    "lax-json": "client-header/nan client-header/name-twice client-reply/end-is-a-string",
    "length-in-characters": "client-frame/well-formed-put-of-a-name-beyond-ascii",
    "length-is-the-size": "client-frame/other-sizes-frame-nothing",
    "long-names": "client-name/of-1025-bytes",
    "no-cmd-first": "client-frame/well-formed-put",
    "notice-is-a-reply": "client-ending/put-answered-after-the-notice",
    "notice-is-the-end": "client-ending/put-answered-after-the-notice",
    "ok-as-it-is": "client-reply/ok-is-a-string",
    "one-frame-only": "client-body/get-in-frames-of-a-byte",
    "refusal-is-success": "client-reply/put-refused client-reply/delete-refused",
    "skips-bad-headers": "client-ending/nothing-behind-it-is-read",
    "superseded-and-back": "client-resume/superseded-is-the-end",
    "token-fixed": "client-resume/tokens-are-random",
    "token-is-a-uuid": "client-resume/tokens-are-random",
    "token-of-the-clock": "client-resume/tokens-are-random",
    "total-in-words": "client-frame/well-formed-put-of-a-large-file",
    "unknown-names-refused": "client-header/unknown-names",
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_client_with_a_bug_fails_where_its_rule_is_cited(bug):
    checks = select(CLIENT_CHECKS, BUGS[bug].split())
    results = run_client_checks(look_at_client(little(bug)), checks)
    assert {r.check.id: Verdict.FAIL for r in results} == {r.check.id: r.verdict for r in results}


def test_a_file_that_is_left_under_the_final_name_is_told_of():
    checks = select(CLIENT_CHECKS, ["client-body/aborted-half-way"])
    (result,) = run_client_checks(look_at_client(little("writes-in-place")), checks)
    assert (Verdict.WARN, "failure, with a wrong file left under the final name") == (
        result.verdict,
        result.got,
    )


def test_a_client_that_never_ends_fails_in_time():
    checks = select(CLIENT_CHECKS, ["client-reply/put-refused"])
    (result,) = run_client_checks(look_at_client(little("waits-for-ever"), 1.5), checks)
    assert Verdict.FAIL is result.verdict
    assert result.got.startswith("TIME-OUT")
    assert result.seconds < 6


def test_a_failure_shows_what_passed_from_the_side_of_the_client():
    checks = select(CLIENT_CHECKS, ["client-reply/id-of-another"])
    (result,) = run_client_checks(look_at_client(little("any-id")), checks)
    lines = [*result.transcript.lines()]
    assert "C>S 0000" == lines[0][:8]
    assert [] != [line for line in lines if line.startswith("S>C")]
    assert [] != [line for line in lines if line.startswith("--- the client ends: ")]


# --- what is no client at all ------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/mycli {local} {url}", "cannot be started"),
        (f"{PYTHON} -c pass {{local}} {{url}}", "never connects"),
        (f"'{HERE / 'little_client.py'}' {{local}} {{url}}", "cannot be started"),
    ],
)
def test_what_is_no_client_is_told_in_a_sentence(command, why):
    with pytest.raises(SetupError, match=why):
        look_at_client(Commands.parse({}, command))


@pytest.mark.parametrize(
    ("bug", "why"),
    [
        ("big-endian", "sends no put"),
        ("filesize-one-more", "does not work with a good server"),
        ("id-is-a-string", "sends no put"),
    ],
)
def test_a_client_that_cannot_do_the_plainest_thing_is_not_judged(bug, why):
    with pytest.raises(SetupError, match=why):
        look_at_client(little(bug), 2)


def test_every_check_of_clients_cites_rules_and_says_what_is_good():
    for check in CLIENT_CHECKS:
        assert set(check.rules) <= RULES.keys(), check.id
        assert check.rules, check.id
        assert check.title.endswith("."), check.id
        assert check.id == check.id.lower(), check.id
    assert len(CLIENT_CHECKS) == len({check.id for check in CLIENT_CHECKS})
