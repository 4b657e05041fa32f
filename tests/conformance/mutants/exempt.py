"""Rules that no mutant breaks, each with the reason, and mutants that were given up.

The law of this module: a reason says why the kit cannot see the rule broken from outside, or who
else sees it; "nobody has written one" is none.
"""

from __future__ import annotations

from typing import Final

SERVER: Final = {
    "HF-NAME-009": "needs a file system that takes two names for one; the tests have one",
    "HF-COND-010": "seen only where a machine ends suddenly; tests/crashing.py lets a disk do so",
    "HF-COND-011": "seen only where a server is killed in the middle; tests/killing.py kills it",
    "HF-RESUME-002": "needs two people, and the kit is let in as one; tests of uploads have two",
    "HF-RESUME-020": "the moment between the end of a put and its rename cannot be held open",
    "HF-RESUME-027": "seen only where a server is killed in the middle; tests/killing.py kills it",
}
"""Of those that bind a server."""

CLIENT: Final = {
    "HF-FRAME-007": "no reply of a good server has another name that tells of its body's size",
    "HF-BODY-001": "a client closes for HF-BODY-018, too: ok has no place in a later header",
    "HF-BODY-004": "a client refuses no message",
    "HF-ERROR-001": "a client refuses no message",
    "HF-SEC-016": "needs an address beyond this machine; tests/clients/test_trust.py has one",
}
"""Of those that bind a client."""

CODEC: Final = {
    "HF-BODY-003": "no message that a codec is asked to build has a later header with more: true",
}
"""Of those that bind a sender or a receiver."""

EQUIVALENT: Final = {
    "length-in-characters of a server": "every header that the reference sends is ASCII",
    "empty-name": "the one segment of an empty name is empty, and refused for that (HF-NAME-003)",
    "move-over-a-folder": "the file system refuses to rename over a folder, with the same code",
    "name-below-a-file-not-looked-for": "the file system refuses it, with the same code",
    "moved-to-itself": "renaming a file to its own name does nothing",
}
"""Mutants that were written and do what the reference does, so that no check can kill them."""
