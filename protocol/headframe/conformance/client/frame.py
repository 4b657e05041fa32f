"""Checks of clients, chapter 2: the frames that they send, and those that they read."""

from __future__ import annotations

import random
from typing import Any, Final

from headframe.conformance.check import Chapter, Profile, Role
from headframe.conformance.client.acts import Make, dripping, told
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import (
    EITHER,
    SUCCEEDS,
    Run,
    acted,
    believed,
    disbelieved,
    expect_good_frames,
)
from headframe.conformance.client.lineup import Play, Subject
from headframe.conformance.client.messages import Answer, Request
from headframe.conformance.client.scene import SUCCESS, Scene
from headframe.conformance.client.stage import Stage
from headframe.conformance.requests import frame
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS", "LARGE", "put_large"]

chapter: Final = Chapter("client-frame", role=Role.CLIENT)

LARGE: Final = random.Random("large").randbytes((3 << 20) + 17)  # noqa: S311  (repeatable)
NAMES: Final = "Grüße an \U0001f600.txt"
FRAMES: Final = b"".join(frame(b'{"id":1,"ok":false,"code":"internal","close":true}') for _ in "12")

# --- what it sends -----------------------------------------------------------------------


def put_large(stage: Stage) -> Scene:
    """Let the client send a file that fits no buffer."""
    return stage.put({}, body=LARGE)


def well_formed(occasion: str, play: Play | None) -> Run:
    """What the client sends when all is well breaks no rule; None: the plainest run."""

    def run(subject: Subject) -> str | None:
        scene = subject.plainly(Op(occasion)) if play is None else subject.shared(occasion, play)
        if not scene.talks:
            raise Deviation("a connection", f"none ({scene.ended})")
        for talk in scene.talks:
            if talk.fault is not None:
                raise Deviation("frames of HF/1", f"unreadable bytes ({talk.fault})")
        expect_good_frames(subject, scene)
        return scene.outcome()

    return run


_SENT: Final = "HF-FRAME-003 HF-FRAME-004 HF-HEADER-013 HF-REQ-001 HF-BODY-003"

for name, (needed, profile, play) in {
    "put": (Op.PUT, Profile.ORIGIN, None),
    "put-of-an-empty-file": (Op.PUT, Profile.ORIGIN, lambda stage: stage.put({}, body=b"")),
    "put-of-a-large-file": (Op.PUT, Profile.ORIGIN, put_large),
    "put-of-a-name-beyond-ascii": (Op.PUT, Profile.ORIGIN, lambda stage: stage.put({}, NAMES)),
    "get": (Op.GET, Profile.CORE, None),
    "put-all": (Op.PUT_ALL, Profile.CORE, None),
    "get-all": (Op.GET_ALL, Profile.CORE, None),
    "list": (Op.LIST, Profile.CORE, None),
    "delete": (Op.DELETE, Profile.CORE, None),
}.items():
    chapter.add(
        f"well-formed-{name}",
        f"All requests are frames of HF/1, to the last byte, and it succeeds: {name}.",
        _SENT,
        well_formed(name, play),
        needs=frozenset({needed}),
        profile=profile,
        permitted=SUCCEEDS,
    )

# --- what it reads -----------------------------------------------------------------------

REPLIES: Final = frozenset({"replies"})


def length(number: int) -> Run:
    """A reply whose N is this number is fatal."""
    return disbelieved(lambda _answer, _request: number.to_bytes(4, "little"))


def padded(size: int) -> Make:
    """The reply with a header of so many bytes."""

    def make(answer: Answer, request: Request) -> bytes:
        framing: dict[str, Any] = {"filesize": len(answer.body) or None}
        room = "a" * (size - len(answer.header(request.id, **framing, **{"x.y": ""})))
        return frame(answer.header(request.id, **framing, **{"x.y": room}), answer.body)

    return make


chapter.each(
    "HF-FRAME-002 HF-ERROR-010",
    "A reply with N out of range ends the connection, without a word about it: {}.",
    length,
    {"length-0": 0, "length-of-http": 0x50545448},
    needs=REPLIES,
    permitted=EITHER,
)
chapter.add(
    "length-65536",
    "A reply with N out of range ends the connection, good as its header may be: length 65536.",
    "HF-FRAME-002 HF-ERROR-004",
    disbelieved(padded(65_536)),
    needs=REPLIES,
    permitted=EITHER,
)


chapter.add(
    "longest-header",
    "A reply may have a header of 65535 bytes.",
    "HF-FRAME-001 HF-FRAME-002 HF-HEADER-014",
    believed(padded(65_535)),
    needs=REPLIES,
    permitted=SUCCEEDS,
)

PAUSE_S: Final = 0.03

for name, connect in {
    "byte-by-byte": dripping([1] * 400),
    "cut-in-n": dripping([2, 5, 20], PAUSE_S),
    "cut-in-the-header": dripping([9, 20], PAUSE_S),
}.items():
    chapter.add(
        name,
        f"A reply may arrive in pieces: {name.replace('-', ' ')}.",
        "HF-FRAME-006 HF-FRAME-001",
        acted(None, connect=connect),
        needs=REPLIES,
        permitted=SUCCEEDS,
    )


def get_of(body: bytes) -> Run:
    """This file arrives as it is."""
    return lambda subject: subject.get({}, body=body).outcome()


chapter.each(
    "HF-FRAME-005",
    "What follows a header is body, as many bytes as it says: {}.",
    get_of,
    {
        "get-of-an-empty-file": b"",
        "get-of-a-file-that-looks-like-frames": FRAMES,
        "get-of-a-large-file": LARGE,
    },
    needs=REPLIES | {Op.GET},
    permitted=SUCCEEDS,
)


@chapter.check("HF-FRAME-007 HF-HEADER-015", needs=REPLIES | {Op.GET}, permitted=SUCCEEDS)
def other_sizes_frame_nothing(subject: Subject) -> str:
    """Nothing but filesize and more says where a reply ends."""
    words = b'{"size":3,"length":2,"limit":1,"Content-Length":4,"x.filesize":1,'
    return believed(told(lambda header: words + header[1:]), Op.GET)(subject) or SUCCESS


CHECKS: Final = chapter.checks
