"""One source for every table: registry, standard and Python agree."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headframe.limits import LIMITS
from headframe.registry import REGISTERED_KEYS, Command, ErrorClass, ErrorCode

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = ROOT / "spec" / "registry"
ROWS = {path.stem: json.loads(path.read_text("utf-8")) for path in REGISTRY.glob("*.json")}

FIELDS = {
    "error-codes": {"name", "class", "closes", "retry", "since", "rule", "meaning"},
    "commands": {
        *("name", "request_body", "reply_body", "since", "rule", "keys", "reply", "meaning"),
    },
    "header-keys": {"name", "type", "role", "frames", "since", "rule", "meaning"},
    "digests": {"name", "hex_digits", "since", "rule", "meaning"},
    "features": {"name", "since", "rule", "meaning"},
}


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the generator of the tree at `root`."""
    script = root / "spec" / "registry" / "generate.py"
    return subprocess.run(
        [sys.executable, "-B", script, *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def tree(tmp_path):
    """Return a copy of what the generator reads and writes."""
    shutil.copytree(ROOT / "spec", tmp_path / "spec")
    shutil.copytree(
        ROOT / "protocol",
        tmp_path / "protocol",
        ignore=shutil.ignore_patterns("__pycache__", "conformance"),
    )
    return tmp_path


def test_what_is_generated_is_up_to_date():
    checked = generate(ROOT, "--check")
    assert (0, "", "") == (checked.returncode, checked.stdout, checked.stderr)


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("spec/registry/error-codes.json", "protocol/headframe/registry.py"),
        ("spec/registry/error-codes.json", "spec/headframe.md"),
        ("protocol/headframe/limits.py", "spec/headframe.md"),
        ("protocol/headframe/limits.py", "protocol/headframe/layout.py"),
        ("protocol/headframe/schema.py", "protocol/headframe/layout.py"),
        ("protocol/headframe/states.py", "spec/headframe.md"),
        ("spec/registry/header-keys.json", "spec/schema/headframe.schema.json"),
        ("protocol/headframe/messages.py", "spec/schema/headframe.schema.json"),
    ],
)
def test_a_changed_source_makes_what_is_generated_stale(tree, edited, stale):
    changes = {"N is out of range": "N is a surprise", "65_535": "65_534"}
    changes |= {
        "Int32ul": "Int32ub",
        "Asks for a reply": "Asks for an answer",
        "limit: PositiveNumber": "limit: int",
    }
    text = (tree / edited).read_text("utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    text = text.replace('"in-frame"', '"in-a-frame"')
    (tree / edited).write_text(text, "utf-8")
    checked = generate(tree, "--check")
    assert 1 == checked.returncode
    assert f"stale: {stale}" in checked.stdout.splitlines()
    generate(tree)
    assert 0 == generate(tree, "--check").returncode


@pytest.mark.parametrize("registry", FIELDS)
def test_every_row_has_every_field(registry):
    assert set(FIELDS) == set(ROWS)
    for row in ROWS[registry]:
        assert FIELDS[registry] == set(row), row["name"]


@pytest.mark.parametrize("registry", FIELDS)
def test_one_row_stands_on_one_line(registry):
    text = (REGISTRY / f"{registry}.json").read_text("utf-8")
    rows = [line.rstrip(",") for line in text.splitlines() if line.strip() not in ("[", "]", "[]")]
    assert ROWS[registry] == [json.loads(row) for row in rows]


@pytest.mark.parametrize("registry", FIELDS)
def test_a_name_has_one_row_in_each_role(registry):
    names = [(row["name"], row.get("role")) for row in ROWS[registry]]
    assert len(names) == len(set(names))
    both = {name for name, role in names if role == "both"}
    assert [] == [name for name, role in names if name in both and role != "both"]


def test_the_enums_are_the_registry():
    assert [row["name"] for row in ROWS["error-codes"]] == list(ErrorCode)
    assert [row["name"] for row in ROWS["commands"]] == list(Command)
    assert {row["name"] for row in ROWS["header-keys"]} == REGISTERED_KEYS


def test_fatal_codes_and_notices_always_close():
    for code in ErrorCode:
        assert code.closes or code.error_class is ErrorClass.REFUSAL


def test_commands_use_registered_names_in_their_role():
    roles = {(row["name"], row["role"]) for row in ROWS["header-keys"]}
    for command in ROWS["commands"]:
        for key in command["keys"]:
            assert roles & {(key["key"], "request"), (key["key"], "both")}, key
        for key in command["reply"]:
            assert roles & {(key, "reply"), (key, "both")}, key


def test_every_registered_name_is_used_by_a_command_or_by_every_message():
    used = {key["key"] for command in ROWS["commands"] for key in command["keys"]}
    used |= {key for command in ROWS["commands"] for key in command["reply"]}
    used |= {"filesize", "more", "id", "cmd", "ok", "code", "message", "retry_ms", "close"}
    used |= {"abort", "to_rev"}
    assert REGISTERED_KEYS == used


def test_numbers_in_rules_are_the_limits():
    standard = (ROOT / "spec" / "headframe.md").read_text("utf-8")
    rules = dict(re.findall(r"^\*\*(HF-[A-Z]+-\d{3})\*\* (.+)$", standard, re.MULTILINE))
    expected = {
        "HF-FRAME-002": (LIMITS.header_bytes_min, LIMITS.header_bytes_max),
        "HF-HEADER-008": (LIMITS.header_depth,),
        "HF-HEADER-009": (LIMITS.header_members,),
        "HF-HEADER-010": (LIMITS.integer_max,),
        "HF-REPLY-007": (LIMITS.early_refusal_bytes,),
        "HF-NAME-001": (LIMITS.name_bytes,),
        "HF-NAME-002": (LIMITS.segment_bytes,),
        "HF-BODY-014": (LIMITS.reply_frame_bytes // 2**20,),
        "HF-TIME-002": (LIMITS.body_grace_ms // 1000,),
    }
    for rule, numbers in expected.items():
        for number in numbers:
            assert re.search(rf"\b{number}\b", rules[rule]), (rule, number)
