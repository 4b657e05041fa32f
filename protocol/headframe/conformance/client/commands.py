"""How a client is started: a template for each thing that it can do.

    Commands.parse({"put": "mycli put {local} {url}", "get": "mycli get {url} {local}"})
    Commands.parse({}, "mycli {op} {from} {to}")                              both in one

The law of this module: a template is cut into arguments before anything is filled in, and no shell
ever sees it. What has no template is not declared, and not tested.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["Commands", "Op"]


class Op(StrEnum):
    """What a client can be asked to do; also the name of the option, and an ability of the run."""

    PUT = "put"
    """Send the file {local} to {url}."""
    GET = "get"
    """Fetch {url} as the file {local}."""
    PUT_ALL = "put-all"
    """Send all files in the folder {local} to below {url}."""
    GET_ALL = "get-all"
    """Fetch all files below {url} into the folder {local}."""
    LIST = "list"
    """Show the names below {url}."""
    DELETE = "delete"
    """Delete {url}."""
    GET_TLS = "get-tls"
    """Fetch {url}, which is headframes://, as {local}, trusting {ca} alone."""


_NEEDED: Final = {
    Op.LIST: {"url"},
    Op.DELETE: {"url"},
    Op.GET_TLS: {"url", "local", "ca"},
}
_FILE: Final = {"url", "local"}
_SENDS: Final = {Op.PUT, Op.PUT_ALL}


@dataclass(frozen=True, slots=True)
class Commands:
    """The templates of a client, cut into arguments."""

    templates: Mapping[Op, tuple[str, ...]]

    @classmethod
    def parse(cls, given: Mapping[str, str | None], first: str | None = None) -> Commands:
        """Read templates by operation; `first` is that of put, or of put and get with `{op}`.

        Raises ValueError for one that lacks what it needs.
        """
        texts = {Op(op): text for op, text in given.items() if text is not None}
        if first is not None and "{op}" in first:
            for op in (Op.PUT, Op.GET):
                texts.setdefault(op, first.replace("{op}", op))
        elif first is not None:
            texts.setdefault(Op.PUT, first)
        return cls({op: _cut(op, texts[op]) for op in Op if op in texts})

    @property
    def abilities(self) -> frozenset[str]:
        """What checks may need of it."""
        return frozenset(op.value for op in self.templates)

    def arguments(self, op: Op, url: str, local: str = "", ca: str = "") -> list[str]:
        """Return the command with everything filled in."""
        ends = (local, url) if op in _SENDS else (url, local)
        values = {"url": url, "local": local, "ca": ca, "from": ends[0], "to": ends[1]}
        return [_fill(argument, values) for argument in self.templates[op]]

    def __str__(self) -> str:
        """Return the first command, for people."""
        return shlex.join(next(iter(self.templates.values()), ()))


def _fill(argument: str, values: Mapping[str, str]) -> str:
    """Fill in one argument, from left to right, so that no value is looked into."""
    done = ""
    while argument:
        before, brace, after = argument.partition("{")
        name, closed, rest = after.partition("}")
        if brace and closed and name in values:
            done, argument = done + before + values[name], rest
        else:
            done, argument = done + before + brace, after
    return done


def _cut(op: Op, text: str) -> tuple[str, ...]:
    arguments = shlex.split(text, posix=os.name != "nt")
    if os.name == "nt":  # where a backslash is part of a path
        arguments = [argument.strip('"') for argument in arguments]
    needed = _NEEDED.get(op, _FILE)
    ends = {
        "local" if op in _SENDS else "url": "{from}",
        "url" if op in _SENDS else "local": "{to}",
    }
    missing = sorted(n for n in needed if f"{{{n}}}" not in text and ends.get(n, "\0") not in text)
    if missing:
        raise ValueError(f"the template for {op} has no {{{missing[0]}}}: {text!r}")
    return tuple(arguments)
