"""Files as a dictionary: what a server that has been asked these things has to answer.

    world.judge(request, reply)     raises Deviation, or takes the change over

Spec: 6.2 and chapters 7 to 9. The law of this module: every decision is made in the order of 6.2,
and a revision is believed only as far as replies have told it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headframe.conformance.peer import page_of, same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import Asked
from headframe.conformance.verdicts import Deviation

__all__ = ["File", "World", "digest_of"]

_REV: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
COARSEST_US: Final = 2_000_000
"""The coarsest clock of a file system that is in use: two seconds."""
_ABSENT: Final = object()
"""Stands for a member that a header does not have."""


def digest_of(body: bytes) -> str:
    """Return the digest of bytes, as HF/1 writes it."""
    return f"sha-256:{hashlib.sha256(body).hexdigest()}"


@dataclass(slots=True)
class File:
    """A file as the model knows it."""

    body: bytes
    rev: str | None
    """None: no reply has told it yet."""
    mtime: int | None
    """None: the time of storing, or not told yet."""


@dataclass(slots=True)
class World:
    """The files of one check; names begin with `~/`."""

    fill: Callable[[str], str]
    """Turns a name into what the server knows."""
    files: dict[str, File] = field(default_factory=dict)
    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """The bytes that a revision of a name stood for."""

    def judge(self, asked: Asked, reply: Reply | None) -> None:
        """See whether a reply is the right one, and take over what it has changed.

        `reply` is None for a request without `id`: a put is carried out, anything else is not.
        """
        header = asked.frames[0].header
        assert isinstance(header, dict)
        if reply is None and header["cmd"] != "put":
            return
        wanted = self._refusal(header, asked)
        if reply is not None:
            same(wanted, reply.word, f"outcome of {asked}")
            if wanted in {"precondition-failed", "bad-range"}:
                self._check_refusal(header, reply)
        if wanted == "ok":
            getattr(self, f"_{header['cmd']}")(header, asked, reply)

    # --- what is refused, in order -------------------------------------------------------

    def _refusal(self, header: Mapping[str, Any], asked: Asked) -> str:
        """Return the code of the refusal that is due, or `ok`."""
        cmd = header["cmd"]
        file = self.files.get(header.get("filename", ""))
        if cmd in {"get", "stat", "delete", "move"} and file is None:
            return "not-found"
        target = header.get("to" if cmd == "move" else "filename", "")
        if cmd in {"put", "move"} and self.in_conflict(target):
            return "conflict"
        if not _holds(header, "if", file) or (cmd == "move" and not self._may_replace(header)):
            return "precondition-failed"
        if cmd == "get" and file is not None and header.get("offset", 0) > len(file.body):
            return "bad-range"
        return self._misfit(asked) if cmd == "put" else "ok"

    def in_conflict(self, name: str) -> bool:
        """Return whether a file lies in the path of a name, or the name in that of a file."""
        return any(
            name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in self.files
        )

    def holds(self, header: Mapping[str, Any]) -> bool:
        """Return whether the `if` of a request holds of the file that it names."""
        return _holds(header, "if", self.files.get(header["filename"]))

    def _may_replace(self, header: Mapping[str, Any]) -> bool:
        """Return whether a move may put its file where it is to go."""
        wanted = header.get("to_if")
        target = self.files.get(header["to"])
        if wanted is True:
            return True
        return target is None if wanted is None else _is_at(target, wanted)

    def _misfit(self, asked: Asked) -> str:
        """Return what is wrong with the body of a put, or `ok`."""
        first, last = asked.frames[0].header, asked.frames[-1].header
        assert isinstance(first, dict)
        assert isinstance(last, dict)
        members = first | last
        body = b"".join(part.body for part in asked.frames)
        if last.get("abort") is True:
            return "aborted"
        if members.get("total", len(body)) != len(body):
            return "size-mismatch"
        return (
            "ok"
            if members.get("digest", digest_of(body)) == digest_of(body)
            else ("digest-mismatch")
        )

    def _check_refusal(self, header: Mapping[str, Any], reply: Reply) -> None:
        """See whether a refusal tells what was found."""
        file = self.files.get(header["filename"])
        if reply.word == "bad-range":
            same(len(file.body) if file else None, reply["total"], "total in bad-range")
            return
        member = "rev"
        if _holds(header, "if", file):
            member, file = "to_rev", self.files.get(header["to"])
        if member not in reply:
            raise Deviation(f"{member} in precondition-failed", "none")
        if file is None or file.rev is not None:
            same(None if file is None else file.rev, reply[member], f"{member} found")

    # --- what is carried out -------------------------------------------------------------

    def _put(self, header: Mapping[str, Any], asked: Asked, reply: Reply | None) -> None:
        body = b"".join(part.body for part in asked.frames)
        self.store(header["filename"], body, header.get("mtime"), reply)

    def store(self, name: str, body: bytes, mtime: int | None, reply: Reply | None) -> None:
        """Have a file, and judge what was said of it, if anything was."""
        file = self.files[name] = File(body, None, mtime)
        if reply is not None:
            same(len(body), reply["total"], "total of a put")
            same(digest_of(body), reply["digest"], "digest of a put")
            self._learn(name, file, reply["rev"])

    def _get(self, header: Mapping[str, Any], _: Asked, reply: Reply) -> None:
        name = header["filename"]
        file = self.files[name]
        self._describe(name, file, header, reply)
        offset = header.get("offset", 0)
        same(offset, reply["offset"], "offset of a get")
        end = offset + header.get("length", len(file.body))
        if file.body[offset:end] != reply.body:
            raise Deviation(f"{file.body[offset:end][:40]!r}", f"{reply.body[:40]!r}")

    def _stat(self, header: Mapping[str, Any], _: Asked, reply: Reply) -> None:
        self._describe(header["filename"], self.files[header["filename"]], header, reply)

    def _delete(self, header: Mapping[str, Any], _: Asked, __: Reply) -> None:
        del self.files[header["filename"]]

    def _move(self, header: Mapping[str, Any], _: Asked, reply: Reply) -> None:
        file = self.files.pop(header["filename"])
        self.files[header["to"]] = file
        file.rev = None
        self._learn(header["to"], file, reply["rev"])

    def _list(self, header: Mapping[str, Any], _: Asked, reply: Reply) -> None:
        expected = self.entries(header)
        rows, whole = page_of(reply)
        texts = [row.get("filename", row.get("prefix")) for row in rows]
        most = header.get("limit", len(expected))
        if len(rows) > most or (whole and len(rows) < len(expected)) or not (rows or whole):
            raise Deviation(f"up to {most} of {len(expected)} entries", f"{len(rows)}, end={whole}")
        same([self.fill(text) for text in expected][: len(rows)], texts, "entries of a list")
        for text, row in zip(expected, rows, strict=False):
            if text in self.files:
                same(len(self.files[text].body), row.get("total"), f"total of {text}")
                self._learn(text, self.files[text], row.get("rev"))

    def entries(self, header: Mapping[str, Any]) -> list[str]:
        """Return the texts of what a list has to show, from `after` to the end."""
        prefix, after = header.get("prefix", "~/"), header.get("after", "")
        texts = set()
        for name in self.files:
            if not name.startswith(prefix):
                continue
            head, slash, _ = name[len(prefix) :].partition("/")
            shared = slash and header.get("delimiter") == "/"
            texts.add(prefix + head + slash if shared else name)
        return sorted(text for text in texts if text > after)

    def _describe(self, name: str, file: File, header: Mapping[str, Any], reply: Reply) -> None:
        same(len(file.body), reply["total"], f"total of {name}")
        if file.mtime is not None:
            _near(file.mtime, reply["mtime"], name)
        if "digest" in header.get("want", []):
            same(digest_of(file.body), reply["digest"], f"digest of {name}")
        self._learn(name, file, reply["rev"])

    def _learn(self, name: str, file: File, rev: Any) -> None:
        """Take a revision over; it has to be the one that is known, and stand for these bytes."""
        if not isinstance(rev, str) or not _REV.fullmatch(rev):
            raise Deviation(f"a revision of {name}", f"{rev!r}")
        if file.rev is not None:
            same(file.rev, rev, f"revision of {name}, which nobody has changed")
        file.rev = rev
        stood_for = self.bodies.setdefault((name, rev), file.body)
        if stood_for != file.body:
            raise Deviation(f"another revision of {name} for other bytes", f"{rev!r} again")


def _holds(header: Mapping[str, Any], member: str, file: File | None) -> bool:
    """Return whether a condition holds of what is there."""
    wanted = header.get(member, _ABSENT)
    if wanted is _ABSENT:
        return True
    return file is None if wanted is None else _is_at(file, wanted)


def _is_at(file: File | None, rev: Any) -> bool:
    return file is not None and file.rev == rev


def _near(given: int, kept: Any, name: str) -> None:
    """Expect a time as it was given, or rounded down to what the server can hold."""
    if type(kept) is not int or not given - COARSEST_US < kept <= given:
        raise Deviation(f"mtime of {name}: {given}, rounded down at most", f"{kept!r}")
