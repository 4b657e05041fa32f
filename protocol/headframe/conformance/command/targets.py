"""The options that say how to reach a server, for every command that does.

The law of this module: a secret comes from a file, never from the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from headframe.conformance.target import TIMEOUT_S, Target

__all__ = ["target_of", "target_options"]

F = TypeVar("F", bound=Callable[..., Any])

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS: Final = (
    click.option("--token-file", type=_FILE, help="Who we are."),
    click.option("--ca", type=_FILE, help="Trust servers that this signed (PEM)."),
    click.option("--cert", type=_FILE, help="Our own certificate (PEM)."),
    click.option("--key", type=_FILE, help="Its key, if in another file."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0.1),
        default=TIMEOUT_S,
        help="Seconds for an answer.",
    ),
)


def target_options(command: F) -> F:
    """Give a command `--token-file`, `--ca`, `--cert`, `--key` and `--timeout`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def target_of(url: str, options: Mapping[str, Any]) -> Target:
    """Return what is meant; raise UsageError for a file that cannot be used."""
    try:
        tls = None
        if options["ca"] or options["cert"]:
            from headframe_client.trust import client_context  # noqa: PLC0415  (rarely needed)

            tls = client_context(options["ca"], options["cert"], options["key"])
        token = options["token_file"]
        return Target.from_url(
            url,
            tls=tls,
            token=token.read_text(encoding="utf-8").strip() if token else None,
            root=options.get("root"),
            timeout_s=options["timeout"],
        )
    except OSError as error:
        raise click.UsageError(f"a file cannot be used: {error}") from error
