"""`headframe serve`: it says where it listens, and stops when it is told to."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PATHS = os.pathsep.join(str(TOP / source) for source in ("protocol", "servers", "clients"))


@contextlib.contextmanager
def started(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "headframe_server", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": PATHS},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_stops_cleanly(root, connect, number):
    with started(root, "--bind", "127.0.0.1:0") as process:
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on headframe://(127\.0\.0\.1):(\d+)\n", line)
        assert found, line

        class Address:
            address = (found[1], int(found[2]))

        assert connect(Address).ask(cmd="hello")["ok"]
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (0, "", "") == (process.returncode, out, err)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["/nonexistent"], 2, "does not exist"),
        (["ROOT", "--bind", "nonsense:port"], 2, "HOST:PORT"),
        (["ROOT", "--bind", "127.0.0.1:70000"], 2, "65535"),
        (["ROOT", "--bind", "192.0.2.1:0", "--insecure"], 1, "cannot serve"),
        (["ROOT", "--bind", "192.0.2.1:0"], 2, "--tls-cert"),
        (["ROOT", "--bind", "0.0.0.0:0"], 2, "--insecure"),
    ],
)
def test_what_cannot_be_served_is_told_in_a_line(root, arguments, code, told):
    arguments = [root if argument == "ROOT" else argument for argument in arguments]
    with started(*arguments) as process:
        _, err = process.communicate(timeout=20)
    assert code == process.returncode
    assert told in err
    assert "Traceback" not in err
