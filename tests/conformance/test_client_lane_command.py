"""The command `headframe conform client`, and how a client is started."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from commanding import run
from headframe.conformance.client.commands import Commands, Op
from headframe.conformance.client.process import Sandbox

LITTLE = f"'{sys.executable}' -S -E '{Path(__file__).with_name('little_client.py')}'"
PUT = f"{LITTLE} - put {{local}} {{url}}"


# --- templates ---------------------------------------------------------------------------


def test_one_template_may_stand_for_put_and_get():
    commands = Commands.parse({}, "mycli {op} --from={from} {to}")
    assert {"put", "get"} == commands.abilities
    url = "headframe://h/a"
    assert ["mycli", "put", "--from=/x", url] == commands.arguments(Op.PUT, url, "/x")
    assert ["mycli", "get", f"--from={url}", "/x"] == commands.arguments(Op.GET, url, "/x")


def test_a_value_that_is_filled_in_is_not_filled_in_again():
    commands = Commands.parse({}, "mycli '{x} {' {url} {local}")
    filled = commands.arguments(Op.PUT, "headframe://h/{local}", "/a b")
    assert ["mycli", "{x} {", "headframe://h/{local}", "/a b"] == filled


@pytest.mark.parametrize(
    ("given", "first", "why"),
    [
        ({}, "mycli put {local}", "the template for put has no {url}"),
        ({}, "mycli put {url}", "the template for put has no {local}"),
        ({"list": "mycli ls"}, None, "the template for list has no {url}"),
        ({}, "mycli '{local} {url}", "No closing quotation"),
    ],
)
def test_a_template_that_lacks_something_is_refused(given, first, why):
    with pytest.raises(ValueError, match=why):
        Commands.parse(given, first)


# --- processes ---------------------------------------------------------------------------


def sandboxed(tmp_path, code, timeout_s=10.0):
    sandbox = Sandbox(tmp_path / "box")
    return sandbox, sandbox.run([sys.executable, "-S", "-c", code], timeout_s)


def test_what_a_client_leaves_and_says_is_seen(tmp_path):
    code = "open('a','w').write('x'); open('../elsewhere/b','w'); print('bye'); raise SystemExit(3)"
    sandbox, ended = sandboxed(tmp_path, code)
    assert {"a": b"x"} == sandbox.files()
    assert ["elsewhere/b"] == sandbox.strays(sending=False)
    assert (3, "exit code 3: bye") == (ended.code, str(ended))


def test_only_a_client_that_sends_may_write_beside_the_source_and_none_to_it(tmp_path):
    sandbox = Sandbox(tmp_path / "box")
    sandbox.source("a", b"hello")
    code = "open('../source/a.memory','w'); open('../source/a','w')"
    sandbox.run([sys.executable, "-S", "-c", code], 10)
    assert ["source/a"] == sandbox.strays(sending=True)
    assert ["source/a", "source/a.memory"] == sandbox.strays(sending=False)


@pytest.mark.skipif(os.name != "posix", reason="groups of processes are POSIX's")
def test_a_client_that_hangs_is_killed_with_all_that_it_started(tmp_path):
    code = (
        "import subprocess,sys,time; "
        "p = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)']); "
        "open('pid','w').write(str(p.pid)); time.sleep(60)"
    )
    sandbox, ended = sandboxed(tmp_path, code, timeout_s=2.0)
    assert ended.code is None
    child = int(sandbox.files()["pid"])
    until = time.monotonic() + 10
    while _is_alive(child):
        assert time.monotonic() < until


def _is_alive(pid):
    try:
        return "Z" != Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False


# --- the command -------------------------------------------------------------------------


def test_a_good_client_passes_and_what_it_has_no_command_for_is_skipped():
    done = run("conform", "client", PUT, "--only", "client-reply", "--only", "client-body")
    assert (0, "") == (done.code, done.err)
    assert "checks: " in done.out
    assert " skip, " in done.out


def test_a_bug_is_told_with_the_exchange_and_the_way_to_see_it_again():
    bad = f"{LITTLE} any-id put {{local}} {{url}}"
    done = run("conform", "client", bad, "--only", "client-reply/id-of-another")
    assert 1 == done.code
    for word in ("FAIL    client-reply/id-of-another  HF-REPLY-004", "C>S 0000", "S>C 0000"):
        assert word in done.out
    assert "replay: headframe conform client" in done.out
    assert "--only client-reply/id-of-another" in done.out


def test_results_are_json_where_they_are_wanted(tmp_path):
    page = tmp_path / "page.html"
    done = run("conform", "client", PUT, "--only", "HF-REPLY-004", "--json", "--html", page)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert ["pass", "pass", "skip"] == sorted(row["verdict"] for row in rows[:-1])
    assert 0 == rows[-1]["exit"]
    assert "HF-REPLY-004" in page.read_text("utf-8")


def test_a_failure_that_is_expected_is_none(tmp_path):
    known = tmp_path / "known"
    known.write_text("client-reply/id-of-another\n", "utf-8")
    bad = f"{LITTLE} any-id put {{local}} {{url}}"
    only = ("--only", "client-reply/id-*", "--expected-failures", known)
    assert 0 == run("conform", "client", bad, *only).code
    assert 1 == run("conform", "client", PUT, *only).code


def test_checks_and_rules_are_shown_without_a_client():
    done = run("conform", "client", "--list", "--only", "HF-RESUME-021")
    assert (0, 1) == (done.code, len(done.out.splitlines()))
    done = run("conform", "client", "--explain", "HF-RESUME-021")
    assert "client-resume/superseded-is-the-end" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        ((), 2, "COMMAND is missing"),
        (("mycli put {url}",), 2, "has no {local}"),
        ((PUT, "--only", "nothing"), 2, "is no id"),
        (("/nowhere/mycli {local} {url}",), 3, "cannot be started"),
    ],
)
def test_what_cannot_be_tested_is_told_in_a_line(arguments, code, why):
    done = run("conform", "client", *arguments)
    assert code == done.code
    assert why in done.out + done.err
