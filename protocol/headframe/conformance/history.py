"""What several clients did to one file at the same time: can it have been one after the other?

    trouble = find_trouble(operations)      None, or why no order explains what they saw

Spec: chapter 9. The law of this module: only what clients saw counts, and only two facts about
time: an operation had its effect after it was sent and before its answer was read.

All changes here are conditional, so that each names the revision that it replaces. Their order is
therefore known: it is the chain of revisions, and what remains is whether the clock allows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Operation", "find_trouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request and its answer, as a client saw them."""

    client: int
    sent_at: float
    """Seconds, on a clock that all clients share."""
    answered_at: float
    saw: str | None
    """The revision that was there, None for no file: what a change replaced, what was read, or
    what a failed condition told."""
    made: str | None = None
    """The revision that a change has made; None: nothing was changed."""


def find_trouble(operations: Sequence[Operation]) -> str | None:
    """Return why no order of these operations explains their answers; None: one does."""
    changes = [operation for operation in operations if operation.made is not None]
    replaced: dict[str | None, Operation] = {}
    for change in changes:
        other = replaced.setdefault(change.saw, change)
        if other is not change:
            return f"clients {other.client} and {change.client} both replaced {change.saw}"
    made = {change.made: number for number, change in enumerate(_chain(replaced), 1)}
    if len(made) < len(changes):
        return "changes replace revisions that nobody has made"
    versions: dict[str | None, int] = {None: 0, **made}
    placed = []
    for operation in operations:
        if operation.saw not in versions:
            return f"client {operation.client} saw {operation.saw}, which nobody has made"
        placed.append((versions[operation.saw], operation))
    return _find_disorder(placed)


def _chain(replaced: dict[str | None, Operation]) -> list[Operation]:
    """Return the changes in the order in which each replaces what the one before has made."""
    chain: list[Operation] = []
    revision: str | None = None
    while revision in replaced and len(chain) < len(replaced):
        chain.append(replaced[revision])
        revision = chain[-1].made
    return chain


def _find_disorder(placed: Sequence[tuple[int, Operation]]) -> str | None:
    """Return which two operations the clock forbids: the later one saw an older file."""
    newest, newest_client = -1, 0
    ended = sorted(placed, key=lambda item: item[1].answered_at)
    position = 0
    for saw, operation in sorted(placed, key=lambda item: item[1].sent_at):
        while position < len(ended) and ended[position][1].answered_at < operation.sent_at:
            left, before = ended[position]
            left += before.made is not None
            if left > newest:
                newest, newest_client = left, before.client
            position += 1
        if saw < newest:
            return (
                f"client {operation.client} saw change {saw} after client {newest_client} had seen"
                f" or made change {newest}"
            )
    return None
