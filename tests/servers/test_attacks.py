"""What a hostile client tries, through a socket. Each class has its test, here or where it belongs:

traversal                       test_answers: a_name_that_is_none_is_refused_everywhere
links, planted and swapped      test_directory, test_answers: links_and_pipes
attribute dispatch              here
memory by declared length       test_flooding
JSON bombs, two sizes           here
slow header, body and reader    test_flooding, test_handler
floods, descriptors             test_flooding, test_stock
disk full                       test_flooding, test_directory
log injection                   test_log, test_server
NFC and NFD twins, case         here, test_directory
temporary files                 here, test_directory, test_killing
order of authorization          test_access
upload tokens                   here, test_uploads
TLS peers that stall            test_tls
a hostile server                tests/clients
"""

from __future__ import annotations

import json
import os
import struct

import pytest

UPLOAD = "u" * 22


@pytest.mark.rule("HF-CMD-001")
@pytest.mark.parametrize(
    "cmd",
    [
        *(
            "handle",
            "__init__",
            "finish",
            "setup",
            "__class__",
            "request",
            "server",
            "PUT",
            "put ",
            "",
        ),
        *("begin", "_put", "put\0", "hello\n", "\u0070ut\u200b", "x" * 60_000),
    ],
)
def test_no_word_but_a_command_reaches_anything(peer, cmd):
    assert "unknown-command" == peer.ask(cmd=cmd, filename="a")["code"]
    assert peer.ask(cmd="hello")["ok"]


def bomb(kind):
    inside = {
        "deep array": b'"x":' + b"[" * 32_000 + b"]" * 32_000,
        "deep object": b'"x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "many members": b",".join(b'"%d":0' % n for n in range(7000)),
        "long number": b'"x":' + b"9" * 65_000,
        "long exponent": b'"x":1e' + b"9" * 65_000,
        "one name again and again": b",".join([b'"a":0'] * 10_000),
        "escapes": b'"x":"' + b"\\u0041" * 10_000 + b'"',
        "half an escape": b'"x":"\\u00',
        "strings": b'"x":[' + b",".join([b'""'] * 20_000) + b"]",
    }[kind]
    header = b'{"id":1,"cmd":"hello",' + inside + b"}"
    return struct.pack("<I", len(header)) + header


@pytest.mark.rule("HF-HEADER-002", "HF-HEADER-006", "HF-HEADER-007", "HF-HEADER-008")
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("deep array", "bad-header"),
        ("deep object", "bad-header"),
        ("many members", "bad-header"),
        ("long number", "bad-header"),
        ("long exponent", "bad-header"),
        ("one name again and again", "bad-header"),
        ("escapes", None),
        ("half an escape", "bad-header"),
        ("strings", None),
    ],
)
def test_a_json_bomb_is_a_bad_header_or_harmless(serving, connect, kind, code):
    server = serving()
    peer, other = connect(server), connect(server)
    peer.ask(cmd="hello")
    peer.socket.sendall(bomb(kind))
    assert code == peer.reply().get("code")
    assert other.ask(cmd="hello")["ok"]


@pytest.mark.rule("HF-HEADER-006", "HF-FRAME-007", "HF-CMD-010")
def test_two_sizes_are_never_both_believed(serving, connect, root):
    server = serving()
    for header, code in [
        (b'{"id":1,"cmd":"put","filename":"a","filesize":1,"filesize":2}', "bad-header"),
        (b'{"id":1,"cmd":"put","filename":"a","filesize":1,"f\\u0069lesize":2}', "bad-header"),
        (b'{"id":1,"cmd":"put","filename":"a","filesize":1,"total":2}', "size-mismatch"),
        (b'{"id":1,"cmd":"put","filename":"a","filesize":1,"length":2,"size":3}', None),
    ]:
        peer = connect(server)
        peer.ask(cmd="hello")
        peer.socket.sendall(struct.pack("<I", len(header)) + header + b"x")
        assert code == peer.reply().get("code")
    assert b"x" == (root / "a").read_bytes()


@pytest.mark.rule("HF-NAME-005", "HF-NAME-008")
def test_no_second_spelling_of_a_name_comes_in(peer):
    assert peer.ask(b"x", cmd="put", filename="Z\u00fcrich")["ok"]
    assert "bad-name" == peer.ask(b"y", cmd="put", filename="Zu\u0308rich")["code"]
    assert peer.ask(b"z", cmd="put", filename="z\u00fcrich")["ok"]
    assert ["Z\u00fcrich", "z\u00fcrich"] == peer.names()


@pytest.mark.rule("HF-COND-012")
def test_what_the_server_keeps_for_itself_cannot_be_named(serving, connect, root):
    server = serving()
    peer, other = connect(server), connect(server)
    peer.ask(b"half", cmd="put", filename="a", upload=UPLOAD, total=9)
    peer.send(id=1, cmd="put", filename="b", filesize=5)
    peer.socket.sendall(b"ha")
    hidden = [
        str(path.relative_to(root)) for path in (root / ".headframe").rglob("*") if path.is_file()
    ]
    assert 2 <= len(hidden)
    for name in hidden:
        for cmd in ("get", "stat", "delete", "move"):
            assert "bad-name" == other.ask(cmd=cmd, filename=name, to="c")["code"]
        assert "bad-name" == other.ask(b"x", cmd="put", filename=name)["code"]
    for members in ({}, {"prefix": ".headframe"}, {"prefix": ".headframe/"}, {"delimiter": "/"}):
        assert [] == other.names(**members)


@pytest.mark.rule("HF-RESUME-004")
def test_a_guessed_token_tells_nothing_and_leaves_nothing(peer, root, leftovers):
    peer.ask(b"half", cmd="put", filename="a", upload=UPLOAD, total=9)
    before = leftovers()
    replies = [
        {name: value for name, value in peer.ask(cmd="stat", upload=guess).items() if name != "id"}
        for guess in ("v" * 22, UPLOAD[:-1] + "v", "u" * 23)
    ]
    assert [replies[0]] * 3 == replies
    assert "upload-gone" == replies[0]["code"]
    assert before == leftovers()
    assert "bad-request" == peer.ask(cmd="stat", upload="../../etc/passwd/../../x")["code"]


def test_a_name_that_looks_like_an_option_or_a_device_is_a_name(peer, root):
    for name in ("-rf", "~root", "$HOME", "`id`", "CON", "a:b", "nul.txt", "%2e%2e%2fx", "..."):
        assert peer.ask(b"x", cmd="put", filename=name)["ok"]
        assert b"x" == (root / name).read_bytes()
    assert [root.name] == os.listdir(root.parent)


@pytest.mark.rule("HF-ERROR-004")
def test_nothing_behind_a_fatal_error_is_carried_out(peer, root):
    peer.ask(cmd="hello")
    put = peer.frame(b"x", id=2, cmd="put", filename="late")
    peer.socket.sendall(b"\x01\0\0\0" + put * 10 + json.dumps({"id": 3}).encode())
    assert "bad-frame" == peer.reply()["code"]
    assert peer.ends()
    assert not (root / "late").exists()
