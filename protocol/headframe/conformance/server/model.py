"""The random lane: a server is asked anything, and a model knows what it has to answer.

The law of this module: one search at a time, from the import of Hypothesis to the last example.
Hypothesis parses Python now and then, which in Python 3.11 fails where two threads do it at
once (SystemError, "AST constructor recursion depth mismatch").
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any, Final

from headframe.conformance.check import Chapter, Lane
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer

__all__ = ["CHECKS"]

chapter: Final = Chapter("model", lane=Lane.RANDOM)
_TURN: Final = threading.Lock()


def searching(machine: str) -> Run:
    """Let a machine look for a wrong answer; Hypothesis is imported when it does."""

    def run(peer: Peer) -> None:
        with _TURN:
            machines: Any = import_module("headframe.conformance.models.machines")
            machines.search(getattr(machines, machine), peer)

    return run


def hurting(peer: Peer) -> None:
    """Look for a damaged stream that is answered wrongly."""
    with _TURN:
        damage: Any = import_module("headframe.conformance.models.damage")
        damage.hurt(peer)


chapter.add(
    "files",
    "Files are what was put, whatever is asked by whom, under any condition.",
    "HF-CMD-006 HF-CMD-009 HF-CMD-010 HF-CMD-011 HF-CMD-013 HF-CMD-014 HF-CMD-015 HF-CMD-016"
    " HF-CMD-017 HF-CMD-018 HF-CMD-019 HF-CMD-020 HF-CMD-021 HF-CMD-022 HF-CMD-023 HF-CMD-024"
    " HF-CMD-025 HF-CMD-026 HF-CMD-027 HF-COND-001 HF-COND-002 HF-COND-003 HF-COND-004"
    " HF-COND-005 HF-COND-007 HF-COND-013 HF-ERROR-009 HF-ERROR-012",
    searching("FilesMachine"),
)
chapter.add(
    "pipelining",
    "Requests sent in one go are carried out and answered as if they came one by one.",
    "HF-REPLY-002 HF-REPLY-003 HF-REQ-003 HF-REQ-004 HF-REQ-005 HF-FRAME-005 HF-FRAME-006"
    " HF-BODY-004 HF-BODY-005 HF-BODY-011 HF-BODY-012 HF-ERROR-008",
    searching("PipeliningMachine"),
)
chapter.add(
    "uploads",
    "Uploads stand where their parts have brought them, and become files when they are whole.",
    "HF-RESUME-003 HF-RESUME-004 HF-RESUME-005 HF-RESUME-006 HF-RESUME-007 HF-RESUME-008"
    " HF-RESUME-009 HF-RESUME-010 HF-RESUME-011 HF-RESUME-013 HF-RESUME-014 HF-RESUME-015"
    " HF-RESUME-016 HF-RESUME-017 HF-RESUME-018 HF-RESUME-022 HF-RESUME-024 HF-RESUME-025"
    " HF-RESUME-026",
    searching("UploadsMachine"),
)

chapter.add(
    "damage",
    "Damaged streams are answered as far as they make sense, and then end.",
    "HF-ERROR-004 HF-ERROR-001 HF-ERROR-002 HF-ERROR-003 HF-ERROR-005 HF-ERROR-008 HF-ERROR-012"
    " HF-FRAME-002 HF-FRAME-005 HF-FRAME-006 HF-HEADER-002 HF-BODY-004 HF-BODY-005 HF-BODY-010"
    " HF-BODY-012 HF-REQ-003 HF-REQ-006 HF-REPLY-002 HF-REPLY-003 HF-REPLY-012 HF-TIME-006"
    " HF-TIME-007",
    hurting,
    needs=frozenset({"plain"}),
)

CHECKS: Final = chapter.checks
