"""A run as files: a page for people, JUnit for build servers, a badge for a README.

    write(run, {Format.HTML: Path("report.html"), Format.JUNIT: Path("report.xml")})

The law of this module: every report is made from a `Run` and nothing else, and what an
implementation sent is text in it, never markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from headframe.conformance.runs import Run

__all__ = ["Format", "render", "write"]


class Format(StrEnum):
    """What a report can be; each is a module with a `render`."""

    HTML = "html"
    """One page without anything outside it."""
    JUNIT = "junit"
    """XML as build servers read it."""
    BADGE = "badge"
    """A small SVG."""


_MODULES: Final = {Format.HTML: "page", Format.JUNIT: "junit", Format.BADGE: "badge"}


def render(run: Run, wanted: Format) -> str:
    """Return a report."""
    module: Any = import_module(f"{__name__}.{_MODULES[wanted]}")
    text: str = module.render(run)
    return text


def write(run: Run, files: Mapping[Format, Path]) -> None:
    """Write reports; raise OSError where that cannot be done."""
    for wanted, path in files.items():
        path.write_text(render(run, wanted), encoding="utf-8")
