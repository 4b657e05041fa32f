"""The reference of the Python packages, out of their docstrings.

The law of this module: it reads source and imports none of it; what a module does not name in
`__all__` is no part of the reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import griffe

from headframe.conformance.site.prose import Heading, Prose

__all__ = ["PACKAGES", "Reference"]

PACKAGES: Final = ("headframe", "headframe_client", "headframe_server")
LEFT_OUT: Final = ("command", "conformance.server", "conformance.client", "__main__")
"""Commands are told by their `--help`, checks by the matrix."""

_DOCTEST: Final = re.compile(r"^(?: *>>> .*\n?(?: *\S.*\n?)*)+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reference:
    """The modules of the packages, in an order that goes from use to inside."""

    modules: tuple[Any, ...]

    @classmethod
    def read(cls) -> Reference:
        """Read the packages from where they are installed."""
        modules: list[Any] = []
        for package in PACKAGES:
            loaded = griffe.load(package, search_paths=[_find(package)], resolve_aliases=False)
            modules += _walk(loaded)
        return cls(tuple(modules))

    def names(self) -> dict[str, str]:
        """Return what a name in code leads to, if it means one thing only."""
        found: dict[str, set[str]] = {}
        for module in self.modules:
            for member in _public(module):
                found.setdefault(member.name, set()).add(_anchor(member.path))
            found.setdefault(module.path, set()).add(_anchor(module.path))
        return {name: anchors.pop() for name, anchors in found.items() if len(anchors) == 1}

    def render(self, prose: Prose) -> tuple[str, list[Heading]]:
        """Return the reference as HTML, and its headings."""
        parts: list[str] = []
        headings: list[Heading] = []
        for module in self.modules:
            level = 2 if module.path in PACKAGES else 3
            anchor = _anchor(module.path)
            headings.append(Heading(level, anchor, module.path))
            parts.append(
                f'<h{level} id="{anchor}"><code>{module.path}</code>'
                f'<a class="here" href="#{anchor}">#</a></h{level}>'
            )
            parts.append(_explain(module, prose))
            parts += [_render_member(member, prose) for member in _public(module)]
        return "\n".join(parts), headings


def _find(package: str) -> Path:
    """Return the folder that a package is in."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parents[1]


def _walk(module: Any) -> Iterator[Any]:
    """Return a module and those below it that have something to refer to."""
    yield module
    for name, below in sorted(module.members.items()):
        if below.is_alias or not below.is_module:
            continue
        inner = below.path.partition(".")[2]
        if name.startswith("_") or any(inner.startswith(part) for part in LEFT_OUT):
            continue
        yield from _walk(below)


def _public(module: Any) -> list[Any]:
    """Return what a module offers that is its own, in the order of its text."""
    offered = set(module.exports or ())
    own = [
        member
        for name, member in module.members.items()
        if name in offered and not member.is_alias and not member.is_module
    ]
    return sorted(own, key=lambda member: member.lineno or 0)


def _anchor(path: str) -> str:
    return f"api-{path}"


def _explain(thing: Any, prose: Prose) -> str:
    """Return a docstring as HTML; doctests in it are code."""
    if thing.docstring is None:
        return ""
    text = _DOCTEST.sub(
        lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", thing.docstring.value
    )
    return prose.render(text, "api")[0]


def _render_member(member: Any, prose: Prose) -> str:
    """Return a class, function or value with all that is public in it."""
    anchor = _anchor(member.path)
    inside = _render_inside(member, prose) if member.is_class else ""
    return (
        f'<section class="member" id="{anchor}">'
        f'<h4><code>{_signature(member)}</code><a class="here" href="#{anchor}">#</a></h4>'
        f"{_explain(member, prose)}{inside}</section>"
    )


def _render_inside(owner: Any, prose: Prose) -> str:
    """Return the attributes and methods of a class."""
    shown = [
        f"<dt><code>{_signature(member)}</code></dt><dd>{_explain(member, prose)}</dd>"
        for name, member in owner.members.items()
        if not name.startswith("_")
        and not member.is_alias
        and (member.docstring is not None or member.is_function or _is_field(owner, member))
    ]
    return f"<dl>{''.join(shown)}</dl>" if shown else ""


def _is_field(owner: Any, member: Any) -> bool:
    """Return whether an attribute without docstring says something by its name and type."""
    return member.is_attribute and member.annotation is not None and "." in owner.path


def _signature(thing: Any) -> str:
    """Return how a thing is written, as HTML."""
    name = f"<b>{escape(thing.name)}</b>"
    if thing.is_function:
        returns = f" -> {escape(str(thing.returns))}" if thing.returns else ""
        return f"{name}({_parameters(thing)}){returns}"
    if thing.is_class:
        made = thing.members.get("__init__")
        own = made is not None and not made.is_alias and made.lineno
        inherited = ", ".join(escape(str(base)) for base in thing.bases)
        parameters = _parameters(made) if own and thing.docstring else inherited
        return f'<span class="kind">class</span> {name}' + (f"({parameters})" if parameters else "")
    annotation = f": {escape(str(thing.annotation))}" if thing.annotation else ""
    value = escape(str(thing.value)) if thing.value is not None else ""
    shown = f" = {value}" if value and len(value) < 50 else ""
    return f"{name}{annotation}{shown}"


def _parameters(function: Any) -> str:
    """Return the parameters of a function without `self`."""
    shown: list[str] = []
    starred = False
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        kind = parameter.kind
        if kind is griffe.ParameterKind.keyword_only and not starred:
            shown.append("*")
            starred = True
        starred |= kind is griffe.ParameterKind.var_positional
        stars = {
            griffe.ParameterKind.var_positional: "*",
            griffe.ParameterKind.var_keyword: "**",
        }.get(kind, "")
        text = f"{stars}{parameter.name}"
        text += f": {parameter.annotation}" if parameter.annotation else ""
        if parameter.default is not None and not stars:
            text += f" = {parameter.default}"
        shown.append(escape(text))
    return ", ".join(shown)
