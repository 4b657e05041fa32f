"""`headframe serve`: it says where it listens, and stops when it is told to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import click
import pytest
import trustme
from click.testing import CliRunner

from headframe_server import Access
from headframe_server.command import _check_exposure, token

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


def address_of(process):
    """Return the address that a server prints, to be connected to."""
    line = process.stdout.readline()
    host, _, port = line.strip().rpartition("//")[2].rpartition(":")

    class Address:
        address = (host, int(port))

    return Address


def test_settings_come_from_a_file_and_options_win(root, connect, tmp_path):
    (tmp_path / "server.toml").write_text(
        'idle_s = 90\nlist_entries = 200\ndurability = "rename"\nupload_ttl_s = 100000\n'
    )
    options = ("--config", tmp_path / "server.toml", "--idle-s", "120", "--total-bytes", 2**40)
    with started(root, "--bind", "127.0.0.1:0", *options) as process:
        reply = connect(address_of(process)).ask(cmd="hello")
    assert "rename" == reply["durability"]
    limits = reply["limits"]
    assert (120_000, 200, 2**40, 100_000_000) == tuple(
        limits[name] for name in ("idle_ms", "list", "total", "upload_ttl_ms")
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--idle-s", "5"], "idle_s is 5, 60 to"),
        (["--config", "CONFIG"], "unknown setting 'speed'"),
        (["--tls-key", "CONFIG"], "need --tls-cert"),
        (["--access", "EMPTY"], "headframe token"),
        (["--access", "CONFIG"], "unknown table 'speed'"),
        (["--durability", "hope"], "hope"),
    ],
)
def test_an_option_that_makes_no_sense_is_told_in_a_line(root, tmp_path, arguments, told):
    (tmp_path / "CONFIG").write_text("speed = 5\n")
    (tmp_path / "EMPTY").write_text("")
    arguments = [tmp_path / word if word.isupper() else word for word in arguments]
    with started(root, "--bind", "127.0.0.1:0", *arguments) as process:
        _, err = process.communicate(timeout=20)
    assert 2 == process.returncode
    assert told in err
    assert "Traceback" not in err


def test_a_certificate_that_cannot_be_read_is_told_in_a_line(root, tmp_path):
    (tmp_path / "server.pem").write_text("no certificate")
    arguments = ("--bind", "127.0.0.1:0", "--tls-cert", tmp_path / "server.pem")
    with started(root, *arguments) as process:
        _, err = process.communicate(timeout=20)
    assert 1 == process.returncode
    assert "cannot serve" in err
    assert "Traceback" not in err


def test_a_token_lets_in_over_tls(root, connect, tmp_path):
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "server.pem"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["hf/1"])
    authority.configure_trust(context)
    made = CliRunner().invoke(token, [str(tmp_path / "access.toml"), "backup"])
    assert 0 == made.exit_code
    options = ("--tls-cert", tmp_path / "server.pem", "--access", tmp_path / "access.toml")
    with started(root, "--bind", "127.0.0.1:0", *options) as process:
        peer = connect(address_of(process), context)
        assert "unauthorized" == peer.ask(cmd="list")["code"]
        auth = {"scheme": "token", "token": made.output.strip()}
        assert peer.ask(cmd="hello", auth=auth)["ok"]
        assert peer.ask(b"x", cmd="put", filename="a")["ok"]


@pytest.mark.parametrize("name", ["backup", "no name"])
def test_a_token_that_cannot_be_made_is_told_in_a_line(tmp_path, name):
    file = str(tmp_path / "access.toml")
    CliRunner().invoke(token, [file, "backup", "--read-only"])
    refused = CliRunner().invoke(token, [file, name])
    assert 2 == refused.exit_code
    assert repr(name) in refused.output


@pytest.mark.parametrize(
    ("host", "doors", "tls", "insecure", "allowed"),
    [
        ("127.0.0.1", Access(), None, False, True),
        ("::1", Access(), None, False, True),
        ("localhost", Access(), None, False, True),
        ("0.0.0.0", Access(), None, False, False),
        ("::", Access(wants_certificate=True), None, False, False),
        ("192.0.2.1", Access(), "TLS", False, False),
        ("files.example", Access(wants_certificate=True), "TLS", False, True),
        ("files.example", Access(), None, True, True),
    ],
)
def test_strangers_are_not_let_in_by_mistake(host, doors, tls, insecure, allowed):
    with contextlib.nullcontext() if allowed else pytest.raises(click.UsageError, match="--"):
        _check_exposure(host, doors, tls, insecure)


def test_the_log_may_be_json(root, connect):
    options = ("--log-format", "json", "--log-level", "debug")
    with started(root, "--bind", "127.0.0.1:0", *options) as process:
        peer = connect(address_of(process))
        peer.ask(cmd="stat", filename="none")
        peer.close()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    rows = [json.loads(line) for line in err.splitlines()]
    (refused,) = [row for row in rows if row["event"] == "refused"]
    assert ("stat", "none", "not-found") == (refused["cmd"], refused["name"], refused["code"])
