"""Files that appear only when they are whole."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headframe.following import Follower
from headframe_client.parts import KEPT_BYTES, PART_SUFFIX, PartFile, beside
from headframe_client.sinks import Held, StreamSink

posix_only = pytest.mark.skipif(os.name != "posix", reason="symbolic links and modes")


def test_a_file_is_written_beside_its_place_and_renamed(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    sink = PartFile(target)
    sink.open("r1", 4)
    sink.write(b"hel")
    assert [".a.txt.headframe-part"] == [path.name for path in tmp_path.iterdir()]
    sink.write(bytearray(b"lo"))
    sink.commit(1_000_000)
    assert ["a.txt"] == [path.name for path in tmp_path.iterdir()]
    assert (b"hello", 10**9) == (target.read_bytes(), target.stat().st_mtime_ns)


def test_what_is_abandoned_is_gone(tmp_path: Path) -> None:
    sink = PartFile(tmp_path / "a")
    sink.abandon(keep=False)
    sink.open("r1", 4)
    sink.write(b"half")
    sink.abandon(keep=False)
    sink.abandon(keep=False)
    assert [] == list(tmp_path.iterdir())


def test_an_old_part_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".a.headframe-part").write_bytes(b"from an earlier attempt, longer")
    sink = PartFile(tmp_path / "a")
    sink.open("r1", 4)
    sink.write(b"new")
    sink.commit(None)
    assert b"new" == (tmp_path / "a").read_bytes()


@posix_only
def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / ".a.headframe-part").symlink_to(victim)
    sink = PartFile(tmp_path / "a")
    sink.open("r1", 4)
    sink.write(b"new")
    sink.commit(None)
    assert (b"precious", b"new") == (victim.read_bytes(), (tmp_path / "a").read_bytes())


@posix_only
def test_a_link_under_the_final_name_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "a").symlink_to(victim)
    sink = PartFile(tmp_path / "a")
    sink.open("r1", 4)
    sink.commit(None)
    assert b"precious" == victim.read_bytes()
    assert not (tmp_path / "a").is_symlink()


def test_two_transfers_to_one_place_do_not_mix(tmp_path: Path) -> None:
    first, second = PartFile(tmp_path / "a"), PartFile(tmp_path / "a")
    first.open("r1", 5)
    first.write(b"first")
    with pytest.raises(FileExistsError):
        second.open("r1", 3)
    second.abandon(keep=False)
    first.commit(None)
    assert [b"first"] == [path.read_bytes() for path in tmp_path.iterdir()]


def test_without_locks_two_transfers_to_one_place_do_not_mix_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headframe_client.locks.fcntl", None)
    first, second = PartFile(tmp_path / "a"), PartFile(tmp_path / "a")
    first.open("r1", 5)
    first.write(b"first")
    second.open("r1", 3)
    second.write(b"sec")
    with pytest.raises(FileExistsError):
        first.commit(None)
    assert not (tmp_path / "a").exists()
    second.commit(None)
    assert [b"sec"] == [path.read_bytes() for path in tmp_path.iterdir()]


def test_a_folder_in_the_way_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    sink = PartFile(tmp_path / "a")
    sink.open("r1", 4)
    with pytest.raises(OSError):  # noqa: PT011  (which one depends on the system)
        sink.commit(None)
    assert ["a"] == [path.name for path in tmp_path.iterdir()]


def test_a_long_name_has_a_part_that_fits(tmp_path: Path) -> None:
    name = "é" * 127
    sink = PartFile(tmp_path / name)
    sink.open("r1", 4)
    sink.commit(None)
    assert [name] == [path.name for path in tmp_path.iterdir()]
    assert len(os.fsencode(Path(beside(name, PART_SUFFIX)).name)) <= 255


def test_a_stream_that_takes_little_at_a_time_gets_everything() -> None:
    class Narrow(io.RawIOBase):
        def __init__(self) -> None:
            self.got = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.got += bytes(data[:3])
            return min(3, len(data))

    narrow = Narrow()
    sink = StreamSink(narrow)  # type: ignore[arg-type]
    sink.open("r1", 4)
    sink.write(b"0123456789")
    sink.commit(None)
    sink.abandon(keep=False)
    assert b"0123456789" == narrow.got


# --- what another attempt goes on with

LARGE = 3 << 20
ORIGIN = "headframe://files.example/a"


def leave_part(path: Path, origin: str = ORIGIN, body: bytes = b"half") -> None:
    sink = PartFile(path, origin)
    sink.open("r1", LARGE)
    sink.write(body)
    sink.abandon(keep=True)


def test_a_part_is_gone_on_with(tmp_path: Path) -> None:
    leave_part(tmp_path / "a")
    assert 2 == len(list(tmp_path.iterdir()))
    sink, follower = PartFile(tmp_path / "a", ORIGIN), Follower()
    assert Held("r1", 4, LARGE) == sink.claim(follower)
    sink_hash = hashlib.sha256(b"half").digest()
    assert sink_hash == follower.settle().raw
    sink.write(b", and the rest")
    sink.commit(None)
    assert [b"half, and the rest"] == [path.read_bytes() for path in tmp_path.iterdir()]


def test_a_part_of_a_small_file_or_of_none_that_is_known_is_not_kept(tmp_path: Path) -> None:
    leave_part(tmp_path / "a", origin="")
    sink = PartFile(tmp_path / "a", ORIGIN)
    sink.open("r1", KEPT_BYTES)
    sink.write(b"half")
    sink.abandon(keep=True)
    leave_part(tmp_path / "a", body=b"")
    assert [] == list(tmp_path.iterdir())


def test_a_part_from_elsewhere_is_not_gone_on_with(tmp_path: Path) -> None:
    leave_part(tmp_path / "a")
    sink = PartFile(tmp_path / "a", "headframe://elsewhere.example/a")
    assert sink.claim(None) is None
    sink.open("r9", 3)
    sink.write(b"new")
    sink.commit(None)
    assert b"new" == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize(
    "evidence",
    [None, b"", b"r1", b"r1 x headframe://files.example/a\n", b"\xff\x00", b"r1 9" * 40000],
)
def test_a_part_without_good_evidence_is_not_gone_on_with(
    tmp_path: Path, evidence: bytes | None
) -> None:
    leave_part(tmp_path / "a")
    if evidence is None:
        (tmp_path / ".a.headframe-rev").unlink()
    else:
        (tmp_path / ".a.headframe-rev").write_bytes(evidence)
    assert PartFile(tmp_path / "a", ORIGIN).claim(None) is None


@posix_only
@pytest.mark.parametrize("make_other", [os.link, os.symlink])
def test_a_part_that_is_also_elsewhere_is_not_appended_to(
    tmp_path: Path, make_other: Callable[[Path, Path], None]
) -> None:
    leave_part(tmp_path / "a")
    victim = tmp_path / "victim"
    (tmp_path / ".a.headframe-part").rename(victim)
    make_other(victim, tmp_path / ".a.headframe-part")
    sink = PartFile(tmp_path / "a", ORIGIN)
    assert sink.claim(None) is None
    sink.open("r2", 3)
    sink.write(b"new")
    sink.commit(None)
    assert (b"half", b"new") == (victim.read_bytes(), (tmp_path / "a").read_bytes())


@posix_only
def test_a_part_that_somebody_is_writing_is_left_alone(tmp_path: Path) -> None:
    leave_part(tmp_path / "a")
    first, second = PartFile(tmp_path / "a", ORIGIN), PartFile(tmp_path / "a", ORIGIN)
    assert first.claim(None) is not None
    with pytest.raises(FileExistsError, match="another transfer"):
        second.claim(None)
    with pytest.raises(FileExistsError, match="another transfer"):
        second.open("r1", LARGE)
    first.write(b"!")
    first.commit(None)
    assert b"half!" == (tmp_path / "a").read_bytes()
