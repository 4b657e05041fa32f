"""Where the time of many small files goes, on both sides, in microseconds a file.

    python tests/benchmarks/profiles.py

`put -r` and `get -r` of files of 4 KiB, start-up included. How long each side works comes from
the system, which also says how much of that it has worked itself; a second run of the same under
py-spy shares it out by whose code was at work (the innermost function that is ours), and names
the functions in which most of it was spent. `py-spy` is in the extra `bench`.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import script
from peers import SCRIPTS, Headframe
from processes import ENVIRONMENT, cpu_s, run
from script import How, Result, remove

FILES = 10_000
SMALL_BYTES = 4096
SAMPLES_A_S = 500
SHOWN = 12
"""Functions that are named."""
LIMIT_S = 300
FLOORS = {
    "codec": "headframe/",
    "server": "headframe_server/",
    "client": "headframe_client/",
}
OTHER = "start-up and the rest"
FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+):(?P<line>\d+)\)")


def own_frame(stack: str) -> tuple[str, str]:
    """Return the floor and the name of the innermost function of ours on a stack.

    >>> own_frame("run (threading.py:9);put (headframe_client/puts.py:3);read (os.py:2)")
    ('client', 'puts.put')
    """
    for frame in reversed(stack.split(";")):
        found = FRAME.fullmatch(frame)
        for floor, folder in FLOORS.items():
            if found and found["file"].startswith(folder):
                function = found["function"]
                if function == "<module>":
                    return OTHER, ""
                return floor, f"{Path(found['file']).stem}.{function}"
    return OTHER, ""


def shares(raw: Path) -> tuple[Counter[str], Counter[str]]:
    """Return how many samples fell on each floor, and on each function."""
    floors: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in raw.read_text("utf-8", "replace").splitlines():
        stack, _, count = line.rpartition(" ")
        if not count.isdecimal():
            continue  # who looks at a process that goes on reads something else now and then
        floor, function = own_frame(stack)
        floors[floor] += int(count)
        if function:
            functions[function] += int(count)
    return floors, functions


def spy(target: list[str], raw: Path) -> list[str]:
    """Return the command that watches a process, or a command until its end."""
    how = ["--format", "raw", "--rate", str(SAMPLES_A_S), "--nonblocking", "--output", str(raw)]
    return [str(SCRIPTS / "py-spy"), "record", *how, *target]


def system_s(pid: int) -> float:
    """Return how long the system has worked for a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[12]) / os.sysconf("SC_CLK_TCK")


def work(peer: Headframe, command: list[str], files: int) -> Result:
    """Run a command; return what each side has worked, in microseconds a file."""
    pid = peer.server_pid
    server, server_system = cpu_s(pid), system_s(pid)
    client = resource.getrusage(resource.RUSAGE_CHILDREN)
    peer.run(command)
    server, server_system = cpu_s(pid) - server, system_s(pid) - server_system
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    client_system = now.ru_stime - client.ru_stime
    client_all = now.ru_utime - client.ru_utime + client_system
    spent = {"client": (client_all, client_system), "server": (server, server_system)}
    return {
        side: {"all_us": both[0] / files * 1e6, "system_us": both[1] / files * 1e6}
        for side, both in spent.items()
    }


def watched(peer: Headframe, command: list[str]) -> dict[str, Path]:
    """Run a command, both sides watched; return the samples of each."""
    raw = {side: peer.place / f"{side}.raw" for side in ("client", "server")}
    watcher = subprocess.Popen(
        spy(["--pid", str(peer.server_pid)], raw["server"]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    try:
        log = peer.place / "client.log"
        run(spy(["--", *command], raw["client"]), place=peer.place, log=log, limit_s=LIMIT_S)
    finally:
        watcher.send_signal(signal.SIGINT)
        watcher.wait(LIMIT_S)
    return raw


def profile(
    peer: Headframe, command: list[str], files: int, again: Callable[[], None]
) -> dict[str, Result]:
    """Return what a command costs each side, and where; `again` makes it as it was before."""
    peer.run(command)
    again()
    sides = work(peer, command, files)
    again()
    for side, raw in watched(peer, command).items():
        floors, functions = shares(raw)
        us = sides[side]["all_us"] / max(1, floors.total())
        sides[side]["floors"] = {floor: count * us for floor, count in floors.items()}
        most = functions.most_common(SHOWN)
        sides[side]["functions"] = {name: count * us for name, count in most}
    again()
    return sides


def measure(how: How) -> Result:
    """Return microseconds a file, by job and side."""
    files = 300 if how.quick else FILES
    with how.memory() as place, Headframe(place / "peer") as peer:
        script.warm(place, 4 * files * SMALL_BYTES)
        folder, copy = place / "small", place / "copy"
        for index in range(files):
            file = folder / f"folder-{index // 100:03d}" / f"file-{index:06d}.bin"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(index.to_bytes(4) * (SMALL_BYTES // 4))
        put, get = peer.put_tree(folder), peer.get_tree(folder.name, copy)
        jobs = {"put": profile(peer, put, files, lambda: remove(peer.root / folder.name))}
        peer.run(put)
        jobs["get"] = profile(peer, get, files, lambda: remove(copy))
    return {"files": files, "jobs": jobs}


def report(result: Result) -> list[str]:
    """Return the lines of two tables."""
    columns = {
        f"{job}, {side}": cost
        for job, sides in result["jobs"].items()
        for side, cost in sides.items()
    }
    lines = ["| us a file | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    rows = {
        "processor time": [cost["all_us"] for cost in columns.values()],
        "of it the system's": [cost["system_us"] for cost in columns.values()],
        "of it Python's": [cost["all_us"] - cost["system_us"] for cost in columns.values()],
    }
    for floor in (*FLOORS, OTHER):
        rows[f"at work: {floor}"] = [cost["floors"].get(floor, 0.0) for cost in columns.values()]
    lines += [
        f"| {name} | " + " | ".join(f"{figure:.0f}" for figure in row) + " |"
        for name, row in rows.items()
    ]
    lines += [
        "",
        f"`put -r` and `get -r` of {result['files']:,} files. Most of it in, in us a file:",
        "",
    ]
    for name, cost in columns.items():
        told = ", ".join(f"{what} {us:.1f}" for what, us in cost["functions"].items())
        lines.append(f"* {name}: {told}")
    return lines


if __name__ == "__main__":
    script.main(__doc__, measure, report)
