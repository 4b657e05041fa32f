"""What the benchmarks need and a machine may lack: programs from Debian, a library from PyPI.

The law of this module: what cannot be installed is left out of the run, and said.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version

from peers import Peer

__all__ = ["provide", "versions"]

PACKAGES = {
    "rsync": "rsync",
    "vsftpd": "vsftpd",
    "lftp": "lftp",
    "nginx": "nginx",
    "curl": "curl",
    "sshd": "openssh-server",
    "sftp": "openssh-client",
    "ssh-keygen": "openssh-client",
}
"""Debian's packages, by program."""
LIBRARIES = {"pyftpdlib": "pyftpdlib==2.2.0"}
INSTALL_S = 300


def provide(kinds: Iterable[type[Peer]], *, install: bool = True) -> list[type[Peer]]:
    """Return the peers that are there, what they lack installed if possible; name the others."""
    wanted = list(kinds)
    if install:
        missing = {program for kind in wanted for program in kind.missing()}
        _install(sorted(missing))
    present = []
    for kind in wanted:
        if missing_now := kind.missing():
            words = ", ".join(missing_now)
            print(f"left out: {kind.name} (not there: {words})", file=sys.stderr, flush=True)
        else:
            present.append(kind)
    return present


def _install(programs: Sequence[str]) -> None:
    """Ask Debian and PyPI for programs; say what came of it if that was not well."""
    packages = sorted({PACKAGES[name] for name in programs if name in PACKAGES})
    libraries = [LIBRARIES[name] for name in programs if name in LIBRARIES]
    if packages:
        prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
        environ = "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"
        get = [*prefix, *environ, "apt-get", "-q"]
        if _ask([*get, "update"]):
            _ask([*get, "install", "-y", *packages])
    if libraries:
        _ask([sys.executable, "-m", "pip", "install", "-q", *libraries])


def _ask(command: list[str]) -> bool:
    """Run a command of an installer; return whether it went well."""
    words = " ".join(command)
    print(f"installing: {words}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"cannot install: {error}; install by hand: {words}", file=sys.stderr)
        return False
    if done.returncode:
        text = (done.stderr or done.stdout)[-500:]
        print(f"cannot install: {text}install by hand: {words}", file=sys.stderr)
    return not done.returncode


def versions() -> dict[str, str]:
    """Return the versions of the programs and libraries that are there."""
    found = {}
    with contextlib.suppress(OSError):
        done = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *sorted(set(PACKAGES.values()))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        found = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    for name in (*LIBRARIES, "blake3", "construct", "msgspec", "orjson", "h11"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
