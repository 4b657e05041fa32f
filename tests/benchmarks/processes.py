"""Commands that are timed, and what processes use: memory, its peak, processor time.

The law of this module: what is counted is one process, or it and all that came from it, and never
the one that counts. Linux only: figures come from /proc and wait4(2).
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ENVIRONMENT",
    "Done",
    "allow_descriptors",
    "cpu_s",
    "family",
    "peak_kib",
    "pss_kib",
    "run",
]

UNWANTED = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
"""Of the environment: with them, modules are others than the installed ones, or compiled anew."""
ENVIRONMENT = {name: text for name, text in os.environ.items() if name not in UNWANTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended well."""

    seconds: float
    peak_kib: int
    """The most memory that was resident, or what the caller uses itself, if that is more."""


def run(command: list[str], *, place: Path, log: Path, limit_s: float) -> Done:
    """Run a command in `place`, from the shell to its exit; raise RuntimeError if it fails."""
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=ENVIRONMENT,
        )
        timer = threading.Timer(limit_s, process.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            timer.cancel()
        seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{command[:6]} ended with {process.returncode}: {text}")
    return Done(seconds=seconds, peak_kib=usage.ru_maxrss)


def family(pid: int) -> list[int]:
    """Return a process and all that came from it and are still there."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found


def _kib(path: Path, field: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise LookupError(f"{path} has no {field}")


def pss_kib(pid: int) -> int:
    """Return the memory of a process and its children; what is shared counts once."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += _kib(Path(f"/proc/{one}/smaps_rollup"), "Pss")
    return total


def peak_kib(pid: int) -> int:
    """Return the most memory that was ever resident of one process."""
    return _kib(Path(f"/proc/{pid}/status"), "VmHWM")


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and its children, the system's for them included."""
    ticks = 0
    for one in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def allow_descriptors(count: int) -> None:
    """Let this process, and those that it starts, open `count` descriptors if that is permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
