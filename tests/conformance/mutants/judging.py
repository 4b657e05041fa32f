"""Let the kit loose on mutants, and see whether it finds what is wrong with them.

The law of this module: what plays a role is asked as anybody's server, client or codec is, by the
checks of that role and nothing else.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shlex
import socket
import ssl
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import trustme

from conformance.mutants.judgement import Judgement, citing, one_by_one, weigh
from conformance.mutants.lives import TOKEN
from conformance.mutants.mutant import HERE, Mutant, load_mutants
from conformance.mutants.nursery import nursery
from headframe.conformance.check import Lane
from headframe.conformance.client import CLIENT_CHECKS
from headframe.conformance.client.commands import Commands
from headframe.conformance.client.lineup import look_at_client, run_client_check
from headframe.conformance.codec import CODEC_CHECKS, look_at_codec, run_codec_check
from headframe.conformance.preflight import look_at
from headframe.conformance.runner import run_check
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Target
from headframe.conformance.verdicts import Deviation, SetupError

TIMEOUT_S = 3.0
"""How long a check waits for what a mutant may never send."""
IDLE_MS = 5000
"""Silence after which a mutant closes whose rule is about time."""
CLIENT_TIMEOUT_S = 6.0
"""How long a client may take that tries again after a loss."""
CLIENT = {
    "put": "put {local} {url}",
    "get": "get {url} {local}",
    "put-all": "put -r {local} {url}",
    "get-all": "get -r {url} {local}",
    "list": "ls -r {url}",
    "delete": "rm {url}",
    "get-tls": "get --ca {ca} {url} {local}",
}
"""What the command of the reference is asked."""


def judge(name: str, role: str) -> tuple[str, str]:
    """Return what becomes of a mutant, as one word and as a line."""
    mutant = load_mutants()[name]
    try:
        judgement = JUDGED[role](mutant)
    except (SetupError, RuntimeError) as error:
        judgement = Judgement(mutant=mutant, role=role, broken=str(error))
    judgement = replace(judgement, role=role)
    return judgement.verdict, str(judgement)


def judge_server(mutant: Mutant) -> Judgement:
    """Find out what the checks of servers find."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as root:
        how: dict[str, str | int] = {"root": root}
        about: dict[str, Any] = {"root": Path(root), "timeout_s": TIMEOUT_S}
        lane = Lane.TIMERS if is_slow(mutant) else Lane.PLAIN
        if lane is Lane.TIMERS:
            how["idle_ms"] = IDLE_MS
        if mutant.breaks[0].startswith("HF-SEC-00"):
            how["guard"], about["tls"] = _make_guard()
            about["token"] = TOKEN
        with nursery().raising("server", mutant.name, **how) as url:
            target = Target.from_url(url, **about)
            facts = look_at(target)
            right = [c for c in citing(mutant, SERVER_CHECKS) if c.lane is lane]
            others = [c for c in SERVER_CHECKS if c.lane is Lane.PLAIN and c not in right]
            return weigh(mutant, right, others, lambda check: run_check(target, facts, check))


@functools.cache
def _make_guard() -> tuple[str, ssl.SSLContext]:
    """Return a file with a key and a certificate, and the context of a client that trusts it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
        atexit.register(os.unlink, file.name)
        file.write(authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.bytes())
    return file.name, context


def is_slow(mutant: Mutant) -> bool:
    """Return whether only waiting can tell what is wrong with a server."""
    lanes = {check.lane for check in citing(mutant, SERVER_CHECKS)}
    return lanes == {Lane.TIMERS}


def judge_codec(mutant: Mutant) -> Judgement:
    """Find out what the checks of codecs find."""
    with nursery().raising("codec", mutant.name) as port:
        codec = DistantCodec(int(port))
        try:
            look_at_codec(codec)
            right = citing(mutant, CODEC_CHECKS)
            others = [check for check in CODEC_CHECKS if check not in right]
            return weigh(
                mutant, right, others, lambda check: run_codec_check(codec, check), one_by_one
            )
        finally:
            codec.close()


def judge_client(mutant: Mutant) -> Judgement:
    """Find out what the checks of clients find."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        path = f"{folder}/socket"
        command = shlex.join([sys.executable, "-I", "-S", str(HERE / "messenger.py"), path])
        templates = {op: f"{command} {rest}" for op, rest in CLIENT.items()}
        with nursery().raising("client", mutant.name, socket_path=path):
            lineup = look_at_client(Commands.parse(templates), CLIENT_TIMEOUT_S)
            right = citing(mutant, CLIENT_CHECKS)
            others = [check for check in CLIENT_CHECKS if check not in right]
            return weigh(mutant, right, others, lambda check: run_client_check(lineup, check))


class DistantCodec:
    """A codec that answers at a port of this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._answers = self._socket.makefile("r")

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer; raise Deviation where there is none."""
        try:
            self._socket.sendall(json.dumps(question).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._answers.readline())
        except (OSError, ValueError) as error:
            raise Deviation("an answer", str(error)) from error
        return answer

    def close(self) -> None:
        """Go away."""
        self._answers.close()
        self._socket.close()


JUDGED = {"server": judge_server, "client": judge_client, "codec": judge_codec}
