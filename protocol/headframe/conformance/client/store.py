"""What a good server would answer: the other half of every hostile one.

The law of this module: each answer is right by the standard, and whatever a client may rely on is
remembered as evidence when it has been sent. Nothing here sends anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headframe.conformance.client.messages import (
    MTIME,
    Answer,
    Members,
    Request,
    digest_of,
    entry_of,
    rev_of,
)

__all__ = ["Store"]

PAGE_ENTRIES: Final = 100


@dataclass(slots=True)
class Upload:
    """An upload, finished or not."""

    name: str
    data: bytearray = field(default_factory=bytearray)
    total: int | None = None
    finished: Answer | None = None


class _Refused(Exception):
    """A request that is not carried out."""

    def __init__(self, code: str, proves: tuple[tuple[str, str], ...] = (), **members: Any) -> None:
        super().__init__(code)
        self.answer = Answer({"ok": False, "code": code, "message": code} | members, b"", proves)


class Store:
    """Files and uploads, and what has been told of them."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.uploads: dict[str, Upload] = {}
        self.evidence: list[tuple[str, str]] = []
        """What clients have been told, in a whole reply to the request that was due."""
        self._commands: dict[str, Callable[[Request], Answer]] = {
            "hello": self._hello,
            "put": self._put,
            "get": self._get,
            "stat": self._stat,
            "list": self._list,
            "delete": self._delete,
            "move": self._move,
        }

    def answer(self, request: Request) -> Answer:
        """Carry out a whole request; return the reply that is due."""
        command = self._commands.get(request.cmd)
        try:
            if command is None:
                raise _Refused("bad-request" if not request.cmd else "unknown-command")
            if request.aborted:
                self.keep(request)
                raise _Refused("aborted")
            return command(request)
        except _Refused as refused:
            return refused.answer

    def keep(self, request: Request) -> None:
        """Keep what has come of an upload whose message is not carried out (HF-RESUME-010)."""
        token, name = request["upload"], request["filename"]
        if request.cmd == "put" and isinstance(token, str) and isinstance(name, str):
            upload = self.uploads.setdefault(token, Upload(name))
            if upload.finished is None and (request["offset"] or 0) == len(upload.data):
                upload.data += request.body
                told = request.trailer("total")
                upload.total = told if type(told) is int else upload.total

    # --- the commands --------------------------------------------------------------------

    def _hello(self, request: Request) -> Answer:
        if request["hf"] not in (None, 1):
            raise _Refused("unsupported-version", close=True)
        if request["auth"] is not None:
            raise _Refused("unauthorized")
        limits = {"total": 1 << 40, "list": PAGE_ENTRIES, "discard": 1 << 20, "header_ms": 10_000}
        limits |= {"idle_ms": 60_000, "linger_ms": 2000, "upload_ttl_ms": 86_400_000}
        members = {"ok": True, "hf": [1], "server": "headframe conform", "limits": limits}
        return Answer(members | {"features": [], "durability": "fsync", "auth": []})

    def _put(self, request: Request) -> Answer:
        name = _text(request, "filename")
        if request["upload"] is not None:
            return self._put_part(request, name)
        return self._commit(request, name, bytes(request.body), _total(request, None))

    def _put_part(self, request: Request, name: str) -> Answer:
        token, offset = _text(request, "upload"), _number(request, "offset")
        upload = self.uploads.get(token)
        if upload is None:
            if offset:
                raise _Refused("upload-gone")
            upload = self.uploads[token] = Upload(name)
        if upload.name != name:
            raise _Refused("conflict")
        if upload.finished is not None:
            if upload.data[offset:] != request.body:
                raise _Refused("conflict")
            return upload.finished
        if offset != len(upload.data):
            raise _Refused("offset-mismatch", offset=len(upload.data))
        upload.total = _total(request, upload)
        upload.data += request.body
        if upload.total is None or len(upload.data) < upload.total:
            return Answer({"ok": True, "offset": len(upload.data)})
        upload.finished = self._commit(request, name, bytes(upload.data), upload.total)
        return upload.finished

    def _commit(self, request: Request, name: str, data: bytes, total: int | None) -> Answer:
        if total not in (None, len(data)):
            raise _Refused("size-mismatch")
        if request.trailer("digest") not in (None, digest_of(data)):
            raise _Refused("digest-mismatch")
        self._check_if(request, name)
        self.files[name] = data
        members = {"ok": True, "rev": rev_of(data), "total": len(data), "digest": digest_of(data)}
        return Answer(members, proves=(("put", name),))

    def _check_if(self, request: Request, name: str) -> None:
        data = self.files.get(name)
        rev = None if data is None else rev_of(data)
        if "if" in request.headers[0] and request["if"] != rev:
            raise _Refused("precondition-failed", rev=rev)

    def _find(self, request: Request) -> tuple[str, bytes]:
        name = _text(request, "filename")
        if name not in self.files:
            raise _Refused("not-found")
        self._check_if(request, name)
        return name, self.files[name]

    def _about(self, request: Request, data: bytes) -> Members:
        wanted = request["want"]
        digest = {"digest": digest_of(data)} if wanted and "digest" in wanted else {}
        return {"ok": True, "rev": rev_of(data), "total": len(data), "mtime": MTIME} | digest

    def _get(self, request: Request) -> Answer:
        name, data = self._find(request)
        offset, length = _number(request, "offset"), request["length"]
        if offset > len(data):
            raise _Refused("bad-range", total=len(data))
        part = (
            data[offset:] if length is None else data[offset : offset + _number(request, "length")]
        )
        members = self._about(request, data) | {"offset": offset}
        return Answer(members, part, (("get", name),))

    def _stat(self, request: Request) -> Answer:
        if request["upload"] is None:
            name, data = self._find(request)
            return Answer(self._about(request, data), proves=(("put", name),))
        upload = self.uploads.get(_text(request, "upload"))
        if upload is None:
            raise _Refused("upload-gone")
        if upload.finished is not None:
            members = upload.finished.members | {"offset": len(upload.data)}
            return Answer(members, proves=upload.finished.proves)
        total = {} if upload.total is None else {"total": upload.total}
        return Answer({"ok": True, "offset": len(upload.data)} | total)

    def _list(self, request: Request) -> Answer:
        prefix, after = request["prefix"] or "", (request["after"] or "").encode()
        limit = min(_number(request, "limit", PAGE_ENTRIES), PAGE_ENTRIES)
        lines: dict[bytes, bytes] = {}
        for name, data in self.files.items():
            cut = name.find("/", len(prefix)) if request["delimiter"] is not None else -1
            text = name if cut < 0 else name[: cut + 1]
            if name.startswith(prefix) and text.encode() > after:
                shared = json.dumps({"prefix": text}).encode() + b"\n"
                lines[text.encode()] = entry_of(name, data) if cut < 0 else shared
        found = sorted(lines)
        body = b"".join(lines[text] for text in found[:limit])
        proves = (("list", prefix), *(("put", name) for name in self.files))
        return Answer({"ok": True, "end": len(found) <= limit}, body, proves)

    def _delete(self, request: Request) -> Answer:
        if request["upload"] is not None:
            if self.uploads.pop(_text(request, "upload"), None) is None:
                raise _Refused("upload-gone")
            return Answer({"ok": True})
        gone = (("delete", _text(request, "filename")),)
        if gone[0][1] not in self.files:
            raise _Refused("not-found", gone)  # whoever did it
        name, _ = self._find(request)
        del self.files[name]
        return Answer({"ok": True}, proves=gone)

    def _move(self, request: Request) -> Answer:
        name, data = self._find(request)
        to = _text(request, "to")
        there = self.files.get(to)
        found = None if there is None else rev_of(there)
        if request["to_if"] is not True and request["to_if"] != found:
            raise _Refused("precondition-failed", to_rev=found)
        self.files[to] = self.files.pop(name)
        return Answer({"ok": True, "rev": rev_of(data)}, proves=(("move", name),))


def _text(request: Request, name: str) -> str:
    value = request[name]
    if not isinstance(value, str):
        raise _Refused("bad-request")
    return value


def _number(request: Request, name: str, absent: int = 0) -> int:
    value = request[name]
    if value is None and name not in request.headers[0]:
        return absent
    if type(value) is not int:
        raise _Refused("bad-request")
    return value


def _total(request: Request, upload: Upload | None) -> int | None:
    """Return what is known of the size, after a request."""
    told = request.trailer("total")
    if told is not None and type(told) is not int:
        raise _Refused("bad-request")
    return told if upload is None or upload.total is None else upload.total
