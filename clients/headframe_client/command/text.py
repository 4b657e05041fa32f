"""Names, sizes and times as people read them.

The law of this module: what comes out is printable, whatever went in, and a number has its unit.
"""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["escape", "show_bytes", "show_count", "show_rate", "show_seconds", "show_time"]


def escape(text: str) -> str:
    r"""Return `text` with every character that a terminal might obey or hide written out.

    >>> print(escape("plain \x1b[31mred\u202e"))
    plain \x1b[31mred\u202e
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("ascii", "backslashreplace").decode()
        if not character.isascii()
        else f"\\x{ord(character):02x}"
        for character in text
    )


def show_bytes(count: float) -> str:
    """Return a number of bytes.

    >>> show_bytes(0), show_bytes(1023), show_bytes(1536), show_bytes(3 << 40)
    ('0 B', '1023 B', '1.5 KiB', '3.0 TiB')
    """
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"


def show_count(count: int, thing: str) -> str:
    """Return a number of things.

    >>> show_count(1, "file"), show_count(2345, "file")
    ('1 file', '2,345 files')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def show_seconds(seconds: float) -> str:
    """Return a duration.

    >>> show_seconds(0.0123), show_seconds(3.21), show_seconds(200)
    ('0.01 s', '3.2 s', '3 min 20 s')
    """
    if seconds < 60:
        return f"{seconds:.{2 if seconds < 1 else 1}f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def show_rate(count: float, seconds: float, thing: str) -> str:
    """Return how fast things went by.

    >>> show_rate(3000, 0.5, "files")
    '6,000 files/s'
    """
    per_second = count / max(seconds, 1e-6)
    return f"{show_bytes(per_second)}/s" if thing == "bytes" else f"{per_second:,.0f} {thing}/s"


def show_time(mtime: int | None, *, utc: bool = False) -> str:
    """Return a time given in microseconds, to the minute in local time, or exactly in UTC.

    >>> show_time(1_500_000_000_123_456, utc=True)
    '2017-07-14T02:40:00.123456Z'
    """
    if mtime is None:
        return "-"
    try:
        moment = datetime.fromtimestamp(mtime // 1_000_000, tz=UTC)
        moment = moment.replace(microsecond=mtime % 1_000_000)
        if utc:
            return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return f"{moment.astimezone():%Y-%m-%d %H:%M}"
    except (OSError, OverflowError, ValueError):
        return f"{mtime} us"
