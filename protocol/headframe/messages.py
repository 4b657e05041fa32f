"""The headers of HF/1 as types, and the table of commands: wire name, request, reply.

Spec: chapters 4, 5 and 8. The law of this module: a header is what its type says, no more and
no less; names that a type does not list are ignored, unless they begin with `!`.

A request's type is chosen by `cmd`, a reply's by the command it answers, a later header's by its
place. `Refused` is none of these: it is what a well-formed header becomes that asks for something
this side has to refuse. Which JSON becomes which type is decided in `interpretation`.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from headframe.errors import shown
from headframe.headers import Flaw, Header, WholeNumber
from headframe.limits import LIMITS
from headframe.registry import Command, ErrorCode

__all__ = [
    "COMMANDS",
    "UNSET",
    "VERSION",
    "CommandRow",
    "Continuation",
    "Delete",
    "DeleteReply",
    "Get",
    "GetReply",
    "Hello",
    "HelloReply",
    "List",
    "ListReply",
    "Move",
    "MoveReply",
    "Notice",
    "Put",
    "PutReply",
    "Refusal",
    "Refused",
    "Reply",
    "Request",
    "Stat",
    "StatReply",
    "UnsetType",
    "command_of",
    "has_trailer",
    "known_code",
]

VERSION: Final = 1
"""The version of the protocol this package speaks."""

RequestId = Annotated[int, Meta(ge=1, le=LIMITS.integer_max)]
PositiveNumber = Annotated[int, Meta(ge=1, le=LIMITS.integer_max)]
Microseconds = WholeNumber
"""Time since 1970-01-01T00:00:00Z."""
Revision = Annotated[str, Meta(min_length=1, max_length=64)]
UploadToken = Annotated[str, Meta(min_length=22, max_length=64)]

_TOKEN: Final = string.ascii_letters.encode() + string.digits.encode() + b"_-"
"""What an upload token may consist of."""
_REVISION: Final = _TOKEN + b"."
"""What a revision may consist of. What is left without these decides, as `translate` finds it: a
regular expression takes twice as long, and as a pattern of msgspec's six times."""


class Request(Header, frozen=True, kw_only=True, tag_field="cmd"):
    """The first header of a request."""

    id: RequestId | UnsetType = UNSET
    """Asks for a reply, which echoes it."""
    abort: bool = False
    """In a message of one frame: it is withdrawn."""


class Hello(Request, frozen=True, kw_only=True, tag="hello"):
    """Ask who the server is; also the ping."""

    hf: Literal[1] | UnsetType = UNSET
    """The version wanted."""
    auth: dict[str, Any] | UnsetType = UNSET
    """`scheme` and what the scheme needs, of whatever type."""


class Put(Request, frozen=True, kw_only=True, tag="put", rename={"if_": "if"}):
    """Store a file; its body is the file."""

    filename: str
    if_: Revision | UnsetType | None = UNSET
    """Revision the file must have; None: it must not exist."""
    digest: str | UnsetType = UNSET
    """Of the whole file: the algorithm, a colon and hexadecimal digits."""
    total: WholeNumber | UnsetType = UNSET
    """Bytes of the whole file."""
    mtime: Microseconds | UnsetType = UNSET
    want: list[str] | UnsetType = UNSET
    """The algorithm of the digest in the reply, and of the one that comes as a trailer."""
    upload: UploadToken | UnsetType = UNSET
    offset: WholeNumber | UnsetType = UNSET
    """Where in the upload, which has to be named, this body begins."""

    def flaw(self) -> Flaw | None:
        """Return what is wrong with the members although each has its type; None: nothing."""
        if self.if_ and self.if_.encode().translate(None, _REVISION):
            return _no_revision(self.if_)
        if self.upload:
            return _token_flaw(self.upload)
        return None if self.offset is UNSET else _NO_UPLOAD


class Get(Request, frozen=True, kw_only=True, tag="get", rename={"if_": "if"}):
    """Read a file or a range of it."""

    filename: str
    offset: WholeNumber | UnsetType = UNSET
    length: WholeNumber | UnsetType = UNSET
    if_: Revision | UnsetType | None = UNSET
    want: list[str] | UnsetType = UNSET

    def flaw(self) -> Flaw | None:
        """Return what is wrong with the members although each has its type; None: nothing."""
        if self.if_ and self.if_.encode().translate(None, _REVISION):
            return _no_revision(self.if_)
        return None


class Stat(Request, frozen=True, kw_only=True, tag="stat", rename={"if_": "if"}):
    """Ask about a file (`filename`) or an upload (`upload`)."""

    filename: str | UnsetType = UNSET
    upload: UploadToken | UnsetType = UNSET
    if_: Revision | UnsetType | None = UNSET
    want: list[str] | UnsetType = UNSET

    def flaw(self) -> Flaw | None:
        """Return what is wrong with the members although each has its type; None: nothing."""
        if self.if_ and self.if_.encode().translate(None, _REVISION):
            return _no_revision(self.if_)
        if (self.filename is UNSET) is (self.upload is UNSET):
            return _NOT_ONE
        return _token_flaw(self.upload) if self.upload else None


class List(Request, frozen=True, kw_only=True, tag="list"):
    """Ask for names, in the order of their UTF-8 bytes."""

    prefix: str | UnsetType = UNSET
    after: str | UnsetType = UNSET
    limit: PositiveNumber | UnsetType = UNSET
    delimiter: Literal["/"] | UnsetType = UNSET


class Delete(Request, frozen=True, kw_only=True, tag="delete", rename={"if_": "if"}):
    """Delete a file (`filename`), or forget an upload (`upload`)."""

    filename: str | UnsetType = UNSET
    upload: UploadToken | UnsetType = UNSET
    if_: Revision | UnsetType | None = UNSET

    def flaw(self) -> Flaw | None:
        """Return what is wrong with the members although each has its type; None: nothing."""
        if self.if_ and self.if_.encode().translate(None, _REVISION):
            return _no_revision(self.if_)
        if (self.filename is UNSET) is (self.upload is UNSET):
            return _NOT_ONE
        return _token_flaw(self.upload) if self.upload else None


class Move(Request, frozen=True, kw_only=True, tag="move", rename={"if_": "if"}):
    """Give a file another name."""

    filename: str
    to: str
    if_: Revision | UnsetType | None = UNSET
    to_if: Revision | bool | UnsetType | None = UNSET
    """Absent or None: the target must not exist; True: whatever is there."""

    def flaw(self) -> Flaw | None:
        """Return what is wrong with the members although each has its type; None: nothing."""
        if self.to_if is False:
            return "HF-HEADER-016", "to_if is false: only a revision, true and null are allowed"
        for condition in (self.if_, self.to_if):
            if isinstance(condition, str) and condition.encode().translate(None, _REVISION):
                return _no_revision(condition)
        return None


_NOT_ONE: Final = "HF-CMD-028", "one of filename and upload is needed, and only one"
_NO_UPLOAD: Final = "HF-CMD-028", "offset is of use beside upload only"


def _no_revision(text: object) -> Flaw:
    allowed = "only A-Z a-z 0-9 . _ - are allowed"
    return "HF-HEADER-016", f"{shown(text)} is no revision: {allowed}"


def _token_flaw(text: str) -> Flaw | None:
    if not text.encode().translate(None, _TOKEN):
        return None
    allowed = "only A-Z a-z 0-9 _ - are allowed"
    return "HF-HEADER-016", f"{shown(text)} is no upload token: {allowed}"


class Reply(Header, frozen=True, kw_only=True):
    """The first header of a reply; a Connection fills in `id` and `ok` when it sends one."""

    id: WholeNumber | UnsetType = UNSET
    ok: bool | UnsetType = UNSET
    close: bool = False
    """The server closes after this reply."""

    def flaw(self) -> Flaw | None:
        """Return what is wrong with the members although each has its type; None: nothing."""
        if self.ok is not True or self.id == 0:
            return "HF-REPLY-001", "this is no success"
        return self.revision_flaw()

    def revision_flaw(self) -> Flaw | None:
        """Return what is wrong with a revision in the reply; None: nothing."""
        return None


class Success(Reply, frozen=True, kw_only=True):
    """The request is carried out; unless the reply is withdrawn, in a message of one frame here."""

    abort: bool = False
    code: str | UnsetType = UNSET
    message: str | UnsetType = UNSET


class _Revised(Success, frozen=True, kw_only=True):
    """What a file has become, or is."""

    rev: Revision | UnsetType = UNSET

    def revision_flaw(self) -> Flaw | None:
        """Return what is wrong with a revision in the reply; None: nothing."""
        if self.rev and self.rev.encode().translate(None, _REVISION):
            return _no_revision(self.rev)
        return None


class HelloReply(Success, frozen=True, kw_only=True):
    """What the server is and allows."""

    hf: list[int]
    server: str | UnsetType = UNSET
    limits: dict[str, Any] | UnsetType = UNSET
    """By name; those that nobody knows are whatever they are."""
    features: list[str] | UnsetType = UNSET
    durability: str | UnsetType = UNSET
    auth: list[str] | UnsetType = UNSET


class PutReply(_Revised, frozen=True, kw_only=True):
    """What is stored now; of an unfinished upload only `offset`."""

    total: WholeNumber | UnsetType = UNSET
    digest: str | UnsetType = UNSET
    offset: WholeNumber | UnsetType = UNSET


class GetReply(_Revised, frozen=True, kw_only=True):
    """The file, or the range of it, follows as body."""

    total: WholeNumber | UnsetType = UNSET
    offset: WholeNumber | UnsetType = UNSET
    mtime: Microseconds | UnsetType = UNSET
    digest: str | UnsetType = UNSET


class StatReply(_Revised, frozen=True, kw_only=True):
    """What is known of the file or the upload."""

    total: WholeNumber | UnsetType = UNSET
    mtime: Microseconds | UnsetType = UNSET
    digest: str | UnsetType = UNSET
    offset: WholeNumber | UnsetType = UNSET


class ListReply(Success, frozen=True, kw_only=True):
    """One JSON object a line follows as body."""

    end: bool
    """Whether no name comes after these."""


class DeleteReply(Success, frozen=True, kw_only=True):
    """The file is gone."""


class MoveReply(_Revised, frozen=True, kw_only=True):
    """The file has its new name."""


class Refusal(Reply, frozen=True, kw_only=True):
    """The request was not carried out."""

    code: str
    message: str | UnsetType = UNSET
    """For people; never leaks a path of the server."""
    retry_ms: WholeNumber | UnsetType = UNSET
    """Trying again may help, after this long."""
    rev: Revision | UnsetType | None = UNSET
    """Of a failed `if`: the current revision; None: no such file."""
    to_rev: Revision | UnsetType | None = UNSET
    total: WholeNumber | UnsetType = UNSET
    offset: WholeNumber | UnsetType = UNSET

    def revision_flaw(self) -> Flaw | None:
        """Return what is wrong with a revision in the reply; None: nothing."""
        for revision in (self.rev, self.to_rev):
            if revision and revision.encode().translate(None, _REVISION):
                return _no_revision(revision)
        return None

    @property
    def error_code(self) -> ErrorCode:
        """The code; `internal` for one that this version does not know."""
        return known_code(self.code)


class Notice(Reply, frozen=True, kw_only=True):
    """What a server says about the connection, between replies: `id: 0`."""

    code: str
    message: str | UnsetType = UNSET

    def flaw(self) -> Flaw | None:
        """Return what is wrong with the members although each has its type; None: nothing."""
        return None if self.ok is False and self.id == 0 else ("HF-REPLY-001", "this is no notice")

    @property
    def error_code(self) -> ErrorCode:
        """The code; `internal` for one that this version does not know."""
        return known_code(self.code)


class Continuation(Header, frozen=True, kw_only=True):
    """A later header of a message, and the trailers of its last."""

    digest: str | UnsetType = UNSET
    total: WholeNumber | UnsetType = UNSET
    abort: bool = False
    code: str | UnsetType = UNSET
    message: str | UnsetType = UNSET


class Refused(Header, frozen=True, kw_only=True):
    """A well-formed header that has to be refused; never on the wire."""

    id: int | UnsetType = UNSET
    cmd: str | None = None
    code: ErrorCode
    rule: str
    """Id of the rule that it breaks."""
    message: str


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One row of the table of commands (chapter 8)."""

    request: type[Request]
    reply: type[Reply]
    request_has_body: bool = False


COMMANDS: Final[dict[Command, CommandRow]] = {
    Command.HELLO: CommandRow(Hello, HelloReply),
    Command.PUT: CommandRow(Put, PutReply, request_has_body=True),
    Command.GET: CommandRow(Get, GetReply),
    Command.STAT: CommandRow(Stat, StatReply),
    Command.LIST: CommandRow(List, ListReply),
    Command.DELETE: CommandRow(Delete, DeleteReply),
    Command.MOVE: CommandRow(Move, MoveReply),
}
"""Dispatch is this table and nothing else: no name reaches an attribute of anything."""


def known_code(code: str) -> ErrorCode:
    """Return the registered code, `internal` for any other (HF-REPLY)."""
    try:
        return ErrorCode(code)
    except ValueError:
        return ErrorCode.INTERNAL


_COMMAND_OF: Final = {row.request: command for command, row in COMMANDS.items()}


def command_of(header: Request | Refused) -> Command | None:
    """Return what a request asks for; None: nothing that HF/1 knows."""
    if type(header) is Refused:
        return Command(header.cmd) if header.cmd in set(Command) else None
    return _COMMAND_OF[type(header)]  # type: ignore[index]


def has_trailer(header: Continuation) -> bool:
    """Return whether a header has what only the last header of a message may have."""
    return header.abort or not (
        header.digest is header.total is header.code is header.message is UNSET
    )
