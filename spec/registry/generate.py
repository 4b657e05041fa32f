#!/usr/bin/env python3
"""Write what follows from the registry: the Python enums and the tables of the standard.

    generate.py            write protocol/headframe/registry.py and layout.py, the tables in
                           spec/headframe.md, spec/schema/headframe.schema.json and the
                           conformance kit's rules.json
    generate.py --check    write nothing; name each file that is out of date and exit with 1

Nothing is kept twice: the rows stand in the JSON files beside this script, the layout of a frame
in `headframe.schema`, which declares it in construct, the limits and the state machines in
`headframe.limits` and `headframe.states`. In the standard, what stands between
`<!-- table: NAME -->` and `<!-- end -->` belongs to this script.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import rules
import schemas

REGISTRY = Path(__file__).resolve().parent
ROOT = REGISTRY.parent.parent
PACKAGE = ROOT / "protocol" / "headframe"
MODULE = PACKAGE / "registry.py"
LAYOUT = PACKAGE / "layout.py"
STANDARD = ROOT / "spec" / "headframe.md"
SCHEMA = ROOT / "spec" / "schema" / "headframe.schema.json"
RULES = PACKAGE / "conformance" / "rules.json"

Row = dict[str, Any]


def load_rows(name: str) -> list[Row]:
    """Return the rows of one registry, such as `error-codes`."""
    rows: list[Row] = json.loads((REGISTRY / f"{name}.json").read_text(encoding="utf-8"))
    return rows


# --- the Python module -------------------------------------------------------------------

MODULE_HEAD = '''\
# generated from spec/registry by spec/registry/generate.py; edit the JSON
"""The words of HF/1 as Python: error codes, commands, digests and the names that headers may hold.

Spec: chapter 13, "Registries and tables". The law of this module: it is written by
`spec/registry/generate.py` and never by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["REGISTERED_KEYS", "Command", "DigestAlgorithm", "ErrorClass", "ErrorCode"]


class ErrorClass(StrEnum):
    """What an error code means for the connection."""

    FATAL = "fatal"
    """The stream cannot be read any further: the connection ends."""
    NOTICE = "notice"
    """Said about the connection, in answer to no request."""
    REFUSAL = "refusal"
    """One request is not carried out; the connection goes on unless the reply says `close`."""


class ErrorCode(StrEnum):
    """The registered error codes."""
'''

MODULE_PROPERTIES = '''
    @property
    def error_class(self) -> ErrorClass:
        """What the code means for the connection."""
        return _CLASSES[self]

    @property
    def closes(self) -> bool:
        """Whether the connection always ends after this code."""
        return self in _CLOSING

    @property
    def retryable(self) -> bool:
        """Whether trying again can help: a refusal with this code carries `retry_ms`."""
        return self in _RETRYABLE

    @property
    def rule(self) -> str:
        """Id of the rule that gives the code its meaning."""
        return _RULES[self]


class Command(StrEnum):
    """The registered commands."""
'''

MODULE_DIGESTS = '''

class DigestAlgorithm(StrEnum):
    """The registered algorithms of digests."""
'''

MODULE_HEX_DIGITS = '''
    @property
    def hex_digits(self) -> int:
        """How many hexadecimal digits such a digest has."""
        return _HEX_DIGITS[self]
'''


def python_name(wire_name: str) -> str:
    """Return the member that stands for a wire name.

    >>> python_name("bad-frame")
    'BAD_FRAME'
    """
    return wire_name.upper().replace("-", "_")


def enum_member(row: Row) -> str:
    """Return one member of an enum with its docstring, wrapped at 100 columns."""
    meaning = f'"""{row["meaning"]} ({row["rule"]})"""'
    wrapped = textwrap.wrap(meaning, 96, break_on_hyphens=False, break_long_words=False)
    lines = [f'{python_name(row["name"])} = "{row["name"]}"', *wrapped]
    return textwrap.indent("\n".join(lines) + "\n", "    ")


def build_module() -> str:
    """Return the text of `headframe/registry.py`."""
    codes, commands, digests = (load_rows(name) for name in ("error-codes", "commands", "digests"))
    keys = dict.fromkeys(row["name"] for row in load_rows("header-keys"))
    members = {row["name"]: f"ErrorCode.{python_name(row['name'])}" for row in codes}
    parts = [MODULE_HEAD, "\n"]
    parts += [enum_member(row) for row in codes]
    parts += [MODULE_PROPERTIES, "\n"]
    parts += [enum_member(row) for row in commands]
    parts += [MODULE_DIGESTS, "\n"]
    parts += [enum_member(row) for row in digests]
    parts.append(MODULE_HEX_DIGITS)
    parts.append("\n\n")
    parts.append(
        python_mapping(
            "_CLASSES: Final[Mapping[ErrorCode, ErrorClass]]",
            ((members[row["name"]], f"ErrorClass.{python_name(row['class'])}") for row in codes),
        )
    )
    parts.append(
        python_mapping(
            "_RULES: Final[Mapping[ErrorCode, str]]",
            ((members[row["name"]], f'"{row["rule"]}"') for row in codes),
        )
    )
    parts.append(
        python_set(
            "_CLOSING: Final[frozenset[ErrorCode]]",
            (members[row["name"]] for row in codes if row["closes"]),
        )
    )
    parts.append(
        python_set(
            "_RETRYABLE: Final[frozenset[ErrorCode]]",
            (members[row["name"]] for row in codes if row["retry"]),
        )
    )
    parts.append(
        python_mapping(
            "_HEX_DIGITS: Final[Mapping[DigestAlgorithm, int]]",
            (
                (f"DigestAlgorithm.{python_name(row['name'])}", str(row["hex_digits"]))
                for row in digests
            ),
        )
    )
    parts.append("\n")
    parts.append(python_set("REGISTERED_KEYS: Final[frozenset[str]]", (f'"{key}"' for key in keys)))
    parts.append('"""Names of HF/1 at the top of a header; all others are free to grow into."""\n')
    return "".join(parts)


def python_mapping(name: str, items: Iterable[tuple[str, str]]) -> str:
    """Return the assignment of a read-only mapping, one entry a line."""
    lines = "".join(f"        {key}: {value},\n" for key, value in items)
    return f"{name} = MappingProxyType(\n    {{\n{lines}    }}\n)\n"


def python_set(name: str, items: Iterable[str]) -> str:
    """Return the assignment of a frozen set, one member a line."""
    lines = "".join(f"        {item},\n" for item in items)
    return f"{name} = frozenset(\n    {{\n{lines}    }}\n)\n"


LAYOUT_HEAD = '''\
# generated from headframe/schema.py by spec/registry/generate.py; edit the declaration
"""The layout of an HF/1 frame, derived from its declaration.

Spec: chapter 2. The law of this module: it is written by `spec/registry/generate.py` and never by
hand.
"""

from typing import Final

from headframe.plan import Bounds, Layout

__all__ = ["LAYOUT"]

'''


def build_layout() -> str:
    """Return the text of `headframe/layout.py`."""
    sys.path.insert(0, str(PACKAGE.parent))
    from headframe.schema import FRAME, derive_layout  # noqa: PLC0415  (it needs the path)

    layout = derive_layout(FRAME)
    prelude, body_member = (f'"{name}"' for name in (layout.prelude, layout.body_member))
    return (
        f"{LAYOUT_HEAD}LAYOUT: Final = Layout(\n"
        f"    prelude={prelude}, length={layout.length}, body_member={body_member}\n)\n"
    )


# --- the tables of the standard ----------------------------------------------------------


def markdown_table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def yes(value: bool) -> str:
    """Return how a table says yes: no is an empty cell."""
    return "yes" if value else ""


def error_codes_table() -> str:
    """Return all error codes."""
    return markdown_table(
        ["code", "class", "closes", "`retry_ms`", "meaning", "rule"],
        (
            [
                f"`{row['name']}`",
                row["class"],
                yes(row["closes"]),
                yes(row["retry"]),
                row["meaning"],
                row["rule"],
            ]
            for row in load_rows("error-codes")
        ),
    )


def commands_table() -> str:
    """Return all commands; a name that a request has to hold is in bold type."""
    return markdown_table(
        ["`cmd`", "request", "its body", "reply", "its body", "meaning", "rule"],
        (
            [
                f"`{row['name']}`",
                ", ".join(
                    f"**`{key['key']}`**" if key["required"] else f"`{key['key']}`"
                    for key in row["keys"]
                ),
                yes(row["request_body"]),
                ", ".join(f"`{key}`" for key in row["reply"]),
                yes(row["reply_body"]),
                row["meaning"],
                row["rule"],
            ]
            for row in load_rows("commands")
        ),
    )


def header_keys_table() -> str:
    """Return all registered names of headers."""
    return markdown_table(
        ["name", "type", "in", "header", "meaning", "rule"],
        (
            [
                f"`{row['name']}`",
                row["type"],
                row["role"],
                row["frames"],
                row["meaning"],
                row["rule"],
            ]
            for row in load_rows("header-keys")
        ),
    )


def digests_table() -> str:
    """Return all digest algorithms."""
    return markdown_table(
        ["algorithm", "hexadecimal digits", "meaning", "rule"],
        (
            [f"`{row['name']}`", str(row["hex_digits"]), row["meaning"], row["rule"]]
            for row in load_rows("digests")
        ),
    )


def features_table() -> str:
    """Return all features, or say that there is none."""
    rows = [[f"`{row['name']}`", row["meaning"], row["rule"]] for row in load_rows("features")]
    return markdown_table(["feature", "meaning", "rule"], rows) if rows else "None yet."


def load_module(name: str) -> ModuleType:
    """Return a module of the package that imports nothing of ours, without the package."""
    spec = importlib.util.spec_from_file_location(f"_{name}", PACKAGE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def attribute_docstrings(module: str, class_name: str) -> dict[str, str]:
    """Return the string that stands under each attribute of a class, on one line."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    body = next(
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == class_name
    )
    found = {}
    for attribute, following in pairwise(body):
        target = (
            attribute.target
            if isinstance(attribute, ast.AnnAssign)
            else attribute.targets[0]
            if isinstance(attribute, ast.Assign)
            else None
        )
        if (
            isinstance(target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            found[target.id] = " ".join(str(following.value.value).split())
    return found


def limits_table() -> str:
    """Return every limit with its reason."""
    limits = load_module("limits").Limits()
    reasons = attribute_docstrings("limits", "Limits")
    return markdown_table(
        ["limit", "value", "reason"],
        (
            [f"`{name}`", f"{getattr(limits, name):,}", reasons[name]]
            for name in type(limits).__dataclass_fields__
        ),
    )


def state_machine(machine: str) -> tuple[ModuleType, Mapping[Any, Mapping[Any, Any]]]:
    """Return the module of the states, and the transitions of one of its machines.

    `machine` is the name its enums begin with: `Stream` or `Exchange`.
    """
    states = load_module("states")
    return states, getattr(states, f"{machine.upper()}_TRANSITIONS")


def states_diagram(machine: str) -> str:
    """Return a state machine as a drawing."""
    _, transitions = state_machine(machine)
    drawing = ["```mermaid", "stateDiagram-v2"]
    drawing.append(f"    [*] --> {mermaid_name(next(iter(transitions)))}")
    for state, targets in transitions.items():
        drawing += [
            f"    {mermaid_name(state)} --> {mermaid_name(target)}: {moved}"
            for moved, target in targets.items()
        ]
        if not targets:
            drawing.append(f"    {mermaid_name(state)} --> [*]")
    drawing.append("```")
    return "\n".join(drawing)


def states_tables(machine: str) -> str:
    """Return what the words of a state machine mean, and its transitions."""
    states, transitions = state_machine(machine)
    meanings = []
    for kind in ("State", "Input"):
        docstrings = attribute_docstrings("states", f"{machine}{kind}")
        rows = (
            [f"`{member}`", docstrings[member.name]]
            for member in getattr(states, f"{machine}{kind}")
        )
        meanings.append(markdown_table([kind.lower(), "meaning"], rows))
    table = markdown_table(
        ["state", "input", "next state"],
        (
            [f"`{state}`", f"`{moved}`", f"`{target}`"]
            for state, targets in transitions.items()
            for moved, target in targets.items()
        ),
    )
    return "\n\n".join([*meanings, table])


def mermaid_name(state: str) -> str:
    """Return a state as the diagram language may spell it."""
    return state.replace("-", "_")


TABLES: Mapping[str, Callable[[], str]] = {
    "commands": commands_table,
    "digests": digests_table,
    "error-codes": error_codes_table,
    "exchange-diagram": lambda: states_diagram("Exchange"),
    "exchange-states": lambda: states_tables("Exchange"),
    "features": features_table,
    "header-keys": header_keys_table,
    "limits": limits_table,
    "stream-diagram": lambda: states_diagram("Stream"),
    "stream-states": lambda: states_tables("Stream"),
}
"""What may stand between the markers of the standard."""

MARKED = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def build_standard(text: str) -> str:
    """Return the text of the standard with every table written anew."""
    return MARKED.sub(lambda found: f"{found[1]}{TABLES[found['name']]()}\n{found[3]}", text)


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    check = parser.parse_args().check
    builders: dict[Path, Callable[[str], str]] = {
        MODULE: lambda _: build_module(),
        LAYOUT: lambda _: build_layout(),
        STANDARD: build_standard,
        SCHEMA: lambda _: schemas.build_schema(),
        RULES: lambda _: rules.build_rules(build_standard(STANDARD.read_text(encoding="utf-8"))),
    }
    stale = []
    for path, build in builders.items():
        written = path.read_text(encoding="utf-8") if path.exists() else ""
        wanted = build(written)
        if wanted != written:
            stale.append(path)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(wanted, encoding="utf-8")
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
