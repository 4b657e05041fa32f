"""Everything that is measured, in one run: one table of goals, details, and two pictures.

    python tests/benchmarks/all.py                      a quarter of an hour; keep the machine quiet
    python tests/benchmarks/all.py --quick              two minutes, to see that it works
    python tests/benchmarks/all.py --only codec,fresh   these anew, the others as they were

Needs `pip install -e '.[bench]'`, Linux, and the peers, which it installs (`--no-install`: it does
not, and what is missing is not measured). The table goes to standard output. The folder of
`--out`, `tests/benchmarks/results` if nothing is said and the run is not a quick one, gets

    table.md  details.md  comparison.svg  growth.svg  results.json

It exits with 1 if a part failed; a goal that is not reached is no failure.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import goals
import plots
import script
import supplies
from script import How, Result

HERE = Path(__file__).parent
PARTS = (
    "startup",
    "fresh",
    "codec",
    "idle",
    "concurrency",
    "transfers",
    "profiles",
    "durable",
    "growth",
)
PART_S = 900
"""A part that takes longer is ended."""


def say(text: str) -> None:
    """Tell how it goes, beside the table."""
    print(text, file=sys.stderr, flush=True)


def run_part(name: str, how: How) -> Result | None:
    """Return what a script measured; None if it failed or took too long."""
    with tempfile.TemporaryDirectory(prefix="headframe-") as place:
        file = Path(place) / "result.json"
        command = [sys.executable, str(HERE / f"{name}.py"), "--json", str(file)]
        command += ["--rounds", str(how.rounds), "--place", str(how.place)]
        command += ["--disk", str(how.disk)]
        command += ["--quick"] * how.quick + ["--no-install"] * (not how.install)
        begun = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            code = process.wait(PART_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        seconds = time.monotonic() - begun
        if code:
            say(f"{name}: ended with {code} after {seconds:.0f} s")
            return None
        if code is None:
            say(f"{name}: takes too long")
            return None
        say(f"{name}: {seconds:.0f} s")
        result: Result = json.loads(file.read_text())
        return result


def write_all(out: Path, results: Result) -> list[str]:
    """Write every file from the results; return the lines of the table."""
    parts = results["parts"]
    lines = [*goals.table(parts), "", results["machine"]]
    if results["quick"]:
        lines.append("\nA quick run: these figures say nothing.")
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "table.md").write_text("\n".join(lines) + "\n")
    details = ["# Benchmarks in detail", "", results["machine"], ""]
    details += [f"{name} {version}  " for name, version in sorted(results["versions"].items())]
    for name in PARTS:
        if name in parts:
            module = import_module(name)
            doc = (module.__doc__ or "").partition("\n")[0]
            details += ["", f"## {name}", "", doc, "", *module.report(parts[name])]
    (out / "details.md").write_text("\n".join(details) + "\n")
    if "transfers" in parts:
        plots.draw_comparison(parts["transfers"], out / "comparison.svg")
    if "growth" in parts:
        plots.draw_growth(parts["growth"], out / "growth.svg")
    return lines


def main() -> int:
    """Run what is asked for; return the exit code."""
    script.end_when_told()
    parser = script.parser(__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, help="a folder for the results")
    found = parser.parse_args()
    names = found.only.split(",")
    if unknown := sorted(set(names) - set(PARTS)):
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    how = script.options(found)
    out = found.out or (
        Path(tempfile.gettempdir()) / "headframe-benchmarks" if how.quick else HERE / "results"
    )
    out.mkdir(parents=True, exist_ok=True)
    results: Result = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": script.machine(how),
        "quick": how.quick,
        "rounds": how.rounds,
        "parts": {},
    }
    before = out / "results.json"
    if set(names) != set(PARTS) and before.exists():
        earlier = json.loads(before.read_text())
        if earlier["quick"] == how.quick:
            results["parts"] = earlier["parts"]
    failed = []
    for name in PARTS:
        if name in names:
            result = run_part(name, how)
            results["parts"].pop(name, None)
            if result is None:
                failed.append(name)
            else:
                results["parts"][name] = result
    results["versions"] = supplies.versions()
    print("\n".join(write_all(out, results)))
    say(f"written to {out}")
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
