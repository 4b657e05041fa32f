"""What a check of clients gets: runs of the client against a host, and what came of them.

    def first_reply_is_cut(stage):
        return stage.put({"put": [cut(lambda whole: 2)]}).outcome()

The law of this module: a success that a client claims is held against what it was told; what it
left on the disk is looked at, whatever it claims. An outcome is a word, and a check says which
words are right; a claim without any ground is a Deviation whatever the check is about.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from headframe.conformance.client.commands import Commands, Op
from headframe.conformance.client.host import Act, Host, Talk
from headframe.conformance.client.process import Ended, Sandbox
from headframe.conformance.client.store import Request, Store
from headframe.conformance.target import TIMEOUT_S, Facts
from headframe.conformance.transcript import KEY_LENGTH, Transcript
from headframe.conformance.verdicts import Deviation

__all__ = ["FAILURE", "SUCCESS", "Scene", "Stage"]

SUCCESS: Final = "success"
"""It says so, it was told so, and every byte is where it belongs."""
FAILURE: Final = "failure"
"""It says so, and has left nothing under the final name."""
EMPTY_FILE: Final = "failure, with an empty file left"
HALF_FILE: Final = "failure, with a wrong file left under the final name"

Script = Mapping[str, Sequence[Act]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One run of the client, over."""

    op: Op
    name: str
    wanted: Mapping[str, bytes]
    """The files that are to be where they belong in the end: on the server, or in the target."""
    ended: Ended
    files: Mapping[str, bytes]
    """What the client has left in the target, by the path from there."""
    strays: Sequence[str]
    store: Store
    talks: Sequence[Talk]
    timeout_s: float

    @property
    def requests(self) -> list[Request]:
        """All requests, connection by connection."""
        return [request for talk in self.talks for request in talk.requests]

    def asked(self, cmd: str) -> list[Request]:
        """Return the requests of one command."""
        return [request for request in self.requests if request.cmd == cmd]

    def outcome(self) -> str:
        """Return what came of it in a word; raise Deviation for what is never right."""
        self.check_manners()
        if self.ended.claims_success:
            self._check_claim()
            return SUCCESS
        for name, body in self.wanted.items():
            left = self.files.get(name, body)
            if self.op not in _SENDING and left != body:
                return HALF_FILE if left else EMPTY_FILE
        return FAILURE

    def check_manners(self) -> None:
        """Expect an end in time, frames that can be read, and nothing where nothing is due."""
        if self.ended.code is None:
            raise Deviation(f"an end within {self.timeout_s:g} s", f"TIME-OUT ({self.ended})")
        for talk in self.talks:
            if talk.fault is not None:
                raise Deviation("frames of HF/1", f"unreadable bytes ({talk.fault})")
            if talk.kept_open_s is not None:
                raise Deviation(
                    f"connection {talk.wire.number} closed",
                    f"TIME-OUT: still open after {talk.kept_open_s:g} s ({self.ended})",
                )
            if talk.late:
                raise Deviation(
                    f"connection {talk.wire.number} closed without another byte",
                    f"{len(talk.late)} bytes more: {ascii(talk.late[:60])[2:-1]}",
                )
        if self.strays:
            raise Deviation("nothing written outside of the target", ", ".join(self.strays))

    def _check_claim(self) -> None:
        """Expect that the client was told what it claims, and that it is so."""
        cmd = _COMMANDS[self.op]
        told = {name for what, name in self.store.evidence if what == cmd}
        where = self.store.files if self.op in _SENDING else self.files
        for wanted, body in self.wanted.items():
            name = self._stored_as(wanted) if self.op is Op.PUT_ALL else wanted
            found = where.get(name)
            if self.op not in _SHOWING and found != body:
                got = "no file" if found is None else f"a file of {len(found)} other bytes"
                raise Deviation(f"{name}: {len(body)} bytes as they were, or no success", got)
            if name not in told:
                raise Deviation(
                    f"no success before a good reply to {cmd} {name}", f"success ({self.ended})"
                )

    def _stored_as(self, name: str) -> str:
        """Return the name on the server of a file that was in a folder."""
        behind = f"/{name}"
        return next((stored for stored in self.store.files if stored.endswith(behind)), name)


_COMMANDS: Final = {
    Op.PUT: "put",
    Op.PUT_ALL: "put",
    Op.GET: "get",
    Op.GET_ALL: "get",
    Op.GET_TLS: "get",
    Op.LIST: "list",
    Op.DELETE: "delete",
}
_SENDING: Final = {Op.PUT, Op.PUT_ALL}
_SHOWING: Final = {Op.LIST, Op.DELETE}
"""What leaves no file anywhere."""


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
    ) -> Scene:
        """Run the client once; `files` are on the server where it is not to send them."""
        sandbox = Sandbox(self.next_folder)
        self._number += 1
        there = {} if op in _SENDING else wanted if files is None else files
        store = Store({name: body for name, body in there.items() if name})
        local = self._local(op, sandbox, name, wanted)
        host = Host(
            store,
            script,
            self.transcript,
            patience_s=self.timeout_s + 1,
            receive_buffer=receive_buffer,
            first_number=sum(len(scene.talks) for scene in self.scenes) + 1,
        )
        with host:
            url = f"headframe://127.0.0.1:{host.port}/{name}"
            ended = sandbox.run(self.commands.arguments(op, url, str(local)), self.timeout_s)
        if host.errors:
            raise host.errors[0]
        scene = Scene(
            op=op,
            name=name,
            wanted=wanted,
            ended=ended,
            files=_below(sandbox.files(), local.name if op is Op.GET_ALL else ""),
            strays=sandbox.strays(),
            store=store,
            talks=host.talks,
            timeout_s=self.timeout_s,
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
