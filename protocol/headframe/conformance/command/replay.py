"""The command `headframe replay`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from headframe.conformance.command.targets import target_of, target_options
from headframe.conformance.replaying import Step, play
from headframe.conformance.transcript import Transcript
from headframe.conformance.verdicts import Deviation, Exit

__all__ = ["replay"]


@click.command(epilog="Example: headframe replay recorded.json headframe://127.0.0.1:37263")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("url")
@target_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def replay(file: Path, url: str, as_json: bool, **about: Any) -> int:
    """Play the conversation in FILE to the server at URL again.

    FILE was written by `headframe conform` for a failure, or by `headframe proxy`. The exit code is
    0 if the server answers as it did, 1 if it answers otherwise, 3 if there is no server.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        record = Transcript.from_json(text)
    except ValueError as error:
        raise click.UsageError(f"{file}: {error}") from error
    target = target_of(url, about)
    if not as_json:
        _tell_origin(json.loads(text))
    steps: list[Step] = []
    try:
        for step in play(record, target):
            steps.append(step)
            _tell(step, as_json=as_json)
    except Deviation as error:
        click.echo(f"headframe: {target}: {error.got}", err=True)
        return Exit.UNREACHABLE
    different = sum(not step.same for step in steps)
    if not as_json:
        said = f"{different} of {len(steps)} different" if different else "all as recorded"
        click.echo(f"{len(steps)} answers: {said}" if steps else "nothing was ever answered")
    return Exit.FAILED if different else Exit.PASSED


def _tell_origin(about: dict[str, Any]) -> None:
    """Say what the record is of."""
    if "check" in about:
        click.echo(ascii(f"{about['check']}  {' '.join(about.get('rules', []))}")[1:-1])
        click.echo(ascii(f"permitted: {about.get('permitted')}; got: {about.get('got')}")[1:-1])


def _tell(step: Step, *, as_json: bool) -> None:
    if as_json:
        row = {"connection": step.connection, "recorded": step.recorded, "now": step.now}
        click.echo(json.dumps(row | {"same": step.same}))
        return
    told = step.now if step.same else f"{step.now}   (recorded: {step.recorded})"
    click.echo(f"{'=' if step.same else '!'} #{step.connection} {ascii(told)[1:-1]}")
