"""The table of commands, and the frame in which each of them runs.

The law of this module: a command is its name, where it is and one line of help, all in one table;
it is imported when it is called. The server's command is known here by name alone and loaded by it:
this package does not depend on the server's, and a headframe without one still is a client.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import MutableMapping
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from headframe_client.command.exits import ExitCode, describe, exit_code_of, to_json

__all__ = ["TABLE", "LazyGroup", "headframe"]

TABLE: Final[dict[str, tuple[str, str]]] = {
    "serve": ("headframe_server.command:serve", "Serve a folder."),
    "token": ("headframe_server.command:token", "Make a token that lets somebody in."),
    "put": ("headframe_client.command.transfers:put", "Send files or folders to a server."),
    "get": ("headframe_client.command.transfers:get", "Fetch a file or a folder."),
    "ls": ("headframe_client.command.files:list_files", "List what is on a server."),
    "stat": ("headframe_client.command.files:stat", "Show what a server knows of a file."),
    "rm": ("headframe_client.command.files:remove", "Delete files."),
    "mv": ("headframe_client.command.files:move", "Give a file another name."),
    "cat": ("headframe_client.command.transfers:cat", "Write files to standard output."),
    "uploads": ("headframe_client.command.uploads:uploads", "Show or abort unfinished uploads."),
    "proxy": (
        "headframe.conformance.command.proxy:proxy",
        "Stand between client and server; record, and do what networks do.",
    ),
    "replay": (
        "headframe.conformance.command.replay:replay",
        "Play a recorded conversation to a server again.",
    ),
    "inspect": (
        "headframe_client.command.inspection:inspect",
        "Show what bytes mean and which rules they break.",
    ),
    "demo": ("headframe_client.command.demo:demo", "Move real files there and back, and see."),
    "conform": ("headframe.conformance.command:conform", "Hold an implementation to the rules."),
    "fuzz": (
        "headframe.conformance.command.fuzz:fuzz",
        "Look for what no check has thought of, for a time.",
    ),
    "spec": (
        "headframe.conformance.command.specification:spec",
        "Show the rules and what shows that they are kept.",
    ),
    "completion": (
        "headframe_client.command.completion:completion",
        "Let a shell complete the commands.",
    ),
}


class LazyGroup(click.Group):
    """Commands that are imported when they are called, and errors that are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order of the table."""
        return list(TABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in TABLE:
            return None
        module, _, attribute = TABLE[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in TABLE.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click would answer an interrupt with an empty line, in pipes as well."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            if sys.stderr.isatty():
                sys.stderr.write("\n")  # behind ^C
            raise click.Abort from None

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command line and exit as `exits` says."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        extra["standalone_mode"] = False
        try:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            returned = super().main(*args, **extra)
            sys.exit(returned if isinstance(returned, int) else ExitCode.OK)
        except BrokenPipeError:
            _silence_output()
            sys.exit(ExitCode.OTHER)
        except (Exception, KeyboardInterrupt) as error:
            if os.environ.get("HEADFRAME_DEBUG"):
                raise
            line = to_json(error) if "--json" in sys.argv else f"headframe: {describe(error)}"
            click.echo(line, err=True)
            sys.exit(exit_code_of(error))


def _silence_output() -> None:
    """Let nothing be written any more to where nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    metadata = import_module("importlib.metadata")
    try:
        version = metadata.version("headframe")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    click.echo(f"headframe {version}")
    ctx.exit()


_SETTINGS: Final[MutableMapping[str, Any]] = {"help_option_names": ["-h", "--help"]}


EXAMPLE: Final = """\b
Example:
  headframe serve files
  headframe put -r photos headframe://127.0.0.1/2026/

\b
Exit codes:
  0  all is well                6  no network, or it was lost: try again
  1  another error              7  one side broke the protocol
  2  wrong usage                8  bytes are not what they should be
  3  not found                  9  no space, or too large
  4  denied                    10  some files failed
  5  exists, or has changed    11  the server is busy: try again later
                              130  interrupted
"""


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings=_SETTINGS, epilog=EXAMPLE)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def headframe(ctx: click.Context) -> None:
    """Move files by HF/1, each one checked end to end.

    URL is headframe://host[:port]/name. HEADFRAME_URL stands for one that is left out, and a
    bare name is understood below it. A / at the end means "into".
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
