"""The checks of servers, chapter by chapter."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from headframe.conformance.check import Check

__all__ = ["SERVER_CHECKS"]

_CHAPTERS: Final = (
    "frame",
    "header",
    "body",
    "request",
    "reply",
    "error",
    "name",
    "command",
    "listing",
    "condition",
    "resume",
    "time",
    "security",
    "origin",
)

SERVER_CHECKS: Final[tuple[Check, ...]] = tuple(
    check for chapter in _CHAPTERS for check in import_module(f"{__name__}.{chapter}").CHECKS
)
"""All of them, those of every profile and lane."""
