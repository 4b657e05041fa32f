"""The rules of the standard, as everybody who cites one needs them.

`rules.json` is written by `spec/registry/generate.py` from the text of the standard. The law of
this module: it adds nothing to what stands there.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

__all__ = ["RULES", "Rule", "find_near", "find_rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One requirement."""

    id: str
    role: str
    """Whom it binds: sender, receiver, client or server."""
    level: str
    """MUST, MUST NOT, SHOULD, SHOULD NOT or MAY."""
    sentence: str
    """What it requires, in Markdown."""
    chapter: str
    """Heading of its chapter, such as `3 Header`."""
    section: str
    """Nearest heading above it, such as `3.1 The JSON that is allowed`."""
    anchor: str
    """What a link to that heading ends with."""
    context: str
    """The example before it, and what explains it, in Markdown."""
    untestable: str = ""
    """Why no test can prove it; of most rules, nothing."""

    @property
    def is_must(self) -> bool:
        """Whether it allows no exception."""
        return self.level.startswith("MUST")


def _read() -> Mapping[str, Rule]:
    tables = json.loads(files("headframe.conformance").joinpath("rules.json").read_text("utf-8"))
    rows = (row | {"context": tables["contexts"][row["context"]]} for row in tables["rules"])
    return MappingProxyType({row["id"]: Rule(**row) for row in rows})


RULES: Final[Mapping[str, Rule]] = _read()
"""By id, in the order of the standard."""


def find_rule(text: str) -> Rule | None:
    """Return the rule whose id `text` is, also when that is written carelessly.

    >>> find_rule("HF-BODY-004") is find_rule("body 4") is RULES["HF-BODY-004"]
    True
    """
    return RULES.get(_complete(text))


def find_near(text: str) -> list[str]:
    """Return up to five ids that `text` may mean, the likeliest first.

    >>> find_near("HF-BDOY-4")[0]
    'HF-BODY-004'
    """
    return difflib.get_close_matches(_complete(text), RULES, n=5)


def _complete(text: str) -> str:
    parts = re.fullmatch(r"(?:HF)?[-_ ]*([A-Z]+)[-_ ]*(\d{1,3})", text.strip().upper())
    return f"HF-{parts[1]}-{int(parts[2]):03}" if parts else text.strip().upper()
