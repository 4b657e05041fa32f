"""What the scripts of this folder share: their options, their places, and where results go.

    how = script.options(__doc__)
    with how.memory() as place: ...
    how.finish(result, lines)

Data lie on a memory file system (`--place`) unless it is the disk that is measured (`--disk`).
A result is plain data, so that it can be kept as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "MIB",
    "How",
    "Result",
    "end_when_told",
    "file_system",
    "machine",
    "main",
    "options",
    "parser",
    "remove",
    "warm",
]

MIB = 1 << 20
MEMORY = Path("/dev/shm")
NOT_DISKS = {"tmpfs", "ramfs", "overlay"}

Result = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How to measure."""

    quick: bool = False
    """Small, to see that it works; the figures say nothing."""
    rounds: int = 3
    install: bool = True
    """Whether programs that are not there are installed."""
    place: Path = MEMORY
    disk: Path = Path()
    json: Path | None = None
    """Where the result is written as well."""

    @contextlib.contextmanager
    def memory(self) -> Iterator[Path]:
        """Lend a folder on the memory file system."""
        with tempfile.TemporaryDirectory(prefix="headframe-", dir=self.place) as place:
            yield Path(place)

    @contextlib.contextmanager
    def storage(self) -> Iterator[Path]:
        """Lend a folder on the disk."""
        with tempfile.TemporaryDirectory(prefix="headframe-", dir=self.disk) as place:
            yield Path(place)

    def finish(self, result: Result, lines: list[str]) -> None:
        """Print the lines, and keep the result."""
        if self.json is not None:
            self.json.write_text(json.dumps(result, indent=1) + "\n")
        print("\n".join(lines), flush=True)


def warm(place: Path, count_bytes: int) -> None:
    """Touch the memory that will be used: its first touch is several times slower."""
    block = bytes(MIB)
    file = place / "warm"
    with file.open("wb") as output:
        for _ in range(count_bytes // MIB):
            output.write(block)
    file.unlink()


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def file_system(path: Path) -> str:
    """Return the type of the file system that a folder is on."""
    found, longest = "unknown", -1
    with contextlib.suppress(OSError):
        for line in Path("/proc/mounts").read_text().splitlines():
            point, kind = line.split()[1:3]
            if path.resolve().is_relative_to(point) and len(point) > longest:
                found, longest = kind, len(point)
    return found


def machine(how: How) -> str:
    """Return a line that says where the figures come from."""
    model = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    return (
        f"{os.cpu_count()} cores ({model or platform.machine()}), {memory_gib:.0f} GiB,"
        f" {platform.system()} {platform.release()}, Python {platform.python_version()};"
        f" memory file system {file_system(how.place)}, disk {file_system(how.disk)};"
        f" load before: {os.getloadavg()[0]:.1f}"
    )


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that all scripts have."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="small: see that it works")
    parser.add_argument("--rounds", type=int, default=0, help="3, or 1 with --quick")
    parser.add_argument("--no-install", action="store_true", help="leave out what is not there")
    parser.add_argument("--place", type=Path, default=None, help="a memory file system")
    parser.add_argument("--disk", type=Path, default=None, help="a folder on a real disk")
    parser.add_argument("--json", type=Path, help="write the result to this file, too")
    return parser


def options(found: argparse.Namespace) -> How:
    """Return what the options say; end the program if a place cannot be used."""
    place = found.place or (MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir()))
    disk = found.disk or Path(tempfile.gettempdir())
    if found.disk is None and file_system(disk) in NOT_DISKS:
        disk = Path(__file__).parent
    for folder in (place, disk):
        if not folder.is_dir():
            sys.exit(f"{folder} is no folder")
    return How(
        quick=found.quick,
        rounds=found.rounds or (1 if found.quick else 3),
        install=not found.no_install,
        place=place,
        disk=disk,
        json=found.json,
    )


def main(
    doc: str | None, measure: Callable[[How], Result], report: Callable[[Result], list[str]]
) -> None:
    """Be a script: measure and report."""
    end_when_told()
    how = options(parser(doc).parse_args())
    result = measure(how)
    how.finish(result, report(result))


def end_when_told() -> None:
    """Leave by way of every `finally` when somebody ends us: servers end, folders go."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
