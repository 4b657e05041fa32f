"""Mutants as they are written down, and how one comes to life.

    === length-of-two-bytes: HF-FRAME-002 (server codec)
    Of N only the two low bytes are read.
    --- headframe.plan
    -        announced: int = self.prelude.unpack_from(buffer, offset)[0]
    +        announced: int = struct.unpack_from("<H", buffer, offset)[0]

The law of this module: a change that does not fit the source exactly once is an error, so that no
mutant outlives the code that it is about, or changes more than it shows.
"""

from __future__ import annotations

import importlib.machinery
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROLES = ("server", "client", "codec")
_TITLE = re.compile(r"=== ([a-z0-9-]+): (HF-[A-Z]+-\d{3}(?: HF-[A-Z]+-\d{3})*) \(([a-z ]+)\)")


class StaleMutant(Exception):
    """A mutant does not fit the source any more, or is not written as it has to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Lines of a module, and what stands there instead."""

    module: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        """Return the source with the change; raise StaleMutant unless it fits exactly once."""
        found = len(re.findall(f"(?m)^(?={re.escape(self.old)})", source))
        if found != 1:
            raise StaleMutant(f"{self.module} has these lines {found} times, not once:\n{self.old}")
        before, _, after = ("\n" + source).partition("\n" + self.old)
        return f"{before}\n{self.new}{after}".removeprefix("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """The reference with one bug."""

    name: str
    breaks: tuple[str, ...]
    """Ids of rules; the kit has to see each of them broken."""
    roles: tuple[str, ...]
    bug: str
    edits: tuple[Edit, ...]

    def sources(self) -> dict[str, str]:
        """Return the changed source by module; raise StaleMutant."""
        changed: dict[str, str] = {}
        for edit in self.edits:
            source = changed.get(edit.module) or _path_of(edit.module).read_text(encoding="utf-8")
            changed[edit.module] = edit.apply(source)
        return changed


def read_mutants(text: str) -> Iterator[Mutant]:
    """Yield the mutants in a text; raise StaleMutant for what cannot be read."""
    for part in re.split(r"(?m)^(?==== )", text)[1:]:
        title, bug, *lines = part.splitlines()
        parts = _TITLE.fullmatch(title)
        if not parts or not bug.endswith("."):
            raise StaleMutant(f"a mutant begins with {title!r} and {bug!r}")
        roles = tuple(parts[3].split())
        if not set(roles) <= set(ROLES):
            raise StaleMutant(f"{title}: the roles are {' '.join(ROLES)}")
        yield Mutant(
            name=parts[1],
            breaks=tuple(parts[2].split()),
            roles=roles,
            bug=bug,
            edits=tuple(_read_edits(title, lines)),
        )


def _read_edits(title: str, lines: list[str]) -> Iterator[Edit]:
    module, old, new = "", "", ""
    for line in [*lines, "--- "]:
        if line.startswith("--- ") or (line == "@@" and old):
            if module and (not old or old == new):
                raise StaleMutant(f"{title}: nothing changes in {module}")
            if module:
                yield Edit(module=module, old=old, new=new)
            module, old, new = line[4:] or module, "", ""
        elif line[:1] in ("-", " "):
            old += line[1:] + "\n"
            new += "" if line[0] == "-" else line[1:] + "\n"
        elif line[:1] == "+":
            new += line[1:] + "\n"
        elif line and not line.startswith("#"):
            raise StaleMutant(f"{title}: what is {line!r}?")


def load_mutants() -> dict[str, Mutant]:
    """Return all mutants by name; raise StaleMutant for a name that occurs twice."""
    mutants: dict[str, Mutant] = {}
    for path in sorted(HERE.glob("*.diff")):
        for mutant in read_mutants(path.read_text(encoding="utf-8")):
            if mutant.name in mutants:
                raise StaleMutant(f"two mutants are called {mutant.name}")
            mutants[mutant.name] = mutant
    return mutants


# --- coming to life ------------------------------------------------------------------------

PACKAGES = ("headframe", "headframe_server", "headframe_client")
_CODE: dict[str, Any] = {}
"""Of modules as they are, for those who import them often."""


def remember() -> None:
    """Keep the code of all that is imported now, to be imported once more for next to nothing."""
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] in PACKAGES and module.__spec__ is not None:
            _CODE[name] = module.__spec__.loader.get_code(name)  # type: ignore[union-attr]


def install(mutant: Mutant) -> None:
    """Let every import from now on bring the mutant's modules, and forget what knows the others.

    Whoever has imported something before keeps what he has. Raises StaleMutant.
    """
    changed = {
        name: compile(source, _path_of(name), "exec", dont_inherit=True)
        for name, source in mutant.sources().items()
    }
    sys.meta_path.insert(0, _Finder(_CODE | changed))
    packages = {name.partition(".")[0] for name in changed}
    for name in [*sys.modules]:
        if name.partition(".")[0] in (PACKAGES if "headframe" in packages else packages):
            del sys.modules[name]


def _path_of(module: str) -> Path:
    """Return where a module's source is, without importing anything."""
    package, *rest = module.split(".")
    spec = importlib.machinery.PathFinder.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StaleMutant(f"there is no package {package}")
    path = Path(spec.submodule_search_locations[0], *rest)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


class _Finder:
    """Finds modules of which the code is known."""

    def __init__(self, codes: dict[str, Any]) -> None:
        self._codes = codes

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the module's usual spec, with a loader that knows its code."""
        if name not in self._codes:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(name, spec.origin, self._codes[name])
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from code that is known; nothing of it is cached."""

    def __init__(self, name: str, path: str, code: Any) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> Any:
        """Return the code."""
        return self._code
