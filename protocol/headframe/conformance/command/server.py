"""The command `headframe conform server`."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from headframe.conformance import runs, terminal
from headframe.conformance.check import Check, Lane, Profile, select
from headframe.conformance.command.reporting import report_files, write_reports
from headframe.conformance.command.targets import target_of, target_options
from headframe.conformance.preflight import look_at
from headframe.conformance.runner import WORKERS, chosen, run_checks
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Facts, Target
from headframe.conformance.verdicts import Result, SetupError, Verdict

__all__ = ["server"]

WHOLE_FAILURES: Final = 12
"""How many failures are told with their exchange; those of more are in the replay files."""
MOST_WORKERS: Final = 24
_TOLD: Final = {Verdict.FAIL, Verdict.ERROR, Verdict.WARN, Verdict.BLOCKED}
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


@dataclass(slots=True)
class _Teller:
    """Tells results as they come."""

    target: str
    replays: Path
    expected: frozenset[str]
    verbose: bool
    quiet: bool
    total: int
    live: bool = field(default_factory=sys.stderr.isatty)
    done: int = 0
    shown: int = 0
    """Failures that were told with their exchange."""

    def __call__(self, result: Result) -> None:
        self.done += 1
        result = runs.compare([result], self.expected)[0]
        if self.live:
            click.echo(f"\r\033[K{self.done}/{self.total} checks ", err=True, nl=False)
        if (self.verbose or result.verdict in _TOLD) and not self.quiet:
            self._tell(result)

    def _tell(self, result: Result) -> None:
        replay = None
        if result.verdict is Verdict.FAIL and not result.expected:
            path = terminal.save_replay(result, self.replays, self.target)
            replay = f"headframe replay {path} {self.target}" if path else None
        if self.live:
            click.echo("\r\033[K", err=True, nl=False)
        whole = self.shown < WHOLE_FAILURES
        self.shown += result.verdict is Verdict.FAIL
        for line in terminal.show_result(result, replay, whole=whole):
            click.echo(line)


@click.command()
@click.argument("url", required=False)
@click.option(
    "--profile",
    type=click.Choice([profile.value for profile in Profile]),
    default=Profile.FULL.value,
    show_default=True,
    help="How much the server claims: origin (a put, no replies), core (nothing optional), full.",
)
@click.option(
    "--only", multiple=True, metavar="WHAT", help="An id, a glob of ids, a chapter or a rule."
)
@click.option("--timers", is_flag=True, help="Run the lane that waits for real time-outs instead.")
@click.option("--list", "as_list", is_flag=True, help="Show the checks that would run.")
@click.option("--explain", metavar="WHAT", help="Show what a rule or a check is about.")
@click.option("--seed", metavar="TEXT", help="Repeat the random choices of a run.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--expected-failures", type=_FILE, help="Ids of checks that are known to fail.")
@click.option("--replays", type=_FOLDER, default="headframe-replays", help="Where failures go.")
@click.option("--root", type=_FOLDER, help="The folder that the server serves, to look into it.")
@target_options
@report_files
@click.option(
    "-j", "workers", type=click.IntRange(1, MOST_WORKERS), default=WORKERS, help="Checks at once."
)
@click.option("-v", "--verbose", is_flag=True, help="Tell of every check.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the last line.")
def server(  # noqa: PLR0913, PLR0917  (one for each option)
    url: str | None,
    profile: str,
    only: tuple[str, ...],
    timers: bool,
    as_list: bool,
    explain: str | None,
    seed: str | None,
    as_json: bool,
    expected_failures: Path | None,
    replays: Path,
    verbose: bool,
    quiet: bool,
    workers: int,
    **about: Any,
) -> int:
    """Test the server at URL, such as headframe://127.0.0.1:37263.

    It stores files under names of its own, hfk-..., and deletes them afterwards. Checks that need
    what the server does not declare are skipped.
    """
    checks = chosen(SERVER_CHECKS, Profile(profile), Lane.TIMERS if timers else Lane.PLAIN)
    if explain is not None:
        return _explain(explain)
    if only:
        checks = _selected(checks, only)
    if as_list:
        for check in checks:
            click.echo(f"{check.id}  {' '.join(check.rules)}  {check.title}")
        return 0
    if url is None:
        raise click.UsageError("URL is missing, such as headframe://127.0.0.1:37263")
    target = target_of(url, about)
    known = runs.read_expected(expected_failures) if expected_failures else frozenset()
    unknown = known - {check.id for check in SERVER_CHECKS}
    if unknown:
        raise click.UsageError(f"{expected_failures}: no check is called {min(unknown)!r}")
    run = _run(
        target,
        checks,
        _Teller(str(target), replays, known, verbose, quiet or as_json, len(checks)),
        profile=profile,
        seed=seed or secrets.token_hex(4),
        workers=max(workers, min(len(checks), MOST_WORKERS)) if timers else workers,
    )
    for line in map(json.dumps, run.rows()) if as_json else [terminal.summary(run)]:
        click.echo(line)
    write_reports(run, about)
    return int(run.exit)


def _selected(checks: Sequence[Check], patterns: Sequence[str]) -> tuple[Check, ...]:
    try:
        return select(checks, patterns)
    except ValueError as error:
        raise click.UsageError(f"--only: {error}") from error


def _explain(what: str) -> int:
    matching = [check for check in SERVER_CHECKS if check.matches(what)]
    if what.startswith("HF-"):
        lines = [*terminal.explain_rule(what, SERVER_CHECKS)]
    elif matching:
        lines = [line for check in matching for line in terminal.explain_check(check)]
    else:
        raise click.UsageError(f"--explain: {what!r} is no rule, no check and no chapter")
    for line in lines:
        click.echo(line)
    return 0


def _run(
    target: Target,
    checks: Sequence[Check],
    teller: _Teller,
    *,
    profile: str,
    seed: str,
    workers: int,
) -> runs.Run:
    """Look at the server, and run the checks if it is one."""
    flat = profile == Profile.ORIGIN
    begun = time.monotonic()
    facts = Facts()
    results: list[Result] = []
    setup = None
    try:
        facts = look_at(target, silent_is_fine=flat and target.root is not None)
        results = run_checks(
            target, checks, facts=facts, seed=seed, workers=workers, flat=flat, on_result=teller
        )
    except SetupError as error:
        hint = " (the folder that it serves, --root, can show what it does)"
        setup = f"{error}{hint if flat and target.root is None else ''}"
    finally:
        if teller.live:
            click.echo("\r\033[K", err=True, nl=False)
    return runs.Run(
        target=str(target),
        profile=profile,
        seed=seed,
        hello=facts.hello,
        results=runs.compare(results, teller.expected),
        seconds=time.monotonic() - begun,
        setup=setup,
    )
