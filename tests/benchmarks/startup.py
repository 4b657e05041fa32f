"""How long the command takes to start, beside Python with click alone.

    python tests/benchmarks/startup.py

Whole commands, medians of runs in which all take turns. `python -c "import click"` is what a
command of this kind costs at the least; `ls` includes a connection and a reply.
"""

from __future__ import annotations

import statistics
import sys

import script
from peers import SCRIPTS, Headframe
from script import How, Result

RUNS = 10
"""In each round."""
CLICK = 'python -c "import click"'


def measure(how: How) -> Result:
    """Return seconds by command."""
    taken: dict[str, list[float]] = {}
    with how.memory() as place, Headframe(place) as peer:
        (peer.root / "folder").mkdir()
        for index in range(10):
            (peer.root / f"file-{index}").write_bytes(b"x")
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            CLICK: [sys.executable, "-c", "import click"],
            "headframe --help": [str(SCRIPTS / "headframe"), "--help"],
            "headframe ls": [str(SCRIPTS / "headframe"), "ls", f"{peer.url}/"],
        }
        for command in commands.values():
            peer.run(command)
        for _ in range(3 if how.quick else RUNS * how.rounds):
            for words, command in commands.items():
                taken.setdefault(words, []).append(peer.run(command))
    return {words: statistics.median(row) for words, row in taken.items()}


def report(result: Result) -> list[str]:
    """Return the lines of a table."""
    lines = ["| command | ms | x click |", "| --- | --- | --- |"]
    for words, seconds in result.items():
        lines.append(f"| `{words}` | {seconds * 1000:.0f} | {seconds / result[CLICK]:.2f} |")
    return lines


if __name__ == "__main__":
    script.main(__doc__, measure, report)
