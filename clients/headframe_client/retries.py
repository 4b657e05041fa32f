"""Trying again: when it can help, after as long as the server asks for, and only so often.

Spec: chapters 5 and 10. The law of this module: what a server has decided is not asked again, and
neither is what somebody else has taken over; what was lost on the way is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from headframe import Refusal, UnsetType
from headframe_client.errors import ClientError, ConnectionFailed, Refused

__all__ = ["RETRIES", "retry", "wait_before_retry"]

RETRIES: Final = 3
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0

R = TypeVar("R")


def wait_before_retry(error: ClientError, turn: int) -> float | None:
    """Return how many seconds to wait before trying again; None: trying again cannot help.

    `turn` counts from 0. Where the server says nothing the wait doubles each time, and is spread,
    so that many clients do not come back at once.

    >>> wait_before_retry(Refused("not-found", ""), 0) is None
    True
    """
    if isinstance(error, ConnectionFailed):
        spread = random.uniform(0.75, 1.25)  # noqa: S311  (nobody has to be unable to guess it)
        return min(FIRST_WAIT_S * 2.0**turn, LONGEST_WAIT_S) * spread
    refusal = error.refusal if isinstance(error, Refused) else None
    if isinstance(refusal, Refusal) and not isinstance(refusal.retry_ms, UnsetType):
        return min(refusal.retry_ms / 1000, LONGEST_WAIT_S)
    return None


def retry(
    step: Callable[[], R],
    retries: int = RETRIES,
    report: Callable[[ClientError, float], None] | None = None,
) -> R:
    """Return what `step` returns, called again when that can help; raise its last error.

    `step` has to be one that may be repeated: a get, or a put with `upload`. `report` hears of each
    error after which there is another try, and the seconds until then.
    """
    for turn in range(retries):
        try:
            return step()
        except ClientError as error:
            wait_s = wait_before_retry(error, turn)
            if wait_s is None:
                raise
            if report is not None:
                report(error, wait_s)
            time.sleep(wait_s)
    return step()
