"""The command `headframe conform codec`.

The law of this module: what is run is the user's own command, as a shell would take it apart.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from headframe.conformance import runs
from headframe.conformance.check import Check
from headframe.conformance.codec import CODEC_CHECKS, run_codec_checks
from headframe.conformance.codec_checks import build_checks, vector_checks
from headframe.conformance.codec_process import CodecProcess
from headframe.conformance.codec_random import EXAMPLES
from headframe.conformance.command import telling
from headframe.conformance.command.reporting import report_files, write_reports
from headframe.conformance.command.telling import (
    Teller,
    check_options,
    known_failures,
    list_checks,
    selected,
)
from headframe.conformance.vectors import Vector, read_vectors
from headframe.conformance.verdicts import Result, SetupError

__all__ = ["codec"]


@click.command(epilog='Example: headframe conform codec "node my_codec.js"')
@click.argument("program", metavar="COMMAND", required=False)
@check_options
@click.option(
    "--vectors",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ask about the vectors in this file instead, such as one of `headframe fuzz`.",
)
@click.option(
    "--examples",
    type=click.IntRange(1),
    help=f"Random streams of each kind.  [default: {EXAMPLES}, or {2 * EXAMPLES} wrong ones]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    help="Seconds for an answer.  [default: 5, and 20 for the first]",
)
@report_files
def codec(
    program: str | None,
    only: tuple[str, ...],
    as_list: bool,
    explain: str | None,
    files: tuple[Path, ...],
    examples: int | None,
    expected_failures: Path | None,
    as_json: bool,
    **about: Any,
) -> int:
    """Test the codec that COMMAND runs, such as "node my_codec.js".

    It is asked one line of JSON at a time, on its standard input, and answers each with one line;
    spec/vectors.md says how.
    """
    every = _checks_of(files) if files else CODEC_CHECKS
    if explain is not None:
        return telling.explain(explain, every)
    checks = selected(every, only)
    if as_list:
        return list_checks(checks)
    if program is None:
        raise click.UsageError('COMMAND is missing, such as "node my_codec.js"')
    seed = about["seed"] or secrets.token_hex(4)
    teller = Teller(
        expected=known_failures(expected_failures, every),
        verbose=about["verbose"],
        quiet=about["quiet"],
        as_json=as_json,
        total=len(checks),
        replay=_again(program, _repeated(seed, examples, files)),
    )
    run = _run(program, checks, teller, seed=seed, examples=examples, timeout_s=about["timeout"])
    teller.conclude(run)
    write_reports(run, about)
    return int(run.exit)


def _checks_of(files: Sequence[Path]) -> tuple[Check, ...]:
    """Return the checks that vectors in files make; raise UsageError for what is none."""
    vectors: dict[str, Vector] = {}
    for path in files:
        try:
            vectors |= {vector.id: vector for vector in read_vectors(path.read_bytes())}
        except ValueError as error:
            raise click.UsageError(f"{path} holds no vectors: {error}") from error
    made = [*vectors.values()]
    return (*vector_checks(made, thorough=True), *build_checks(made))


def _repeated(seed: str, examples: int | None, files: Sequence[Path]) -> str:
    """Return the options that a run is repeated with."""
    given = [f"--seed {shlex.quote(seed)}"]
    given += [] if examples is None else [f"--examples {examples}"]
    return " ".join([*given, *(f"--vectors {shlex.quote(str(path))}" for path in files)])


def _again(program: str, options: str) -> Callable[[Result], str]:
    """Return what gives the command that runs the check of a result once more."""

    def replay(result: Result) -> str:
        only = f"--only {shlex.quote(result.check.id)}"
        return f"headframe conform codec {shlex.quote(program)} {only} {options}"

    return replay


def _run(
    program: str,
    checks: Sequence[Check],
    teller: Teller,
    *,
    seed: str,
    examples: int | None,
    timeout_s: float | None,
) -> runs.Run:
    """Start the program, and run the checks if it answers."""
    begun = time.monotonic()
    results: list[Result] = []
    setup = None
    try:
        with CodecProcess(program, timeout_s=timeout_s) as process:
            results = run_codec_checks(
                process, checks, seed=seed, examples=examples, on_result=teller
            )
    except SetupError as error:
        setup = str(error)
    finally:
        teller.clear()
    return runs.Run(
        target=program,
        seed=seed,
        results=runs.compare(results, teller.expected),
        seconds=time.monotonic() - begun,
        setup=setup,
    )
