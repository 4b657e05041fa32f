"""Uploads beside files: what a server has to answer to their parts.

    uploads.judge(request, reply)     raises Deviation, or takes the change over

Spec: chapter 10 and 6.2. The law of this module: what has arrived is kept, and counts for nothing
until it is all there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headframe.conformance.models.world import World, digest_of
from headframe.conformance.peer import same
from headframe.conformance.replies import Reply
from headframe.conformance.requests import Asked
from headframe.conformance.verdicts import Deviation

__all__ = ["Finished", "Upload", "Uploads"]


@dataclass(slots=True)
class Upload:
    """One that is not finished."""

    filename: str
    data: bytes = b""
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """One that has become a file."""

    filename: str
    offset: int
    """Of the put that completed it."""
    body: bytes
    """Of that put."""
    reply: Mapping[str, Any]
    """What it was told."""


@dataclass(slots=True)
class Uploads:
    """The uploads of one check, by token; its files are those of `world`."""

    world: World
    known: dict[str, Upload | Finished] = field(default_factory=dict)

    def judge(self, asked: Asked, reply: Reply) -> None:
        """See whether a reply is the right one, and take over what it has changed."""
        header = asked.frames[0].header
        assert isinstance(header, dict)
        if "upload" not in header:
            self.world.judge(asked, reply)
            return
        upload = self.known.get(header["upload"])
        match header["cmd"], upload:
            case "put", _:
                self._put(header, asked, reply)
            case _, None:
                same("upload-gone", reply.word, "outcome for a token that is not known")
            case "stat", Upload():
                same("ok", reply.word, "outcome of a stat")
                same(len(upload.data), reply["offset"], "offset of an upload")
                same(upload.total, reply["total"], "total of an upload")
                same(None, reply["rev"], "revision of an upload that is not finished")
            case "stat", Finished():
                same("ok", reply.word, "outcome of a stat")
                same(dict(upload.reply), _outcome(reply), "what became of an upload")
                same(upload.reply["total"], reply["offset"], "offset of a finished upload")
            case "delete", _:
                same("ok", reply.word, "outcome of a delete")
                del self.known[header["upload"]]

    def arrived(self, asked: Asked, unsent_bytes: int, offset: Any) -> None:
        """Learn how much of a put has arrived that did not end: some of what was sent."""
        header = asked.frames[0].header
        assert isinstance(header, dict)
        if isinstance(self.known.get(header["upload"]), Finished):
            return
        self.begin(header)
        upload = self.known[header["upload"]]
        assert isinstance(upload, Upload)
        body = b"".join(part.body for part in asked.frames)
        whole = upload.data + body[: len(body) - unsent_bytes]
        if type(offset) is not int or not len(upload.data) <= offset <= len(whole):
            raise Deviation(f"an offset from {len(upload.data)} to {len(whole)}", f"{offset!r}")
        upload.data = whole[:offset]

    def begin(self, header: Mapping[str, Any]) -> None:
        """Take over what the first header of a put says, which is not refused."""
        upload = self.known.setdefault(header["upload"], Upload(header["filename"]))
        assert isinstance(upload, Upload)
        upload.total = header.get("total", upload.total)

    def refusal(self, header: Mapping[str, Any], first_bytes: int) -> str | None:
        """Return the code with which the first header of a put is refused; None: it is not.

        `first_bytes` is how much body it announces.
        """
        upload = self.known.get(header["upload"])
        offset = header.get("offset", 0)
        name = header["filename"]
        if isinstance(upload, Finished):
            repeated = (upload.filename, upload.offset) == (name, offset)
            return None if repeated else "conflict"
        if upload is None and offset:
            return "upload-gone"
        if (upload is not None and upload.filename != name) or self.world.in_conflict(name):
            return "conflict"
        if not self.world.holds(header):
            return "precondition-failed"
        return _misplaced(upload or Upload(name), header, offset, first_bytes)

    def _put(self, header: Mapping[str, Any], asked: Asked, reply: Reply) -> None:
        refusal = self.refusal(header, len(asked.frames[0].body))
        if refusal is not None:
            same(refusal, reply.word, f"outcome of {asked}")
            if refusal == "offset-mismatch":
                upload = self.known.get(header["upload"], Upload(""))
                assert isinstance(upload, Upload)
                same(len(upload.data), reply["offset"], "offset in offset-mismatch")
            return
        last = asked.frames[-1].header
        assert isinstance(last, dict)
        body = b"".join(part.body for part in asked.frames)
        finished = self.known.get(header["upload"])
        if isinstance(finished, Finished):
            self._repeat(finished, body, last, reply)
            return
        self.begin(header)
        upload = self.known[header["upload"]]
        assert isinstance(upload, Upload)
        self._end(upload, header, last, body, reply)

    @staticmethod
    def _repeat(finished: Finished, body: bytes, last: Mapping[str, Any], reply: Reply) -> None:
        """Judge the answer to a put that comes where the upload was completed."""
        if last.get("abort") is True:
            same("aborted", reply.word, "outcome of a put that was withdrawn")
        elif body != finished.body:
            same("conflict", reply.word, "outcome of other bytes for a finished upload")
        else:
            same("ok", reply.word, "outcome of the last put again")
            same(dict(finished.reply), _outcome(reply), "reply to the last put again")

    def _end(
        self,
        upload: Upload,
        header: Mapping[str, Any],
        last: Mapping[str, Any],
        body: bytes,
        reply: Reply,
    ) -> None:
        """Judge the answer to a part that has come whole, or was withdrawn."""
        token = header["upload"]
        if upload.total is not None and len(upload.data) + len(body) > upload.total:
            same("size-mismatch", reply.word, "outcome of more bytes than the total")
            del self.known[token]
            return
        upload.data += body
        upload.total = last.get("total", upload.total) if last is not header else upload.total
        if last.get("abort") is True:
            same("aborted", reply.word, "outcome of a put that was withdrawn")
        elif upload.total != len(upload.data):
            same("ok", reply.word, "outcome of a part")
            same(len(upload.data), reply["offset"], "offset after a part")
            same(None, reply["rev"], "revision of an upload that is not finished")
        elif {**header, **last}.get("digest", digest_of(upload.data)) != digest_of(upload.data):
            same("digest-mismatch", reply.word, "outcome of the last part")
            del self.known[token]
        else:
            self._store(upload, header, len(upload.data) - len(body), body, reply)

    def _store(
        self, upload: Upload, header: Mapping[str, Any], offset: int, body: bytes, reply: Reply
    ) -> None:
        """Judge the answer to the last part, and have the file."""
        same("ok", reply.word, "outcome of the last part")
        self.world.store(upload.filename, upload.data, header.get("mtime"), reply)
        self.known[header["upload"]] = Finished(upload.filename, offset, body, _outcome(reply))


def _misplaced(
    upload: Upload, header: Mapping[str, Any], offset: int, first_bytes: int
) -> str | None:
    """Return the code if a part does not continue an upload."""
    if offset != len(upload.data):
        return "offset-mismatch"
    if upload.total is not None and header.get("total", upload.total) != upload.total:
        return "bad-request"
    total = header.get("total", upload.total)
    excess = total is not None and offset + first_bytes > total
    return "size-mismatch" if excess else None


def _outcome(reply: Reply) -> dict[str, Any]:
    """Return what a reply says of the file that an upload has become."""
    return {name: reply[name] for name in ("rev", "total", "digest")}
