"""Checks of clients, chapters 5 and 6: notices, close: true, early answers and fatal errors."""

from __future__ import annotations

from typing import Any, Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.acts import bad, refusal, watch
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import CUT_OFF, EITHER, SUCCEEDS, Run, acted
from headframe.conformance.client.frame import LARGE
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.messages import Answer, Request, digest_of, rev_of
from headframe.conformance.client.scene import FAILURE
from headframe.conformance.client.talk import Act, Talk
from headframe.conformance.requests import frame
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-ending", role=Role.CLIENT, needs=frozenset({"replies"}))

NOTICE: Final = b'{"id":0,"ok":false,"code":"closing","message":"this server is shutting down"}'
CLOSES: Final = NOTICE[:-1] + b',"close":true}'

# --- notices -----------------------------------------------------------------------------


MORE_TO_ASK: Final = "failure, with more to ask"


def noticed_before(talk: Talk, request: Request) -> None:
    """Say that the server closes, answer what has begun in the same breath, and close."""
    begun = [request]
    talk.finish(request)
    while talk.is_ahead() and (another := talk.next_request()) is not None:
        talk.finish(another)
        begun.append(another)
    answers = [talk.host.answer(each) for each in begun]
    pairs = zip(begun, answers, strict=True)
    replies = [answer.encode(each.id) for each, answer in pairs if each.id is not None]
    talk.say(frame(NOTICE) + b"".join(replies))
    for answer in answers:
        talk.host.store.evidence.extend(answer.proves)
    talk.end()


def answered_once(op: Op) -> Run:
    """The reply behind the notice is the one that counts, and here the last of its kind.

    Whoever asks for something else behind it need not come again to do so.
    """

    def run(subject: Subject) -> str:
        plain = subject.usually(op)
        usual = len(plain.asked(op))
        scene = subject.run(op, {op: [*[Talk.honest] * (usual - 1), noticed_before]})
        asked = len(scene.asked(op))
        if asked > usual:
            raise Deviation(f"no {op} that was answered again", f"{asked} of them, not {usual}")
        outcome = scene.outcome()
        last = [talk.requests[-1].cmd for talk in plain.talks if talk.requests]
        return MORE_TO_ASK if outcome == FAILURE and set(last) != {op} else outcome

    return run


for op in (Op.PUT, Op.GET):
    chapter.add(
        f"{op}-answered-after-the-notice",
        f"After the notice closing the reply to a {op} that has begun still comes, and counts.",
        "HF-REPLY-015 HF-FRAME-005",
        answered_once(op),
        needs=frozenset({"replies", op}),
        permitted={**SUCCEEDS, MORE_TO_ASK: Verdict.PASS},
    )


def says_instead(header: bytes) -> Act:
    """Say this in place of a reply, and close."""

    def act(talk: Talk, request: Request) -> None:
        talk.finish(request)
        talk.say(frame(header))
        talk.end()

    return act


chapter.each(
    "HF-REPLY-010 HF-REPLY-015",
    "No success is told of a request that the connection ends without answering: {}.",
    lambda header: acted(None, says_instead(header)),
    {
        "closed-by-a-notice": CLOSES,
        "closed-by-a-fatal-error": b'{"id":0,"ok":false,"code":"bad-frame","close":true}',
    },
    permitted=CUT_OFF,
)

# --- nothing more is asked ---------------------------------------------------------------


def busy_and_closing(talk: Talk, request: Request) -> None:
    """Refuse for now, say that the connection ends with this, and see what still comes."""
    talk.finish(request)
    ahead = talk.is_ahead()
    talk.say(refusal(request, "busy", retry_ms=0, close=True))
    watch(talk, ahead=ahead)


def busy_after_the_notice(talk: Talk, request: Request) -> None:
    """Say that the server closes, refuse for now, and see what still comes."""
    talk.finish(request)
    ahead = talk.is_ahead()
    talk.say(frame(NOTICE) + refusal(request, "busy", retry_ms=0))
    watch(talk, ahead=ahead)


chapter.each(
    "HF-REPLY-009",
    "Nothing more is asked on a connection that is about to end: {}.",
    lambda act: acted(None, act),
    {"after-close-true": busy_and_closing, "after-the-notice": busy_after_the_notice},
    permitted=EITHER,
)

# --- answers before the request has ended ------------------------------------------------


def refused_early(talk: Talk, request: Request) -> None:
    """Refuse what has only begun, and discard the rest."""
    talk.say(refusal(request, "too-large"))
    talk.finish(request)


def refused_and_left(talk: Talk, request: Request) -> None:
    """Refuse what has only begun, read nothing more, and close."""
    talk.deaf = True
    talk.say(refusal(request, "no-space", retry_ms=0, close=True))
    talk.wire.end_sending()
    talk.host.over.wait(0.5)
    talk.reset()


for name, act in {"and-discarded": refused_early, "and-closed": refused_and_left}.items():
    chapter.add(
        f"put-refused-early-{name}",
        f"A put may be refused before it has ended: {name.replace('-', ' ')}.",
        "HF-REPLY-010 HF-FRAME-004",
        acted(Op.PUT, act, body=LARGE),
        needs=frozenset({"replies", Op.PUT}),
        permitted=EITHER,
    )


@chapter.check("HF-REPLY-018 HF-REPLY-010", needs=frozenset({"replies", Op.PUT}), permitted=EITHER)
def put_answered_ok_too_early(subject: Subject) -> str:
    """A put that is answered with ok: true before it has ended has not succeeded."""
    body = LARGE * 4

    def act(talk: Talk, request: Request) -> None:
        members = {"ok": True, "rev": rev_of(body), "total": len(body), "digest": digest_of(body)}
        talk.deaf = True
        talk.say(Answer(members).encode(request.id))
        talk.host.over.wait(1.0)
        talk.reset()

    return subject.put({"put": [act]}, body=body, receive_buffer=1 << 15).outcome()


def left_after(members: dict[str, Any], rest: bytes) -> Run:
    """A put that is refused so before it has ended is left where it stands, not even aborted.

    Whoever sends all of it first, and reads then, cannot know what came when.
    """

    def run(subject: Subject) -> str:
        aborted: list[bool] = []

        def act(talk: Talk, request: Request) -> None:
            talk.say(refusal(request, "busy", retry_ms=0, **members) + rest)
            talk.finish(request)
            aborted.append(request.headers[-1].get("abort") is True)
            try:
                talk.end()
            finally:
                talk.late = b""  # to whom this was no early refusal may ask for more

        scene = subject.put({"put": [act]}, body=LARGE * 4, receive_buffer=1 << 15)
        if any(aborted):
            raise Deviation("a put that is left where it stands", "a put that is aborted")
        return scene.outcome()

    return run


chapter.each(
    "HF-REPLY-021",
    "A refusal with a body, of a put that has not ended, ends the connection: {}.",
    left_after,
    {
        "refused-early-with-a-body": ({"filesize": 3}, b"abc"),
        "refused-early-in-frames": ({"more": True}, frame(b"{}")),
    },
    needs=frozenset({"replies", Op.PUT}),
    permitted=EITHER,
)


# --- fatal errors ------------------------------------------------------------------------


@chapter.check("HF-ERROR-004 HF-HEADER-002", permitted=EITHER)
def nothing_behind_it_is_read(subject: Subject) -> str:
    """What comes behind a header that is no JSON is not interpreted, right as it looks."""
    broken = bad(lambda _answer, _request: frame(b'{"id":1,"ok":'), then_right=True)
    return acted(None, broken)(subject) or ""


CHECKS: Final = chapter.checks
