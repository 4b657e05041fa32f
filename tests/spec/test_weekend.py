"""The page for implementers: its client works, and its steps leave no rule out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections import Counter

import pytest

import standard
from headframe_server import DirectoryStore, Server

WEEKEND = (standard.SPEC / "weekend.md").read_text("utf-8")
ROLES = {"Both sides": {"sender", "receiver"}, "Server": {"server"}, "Client": {"client"}}
RANGE = re.compile(r"(HF-[A-Z]+)-(\d{3})(?: to \1-(\d{3}))?")
INDEPENDENT_READER_LINES = 500


@pytest.fixture
def written(tmp_path):
    """Return what the page's program defines, and a client of it."""
    (block,) = [found for found in standard.blocks("python") if found.path.name == "weekend.md"]
    names = {}
    exec(compile(block.text, block.name, "exec"), names)
    with (
        DirectoryStore(tmp_path, free_bytes=0) as store,
        Server(("127.0.0.1", 0), store) as server,
    ):
        client = names["Client"](*server.address)
        yield names, client
        client.stream.close()
        client.socket.close()


def test_the_client_on_the_page_moves_files(written):
    names, client = written
    rev = client.put("dir/a.txt", b"hello")["rev"]
    assert b"hello" == client.get("dir/a.txt")
    assert b"lo" == client.get("dir/a.txt", offset=3, **{"if": rev})
    body = bytes(range(256)) * 10_000
    client.put("large", body)
    assert body == client.get("large")
    assert ["dir/a.txt", "large"] == client.names(limit=1)
    assert client.ask("move", filename="large", to="b")[0]["rev"]
    assert client.ask("delete", filename="b")[0]["ok"]
    with pytest.raises(names["Refused"]) as refused:
        client.put("dir/a.txt", b"other", **{"if": None})
    assert "precondition-failed" == refused.value.args[0]
    assert ["dir/a.txt"] == client.names()


def steps():
    """Return (who, rule) for each rule that a step names."""
    return [
        (who, f"{found[1]}-{number:03}")
        for who, rules in re.findall(
            r"^- (Both sides|Server|Client): (.*?)(?=^- |\n\n)", WEEKEND, re.MULTILINE | re.DOTALL
        )
        for found in RANGE.finditer(rules.replace("\n", " "))
        for number in range(int(found[2]), int(found[3] or found[2]) + 1)
    ]


def test_every_rule_has_one_step_under_its_own_role():
    text = standard.STANDARD.read_text("utf-8")
    roles = {found[1]: found[2] for found in standard.RULE_LINE.finditer(text)}
    named = steps()
    assert [] == [rule for rule, times in Counter(rule for _, rule in named).items() if times > 1]
    assert {rule for _, rule in named} == set(roles)
    assert [] == [rule for who, rule in named if roles[rule] not in ROLES[who]]


def test_every_page_is_in_the_index():
    index = (standard.SPEC / "README.md").read_text("utf-8")
    pages = {path.name for path in standard.TEXTS} - {"README.md"}
    assert pages == {page for page in pages if f"]({page})" in index}


@pytest.mark.parametrize("side", ["codec", "server", "client"])
def test_the_commands_on_the_page_are_there(side):
    (block,) = [found for found in standard.blocks("sh") if found.path.name == "weekend.md"]
    (line,) = [line for line in block.text.splitlines() if f" conform {side} " in line]
    program, *arguments = shlex.split(line)
    assert "headframe" == program
    listed = subprocess.run(
        [sys.executable, "-m", "headframe_client", *arguments, "--list"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (0, "") == (listed.returncode, listed.stderr)
    assert listed.stdout.count("\n") > 50


def test_the_independent_reader_is_as_short_as_the_page_says():
    text = (standard.ROOT / "tests" / "independent_reader.py").read_text("utf-8")
    assert f"fewer than {INDEPENDENT_READER_LINES} lines" in WEEKEND
    assert text.count("\n") < INDEPENDENT_READER_LINES
