"""What each command does, seen through a socket."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headframe.conformance import strategies
from headframe_server import DirectoryStore, Server


def digest(data):
    return "sha-256:" + hashlib.sha256(data).hexdigest()


def files(root):
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and ".headframe" not in path.parts
    )


# --- hello


@pytest.mark.rule("HF-CMD-002", "HF-CMD-003", "HF-CMD-005", "HF-COND-009")
def test_hello_is_answered_at_any_time_and_needed_at_none(peer):
    assert "not-found" == peer.ask(cmd="stat", filename="a")["code"]
    reply = peer.ask(cmd="hello", hf=1)
    assert reply["ok"]
    assert [1] == reply["hf"]
    assert ["blake3"] == reply["features"]
    limits = reply["limits"]
    assert (2**30, 100, 2**20) <= (limits["total"], limits["list"], limits["discard"])
    assert 60_000 <= limits["idle_ms"]
    assert 10_000 == limits["header_ms"]
    assert 2_000 <= limits["linger_ms"]
    assert 86_400_000 <= limits["upload_ttl_ms"]
    assert "fsync" == reply["durability"]
    assert peer.ask(cmd="hello")["ok"]


# --- put


@pytest.mark.rule("HF-CMD-006", "HF-CMD-009")
@pytest.mark.parametrize("body", [b"", b"hello", b"\x02\0\0\0{}", bytes(300_000)])
def test_a_put_is_stored_and_described(peer, root, body):
    reply = peer.ask(body, cmd="put", filename="a/b.txt")
    assert (True, len(body), digest(body)) == (reply["ok"], reply["total"], reply["digest"])
    assert body == (root / "a/b.txt").read_bytes()
    assert reply["rev"] == peer.ask(cmd="stat", filename="a/b.txt")["rev"]


@pytest.mark.rule("HF-CMD-006")
def test_a_put_replaces_what_was_there(peer, root):
    peer.ask(b"a longer text", cmd="put", filename="a")
    peer.ask(b"short", cmd="put", filename="a")
    assert b"short" == (root / "a").read_bytes()


@pytest.mark.rule("HF-BODY-005")
def test_a_put_in_several_frames_with_trailers(peer, root):
    peer.send(b"hel", id=1, cmd="put", filename="a", more=True)
    peer.send(b"l", more=True)
    peer.send(b"o", digest=digest(b"hello"), total=5)
    assert peer.reply()["ok"]
    assert b"hello" == (root / "a").read_bytes()


@pytest.mark.rule("HF-BODY-011", "HF-BODY-012", "HF-ERROR-009")
def test_an_aborted_put_changes_nothing_and_is_told(peer, root):
    peer.ask(b"old", cmd="put", filename="a")
    peer.send(b"new", id=1, cmd="put", filename="a", more=True)
    peer.send(abort=True)
    assert "aborted" == peer.reply()["code"]
    assert "aborted" == peer.ask(cmd="delete", filename="a", abort=True)["code"]
    assert b"old" == (root / "a").read_bytes()
    assert [] == [name for name in os.listdir(root / ".headframe") if name.startswith("put-")]


@pytest.mark.rule("HF-CMD-010", "HF-CMD-011", "HF-CMD-012", "HF-ERROR-009")
@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"total": 4}, "size-mismatch"),
        ({"total": 6}, "size-mismatch"),
        ({"digest": digest(b"other")}, "digest-mismatch"),
        ({"digest": "md5:" + "0" * 32}, "unsupported"),
        ({"digest": "sha-256:ABC"}, "bad-request"),
        ({"digest": digest(b"hello").upper().replace("SHA", "sha")}, "bad-request"),
        ({"digest": ""}, "bad-request"),
        ({"total": 9, "digest": digest(b"other")}, "size-mismatch"),
    ],
)
def test_a_put_that_does_not_fit_what_it_says_changes_nothing(peer, root, members, code):
    peer.ask(b"old", cmd="put", filename="a")
    assert code == peer.ask(b"hello", cmd="put", filename="a", **members)["code"]
    peer.send(b"hello", id=1, cmd="put", filename="a", more=True)
    peer.send(**members)
    assert code == peer.reply()["code"]
    assert b"old" == (root / "a").read_bytes()


@pytest.mark.rule("HF-CMD-013")
def test_the_time_of_a_file_is_what_its_put_gave_and_survives_a_move(peer):
    peer.ask(b"x", cmd="put", filename="a", mtime=1_500_000_000_123_456)
    assert 1_500_000_000_123_456 == peer.ask(cmd="stat", filename="a")["mtime"]
    peer.ask(cmd="move", filename="a", to="b")
    assert 1_500_000_000_123_456 == peer.ask(cmd="stat", filename="b")["mtime"]
    peer.ask(b"x", cmd="put", filename="zero", mtime=0)
    assert 0 == peer.ask(cmd="stat", filename="zero")["mtime"]
    before = time.time_ns() // 1000
    peer.ask(b"x", cmd="put", filename="now")
    assert before - 2_000_000 <= peer.ask(cmd="stat", filename="now")["mtime"]


@pytest.mark.rule("HF-ERROR-012")
@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"cmd": "nope", "filename": "../x"}, "unknown-command"),
        ({"cmd": "put", "filename": "../x", "total": "5"}, "bad-request"),
        ({"cmd": "put", "filename": "../x", "digest": "md5:00"}, "unsupported"),
        ({"cmd": "put", "filename": "f/x", "if": "r"}, "conflict"),
        ({"cmd": "get", "filename": "none", "if": "r", "offset": 9}, "not-found"),
        ({"cmd": "get", "filename": "f", "if": "r", "offset": 9}, "precondition-failed"),
        ({"cmd": "get", "filename": "f", "offset": 9}, "bad-range"),
    ],
)
def test_of_several_faults_the_first_of_the_list_is_told(peer, members, code):
    peer.ask(b"x", cmd="put", filename="f")
    assert code == peer.ask(**members)["code"]


@pytest.mark.rule("HF-ERROR-012", "HF-CMD-027")
@pytest.mark.parametrize(
    "members",
    [{"filesize": 2}, {"total": 5}, {"digest": "sha-256:" + "0" * 64}, {"abort": True}],
)
def test_a_put_that_has_no_place_is_refused_for_that_whatever_its_body_is(peer, members):
    """The first of them has no body yet."""
    peer.ask(b"x", cmd="put", filename="f")
    peer.ask(b"x", cmd="put", filename="d/f")
    for name in ("f/x", "d"):
        assert "conflict" == peer.ask(cmd="put", filename=name, **members)["code"]
        peer.socket.sendall(bytes(members.get("filesize", 0)))
    assert ["d/f", "f"] == peer.names()


@pytest.mark.rule("HF-COND-002", "HF-COND-003", "HF-COND-005")
def test_a_put_may_depend_on_what_is_there(peer, root):
    rev = peer.ask(b"one", cmd="put", filename="a", if_=None)["rev"]
    refusal = peer.ask(b"two", cmd="put", filename="a", if_=None)
    assert ("precondition-failed", rev) == (refusal["code"], refusal["rev"])
    refusal = peer.ask(b"two", cmd="put", filename="b", if_=rev)
    assert ("precondition-failed", None) == (refusal["code"], refusal["rev"])
    assert peer.ask(b"two", cmd="put", filename="a", if_=rev)["ok"]
    current = peer.ask(cmd="stat", filename="a")["rev"]
    commands = ("delete", "get", "stat", "put", "move")
    for cmd in commands:
        for condition in (rev, None):
            refusal = peer.ask(cmd=cmd, filename="a", to="b", if_=condition)
            assert ("precondition-failed", current) == (refusal["code"], refusal["rev"])
    assert b"two" == (root / "a").read_bytes()
    assert peer.ask(cmd="move", filename="a", to="b", if_=current, to_if=None)["ok"]


@pytest.mark.rule("HF-COND-008")
def test_a_put_whose_condition_fails_is_refused_before_its_body_comes(peer):
    peer.ask(b"x", cmd="put", filename="a")
    refusal = peer.ask(cmd="put", filename="a", if_=None, filesize=1000)
    assert "precondition-failed" == refusal["code"]


@pytest.mark.rule("HF-COND-007")
@pytest.mark.parametrize("condition", [{}, {"if": None}, {"if": "r"}])
def test_what_is_not_there_is_not_found_whatever_the_condition(peer, condition):
    for cmd in ("get", "stat", "delete", "move"):
        assert "not-found" == peer.ask(cmd=cmd, filename="a", to="b", **condition)["code"]


@pytest.mark.rule("HF-SEC-012")
@pytest.mark.parametrize(
    ("frames", "members"),
    [
        ([b"x" * 11], {}),
        ([b"x"], {"total": 11}),
        ([b"x" * 6, b"x" * 5], {}),
        ([b"x" * 6], {"upload": "u" * 22, "offset": 5}),
    ],
)
def test_a_file_that_is_too_large_is_refused_when_that_is_known(
    serving, connect, root, leftovers, frames, members
):
    peer = connect(serving(store=DirectoryStore(root, total_bytes=10)))
    assert 10 == peer.ask(cmd="hello")["limits"]["total"]
    first = {"id": 1, "cmd": "put", "filename": "a"} | members
    peer.send(frames[0], more=len(frames) > 1, **first)
    for frame in frames[1:]:
        peer.send(frame)
    assert "too-large" == peer.reply()["code"]
    assert peer.ask(b"x" * 10, cmd="put", filename="a")["ok"]
    assert [] == leftovers()


# --- get and stat


@pytest.mark.rule("HF-CMD-014", "HF-CMD-015")
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, b"hello"),
        ({"offset": 1}, b"ello"),
        ({"offset": 5}, b""),
        ({"length": 0}, b""),
        ({"length": 2}, b"he"),
        ({"offset": 3, "length": 99}, b"lo"),
        ({"offset": 6}, None),
    ],
)
def test_a_range_is_what_there_is_of_it(peer, members, expected):
    put = peer.ask(b"hello", cmd="put", filename="a", mtime=7)
    reply = peer.ask(cmd="get", filename="a", **members)
    if expected is None:
        assert ("bad-range", 5) == (reply["code"], reply["total"])
        return
    assert expected == reply["body"]
    described = (reply["rev"], reply["total"], reply["offset"], reply["mtime"])
    assert (put["rev"], 5, members.get("offset", 0), 7) == described


@pytest.mark.rule("HF-BODY-014")
@pytest.mark.parametrize(("size", "frames"), [(1 << 20, 1), ((1 << 20) + 1, 2), (3_500_000, 4)])
def test_a_large_file_comes_in_frames_of_at_most_a_mebibyte(peer, root, size, frames):
    (root / "a").write_bytes(os.urandom(size))
    peer.send(id=1, cmd="get", filename="a")
    body, count, header = b"", 0, {"more": True}
    while header.get("more"):
        header = peer.header()
        assert header["filesize"] <= 1 << 20
        body += peer.exactly(header["filesize"])
        count += 1
    assert frames == count
    assert (root / "a").read_bytes() == body


def test_a_large_file_comes_whole_where_there_is_no_sendfile(peer, root, monkeypatch):
    monkeypatch.delattr(os, "sendfile", raising=False)
    (root / "a").write_bytes(os.urandom(3_500_000))
    assert (root / "a").read_bytes() == peer.ask(cmd="get", filename="a")["body"]


@pytest.mark.rule("HF-BODY-015")
def test_a_file_that_becomes_shorter_is_never_filled_up(serving, connect, root):
    (root / "a").write_bytes(bytes(40 << 20))
    peer = connect(serving())
    peer.send(id=1, cmd="get", filename="a")
    assert peer.header()["ok"]
    peer.exactly(1 << 20)
    os.truncate(root / "a", 1 << 20)
    received = 1 << 20
    try:
        while True:
            header = peer.header()
            if header.get("abort"):
                assert "internal" == header["code"]
                break
            peer.exactly(header["filesize"])
            received += header["filesize"]
    except (EOFError, ConnectionError):
        pass
    assert received < 40 << 20


@pytest.mark.rule("HF-CMD-017", "HF-CMD-018")
def test_the_digest_is_told_where_it_is_wanted(peer):
    peer.ask(b"hello", cmd="put", filename="a", mtime=7)
    stat = peer.ask(cmd="stat", filename="a", want=["other", "digest"])
    assert (5, 7, digest(b"hello")) == (stat["total"], stat["mtime"], stat["digest"])
    assert stat["rev"]
    get = peer.ask(cmd="get", filename="a", offset=2, want=["digest"])
    assert (b"llo", digest(b"hello")) == (get["body"], get["digest"])
    assert "digest" not in peer.ask(cmd="stat", filename="a", want=["other"])


@pytest.mark.rule("HF-CMD-016")
@pytest.mark.parametrize(
    "members",
    [
        {"cmd": "get"},
        {"cmd": "stat"},
        {"cmd": "delete"},
        {"cmd": "move", "to": "b"},
        {"cmd": "get", "if": "r"},
        {"cmd": "delete", "if": None},
    ],
)
@pytest.mark.parametrize("name", ["none", "d/none", "d", "f/x"])
def test_a_name_that_no_file_has_is_not_found(peer, members, name):
    peer.ask(b"x", cmd="put", filename="d/x")
    peer.ask(b"x", cmd="put", filename="f")
    assert "not-found" == peer.ask(filename=name, **members)["code"]


# --- delete and move


@pytest.mark.rule("HF-CMD-008")
def test_what_was_acknowledged_is_seen_on_every_connection(serving, connect):
    server = serving()
    one, other = connect(server), connect(server)
    for turn in range(20):
        assert one.ask(b"%d" % turn, cmd="put", filename="a")["ok"]
        assert b"%d" % turn == other.ask(cmd="get", filename="a")["body"]
        assert other.ask(cmd="move", filename="a", to="b")["ok"]
        assert ["b"] == one.names()
        assert one.ask(cmd="delete", filename="b")["ok"]
        assert [] == other.names()


def test_an_implied_directory_goes_with_its_last_file(peer, root):
    peer.ask(b"x", cmd="put", filename="d/e/f")
    peer.ask(cmd="delete", filename="d/e/f")
    assert not (root / "d").exists()
    peer.ask(b"x", cmd="put", filename="d/e/f")
    peer.ask(cmd="move", filename="d/e/f", to="g")
    assert not (root / "d").exists()
    assert peer.ask(b"x", cmd="put", filename="d")["ok"]


@pytest.mark.rule("HF-CMD-025", "HF-COND-004", "HF-COND-005")
def test_a_move_replaces_nothing_unless_it_is_told_to(peer, root):
    peer.ask(b"a", cmd="put", filename="a")
    rev = peer.ask(b"b", cmd="put", filename="b")["rev"]
    for members in ({}, {"to_if": None}, {"to_if": "other"}):
        refusal = peer.ask(cmd="move", filename="a", to="b", **members)
        assert ("precondition-failed", rev) == (refusal["code"], refusal["to_rev"])
    assert b"b" == (root / "b").read_bytes()
    moved = peer.ask(cmd="move", filename="a", to="b", to_if=rev)
    assert moved["rev"] == peer.ask(cmd="stat", filename="b")["rev"]
    assert ["b"] == files(root)
    peer.ask(b"c", cmd="put", filename="c")
    assert peer.ask(cmd="move", filename="c", to="b", to_if=True)["ok"]
    assert b"c" == (root / "b").read_bytes()


@pytest.mark.rule("HF-CMD-026")
def test_a_move_onto_itself_changes_nothing(peer, root):
    peer.ask(b"a", cmd="put", filename="d/a")
    peer.ask(cmd="move", filename="d/a", to="d/a")
    peer.ask(cmd="move", filename="d/a", to="d/a", to_if=True)
    assert b"a" == (root / "d/a").read_bytes()


@pytest.mark.rule("HF-CMD-027")
def test_a_file_and_a_directory_never_share_a_name(peer, root):
    peer.ask(b"x", cmd="put", filename="a/b")
    peer.ask(b"x", cmd="put", filename="f")
    for name in ("a", "a/b/c", "f/x", "f/x/y"):
        assert "conflict" == peer.ask(b"y", cmd="put", filename=name)["code"]
        assert "conflict" == peer.ask(cmd="move", filename="f", to=name, to_if=True)["code"]
    assert "conflict" == peer.ask(cmd="move", filename="a/b", to="a")["code"]
    assert ["a/b", "f"] == files(root)


@pytest.mark.rule("HF-CMD-006")
def test_an_empty_directory_on_disk_is_nothing(peer, root):
    (root / "d/e").mkdir(parents=True)
    assert [] == peer.names()
    assert [] == peer.names(delimiter="/")
    assert peer.ask(b"x", cmd="put", filename="d")["ok"]


# --- list


NAMES = ["a", "a-b", "a.b/c", "b/a", "b/a-x", "b/b/c", "b0", "Ä/ö", "漢", "z/y/x/w"]


@pytest.mark.rule("HF-CMD-019", "HF-CMD-020", "HF-CMD-022")
def test_a_listing_is_in_the_order_of_utf_8_bytes(peer):
    for name in NAMES:
        peer.ask(name.encode(), cmd="put", filename=name)
    expected = sorted(NAMES, key=str.encode)
    assert expected == peer.names()
    assert expected[:3] == peer.names(limit=3)
    assert [name for name in expected if name.startswith("b")] == peer.names(prefix="b")
    assert [name for name in expected if name > "b/a"] == peer.names(after="b/a")
    row = peer.listing(prefix="漢")[0]
    stat = peer.ask(cmd="stat", filename="漢")
    assert {"filename": "漢", "total": 3, "rev": stat["rev"], "mtime": stat["mtime"]} == row


@pytest.mark.rule("HF-CMD-024")
def test_names_behind_a_delimiter_are_one_entry(peer):
    for name in NAMES:
        peer.ask(b"", cmd="put", filename=name)
    assert ["a", "a-b", "a.b/", "b/", "b0", "z/", "Ä/", "漢"] == peer.names(delimiter="/")
    assert ["b/a", "b/a-x", "b/b/"] == peer.names(delimiter="/", prefix="b/")
    assert ["b/", "b0"] == peer.names(delimiter="/", prefix="b")
    assert {"prefix": "b/"} in peer.listing(delimiter="/")


tree_names = st.lists(
    st.lists(st.sampled_from(["a", "b", "a-b", "a.", "é", "ab"]), min_size=1, max_size=3).map(
        "/".join
    ),
    unique=True,
    max_size=8,
).map(
    lambda names: [
        name for name in names if not any(other.startswith(name + "/") for other in names)
    ]
)


def model(names, prefix, after, delimiter):
    entries = set()
    for name in names:
        if name.startswith(prefix):
            head, cut, _ = name[len(prefix) :].partition("/") if delimiter else (name, "", "")
            entries.add(prefix + head + "/" if cut else name)
    return sorted((entry for entry in entries if entry > after), key=str.encode)


@given(
    tree_names,
    st.sampled_from(["", "a", "a/", "a-", "b/a", "é/", "x"]),
    st.sampled_from(["", "a", "a/", "a/a", "b", "a-b/b", "é"]),
    st.booleans(),
)
@settings(max_examples=60)
@pytest.mark.rule("HF-CMD-019", "HF-CMD-020", "HF-CMD-024")
def test_the_stores_entries_are_those_of_a_sorted_list(
    tmp_path_factory, names, prefix, after, delimiter
):
    root = tmp_path_factory.mktemp("tree")
    with DirectoryStore(root) as store:
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"")
        found = [entry.text for entry in store.entries(prefix, after, delimiter)]
    assert model(names, prefix, after, delimiter) == found


@pytest.mark.rule("HF-CMD-021", "HF-CMD-023")
@pytest.mark.parametrize("members", [{}, {"delimiter": "/"}])
@pytest.mark.parametrize("limit", [1, 2, 3, 9, 10])
def test_pages_show_each_file_once_and_none_is_empty(peer, members, limit):
    for name in NAMES:
        peer.ask(b"", cmd="put", filename=name)
    seen, after, end = [], {}, False
    while not end:
        reply = peer.ask(cmd="list", limit=limit, **after, **members)
        rows = [json.loads(line) for line in reply["body"].splitlines()]
        end = reply["end"]
        assert end or rows
        seen += [row.get("filename", row.get("prefix")) for row in rows]
        after = {"after": seen[-1]} if seen else {}
    assert peer.names(**members) == seen


# --- names


@pytest.mark.rule("HF-NAME-001", "HF-NAME-002", "HF-NAME-003", "HF-NAME-004", "HF-NAME-005")
@pytest.mark.parametrize(
    "name",
    ["", "../x", "/etc/x", "a/../../x", "a//b", ".", "a/"]
    + ["a\0b", "a\\b", "a\nb", "e\u0301"]
    + ["x" * 256, "x/" * 600 + "x"],
)
def test_a_name_that_is_none_is_refused_everywhere(peer, root, name):
    for members in ({"cmd": "get"}, {"cmd": "stat"}, {"cmd": "delete"}, {"cmd": "move", "to": "b"}):
        assert "bad-name" == peer.ask(filename=name, **members)["code"]
    assert "bad-name" == peer.ask(b"x", cmd="put", filename=name)["code"]
    peer.ask(b"x", cmd="put", filename="ok")
    assert "bad-name" == peer.ask(cmd="move", filename="ok", to=name)["code"]
    assert ["ok"] == files(root)
    assert ["root"] == os.listdir(root.parent)


@pytest.mark.rule("HF-NAME-006", "HF-NAME-008")
@pytest.mark.parametrize(
    "name",
    ["a b", " a ", "CON", "aux.txt", "a.", "Straße", "ﬁ", "a:b", "-rf", "~", "*", "漢字/かな"],
)
def test_a_name_is_kept_as_it_is_and_no_other_reaches_the_file(peer, name):
    assert peer.ask(b"x", cmd="put", filename=name)["ok"]
    assert [name] == peer.names()
    others = {name.lower(), name.upper(), name.strip(), name.rstrip("."), name.casefold()}
    others |= {unicodedata.normalize("NFKC", name)}
    for other in others - {name}:
        assert "not-found" == peer.ask(cmd="stat", filename=other)["code"]


@pytest.mark.rule("HF-NAME-009")
def test_names_that_the_store_keeps_for_itself_are_refused(peer):
    for name in (".headframe", ".headframe/x"):
        assert "bad-name" == peer.ask(b"x", cmd="put", filename=name)["code"]
        assert "bad-name" == peer.ask(cmd="stat", filename=name)["code"]
    assert peer.ask(b"x", cmd="put", filename="a/.headframe")["ok"]
    assert ["a/.headframe"] == peer.names()


@pytest.mark.rule("HF-NAME-010", "HF-NAME-011")
def test_links_and_pipes_are_not_there_and_in_the_way(peer, root, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (root / "file").symlink_to(tmp_path / "outside/secret")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(root / "pipe")
    names = ["file", "folder", "folder/secret", "dangling", "pipe", "pipe/x"]
    for name in names:
        for members in ({"cmd": "get"}, {"cmd": "stat"}, {"cmd": "delete"}):
            assert "not-found" == peer.ask(filename=name, **members)["code"]
        assert "conflict" == peer.ask(b"x", cmd="put", filename=name)["code"]
        peer.ask(b"x", cmd="put", filename="ok")
        assert "conflict" == peer.ask(cmd="move", filename="ok", to=name, to_if=True)["code"]
    assert "conflict" == peer.ask(b"x", cmd="put", filename="folder/new")["code"]
    assert ["ok"] == peer.names()
    assert ["secret"] == os.listdir(tmp_path / "outside")
    assert b"secret" == (tmp_path / "outside/secret").read_bytes()


@pytest.mark.rule("HF-REPLY-017")
def test_no_message_holds_a_path_of_the_server(peer, root):
    (root / "link").symlink_to("/etc")
    (root / "d").write_bytes(b"")
    said: list[str] = []
    names = ("../x", "none", "link/passwd", "d/x", "x" * 255 + "/y", ".headframe/x")
    asked = [{"cmd": "get"}, {"cmd": "put"}, {"cmd": "delete"}, {"cmd": "move", "to": "link"}]
    for name in names:
        said += (peer.ask(filename=name, **members).get("message", "") for members in asked)
    assert [] == [text for text in said if str(root) in text or "/etc" in text or "Errno" in text]


# --- the client of 2017


@given(st.lists(st.tuples(strategies.file_names, st.binary(max_size=50)), min_size=1, max_size=4))
@settings(max_examples=15)
@pytest.mark.rule("HF-REQ-003", "HF-REQ-004", "HF-REQ-006")
def test_the_original_client_is_served_and_never_answered(tmp_path_factory, rows):
    names = [name for name, _ in rows]
    if len(set(names)) < len(names) or any(
        other.startswith(name + "/") for name in names for other in names
    ):
        return
    wire = b""
    for name, body in rows:
        header = json.dumps({"cmd": "put", "filename": name, "filesize": len(body)}).encode()
        wire += struct.pack("i", len(header)) + header + body
    root = tmp_path_factory.mktemp("root")
    for pieces in ([wire], [wire[index : index + 1] for index in range(len(wire))]):
        with (
            DirectoryStore(root) as store,
            Server(("127.0.0.1", 0), store) as server,
            socket.create_connection(server.address, timeout=20) as sock,
        ):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
            assert b"" == sock.recv(1)
        for name, body in rows:
            assert body == (root / name).read_bytes()
            (root / name).unlink()
