"""The checks of servers, chapter by chapter."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from headframe.conformance.check import Check

__all__ = ["SERVER_CHECKS"]

_MODULES: Final = (
    "frame",
    "header",
    "members",
    "body",
    "ending",
    "request",
    "silence",
    "reply",
    "error",
    "order",
    "name",
    "alias",
    "command",
    "storing",
    "reading",
    "listing",
    "paging",
    "moving",
    "condition",
    "wholeness",
    "together",
    "resume",
    "finishing",
    "repeating",
    "digests",
    "time",
    "security",
    "origin",
    "model",
)

SERVER_CHECKS: Final[tuple[Check, ...]] = tuple(
    check for module in _MODULES for check in import_module(f"{__name__}.{module}").CHECKS
)
"""All of them, those of every profile and lane."""
