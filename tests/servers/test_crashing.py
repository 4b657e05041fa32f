"""The store on what a disk may hold after the machine lost power, at every point of many scripts.

The law of this module: `crashing` says what a disk may hold and what is promised; here it is only
asked, and shown to be able to say no.
"""

from __future__ import annotations

import os
import random
import stat

import pytest

import crashing
from crash_scripts import SCRIPTS
from crashing import ALL_KEPT, DATA_LOST, UNSYNCED_LOST, Figures, Journal, RecordingDisk


@pytest.fixture
def folder():
    with crashing.workplace() as found:
        if found is None:
            pytest.skip("no file system here keeps extended attributes")
        yield found


def violations(name, folder, mixtures=2, disk=None):
    figures = Figures()
    crashing.check(name, SCRIPTS[name], folder, figures, mixtures=mixtures, disk=disk)
    assert figures.states > figures.prefixes > 10
    return figures.violations


@pytest.mark.rule("HF-COND-010", "HF-COND-011", "HF-COND-012", "HF-RESUME-012", "HF-RESUME-027")
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_store_keeps_its_word_whatever_a_disk_holds_after_a_crash(name, folder):
    assert [] == violations(name, folder)


@pytest.mark.slow
@pytest.mark.rule("HF-COND-010", "HF-COND-011", "HF-COND-012", "HF-RESUME-012", "HF-RESUME-027")
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_store_keeps_its_word_in_many_more_mixtures(name, folder):
    assert [] == violations(name, folder, mixtures=40)


# --- that it can fail


class Forgetful(RecordingDisk):
    """A disk that says that it has synced what it has not."""

    def __init__(self, forgets):
        super().__init__()
        self.forgets = forgets

    def sync(self, descriptor):
        if not self.forgets(os.fstat(descriptor).st_mode):
            super().sync(descriptor)

    def sync_all(self, descriptor):
        return self.forgets(os.fstat(descriptor).st_mode) or super().sync_all(descriptor)


@pytest.mark.parametrize("forgets", [stat.S_ISREG, stat.S_ISDIR])
@pytest.mark.parametrize("name", ["a put", "a batch", "an upload in one part"])
def test_a_disk_that_forgets_a_sync_is_found_out(name, forgets, folder):
    assert violations(name, folder, disk=Forgetful(forgets))


# --- what a disk may hold


@pytest.fixture
def disk():
    return RecordingDisk()


@pytest.fixture
def root(folder, disk):
    """The root of a disk, open, with `d` in it that is safe."""
    (folder / "root").mkdir()
    (folder / "root/d").mkdir()
    descriptor = disk.open_root(folder / "root")
    yield descriptor
    os.close(descriptor)


def held(disk, mixtures=0):
    """Return what the disk may hold: for each state the names, and the bytes of files."""
    states = Journal(disk.events).states(mixtures, random.Random(1))
    return {
        word: {path: file if file is None else file[0] for path, file in tree}
        for word, tree in states
    }


def test_a_file_that_was_not_synced_may_be_empty_or_missing_or_torn(disk, root):
    file = disk.create("a", root)
    disk.write(file, memoryview(b"bytes"), 0)
    os.close(file)
    found = held(disk, mixtures=300)
    assert {"d": None} == found.pop(UNSYNCED_LOST)
    assert {"d": None, "a": b""} == found.pop(DATA_LOST)
    assert {"d": None, "a": b"bytes"} == found.pop(ALL_KEPT)
    mixed = {state.get("a") for state in found.values()}
    assert {None, b"", b"by", b"by\0\0\0", b"bytes"} <= mixed


def test_a_new_directory_is_there_only_once_its_parent_is_synced(disk, root):
    disk.make_directory("e", root)
    below = disk.open_directory("e", root)
    os.close(disk.create("a", below))
    disk.sync(below)
    os.close(below)
    assert {"d": None} == held(disk)[UNSYNCED_LOST]
    disk.sync(root)
    assert {"d": None, "e": None, "e/a": b""} == held(disk)[UNSYNCED_LOST]


@pytest.mark.parametrize("synced", ["d", "."])
def test_a_rename_is_safe_on_both_sides_once_either_is_synced(disk, root, synced):
    os.close(disk.create("a", root))
    disk.sync(root)
    below, to_sync = disk.open_directory("d", root), disk.open_directory(synced, root)
    disk.rename("a", root, "b", below)
    assert {"d": None, "a": b""} == held(disk)[UNSYNCED_LOST]
    states = list(held(disk, mixtures=60).values())
    assert all(("a" in state) is not ("d/b" in state) for state in states)
    disk.sync(to_sync)
    for directory in (below, to_sync):
        os.close(directory)
    assert {"d": None, "d/b": b""} == held(disk)[UNSYNCED_LOST]
