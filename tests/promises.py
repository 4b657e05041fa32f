#!/usr/bin/env python3
"""Put the server's promises to the test at full length, and print the figures.

    python tests/promises.py            everything; takes about a quarter of an hour on two cores
    python tests/promises.py --short    a tenth of it

The law of this module: a figure is printed by the run that measured it, and whoever reads it can
repeat it with this one command. It exits with 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parent
SOURCES = [str(TESTS.parent / name) for name in ("protocol", "servers", "clients")]


def run(what: str, *arguments: str) -> bool:
    """Run a script or tests with this interpreter; return whether all is well."""
    print(f"\n== {what}: python {' '.join(arguments)}", flush=True)
    begun = time.monotonic()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*SOURCES, str(TESTS)])}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, cwd=TESTS.parent, check=False)
    print(f"   {time.monotonic() - begun:.0f} s, {'well' if not done.returncode else 'BROKEN'}")
    return not done.returncode


def main() -> int:
    """Run all of it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a tenth of everything")
    short = parser.parse_args().short
    lane = "not slow" if short else "slow"
    outcomes = [
        run(
            "killed with SIGKILL under load",
            *("tests/killing.py", "--kills", "100" if short else "1000"),
        ),
        run(
            "power lost at every point",
            *("tests/crash_scripts.py", "--mixtures", "2" if short else "40"),
        ),
        run(
            "a folder that becomes a link again and again",
            *("-m", "pytest", "-q", "-s", "-m", lane, "tests/servers/test_directory.py"),
            *("-k", "turns_into_a_link"),
        ),
        run("many who ask for much and give nothing", "tests/flooding.py"),
        run(
            "mutated frames",
            *("tests/fuzz_codec.py", "--frames", "100000" if short else "1000000"),
        ),
    ]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
