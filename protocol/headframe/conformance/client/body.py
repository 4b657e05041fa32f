"""Checks of clients, chapter 4: replies of several frames, aborted ones, and those cut off."""

from __future__ import annotations

from typing import Any, Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.acts import Make, changed, cut, reframed, reworded
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import (
    CUT_OFF,
    EITHER,
    SUCCEEDS,
    Run,
    acted,
    believed,
    disbelieved,
)
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.messages import Answer, Request, digest_of
from headframe.conformance.client.scene import FAILURE, SUCCESS
from headframe.conformance.client.talk import Act, Talk
from headframe.conformance.requests import frame
from headframe.conformance.verdicts import Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-body", role=Role.CLIENT, needs=frozenset({"replies", "get"}))

BODY: Final = bytes(range(256)) + b"and some more bytes of a file"

# --- several frames ----------------------------------------------------------------------

chapter.add(
    "get-in-frames-of-a-byte",
    "The body of a reply is the bodies of its frames, in order, the first and the last empty.",
    "HF-BODY-005",
    acted(Op.GET, reframed(1, outer=True), body=BODY),
    permitted=SUCCEEDS,
)


def later(*frames: bytes, size: int | None = None) -> Make:
    """The first frame of a get, with `size` bytes of the file, and then these."""

    def make(answer: Answer, request: Request) -> bytes:
        piece = answer.body if size is None else answer.body[:size]
        header = answer.header(request.id, filesize=len(piece) or None, more=True)
        return frame(header, piece) + b"".join(frames)

    return make


_CODE: Final = b'"code":"internal","message":"cannot read on"'

chapter.each(
    "HF-BODY-001",
    "A later header that begins another reply is fatal: {}.",
    lambda *frames: disbelieved(later(*frames), Op.GET, body=BODY),
    {"later-ok": frame(b'{"ok":true}')},
    permitted=EITHER,
)
chapter.each(
    "HF-BODY-002",
    "A later header with more: true and no body is fatal: {}.",
    lambda *frames: disbelieved(later(*frames), Op.GET, body=BODY),
    {"later-more-alone": (frame(b'{"more":true}'), frame(b"{}"))},
    permitted=EITHER,
)


def ends_with(header: bytes) -> Make:
    """The whole file in one frame, and a last header that is this."""
    return later(frame(header))


def between(members: bytes) -> Make:
    """A frame with the last byte of the file, with these members beside `more: true`."""
    header = b'{"filesize":1,"more":true,' + members + b"}"
    return later(frame(header, BODY[-1:]), frame(b"{}"), size=len(BODY) - 1)


chapter.each(
    "HF-BODY-018",
    "A later header of a reply that a request could not have is fatal: {}.",
    lambda make: disbelieved(make, Op.GET, body=BODY),
    {
        "later-id": ends_with(b'{"id":1}'),
        "later-rev": ends_with(b'{"rev":"r"}'),
        "later-critical": ends_with(b'{"!x.y":1}'),
        "later-total-string": ends_with(b'{"total":"9"}'),
        "later-abort-number": ends_with(b'{"abort":0}'),
        "later-other-total": ends_with(b'{"total":9}'),
        "early-total": between(b'"total":%d' % len(BODY)),
    },
    permitted=EITHER,
)

chapter.each(
    "HF-BODY-017",
    "abort: false says nothing in a later header of a reply either: {}.",
    lambda make: believed(make, Op.GET, body=BODY),
    {
        "later-abort-false": ends_with(b'{"abort":false}'),
        "later-abort-false-with-more": between(b'"abort":false'),
    },
    permitted=SUCCEEDS,
)

# --- aborted -----------------------------------------------------------------------------


def aborts(make: Make) -> Run:
    """A get is answered so; the connection goes on."""
    return acted(Op.GET, _unproved(make), body=BODY)


def _unproved(make: Make) -> Act:
    def act(talk: Talk, request: Request) -> None:
        talk.finish(request)
        talk.say(make(talk.host.answer(request), request))

    return act


chapter.each(
    "HF-BODY-013",
    "A reply that ends with abort: true is no success: {}.",
    aborts,
    {
        "aborted-half-way": later(frame(b'{"abort":true,' + _CODE + b"}"), size=100),
        "aborted-when-all-has-come": later(frame(b'{"abort":true,' + _CODE + b"}")),
        "aborted-in-the-only-header": changed(abort=True, code="internal"),
    },
    permitted=EITHER,
)

chapter.add(
    "abort-false-says-nothing",
    "A reply with abort: false is as good as any.",
    "HF-BODY-013 HF-BODY-017",
    believed(changed(abort=False), Op.GET),
    permitted=SUCCEEDS,
)

# --- cut off -----------------------------------------------------------------------------


def header_end(whole: bytes) -> int:
    """Return where the first header of a reply ends."""
    return 4 + int.from_bytes(whole[:4], "little")


chapter.each(
    "HF-BODY-010 HF-REPLY-010",
    "Of a reply that is cut off nothing has come: {}.",
    lambda find, reset=False: acted(Op.GET, cut(find, reset=reset), body=BODY),
    {
        "cut-behind-the-header": header_end,
        "cut-in-the-body": -100,
        "cut-before-the-last-byte": -1,
        "reset-in-the-body": (-100, True),
    },
    permitted=CUT_OFF,
)


def cut_between_frames(talk: Talk, request: Request) -> None:
    """Send all bytes of the file in a frame that others have to follow, and end."""
    talk.finish(request)
    talk.say(later()(talk.host.answer(request), request))
    talk.end()


chapter.add(
    "cut-between-frames",
    "A reply that is cut off behind a frame with more: true has not come, whole as it looks.",
    "HF-BODY-010 HF-REPLY-010",
    acted(Op.GET, cut_between_frames, body=BODY),
    permitted=CUT_OFF,
)

# --- what the digest and the sizes say ---------------------------------------------------

UNNOTICED: Final = "it does not notice"
_NOTICED: Final = {FAILURE: Verdict.PASS, SUCCESS: Verdict.PASS, UNNOTICED: Verdict.WARN}
OTHER: Final = digest_of(b"other bytes")


def noticed(op: Op, **members: Any) -> Run:
    """What the client can see to be wrong with a reply, it sees."""

    def run(subject: Subject) -> str:
        cmd = op.value
        scene = subject.run(op, {cmd: [reworded(changed(**members))]})
        once = len(scene.asked(cmd)) == 1
        return UNNOTICED if once and scene.ended.claims_success else scene.outcome()

    return run


for name, rules, run, ability in (
    ("get-with-the-digest-of-other-bytes", "HF-CMD-018", noticed(Op.GET, digest=OTHER), Op.GET),
    ("get-of-less-than-its-total", "HF-CMD-014", noticed(Op.GET, total=9), Op.GET),
    ("put-with-the-digest-of-other-bytes", "HF-CMD-009", noticed(Op.PUT, digest=OTHER), Op.PUT),
):
    chapter.add(
        name,
        f"A reply that contradicts what is seen is no success: {name.replace('-', ' ')}.",
        rules,
        run,
        needs=frozenset({"replies", ability}),
        permitted=_NOTICED,
    )


@chapter.check("HF-BODY-010 HF-COND-002", permitted=CUT_OFF)
def file_changes_after_a_cut(subject: Subject) -> str:
    """What has come of a file is not joined to the rest of another one."""
    old, new = bytes(3 << 20), b"\1" * (3 << 20)

    def act(talk: Talk, request: Request) -> None:
        talk.finish(request)
        whole = talk.host.answer(request).encode(request.id)
        talk.say(whole[: 2 * len(whole) // 3])
        talk.host.store.files["a.txt"] = new
        talk.end()

    return subject.get({"get": [act]}, body=new, files={"a.txt": old}).outcome()


CHECKS: Final = chapter.checks
