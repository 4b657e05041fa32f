"""The rules of the standard: well formed, unique, and each of them proved by a test."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STANDARD = (ROOT / "spec" / "headframe.md").read_text(encoding="utf-8")
CITING = ("protocol", "servers", "clients", "tests", "spec/registry")

RULE_LINE = re.compile(r"^\*\*(HF-[A-Z]+-\d{3})\*\* \((\w+)\) (.+)$", re.MULTILINE)
RULE_ID = re.compile(r"\bHF-[A-Z]+-\d{3}\b")
REQUIREMENT = re.compile(
    r"\b(?:MUST NOT|MUST|SHOULD NOT|SHOULD|SHALL NOT|SHALL|MAY|REQUIRED|RECOMMENDED|OPTIONAL)\b"
)
WORDS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"}
ROLES = {"sender", "receiver", "client", "server"}
PREFIXES = {
    "HF-FRAME",
    "HF-HEADER",
    "HF-BODY",
    "HF-REQ",
    "HF-REPLY",
    "HF-ERROR",
    "HF-NAME",
    "HF-CMD",
    "HF-COND",
    "HF-RESUME",
    "HF-SEC",
    "HF-TIME",
}

RULES = {found[1]: (found[2], found[3]) for found in RULE_LINE.finditer(STANDARD)}


def requirement_of(rule: str) -> str:
    """Return the word of requirement of a rule."""
    return REQUIREMENT.findall(RULES[rule][1])[0]


def cited_by_tests() -> dict[str, list[str]]:
    """Return rule id -> where a test says, by `pytest.mark.rule("..")`, that it proves it."""
    cited = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "rule"
                and isinstance(node.func.value, ast.Attribute)
                and node.func.value.attr == "mark"
            ):
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        cited[argument.value].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return cited


def test_every_line_that_begins_like_a_rule_is_one():
    begun = re.findall(r"^\*\*HF.*$", STANDARD, re.MULTILINE)
    assert [line for line in begun if not RULE_LINE.fullmatch(line)] == []
    assert len(RULES) > 80


def test_every_rule_stands_in_a_paragraph_of_its_own():
    lines = STANDARD.split("\n")
    crowded = [
        line
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False)
        if line.startswith("**HF-") and (before or after)
    ]
    assert [] == crowded


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_one_sentence_with_one_role_and_one_requirement(rule):
    role, sentence = RULES[rule]
    assert role in ROLES
    words = REQUIREMENT.findall(sentence)
    assert 1 == len(words)
    assert words[0] in WORDS
    assert re.search(rf"\b[Aa] {role} {words[0]}\b", sentence), f"says what a {role} does"
    assert sentence.endswith(".")
    assert not re.search(r"[.!?;] ", sentence), "one sentence"


def test_rule_ids_are_unique():
    counted = Counter(found[1] for found in RULE_LINE.finditer(STANDARD))
    assert [] == [rule for rule, times in counted.items() if times > 1]


def test_rule_ids_count_from_001_without_a_gap():
    numbers = defaultdict(list)
    for rule in RULES:
        prefix, _, number = rule.rpartition("-")
        numbers[prefix].append(int(number))
    assert PREFIXES == set(numbers)
    for prefix, found in numbers.items():
        assert list(range(1, len(found) + 1)) == sorted(found), prefix


def test_requirements_stand_in_rules_only():
    outside = [
        line
        for line in STANDARD.split("\n\n")
        if REQUIREMENT.search(line)
        and not line.strip().startswith("**HF-")
        and not line.startswith("The key words MUST")
    ]
    assert [] == outside


def test_every_must_is_cited_by_a_test():
    cited = cited_by_tests()
    unproved = [
        rule for rule in RULES if requirement_of(rule) in ("MUST", "MUST NOT") and rule not in cited
    ]
    assert [] == unproved


def test_every_cited_rule_exists():
    unknown = [
        f"{path.relative_to(ROOT)}: {rule}"
        for folder in CITING
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".json", ".md")
        for rule in sorted(set(RULE_ID.findall(path.read_text(encoding="utf-8"))))
        if rule not in RULES
    ]
    assert [] == unknown


def test_every_rule_that_the_standard_mentions_exists():
    assert [] == sorted(set(RULE_ID.findall(STANDARD)) - set(RULES))


def test_every_link_within_the_standard_leads_to_a_heading():
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", STANDARD, re.MULTILINE)
    }
    assert [] == [
        anchor for anchor in re.findall(r"\]\(#([^)]+)\)", STANDARD) if anchor not in headings
    ]
