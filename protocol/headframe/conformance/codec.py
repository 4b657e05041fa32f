"""The codec lane: a codec in any language is asked about every vector, and about random streams.

    with CodecProcess("node my_codec.js") as codec:
        results = run_codec_checks(codec, CODEC_CHECKS)

Spec: the page `spec/vectors.md`. The law of this module: one check after the other, on one
program; what it says that it does not do is skipped, never failed.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from typing import Final

from headframe.conformance.check import OK, Check
from headframe.conformance.codec_checks import (
    CodecPeer,
    Skipped,
    build_checks,
    compact_check,
    vector_checks,
)
from headframe.conformance.codec_process import Codec
from headframe.conformance.codec_random import RANDOM_CHECKS
from headframe.conformance.searching import Search
from headframe.conformance.vectors import VECTORS
from headframe.conformance.verdicts import Deviation, Result, SetupError, Verdict

__all__ = ["CODEC_CHECKS", "look_at_codec", "run_codec_check", "run_codec_checks"]

CODEC_CHECKS: Final[tuple[Check, ...]] = (
    *vector_checks(),
    *build_checks(),
    compact_check(),
    *RANDOM_CHECKS,
)
"""All checks of codecs."""

FIRST: Final = ("FRAME-001-hello", "FRAME-001-reply")
"""The vectors that a program is tried with: one of each side."""


def look_at_codec(codec: Codec) -> None:
    """Raise SetupError unless the program answers what it is asked."""
    declined = []
    for name in FIRST:
        vector = VECTORS[name]
        try:
            CodecPeer(codec, "").reads(vector.role, [vector.data], vector.events, vector.requests)
        except Skipped as skipped:
            declined.append(str(skipped))
        except Deviation as deviation:
            raise SetupError(
                f"asked about the vector {name}, the program should answer {deviation.permitted},"
                f" but what came is {deviation.got}"
            ) from None
    if len(declined) == len(FIRST):
        raise SetupError(f"the program reads neither requests nor replies: {declined[0]}")


def run_codec_checks(
    codec: Codec,
    checks: Sequence[Check] = CODEC_CHECKS,
    *,
    seed: str = "0",
    examples: int | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Run checks and return their results; raise SetupError where there is nothing to test.

    `examples`: how many streams of each kind the random ones try.
    """
    look_at_codec(codec)
    results = []
    gone = ""
    for check in checks:
        if gone:
            result = Result(check=check, verdict=Verdict.BLOCKED, got=gone)
        else:
            try:
                result = run_codec_check(codec, check, seed=seed, search=Search(examples=examples))
            except SetupError as error:
                gone = str(error)
                result = Result(check=check, verdict=Verdict.BLOCKED, got=gone)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return results


def run_codec_check(
    codec: Codec, check: Check, *, seed: str = "0", search: Search | None = None
) -> Result:
    """Run one check; raise SetupError when the program cannot be asked any more.

    `search` is for a random one.
    """
    begun = time.monotonic()
    peer = CodecPeer(codec, f"{seed} {check.id}", search)
    permitted = " or ".join(check.permitted)
    try:
        got = check.run(peer) or OK
        verdict = check.permitted.get(got, Verdict.FAIL)
    except Deviation as deviation:
        got, permitted, verdict = deviation.got, deviation.permitted, Verdict.FAIL
    except Skipped as skipped:
        got, verdict = str(skipped), Verdict.SKIP
    except SetupError:
        raise
    except Exception:
        got, verdict = traceback.format_exc(), Verdict.ERROR
    return Result(
        check=check,
        verdict=verdict,
        got=got,
        permitted=permitted,
        transcript=peer.transcript,
        seconds=time.monotonic() - begun,
    )
