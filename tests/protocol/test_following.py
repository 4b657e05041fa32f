"""A digest that is made beside a file's way is that of its bytes, however they come."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headframe import following
from headframe.digests import DigestAlgorithm, Hasher
from headframe.following import BESIDE_BYTES, LAG_BYTES, STEP_BYTES, Follower

BODY = bytes(range(251)) * ((BESIDE_BYTES + LAG_BYTES + STEP_BYTES) // 251)


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    """An empty file to write and read."""
    opened = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


def digest_of(body: bytes) -> str:
    hasher = Hasher()
    hasher.update(body)
    return hasher.digest


def write(descriptor: int, follower: Follower, body: bytes, piece: int) -> None:
    for begin in range(0, len(body), piece):
        os.write(descriptor, body[begin : begin + piece])
        follower.update(body[begin : begin + piece])


@pytest.mark.parametrize("size", [0, 1, BESIDE_BYTES, BESIDE_BYTES + 1, len(BODY)])
@pytest.mark.parametrize("follows", [True, False])
def test_a_digest_is_that_of_all_bytes_however_it_is_made(
    descriptor: int, size: int, follows: bool
) -> None:
    follower = Follower(beside=True)
    follower.follow(descriptor if follows else None)
    write(descriptor, follower, BODY[:size], 300_000)
    assert digest_of(BODY[:size]) == follower.settle().digest


def test_what_an_earlier_run_has_written_is_read_first(descriptor: int) -> None:
    os.write(descriptor, BODY[:1000])
    follower = Follower(end=1000)
    follower.follow(descriptor)
    write(descriptor, follower, BODY[1000:2000], 100)
    assert digest_of(BODY[:2000]) == follower.settle().digest
    write(descriptor, follower, BODY[2000:2100], 100)
    assert digest_of(BODY[:2100]) == follower.settle().digest


def test_a_file_may_be_closed_and_opened_again_wherever_the_digest_is(tmp_path: Path) -> None:
    path, follower = tmp_path / "file", Follower(beside=True)
    half = len(BODY) // 2
    for begin, end in ((0, half), (half, len(BODY))):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        follower.follow(opened)
        write(opened, follower, BODY[begin:end], STEP_BYTES)
        if end < len(BODY):
            follower.rest()
            os.close(opened)
    assert digest_of(BODY) == follower.settle().digest
    os.close(opened)


def test_no_thread_is_left_when_a_digest_is_known_or_not_wanted(descriptor: int) -> None:
    before = threading.active_count()
    for end in (Follower.settle, Follower.rest):
        follower = Follower(beside=True)
        follower.follow(descriptor)
        write(descriptor, follower, BODY, STEP_BYTES)
        assert before + 1 == threading.active_count()
        end(follower)
        assert before == threading.active_count()


def test_the_digest_of_a_small_file_takes_no_thread(descriptor: int) -> None:
    before = threading.active_count()
    follower = Follower(beside=True)
    follower.follow(descriptor)
    write(descriptor, follower, BODY[:BESIDE_BYTES], STEP_BYTES)
    assert before == threading.active_count()


def test_a_file_that_became_shorter_is_an_error_for_whoever_asks(descriptor: int) -> None:
    os.write(descriptor, BODY[:1000])
    follower = Follower(end=2000)
    follower.follow(descriptor)
    for _ in range(2):
        with pytest.raises(OSError, match="ended after 1000 bytes, 2000 are due"):
            follower.settle()
    with pytest.raises(OSError, match="ended after 1000 bytes"):
        follower.update(BODY)


def test_without_leave_to_go_beside_bytes_in_hand_take_no_thread(descriptor: int) -> None:
    before = threading.active_count()
    follower = Follower()
    follower.follow(descriptor)
    write(descriptor, follower, BODY, STEP_BYTES)
    assert before == threading.active_count()
    assert digest_of(BODY) == follower.settle().digest


def test_the_algorithm_may_be_chosen_when_bytes_have_gone_by(descriptor: int) -> None:
    follower = Follower()
    follower.follow(descriptor)
    write(descriptor, follower, BODY[:1000], 100)
    follower.expect(DigestAlgorithm.SHA_256)
    follower.expect(DigestAlgorithm.BLAKE3)
    assert DigestAlgorithm.BLAKE3 == follower.algorithm
    again = Hasher(DigestAlgorithm.BLAKE3)
    again.update(BODY[:1000])
    assert again.digest == follower.settle().digest


def test_who_is_far_ahead_of_the_digest_waits_for_it(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LAG_BYTES", 0)
    follower = Follower(beside=True)
    follower.follow(descriptor)
    body = BODY[: BESIDE_BYTES + 4 * STEP_BYTES]
    write(descriptor, follower, body, STEP_BYTES)
    assert digest_of(body) == follower.settle().digest
