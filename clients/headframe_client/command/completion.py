"""Completion of commands, options and local files by a shell.

The law of this module: what a shell is told comes from the commands themselves, by way of click.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["completion"]


def complete_file(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete a local file."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415

    return [CompletionItem(incomplete, type="file")]


EXAMPLE: Final = """\b
Example:
  eval "$(headframe completion bash)"     in ~/.bashrc
  eval "$(headframe completion zsh)"      in ~/.zshrc
  headframe completion fish | source      in ~/.config/fish/config.fish
"""


@click.command(epilog=EXAMPLE)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what lets a shell complete commands, options and files."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    kind = get_completion_class(shell)
    assert kind is not None
    name = ctx.find_root().info_name or "headframe"
    variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
    click.echo(kind(ctx.find_root().command, {}, name, variable).source())
