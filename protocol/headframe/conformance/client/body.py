"""Checks of clients, chapter 4: replies of several frames, aborted ones, and those cut off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.acts import Make, changed, cut, reframed
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import (
    CUT_OFF,
    EITHER,
    SUCCEEDS,
    acted,
    believed,
    disbelieved,
)
from headframe.conformance.client.stage import FAILURE, SUCCESS
from headframe.conformance.client.store import Answer, Request
from headframe.conformance.requests import frame
from headframe.conformance.verdicts import Verdict

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-body", role=Role.CLIENT, needs=frozenset({"replies", "get"}))

BODY: Final = bytes(range(256)) + b"and some more bytes of a file"

# --- several frames ----------------------------------------------------------------------

for name, act in {
    "many-frames-of-a-byte": reframed(1),
    "frames-the-outer-ones-empty": reframed(200, outer=True),
}.items():
    chapter.add(
        f"get-in-{name}",
        f"The body of a reply is the bodies of its frames, in order: {name.replace('-', ' ')}.",
        "HF-BODY-005",
        acted(Op.GET, act, body=BODY),
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

# --- aborted -----------------------------------------------------------------------------


def aborts(make: Make) -> Callable[..., Any]:
    """A get is answered so; the connection goes on."""
    return acted(Op.GET, _unproved(make), body=BODY)


def _unproved(make: Make) -> Any:
    def act(talk: Any, request: Request) -> None:
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
    "HF-BODY-013",
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
        "cut-in-n": 2,
        "cut-behind-the-header": header_end,
        "cut-in-the-body": -100,
        "cut-before-the-last-byte": -1,
        "reset-in-the-body": (-100, True),
    },
    permitted=CUT_OFF,
)


def cut_between_frames(talk: Any, request: Request) -> None:
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

_NOTICED: Final = {FAILURE: Verdict.PASS, SUCCESS: Verdict.PASS}

CHECKS: Final = chapter.checks
