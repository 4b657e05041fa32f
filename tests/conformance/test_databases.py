"""What a search has found is remembered: in a folder, or in a Redis by many machines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase, InMemoryExampleDatabase

from headframe.conformance import databases
from headframe.conformance.command.fuzz import fuzz
from headframe.conformance.databases import Shelf, open_database
from headframe.conformance.searching import Search
from headframe.conformance.transcript import Transcript
from headframe.conformance.verdicts import Deviation
from headframe_server.directory import DirectoryStore

CONFTEST = Path(__file__).parents[1] / "conftest.py"


def examples_until_found(database, seed):
    """Return how many examples a search needs to find a fault that is rare."""

    def example(draw):
        number = draw(st.integers(0, 1 << 12))
        if number % 32 == 23:
            raise Deviation("anything else", str(number))

    def begin(search):
        if search.found is None:
            tried.append(search)

    tried = []
    search = Search(database=database, begin=begin)
    with pytest.raises(Deviation):
        search.explore(example, seed=seed, usual=500, record=lambda: (Transcript("key"), None))
    return len(tried)


def nothing_is_lost(told):
    raise AssertionError(told)


def test_what_one_search_has_found_another_tries_first(tmp_path):
    place = str(tmp_path / "a" / "b")
    assert examples_until_found(open_database(place, nothing_is_lost), seed=1) > 5
    assert 1 == examples_until_found(open_database(place, nothing_is_lost), seed=2)


def test_shelves_of_one_database_do_not_mix():
    database = InMemoryExampleDatabase()
    for name in ("a", "b"):
        assert examples_until_found(Shelf(database, name), seed=1) > 5
    assert 1 == examples_until_found(Shelf(database, "a"), seed=2)


def test_a_campaign_begins_with_what_was_found_before(serving, tmp_path, monkeypatch):
    monkeypatch.setattr(DirectoryStore, "_check_current", lambda self, name, condition: None)
    monkeypatch.setattr("headframe.conformance.campaign.SHRINK_S", 0.3)
    url, place = serving().url, str(tmp_path / "examples")
    given = ["server", url, "--only", "model/files", "--found", str(tmp_path), "-q"]
    for seed, count in (("1", "200"), ("2", "1")):
        options = [*given, "--seed", seed, "--examples", count, "--database", place]
        done = CliRunner().invoke(fuzz, options, standalone_mode=False)
        assert f" 1 found (seed {seed})" in done.output


def test_a_database_that_fails_is_told_of_once_and_costs_nothing(monkeypatch):
    class Broken(ExampleDatabase):
        def fetch(self, key):
            asked.append(key)
            raise OSError("away")

        save = delete = lambda self, key, value: self.fetch(key)

    asked, told = [], []
    monkeypatch.setattr(databases, "DirectoryBasedExampleDatabase", lambda place: Broken())
    database = open_database(".", told.append)
    assert examples_until_found(database, seed=1) > 5
    assert ["the database of examples fails: away"] == told
    assert 1 == len(asked)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("redis://127.0.0.1:1/0", "no Redis answers: "),
        ("http://127.0.0.1/", "is no folder, and no URL that begins with redis://"),
        (__file__, "cannot be a folder: "),
    ],
)
def test_what_is_no_database_is_said_before_anything_is_asked(place, told, serving):
    given = ["server", serving().url, "--database", place, "--examples", "1"]
    done = CliRunner().invoke(fuzz, given)
    assert 2 == done.exit_code
    assert "--database: " in done.stderr
    assert told in done.stderr


def test_without_its_package_redis_is_said_to_need_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ValueError, match=r"pip install 'headframe\[campaign\]'"):
        open_database("redis://127.0.0.1:1/0", nothing_is_lost)


# --- a real one --------------------------------------------------------------------------


@pytest.fixture
def redis(tmp_path):
    """Start a real Redis; gives its URL and its process."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server: apt-get install redis-server")
    place = tmp_path / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(place), "--save", "", "--dir", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "ready to accept connections" in line.lower():
                break
        else:
            pytest.fail("redis-server has ended")
        yield f"unix://{place}", process
        process.kill()


@pytest.mark.slow
def test_machines_share_what_they_found_through_a_redis(redis):
    url, _ = redis
    assert examples_until_found(open_database(url, nothing_is_lost), seed=1) > 5
    assert 1 == examples_until_found(open_database(url, nothing_is_lost), seed=2)


@pytest.mark.slow
def test_a_redis_that_dies_in_the_middle_costs_only_its_memory(redis):
    url, process = redis
    told = []
    database = open_database(url, told.append)
    process.kill()
    process.wait()
    assert examples_until_found(database, seed=1) > 5
    assert 1 == len(told)


@pytest.mark.slow
def test_the_nightly_profile_shares_them_too(redis, tmp_path):
    url, _ = redis
    (tmp_path / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (tmp_path / "test_rare.py").write_text(
        "from hypothesis import given, strategies as st\n"
        "tried = []\n"
        "@given(st.integers(0, 1 << 16))\n"
        "def test_rare(number):\n"
        "    tried.append(number)\n"
        "    if number % 256 == 77:\n"
        "        print('tried', tried.index(number) + 1)\n"
        "        raise AssertionError\n"
    )
    environment = os.environ | {"HYPOTHESIS_PROFILE": "nightly", "HEADFRAME_DATABASE": url}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
    for most in (3000, 1):
        done = subprocess.run(
            [*command, str(tmp_path / "test_rare.py")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert 1 == done.returncode, done.stdout + done.stderr
        first = next(line for line in done.stdout.splitlines() if line.startswith("tried"))
        assert 1 <= int(first.split()[1]) <= most
