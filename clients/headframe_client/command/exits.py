"""What went wrong, as one line and an exit code.

The law of this module: every exception has a line and a code, none has a traceback, and nothing in
the line reaches a terminal unescaped. With HEADFRAME_DEBUG set, exceptions pass.
"""

from __future__ import annotations

import errno
import json
from enum import IntEnum
from typing import Final

import click

from headframe_client.command.text import escape

__all__ = ["ExitCode", "describe", "exit_code_of", "to_json"]


class ExitCode(IntEnum):
    """How the command ends, for scripts."""

    OK = 0
    OTHER = 1
    USAGE = 2
    NOT_FOUND = 3
    DENIED = 4
    EXISTS = 5
    """Something is in the way, or a precondition failed."""
    NETWORK = 6
    """Trying again may help."""
    PROTOCOL = 7
    DIGEST = 8
    """Bytes are not what they should be."""
    NO_SPACE = 9
    SOME_FAILED = 10
    """Of several files."""
    BUSY = 11
    """Trying again later will help."""
    INTERRUPTED = 130


LONGEST_LINE: Final = 1000
"""Characters of an error that are shown: a server may send 65,535."""

_OF_REFUSAL: Final = {
    "not-found": ExitCode.NOT_FOUND,
    "upload-gone": ExitCode.NOT_FOUND,
    "unauthorized": ExitCode.DENIED,
    "forbidden": ExitCode.DENIED,
    "conflict": ExitCode.EXISTS,
    "precondition-failed": ExitCode.EXISTS,
    "superseded": ExitCode.EXISTS,
    "bad-name": ExitCode.USAGE,
    "timeout": ExitCode.NETWORK,
    "closing": ExitCode.NETWORK,
    "bad-frame": ExitCode.PROTOCOL,
    "bad-header": ExitCode.PROTOCOL,
    "bad-request": ExitCode.PROTOCOL,
    "unknown-command": ExitCode.PROTOCOL,
    "unsupported": ExitCode.PROTOCOL,
    "unsupported-version": ExitCode.PROTOCOL,
    "bad-range": ExitCode.PROTOCOL,
    "offset-mismatch": ExitCode.PROTOCOL,
    "size-mismatch": ExitCode.DIGEST,
    "digest-mismatch": ExitCode.DIGEST,
    "no-space": ExitCode.NO_SPACE,
    "too-large": ExitCode.NO_SPACE,
    "busy": ExitCode.BUSY,
}
"""By the code of a refusal; any other is OTHER."""

_OF_ERRNO: Final = {
    errno.ENOENT: ExitCode.NOT_FOUND,
    errno.EACCES: ExitCode.DENIED,
    errno.EPERM: ExitCode.DENIED,
    errno.EROFS: ExitCode.DENIED,
    errno.EEXIST: ExitCode.EXISTS,
    errno.EISDIR: ExitCode.EXISTS,
    errno.ENOTDIR: ExitCode.EXISTS,
    errno.ENOTEMPTY: ExitCode.EXISTS,
    errno.ENOSPC: ExitCode.NO_SPACE,
    getattr(errno, "EDQUOT", errno.ENOSPC): ExitCode.NO_SPACE,
}
"""By the number of a local error; any other is OTHER."""


def to_json(error: BaseException, **about: str) -> str:
    """Return an error as a line of JSON."""
    code = exit_code_of(error)
    said = {"error": code.name.lower().replace("_", "-"), "exit": int(code)}
    word = getattr(error, "word", None)
    return json.dumps(
        said | ({} if word is None else {"code": word}) | {"message": describe(error)} | about
    )


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the code for an error."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return ExitCode.INTERRUPTED
    if isinstance(error, click.ClickException):
        return ExitCode.USAGE
    if isinstance(error, OSError):
        return _OF_ERRNO.get(error.errno or 0, ExitCode.OTHER)
    from headframe_client import errors  # noqa: PLC0415

    match error:
        case errors.Refused():
            return _OF_REFUSAL.get(error.word, ExitCode.OTHER)
        case errors.InvalidArgument():
            return ExitCode.USAGE
        case errors.ConnectionFailed():
            return ExitCode.NETWORK
        case errors.NotTrusted():
            return ExitCode.DENIED
        case errors.ProtocolViolation():
            return ExitCode.PROTOCOL
        case errors.DigestMismatch():
            return ExitCode.DIGEST
    return ExitCode.OTHER


def describe(error: BaseException) -> str:
    """Return what went wrong in one line, fit for a terminal.

    >>> describe(FileNotFoundError(2, "No such file or directory", "a.txt"))
    'a.txt: No such file or directory'
    """
    if isinstance(error, OSError) and error.strerror:
        where = error.filename
        named = f"{where}: " if isinstance(where, str) else ""
        return escape(f"{named}{error.strerror}")
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted"
    if isinstance(error, click.ClickException):
        return _describe_usage(error)
    if isinstance(error, ModuleNotFoundError):
        return f"the command line needs {error.name}: pip install 'headframe[cli]'"
    from headframe_client import errors  # noqa: PLC0415

    text = " ".join(str(error).split())
    if len(text) > LONGEST_LINE:
        text = f"{text[:LONGEST_LINE]}... ({len(text)} characters)"
    if isinstance(error, errors.ClientError | OSError):
        return escape(text)
    return escape(f"internal error: {type(error).__name__}: {text}")


def _describe_usage(error: click.ClickException) -> str:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):  # whose message is all of the help
        text = "Missing command"
    else:
        text = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        text = f"{text.rstrip('.')} (see {context.command_path} --help)"
    return escape(text)
