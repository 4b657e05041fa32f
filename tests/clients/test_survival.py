"""Folders of many files, and files of any size, through kills and in fixed memory.

The short tests are samples. The full ones are slow and print what they measured:

    pytest -m slow -s tests/clients/test_survival.py
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from commanding import await_that, memory_peak, served, start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills, and reads /proc")

MOST_MEMORY = 100_000_000
PIECE = hashlib.sha256(b"piece").digest() * (1 << 15)  # 1 MiB
FIVE_GIB = 5 << 30
SHARES = (0.3, 0.6)
"""Of the files that are there when somebody pulls the plug."""


@pytest.fixture
def space(tmp_path):
    """A folder in memory, where there is one: 10,000 times fsync on a disk is no test of this."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def grow(folder: Path, count: int) -> dict[str, bytes]:
    """Make files of several sizes in many folders, 20 MB in all; return their digests."""
    digests = {}
    for index in range(count):
        name = f"d{index % 97:02}/e{index % 7}/f{index:05}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = 3_000_000 if index == count // 2 else (index * 7919) % (34_000_000 // count)
        body = hashlib.sha256(str(index).encode()).digest() * (size // 32 + 1)
        path.write_bytes(body[:size])
        digests[name] = hashlib.sha256(body[:size]).digest()
    return digests


def take_digests(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def count_files(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def commands(verb: str, space: Path, url: str) -> tuple[list[object], Path, Path]:
    """Return what to run, where it comes from and where it goes."""
    if verb == "put":
        return ["put", "-r", space / "tree", f"{url}/tree"], space / "tree", space / "root/tree"
    return ["get", "-r", f"{url}/tree", space / "back"], space / "root/tree", space / "back"


def run_with_kills(verb: str, space: Path, count: int, options: list[str], pace: list[str]) -> str:
    """Move files through a server that is killed and started again; return standard error."""
    digests = grow(space / ("tree" if verb == "put" else "root/tree"), count)
    with served(space / "root", *options) as server:
        command, _, target = commands(verb, space, server.url)
        process = start(*command, *pace, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        reader = threading.Thread(target=lambda: told.extend(process.communicate()))
        told: list[bytes] = []
        reader.start()
        for share in SHARES:
            await_that(lambda share=share: count_files(target) >= share * count)
            assert process.poll() is None, "it ended before the kill"
            server.kill()
            time.sleep(0.2)
            server.start()
        reader.join(100)
        assert (0, b"") == (process.returncode, told[0]), told[1].decode()
    assert digests == take_digests(target)
    assert [] == list(space.rglob("*.headframe-*"))
    return told[1].decode()


def run_after_kills(verb: str, space: Path, count: int, options: list[str], pace: list[str]) -> str:
    """Move files with clients of which all but the last are killed; return what that one says."""
    digests = grow(space / ("tree" if verb == "put" else "root/tree"), count)
    state = {"XDG_STATE_HOME": str(space / "state")}
    with served(space / "root", *options) as server:
        command, _, target = commands(verb, space, server.url)
        for share in SHARES:
            process = start(*command, *pace, env=state, stderr=subprocess.PIPE)
            await_that(lambda share=share: count_files(target) >= share * count)
            process.kill()
            assert b"" == process.communicate()[1]
            assert -signal.SIGKILL == process.returncode
        process = start(*command, env=state, stderr=subprocess.PIPE)
        told = process.communicate(timeout=100)[1].decode()
        assert 0 == process.returncode, told
    assert digests == take_digests(target)
    return told


def judge_survivor(told: str, count: int) -> None:
    """One line for all of it, which says how many there are and that it went on after losses."""
    (line,) = told.splitlines()
    moved, kept = read_summary(line)
    assert count == moved + kept
    assert re.search(r"; tried again \d+\Z", line)


def judge_successor(told: str, count: int) -> None:
    """One line that says that the earlier runs count."""
    (line,) = told.splitlines()
    moved, kept = read_summary(line)
    assert count == moved + kept
    assert kept >= SHARES[-1] * count / 2


def read_summary(line: str) -> tuple[int, int]:
    """Return how many files were moved, and how many were there."""
    found = re.match(r"headframe: (?:put|got) ([\d,]+) files", line)
    assert found, line
    kept = re.search(r"skipped ([\d,]+) \(identical\)", line)
    return tuple(int(word[1].replace(",", "")) if word else 0 for word in (found, kept))


QUICK = (["--durability", "rename"], ["--limit-rate", "6M"])


@pytest.mark.parametrize("verb", ["put", "get"])
def test_a_folder_survives_a_server_that_is_killed(verb, space):
    judge_survivor(run_with_kills(verb, space, 500, *QUICK), 500)


@pytest.mark.parametrize("verb", ["put", "get"])
def test_a_folder_survives_a_client_that_is_killed(verb, space):
    judge_successor(run_after_kills(verb, space, 500, *QUICK), 500)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("verb", ["put", "get"])
@pytest.mark.parametrize(
    ("what", "act", "judge"),
    [
        ("server", run_with_kills, judge_survivor),
        ("client", run_after_kills, judge_successor),
    ],
)
def test_ten_thousand_files_survive_kills(what, act, judge, verb, space):
    begun = time.monotonic()
    told = act(verb, space, 10_000, [], ["--limit-rate", "4M"])
    judge(told, 10_000)
    print(f"\n{verb} -r of 10,000 files, {what} killed twice, {time.monotonic() - begun:.1f} s:")
    print(told, end="")


def stream(space: Path, count_bytes: int) -> tuple[int, int, int]:
    """Put standard input and get it back; return the memory of put, get and the server."""
    pieces = count_bytes // len(PIECE)
    expected = hashlib.sha256()
    with served(space / "root", "--durability", "rename") as server:
        put = start("put", "-", f"{server.url}/stream", stdin=subprocess.PIPE)
        for index in range(pieces):
            piece = index.to_bytes(8, "big") + PIECE[8:]
            expected.update(piece)
            put.stdin.write(piece)
        put_memory = memory_peak(put)
        put.stdin.close()
        assert 0 == put.wait(100)
        actual, length, get_memory = hashlib.sha256(), 0, 0
        with start("get", f"{server.url}/stream", "-", stdout=subprocess.PIPE) as get:
            while piece := get.stdout.read(1 << 20):
                actual.update(piece)
                length += len(piece)
                get_memory = max(get_memory, memory_peak(get))
            assert 0 == get.wait(100)
        server_memory = memory_peak(server.process)
    assert (count_bytes, expected.digest()) == (length, actual.digest())
    return put_memory, get_memory, server_memory


def test_a_stream_takes_fixed_memory(space):
    assert max(stream(space, 150 << 20)) < MOST_MEMORY


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_gibibytes_take_fixed_memory(space):
    begun = time.monotonic()
    measured = stream(space, FIVE_GIB)
    put, get, server = (f"{peak / 1e6:.1f} MB" for peak in measured)
    print(f"\n5 GiB from standard input and back, {time.monotonic() - begun:.1f} s:")
    print(f"memory at most: put {put}, get {get}, server {server}")
    assert max(measured) < MOST_MEMORY
