"""Run a mutant, or all of them: `python tests/conformance/mutants`."""

import sys
from pathlib import Path

TOP = Path(__file__).parents[3]
sys.path[:1] = [str(TOP / name) for name in ("protocol", "servers", "clients", "tests")]

from conformance.mutants.command import main  # noqa: E402  (the path comes first)

main()
