"""A short sample of the fuzz script, and of what importing the codec pulls in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "fuzz_codec.py"
PROTOCOL = Path(__file__).parents[2] / "protocol"


def test_two_thousand_frames_make_nothing_but_events_and_remote_errors():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--frames", "2000"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(PROTOCOL), "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "nothing else" in done.stdout


def test_importing_the_codec_pulls_in_no_network_no_threads_and_no_tools():
    code = (
        "import sys; before = set(sys.modules); import headframe;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(PROTOCOL)!r}); {code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "headframe.connection" in loaded
    unwanted = {
        "socket",
        "ssl",
        "threading",
        "subprocess",
        "asyncio",
        "click",
        "rich",
        "hypothesis",
    }
    assert set() == unwanted & loaded
    assert not any(name.startswith("headframe.conformance") for name in loaded)
