"""What shows that a rule is kept: checks of the kit, vectors, and tests of this implementation.

The law of this module: it reads what cites a rule and keeps no list of its own. Checks and vectors
come with the kit; the tests are there only in a checkout, beside the package.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import headframe
from headframe import conformance
from headframe.conformance.check import Check
from headframe.conformance.rules import RULES, Rule

__all__ = ["Proof", "checks", "figures", "find_checkout", "matrix", "vectors"]

_MUTANT: Final = re.compile(r"^=== ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A rule, and what shows that it is kept."""

    rule: Rule
    checks: tuple[str, ...]
    """Ids of checks that an implementation is tested with."""
    vectors: tuple[str, ...]
    """Ids of vectors that show it."""
    tests: tuple[str, ...] | None
    """Where tests of this implementation say that they prove it; None: there is no checkout."""


def find_checkout() -> Path | None:
    """Return the top of the source tree that this package runs from, if it does."""
    top = Path(headframe.__file__).resolve().parents[2]
    return top if (top / "spec" / "headframe.md").exists() and (top / "tests").is_dir() else None


@cache
def checks() -> Mapping[str, Check]:
    """Return all checks of the kit by id."""
    lists = (getattr(conformance, f"{role}_CHECKS", ()) for role in ("SERVER", "CLIENT", "CODEC"))
    return {check.id: check for found in lists for check in found}


@cache
def vectors() -> Mapping[str, Any]:
    """Return all vectors by id; each has a `title`, `rules` and a `category`."""
    name = "headframe.conformance.vectors"
    found: Mapping[str, Any] = import_module(name).VECTORS if find_spec(name) else {}
    return found


@cache
def tests() -> Mapping[str, list[str]] | None:
    """Return rule -> the tests that name it by `pytest.mark.rule`; None without a checkout."""
    top = find_checkout()
    if top is None:
        return None
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((top / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.rule(" not in text:
            continue
        where = path.relative_to(top).as_posix()
        for rule, line in _read_marks(text):
            if f"{where}:{line}" not in found[rule]:
                found[rule].append(f"{where}:{line}")
    return found


def _read_marks(text: str) -> Iterator[tuple[str, int]]:
    """Return the rules that the tests of a module prove, each with a line."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Attribute(attr="rule", value=ast.Attribute(attr="mark"))):
                for argument in node.args:
                    if isinstance(argument, ast.Constant):
                        yield str(argument.value), node.lineno


def matrix() -> list[Proof]:
    """Return all rules, in the order of the standard, with what shows that they are kept."""
    cited = tests()
    return [
        Proof(
            rule=rule,
            checks=tuple(check.id for check in checks().values() if rule.id in check.rules),
            vectors=tuple(name for name, row in vectors().items() if rule.id in row.rules),
            tests=None if cited is None else tuple(cited.get(rule.id, ())),
        )
        for rule in RULES.values()
    ]


def figures() -> dict[str, int]:
    """Return how much there is of everything; of what is not here, nothing."""
    rows = matrix()
    counted = {"rules": len(rows)}
    levels = Counter(row.rule.level for row in rows)
    counted |= {f"rules with {level}": levels[level] for level in sorted(levels)}
    counted["untestable rules"] = sum(bool(row.rule.untestable) for row in rows)
    counted["checks"] = len(checks())
    roles = Counter(check.role for check in checks().values())
    counted |= {f"checks of {role}s": number for role, number in sorted(roles.items())}
    counted["rules that a check proves"] = sum(bool(row.checks) for row in rows)
    counted["vectors"] = len(vectors())
    categories = Counter(str(row.category) for row in vectors().values())
    counted |= {f"{category} vectors": number for category, number in categories.items()}
    counted["rules that a vector shows"] = sum(bool(row.vectors) for row in rows)
    top = find_checkout()
    if top is not None:
        counted["rules that a test proves"] = sum(bool(row.tests) for row in rows)
        folder = top / "tests" / "conformance" / "mutants"
        counted["mutants"] = sum(
            len(_MUTANT.findall(path.read_text(encoding="utf-8")))
            for path in sorted(folder.glob("*.diff"))
        )
    return counted
