"""What a strict header means: members become a typed message, a refusal or an error.

Spec: chapters 4 to 6. The law of this module: a header's faults are judged in the order of chapter
6, and every header that is not fatal becomes something that can be answered.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from headframe.errors import BadFrame, BadReply, shown
from headframe.headers import Header, HeaderCodec, OpenHeader
from headframe.layout import LAYOUT
from headframe.limits import LIMITS
from headframe.messages import (
    COMMANDS,
    UNSET,
    VERSION,
    Continuation,
    Delete,
    Get,
    Hello,
    List,
    Move,
    Notice,
    Put,
    Refusal,
    Refused,
    Reply,
    Request,
    Stat,
)
from headframe.plan import FramePlan
from headframe.registry import REGISTERED_KEYS, Command, ErrorCode
from headframe.strict_json import JSONObject

__all__ = [
    "FRAME_PLAN",
    "LATER_CODEC",
    "LATER_PLAN",
    "REPLY_CODECS",
    "REPLY_PLANS",
    "REQUEST_CODEC",
    "REQUEST_PLAN",
]

T = TypeVar("T", bound=Header)

_COMMAND_NAMES: Final = frozenset(Command)


def _convert(members: JSONObject, kind: type[T]) -> T:
    """Return the members that `kind` uses as one; raise msgspec.ValidationError."""
    used = set(kind.__struct_encode_fields__)
    known = {name: value for name, value in members.items() if name in used}
    return msgspec.convert(known, kind)


def _critical_name(members: JSONObject) -> str | None:
    """Return a name that must be understood and is not."""
    return next((name for name in members if name.startswith("!")), None)


def _is_other_version(value: object) -> bool:
    """Return whether a registered integer names a version that is not spoken here."""
    return type(value) is int and 0 <= value <= LIMITS.integer_max and value != VERSION


def _interpret_request(members: JSONObject) -> Request | Refused:
    """Give a request's members their meaning, in the order of chapter 6."""
    cmd = members.get("cmd")

    def refused(code: ErrorCode, rule: str, message: str) -> Refused:
        return Refused(
            filesize=members.get("filesize", 0),
            more=members.get("more", False),
            id=members.get("id", UNSET),
            cmd=cmd if isinstance(cmd, str) else None,
            code=code,
            rule=rule,
            message=message,
        )

    if cmd == Command.HELLO and _is_other_version(members.get("hf")):
        return refused(
            ErrorCode.UNSUPPORTED_VERSION,
            "HF-CMD-004",
            f"version {shown(members['hf'])} is not spoken here, only {VERSION} is",
        )
    critical = _critical_name(members)
    if critical is not None:
        return refused(
            ErrorCode.UNSUPPORTED, "HF-HEADER-017", f"{shown(critical)} is not understood"
        )
    if not isinstance(cmd, str):
        return refused(
            ErrorCode.BAD_REQUEST, "HF-REQ-002", f"cmd is {shown(cmd)}, a string is needed"
        )
    if cmd not in _COMMAND_NAMES:
        return refused(
            ErrorCode.UNKNOWN_COMMAND, "HF-CMD-001", f"{shown(cmd)} is no command of HF/1"
        )
    try:
        request = _convert(members, COMMANDS[Command(cmd)].request)
    except msgspec.ValidationError as error:
        return refused(ErrorCode.BAD_REQUEST, "HF-HEADER-016", f"{cmd}: {error}")
    flaw = request.flaw()
    if flaw is not None:
        rule, message = flaw
        return refused(ErrorCode.BAD_REQUEST, rule, f"{cmd}: {message}")
    return request


def _interpret_reply(kind: type[Reply] | None) -> Any:
    """Return what gives a reply to a request with replies of `kind` its meaning."""

    def interpret(members: JSONObject) -> Reply | Notice:
        critical = _critical_name(members)
        if critical is not None:
            raise BadReply("HF-REPLY-001", f"{shown(critical)} in a reply is not understood")
        if not isinstance(members.get("ok"), bool):
            raise BadReply(
                "HF-REPLY-001", f"ok is {shown(members.get('ok'))}, true or false is needed"
            )
        try:
            if members.get("id") == 0:
                if members["ok"]:
                    raise BadReply("HF-REPLY-020", "ok is true in a notice, id 0")
                return _convert(members, Notice)
            wanted = kind or Reply if members["ok"] else Refusal
            reply = _convert(members, wanted)
        except msgspec.ValidationError as error:
            raise BadReply("HF-REPLY-001", f"reply is malformed: {error}") from error
        flaw = reply.revision_flaw()
        if flaw is not None:
            raise BadReply("HF-REPLY-001", f"reply is malformed: {flaw[1]}")
        return reply

    return interpret


def _interpret_later(members: JSONObject) -> Continuation | Refused:
    """Give a later header its meaning."""
    for name in ("cmd", "ok"):
        if name in members:
            raise BadFrame("HF-BODY-001", f"{name} in a later header: a new message began in one")

    def refused(code: ErrorCode, rule: str, message: str) -> Refused:
        return Refused(
            filesize=members.get("filesize", 0),
            more=members.get("more", False),
            code=code,
            rule=rule,
            message=message,
        )

    critical = _critical_name(members)
    if critical is not None:
        return refused(ErrorCode.UNSUPPORTED, "HF-BODY-008", f"{shown(critical)} is not understood")
    for name in members:
        if name in REGISTERED_KEYS and name not in Continuation.__struct_encode_fields__:
            return refused(
                ErrorCode.BAD_REQUEST, "HF-BODY-006", f"{name} has no place in a later header"
            )
    try:
        return _convert(members, Continuation)
    except msgspec.ValidationError as error:
        return refused(ErrorCode.BAD_REQUEST, "HF-BODY-016", f"later header: {error}")


REQUEST_CODEC: Final[HeaderCodec[Request | Refused]] = HeaderCodec(
    Hello | Put | Get | Stat | List | Delete | Move, _interpret_request
)
"""Reads the first header of a request."""

LATER_CODEC: Final[HeaderCodec[Continuation | Refused]] = HeaderCodec(
    Continuation, _interpret_later
)
"""Reads any later header."""

REPLY_CODECS: Final[dict[Command | None, HeaderCodec[Any]]] = {
    **{
        command: HeaderCodec(row.reply, _interpret_reply(row.reply), id_min=0)
        for command, row in COMMANDS.items()
    },
    None: HeaderCodec(Notice, _interpret_reply(None), id_min=0),
}
"""Read the first header of a reply, by the command that it answers; None: where none is due."""

FRAME_PLAN: Final[FramePlan[OpenHeader]] = FramePlan(
    LAYOUT, HeaderCodec(None, OpenHeader.of, id_min=0)
)
"""The plan of any frame, whatever its header says."""
REQUEST_PLAN: Final[FramePlan[Request | Refused]] = FramePlan(LAYOUT, REQUEST_CODEC)
LATER_PLAN: Final[FramePlan[Continuation | Refused]] = FramePlan(LAYOUT, LATER_CODEC)
REPLY_PLANS: Final[dict[Command | None, FramePlan[Any]]] = {
    command: FramePlan(LAYOUT, codec) for command, codec in REPLY_CODECS.items()
}
