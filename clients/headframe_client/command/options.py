"""The options that several commands have, and what was given for them.

The law of this module: an option means the same wherever it stands, and is read in one place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from msgspec import Struct

__all__ = [
    "Options",
    "byte_options",
    "connection_options",
    "given",
    "json_option",
    "revision_option",
    "transfer_options",
]

TOKEN_VARIABLE: Final = "HEADFRAME_TOKEN"  # noqa: S105  (its name, not what it holds)
TIMEOUT_S: Final = 60.0
RETRIES: Final = 6
MOST_CONNECTIONS: Final = 64

F = TypeVar("F", bound=Callable[..., Any])


class Options(Struct):
    """What was given on the command line."""

    timeout_s: float = TIMEOUT_S
    retries: int = RETRIES
    token_file: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    quiet: bool = False
    verbose: int = 0
    connections: int = 1
    limit_rate: int | None = None
    """Bytes a second."""
    verify: bool = True
    resume: bool = True
    progress: str = "auto"
    as_json: bool = False


def given() -> Options:
    """Return what was given to the command that runs."""
    options: Options = click.get_current_context().meta.setdefault(_META, Options())
    return options


_META: Final = "headframe.options"
_RATE: Final = r"(\d+(?:\.\d+)?)\s*([kKmMgG]?)(?:i?[bB])?"


class _Rate(click.ParamType[int]):
    """Bytes a second: 500K, 2M, 1.5MiB."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        if not isinstance(value, str):
            return int(value)
        found = re.fullmatch(_RATE, value.strip())
        if found is None:
            self.fail(f"{value!r} is no rate like 500K or 2M (bytes a second)", param, ctx)
        rate = int(float(found[1]) * 1024 ** " KMG".index(found[2].upper() or " "))
        if rate < 4096:
            self.fail(f"{value!r} is too slow: servers give up below 4K", param, ctx)
        return rate


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    options = context.meta.setdefault(_META, Options())
    setattr(options, str(parameter.name), value)


def _option(*names: str, **extra: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_keep, **extra)


def _all_of(options: list[Callable[[F], F]]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_FILE: Final = click.Path(exists=True, dir_okay=False)

json_option: Final = _option("--json", "as_json", is_flag=True, help="One JSON object a line.")
revision_option: Final = click.option(
    "--if-rev", metavar="REV", help="Only if the file has this revision (see stat)."
)
connection_options: Final = _all_of(
    [
        _option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(min=0, min_open=True),
            default=TIMEOUT_S,
            metavar="SECONDS",
            help=f"Give up when nothing moves for so long ({TIMEOUT_S:.0f}).",
        ),
        _option(
            "--retries",
            type=click.IntRange(min=0),
            default=RETRIES,
            metavar="N",
            help=f"Try again so often after a loss ({RETRIES}).",
        ),
        _option("--token-file", type=_FILE, help=f"Who we are; or set {TOKEN_VARIABLE}."),
        _option("--ca", type=_FILE, help="Trust servers that this signed (PEM)."),
        _option("--cert", type=_FILE, help="Our own certificate (PEM)."),
        _option("--key", type=_FILE, help="Its key, if in another file."),
        _option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        _option("-v", "--verbose", count=True, help="Say more; -vv: every request and reply."),
    ]
)
byte_options: Final = _all_of(
    [
        _option("--limit-rate", type=_Rate(), metavar="RATE", help="Bytes a second: 500K, 2M."),
        _option(
            "--no-verify", "verify", flag_value=False, default=True, help="Compare no digests."
        ),
        _option(
            "--progress",
            type=click.Choice(["auto", "bar", "plain", "json", "none"]),
            default="auto",
            metavar="HOW",
            help="auto, bar, plain, json or none; on standard error.",
        ),
        json_option,
        connection_options,
    ]
)
transfer_options: Final = _all_of(
    [
        _option(
            "-j",
            "connections",
            type=click.IntRange(1, MOST_CONNECTIONS),
            default=1,
            metavar="N",
            help="Move files over N connections at once.",
        ),
        _option(
            "--no-resume",
            "resume",
            flag_value=False,
            default=True,
            help="Begin anew, whatever an earlier run has moved.",
        ),
        byte_options,
    ]
)
