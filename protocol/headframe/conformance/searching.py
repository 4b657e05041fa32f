"""How a random check looks for a wrong answer: how often, what it remembers, and when it ends.

    search.explore(example, seed=7, usual=25, record=lambda: (peer.transcript, None))

The law of this module: Hypothesis is set up here alone, and whatever a user's own profile of
Hypothesis says, a seed repeats itself. It is imported when a search begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from headframe.conformance.transcript import Transcript
from headframe.conformance.verdicts import Crowded, Deviation, Gone

if TYPE_CHECKING:
    from hypothesis import settings
    from hypothesis.database import ExampleDatabase

__all__ = ["Found", "Over", "Search"]


class Over(KeyboardInterrupt):
    """The search ends here, whatever it has found: Hypothesis lets nothing else out at once."""


@dataclass(frozen=True, slots=True)
class Found:
    """An example that fails."""

    deviation: Deviation
    transcript: Transcript
    """What passed in it."""
    question: Mapping[str, Any] | None = None
    """What a codec was asked."""


def _go_on(_: Search) -> None:
    pass


@dataclass(slots=True, kw_only=True)
class Search:
    """One search, by one check."""

    examples: int | None = None
    """How many are tried; None: as many as the check finds enough."""
    database: ExampleDatabase | None = None
    """What failed before, which is tried first; None: nothing is remembered."""
    begin: Callable[[Search], None] = _go_on
    """Is called before each example, and raises Over where there is to be none."""
    found: Found | None = None
    """The newest example that fails; at the end, the simplest."""

    def settings(self, usual: int, **more: Any) -> settings:
        """Return the settings of Hypothesis; `usual` is how many examples a check finds enough."""
        hypothesis: Any = import_module("hypothesis")
        phase = hypothesis.Phase
        made: settings = hypothesis.settings(
            max_examples=self.examples or usual,
            database=self.database,
            derandomize=False,
            deadline=None,
            verbosity=hypothesis.Verbosity.quiet,
            print_blob=False,
            report_multiple_bugs=False,
            phases=[phase.reuse, phase.generate, phase.shrink],
            suppress_health_check=list(hypothesis.HealthCheck),
            **more,
        )
        return made

    def keep(
        self,
        deviation: Deviation,
        transcript: Transcript,
        question: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep an example that fails; raise Over if nobody is left who could be asked another."""
        if isinstance(deviation, Gone) and self.found is not None:
            raise Over  # what came before has ended it, and is the one to show
        self.found = Found(deviation, transcript, question)

    def explore(
        self,
        example: Callable[[Any], None],
        *,
        seed: int,
        usual: int,
        record: Callable[[], tuple[Transcript, Mapping[str, Any] | None]],
    ) -> None:
        """Try examples; raise the simplest Deviation, if there is one.

        `example` draws what it needs; `record` returns what passed in it and what was asked.
        """
        hypothesis: Any = import_module("hypothesis")

        def test(data: Any) -> None:
            self.begin(self)
            try:
                example(data.draw)
            except Deviation as deviation:
                self.keep(deviation, *record())
                raise

        given = hypothesis.given(hypothesis.strategies.data())(test)
        seeded = hypothesis.seed(seed)(given)  # which takes the database away
        self.conclude(self.settings(usual)(seeded))

    def conclude(self, run: Callable[[], None]) -> None:
        """Run a search to its end; raise what it has found."""
        errors: Any = import_module("hypothesis.errors")
        try:
            run()
        except errors.Flaky as error:
            if self.found is None:
                raise
            deviation = self.found.deviation
            if isinstance(deviation, Crowded):
                raise deviation from error
            raise Deviation(
                "the same answers to the same requests",
                f"others the second time; the first time {deviation}",
            ) from error
        except Over:
            if self.found is None:
                raise
            raise self.found.deviation from None
