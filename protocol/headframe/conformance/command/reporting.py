"""The options of every lane that say where its reports go.

The law of this module: the option is called as the format is, and what cannot be written is told
before the exit code is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from headframe.conformance import reports
from headframe.conformance.reports import Format
from headframe.conformance.runs import Run

__all__ = ["report_files", "write_reports"]

F = TypeVar("F", bound=Callable[..., Any])

_HELP: Final = {
    Format.HTML: "Write one page for people.",
    Format.JUNIT: "Write XML for a build server.",
    Format.BADGE: "Write an SVG for a README.",
}


def report_files(command: F) -> F:
    """Give a command the options `--html`, `--junit` and `--badge`."""
    for wanted in reversed(Format):
        path = click.Path(dir_okay=False, writable=True, path_type=Path)
        command = click.option(f"--{wanted}", type=path, help=_HELP[wanted])(command)
    return command


def write_reports(run: Run, options: Mapping[str, Any]) -> None:
    """Write what these options ask for."""
    wanted = {each: options[each] for each in Format if options.get(each) is not None}
    try:
        reports.write(run, wanted)
    except OSError as error:
        raise click.UsageError(f"a report cannot be written: {error}") from error
