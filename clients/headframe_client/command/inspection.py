"""The command that shows what bytes mean: of a file, a capture, or hexadecimal digits.

The law of this module: what it says of bytes comes from `headframe.annotation`, and any bytes can
be shown, however many, in bounded memory.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

import click

from headframe import Role
from headframe.annotation import Annotator, Part, PartKind
from headframe.hexdump import Ink, Paint, dump
from headframe_client.address import DEFAULT_PORT
from headframe_client.command.exits import ExitCode
from headframe_client.command.pieces import Flow, Piece, open_input, read_input
from headframe_client.command.text import show_count
from headframe_client.errors import InvalidArgument

__all__ = ["inspect"]

WIDTH: Final = 100
TLS_BEGIN: Final = b"\x16\x03"

_COLOURS: Final[Mapping[Ink, Mapping[str, Any]]] = {
    Ink.OFFSET: {"dim": True},
    Ink.NUMBER: {"fg": "cyan"},
    Ink.NAME: {"fg": "blue", "bold": True},
    Ink.UNKNOWN_NAME: {"fg": "magenta"},
    Ink.VALUE: {"fg": "green"},
    Ink.BODY: {"fg": "yellow"},
    Ink.REST: {"dim": True},
    Ink.FAULT: {"fg": "red", "bold": True},
}


@click.command(epilog="Example: headframe inspect capture.pcap")
@click.argument("words", nargs=-1, required=True, metavar="FILE|-|HEX...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--plain", is_flag=True, help="The dump alone, as the standard prints it.")
@click.option("--all", "whole", is_flag=True, help="Show long bodies whole.")
@click.option(
    "--sender",
    type=click.Choice([role.value for role in Role]),
    help="Who sent these bytes; else their first header tells.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="The server's port in a capture.",
)
def inspect(
    words: tuple[str, ...], as_json: bool, plain: bool, whole: bool, sender: str | None, port: int
) -> int:
    """Show what bytes mean, byte by byte, and which rules bad ones break.

    The bytes are one direction of a connection: of a file, of standard input (-), or given as
    hexadecimal digits, which a file may hold too, also as a hexdump. Of a capture (pcap, pcapng)
    every connection to the port is shown.

    Exit codes: 0 all frames are good, 7 some are not or the last one is cut off, 2 usage.
    """
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    view: _JSON | _Text = _Text(plain, _paint if colour else None)
    if as_json:
        view = _JSON()
    reader = _Reader(None if sender is None else Role(sender), shorten=not whole)
    with open_input(words, sys.stdin.buffer) as stream:
        for piece in read_input(stream, port):
            parts, note = reader.take(piece)
            for line in view.show(piece.flow, parts, note):
                click.echo(line, color=colour)
    if not (as_json or plain):
        click.echo(reader.summary(port))
    return reader.exit_code()


class _Reader:
    """Annotates each direction by itself, and counts."""

    def __init__(self, sender: Role | None, *, shorten: bool) -> None:
        self._sender = sender
        self._shorten = shorten
        self._open: dict[Flow | None, Annotator | None] = {}
        """None: what passes is encrypted."""
        self._counts: Counter[str] = Counter()

    def take(self, piece: Piece) -> tuple[list[Part], str]:
        """Return the parts that are whole now, and a note on what cannot be shown."""
        note = ""
        if piece.flow not in self._open:
            sender = self._sender
            if piece.flow is not None:
                sender = Role.CLIENT if piece.flow.from_client else Role.SERVER
            encrypted = piece.flow is not None and piece.data.startswith(TLS_BEGIN)
            self._open[piece.flow] = None if encrypted else Annotator(sender, shorten=self._shorten)
            self._counts["encrypted" if encrypted else "streams"] += 1
            note = "TLS: what passes here is encrypted and cannot be shown" if encrypted else ""
        annotator = self._open[piece.flow]
        parts = [] if annotator is None else annotator.receive_data(piece.data)
        if piece.ended:
            parts += [] if annotator is None else annotator.finish()
            del self._open[piece.flow]
        if piece.lost_bytes:
            self._counts["lost"] += piece.lost_bytes
            note = f"{show_count(piece.lost_bytes, 'byte')} and what follows are not in the capture"
        for part in parts:
            self._counts["frames"] += part.kind is PartKind.PRELUDE
            self._counts["faults"] += part.fault is not None
            self._counts["missing"] += part.missing_bytes
        return parts, note

    def summary(self, port: int) -> str:
        """Return what all of it came to."""
        counts = self._counts
        if not counts["streams"] and not counts["encrypted"]:
            raise InvalidArgument(f"nothing in this capture came from port {port} or went there")
        said = [show_count(counts["frames"], "frame"), show_count(counts["faults"], "fault")]
        if counts["missing"]:
            said.append(f"{show_count(counts['missing'], 'byte')} missing at the end")
        if counts["lost"]:
            said.append(f"{show_count(counts['lost'], 'byte')} lost")
        if counts["encrypted"]:
            said.append(f"{show_count(counts['encrypted'], 'direction')} encrypted")
        return ", ".join(said)

    def exit_code(self) -> ExitCode:
        """Return how the command ends."""
        counts = self._counts
        if counts["faults"] or counts["missing"] or counts["lost"]:
            return ExitCode.PROTOCOL
        return ExitCode.OK if counts["streams"] else ExitCode.OTHER


class _Text:
    """Shows parts as a dump, each frame under a line that says what it is."""

    def __init__(self, plain: bool, paint: Paint | None) -> None:
        self._plain = plain
        self._paint = paint
        self._prelude: list[Part] = []
        """What waits for its header, which says what the frame is."""
        self._flow: Flow | None = None
        self._begun = False

    def show(self, flow: Flow | None, parts: list[Part], note: str) -> Iterator[str]:
        """Return the lines for what has come of a direction."""
        if self._plain:
            yield from dump(parts, faults=False)
            return
        if flow != self._flow and (parts or note):
            self._flow = flow
            yield from self._title(f"{flow}", bold=True)
        for part in parts:
            if part.kind is PartKind.PRELUDE and part.fault is None and not part.missing_bytes:
                self._prelude = [part]
                continue
            if part.kind is PartKind.HEADER:
                yield from self._title(part.meaning)
            yield from dump([*self._prelude, part], paint=self._paint)
            self._prelude = []
            if part.fault is not None:
                yield from _quote_rule(part.fault.rule)
        if note:
            yield from self._title(note)

    def _title(self, text: str, **style: Any) -> Iterator[str]:
        if self._begun:
            yield ""
        self._begun = True
        yield click.style(text, **style)


class _JSON:
    """Shows parts as one JSON object each."""

    def show(self, flow: Flow | None, parts: list[Part], note: str) -> Iterator[str]:
        """Return the lines for what has come of a direction."""
        about = {} if flow is None else {"connection": str(flow)}
        for part in parts:
            yield json.dumps(about | _describe(part))
        if note:
            yield json.dumps(about | {"note": note})


def _describe(part: Part) -> dict[str, Any]:
    """Return what there is to say of a part."""
    said: dict[str, Any] = {
        "offset": part.offset,
        "bytes": part.size,
        "part": part.kind,
        "meaning": part.meaning,
        "hex": part.data.hex(),
        "members": [
            {
                "name": member.name,
                "offset": part.offset + member.begin,
                "value_offset": part.offset + member.value_begin,
                "end": part.offset + member.end,
            }
            for member in part.members
        ],
        "left_out": part.left_out_bytes,
        "missing": part.missing_bytes,
        "discarded": part.discarded,
        "fault": None,
    }
    if part.fault is not None:
        fault = part.fault
        said["fault"] = {
            "rule": fault.rule,
            "code": fault.code,
            "message": fault.message,
            "offset": fault.offset,
            "bytes": fault.size,
            "fatal": fault.fatal,
            "sentence": _sentence_of(fault.rule),
        }
    return {name: value for name, value in said.items() if value or name in ("offset", "bytes")}


def _quote_rule(rule: str) -> Iterator[str]:
    """Return the lines that quote a rule of the standard."""
    text = f'{rule}: "{_sentence_of(rule)}"'
    yield from textwrap.wrap(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _sentence_of(rule: str) -> str:
    # The kit, which has the rules, is known here by name alone, as the table of commands has it.
    sentence: str = import_module("headframe.conformance.rules").RULES[rule].sentence
    return sentence


def _paint(text: str, ink: Ink) -> str:
    return click.style(text, **_COLOURS.get(ink, {}))
