"""Checks of section 8.9, digests in another algorithm.

What BLAKE3 makes of a few bodies stands here as it is: the kit does not compute it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headframe.conformance.check import Chapter
from headframe.conformance.forms import Run, nothing_done
from headframe.conformance.peer import Peer, same
from headframe.conformance.requests import Asked, digest_of, get, hello, move, put, stat
from headframe.conformance.server.resume import DIGEST, TEXT, part, unfinished
from headframe.conformance.verdicts import Deviation

__all__ = ["CHECKS"]

chapter: Final = Chapter("digest")

BLAKE3: Final = frozenset({"blake3"})
LONG: Final = bytes(range(250)) * 1200
KNOWN: Final[Mapping[bytes, str]] = {
    body: f"blake3:{digits}"
    for body, digits in {
        b"": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        b"onetwo": "e40f1b7ca51a482112d1c87474ae9695b272ddcb4f2c78af9c4aea21e5a960e5",
        TEXT: "a1a55887535397bf461902491c8779188a5dd1f8c3951b3d9cf6ecba194e87b0",
        LONG: "8045f146bcd490cee5415f0ff5e000c6ec39005c89ee15204c72c1859a94490e",
    }.items()
}
ONETWO: Final = KNOWN[b"onetwo"]
EITHER: Final = (ONETWO, digest_of(b"onetwo"))
WRONG: Final = KNOWN[b""]


def onetwo(first: Mapping[str, Any] | None = None, **trailers: Any) -> Asked:
    """Return a put of `onetwo` in two frames."""
    return put("~/a", b"one", more=True, **(first or {})).then(b"two", **trailers)


# --- what a server has -------------------------------------------------------------------


@chapter.check("HF-CMD-029 HF-CMD-012")
def features_name_what_there_is(peer: Peer) -> None:
    """A digest in BLAKE3 is taken if the features name it, and unsupported if not."""
    features = peer.ok(hello())["features"]
    named = isinstance(features, list) and "blake3" in features
    for asked in (put("~/a", TEXT, digest=KNOWN[TEXT]), onetwo(digest=ONETWO)):
        same("ok" if named else "unsupported", peer.ask(asked).word, "outcome of the put")
        peer.in_step()


@chapter.check("HF-CMD-030 HF-CMD-018")
def unknown_wants_of_a_put_are_ignored(peer: Peer) -> None:
    """Words of want that nobody knows leave the reply to a put with a digest in SHA-256."""
    for want in ([], ["example.com.colour", ""], ["sha-512"], ["digest"]):
        same(DIGEST, peer.ok(put("~/a", TEXT, want=want))["digest"], "digest")


def two_algorithms(asked: Asked) -> Run:
    """Two digests in one message, each right in its algorithm, are two different things."""
    return nothing_done("bad-request", asked)


chapter.add(
    "two-in-one-message",
    "Two digests of a put are two different things, though both are right.",
    "HF-BODY-009",
    two_algorithms(onetwo({"digest": digest_of(b"onetwo")}, digest=ONETWO)),
)
chapter.add(
    "two-in-one-message-blake3-first",
    "Two digests of a put are two different things, whichever comes first.",
    "HF-BODY-009",
    two_algorithms(onetwo({"digest": ONETWO}, digest=digest_of(b"onetwo"))),
    needs=BLAKE3,
)

# --- put ---------------------------------------------------------------------------------


def right(body: bytes) -> Run:
    """A right digest is taken, wherever it stands, and comes back."""

    def run(peer: Peer) -> None:
        digest, want = KNOWN[body], ["blake3"]
        for asked in (
            put("~/a", body, digest=digest),
            put("~/a", body, want=want),
            put("~/a", body[:3], more=True).then(body[3:], digest=digest),
            put("~/a", body[:3], more=True, want=want).then(body[3:], digest=digest),
        ):
            same(digest, peer.ok(asked)["digest"], "digest")
            peer.holds("~/a", body)

    return run


chapter.each(
    "HF-CMD-029 HF-CMD-030 HF-CMD-011",
    "A put with a digest in BLAKE3, or that wants one, is answered with it: {}.",
    right,
    {
        "put-of-nothing": b"",
        "put-of-twelve-bytes": TEXT,
        "put-of-300000-bytes": LONG,
    },
    needs=BLAKE3,
)
chapter.each(
    "HF-CMD-011 HF-CMD-029",
    "A put whose digest in BLAKE3 is not that of what came is refused: {}.",
    lambda asked: nothing_done("digest-mismatch", asked),
    {
        "wrong-in-the-first-header": put("~/a", TEXT, digest=WRONG),
        "wrong-for-nothing": put("~/a", digest=ONETWO),
        "wrong-in-a-trailer": onetwo(digest=WRONG),
        "wrong-in-a-trailer-that-was-announced": onetwo({"want": ["blake3"]}, digest=WRONG),
        "wrong-in-sha-256-where-blake3-was-announced": onetwo(
            {"want": ["blake3"]}, digest=digest_of(b"")
        ),
        "digits-of-sha-256": put("~/a", TEXT, digest=DIGEST.replace("sha-256", "blake3")),
    },
    needs=BLAKE3,
)
chapter.each(
    "HF-HEADER-016 HF-CMD-029",
    "A digest in BLAKE3 without its 64 digits is refused: {}.",
    lambda digest: nothing_done("bad-request", put("~/a", TEXT, digest=digest)),
    {
        "in-capitals": KNOWN[TEXT].upper().replace("BLAKE", "blake"),
        "cut-short": KNOWN[TEXT][:-1],
        "longer": KNOWN[TEXT] + "0",
        "without-digits": "blake3:",
    },
    needs=BLAKE3,
)


def told(asked: Asked, *digests: str) -> Run:
    """The reply to a put has one of these digests."""

    def run(peer: Peer) -> None:
        digest = peer.ok(asked)["digest"]
        if digest not in digests:
            raise Deviation(" or ".join(digests), f"digest: {digest!r}")
        peer.holds("~/a", b"onetwo")

    return run


chapter.each(
    "HF-CMD-030",
    "The reply to a put has its digest in the algorithm of the request: {}.",
    told,
    {
        "none-named": (onetwo(), EITHER[1]),
        "want-of-sha-256": (onetwo({"want": ["digest"]}), EITHER[1]),
        "want-of-both": (onetwo({"want": ["digest", "blake3"]}), *EITHER),
        "want-beside-unknown": (onetwo({"want": ["x", "blake3"]}), ONETWO),
        "sha-256-in-spite-of-want": (
            onetwo({"want": ["blake3"], "digest": EITHER[1]}),
            EITHER[1],
        ),
        "sha-256-trailing-in-spite-of-want": (
            onetwo({"want": ["blake3"]}, digest=EITHER[1]),
            EITHER[1],
        ),
        "blake3-in-spite-of-want": (onetwo({"want": ["digest"], "digest": ONETWO}), ONETWO),
    },
    needs=BLAKE3,
)

# --- get and stat ------------------------------------------------------------------------


def given(stored: str, want: tuple[str, ...], digests: tuple[str, ...]) -> Run:
    """The digest that is wanted is given, in whatever algorithm the file was stored."""

    def run(peer: Peer) -> None:
        peer.ok(onetwo(digest=stored))
        peer.ok(move("~/a", "~/b"))
        wish = {"want": list(want)}
        for asked in (stat("~/b", **wish), get("~/b", **wish), get("~/b", offset=3, **wish)):
            digest = peer.ok(asked)["digest"]
            if digest not in digests:
                raise Deviation(" or ".join(digests), f"digest: {digest!r}")

    return run


_GIVEN: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "blake3": (("blake3",), (ONETWO,)),
    "sha-256": (("digest",), (EITHER[1],)),
    "both": (("blake3", "digest"), EITHER),
    "both-and-unknown": (("x", "digest", "blake3", "sha-512"), EITHER),
}

chapter.each(
    "HF-CMD-031 HF-CMD-018",
    "A digest is given in an algorithm that is wanted: {}.",
    given,
    {
        f"want-{name}-of-a-file-put-in-{how}": (stored, *case)
        for name, case in _GIVEN.items()
        for how, stored in (("blake3", ONETWO), ("sha-256", EITHER[1]))
    },
    needs=BLAKE3,
)

# --- uploads -----------------------------------------------------------------------------


def completed(first: Mapping[str, Any], digest: str) -> Run:
    """The last part decides by its own digest; a repeat gets the reply of then."""

    def run(peer: Peer) -> None:
        unfinished(peer, part(0, 7, total=12, **first))
        last = part(7, 12, digest=digest)
        reply = peer.ok(last).header
        same(digest, reply["digest"], "digest")
        peer.ok(put("~/a", b"newer"))
        for again in (last, part(7, 12), part(7, 12, digest=DIGEST)):
            same(reply | {"id": 0}, peer.ok(again).header | {"id": 0}, "reply to the repeat")
        same(digest, peer.ok(stat(upload="~"))["digest"], "digest that stat tells")
        peer.holds("~/a", b"newer")

    return run


chapter.each(
    "HF-RESUME-022 HF-CMD-030 HF-RESUME-014 HF-RESUME-025",
    "The last part of an upload may have another algorithm than the first: {}.",
    completed,
    {
        "upload-that-ends-with-blake3": ({}, KNOWN[TEXT]),
        "upload-in-blake3": ({"want": ["blake3"]}, KNOWN[TEXT]),
        "upload-that-ends-with-sha-256": ({"want": ["blake3"]}, DIGEST),
    },
    needs=BLAKE3,
)


@chapter.check("HF-RESUME-017 HF-CMD-011", needs=BLAKE3)
def upload_with_a_wrong_digest(peer: Peer) -> None:
    """An upload is forgotten whose last part has a wrong digest in BLAKE3."""
    unfinished(peer, part(0, 7, total=12))
    peer.refused("digest-mismatch", part(7, 12, digest=WRONG))
    peer.refused("upload-gone", stat(upload="~"))
    peer.holds("~/a", None)


CHECKS: Final = chapter.checks
