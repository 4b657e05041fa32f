"""The command `headframe fuzz`: the random lane, for as long as one likes.

The law of this module: what it finds is told as `headframe conform` tells a failure, and stays as a
file with the command that shows it again.
"""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from headframe.conformance import runs, terminal
from headframe.conformance.campaign import Campaign, Runner
from headframe.conformance.check import Check, Lane
from headframe.conformance.command.targets import target_of, target_options
from headframe.conformance.command.telling import selected
from headframe.conformance.command.watching import Watch, duration, ending_on_interrupt
from headframe.conformance.searching import Found, Search
from headframe.conformance.verdicts import Exit, Result, SetupError, Verdict

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

__all__ = ["fuzz"]

F = TypeVar("F", bound=Callable[..., Any])

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_OPTIONS: Final = (
    click.option(
        "--for", "seconds", metavar="TIME", type=duration,
        help="How long: 90s, 10m, 8h. Without it and --examples: until Ctrl-C.",
    ),
    click.option("--examples", type=click.IntRange(1), help="How many examples."),
    click.option("--only", multiple=True, metavar="WHAT", help="An id, a glob of ids or a rule."),
    click.option("--seed", metavar="TEXT", help="Repeat the random choices of a run."),
    click.option(
        "--database",
        metavar="WHERE",
        envvar="HEADFRAME_DATABASE",
        show_envvar=True,
        help="Where it is remembered what failed: a folder (there is one in your cache), "
        "redis://HOST:PORT/0 for many machines, or none.",
    ),
    click.option(
        "--found", type=_FOLDER, default="headframe-found", show_default=True,
        help="Where what is found goes.",
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
    click.option("-q", "--quiet", is_flag=True, help="Do not tell how far it is."),
)  # fmt: skip


def campaign_options(command: F) -> F:
    """Give a command the options of a campaign."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group(epilog='Example: headframe fuzz codec "node my_codec.js" --for 10m')
def fuzz() -> None:
    """Look for what is wrong, until the time or the count is over, or Ctrl-C.

    Whatever is found is made small, shown, and kept in a file. Exit codes: 0 nothing was found,
    1 something was, 2 usage, 3 nothing to test there, 4 the kit's own error.
    """


@fuzz.command(
    short_help="Ask a server at random, also damaged streams.",
    epilog="Example: headframe fuzz server headframe://127.0.0.1:37263 --for 10m",
)
@click.argument("url")
@campaign_options
@target_options
def server(url: str, **about: Any) -> int:
    """Ask the server at URL anything, in order and damaged, and let models judge.

    It stores files under names of its own, hfk-..., and deletes them afterwards. A finding is a
    file for `headframe replay`.
    """
    from headframe.conformance.preflight import look_at  # noqa: PLC0415  (what they cost)
    from headframe.conformance.runner import chosen, run_check  # noqa: PLC0415
    from headframe.conformance.server import SERVER_CHECKS  # noqa: PLC0415

    checks = selected(chosen(SERVER_CHECKS, lane=Lane.RANDOM), about["only"])
    target = target_of(url, about)
    try:
        facts = look_at(target)
    except SetupError as error:
        return _nothing_there(error)

    def run(check: Check, seed: str, search: Search) -> Result:
        return run_check(target, facts, check, seed=seed, search=search)

    def keep(result: Result, _: Found | None) -> tuple[Path | None, str]:
        path = terminal.save_replay(result, about["found"], str(target))
        return path, f"headframe replay {shlex.quote(str(path))} {target}"

    name = str(facts.hello.get("server", "")).partition("/")[0]
    return _Fuzzing(str(target), f"server {name}", keep, about).go(checks, run)


@fuzz.command(
    short_help="Ask a codec about random streams.",
    epilog='Example: headframe fuzz codec "node my_codec.js" --examples 100000',
)
@click.argument("program", metavar="COMMAND")
@campaign_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    help="Seconds for an answer.  [default: 5, and 20 for the first]",
)
def codec(program: str, **about: Any) -> int:
    """Ask the codec that COMMAND runs, such as "node my_codec.js", about random streams.

    A finding is a vector, for `headframe conform codec --vectors`.
    """
    from headframe.conformance.codec import look_at_codec, run_codec_check  # noqa: PLC0415
    from headframe.conformance.codec_process import CodecProcess  # noqa: PLC0415
    from headframe.conformance.codec_random import RANDOM_CHECKS  # noqa: PLC0415
    from headframe.conformance.pinning import pin  # noqa: PLC0415

    checks = selected(RANDOM_CHECKS, about["only"])

    def keep(result: Result, found: Found | None) -> tuple[Path | None, str]:
        if found is None or found.question is None:
            return None, ""
        path = pin(found.question, result.check, about["found"])
        again = f"headframe conform codec {shlex.quote(program)} --vectors {shlex.quote(str(path))}"
        return path, again

    with CodecProcess(program, timeout_s=about["timeout"], starts=None) as process:
        try:
            look_at_codec(process)
        except SetupError as error:
            return _nothing_there(error)

        def run(check: Check, seed: str, search: Search) -> Result:
            return run_codec_check(process, check, seed=seed, search=search)

        return _Fuzzing(program, f"codec {program}", keep, about).go(checks, run)


def _nothing_there(error: SetupError) -> int:
    click.echo(f"setup: {error}")
    return Exit.UNREACHABLE


Keep = Callable[[Result, Found | None], tuple[Path | None, str]]
"""Writes a finding to a file; returns where, and the command that shows it again."""


@dataclass(frozen=True, slots=True)
class _Fuzzing:
    """One campaign on the command line."""

    target: str
    name: str
    """What a database knows it by."""
    keep: Keep
    options: dict[str, Any]

    def go(self, checks: tuple[Check, ...], run: Runner) -> int:
        """Run the campaign; tell what it finds, and what came of it."""
        seed = self.options["seed"] or secrets.token_hex(4)
        watch = Watch(quiet=self.options["quiet"])
        campaign = Campaign(
            checks=checks,
            run=run,
            seed=seed,
            seconds=self.options["seconds"],
            limit=self.options["examples"],
            shelve=self._shelves(watch),
            on_example=watch,
        )
        results: list[Result] = []
        try:
            with ending_on_interrupt(campaign):
                for result, found in campaign.results():
                    results.append(result)
                    watch.clear()
                    self._tell(result, found)
        finally:
            watch.clear()
        return self._conclude(campaign, results)

    def _shelves(self, watch: Watch) -> Callable[[Check], ExampleDatabase | None]:
        """Return what gives each check its part of the database; raise UsageError."""
        from headframe.conformance import databases  # noqa: PLC0415  (what it costs)

        place = self.options["database"] or databases.default_place()
        if place == "none":
            return lambda _: None

        def on_loss(told: str) -> None:
            watch.clear()
            click.echo(f"headframe: {told}", err=True)

        try:
            database = databases.open_database(place, on_loss)
        except ValueError as error:
            raise click.UsageError(f"--database: {error}") from error
        return lambda check: databases.Shelf(database, f"{self.name} {check.id}")

    def _tell(self, result: Result, found: Found | None) -> None:
        """Keep a finding, and show it."""
        failed = result.verdict is Verdict.FAIL
        path, again = self.keep(result, found) if failed else (None, "")
        if self.options["as_json"]:
            row = runs.to_row(result)
            row |= {"file": str(path), "replay": again} if path else {}
            click.echo(json.dumps(row))
            return
        for line in terminal.show_result(result, again if path else None):
            click.echo(line)

    def _conclude(self, campaign: Campaign, results: list[Result]) -> int:
        """Tell what came of it; return the exit code."""
        code = runs.Run(target=self.target, results=tuple(results)).exit
        elapsed_s = campaign.elapsed_s
        if self.options["as_json"]:
            row = {"target": self.target, "seed": campaign.seed, "examples": campaign.examples}
            row |= {"seconds": round(elapsed_s, 3), "found": campaign.found, "exit": int(code)}
            click.echo(json.dumps(row))
            return code
        rate = campaign.examples / max(elapsed_s, 0.001)
        click.echo(
            f"{campaign.examples:,} examples in {elapsed_s:,.1f} s ({rate:,.0f} a second):"
            f" {campaign.found or 'nothing'} found (seed {campaign.seed})"
            + ("; it ended there: nobody accepts a connection any more" if campaign.gone else "")
        )
        return code
