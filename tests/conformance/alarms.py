#!/usr/bin/env python3
"""Run the whole kit against what is known to be good, again and again: every alarm is a defect.

    python tests/conformance/alarms.py                        50 runs of everything, hours
    python tests/conformance/alarms.py --runs 5 client other-client
    python tests/conformance/alarms.py --first 8 --runs 1      the eighth run once more, by its seed

Known to be good are the reference server, client and codec, and `other-`, the second
implementation in tests/interop. Every other run has as many processes beside it as there are
cores (or `--burners`), which do nothing but compute.

The law of this module: what is run is what a user types, and calm is what a user sees as calm: exit
code 0, and no verdict but pass, skip and info. A run has a seed of its own and a fresh server; what
it said of an alarm is printed whole, and each tells of the load that it has met: the mean number of
processes that wanted to run in its last minute.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import commanding
from interop import node

PYTHON = shlex.quote(sys.executable)
HEADFRAME = shlex.join(commanding.COMMAND)
LIMIT_S = 1200
CALM = {"pass", "skip", "info"}
CLIENTS = {
    "client": {
        "put": f"{HEADFRAME} put {{local}} {{url}}",
        "get": f"{HEADFRAME} get {{url}} {{local}}",
        "put-all": f"{HEADFRAME} put -r {{local}} {{url}}",
        "get-all": f"{HEADFRAME} get -r {{url}} {{local}}",
        "ls": f"{HEADFRAME} ls -r {{url}}",
        "rm": f"{HEADFRAME} rm {{url}}",
        "get-tls": f"{HEADFRAME} get --ca {{ca}} {{url}} {{local}}",
    },
    "other-client": {
        "put": f"{node.CLIENT} resume {{local}} {{url}}",
        "get": f"{node.CLIENT} get {{url}} {{local}}",
        "ls": f"{node.CLIENT} list {{url}}",
        "rm": f"{node.CLIENT} delete {{url}}",
    },
    "other-client-that-never-goes-on": {"put": f"{node.CLIENT} put {{local}} {{url}}"},
}
CODECS = {
    "codec": f"{PYTHON} -m headframe.conformance.codec_program",
    "other-codec": shlex.join([str(node.NODE), str(node.READER)]),
}


@dataclass(frozen=True)
class Verdict:
    """What became of one run."""

    calm: bool
    counts: str
    said: str
    seconds: float


def conform(*arguments: str) -> Verdict:
    """Run the command; it is calm if it counts nothing but what is good."""
    done, seconds = _run([*commanding.COMMAND, "conform", *arguments])
    counts = re.search(r"^\d+ checks?: ([^(]+) \(", done.stdout, re.MULTILINE)
    seen = set(re.findall(r"\d+ (\w+)", counts[1])) if counts else {"nothing"}
    calm = done.returncode == 0 and seen <= CALM and "pass" in seen
    return Verdict(calm, counts[1] if counts else "-", done.stdout + done.stderr, seconds)


def in_pytest(url: str, folder: Path, root: Path) -> Verdict:
    """Run the checks of servers in pytest, on two workers, in an empty folder."""
    server = [f"--headframe-server={url}", f"--headframe-root={root}"]
    plugin = ["-p", "headframe.conformance.pytest_plugin", *server]
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    options = ["-n", "2", "-q", "-p", "no:cacheprovider", "-c", folder / "pytest.ini", folder]
    done, seconds = _run([sys.executable, "-m", "pytest", *plugin, *map(str, options)])
    counts = done.stdout.strip().rpartition("\n")[2]
    calm = done.returncode == 0 and not re.search(r"^warn ", done.stdout, re.MULTILINE)
    return Verdict(calm and " passed" in counts, counts, done.stdout + done.stderr, seconds)


def _run(command: list[str]) -> tuple[subprocess.CompletedProcess[str], float]:
    begun = time.monotonic()
    done = subprocess.run(
        command,
        env=commanding.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=LIMIT_S,
        check=False,
    )
    return done, time.monotonic() - begun


@contextlib.contextmanager
def reference(root: Path) -> Iterator[str]:
    """Serve a folder by the reference server."""
    with commanding.served(root) as server:
        yield server.url


SERVERS = {"server": reference, "other-server": node.served}
Subject = Callable[[str], Verdict]


def server_lane(served: Callable[[Path], contextlib.AbstractContextManager[str]], lane: str):
    """Return a run of a lane against a fresh server."""

    def run(seed: str) -> Verdict:
        with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "root") as url:
            if lane == "xdist":
                (Path(folder) / "project").mkdir()
                return in_pytest(url, Path(folder) / "project", Path(folder) / "root")
            looking = ["--root", f"{folder}/root", "--replays", f"{folder}/replays"]
            return conform("server", url, "--lane", lane, "--seed", seed, *looking)

    return run


def program_lane(*arguments: str) -> Subject:
    """Return a run against a program."""
    return lambda seed: conform(*arguments, "--seed", seed)


SUBJECTS: dict[str, Subject] = {
    **{
        f"{name}-{lane}": server_lane(served, lane)
        for name, served in SERVERS.items()
        for lane in ("plain", "random", "xdist")
    },
    **{
        name: program_lane("client", *(f"--{op}={text}" for op, text in templates.items()))
        for name, templates in CLIENTS.items()
    },
    **{name: program_lane("codec", command) for name, command in CODECS.items()},
}


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep cores busy while the context lasts."""
    burners = [
        subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def main() -> int:
    """Run all that was asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--runs", type=int, default=50, help="of each subject (default: 50)")
    parser.add_argument("--first", type=int, default=1, help="number of the first (default: 1)")
    cores = os.cpu_count() or 1
    parser.add_argument("--burners", type=int, default=cores, help="for load (default: cores)")
    given = parser.parse_args()
    unknown = set(given.subjects) - SUBJECTS.keys()
    if unknown:
        parser.error(f"{min(unknown)!r} is none of {', '.join(SUBJECTS)}")
    alarms = dict.fromkeys(given.subjects or SUBJECTS, 0)
    for number in range(given.first - 1, given.first - 1 + given.runs):
        for subject in alarms:
            alarms[subject] += not run(subject, number, given.burners * (number % 2))
    for subject, count in alarms.items():
        print(f"{subject}: {given.runs} runs, {count} with an alarm")
    return int(any(alarms.values()))


def run(subject: str, number: int, burners: int) -> bool:
    """Run once, with so many processes beside it; tell of it and return whether it was calm."""
    with load(burners):
        verdict = SUBJECTS[subject](f"run {number}")
    how = "calm" if verdict.calm else "ALARM"
    beside = f"{verdict.seconds:.0f} s, load {os.getloadavg()[0]:.1f}"
    print(f"{number + 1:3} {how:5} {subject:31} {verdict.counts.strip()} ({beside})", flush=True)
    if not verdict.calm:
        print(verdict.said, flush=True)
    return verdict.calm


if __name__ == "__main__":
    raise SystemExit(main())
