"""What the lanes of `headframe conform` have in common: choosing checks, explaining, telling.

The law of this module: it knows nothing of what is tested; a lane brings its checks, and says how
a failure is seen again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from headframe.conformance import runs, terminal
from headframe.conformance.check import Check, select
from headframe.conformance.verdicts import Result, Verdict

__all__ = ["Teller", "check_options", "explain", "known_failures", "list_checks", "selected"]

F = TypeVar("F", bound=Callable[..., Any])

WHOLE_FAILURES: Final = 12
"""How many failures are told with their exchange; those of more can be shown again."""
_TOLD: Final = {Verdict.FAIL, Verdict.ERROR, Verdict.WARN, Verdict.BLOCKED}
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

_OPTIONS: Final = (
    click.option(
        "--only", multiple=True, metavar="WHAT", help="An id, a glob of ids, a chapter or a rule."
    ),
    click.option("--list", "as_list", is_flag=True, help="Show the checks that would run."),
    click.option("--explain", metavar="WHAT", help="Show what a rule or a check is about."),
    click.option("--seed", metavar="TEXT", help="Repeat the random choices of a run."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
    click.option("--expected-failures", type=_FILE, help="Ids of checks that are known to fail."),
    click.option("-v", "--verbose", is_flag=True, help="Tell of every check."),
    click.option("-q", "--quiet", is_flag=True, help="Say nothing but the last line."),
)


def check_options(command: F) -> F:
    """Give a command the options that every lane has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def selected(checks: Sequence[Check], patterns: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks that patterns mean, all if there is none; raise UsageError."""
    if not patterns:
        return tuple(checks)
    try:
        return select(checks, patterns)
    except ValueError as error:
        raise click.UsageError(f"--only: {error}") from error


def known_failures(path: Path | None, checks: Sequence[Check]) -> frozenset[str]:
    """Return the ids in a file of expected failures; raise UsageError for one of no check."""
    known = runs.read_expected(path) if path else frozenset()
    unknown = known - {check.id for check in checks}
    if unknown:
        raise click.UsageError(f"{path}: no check is called {min(unknown)!r}")
    return known


def list_checks(checks: Sequence[Check]) -> int:
    """Show checks, one a line."""
    for check in checks:
        click.echo(f"{check.id}  {' '.join(check.rules)}  {check.title}")
    return 0


def explain(what: str, checks: tuple[Check, ...]) -> int:
    """Show what a rule, a check or the checks of a chapter are about; raise UsageError."""
    matching = [check for check in checks if check.matches(what)]
    if what.startswith("HF-"):
        lines = [*terminal.explain_rule(what, checks)]
    elif matching:
        lines = [line for check in matching for line in terminal.explain_check(check)]
    else:
        raise click.UsageError(f"--explain: {what!r} is no rule, no check and no chapter")
    for line in lines:
        click.echo(line)
    return 0


@dataclass(slots=True, kw_only=True)
class Teller:
    """Tells results as they come."""

    expected: frozenset[str]
    verbose: bool
    quiet: bool
    as_json: bool
    total: int
    replay: Callable[[Result], str | None]
    """Returns the command that shows a failure again."""
    live: bool = field(default_factory=sys.stderr.isatty)
    done: int = 0
    shown: int = 0
    """Failures that were told with their exchange."""

    def __call__(self, result: Result) -> None:
        """Tell of a result, if it is worth it."""
        self.done += 1
        result = runs.compare([result], self.expected)[0]
        if self.live:
            click.echo(f"\r\033[K{self.done}/{self.total} checks ", err=True, nl=False)
        if self.as_json:
            self.clear()
            click.echo(json.dumps(runs.to_row(result)))
        elif (self.verbose or result.verdict in _TOLD) and not self.quiet:
            self._tell(result)

    def _tell(self, result: Result) -> None:
        failed = result.verdict is Verdict.FAIL and not result.expected
        replay = self.replay(result) if failed else None
        self.clear()
        whole = self.shown < WHOLE_FAILURES
        self.shown += result.verdict is Verdict.FAIL
        for line in terminal.show_result(result, replay, whole=whole):
            click.echo(line)

    def conclude(self, run: runs.Run) -> None:
        """Tell of the whole."""
        click.echo(json.dumps(run.to_row()) if self.as_json else terminal.summary(run))

    def clear(self) -> None:
        """Take the line of progress away."""
        if self.live:
            click.echo("\r\033[K", err=True, nl=False)
