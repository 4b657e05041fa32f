"""Every exit code, each from something that really happens: as text, and with --json."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from commanding import await_that, run, served, start
from headframe import GetReply, Refusal
from headframe_client.command.entry import EXAMPLE
from headframe_client.command.exits import ExitCode
from headframe_server import Access, DirectoryStore, Person, Server, Token

WRONG = "sha-256:" + "0" * 64


@pytest.fixture
def url(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root/taken").write_bytes(b"first")
    (tmp_path / "file").write_bytes(b"hello")
    with DirectoryStore(tmp_path / "root") as store, Server(("127.0.0.1", 0), store) as server:
        yield server.url


def refusing(code, **members):
    def script(peer):
        peer.read_request()
        peer.send(Refusal(code=code, message="no", **members))
        peer.drain()

    return script


def send_garbage(peer):
    peer.read_request()
    peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n")


def send_other_bytes(peer):
    peer.read_request()
    peer.send(GetReply(rev="r1", total=0, digest=WRONG))
    peer.drain()


def closed_url():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"headframe://127.0.0.1:{listener.getsockname()[1]}"


CASES = {
    ExitCode.OTHER: ("stat URL/a --retries 0", refusing("internal", retry_ms=5)),
    ExitCode.USAGE: ("stat http://example.org/a", None),
    ExitCode.NOT_FOUND: ("get URL/none TMP/x", None),
    ExitCode.DENIED: ("stat URL/a", refusing("forbidden")),
    ExitCode.EXISTS: ("put --if-absent TMP/file URL/taken", None),
    ExitCode.NETWORK: ("stat CLOSED/a", None),
    ExitCode.PROTOCOL: ("stat URL/a", send_garbage),
    ExitCode.DIGEST: ("get URL/a TMP/x", send_other_bytes),
    ExitCode.NO_SPACE: ("put TMP/file URL/a --retries 0", refusing("no-space", retry_ms=5)),
    ExitCode.SOME_FAILED: ("get URL/taken URL/none TMP/", None),
    ExitCode.BUSY: ("rm URL/a --retries 0", refusing("busy", retry_ms=5)),
}


@pytest.fixture
def prepare(url, tmp_path, scripted):
    def fill_in(command, script):
        there = url if script is None else scripted(script).url.rstrip("/")
        for mark, meaning in (("URL", there), ("TMP", str(tmp_path)), ("CLOSED", closed_url())):
            command = command.replace(mark, meaning)
        return command.split()

    return fill_in


@pytest.mark.parametrize("code", CASES, ids=lambda code: code.name)
def test_a_failure_is_a_code_and_a_line(code, prepare):
    done = run(*prepare(*CASES[code]))
    assert (code, "") == (done.code, done.out)
    lines = done.err.splitlines()
    assert [] == [line for line in lines if not line.startswith("headframe: ")]
    assert 2 if code is ExitCode.SOME_FAILED else 1 == len(lines)


@pytest.mark.parametrize("code", CASES, ids=lambda code: code.name)
def test_with_json_a_failure_is_a_code_and_an_object(code, prepare):
    done = run(*prepare(*CASES[code]), "--json")
    assert code == done.code
    objects = [json.loads(line) for line in done.err.splitlines()]
    assert 1 == len(objects)
    if code is ExitCode.SOME_FAILED:  # the object is about the one that failed
        assert ("none", "not-found", 3) == tuple(
            objects[0][name] for name in ("filename", "code", "exit")
        )
        assert ["taken"] == [json.loads(line)["filename"] for line in done.out.splitlines()]
        return
    assert (code, code.name.lower().replace("_", "-")) == (objects[0]["exit"], objects[0]["error"])
    assert "" == done.out
    assert objects[0]["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_interrupt_is_a_code_and_a_line(word, options, scripted):
    asked = []

    def hang(peer):
        asked.append(peer.read_request())
        peer.drain()

    process = start(
        "stat", f"{scripted(hang).url}a", *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    await_that(lambda: asked)
    process.send_signal(word)
    out, err = process.communicate(timeout=60)
    assert (ExitCode.INTERRUPTED, b"") == (process.returncode, out)
    if options:
        assert {"error": "interrupted", "exit": 130, "message": "interrupted"} == json.loads(err)
    else:
        assert b"headframe: interrupted\n" == err


def test_a_real_server_denies_and_limits(tmp_path):
    (tmp_path / "root").mkdir()
    with (tmp_path / "file").open("wb") as file:
        file.truncate((1 << 30) + 1)
    access = Access((Token(Person("ann"), "0" * 64),))
    with DirectoryStore(tmp_path / "root") as store:
        with Server(("127.0.0.1", 0), store, access=access) as server:
            done = run("stat", f"{server.url}/a")
            assert (ExitCode.DENIED, True) == (done.code, "(unauthorized)" in done.err)
    with served(tmp_path / "root", "--total-bytes", str(1 << 30)) as server:
        done = run("put", tmp_path / "file", f"{server.url}/a")
        assert (ExitCode.NO_SPACE, True) == (done.code, "(too-large)" in done.err)


def test_all_that_fails_alike_has_the_code_of_each(url, tmp_path):
    done = run("get", f"{url}/none", f"{url}/neither", f"{tmp_path}/")
    assert ExitCode.NOT_FOUND == done.code
    assert 3 == len(done.err.splitlines())


def test_an_error_names_what_it_is_about(url, tmp_path):
    for command in (("stat",), ("cat",), ("rm",), ("mv",), ("ls",)):
        more = ["other"] if command == ("mv",) else []
        done = run(*command, f"{url}/d/none", *more)
        assert "headframe: d/none: no such file (not-found)\n" == done.err
    assert "headframe: " + str(tmp_path / "x") in run("put", tmp_path / "x", f"{url}/").err


def test_help_tells_every_code():
    told = run("--help").out
    for code in ExitCode:
        assert f" {int(code)}  " in told
        assert f" {int(code)}  " in EXAMPLE


def test_json_rows_stand_for_files(url, tmp_path):
    def rows(*arguments):
        done = run(*arguments, "--json")
        assert (0, "") == (done.code, done.err)
        return [json.loads(line) for line in done.out.splitlines()]

    (tmp_path / "tree/d").mkdir(parents=True)
    (tmp_path / "tree/d/ä").write_bytes(b"1")
    (tmp_path / "tree/b").write_bytes(b"22")
    (row,) = rows("put", tmp_path / "file", f"{url}/a")
    assert {"filename", "path", "total", "rev", "digest"} == set(row)
    assert ("a", str(tmp_path / "file"), 5) == (row["filename"], row["path"], row["total"])
    put = rows("put", "-r", tmp_path / "tree", f"{url}/t")
    assert [("t/b", 2), ("t/d/ä", 1)] == [(row["filename"], row["total"]) for row in put]
    again = rows("put", "-r", tmp_path / "tree", f"{url}/t")
    assert ["identical"] * 2 == [row["skipped"] for row in again]
    got = rows("get", "-r", f"{url}/t", tmp_path / "back")
    assert [row["digest"] for row in put] == [row["digest"] for row in got]
    listed = rows("ls", f"{url}/t")
    assert [{"filename", "total", "rev", "mtime"}, {"prefix"}] == [set(row) for row in listed]
    assert "t/d/" == listed[1]["prefix"]
    (state,) = rows("stat", "--digest", f"{url}/a")
    assert row["digest"] == state["digest"]
    (moved,) = rows("mv", f"{url}/a", "z")
    assert ("a", "z") == (moved["filename"], moved["to"])
    assert [{"filename": "z"}] == rows("rm", f"{url}/z")
    assert ["t/b", "t/d/ä"] == [row["filename"] for row in rows("rm", "-r", f"{url}/t")]


def test_json_stands_aside_where_output_is_a_file(url):
    done = run("cat", "--json", f"{url}/taken")
    assert (0, "first") == (done.code, done.out)
    assert ("taken", 5) == tuple(json.loads(done.err)[name] for name in ("filename", "total"))
