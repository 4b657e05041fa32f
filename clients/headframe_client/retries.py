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

__all__ = ["RETRIES", "Retries", "RetryReport", "retry", "wait_before_retry"]

RETRIES: Final = 6
"""With the waits between them: a quarter of a minute, in which a server is started again."""
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0

RetryReport = Callable[[ClientError, float], None]
"""Hears of an error after which there is another try, and of the seconds until then."""

R = TypeVar("R")


def wait_before_retry(error: ClientError, turn: int) -> float | None:
    """Return how many seconds to wait before trying again; None: trying again cannot help.

    `turn` counts from 0. A connection that was lost is made again at once; if that fails, the wait
    doubles each time, and is spread, so that many clients do not come back together.

    >>> wait_before_retry(Refused("not-found", ""), 0) is None
    True
    """
    if isinstance(error, ConnectionFailed):
        if turn == 0:
            return 0.0
        spread = random.uniform(0.75, 1.25)  # noqa: S311  (nobody has to be unable to guess it)
        return min(FIRST_WAIT_S * 2.0 ** (turn - 1), LONGEST_WAIT_S) * spread
    if not isinstance(error, Refused) or not error.code.retryable:
        return None
    refusal = error.refusal
    if isinstance(refusal, Refusal) and not isinstance(refusal.retry_ms, UnsetType):
        return min(refusal.retry_ms / 1000, LONGEST_WAIT_S)
    return None


class Retries:
    """How often something may still be tried again."""

    def __init__(
        self,
        retries: int = RETRIES,
        report: RetryReport | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """`pause` waits for so many seconds."""
        self.retries = retries
        self._report = report
        self._pause = pause
        self._turn = 0

    def reset(self) -> None:
        """Count anew: there was progress."""
        self._turn = 0

    def wait(self, error: ClientError) -> None:
        """Wait before another try; raise `error` if there is none."""
        wait_s = wait_before_retry(error, self._turn)
        if wait_s is None or self._turn >= self.retries:
            raise error
        self._turn += 1
        if self._report is not None:
            self._report(error, wait_s)
        self._pause(wait_s)


def retry(step: Callable[[], R], retries: int = RETRIES, report: RetryReport | None = None) -> R:
    """Return what `step` returns, called again when that can help; raise its last error.

    `step` has to be one that may be repeated: a get, or a put with `upload`.
    """
    turns = Retries(retries, report)
    while True:
        try:
            return step()
        except ClientError as error:
            turns.wait(error)
