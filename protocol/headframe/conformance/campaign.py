"""A campaign: random checks, one after the other and again, until the time or the count is over.

    campaign = Campaign(checks, run, seed="7", seconds=600)
    for found in campaign.results(): ...

The law of this module: round by round each check tries some examples with a seed of its own. One
that has found something is out: until that is mended it would find little else. When the time is
over nothing new is begun, but what was found is still made small, for a minute at most. It ends
when nobody is left to be asked.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from headframe.conformance.check import Check
from headframe.conformance.searching import Found, Over, Search
from headframe.conformance.verdicts import Gone, Result, Verdict

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

__all__ = ["ROUND", "Campaign", "Runner"]

ROUND: Final = 25
"""Examples that a check tries at a time, before the next one has its turn."""
SHRINK_S: Final = 60.0
"""How long what was found is made smaller."""


class Runner(Protocol):
    """Runs one check with one seed."""

    def __call__(self, check: Check, seed: str, search: Search) -> Result:
        """Return what came of it."""
        ...


def _nothing(_: Campaign) -> None:
    pass


@dataclass(slots=True, kw_only=True)
class Campaign:
    """One of them, and how far it is."""

    checks: Sequence[Check]
    run: Runner
    seed: str
    seconds: float | None = None
    """How long it goes on; None: no matter how long."""
    limit: int | None = None
    """How many examples it tries; None: no matter how many."""
    shelve: Callable[[Check], ExampleDatabase | None] = lambda _: None
    """Returns where a check remembers what it found."""
    on_example: Callable[[Campaign], None] = _nothing
    """Is called before each example."""
    examples: int = 0
    """So many were tried, to find something; those that made it smaller do not count."""
    found: int = 0
    """So many checks have found something."""
    begun: float = field(default_factory=time.monotonic)
    gone: bool = False
    """Nobody is left to be asked."""
    stopped: bool = False
    """Somebody wants it to end."""
    _shrink_until: float | None = None
    """While something is made smaller."""

    @property
    def elapsed_s(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self.begun

    @property
    def is_shrinking(self) -> bool:
        """Whether it has found something and makes it smaller."""
        return self._shrink_until is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing new is to be begun."""
        late = self.seconds is not None and self.elapsed_s >= self.seconds
        return self.stopped or late or (self.limit is not None and self.examples >= self.limit)

    def results(self) -> Iterator[tuple[Result, Found | None]]:
        """Yield each result that is a failure or an error, and the example of a failure."""
        left = [*self.checks]
        for number in itertools.count(1):
            for check in [*left]:
                if self.is_over:
                    return
                search = Search(examples=ROUND, database=self.shelve(check), begin=self._begin)
                try:
                    result = self.run(check, f"{self.seed}-{number}", search)
                except Over:
                    return
                finally:
                    self._shrink_until = None
                found = search.found
                if found is not None and isinstance(found.deviation, Gone):
                    self.gone = True
                    if self.found and not found.transcript.entries:
                        return  # what was found before has ended it
                if result.verdict in {Verdict.FAIL, Verdict.ERROR}:
                    self.found += result.verdict is Verdict.FAIL
                    yield result, found
                if result.verdict is not Verdict.PASS:
                    left.remove(check)
                if self.gone:
                    return
            if not left:
                return

    def _begin(self, search: Search) -> None:
        """Count an example, or raise Over."""
        self.on_example(self)
        if search.found is None:
            if self.is_over:
                raise Over
            self.examples += 1
            return
        if self._shrink_until is None:
            self._shrink_until = time.monotonic() + SHRINK_S
        if self.stopped or time.monotonic() >= self._shrink_until:
            raise Over
