"""What a server allows, by flag or in a file.

Spec: chapters 11 and 12. The law of this module: every value has a sane default and a name, the
same in Python, in the file and, with dashes, as a flag.

    connections = 256
    idle_s = 60
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from headframe import LIMITS, Limits

__all__ = ["Settings", "SettingsError"]


class SettingsError(ValueError):
    """A setting cannot be used; the text names it, what came and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much a server takes on."""

    connections: int = 256
    """At the same time, all peers together."""

    connections_per_peer: int = 32
    """At the same time, from one address."""

    idle_s: int = 60
    """Silence between requests."""

    body_bytes_per_s: int = 1024
    """A body that comes more slowly, after ten seconds of grace, is cut."""

    list_entries: int = 1000
    """In a page of a listing."""

    total_bytes: int = LIMITS.integer_max
    """In a file."""

    free_bytes: int = 1 << 30
    """Left free on the file system, or a twentieth of it if that is less."""

    upload_ttl_s: int = 86_400
    """How long an upload that nobody goes on with is kept."""

    drain_s: int = 10
    """How long requests that have begun may take when the server stops."""

    durability: str = "fsync"
    """What a reply promises: fsync, or rename."""

    def __post_init__(self) -> None:
        for name, least, most in _BOUNDS:
            value = getattr(self, name)
            if not least <= value <= most:
                raise SettingsError(f"{name} is {value}, {least} to {most} are allowed")
        if self.durability not in ("fsync", "rename"):
            raise SettingsError(f"durability is {self.durability!r}, fsync and rename are allowed")

    @property
    def limits(self) -> Limits:
        """The limits of the protocol that follow from these."""
        return replace(LIMITS, idle_ms=self.idle_s * 1000, body_bytes_per_s=self.body_bytes_per_s)

    def read(self, path: str | os.PathLike[str]) -> Settings:
        """Return these with what a file says; raise SettingsError, or OSError."""
        try:
            found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{os.fspath(path)}: {error}") from error
        return self.updated(found, f"{os.fspath(path)}: ")

    def updated(self, values: dict[str, Any], where: str = "") -> Settings:
        """Return these with other values; raise SettingsError for what makes no sense."""
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in values.items():
            if name not in kinds:
                allowed = ", ".join(sorted(kinds))
                raise SettingsError(f"{where}unknown setting {name!r}, there are {allowed}")
            if type(value) is not kinds[name]:
                wanted = "a whole number" if kinds[name] is int else "a text"
                raise SettingsError(f"{where}{name} is {value!r}, {wanted} is allowed")
        try:
            return replace(self, **values)
        except SettingsError as error:
            raise SettingsError(f"{where}{error}") from None


_BOUNDS = (
    ("connections", 1, 1_000_000),
    ("connections_per_peer", 1, 1_000_000),
    ("idle_s", LIMITS.idle_ms // 1000, 86_400),
    ("body_bytes_per_s", 1, LIMITS.body_bytes_per_s),
    ("list_entries", LIMITS.list_entries, 100_000),
    ("total_bytes", LIMITS.total_bytes, LIMITS.integer_max),
    ("free_bytes", 0, 1 << 60),
    ("upload_ttl_s", LIMITS.upload_ttl_ms // 1000, 10 * 365 * 86_400),
    ("drain_s", 0, 86_400),
)
"""What every server guarantees is the least, or for a pace the most, that may be set."""
