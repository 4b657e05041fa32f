"""Files that appear only when they are whole."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from headframe_client.sinks import PartFile, StreamSink, part_path

posix_only = pytest.mark.skipif(os.name != "posix", reason="symbolic links and modes")


def test_a_file_is_written_beside_its_place_and_renamed(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    sink = PartFile(target)
    sink.open()
    sink.write(b"hel")
    assert [".a.txt.headframe-part"] == [path.name for path in tmp_path.iterdir()]
    sink.write(bytearray(b"lo"))
    sink.commit(1_000_000)
    assert ["a.txt"] == [path.name for path in tmp_path.iterdir()]
    assert (b"hello", 10**9) == (target.read_bytes(), target.stat().st_mtime_ns)


def test_what_is_abandoned_is_gone(tmp_path: Path) -> None:
    sink = PartFile(tmp_path / "a")
    sink.abandon()
    sink.open()
    sink.write(b"half")
    sink.abandon()
    sink.abandon()
    assert [] == list(tmp_path.iterdir())


def test_an_old_part_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".a.headframe-part").write_bytes(b"from an earlier attempt, longer")
    sink = PartFile(tmp_path / "a")
    sink.open()
    sink.write(b"new")
    sink.commit(None)
    assert b"new" == (tmp_path / "a").read_bytes()


@posix_only
def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / ".a.headframe-part").symlink_to(victim)
    sink = PartFile(tmp_path / "a")
    sink.open()
    sink.write(b"new")
    sink.commit(None)
    assert (b"precious", b"new") == (victim.read_bytes(), (tmp_path / "a").read_bytes())


@posix_only
def test_a_link_under_the_final_name_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "a").symlink_to(victim)
    sink = PartFile(tmp_path / "a")
    sink.open()
    sink.commit(None)
    assert b"precious" == victim.read_bytes()
    assert not (tmp_path / "a").is_symlink()


def test_two_transfers_to_one_place_do_not_mix(tmp_path: Path) -> None:
    first, second = PartFile(tmp_path / "a"), PartFile(tmp_path / "a")
    first.open()
    first.write(b"first")
    second.open()
    second.write(b"sec")
    with pytest.raises(FileExistsError):
        first.commit(None)
    assert not (tmp_path / "a").exists()


def test_a_folder_in_the_way_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    sink = PartFile(tmp_path / "a")
    sink.open()
    with pytest.raises(OSError):  # noqa: PT011  (which one depends on the system)
        sink.commit(None)
    assert ["a"] == [path.name for path in tmp_path.iterdir()]


def test_a_long_name_has_a_part_that_fits(tmp_path: Path) -> None:
    name = "é" * 127
    sink = PartFile(tmp_path / name)
    sink.open()
    sink.commit(None)
    assert [name] == [path.name for path in tmp_path.iterdir()]
    assert len(os.fsencode(Path(part_path(name)).name)) <= 255


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
    sink.open()
    sink.write(b"0123456789")
    sink.commit(None)
    sink.abandon()
    assert b"0123456789" == narrow.got
