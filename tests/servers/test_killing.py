"""Servers that are killed in the middle of their work, one after the other, over one folder.

The law of this module: who judges is judged. What the harness has to see, it sees in folders that
no server has left as well.
"""

from __future__ import annotations

import pytest

from killing import Client, Figures, Killing, Request, Upload, digest_of


def check(root, durability, seed, kills):
    figures = Killing(root, durability, seed).run(kills)
    assert [] == figures.violations
    assert kills == figures.kills
    # A run in which nothing was at stake proves nothing.
    assert 0 < min(figures.acknowledged_puts, figures.lost_replies, figures.uploads_resumed)


@pytest.mark.rule("HF-COND-011", "HF-COND-012", "HF-RESUME-012", "HF-RESUME-027")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("durability", ["fsync", "rename"])
def test_what_was_acknowledged_outlives_the_server_and_nothing_else_is_seen(root, durability, seed):
    check(root, durability, seed, kills=13)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.rule("HF-COND-011", "HF-COND-012", "HF-RESUME-012", "HF-RESUME-027")
@pytest.mark.parametrize("durability", ["fsync", "rename"])
def test_a_thousand_kills_do_no_harm(root, durability):
    check(root, durability, seed=3, kills=500)


def put(name, body):
    return Request({"cmd": "put", "filename": name}, body, digest_of(body))


@pytest.fixture
def client():
    """A client whose put of A was acknowledged, and a put of B and a move of A to C was not."""
    client = Client(0, "seed", Figures())
    client.pending = [
        put("c0/b", b"B"),
        Request({"cmd": "move", "filename": "c0/a", "to": "c0/c"}),
    ]
    client.files = {"c0/a": digest_of(b"A")}
    client.whole = {digest_of(b"A"), digest_of(b"B")}
    return client


@pytest.mark.parametrize("found", [{"a": b"A"}, {"a": b"A", "b": b"B"}, {"b": b"B", "c": b"A"}])
def test_requests_without_a_reply_were_carried_out_in_order_or_not_at_all(client, found):
    client.settle({f"c0/{name}": digest_of(body) for name, body in found.items()})
    assert [] == client.figures.violations


@pytest.mark.parametrize(
    ("found", "blamed"),
    [
        ({}, "none of 3 states"),
        ({"a": b"A", "b": b""}, "c0/b has bytes that nobody sent whole"),
        ({"a": b"B"}, "wrong by themselves: ['c0/a']"),
        ({"a": b"A", "b": b"B", "c": b"A"}, "none of 3 states"),
        ({"c": b"A"}, "none of 3 states"),
    ],
    ids=["lost", "partial", "mixed up", "moved by half", "out of order"],
)
def test_every_other_outcome_is_a_violation(client, found, blamed):
    client.settle({f"c0/{name}": digest_of(body) for name, body in found.items()})
    assert blamed in "".join(client.figures.violations)


@pytest.mark.parametrize(
    ("reply", "blamed"),
    [
        ({"ok": True, "offset": 7}, False),
        ({"ok": False, "code": "offset-mismatch", "offset": 5}, False),
        ({"ok": True, "offset": 4}, True),
        ({"ok": True, "offset": 8}, True),
        ({"ok": False, "code": "upload-gone"}, True),
        ({"ok": True, "rev": "r1", "total": 9, "offset": 9}, True),
    ],
)
def test_an_upload_holds_what_was_told_and_no_more_than_was_sent(client, reply, blamed):
    client.learn(Upload("c0/a", "token", b"123456789", told=5, sent=7), reply)
    assert blamed == bool(client.figures.violations)
