"""The command: list the mutants, run one as a program, or let the kit judge them.

The law of this module: a program with a mutant in it imports nothing but the mutant first, and
ends with whoever has started it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from conformance.mutants.mutant import Mutant, install, load_mutants


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, help_, run, arguments in (
        ("list", "tell which there are", _list, ()),
        ("run", "let the kit judge some, or all", _run, ("names*",)),
        ("serve", "serve a folder until standard input ends", _serve, ("name", "root")),
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


def _mutant(name: str, role: str) -> Mutant | None:
    """Return a mutant; `reference` is none."""
    if name == "reference":
        return None
    mutant = load_mutants().get(name)
    if mutant is None or role not in mutant.roles:
        sys.exit(f"there is no {role} mutant {name!r}")
    return mutant


def _list() -> int:
    for mutant in load_mutants().values():
        print(f"{mutant.name:<36} {' '.join(mutant.breaks)} ({' '.join(mutant.roles)})")
        print(f"    {mutant.bug}")
    return 0


def _serve(name: str, root: str) -> int:
    install(_mutant(name, "server"))
    from headframe_server import DirectoryStore, Server, Settings

    settings = Settings(drain_s=0, durability="rename")
    with (
        DirectoryStore(root, durability="rename", free_bytes=0) as store,
        Server(("127.0.0.1", 0), store, settings=settings) as server,
    ):
        print(server.url, flush=True)
        sys.stdin.read()
    return 0


def _client(name: str, args: list[str]) -> int:
    install(_mutant(name, "client"))
    sys.argv = ["headframe", *args]
    from headframe_client.command import main as run_command

    run_command()
    return 0


def _run(names: list[str]) -> int:
    from conformance.mutants.judging import judge_server

    mutants = load_mutants()
    begun = time.monotonic()
    verdicts: Counter[str] = Counter()
    for name in names or [m.name for m in mutants.values() if "server" in m.roles]:
        judgement = judge_server(mutants[name])
        verdicts[judgement.verdict] += 1
        print(judgement, flush=True)
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    print(f"{told} in {time.monotonic() - begun:.0f} s")
    return 0 if set(verdicts) == {"killed"} else 1
