"""The tables of 6.2 are the order in which the reference server judges: every two faults at once.

A fault is a line of the tables and what it does to a request that is all right. Of two that can
stand in one request, the one that comes first in the tables is told.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

import standard
from headframe import ErrorClass, ErrorCode
from headframe_server import DirectoryStore, Server

TIMEOUT_S = 20
TOTAL_BYTES = 1 << 40
UPLOAD, DONE, NONE = ("u" * 22, "d" * 22, "n" * 22)

# base request -> faults as (line of 6.2, members, code), in the order of the tables
FAULTS: dict[str, tuple[dict[str, Any], list[tuple[int, dict[str, Any], str]]]] = {
    "hello": (
        {"cmd": "hello"},
        [
            (1, {"hf": 2}, "unsupported-version"),
            (2, {"!a.b": 1}, "unsupported"),
            (5, {"filesize": 1}, "bad-request"),
            (13, {"abort": True}, "aborted"),
            (14, {"auth": {"scheme": "none"}}, "unauthorized"),
        ],
    ),
    "no command": (
        {"filename": "new"},
        [(2, {"!a.b": 1}, "unsupported"), (3, {"cmd": 7}, "bad-request")],
    ),
    "put": (
        {"cmd": "put", "filename": "new"},
        [
            (2, {"!a.b": 1}, "unsupported"),
            (3, {"cmd": "PUT"}, "unknown-command"),
            (5, {"mtime": "now"}, "bad-request"),
            (5, {"offset": 3}, "bad-request"),
            (5, {"digest": "md5:00"}, "unsupported"),
            (6, {"filename": "../x"}, "bad-name"),
            (7, {"total": TOTAL_BYTES + 1}, "too-large"),
            (9, {"filename": "f/x"}, "conflict"),
            (10, {"if": "r"}, "precondition-failed"),
            (13, {"abort": True}, "aborted"),
            (16, {"total": 3}, "size-mismatch"),
            (17, {"digest": "sha-256:" + "0" * 64}, "digest-mismatch"),
        ],
    ),
    "put of an upload": (
        {"cmd": "put", "filename": "u", "upload": UPLOAD, "offset": 3},
        [
            (5, {"upload": "short"}, "bad-request"),
            (9, {"upload": NONE}, "upload-gone"),
            (9, {"filename": "other"}, "conflict"),
            (10, {"if": "r"}, "precondition-failed"),
            (11, {"offset": 5}, "offset-mismatch"),
            (11, {"total": 9}, "bad-request"),
            (11, {"filesize": 8}, "size-mismatch"),
            (13, {"abort": True}, "aborted"),
        ],
    ),
    "put of an upload that is finished": (
        {"cmd": "put", "filename": "done", "upload": DONE, "filesize": 5},
        [
            (7, {"total": TOTAL_BYTES + 1}, "too-large"),
            (8, {"filename": "other"}, "conflict"),
            (8, {"offset": 1}, "conflict"),
            (13, {"abort": True}, "aborted"),
            (15, {"filesize": 4}, "conflict"),
            (16, {"total": 9}, "bad-request"),
            (17, {"digest": "sha-256:" + "0" * 64}, "digest-mismatch"),
        ],
    ),
    "get": (
        {"cmd": "get", "filename": "f"},
        [
            (5, {"length": -1}, "bad-request"),
            (6, {"filename": "x//y"}, "bad-name"),
            (13, {"abort": True}, "aborted"),
            (9, {"filename": "none"}, "not-found"),
            (10, {"if": "r"}, "precondition-failed"),
            (11, {"offset": 9}, "bad-range"),
        ],
    ),
    "stat": (
        {"cmd": "stat", "filename": "f"},
        [
            (5, {"upload": NONE}, "bad-request"),
            (6, {"filename": "x//y"}, "bad-name"),
            (9, {"filename": "none"}, "not-found"),
            (10, {"if": None}, "precondition-failed"),
        ],
    ),
    "move": (
        {"cmd": "move", "filename": "f", "to": "new"},
        [
            (2, {"!a.b": 1}, "unsupported"),
            (5, {"to_if": False}, "bad-request"),
            (6, {"to": "."}, "bad-name"),
            (13, {"abort": True}, "aborted"),
            (9, {"filename": "none"}, "not-found"),
            (9, {"to": "f/x"}, "conflict"),
            (10, {"if": "r"}, "precondition-failed"),
            (10, {"to_if": "r"}, "precondition-failed"),
        ],
    ),
}


ORDER_TABLE = re.compile(r"<!-- order -->\n\| line .*?\n\|[- |]+\n(.*?)\n\n", re.DOTALL)
WHENEVER = {"no-space", "busy", "internal"}


def rows() -> list[tuple[int, str, list[str]]]:
    """Return the rows of the tables as (line, code, rules)."""
    found: list[tuple[int, str, list[str]]] = []
    for table in ORDER_TABLE.findall(standard.STANDARD.read_text("utf-8")):
        for row in table.splitlines():
            line, _, _, code, rules = (cell.strip(" `") for cell in row.split("|")[1:-1])
            number = int(line) if line else found[-1][0]
            found.append((number, code, standard.RULE_ID.findall(rules)))
    return found


def pairs() -> Iterator[Any]:
    """Return every fault alone, and every two that can stand in one request."""
    for name, (base, faults) in FAULTS.items():
        for line, members, code in faults:
            yield pytest.param(base | members, code, id=f"{name}: {line}")
        for first, second in itertools.combinations(faults, 2):
            if not set(first[1]) & set(second[1]):
                members = base | first[1] | second[1]
                label = f"{name}: {first[0]} {first[2]} before {second[0]} {second[2]}"
                yield pytest.param(members, first[2], id=label)


def ask(connection: socket.socket, **members: Any) -> dict[str, Any]:
    """Return the reply to a request, whose body is `hello` again and again."""
    body = (b"hello" * 2)[: members.get("filesize", 0)]
    connection.sendall(standard.frame_of(json.dumps({"id": 1} | members), body))
    stream = connection.makefile("rb")
    (header_bytes,) = struct.unpack("<I", stream.read(4))
    reply: dict[str, Any] = json.loads(stream.read(header_bytes))
    return reply


@pytest.fixture(scope="module")
def connect(tmp_path_factory):
    """Return a function that connects to a server with a file and two uploads."""
    root = tmp_path_factory.mktemp("root")
    with contextlib.ExitStack() as stack:
        store = DirectoryStore(root, free_bytes=0, durability="rename", total_bytes=TOTAL_BYTES)
        server = stack.enter_context(Server(("127.0.0.1", 0), stack.enter_context(store)))

        @contextlib.contextmanager
        def connecting() -> Iterator[socket.socket]:
            with socket.create_connection(server.address, timeout=TIMEOUT_S) as connection:
                yield connection

        with connecting() as connection:
            assert ask(connection, cmd="put", filename="f", filesize=5)["ok"]
            upload = {"cmd": "put", "filename": "u", "upload": UPLOAD, "total": 10}
            assert 3 == ask(connection, filesize=3, **upload)["offset"]
            done = {"cmd": "put", "filename": "done", "upload": DONE, "total": 5}
            assert ask(connection, filesize=5, **done)["rev"]
        yield connecting


@pytest.mark.rule("HF-ERROR-012")
@pytest.mark.parametrize(("members", "code"), list(pairs()))
def test_of_two_faults_the_first_of_the_list_is_told(members, code, connect):
    with connect() as connection:
        assert code == ask(connection, **members)["code"]


def test_the_lines_are_numbered_and_hold_every_refusal():
    found = rows()
    assert sorted({line for line, _, _ in found}) == list(range(1, 19))
    assert found == sorted(found, key=lambda row: row[0])
    refusals = {str(code) for code in ErrorCode if code.error_class is ErrorClass.REFUSAL}
    assert refusals - WHENEVER == {code for _, code, _ in found}


def test_a_line_says_what_its_rules_say():
    sentences = {
        rule[1]: rule[3]
        for rule in standard.RULE_LINE.finditer(standard.STANDARD.read_text("utf-8"))
    }
    for line, code, rules in rows():
        assert rules, line
        assert [] == [rule for rule in rules if f"`{code}`" not in sentences[rule]], line


@pytest.mark.parametrize("base", FAULTS)
def test_a_fault_that_is_tried_stands_in_its_line(base):
    told = {(line, code) for line, code, _ in rows()}
    assert {(line, code) for line, _, code in FAULTS[base][1]} <= told
