"""Checks of clients, chapter 10: uploads that are cut, taken over, forgotten or finished."""

from __future__ import annotations

import math
import re
from typing import Final

from headframe.conformance.check import Chapter, Role
from headframe.conformance.client.acts import bad, changed, cut, refused, vanish
from headframe.conformance.client.commands import Op
from headframe.conformance.client.forms import EITHER, Run
from headframe.conformance.client.frame import LARGE, put_large
from headframe.conformance.client.lineup import Subject
from headframe.conformance.client.messages import Request
from headframe.conformance.client.scene import Scene
from headframe.conformance.client.talk import Act, Talk
from headframe.conformance.verdicts import Deviation, Verdict

__all__ = ["CHECKS"]

NO_UPLOAD: Final = "it sends no upload"
NOT_ASKED: Final = "it does not go on"

chapter: Final = Chapter("client-resume", role=Role.CLIENT, needs=frozenset({"replies", Op.PUT}))

MIB: Final = 1 << 20
PATIENT: Final = {**EITHER, NO_UPLOAD: Verdict.SKIP, NOT_ASKED: Verdict.SKIP}

# --- tokens ------------------------------------------------------------------------------

RANDOM_BITS: Final = 128
LIKELY_SAME: Final = 6
"""Of 22 places that are random, so many are the same in two tokens once in a million."""
_ALPHABETS: Final = {
    r"[0-9]+": math.log2(10),
    r"[0-9a-f]+": 4.0,
    r"[0-9A-F]+": 4.0,
    r"[A-Za-z0-9]+": math.log2(62),
}
_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[1-8][0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}")


def bits_of(one: str, other: str) -> float:
    """Return how many random bits two tokens can have at most, as far as it shows."""
    if one == other:
        return 0.0
    if _UUID.fullmatch(one):
        return 122.0
    per_place = 6.0
    for pattern, bits in reversed(_ALPHABETS.items()):
        if re.fullmatch(pattern, one) and re.fullmatch(pattern, other):
            per_place = bits
    same = sum(a == b for a, b in zip(one, other, strict=False))
    return per_place * (len(one) - (same if same >= LIKELY_SAME else 0))


def tokens_of(scene: Scene) -> list[str]:
    """Return the tokens of a run, in order."""
    return [str(request["upload"]) for request in scene.asked("put") if request["upload"]]


@chapter.check("HF-RESUME-001", permitted={"ok": Verdict.PASS, NO_UPLOAD: Verdict.SKIP})
def tokens_are_random(subject: Subject) -> str | None:
    """Each upload has a token of its own, of at least 128 random bits."""
    runs = [put_large(subject), subject.shared("put-of-a-large-file", put_large)]
    tokens = [tokens_of(scene) for scene in runs]
    if not all(tokens):
        return NO_UPLOAD
    bits = bits_of(tokens[0][0], tokens[1][0])
    if bits < RANDOM_BITS:
        shown = " and ".join(ascii(found[0])[:70] for found in tokens)
        raise Deviation(f"tokens of {RANDOM_BITS} random bits", f"{bits:.0f} at most: {shown}")
    return None


# --- cut, and gone on with ---------------------------------------------------------------


def uploads(*puts: Act, stat: Act | None = None) -> Run:
    """Puts of a large file are treated so, and a question about the upload as well."""

    def run(subject: Subject) -> str:
        script = {"put": puts} | ({} if stat is None else {"stat": [stat]})
        scene = subject.put(script, body=LARGE)
        if not tokens_of(scene):
            return NO_UPLOAD
        if stat is not None and not scene.asked("stat"):
            return NOT_ASKED
        return scene.outcome()

    return run


def forgets(talk: Talk, request: Request) -> None:
    """Take part of a body, and lose it together with the connection."""
    talk.finish(request, MIB)
    talk.reset()


def keeps_less(talk: Talk, request: Request) -> None:
    """Take part of a body, and keep less of it than has come."""
    talk.finish(request, 2 * MIB)
    del request.body[MIB + 13 :]
    talk.host.keep(request)
    talk.reset()


chapter.each(
    "HF-REPLY-010",
    "An upload that was cut goes on where the server stands, or fails: {}.",
    uploads,
    {
        "cut-in-the-middle": vanish(2 * MIB),
        "server-has-less-than-was-sent": keeps_less,
        "server-has-forgotten-it": forgets,
        "reply-is-lost": cut(0),
    },
    permitted=PATIENT,
)

chapter.add(
    "offset-is-a-string",
    "Where an upload stands is a number: a string ends the connection.",
    "HF-REPLY-001",
    uploads(vanish(MIB), stat=bad(changed(offset="1048576"))),
    permitted=PATIENT,
)

# --- taken over --------------------------------------------------------------------------


@chapter.check("HF-RESUME-021", permitted=PATIENT)
def superseded_is_the_end(subject: Subject) -> str:
    """A put that was refused with superseded is not repeated."""
    scene = subject.put({"put": [refused("superseded", close=True)]}, body=LARGE)
    if not tokens_of(scene):
        return NO_UPLOAD
    puts = len(scene.asked("put"))
    if puts > 1:
        raise Deviation("one put of this upload", f"{puts} of them")
    return scene.outcome()


CHECKS: Final = chapter.checks
