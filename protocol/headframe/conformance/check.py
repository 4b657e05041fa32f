"""A check: what it proves, what it needs, what it permits, and how it is run.

The law of this module: a check is a plain frozen object with a `run`, never a class to inherit
from. Its id is two words that stay (`body/refused-put-is-discarded`); files of expected failures,
reports and replays refer to it.

    body = Chapter("body")

    @body.check("HF-BODY-004")
    def refused_put_is_discarded(peer: Peer) -> None:
        \"\"\"The body of a refused put is discarded, and no byte more.\"\"\"
        peer.refused("bad-name", put("..", b"abc"))
        peer.in_step()

    CHECKS = body.checks
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from headframe.conformance.verdicts import Verdict

__all__ = ["OK", "Chapter", "Check", "Lane", "Profile", "Role", "select"]

Run = Callable[[Any], str | None]
R = TypeVar("R", bound=Run)

OK: Final = "ok"
"""The outcome of a `run` that returns nothing."""

_ONLY_OK: Final[Mapping[str, Verdict]] = MappingProxyType({OK: Verdict.PASS})


class Role(StrEnum):
    """Who is tested."""

    SERVER = "server"
    CLIENT = "client"
    CODEC = "codec"


class Profile(StrEnum):
    """How much of the standard an implementation claims; each holds the one before."""

    ORIGIN = "origin"
    """What the original program's server is there for: a put, and no reply."""
    CORE = "core"
    """HF/1 without anything optional."""
    FULL = "full"
    """All that it declares."""


class Lane(StrEnum):
    """What is run together."""

    PLAIN = "plain"
    """Nothing here waits for time to pass, and the same is asked each time."""
    RANDOM = "random"
    """Models judge what is asked at random, as the seed decides."""
    TIMERS = "timers"
    """Real waiting, by the limits that the server announces: a minute and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to be seen of an implementation."""

    id: str
    title: str
    """A sentence: what a good implementation does."""
    rules: tuple[str, ...]
    """The rules that it proves; the first is the one that a failure shows."""
    run: Run
    """Takes a fresh Peer (of a client: Subject); returns the outcome (None: `ok`) or raises
    Deviation."""
    role: Role = Role.SERVER
    needs: frozenset[str] = frozenset()
    """Features of the server, or abilities of the run; without one it is skipped."""
    profile: Profile = Profile.CORE
    """The least profile that it belongs to."""
    lane: Lane = Lane.PLAIN
    depends_on: tuple[str, ...] = ()
    """Checks that have to pass for this one to mean anything."""
    permitted: Mapping[str, Verdict] = field(default_factory=lambda: _ONLY_OK)
    """The outcomes that are no failure, each with its grade."""

    def matches(self, pattern: str) -> bool:
        """Return whether an id, a glob of ids, a chapter or a rule means this check."""
        return (
            fnmatch.fnmatchcase(self.id, pattern)
            or self.id.partition("/")[0] == pattern
            or pattern in self.rules
        )


def select(checks: Iterable[Check], patterns: Iterable[str]) -> tuple[Check, ...]:
    """Return the checks that any pattern means; raise ValueError for one that means none."""
    checks = tuple(checks)
    patterns = tuple(patterns)
    for pattern in patterns:
        if not any(check.matches(pattern) for check in checks):
            raise ValueError(f"{pattern!r} is no id, no glob of ids, no chapter and no rule here")
    return tuple(c for c in checks if any(c.matches(pattern) for pattern in patterns))


class Chapter:
    """Collects the checks of one chapter while its module is read."""

    def __init__(self, name: str, **common: Any) -> None:
        """`common` is what all of them have, unless one says otherwise."""
        self.name = name
        self._common = common
        self._checks: dict[str, Check] = {}

    @property
    def checks(self) -> tuple[Check, ...]:
        """All of them so far."""
        return tuple(self._checks.values())

    def add(self, name: str, title: str, rules: str, run: Run, **more: Any) -> Check:
        """Add a check; `rules` are ids with a space between."""
        members = self._common | more
        needed = members.pop("depends_on", ())
        check = Check(
            id=f"{self.name}/{name}",
            title=title,
            rules=tuple(rules.split()),
            run=run,
            depends_on=tuple(other for other in needed if other != f"{self.name}/{name}"),
            **members,
        )
        assert check.id not in self._checks, f"two checks with the id {check.id}"
        self._checks[check.id] = check
        return check

    def check(self, rules: str, **more: Any) -> Callable[[R], R]:
        """Make a function a check: its name is the id, its first line the title."""

        def add(run: R) -> R:
            title = (run.__doc__ or "").partition("\n")[0]
            self.add(run.__name__.replace("_", "-"), title, rules, run, **more)
            return run

        return add

    def each(
        self,
        rules: str,
        title: str,
        make: Callable[..., Run],
        cases: Mapping[str, Any],
        **more: Any,
    ) -> None:
        """Add one check for each case: `make(case)` runs it, its name is its id.

        A tuple is taken as several arguments. `{}` in the title stands for the name in words.
        """
        for name, case in cases.items():
            run = make(*case) if isinstance(case, tuple) else make(case)
            self.add(name, title.format(name.replace("-", " ")), rules, run, **more)
