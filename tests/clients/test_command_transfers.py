"""The options of put, get, cat and uploads, each by what it is for."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from commanding import await_that, run, served, start

LARGE = 6_000_000
SLOW = ("--limit-rate", "512K")
"""So slow that who is stopped in the middle is in the middle, however busy the machine is."""

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served") / "root", "--durability", "rename") as server:
        yield server


@pytest.fixture
def state(tmp_path):
    """The environment of a user of whom nothing is known yet."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(LARGE))
    return path


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    for index in range(60):
        path = folder / f"d{index % 7}/f{index}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(index * 1000))
    return folder


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def stop_in_the_middle(*arguments, env, when, word=signal.SIGINT):
    """Run a command slowly and stop it when something is so; return its exit code."""
    process = start(*arguments, *SLOW, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    await_that(when)
    process.send_signal(word)
    process.communicate(timeout=60)
    return process.returncode


def break_off(server, path, there, env, word=signal.SIGINT):
    """Stop an upload when the server has more than 1 MiB of it; return the exit code."""

    def held_bytes():
        return sum(file.stat().st_size for file in server.root.glob(".headframe/**/*.data"))

    before = held_bytes()
    return stop_in_the_middle(
        "put", path, there, env=env, when=lambda: held_bytes() > before + (1 << 20), word=word
    )


@contextlib.contextmanager
def standing_still(server):
    """Let the server hear and say nothing while the context lasts."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("connections", [1, 4])
def test_a_folder_goes_over_several_connections(server, tree, tmp_path, connections):
    j = ("-j", connections)
    there = f"{server.url}/j{connections}"
    done = run("put", "-r", *j, tree, there)
    assert (0, "") == (done.code, done.out)
    assert re.fullmatch(r"headframe: put 60 files, 1\.7 MiB in [\d.]+ s \(.*/s\)\n", done.err)
    done = run("get", "-r", *j, there, tmp_path / "back")
    assert re.fullmatch(r"headframe: got 60 files, 1\.7 MiB in [\d.]+ s \(.*/s\)\n", done.err)
    assert contents(tree) == contents(tmp_path / "back")
    done = run("put", "-r", *j, "-v", "--json", tree, there)
    assert 60 == len([json.loads(line)["skipped"] for line in done.out.splitlines()])
    done = run("get", "-r", *j, there, tmp_path / "back")
    assert "headframe: got 0 files; skipped 60 (identical)\n" == done.err
    done = run("put", "-r", *j, "-q", "--no-resume", tree, there)
    assert (0, "", "") == (done.code, done.out, done.err)


def test_what_is_left_out_and_what_fails_is_told_with_the_reason(server, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "good").write_bytes(b"good")
    (folder / ".x.headframe-part").write_bytes(b"half")
    (folder / "link").symlink_to("good")
    (folder / "bad\x1bname").write_bytes(b"x")
    done = run("put", "-r", folder, f"{server.url}/mixed")
    assert 10 == done.code
    told = sorted(done.err.splitlines())
    assert f"headframe: {folder}/link: is a symbolic link" in told
    assert any(line.startswith(f"headframe: {folder}/bad\\x1bname: HF-NAME-") for line in told)
    assert "skipped 1 (is an unfinished file of a get); failed 2" in told[-1]
    assert 3 == len(told)
    rows = run("put", "-r", "--json", folder, f"{server.url}/mixed")
    skipped = [json.loads(line) for line in rows.out.splitlines()]
    assert {"identical", "is an unfinished file of a get"} == {row["skipped"] for row in skipped}


def test_the_default_url_is_for_what_is_left_out_and_for_bare_names(server, tmp_path, large):
    env = {"HEADFRAME_URL": f"{server.url}/base/"}
    assert 0 == run("put", large, env=env).code
    assert "base/large.bin\n" == run("ls", env=env).out
    assert "base/large.bin\n" == run("ls", "large.bin", env=env).out
    assert LARGE == json.loads(run("stat", "--json", "large.bin", env=env).out)["total"]
    assert 0 == run("get", "large.bin", tmp_path / "copy", env=env).code
    assert large.read_bytes() == (tmp_path / "copy").read_bytes()
    assert 0 == run("mv", "large.bin", "d/moved", env=env).code
    assert 0 == run("mv", "d/moved", "/again", env=env).code
    assert 0 == run("mv", f"{server.url}/base/again", "/base/last/", env=env).code
    assert "base/last/again\n" == run("ls", "-r", env=env).out
    assert 0 == run("rm", "last/again", env=env).code
    done = run("ls")
    assert (2, True) == (done.code, "HEADFRAME_URL is not set" in done.err)
    done = run("ls", env={"HEADFRAME_URL": "bad"})
    said = "headframe: HEADFRAME_URL: 'bad' is not a URL like headframe://host:port/name\n"
    assert (2, said) == (done.code, done.err)


def test_the_new_name_may_be_a_url_of_the_same_server(server):
    run("put", "-", f"{server.url}/old", given=b"x")
    assert 0 == run("mv", f"{server.url}/old", f"{server.url}/d/new").code
    assert 0 == run("mv", f"{server.url}/d/new", f"{server.url}/e/").code
    done = run("mv", f"{server.url}/e/new", "headframe://127.0.0.1:1/new")
    said = (
        "headframe: a file is moved on its own server: 'headframe://127.0.0.1:1/new' is on another"
    )
    assert (2, f"{said}\n") == (done.code, done.err)
    assert 0 == run("rm", f"{server.url}/e/new").code


def test_a_slash_at_the_end_means_into_a_folder_that_is_made(server, tmp_path):
    for name in ("a", "b"):
        run("put", "-", f"{server.url}/into/{name}", given=name.encode())
    assert 0 == run("get", f"{server.url}/into/a", f"{tmp_path}/one/two/").code
    assert b"a" == (tmp_path / "one/two/a").read_bytes()
    assert 0 == run("get", f"{server.url}/into/a", f"{server.url}/into/b", tmp_path / "both").code
    assert {"a": b"a", "b": b"b"} == contents(tmp_path / "both")
    assert 3 == run("get", f"{server.url}/into/none", f"{tmp_path}/none/").code
    assert not (tmp_path / "none").exists()
    done = run("get", f"{server.url}/into/a", tmp_path / "lacking/a")
    said = f"headframe: {tmp_path / 'lacking'}: No such file or directory\n"
    assert (3, said) == (done.code, done.err)


def test_an_empty_folder_is_not_left_out_silently(server, tmp_path):
    (tmp_path / "t/d/empty").mkdir(parents=True)
    (tmp_path / "t/d/file").write_bytes(b"x")
    for moved in ("put 1 file, 1 B in .*", "put 0 files; skipped 1 .identical."):
        done = run("put", "-r", tmp_path / "t", f"{server.url}/empty")
        assert 0 == done.code
        assert re.fullmatch(rf"headframe: {moved}; skipped 1 \(is an empty folder\)\n", done.err)
    done = run("put", "-r", "--json", tmp_path / "t/d/empty", f"{server.url}/empty")
    path = str(tmp_path / "t/d/empty")
    assert {"path": path, "skipped": "is an empty folder"} == json.loads(done.out)


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")
def test_an_address_of_ipv6_stands_in_brackets(tmp_path):
    (tmp_path / "root").mkdir()
    process = start("serve", tmp_path / "root", "--bind", "[::1]:0", stdout=subprocess.PIPE)
    try:
        url = process.stdout.readline().decode().removeprefix("listening on ").strip()
        assert url.startswith("headframe://[::1]:")
        assert 0 == run("put", "-", f"{url}/a", given=b"six").code
        assert "six" == run("cat", f"{url}/a").out
        done = run("stat", f"{url}/none")
        assert (3, "headframe: none: no such file (not-found)\n") == (done.code, done.err)
    finally:
        process.kill()
        process.communicate()


def test_standard_input_and_output_are_streams_of_any_size(server):
    for size in (0, 1, 1 << 20, LARGE):
        body = os.urandom(size)
        assert (0, "") == (run("put", "-", f"{server.url}/s", given=body).code, "")
        process = start("get", f"{server.url}/s", "-", stdout=subprocess.PIPE)
        assert body == process.communicate(timeout=60)[0]
        assert 0 == process.returncode


def test_a_rate_is_kept(server, large):
    begun = time.monotonic()
    assert 0 == run("put", "--limit-rate", "2M", large, f"{server.url}/rate").code
    assert time.monotonic() - begun > LARGE / (2 << 20) - 1
    assert 2 == run("put", "--limit-rate", "1K", large, f"{server.url}/rate").code


@posix_only
@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGKILL])
def test_an_upload_that_was_broken_off_goes_on_and_says_so(server, large, state, word):
    there = f"{server.url}/up{word}"
    assert (130 if word == signal.SIGINT else -word) == break_off(server, large, there, state, word)
    (note,) = map(json.loads, run("uploads", "ls", "--json", env=state).out.splitlines())
    assert (there, str(large), LARGE, "broken off") == tuple(note.values())
    done = run("uploads", "ls", "--ask", f"{server.url}/", env=state)
    assert re.fullmatch(rf" +5\.7 MiB  \d\d? % +{re.escape(f'{large} -> {there}')}\n", done.out)
    assert "" == run("uploads", "ls", f"{server.url}/elsewhere/", env=state).out
    done = run("put", large, there, env=state)
    first, last = done.err.splitlines()
    assert re.fullmatch(rf"headframe: resuming {re.escape(str(large))} at \d\d? %", first)
    assert re.search(r"; resumed 1 \([\d.]+ MiB were there\)\Z", last)
    assert (0, "") == (done.code, run("uploads", "ls", env=state).out)
    assert large.read_bytes() == (server.root / f"up{word}").read_bytes()


@posix_only
def test_an_upload_may_be_thrown_away(server, large, state):
    there = f"{server.url}/thrown"
    assert 130 == break_off(server, large, there, state)
    done = run("uploads", "abort", "--json", there, env=state)
    assert (0, "") == (done.code, done.err)
    assert "aborted" == json.loads(done.out)["state"]
    assert "" == run("uploads", "ls", env=state).out
    done = run("uploads", "abort", there, env=state)
    assert (3, f"headframe: {there}: no unfinished upload\n") == (done.code, done.err)


@pytest.mark.parametrize("size", [10, LARGE])
def test_of_an_upload_that_is_refused_nothing_is_left_to_go_on_with(server, tmp_path, state, size):
    (tmp_path / "file").write_bytes(bytes(size))
    run("put", "-", f"{server.url}/refused", given=b"x")
    for condition in (["--if-absent"], ["--if-rev", "none"]):
        done = run("put", *condition, tmp_path / "file", f"{server.url}/refused", env=state)
        assert (5, True) == (done.code, "precondition-failed" in done.err)
    assert "" == run("uploads", "ls", env=state).out


@posix_only
def test_an_upload_that_is_under_way_is_left_alone(server, large, state):
    there = f"{server.url}/busy"
    with standing_still(server):
        process = start("put", "-q", large, there, env=state, stderr=subprocess.PIPE)
        await_that(lambda: "under way" in run("uploads", "ls", there, env=state).out)
        done = run("uploads", "abort", there, env=state)
    assert (2, True) == (done.code, "is under way in another process" in done.err)
    assert b"" == process.communicate(timeout=60)[1]
    assert 0 == process.returncode


@posix_only
def test_a_download_that_was_broken_off_goes_on_and_says_so(server, large, tmp_path):
    (server.root / "down").write_bytes(large.read_bytes())
    part = tmp_path / ".copy.headframe-part"
    copy = tmp_path / "copy"
    stop_in_the_middle(
        "get",
        f"{server.url}/down",
        copy,
        env={},
        when=lambda: part.exists() and part.stat().st_size > 1 << 20,
    )
    assert not copy.exists()
    done = run("get", f"{server.url}/down", copy)
    first, last = done.err.splitlines()
    assert re.fullmatch(rf"headframe: resuming {re.escape(str(copy))} at \d\d %", first)
    assert re.search(r"; resumed 1 \([\d.]+ MiB were there\)\Z", last)
    assert large.read_bytes() == copy.read_bytes()
    assert {"copy", "large.bin"} == {path.name for path in tmp_path.iterdir() if path.is_file()}


@posix_only
def test_who_does_not_want_to_go_on_begins_anew(server, large, tmp_path, state):
    (server.root / "anew").write_bytes(large.read_bytes())
    part = tmp_path / ".copy.headframe-part"
    more = ("--no-resume", f"{server.url}/anew", tmp_path / "copy")
    # An interrupt between making the part and knowing of it would leave the part, an empty one.
    begun = lambda: part.exists() and part.stat().st_size  # noqa: E731
    assert 130 == stop_in_the_middle("get", *more, env=state, when=begun)
    assert not part.exists()
    done = run("get", "--no-resume", f"{server.url}/anew", tmp_path / "copy")
    assert (0, "") == (done.code, done.err)
    assert 0 == run("put", "--no-resume", large, f"{server.url}/anew", env=state).code
    assert not (tmp_path / "state").exists()


def test_more_is_told_to_who_asks(server, large):
    done = run("put", "-v", large, f"{server.url}/told")
    assert f"headframe: put {large}" == done.err.splitlines()[0]
    done = run("stat", "-vv", f"{server.url}/told")
    assert ["> Stat", "< StatReply"] == [
        " ".join(line.split()[:2]) for line in done.err.splitlines()
    ]


def test_a_token_is_taken_from_a_file_or_the_environment_and_never_an_argument(tmp_path):
    from headframe_server import Access, DirectoryStore, Server

    word = run("token", tmp_path / "access.toml", "ann").out.split()[-1]
    (tmp_path / "word").write_text(f"{word}\n")
    (tmp_path / "root").mkdir()
    access = Access.read(tmp_path / "access.toml")
    with (
        DirectoryStore(tmp_path / "root") as store,
        Server(("127.0.0.1", 0), store, access=access) as server,
    ):
        assert 4 == run("ls", server.url).code
        assert 0 == run("ls", server.url, "--token-file", tmp_path / "word").code
        assert 0 == run("ls", server.url, env={"HEADFRAME_TOKEN": word}).code
        assert 2 == run("ls", server.url, "--token", word).code
        assert word not in run("ls", "-vv", server.url, env={"HEADFRAME_TOKEN": word}).err
