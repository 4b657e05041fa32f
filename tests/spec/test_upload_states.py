"""The table of chapter 10 says what the reference server does: each request, in each state."""

from __future__ import annotations

import itertools
import json
import re
import socket
import struct

import pytest

import standard
from headframe import ErrorCode
from headframe_server import DirectoryStore, Server

TABLE = re.compile(r"<!-- states: upload requests -->\n(.*?)\n\n", re.DOTALL)
HEAD, _, *ROWS = (
    [cell.strip() for cell in row.split("|")[1:-1]]
    for row in TABLE.search(standard.STANDARD.read_text("utf-8"))[1].splitlines()
)
PUT = {"cmd": "put", "filename": "a"}
REQUESTS = {
    "`put` at 0": (PUT, b"hel"),
    "`put` at n, the same bytes": (PUT | {"offset": 3}, b"lo"),
    "`put` at n, other bytes": (PUT | {"offset": 3}, b"LO"),
    "`put` at n, another `filename`": (PUT | {"filename": "b", "offset": 3}, b"lo"),
    "`stat`": ({"cmd": "stat"}, b""),
    "`delete`": ({"cmd": "delete"}, b""),
}
CELLS = [
    (row[0], state, cell) for row in ROWS for state, cell in zip(HEAD[1:], row[1:], strict=True)
]


@pytest.fixture
def ask(tmp_path):
    """Return what sends a request about an upload, and its body, and returns the reply."""
    with (
        DirectoryStore(tmp_path, free_bytes=0, durability="rename") as store,
        Server(("127.0.0.1", 0), store) as server,
        socket.create_connection(server.address, timeout=20) as connection,
        connection.makefile("rb") as stream,
    ):

        def ask(members, body=b""):
            header = {"id": 1, "upload": "u" * 22, "filesize": len(body)} | members
            connection.sendall(standard.frame_of(json.dumps(header), body))
            (header_bytes,) = struct.unpack("<I", stream.read(4))
            return json.loads(stream.read(header_bytes))

        yield ask


def test_every_request_is_tried_in_every_state():
    assert ["request", "unknown", "open at n", "finished"] == HEAD
    assert list(REQUESTS) == [row[0] for row in ROWS]


@pytest.mark.rule("HF-RESUME-003", "HF-RESUME-004", "HF-RESUME-005", "HF-RESUME-006")
@pytest.mark.rule("HF-RESUME-011", "HF-RESUME-022", "HF-RESUME-024", "HF-RESUME-025")
@pytest.mark.rule("HF-RESUME-026")
@pytest.mark.parametrize(("request_", "state", "cell"), CELLS)
def test_a_request_is_answered_as_the_table_says(request_, state, cell, ask):
    parts = [(PUT | {"total": 5}, b"hel"), (PUT | {"offset": 3}, b"lo")]
    replies = list(itertools.starmap(ask, parts[: HEAD.index(state) - 1]))
    reply = ask(*REQUESTS[request_])
    names = re.findall("`([a-z-]+)`", cell)
    if names and names[0] in set(ErrorCode):
        assert [names[0]] == [reply.get("code")]
        return
    assert reply["ok"]
    if "offset" in names:
        assert {"id", "ok", *names} == set(reply)
    elif cell == "the same reply again":
        assert replies[-1] == reply
    elif "unknown" in cell:
        assert "upload-gone" == ask({"cmd": "stat"})["code"]
    else:
        assert cell in ("opens it", "goes on")
