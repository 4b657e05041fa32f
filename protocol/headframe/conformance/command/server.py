"""The command `headframe conform server`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from headframe.conformance import runs, terminal
from headframe.conformance.check import Check, Lane, Profile
from headframe.conformance.command import telling
from headframe.conformance.command.reporting import report_files, write_reports
from headframe.conformance.command.targets import target_of, target_options
from headframe.conformance.command.telling import (
    Teller,
    check_options,
    known_failures,
    list_checks,
    selected,
)
from headframe.conformance.preflight import look_at
from headframe.conformance.runner import WORKERS, chosen, run_checks
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Facts, Target
from headframe.conformance.verdicts import Result, SetupError

__all__ = ["server"]

MOST_WORKERS: Final = 24
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


@click.command(epilog="Example: headframe conform server headframe://127.0.0.1:37263")
@click.argument("url", required=False)
@click.option(
    "--profile",
    type=click.Choice([profile.value for profile in Profile]),
    default=Profile.FULL.value,
    show_default=True,
    help="How much the server claims: origin (a put, no replies), core (nothing optional), full.",
)
@click.option(
    "--lane",
    type=click.Choice([lane.value for lane in Lane]),
    default=Lane.PLAIN.value,
    show_default=True,
    help="What is run: fixed cases, random ones that models judge, or real time-outs.",
)
@check_options
@click.option("--replays", type=_FOLDER, default="headframe-replays", help="Where failures go.")
@click.option("--root", type=_FOLDER, help="The folder that the server serves, to look into it.")
@target_options
@report_files
@click.option(
    "-j", "workers", type=click.IntRange(1, MOST_WORKERS), default=WORKERS, help="Checks at once."
)
def server(  # noqa: PLR0913, PLR0917  (one for each option)
    url: str | None,
    profile: str,
    only: tuple[str, ...],
    lane: str,
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
    checks = chosen(SERVER_CHECKS, Profile(profile), Lane(lane))
    if explain is not None:
        return telling.explain(explain, SERVER_CHECKS)
    checks = selected(checks, only)
    if as_list:
        return list_checks(checks)
    if url is None:
        raise click.UsageError("URL is missing, such as headframe://127.0.0.1:37263")
    target = target_of(url, about)
    known = known_failures(expected_failures, SERVER_CHECKS)

    def replay(result: Result) -> str | None:
        path = terminal.save_replay(result, replays, str(target))
        return f"headframe replay {path} {target}" if path else None

    teller = Teller(
        expected=known,
        verbose=verbose,
        quiet=quiet,
        as_json=as_json,
        total=len(checks),
        replay=replay,
    )
    run = _run(
        target,
        checks,
        teller,
        profile=profile,
        seed=seed or secrets.token_hex(4),
        workers=max(workers, min(len(checks), MOST_WORKERS)) if lane == Lane.TIMERS else workers,
    )
    teller.conclude(run)
    write_reports(run, about)
    return int(run.exit)


def _run(
    target: Target,
    checks: Sequence[Check],
    teller: Teller,
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
        teller.clear()
    return runs.Run(
        target=str(target),
        profile=profile,
        seed=seed,
        hello=facts.hello,
        results=runs.compare(results, teller.expected),
        seconds=time.monotonic() - begun,
        setup=setup,
    )
