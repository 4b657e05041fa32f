"""The command `headframe conform`: an implementation held to the standard.

The law of this module: a lane is its name, where it is and one line of help, in one table; it is
imported when it is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

__all__ = ["LANES", "conform"]

LANES: Final[dict[str, tuple[str, str]]] = {
    "server": ("headframe.conformance.command.server:server", "Test a server, in any language."),
    "client": ("headframe.conformance.command.client:client", "Test a client, in any language."),
    "codec": ("headframe.conformance.command.codec:codec", "Test a codec, in any language."),
}


class _Lanes(click.Group):
    """What can be tested."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order of the table."""
        return list(LANES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a lane."""
        if cmd_name not in LANES:
            return None
        module, _, attribute = LANES[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in LANES.items()])


@click.group(cls=_Lanes, epilog="Example: headframe conform server headframe://127.0.0.1:37263")
def conform() -> None:
    """Hold an implementation to the rules of HF/1.

    Exit codes: 0 passed, 1 failed, 2 usage, 3 nothing to test there, 4 the kit's own error.
    """
