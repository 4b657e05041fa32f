"""The checks of servers, chapter by chapter.

`SERVER_CHECKS` holds those that wait for nothing.
"""

from __future__ import annotations

from typing import Final

from headframe.conformance.check import Check
from headframe.conformance.server import frame, header

__all__ = ["SERVER_CHECKS"]

SERVER_CHECKS: Final[tuple[Check, ...]] = (*frame.CHECKS, *header.CHECKS)
