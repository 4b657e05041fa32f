"""Codec, client and kit where a system lacks what Linux has, as Windows and macOS do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from commanding import environment, served
from headframe_client import journal, locks, parts
from headframe_client.command import state
from headframe_client.journal import Journal

LACKING = """
import os, select, selectors, signal, socket, sys
for module in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "readline"):
    sys.modules[module] = None
for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY", "O_NONBLOCK", "geteuid", "getuid", "fork",
             "posix_fallocate", "fchmod", "fchown", "pread", "pwrite", "sendfile", "statvfs",
             "set_blocking"):
    if hasattr(os, name):
        delattr(os, name)
for module, names in (
    (selectors, ("PollSelector", "EpollSelector", "KqueueSelector", "DevpollSelector")),
    (select, ("poll", "epoll", "kqueue")),
    (signal, ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "pthread_sigmask", "SIGPIPE", "SIGALRM")),
    (socket, ("AF_UNIX", "SO_REUSEPORT", "MSG_DONTWAIT", "sendmsg")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
"""
IMPORT_ALL = """
import importlib, pkgutil
for name in ("headframe", "headframe_client", "headframe.conformance"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
MOVE = """
from headframe_client import Client, Journal, TreeOptions
from headframe_client import get_tree, parse_url, put_tree, walk_folder
url, folder = sys.argv[1:]
connect = lambda: Client.from_url(url)
options = TreeOptions(address=parse_url(url), journal=Journal(os.path.join(folder, "journal")))
outcome = put_tree(connect, walk_folder(os.path.join(folder, "tree"), "t/"), options)
assert (3, []) == (outcome.files, outcome.failures), outcome
outcome = get_tree(connect, "t/", os.path.join(folder, "back"), options)
assert (3, []) == (outcome.files, outcome.failures), outcome
"""


def run_without(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", LACKING + program, *map(str, arguments)],
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_everything_is_imported_where_much_is_missing():
    run_without(IMPORT_ALL)


def test_files_are_moved_where_much_is_missing(tmp_path):
    (tmp_path / "tree/d").mkdir(parents=True)
    for name, size in (("a", 0), ("b", 100), ("d/large", 3_000_000)):
        (tmp_path / "tree" / name).write_bytes(os.urandom(size))
    with served(tmp_path / "root") as server:
        run_without(MOVE, server.url, tmp_path)
    for name in ("a", "b", "d/large"):
        assert (tmp_path / "tree" / name).read_bytes() == (tmp_path / "back" / name).read_bytes()
    assert [] == list((tmp_path / "journal").iterdir())
    assert [] == list(tmp_path.rglob("*.headframe-*"))


class Windows:
    """The module `os` of a system where an open file can be neither renamed nor removed."""

    name = "nt"

    def __getattr__(self, name):
        return getattr(os, name)

    def replace(self, source, target):
        assert not is_open(source)
        os.replace(source, target)

    def unlink(self, path):
        assert not is_open(path)
        os.unlink(path)


def is_open(path):
    found = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return any(os.path.exists(file) and os.path.samefile(file, path) for file in found)


@pytest.fixture
def windows(monkeypatch):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    for module in (parts, journal):
        monkeypatch.setattr(module, "os", Windows())
    monkeypatch.setattr(locks, "fcntl", None)


@pytest.mark.parametrize("keep", [True, False])
def test_no_open_file_is_renamed_or_removed(windows, tmp_path, keep):
    for size in (100, parts.KEPT_BYTES + 1):
        path = tmp_path / "file"
        sink = parts.PartFile(path, "headframe://h/file")
        sink.open("r1", size)
        sink.write(b"half")
        sink.abandon(keep=keep)
        sink = parts.PartFile(path, "headframe://h/file")
        held = sink.claim(None)
        assert (keep and size > parts.KEPT_BYTES) == (held is not None)
        if held is None:
            sink.open("r1", size)
            sink.write(b"half")
        sink.write(b"rest")
        sink.commit(1_500_000_000_000_000)
        assert b"halfrest" == path.read_bytes()
        assert ["file"] == os.listdir(tmp_path)


def test_a_note_of_an_upload_is_closed_before_it_is_removed(windows, tmp_path):
    notes = Journal(tmp_path)
    upload = notes.claim("headframe://h/a", "a", 5, 6)
    upload.release()
    again = notes.claim("headframe://h/a", "a", 5, 6)
    assert (upload.token, True) == (again.token, again.continues)
    again.forget()
    assert [] == os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {"XDG_STATE_HOME": "/x"}, "/x"),
        ("linux", {"XDG_STATE_HOME": ""}, "/home/ann/.local/state"),
        ("darwin", {}, "/home/ann/Library/Application Support"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
        ("win32", {"LOCALAPPDATA": ""}, "/home/ann/AppData/Local"),
    ],
)
def test_what_is_kept_between_runs_is_where_the_system_has_such_things(
    monkeypatch, system, variables, expected
):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("HOME", "/home/ann")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert expected == str(state._state_folder())
