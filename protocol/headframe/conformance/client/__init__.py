"""The checks of clients, chapter by chapter: the kit is the server, and not a good one.

    headframe conform client "mycli put {local} {url}" --get "mycli get {url} {local}"

`commands` says how a client is started, `process` starts it, `host` is the server with the acts of
`acts` and the honesty of `store`, and `stage` puts them together; `lineup` runs the checks.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from headframe.conformance.check import Check

__all__ = ["CLIENT_CHECKS"]

_CHAPTERS: Final = (
    "frame",
    "header",
    "body",
    "request",
    "reply",
    "ending",
    "name",
    "resume",
    "security",
)

CLIENT_CHECKS: Final[tuple[Check, ...]] = tuple(
    check for chapter in _CHAPTERS for check in import_module(f"{__name__}.{chapter}").CHECKS
)
"""All of them, those of every profile and lane."""
