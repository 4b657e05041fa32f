"""The command `headframe conform client`.

The law of this module: what is run are the user's own commands, and what has none is not tested.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from headframe.conformance import runs
from headframe.conformance.check import Check, Profile
from headframe.conformance.client import CLIENT_CHECKS
from headframe.conformance.client.commands import Commands, Op
from headframe.conformance.client.lineup import CLIENT_WORKERS, look_at_client, run_client_checks
from headframe.conformance.command import telling
from headframe.conformance.command.reporting import report_files, write_reports
from headframe.conformance.command.telling import (
    Teller,
    check_options,
    known_failures,
    list_checks,
    selected,
)
from headframe.conformance.runner import chosen
from headframe.conformance.verdicts import Result, SetupError

__all__ = ["client"]

F = TypeVar("F", bound=Callable[..., Any])

_OPS: Final = {
    Op.PUT: ("--put", "Sends the file {local} to {url}."),
    Op.GET: ("--get", "Fetches {url} as the file {local}."),
    Op.PUT_ALL: ("--put-all", "Sends all files in the folder {local} to below {url}."),
    Op.GET_ALL: ("--get-all", "Fetches all files below {url} into the folder {local}."),
    Op.LIST: ("--ls", "Shows the names below {url}."),
    Op.DELETE: ("--rm", "Deletes {url}."),
    Op.GET_TLS: ("--get-tls", "Fetches {url}, headframes://, trusting {ca} alone (a PEM file)."),
}


def _commands(command: F) -> F:
    """Give a command an option for each operation; they come by the name of the operation."""
    for op, (option, text) in reversed(_OPS.items()):
        name = op.replace("-", "_")
        command = click.option(option, f"op_{name}", metavar="COMMAND", help=text)(command)
    return command


@click.command(epilog='Example: headframe conform client "mycli put {local} {url}"')
@click.argument("template", metavar="COMMAND", required=False)
@_commands
@click.option(
    "--profile",
    type=click.Choice([profile.value for profile in Profile]),
    default=Profile.FULL.value,
    show_default=True,
    help="How much the client claims: origin (a put, no replies), core (nothing optional), full.",
)
@check_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.5),
    help="Seconds for a run of the client.  [default: 10, or ten times the plainest one]",
)
@report_files
@click.option("-j", "workers", type=click.IntRange(1, 24), default=CLIENT_WORKERS, help="At once.")
def client(
    template: str | None,
    profile: str,
    only: tuple[str, ...],
    as_list: bool,
    explain: str | None,
    expected_failures: Path | None,
    **about: Any,
) -> int:
    """Test the client that COMMAND runs, such as "mycli put {local} {url}".

    COMMAND sends the file {local} to {url}. With {op} it stands for put and get:
    "mycli {op} {from} {to}". For what else the client does there are options; what has no command
    is not tested. {url} is headframe://127.0.0.1:PORT/NAME, {local} a path in a fresh folder. By
    exit code 0 the client claims success, and by any other that it failed.

    The kit is the server: a good one at first, and then one that cuts, lies and stops reading.
    """
    every = chosen(CLIENT_CHECKS, Profile(profile))
    if explain is not None:
        return telling.explain(explain, CLIENT_CHECKS)
    checks = selected(every, only)
    if as_list:
        return list_checks(checks)
    texts = {op.value: about[f"op_{op.replace('-', '_')}"] for op in _OPS}
    commands = _parse(texts, template)
    teller = Teller(
        expected=known_failures(expected_failures, CLIENT_CHECKS),
        verbose=about["verbose"],
        quiet=about["quiet"],
        as_json=about["as_json"],
        total=len(checks),
        replay=_again(template, texts),
    )
    seed = about["seed"] or secrets.token_hex(4)
    run = _run(commands, checks, teller, profile=profile, seed=seed, about=about)
    teller.conclude(run)
    write_reports(run, about)
    return int(run.exit)


def _parse(texts: Mapping[str, str | None], template: str | None) -> Commands:
    try:
        commands = Commands.parse(texts, template)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not {Op.PUT, Op.GET} & commands.templates.keys():
        raise click.UsageError('COMMAND is missing, such as "mycli put {local} {url}"')
    return commands


def _again(template: str | None, texts: Mapping[str, str | None]) -> Callable[[Result], str]:
    """Return what gives the command that runs the check of a result once more."""
    words = [] if template is None else [template]
    for op, (option, _) in _OPS.items():
        text = texts[op]
        words += [] if text is None else [option, text]

    def replay(result: Result) -> str:
        return f"headframe conform client {shlex.join([*words, '--only', result.check.id])}"

    return replay


def _run(
    commands: Commands,
    checks: Sequence[Check],
    teller: Teller,
    *,
    profile: str,
    seed: str,
    about: Mapping[str, Any],
) -> runs.Run:
    """Look at the client, and run the checks if it is one."""
    begun = time.monotonic()
    results: list[Result] = []
    setup = None
    try:
        lineup = look_at_client(commands, about["timeout"])
        results = run_client_checks(lineup, checks, workers=about["workers"], on_result=teller)
    except SetupError as error:
        setup = str(error)
    finally:
        teller.clear()
    return runs.Run(
        target=str(commands),
        profile=profile,
        seed=seed,
        results=runs.compare(results, teller.expected),
        seconds=time.monotonic() - begun,
        setup=setup,
    )
