"""What a check of clients gets: runs of the client against a host, and what came of them.

    def first_reply_is_cut(stage):
        return stage.put({"put": [cut(lambda whole: 2)]}).outcome()

The law of this module: every run has a host, a port and a folder of its own, and nothing is left
of them but the scene.
"""

from __future__ import annotations

import secrets
import shutil
import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from headframe.conformance.client.commands import Commands, Op
from headframe.conformance.client.host import Host
from headframe.conformance.client.process import Sandbox
from headframe.conformance.client.scene import SENDING, Scene
from headframe.conformance.client.store import Store
from headframe.conformance.client.talk import Act
from headframe.conformance.target import TIMEOUT_S, Facts
from headframe.conformance.transcript import KEY_LENGTH, Transcript

__all__ = ["AUTHORITY", "LOCKSTEP", "Script", "Stage"]

AUTHORITY: Final = Path(__file__).with_name("tls") / "ca.pem"
"""What a client is told to trust, for a server on loopback and for nothing else."""

LOCKSTEP: Final = "lockstep"
"""The ability of a client that was seen to await each reply before it asks again."""
_SINGLE: Final = {Op.PUT, Op.GET, Op.LIST, Op.DELETE, Op.GET_TLS}

Script = Mapping[str, Sequence[Act]]


class Stage:
    """All runs of the client in one check, and the record of what passed."""

    def __init__(self, commands: Commands, facts: Facts, timeout_s: float = TIMEOUT_S) -> None:
        self.commands = commands
        self.facts = facts
        self.timeout_s = timeout_s
        self.transcript = Transcript(secrets.token_hex(KEY_LENGTH // 2), kit="server")
        self.scenes: list[Scene] = []
        self._number = 0
        self._folder: Path | None = None

    @property
    def told(self) -> str:
        """Say how the last run ended."""
        return str(self.scenes[-1].ended) if self.scenes else "it was not run"

    @property
    def next_folder(self) -> Path:
        """Return where the next run takes place."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="headframe-conform-")).resolve()
        return self._folder / str(self._number + 1)

    def close(self) -> None:
        """Remove everything that the runs have left."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def put(
        self, script: Script, name: str = "a.txt", body: bytes = b"hello", **more: Any
    ) -> Scene:
        """Let the client send a file."""
        return self._play(Op.PUT, script, name, {name: body}, **more)

    def put_all(self, script: Script, files: Mapping[str, bytes], **more: Any) -> Scene:
        """Let the client send a folder."""
        return self._play(Op.PUT_ALL, script, "t", files, **more)

    def get(
        self, script: Script, name: str = "a.txt", body: bytes = b"hello", **more: Any
    ) -> Scene:
        """Let the client fetch a file."""
        return self._play(Op.GET, script, name, {name: body}, **more)

    def get_tls(self, script: Script, tls: ssl.SSLContext) -> Scene:
        """Let the client fetch a file over TLS, from a server with this certificate."""
        return self._play(Op.GET_TLS, script, "a.txt", {"a.txt": b"hello"}, tls=tls)

    def get_all(self, script: Script, wanted: Mapping[str, bytes], **more: Any) -> Scene:
        """Let the client fetch all files; `files` are on the server, if not just these."""
        return self._play(Op.GET_ALL, script, "", wanted, **more)

    def list(self, script: Script, files: Mapping[str, bytes], **more: Any) -> Scene:
        """Let the client show all names; what it shows is not looked at."""
        return self._play(Op.LIST, script, "", {"": b""}, files=files, **more)

    def delete(self, script: Script, name: str = "a.txt", body: bytes = b"hello") -> Scene:
        """Let the client delete a file."""
        return self._play(Op.DELETE, script, name, {name: body})

    def run(self, op: Op, script: Script, **more: Any) -> Scene:
        """Do the plainest thing by any operation."""
        files = {"a.txt": b"hello", "d/b.txt": b"world"}
        plain: dict[Op, Callable[[], Scene]] = {
            Op.PUT: lambda: self.put(script, **more),
            Op.GET: lambda: self.get(script, **more),
            Op.PUT_ALL: lambda: self.put_all(script, files, **more),
            Op.GET_ALL: lambda: self.get_all(script, files, **more),
            Op.LIST: lambda: self.list(script, files, **more),
            Op.DELETE: lambda: self.delete(script, **more),
        }
        return plain[op]()

    def _play(
        self,
        op: Op,
        script: Script,
        name: str,
        wanted: Mapping[str, bytes],
        *,
        files: Mapping[str, bytes] | None = None,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Scene:
        """Run the client once; `files` are on the server where it is not to send them."""
        sandbox = Sandbox(self.next_folder)
        self._number += 1
        there = {} if op in SENDING else wanted if files is None else files
        store = Store({name: body for name, body in there.items() if name})
        local = self._local(op, sandbox, name, wanted)
        host = Host(
            store,
            script,
            self.transcript,
            patience_s=self.timeout_s + 1,
            receive_buffer=receive_buffer,
            tls=tls,
            first_number=sum(len(scene.talks) for scene in self.scenes) + 1,
        )
        with host:
            scheme = "headframe" if tls is None else "headframes"
            url = f"{scheme}://127.0.0.1:{host.port}/{name}"
            arguments = self.commands.arguments(op, url, str(local), str(AUTHORITY))
            ended = sandbox.run(arguments, self.timeout_s)
        if host.errors:
            raise host.errors[0]
        scene = Scene(
            op=op,
            name=name,
            wanted=wanted,
            ended=ended,
            files=_below(sandbox.files(), local.name if op is Op.GET_ALL else ""),
            strays=sandbox.strays(sending=op in SENDING),
            store=store,
            talks=host.talks,
            timeout_s=self.timeout_s,
            sends_ahead=op not in _SINGLE or LOCKSTEP not in self.facts.abilities,
        )
        self.scenes.append(scene)
        return scene

    def _local(self, op: Op, sandbox: Sandbox, name: str, wanted: Mapping[str, bytes]) -> Path:
        """Return the path for `{local}`, with what is to be sent."""
        if op is Op.PUT:
            return sandbox.source(name, wanted[name])
        if op is Op.PUT_ALL:
            for each, body in wanted.items():
                sandbox.source(each, body)
            return sandbox.folder / "source"
        return sandbox.target / (name if op in (Op.GET, Op.GET_TLS) else "into")


def _below(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    """Return the files in a folder, by the path from there; the others keep theirs."""
    prefix = f"{folder}/" if folder else ""
    return {path.removeprefix(prefix): body for path, body in files.items()}
