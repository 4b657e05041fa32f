"""Checks of section 10.4, a lost reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import Asked, delete, get, move, put, stat
from headframe.conformance.server.resume import DIGEST, TEXT, part, stands, unfinished

__all__ = ["CHECKS"]

chapter: Final = Chapter("resume", depends_on=("resume/two-parts",))

# --- 10.4 a lost reply -------------------------------------------------------------------


def finished(peer: Peer) -> tuple[Asked, dict[str, Any]]:
    """Finish an upload in two parts; return its last put and the reply."""
    unfinished(peer, part(0, 7, total=12))
    last = part(7, 12, digest=DIGEST)
    return last, peer.ok(last).header


def repeated(*meanwhile: Asked, last: Asked | None = None) -> Run:
    """The completing put, again: the same reply, and nothing is done."""

    def run(peer: Peer) -> None:
        completing, reply = finished(peer)
        for asked in meanwhile:
            peer.ok(asked)
        before = peer.content("~/a")
        for _ in range(2):
            again = peer.another().ok(last or completing).header
            same(reply | {"id": 0}, again | {"id": 0}, "reply")
        peer.holds("~/a", before)

    return run


chapter.each(
    "HF-RESUME-022 HF-RESUME-023",
    "The completing put gets the same reply when it comes again: {}.",
    repeated,
    {
        "again": (),
        "again-after-another-put": (put("~/a", b"newer"),),
        "again-after-a-delete": (delete("~/a"),),
        "again-after-a-move": (move("~/a", "~/b"),),
        "again-after-a-directory": (delete("~/a"), put("~/a/b", b"newer")),
    },
)


@chapter.check("HF-RESUME-022")
def again_in_other_frames(peer: Peer) -> None:
    """The completing put may come again cut into other frames."""
    repeated(last=part(7, 9, more=True).then(b"rld"))(peer)


@chapter.check("HF-RESUME-022 HF-RESUME-024")
def again_of_a_single_part(peer: Peer) -> None:
    """A put that completed its upload alone gets the same reply, and stores nothing again."""
    whole = part(0, 12, total=12)
    reply = peer.ok(whole).header
    peer.ok(put("~/a", b"newer"))
    same(reply | {"id": 0}, peer.ok(whole).header | {"id": 0}, "reply")
    peer.holds("~/a", b"newer")


@chapter.check("HF-RESUME-022 HF-ERROR-012")
def again_with_a_lost_condition(peer: Peer) -> None:
    """A completing put with a condition gets the same reply, though it fails by now."""
    unfinished(peer, part(0, 7, total=12))
    last = part(7, 12, if_=None)
    reply = peer.ok(last).header
    same(reply | {"id": 0}, peer.ok(last).header | {"id": 0}, "reply")


OTHERS: Final[Mapping[str, Asked]] = {
    "other-bytes": put("~/a", b"WORLD", upload="~", offset=7),
    "fewer-bytes": part(7, 11),
    "more-bytes": put("~/a", b"world!", upload="~", offset=7),
    "another-offset": part(5, 12),
    "offset-0": part(0, 12, total=12),
    "an-empty-put-at-the-end": part(12, 12),
    "another-name": put("~/b", b"world", upload="~", offset=7),
}


def other_put(asked: Asked) -> Run:
    """Any other put of a finished upload is a conflict."""

    def run(peer: Peer) -> None:
        finished(peer)
        peer.refused("conflict", asked)
        peer.in_step()
        peer.holds("~/a", TEXT)
        peer.holds("~/b", None)

    return run


chapter.each(
    "HF-RESUME-024",
    "Any other put of a finished upload is a conflict: {}.",
    other_put,
    {f"finished-and-{name}": asked for name, asked in OTHERS.items()},
)


@chapter.check("HF-RESUME-025 HF-RESUME-023")
def stat_of_a_finished_upload(peer: Peer) -> None:
    """Stat tells rev, total and digest of what was stored, though the file has changed since."""
    _, reply = finished(peer)
    for asked in (put("~/a", b"newer"), delete("~/a")):
        peer.ok(asked)
        told = peer.ok(stat(upload="~"))
        wanted = {"rev": reply["rev"], "total": 12, "digest": DIGEST, "offset": 12}
        same(wanted, {name: told[name] for name in wanted}, "what stat tells")


@chapter.check("HF-RESUME-026")
def a_finished_upload_is_forgotten(peer: Peer) -> None:
    """Delete by upload forgets a finished one, and leaves its file."""
    finished(peer)
    peer.ok(delete(upload="~"))
    peer.refused("upload-gone", stat(upload="~"))
    peer.holds("~/a", TEXT)
    peer.ok(put("~/a", b"anew", upload="~", total=4))
    peer.holds("~/a", b"anew")


@chapter.check("HF-RESUME-026")
def an_unfinished_upload_is_forgotten(peer: Peer) -> None:
    """Delete by upload forgets an unfinished one."""
    unfinished(peer, part(0, 7, total=12))
    peer.ok(delete(upload="~"))
    peer.refused("upload-gone", part(7, 12))
    peer.refused("upload-gone", delete(upload="~"))
    peer.ok(put("~/b", b"abc", upload="~", total=3))
    peer.holds("~/b", b"abc")


@chapter.check("HF-RESUME-011 HF-COND-002")
def if_means_nothing_by_upload(peer: Peer) -> None:
    """`if` on a stat or delete by upload means nothing."""
    unfinished(peer, part(0, 7, total=12))
    same(7, peer.ok(stat(upload="~", if_="x"))["offset"], "offset")
    peer.ok(delete(upload="~", if_="x"))


@chapter.check("HF-RESUME-003 HF-REQ-004")
def a_part_without_id(peer: Peer) -> None:
    """A part without id counts like any other."""
    peer.unanswered(part(0, 7, total=12, id=None))
    stands(peer, 7)
    peer.unanswered(part(7, 12, id=None))
    same(TEXT, peer.ok(get("~/a")).body, "body")


CHECKS: Final = chapter.checks
