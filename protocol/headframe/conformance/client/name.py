"""Checks of clients, chapter 7: the names that a server gives them."""

from __future__ import annotations

from typing import Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import EITHER, SUCCEEDS, Run
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.messages import Answer, Request
from headframe.conformance.client.process import ELSEWHERE
from headframe.conformance.client.talk import Act, Talk
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("client-name", role=Role.CLIENT, needs=frozenset({"replies", Op.GET_ALL}))

GOOD: Final = {"0.txt": b"good", "z.txt": b"good too"}


def first_entry_alone(talk: Talk, request: Request) -> None:
    """Answer with a page that holds one entry."""
    talk.finish(request)
    line, _, _ = talk.host.answer(request).body.partition(b"\n")
    talk.say(Answer({"ok": True, "end": False}, line + b"\n").encode(request.id))


def unused(name: str, *acts: Act) -> Run:
    """A listing, answered so, holds this name among others, and the client does not use it."""

    def run(subject: Subject) -> str:
        bad = name.replace("~", f"{subject.next_folder / ELSEWHERE}/")
        scene = subject.get_all({"list": acts}, GOOD, files=GOOD | {bad: b"evil"})
        asked = [request for request in scene.asked("get") if request["filename"] == bad]
        if asked:
            raise Deviation(f"no get of {ascii(bad)[:80]}", "a get of it")
        evil = [path for path, body in scene.files.items() if body == b"evil"]
        if evil:
            raise Deviation("no file of that name, in any form", f"the file {evil[0]!r}")
        return scene.outcome()

    return run


chapter.each(
    "HF-NAME-007",
    "A name in a listing that is no name of HF/1 is not used: {}.",
    unused,
    {
        "that-climbs": "../../x",
        "that-is-absolute": "~x",
        "with-an-empty-segment": "a//b",
        "with-nul": "a\0b",
        "with-an-escape-sequence": "a\x1b[31mb",
        "with-a-backslash": "a\\b",
        "not-in-form-c": "Zu\u0308rich",
        "with-a-segment-of-256-bytes": "é" * 128,
        "of-1025-bytes": "/".join(["x" * 204] * 4 + ["x" * 205]),
        "on-the-second-page": ("a/../../../x", first_entry_alone),
    },
    permitted=EITHER,
)


@chapter.check("HF-NAME-007 HF-BODY-005", permitted=SUCCEEDS)
def good_names_are_used(subject: Subject) -> str:
    """All files of a listing arrive, those in folders among them."""
    files = {"a-b": b"1", "a/b": b"2", "a/c/d.txt": b"", "Zürich \U0001f600": b"5"}
    return subject.get_all({}, files).outcome()


@chapter.check("HF-CMD-019 HF-CMD-021", permitted=SUCCEEDS)
def every_page_is_asked_for(subject: Subject) -> str:
    """A listing of several pages is read to its end."""
    files = {f"{number:03}.txt": b"%03d" % number for number in range(120)}
    return subject.get_all({}, files).outcome()


CHECKS: Final = chapter.checks
