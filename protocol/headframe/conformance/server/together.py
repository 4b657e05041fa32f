"""Checks of chapter 9 with several clients at the same time: the history has to be explainable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from headframe.conformance.check import Chapter
from headframe.conformance.history import Operation, find_trouble
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import Asked, delete, get, move, put, stat
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("together")

CLIENTS: Final = 4
ROUNDS: Final = 6


def at_once(peer: Peer, work: Callable[[Peer, int], None]) -> None:
    """Let several clients work, each over a connection of its own, from the same moment on."""
    clients = [peer.another() for _ in range(CLIENTS)]
    for client in clients:
        client.in_step()
    start = threading.Barrier(CLIENTS)

    def run(number: int) -> None:
        start.wait(peer.conversation.target.timeout_s)
        work(clients[number], number)

    with ThreadPoolExecutor(CLIENTS, "client") as pool:
        for future in [pool.submit(run, number) for number in range(CLIENTS)]:
            future.result()
    for client in clients:
        client.close()  # a server may allow one address only so many


def outcome_of_all(peer: Peer, make: Callable[[int], Asked]) -> list[Reply]:
    """Return what several clients are answered who ask at once."""
    replies: dict[int, Reply] = {}

    def ask(client: Peer, number: int) -> None:
        replies[number] = client.ask(make(number))

    at_once(peer, ask)
    return [replies[number] for number in range(CLIENTS)]


def one_only(code: str, replies: list[Reply]) -> Reply:
    """Expect that one succeeded, and that the others were refused with this code."""
    words = sorted(reply.word for reply in replies)
    same(sorted(["ok", *[code] * (len(replies) - 1)]), words, "outcomes")
    return next(reply for reply in replies if reply.word == "ok")


@chapter.check("HF-COND-006 HF-COND-003")
def of_many_who_create_one_succeeds(peer: Peer) -> None:
    """Of several who create a file at once, with if: null, one succeeds."""
    for turn in range(ROUNDS):
        name = f"~/{turn}"
        replies = outcome_of_all(peer, lambda n, name=name: put(name, b"%d" % n, if_=None))  # type: ignore[misc]
        won = one_only("precondition-failed", replies)
        winner = replies.index(won)
        peer.holds(name, b"%d" % winner)
        told = {reply["rev"] for reply in replies if reply is not won}
        same({won["rev"]}, told, "revision told to the others")


@chapter.check("HF-COND-006 HF-COND-002")
def of_many_who_delete_one_state_one_succeeds(peer: Peer) -> None:
    """Of several who delete the same revision at once, one succeeds."""
    for _ in range(ROUNDS):
        rev = peer.ok(put("~/a", b"one"))["rev"]
        replies = outcome_of_all(peer, lambda _, rev=rev: delete("~/a", if_=rev))  # type: ignore[misc]
        one_only("not-found", replies)


@chapter.check("HF-COND-006 HF-COND-004")
def of_many_who_move_to_one_name_one_succeeds(peer: Peer) -> None:
    """Of several who move their files to one name at once, one succeeds."""
    for _ in range(ROUNDS):
        for number in range(CLIENTS):
            peer.ok(put(f"~/{number}", b"%d" % number))
        replies = outcome_of_all(peer, lambda number: move(f"~/{number}", "~/a"))
        winner = replies.index(one_only("precondition-failed", replies))
        peer.holds("~/a", b"%d" % winner)
        for number in range(CLIENTS):
            peer.holds(f"~/{number}", None if number == winner else b"%d" % number)
        peer.ok(delete("~/a"))


@chapter.check("HF-COND-006 HF-CMD-008 HF-COND-002")
def compare_and_swap_has_an_order(peer: Peer) -> None:
    """What several clients see who read, compare and swap one file can have happened in turn."""
    history: list[Operation] = []
    peer.ok(put("~/a", b"begin", if_=None))
    first = peer.ok(stat("~/a"))["rev"]

    def work(client: Peer, number: int) -> None:
        rev = first
        for turn in range(ROUNDS):
            sent_at = time.monotonic()
            swap = put("~/a", b"%d of %d" % (turn, number), if_=rev)
            reply = client.ask(swap if turn % 3 else get("~/a"))
            answered_at = time.monotonic()
            if reply.word not in {"ok", "precondition-failed"}:
                raise Deviation("ok or precondition-failed", str(reply))
            made = reply["rev"] if reply.word == "ok" and turn % 3 else None
            saw = rev if made else reply["rev"]
            history.append(
                Operation(
                    client=number,
                    sent_at=sent_at,
                    answered_at=answered_at,
                    saw=None if saw == first else saw,
                    made=made,
                )
            )
            rev = reply["rev"]

    at_once(peer, work)
    trouble = find_trouble(history)
    if trouble is not None:
        raise Deviation("a history in which one thing came after the other", trouble)


CHECKS: Final = chapter.checks
