"""What the README says is true: its code runs, its commands are lines, its links lead on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headframe_server import DirectoryStore, Server

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_first_two_shell_blocks_are_one_command_each():
    first, second = blocks("sh")[:2]
    assert [1, 1] == [len(first.splitlines()), len(second.splitlines())]
    assert first.endswith("headframe demo\n")
    assert "pytest" in second


def test_the_client_of_twelve_lines_stores_a_file(tmp_path, capsys):
    code = blocks("python")[0]
    assert 12 >= len([line for line in code.splitlines() if line.strip()])
    with DirectoryStore(tmp_path) as store, Server(("127.0.0.1", 0), store) as server:
        assert '("127.0.0.1", 37263)' in code
        exec(code.replace('("127.0.0.1", 37263)', repr(server.address)), {})
    assert b"hello" == (tmp_path / "hello.txt").read_bytes()
    assert capsys.readouterr().out.startswith("PutReply(")


def test_the_server_in_a_few_lines_serves(capsys):
    exec(blocks("python")[1], {})
    assert "5\n" == capsys.readouterr().out


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)", README))
def test_a_link_leads_to_something(target):
    assert (Path(__file__).parents[1] / target).exists()


def test_the_map_names_what_is_there():
    for name in ("spec", "protocol/headframe", "servers", "clients", "tests"):
        assert f"{name}/" in README
        assert (Path(__file__).parents[1] / name).is_dir()
