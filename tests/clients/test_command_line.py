"""The command `headframe` as a shell sees it: output, exit codes, one line for each error."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from headframe import UNSET, Refusal
from headframe_client.command.entry import TABLE, headframe
from headframe_client.command.exits import ExitCode, exit_code_of
from headframe_server import DirectoryStore, Server

TOP = Path(__file__).parents[2]
PATHS = os.pathsep.join(str(TOP / source) for source in ("protocol", "servers", "clients"))
COMMAND = [sys.executable, "-m", "headframe_client"]


@pytest.fixture
def url(tmp_path):
    (tmp_path / "root").mkdir()
    with DirectoryStore(tmp_path / "root") as store, Server(("127.0.0.1", 0), store) as server:
        yield server.url


def run(*arguments, **extra):
    """Run the command in a process; return its exit code, output and error output."""
    environment = os.environ | {"PYTHONPATH": PATHS, "PYTHONIOENCODING": "utf-8"}
    environment.pop("HEADFRAME_URL", None)
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        timeout=60,
        env=environment | extra.pop("env", {}),
        check=False,
        **extra,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def quick(*arguments):
    """Run the command in this process; return its exit code and output."""
    result = CliRunner().invoke(headframe, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".headframe" not in path.parts
    }


def test_help_shows_every_command():
    code, out, _ = quick("--help")
    assert 0 == code
    for name in TABLE:
        assert re.search(rf"^  {name} ", out, re.MULTILINE)


def commands(group, *names):
    """Return the words of each command, groups and what is in them alike."""
    yield names
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            yield from commands(group.get_command(context, name), *names, name)


@pytest.mark.parametrize("words", list(commands(headframe)), ids=" ".join)
def test_each_command_has_help_with_an_example_within_80_columns(words):
    code, text, _ = quick(*words, "--help")
    assert 0 == code
    assert [] == [line for line in text.splitlines() if len(line) > 80]
    assert "..." not in text.partition("Commands:")[2]  # where click cuts what is too long
    first, *rest = text.partition("  Example:")[2].splitlines()
    examples = [first] if first else rest
    assert "headframe " in examples[0]
    assert not first or [] == [line for line in rest if line]  # it can be copied, being one line


@pytest.mark.parametrize("group", ["uploads", "spec", "conform"])
def test_a_group_wants_a_command(group):
    said = f"headframe: Missing command (see headframe {group} --help)\n"
    assert (2, "", said) == run(group)


def test_version_is_told():
    code, out, _ = quick("--version")
    assert 0 == code
    assert re.search(r"headframe.* \d+\.\d+", out)


def test_a_file_goes_there_and_comes_back(url, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"hello")
    assert (0, "", "") == quick("put", tmp_path / "a.txt", f"{url}/d/")
    assert b"hello" == (tmp_path / "root/d/a.txt").read_bytes()
    assert (0, "", "") == quick("get", f"{url}/d/a.txt", tmp_path / "b.txt")
    assert b"hello" == (tmp_path / "b.txt").read_bytes()
    assert (0, "hello", "") == run("cat", f"{url}/d/a.txt")
    code, out, _ = quick("ls", f"{url}/d/")
    assert (0, True) == (code, "a.txt" in out)
    code, out, _ = quick("stat", f"{url}/d/a.txt")
    assert (0, True) == (code, "5" in out)
    assert 0 == quick("mv", f"{url}/d/a.txt", "c.txt")[0]
    assert 0 == quick("rm", f"{url}/c.txt")[0]
    assert {} == contents(tmp_path / "root")


def test_a_folder_goes_there_and_comes_back_identical(url, tmp_path):
    source = tmp_path / "source"
    for name in ("a", "b/c", "b/漢字", "ä/é.txt", "empty", "x/y/z/w"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"" if name == "empty" else name.encode() * 1000)
    assert 0 == quick("put", "-r", source, f"{url}/t")[0]
    assert 0 == quick("get", "-r", f"{url}/t", tmp_path / "back")[0]
    assert contents(source) == contents(tmp_path / "back")


def test_standard_input_and_output_are_streams(url):
    code, _, err = run("put", "-", f"{url}/s", input=b"x" * 3_000_000)
    assert (0, "") == (code, err)
    code, out, err = run("get", f"{url}/s", "-")
    assert (0, "x" * 3_000_000, "") == (code, out, err)


def test_the_url_may_come_from_the_environment(url, tmp_path):
    (tmp_path / "a").write_bytes(b"hello")
    assert 0 == run("put", tmp_path / "a", env={"HEADFRAME_URL": f"{url}/"})[0]
    assert "a" in run("ls", env={"HEADFRAME_URL": f"{url}/"})[1]


def test_a_listing_in_a_pipe_is_plain_and_escapes_nothing_away(url, tmp_path):
    (tmp_path / "root/plain").write_bytes(b"")
    code, out, err = run("ls", f"{url}/")
    assert (0, "") == (code, err)
    assert "plain" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense"], 2),
        (["put"], 2),
        (["stat", "http://127.0.0.1/a"], 2),
        (["stat", "headframe://127.0.0.1:99999/a"], 2),
        (["stat", "URL/../a"], 2),
        (["stat", "URL/none"], 3),
        (["get", "URL/none", "TMP/x"], 3),
        (["rm", "URL/none"], 3),
        (["put", "TMP/none", "URL/a"], 3),
        (["put", "TMP/file", "URL/taken/below"], 5),
        (["mv", "URL/taken", "other"], 5),
        (["stat", "headframe://127.0.0.1:1/a"], 6),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(url, tmp_path, arguments, code):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "root/taken").write_bytes(b"x")
    (tmp_path / "root/other").write_bytes(b"x")
    told = [word.replace("URL", url).replace("TMP", str(tmp_path)) for word in arguments]
    returned, out, err = run(*told)
    assert (code, "") == (returned, out)
    assert "Traceback" not in err
    lines = err.strip().splitlines()
    assert lines[-1].startswith(("headframe: ", "Error: "))
    assert code == 2 or 1 == len(lines)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("not-found", ExitCode.NOT_FOUND),
        ("unauthorized", ExitCode.DENIED),
        ("forbidden", ExitCode.DENIED),
        ("conflict", ExitCode.EXISTS),
        ("precondition-failed", ExitCode.EXISTS),
        ("digest-mismatch", ExitCode.DIGEST),
        ("no-space", ExitCode.NO_SPACE),
        ("busy", ExitCode.BUSY),
        ("internal", ExitCode.OTHER),
    ],
)
def test_a_refusal_has_its_exit_code(scripted, word, code):
    def refuse(peer):
        peer.read_request()
        retry_ms = 5 if word in ("busy", "no-space", "internal") else UNSET
        peer.send(Refusal(code=word, message="\x1b[31mred", retry_ms=retry_ms))

    server = scripted(refuse)
    returned, out, err = run("stat", "--retries", "0", f"{server.url}a")
    assert (code, "") == (returned, out)
    assert word in err
    assert "\x1b" not in err


def test_garbage_from_a_server_is_a_protocol_error(scripted):
    server = scripted(lambda peer: (peer.read_request(), peer.sock.sendall(b"HTTP/1.1 400\r\n")))
    assert ExitCode.PROTOCOL == run("stat", f"{server.url}a")[0]


def test_an_interrupt_and_local_errors_have_codes():
    assert ExitCode.INTERRUPTED == exit_code_of(KeyboardInterrupt())
    assert ExitCode.DENIED == exit_code_of(PermissionError(errno.EACCES, "no"))
    assert ExitCode.NO_SPACE == exit_code_of(OSError(errno.ENOSPC, "full"))


def test_the_demo_moves_a_tree_and_finds_it_identical(tmp_path):
    for index in range(30):
        path = tmp_path / f"tree/d{index % 3}/f{index}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashlib.sha256(bytes([index])).digest() * index)
    code, out, err = run("demo", "--tree", tmp_path / "tree")
    assert (0, "") == (code, err)
    assert out.strip().splitlines()[-1].startswith("identical")
    assert "30 files" in out
    assert "N = " in out
    assert "not one byte came back" in out


def test_a_change_may_depend_on_what_is_there(url, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"hello")
    assert 0 == quick("put", "--if-absent", tmp_path / "a.txt", f"{url}/a")[0]
    code, _, told = quick("put", "--if-absent", tmp_path / "a.txt", f"{url}/a")
    assert (5, 1) == (code, told.count("\n"))
    rev = json.loads(quick("stat", "--json", f"{url}/a")[1])["rev"]
    assert 0 == quick("put", "--if-rev", rev, tmp_path / "a.txt", f"{url}/a")[0]
    assert 5 == quick("put", "--if-rev", rev, tmp_path / "a.txt", f"{url}/a")[0]
    assert 5 == quick("mv", "--if-rev", rev, f"{url}/a", "b")[0]
    assert 5 == quick("rm", "--if-rev", rev, f"{url}/a")[0]
    assert 2 == quick("rm", "-r", "--if-rev", rev, f"{url}/a")[0]
    assert 2 == quick("put", "-r", "--if-absent", tmp_path, f"{url}/")[0]
    rev = json.loads(quick("stat", "--json", f"{url}/a")[1])["rev"]
    assert 0 == quick("rm", "--if-rev", rev, f"{url}/a")[0]
