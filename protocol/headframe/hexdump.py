r"""Annotated bytes as the hexdump that the standard, the command line and the kit all show.

Spec: the dumps of `spec/headframe.md` look like this. The law of this module: there is one layout,
which a painter may colour and never changes, and nothing that a terminal might obey comes out.

>>> from headframe.annotation import annotate
>>> print("\n".join(dump(annotate(b'\x0f\0\0\0{"cmd":"hello"}').parts)))
0000  0f 00 00 00                                      N = 15
0004  7b 22 63 6d 64 22 3a 22 68 65 6c 6c 6f 22 7d     {"cmd":"hello"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from headframe.parts import ROW_BYTES, Fault, Part, PartKind
from headframe.places import BYTE_ORDER_MARK
from headframe.registry import REGISTERED_KEYS

__all__ = ["Ink", "Paint", "dump"]

HEX_WIDTH: Final = 3 * ROW_BYTES - 1


class Ink(StrEnum):
    """What a piece of a line is, for whoever paints it."""

    OFFSET = "offset"
    NUMBER = "number"
    """N."""
    NAME = "name"
    """A registered name of a header."""
    UNKNOWN_NAME = "unknown-name"
    VALUE = "value"
    SIGN = "sign"
    """What holds a header together: braces, colons, white space."""
    BODY = "body"
    REST = "rest"
    FAULT = "fault"
    NOTE = "note"


Paint = Callable[[str, Ink], str]
"""Returns a text in the colour of what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    offset: int
    data: bytes
    inks: Sequence[Ink]
    cells: Sequence[str]
    """What shows each byte as text; of a character of several bytes, the first shows it all."""
    before: str = ""
    after: str = ""


def dump(
    parts: Iterable[Part], *, paint: Paint | None = None, digits: int = 4, faults: bool = True
) -> Iterator[str]:
    """Return the lines that show `parts`.

    `digits`: how many an offset has at least. `faults`: whether a line under bad bytes points at
    them and says which rule they break.
    """
    painted = paint or (lambda text, _: text)
    for part in parts:
        for row in _rows_of(part):
            yield _render(row, painted, digits)
            if faults and part.fault is not None:
                yield from _point_at(part.fault, row, painted, digits)
        if part.left_out_bytes:
            note = painted(f"({part.left_out_bytes:,} bytes)", Ink.NOTE)
            yield _line(painted("." * digits, Ink.OFFSET), "...", 3, note)
        if part.missing_bytes:
            note = painted(f"(ends here, {part.missing_bytes:,} bytes are missing)", Ink.FAULT)
            yield _line(painted(f"{part.end:0{digits}x}", Ink.OFFSET), "", 0, note)


def _rows_of(part: Part) -> Iterator[_Row]:
    """Cut a part into rows; bad bytes that no text can show have rows of their own."""
    inks, cells = _inks_of(part), _cells_of(part)
    edges = {0, len(part.data)}
    named, label = (-1, -1), ""
    if part.fault is not None and part.kind is PartKind.HEADER:
        begin = part.fault.offset - part.offset
        named = begin, begin + part.fault.size
        label = _label(part.data[begin : begin + part.fault.size])
        edges |= set(named) if label else set()
    for span in pairwise(sorted(edges)):
        for begin in range(*span, ROW_BYTES):
            end = min(begin + ROW_BYTES, span[1])
            row = _Row(
                offset=part.offset + begin,
                data=part.data[begin:end],
                inks=inks[begin:end],
                cells=cells[begin:end],
            )
            if part.kind is PartKind.PRELUDE:
                row = replace(row, cells=(), before=part.meaning)
            elif part.kind is not PartKind.HEADER:
                row = _quote(row, part)
            elif label and span == named:
                row = replace(row, cells=(), before=label)
            yield row


def _inks_of(part: Part) -> Sequence[Ink]:
    """Return what each byte of a part is."""
    if part.kind is PartKind.HEADER:
        inks = [Ink.SIGN] * len(part.data)
        for member in part.members:
            ink = Ink.NAME if member.name in REGISTERED_KEYS else Ink.UNKNOWN_NAME
            inks[member.begin : member.name_end] = [ink] * (member.name_end - member.begin)
            inks[member.value_begin : member.end] = [Ink.VALUE] * (member.end - member.value_begin)
    else:
        ink = {PartKind.PRELUDE: Ink.NUMBER, PartKind.BODY: Ink.BODY}.get(part.kind, Ink.REST)
        inks = [ink] * len(part.data)
    if part.fault is not None:
        begin = part.fault.offset - part.offset
        inks[begin : begin + part.fault.size] = [Ink.FAULT] * part.fault.size
    return inks


def _cells_of(part: Part) -> Sequence[str]:
    """Return what shows each byte as text; a body that is no text is shown as ASCII at most."""
    data = part.data
    if part.kind is not PartKind.HEADER and not _is_utf8(data):
        return [chr(byte) if 32 <= byte < 127 else "." for byte in data]
    cells: list[str] = []
    for character in data.decode("utf-8", "surrogateescape"):
        size = len(character.encode("utf-8", "surrogateescape"))
        shown = character if character.isprintable() else "⏎" if character == "\n" else "."
        cells += [shown, *[""] * (size - 1)]
    return cells


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quote(row: _Row, part: Part) -> _Row:
    """Say of the first row of a body that it is one; put text between quotes."""
    title = f"{part.kind}: "
    begins = part.within == 0 and row.offset == part.offset
    is_text = "".join(row.cells).replace("⏎", "\n").encode() == row.data
    quote = '"' if is_text else ""
    return replace(
        row,
        cells=row.cells if is_text else ["." if cell == "⏎" else cell for cell in row.cells],
        before=(title if begins else " " * len(title)) + quote,
        after=quote + (", discarded" if begins and part.discarded else ""),
    )


class _Lead(NamedTuple):
    """The first byte of a character of several, in UTF-8."""

    mask: int
    bits: int
    size: int
    least: int
    """The first code point that needs so many bytes."""
    word: str


_LEADS: Final = (
    _Lead(0xE0, 0xC0, 2, 0x80, "two"),
    _Lead(0xF0, 0xE0, 3, 0x800, "three"),
    _Lead(0xF8, 0xF0, 4, 0x10000, "four"),
)


def _label(data: bytes) -> str:
    """Return what bad bytes are that cannot be shown as text; nothing for those that can.

    >>> _label(bytes.fromhex("c0af")), _label(bytes.fromhex("efbfbe")), _label(b"}")
    ('"/" in two bytes', 'U+FFFE', '')
    """
    if data == BYTE_ORDER_MARK:
        return "byte order mark"
    if _is_utf8(data):
        text = data.decode()
        return f"U+{ord(text):04X}" if len(text) == 1 and not text.isprintable() else ""
    for lead in _LEADS:
        if data[0] & lead.mask == lead.bits and len(data) == lead.size:
            point = data[0] & ~lead.mask & 0xFF
            for byte in data[1:]:
                point = point << 6 | byte & 0x3F
            if point < lead.least:
                shown = f'"{chr(point)}"' if chr(point).isprintable() else f"U+{point:04X}"
                return f"{shown} in {lead.word} bytes"
    return "not UTF-8"


def _render(row: _Row, paint: Paint, digits: int) -> str:
    pairs, text = [], []
    at = 0
    for ink, run in groupby(row.inks):
        end = at + sum(1 for _ in run)
        pairs.append(paint(row.data[at:end].hex(" "), ink))
        text.append(paint("".join(row.cells[at:end]), ink) if row.cells else "")
        at = end
    before = paint(row.before, Ink.NOTE) if row.before else ""
    after = paint(row.after, Ink.NOTE) if row.after else ""
    offset = paint(f"{row.offset:0{digits}x}", Ink.OFFSET)
    width = 3 * len(row.data) - 1
    return _line(offset, " ".join(pairs), width, f"{before}{''.join(text)}{after}")


def _point_at(fault: Fault, row: _Row, paint: Paint, digits: int) -> Iterator[str]:
    """Mark the bad bytes of a row; under the first of them say what is wrong."""
    begin = max(fault.offset - row.offset, 0)
    end = min(fault.offset + fault.size - row.offset, len(row.data))
    if begin >= end:
        return
    carets = " ".join(["^^"] * (end - begin))
    code = f" ({fault.code})" if fault.code else ""
    note = f"{fault.rule}{code}: {fault.message}" if fault.offset >= row.offset else ""
    yield _line(
        " " * digits,
        "   " * begin + paint(carets, Ink.FAULT),
        3 * begin + len(carets),
        paint(note, Ink.FAULT) if note else "",
    )


def _line(offset: str, pairs: str, width: int, note: str) -> str:
    """Return a line; `width` is how many columns `pairs` takes."""
    return f"{offset}  {pairs}{' ' * (HEX_WIDTH - width)}  {note}".rstrip()
