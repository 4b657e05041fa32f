"""The command: list the mutants, run one as a program, or let the kit judge them.

The law of this module: a program with a mutant in it imports nothing but the mutant first, and
ends with whoever has started it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatchcase
from multiprocessing import get_context

from conformance.mutants.lives import serve
from conformance.mutants.mutant import install, load_mutants
from conformance.mutants.nursery import keep

WORKERS = 6
"""Mutants at a time: most of their time they let the kit wait for what never comes."""


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, help_, run, arguments in (
        ("list", "tell which there are", _list, ()),
        ("run", "let the kit judge some, or all", _run, ("names*",)),
        ("serve", "serve a folder until standard input ends", _serve, ("name", "root")),
        ("nursery", "serve mutants that standard input names", _nursery, ()),
        ("client", "be a client: headframe with ARGS", _client, ("name", "args...")),
    ):
        command = commands.add_parser(name, help=help_)
        command.set_defaults(run=run)
        for argument in arguments:
            if argument.endswith("..."):
                command.add_argument(argument.removesuffix("..."), nargs=argparse.REMAINDER)
            elif argument.endswith("*"):
                command.add_argument(argument.removesuffix("*"), nargs="*")
            else:
                command.add_argument(argument)
    options = vars(parser.parse_args())
    sys.exit(options.pop("run")(**options))


def _install(name: str, role: str) -> None:
    """Let a mutant be what is imported; `reference` is none."""
    mutant = load_mutants().get(name)
    if mutant is not None and role in mutant.roles:
        install(mutant)
    elif name != "reference":
        sys.exit(f"there is no {role} mutant {name!r}")


def _list() -> int:
    for mutant in load_mutants().values():
        print(f"{mutant.name:<36} {' '.join(mutant.breaks)} ({' '.join(mutant.roles)})")
        print(f"    {mutant.bug}")
    return 0


def _serve(name: str, root: str) -> int:
    _install(name, "server")
    serve(lambda url: print(url, flush=True), sys.stdin.read, root=root)
    return 0


def _nursery() -> int:
    keep(sys.stdin)
    return 0


def _client(name: str, args: list[str]) -> int:
    _install(name, "client")
    sys.argv = ["headframe", *args]
    from headframe_client.command import main as run_command

    run_command()
    return 0


def _run(names: list[str]) -> int:
    from conformance.mutants.judging import JUDGED, judge

    chosen = [
        (mutant.name, role)
        for mutant in load_mutants().values()
        for role in mutant.roles
        if role in JUDGED and (not names or any(fnmatchcase(mutant.name, n) for n in names))
    ]
    begun = time.monotonic()
    verdicts: Counter[str] = Counter()
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        for verdict, line in pool.map(judge, *zip(*chosen, strict=True)):
            verdicts[verdict] += 1
            print(line, flush=True)
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    print(f"{told} in {time.monotonic() - begun:.0f} s")
    return 0 if set(verdicts) == {"killed"} else 1
