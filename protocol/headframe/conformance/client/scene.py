"""One run of a client, over: what came of it, in a word.

The law of this module: a success that a client claims is held against what it was told; what it
left on the disk is looked at, whatever it claims. An outcome is a word, and a check says which
words are right; a claim without any ground is a Deviation whatever the check is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headframe.conformance.client.commands import Op
from headframe.conformance.client.messages import Request
from headframe.conformance.client.process import Ended
from headframe.conformance.client.store import Store
from headframe.conformance.client.talk import Talk
from headframe.conformance.verdicts import Deviation

__all__ = ["EMPTY_FILE", "FAILURE", "HALF_FILE", "SENDING", "SUCCESS", "Scene"]

SUCCESS: Final = "success"
"""It says so, it was told so, and every byte is where it belongs."""
FAILURE: Final = "failure"
"""It says so, and has left nothing under the final name."""
EMPTY_FILE: Final = "failure, with an empty file left"
HALF_FILE: Final = "failure, with a wrong file left under the final name"

_COMMANDS: Final = {
    Op.PUT: "put",
    Op.PUT_ALL: "put",
    Op.GET: "get",
    Op.GET_ALL: "get",
    Op.GET_TLS: "get",
    Op.LIST: "list",
    Op.DELETE: "delete",
}
SENDING: Final = {Op.PUT, Op.PUT_ALL}
_SHOWING: Final = {Op.LIST, Op.DELETE}
"""What leaves no file anywhere."""


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
    sends_ahead: bool
    """Whether a request may be on its way already when a reply forbids it."""

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
            if self.op not in SENDING and left != body:
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
            if talk.late and not self.sends_ahead:
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
        where = self.store.files if self.op in SENDING else self.files
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
