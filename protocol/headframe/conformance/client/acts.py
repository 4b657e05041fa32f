"""What is done to a client: acts for a script, each for one request.

The law of this module: an act that lies proves nothing, so that a client that believes it has no
evidence. Whoever is lied to finds the same server honest when it comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from headframe.conformance.client.messages import Answer, Request
from headframe.conformance.client.talk import Act, Talk
from headframe.conformance.requests import frame

__all__ = [
    "Make",
    "bad",
    "changed",
    "cut",
    "dripping",
    "looking",
    "reframed",
    "refusal",
    "refused",
    "reworded",
    "told",
    "vanish",
    "watch",
]

LOOK_S: Final = 0.2
CLOSING_S: Final = 5.0
"""How long a client may take to close a connection that is of no use any more: generous."""

Make = Callable[[Answer, Request], bytes]
"""Makes the bytes of a reply from the honest answer."""


def bad(make: Make, *, then_right: bool = False) -> Act:
    """Answer with what is fatal for the connection, and perhaps, too late, as is right."""

    def act(talk: Talk, request: Request) -> None:
        talk.finish(request)
        answer = talk.host.answer(request)
        ahead = talk.is_ahead()
        talk.say(make(answer, request) + (answer.encode(request.id) if then_right else b""))
        watch(talk, ahead=ahead)

    return act


def watch(talk: Talk, *, ahead: bool) -> None:
    """Wait for the client to close; what it sends counts, unless it sends ahead anyway."""
    try:
        talk.hold(CLOSING_S)
    finally:
        if ahead:
            talk.late = b""


def looking(talk: Talk, request: Request) -> None:
    """Answer as a good server does, after a look whether the client sends ahead."""
    talk.finish(request)
    talk.ahead = talk.is_ahead(LOOK_S) or talk.ahead
    talk.honest(request)


def changed(**members: Any) -> Make:
    """The honest answer with these members changed; None leaves one out."""

    def make(answer: Answer, request: Request) -> bytes:
        return answer.encode(request.id, **members)

    return make


def told(edit: Callable[[bytes], bytes]) -> Make:
    """The honest answer with the bytes of its first header changed."""

    def make(answer: Answer, request: Request) -> bytes:
        whole = answer.encode(request.id)
        size = int.from_bytes(whole[:4], "little")
        return frame(edit(whole[4 : 4 + size]), whole[4 + size :])

    return make


def reworded(make: Make) -> Act:
    """Answer in another way that means the same, and go on."""

    def act(talk: Talk, request: Request) -> None:
        talk.finish(request)
        answer = talk.host.answer(request)
        talk.say(make(answer, request))
        talk.host.store.evidence.extend(answer.proves)

    return act


def reframed(size: int, *, outer: bool = False) -> Act:
    """Answer in frames of `size` bytes, perhaps with an empty one before and behind them."""

    def make(answer: Answer, request: Request) -> bytes:
        pieces = [answer.body[at : at + size] for at in range(0, len(answer.body), size)]
        pieces = [b""] * outer + pieces + [b""] * outer
        frames = [frame(answer.header(request.id, **_framing(pieces, 0)), pieces[0])]
        for number in range(1, len(pieces)):
            later = Answer({}).header(None, **_framing(pieces, number))
            frames.append(frame(later, pieces[number]))
        return b"".join(frames)

    return reworded(make)


def _framing(pieces: list[bytes], number: int) -> dict[str, Any]:
    more = True if number < len(pieces) - 1 else None
    return {"filesize": len(pieces[number]) or None, "more": more}


def cut(find: int | Callable[[bytes], int], *, reset: bool = False) -> Act:
    """Carry the request out, and lose the connection in the middle of the reply.

    `find` says, or returns for the bytes of the reply, how many are sent; below 0: but so many.
    """

    def act(talk: Talk, request: Request) -> None:
        talk.finish(request)
        whole = talk.host.answer(request).encode(request.id)
        talk.say(whole[: find if isinstance(find, int) else find(whole)])
        if reset:
            talk.reset()
        talk.end()

    return act


def vanish(after: int) -> Act:
    """Lose the connection when so many bytes of the request's body have come."""

    def act(talk: Talk, request: Request) -> None:
        talk.finish(request, after)
        talk.host.keep(request)
        talk.reset()

    return act


def dripping(sizes: Iterable[int], pause_s: float = 0.0) -> Act:
    """Send everything in pieces of these sizes from now on."""
    pieces = [*sizes]

    def act(talk: Talk, request: Request) -> None:  # noqa: ARG001
        talk.pieces, talk.pause_s = pieces, pause_s

    return act


def refusal(request: Request, code: str, **members: Any) -> bytes:
    """Return a refusal as it goes onto the wire."""
    words = {"ok": False, "code": code, "message": f"refused: {code}"}
    return Answer(words).encode(request.id, **members)


def refused(code: str, **members: Any) -> Act:
    """Refuse the request, and go on."""

    def act(talk: Talk, request: Request) -> None:
        talk.finish(request)
        talk.say(refusal(request, code, **members))

    return act
