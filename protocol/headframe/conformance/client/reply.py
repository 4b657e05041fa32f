"""Checks of clients, chapter 5.2: what a reply has to be, and what is no reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.acts import bad, changed, cut, refused, watch
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import (
    CUT_OFF,
    EITHER,
    Run,
    acted,
    disbelieved,
    main_op,
)
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.messages import Request
from headframe.conformance.client.scene import Scene
from headframe.conformance.client.talk import Act, Talk
from headframe.conformance.requests import frame
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-reply", role=Role.CLIENT, needs=frozenset({"replies"}))

# --- what is no reply --------------------------------------------------------------------

_UNREADABLE: Final[dict[str, dict[str, Any]]] = {
    "ok-missing": {"ok": None},
    "ok-is-a-string": {"ok": "true"},
    "critical-name": {"!x.y": 1},
}
for name, members in _UNREADABLE.items():
    chapter.add(
        name,
        f"A reply that cannot be understood ends the connection: {name.replace('-', ' ')}.",
        "HF-REPLY-001",
        disbelieved(changed(**members)),
        permitted=EITHER,
    )


@chapter.check(
    "HF-REPLY-001",
    needs=frozenset({"replies", Op.LIST}),
    permitted={**EITHER, "it does not use end": Verdict.INFO},
)
def end_is_a_string(subject: Subject) -> str:
    """A page of a listing whose end is a string ends the connection."""

    def act(talk: Talk, request: Request) -> None:
        talk.finish(request)
        answer = talk.host.answer(request)
        talk.say(answer.encode(request.id, end="true"))

    scene = subject.run(Op.LIST, {"list": [act]})
    if len(scene.talks[0].requests) > len(scene.asked("list")[:1]) and _pages(scene):
        return "it does not use end"
    return scene.outcome()


def _pages(scene: Scene) -> bool:
    """Return whether the client asked for another page on the same connection."""
    return sum(request.cmd == "list" for request in scene.talks[0].requests) > 1


chapter.add(
    "refusal-without-code",
    "A refusal without code ends the connection.",
    "HF-REPLY-019",
    disbelieved(changed(ok=False)),
    permitted=EITHER,
)
chapter.add(
    "list-without-end",
    "A page of a listing without end ends the connection.",
    "HF-REPLY-019",
    disbelieved(changed(end=None), Op.LIST),
    needs=frozenset({"replies", Op.LIST}),
    permitted=EITHER,
)


def after(notice: bytes, body: bytes = b"") -> Run:
    """A notice that is none, and behind it the reply, are not believed."""
    return disbelieved(lambda answer, asked: frame(notice, body) + answer.encode(asked.id))


chapter.each(
    "HF-REPLY-020",
    "A message with id 0 that is no notice ends the connection: {}.",
    after,
    {
        "notice-that-is-ok": b'{"id":0,"ok":true,"code":"closing"}',
        "notice-with-a-body": (b'{"id":0,"ok":false,"code":"closing","filesize":3}', b"abc"),
        "notice-in-frames": b'{"id":0,"ok":false,"code":"closing","more":true}',
    },
    permitted=EITHER,
)

# --- whose reply -------------------------------------------------------------------------


def renumbered(change: Callable[[int], Any]) -> Act:
    """Answer with another id."""
    return bad(lambda answer, request: answer.encode(change(request.id)))


chapter.each(
    "HF-REPLY-004",
    "A reply with an id that is not due ends the connection: {}.",
    lambda change: acted(None, renumbered(change)),
    {"id-of-another": lambda number: number + 1, "id-missing": lambda _: None},
    permitted=EITHER,
)


@chapter.check(
    "HF-REPLY-004",
    needs=frozenset({"replies", Op.GET_ALL}),
    permitted={**EITHER, "one request at a time": Verdict.SKIP},
)
def replies_in_the_wrong_order(subject: Subject) -> str:
    """Replies in another order than their requests end the connection."""
    swapped: list[bool] = []

    def act(talk: Talk, first: Request) -> None:
        talk.finish(first)
        if not talk.is_ahead(0.5):
            talk.honest(first)
            return
        second = talk.next_request()
        assert second is not None
        talk.finish(second)
        swapped.append(True)
        for request in (second, first):
            talk.say(talk.host.answer(request).encode(request.id))
        watch(talk, ahead=True)

    files = {f"{number:02}.txt": b"%02d" % number for number in range(8)}
    scene = subject.get_all({"get": [act]}, files)
    return scene.outcome() if swapped else "one request at a time"


# --- a whole reply -----------------------------------------------------------------------

_PLACES: Final = {"before-the-reply": 0, "before-its-last-byte": -1}
for op, places in {Op.PUT: (0, 1), Op.GET: (0,), Op.LIST: (0,), Op.DELETE: (1,)}.items():
    for name, find in [[*_PLACES.items()][place] for place in places]:
        chapter.add(
            f"{op}-cut-{name}",
            f"No success is told of a {op} whose connection ends {name.replace('-', ' ')}.",
            "HF-REPLY-010",
            acted(op, cut(find)),
            needs=frozenset({"replies", op}),
            permitted=CUT_OFF,
        )
chapter.add(
    "put-reset-before-the-reply",
    "No success is told of a put whose connection is reset before the reply.",
    "HF-REPLY-010",
    acted(Op.PUT, cut(0, reset=True)),
    needs=frozenset({"replies", Op.PUT}),
    permitted=CUT_OFF,
)


def first_frame_alone(talk: Talk, request: Request) -> None:
    """Send a reply whose last frame never comes."""
    talk.finish(request)
    talk.say(talk.host.answer(request).encode(request.id, more=True))
    talk.end()


def aborted_later(talk: Talk, request: Request) -> None:
    """Send a reply whose last frame takes it back."""
    talk.finish(request)
    talk.say(talk.host.answer(request).encode(request.id, more=True))
    talk.say(frame(b'{"abort":true,"code":"internal","message":"not after all"}'))


chapter.add(
    "put-reply-lacks-its-last-frame",
    "No success is told of a put whose reply ends behind more: true.",
    "HF-REPLY-010 HF-BODY-010",
    acted(Op.PUT, first_frame_alone),
    needs=frozenset({"replies", Op.PUT}),
    permitted=CUT_OFF,
)
chapter.add(
    "put-reply-is-aborted",
    "No success is told of a put whose reply ends with abort: true.",
    "HF-BODY-013",
    acted(Op.PUT, aborted_later),
    needs=frozenset({"replies", Op.PUT}),
    permitted=EITHER,
)

# --- refusals ----------------------------------------------------------------------------

for op, code in ((Op.PUT, "forbidden"), (Op.GET, "not-found"), (Op.DELETE, "not-found")):
    chapter.add(
        f"{op}-refused",
        f"No success is told of a {op} that is refused.",
        "HF-REPLY-005",
        acted(op, refused(code)),
        needs=frozenset({"replies", op}),
        permitted=EITHER,
    )


@chapter.check("HF-REPLY-016", permitted=EITHER)
def unknown_code_is_internal(subject: Subject) -> str:
    """A code that nobody knows is treated as internal is."""

    def refuse(code: str) -> Scene:
        op = main_op(subject)
        return subject.run(op, {op: [refused(code, retry_ms=0)]})

    known, unknown = refuse("internal"), refuse("x.unknown")
    word = unknown.outcome()
    if _course(known) != _course(unknown):
        raise Deviation(f"what internal leads to: {_course(known)}", _course(unknown))
    return word


def _course(scene: Scene) -> str:
    """Say what a client did, and how it ended."""
    asked = [" ".join(request.cmd for request in talk.requests) for talk in scene.talks]
    return f"{' | '.join(asked)}, {'success' if scene.ended.claims_success else 'failure'}"


CHECKS: Final = chapter.checks
