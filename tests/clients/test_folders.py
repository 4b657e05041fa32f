"""Names of a server as paths of this machine, and back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headframe import BadName
from headframe.conformance.strategies import file_names, texts
from headframe_client import folders
from headframe_client.folders import LocalFolder, walk_folder

posix_only = pytest.mark.skipif(os.name != "posix", reason="links, pipes, names of any kind")


def test_a_walk_finds_every_file_with_its_name(tree: Path) -> None:
    found = {file.name: file.size for file in walk_folder(tree, "p/")}
    paths = [path for path in tree.rglob("*") if path.is_file()]
    assert {
        f"p/{path.relative_to(tree).as_posix()}": path.stat().st_size for path in paths
    } == found


@posix_only
def test_what_cannot_be_put_is_in_trouble_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "back\\slash").write_bytes(b"")
    (tmp_path / "fine").write_bytes(b"")
    troubles = {file.name: file.trouble for file in walk_folder(tmp_path)}
    assert {"link", "loop", "pipe", "back\\slash", "fine"} == set(troubles)
    assert "is a symbolic link" == troubles["link"] == troubles["loop"]
    assert "is no regular file" == troubles["pipe"]
    assert "HF-NAME-004" in troubles["back\\slash"]
    assert "" == troubles["fine"]


def test_a_folder_that_cannot_be_read_is_in_trouble(tmp_path: Path) -> None:
    [missing] = walk_folder(tmp_path / "missing", "x/")
    assert ("x", True) == (missing.name, bool(missing.trouble))


def test_an_empty_folder_is_skipped_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d-").write_bytes(b"")
    found = [(file.name, file.trouble, file.skipped) for file in walk_folder(tmp_path, "p/")]
    assert [("p/d-", "", False), ("p/d/e/", "is an empty folder", True)] == found


@posix_only
def test_a_local_name_that_is_not_unicode_is_in_trouble(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes Unicode only")
    [file] = walk_folder(tmp_path)
    assert "HF-NAME-001" in file.trouble


def test_a_name_gets_its_place_and_its_folders(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path / "new")
    assert str(tmp_path / "new" / "a" / "b" / "c.txt") == folder.place("a/b/c.txt")
    assert (tmp_path / "new" / "a" / "b").is_dir()
    assert folder.place("a/b/c.txt") == folder.place("a/b/c.txt")


@pytest.mark.rule("HF-NAME-007")
@given(name=file_names | texts | st.lists(texts | st.just(".."), min_size=1).map("/".join))
def test_no_name_leads_out_of_the_folder(tmp_path_factory: pytest.TempPathFactory, name) -> None:
    root = tmp_path_factory.getbasetemp() / "anywhere"
    try:
        path = Path(LocalFolder(root).place(name))
    except (BadName, OSError):
        return
    assert path.resolve().is_relative_to(root.resolve())
    assert path.name == name.rpartition("/")[2]


@pytest.mark.rule("HF-NAME-007")
@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "", "a//b", ".", "C:\\x", "a\0"])
def test_what_is_no_name_has_no_place(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadName):
        LocalFolder(tmp_path / "in").place(name)


@posix_only
def test_a_link_to_a_folder_is_not_entered(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    for name in ("link/x", "link/deep/x"):
        with pytest.raises(NotADirectoryError):
            LocalFolder(inside).place(name)
    assert [] == list(outside.iterdir())


def test_a_file_where_a_folder_belongs_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        LocalFolder(tmp_path).place("a/b")


def test_a_name_of_an_unfinished_file_has_no_place(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        LocalFolder(tmp_path).place(".a.headframe-part")


@pytest.mark.parametrize(
    "name", ["C:x", "a/NUL", "nul.txt", "con", "LPT1.x", "a/b.", "b ", "x:stream", "q?", "CON .txt"]
)
def test_a_name_that_windows_takes_for_something_else_has_no_place_there(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_WINDOWS", True)
    with pytest.raises(OSError, match="cannot be a file's name"):
        LocalFolder(tmp_path).place(name)
    assert LocalFolder(tmp_path).place("console/null.txt")
