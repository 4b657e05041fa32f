"""What became of a check, and what that means for the whole run.

The law of this module: a verdict says whose turn it is. `fail` is the implementation's, `setup`
the user's, `error` the kit's own; a check that could not be judged never counts as passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headframe.conformance.check import Check
    from headframe.conformance.transcript import Transcript

__all__ = ["Crowded", "Deviation", "Exit", "Gone", "Result", "SetupError", "Verdict"]


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105  (a verdict)
    WARN = "warn"
    """A SHOULD is not kept."""
    INFO = "info"
    """A choice that the standard leaves open, told for the record."""
    FAIL = "fail"
    SKIP = "skip"
    """It needs what the implementation does not declare, or what the run was not given."""
    BLOCKED = "blocked"
    """A check that it depends on failed."""
    SETUP = "setup"
    """There is nothing to test, or no way to it."""
    ERROR = "error"
    """The kit's own bug."""


class Exit(IntEnum):
    """How the command ends."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    KIT_ERROR = 4


class Deviation(Exception):
    """What came is not permitted."""

    def __init__(self, permitted: str, got: str) -> None:
        super().__init__(f"permitted: {permitted}; got: {got}")
        self.permitted = permitted
        self.got = got


class Crowded(Deviation):
    """The server has too many connections for now (HF-SEC-011): the check is run again."""

    def __init__(self, retry_ms: object) -> None:
        super().__init__("a connection that is served", "busy, close")
        self.retry_s = min(retry_ms, 2000) / 1000 if type(retry_ms) is int else 0.1


class Gone(Deviation):
    """Nobody accepts a connection."""

    def __init__(self, why: object) -> None:
        super().__init__("a connection", f"none ({why})")


class SetupError(Exception):
    """There is nothing to test, or no way to it; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check, run once."""

    check: Check
    verdict: Verdict
    got: str
    """The outcome, or what came in place of a permitted one."""
    permitted: str = ""
    """What was permitted at the point where something else came."""
    transcript: Transcript | None = None
    """What passed; None where nothing did."""
    seconds: float = 0.0
    expected: bool = False
    """It failed, and the file of expected failures said so."""

    @property
    def counts_as_failure(self) -> bool:
        """Whether the run fails by it."""
        return self.verdict is Verdict.FAIL and not self.expected
