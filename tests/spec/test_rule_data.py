"""The kit's rules are those of the standard, each with what stands around it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headframe.conformance.rules import RULES, find_near, find_rule

STANDARD = (Path(__file__).resolve().parents[2] / "spec" / "headframe.md").read_text("utf-8")
PARAGRAPH = re.compile(r"^\*\*(HF-[A-Z]+-\d{3})\*\* \((\w+)\) (.+)$", re.MULTILINE)
ROWS = [pytest.param(rule, id=rule.id) for rule in RULES.values()]


def test_the_rules_are_those_of_the_standard_in_its_order():
    expected = [found.groups() for found in PARAGRAPH.finditer(STANDARD)]
    assert expected == [(rule.id, rule.role, rule.sentence) for rule in RULES.values()]


@pytest.mark.parametrize("rule", ROWS)
def test_a_rule_knows_where_it_stands(rule):
    above = STANDARD[: STANDARD.index(f"**{rule.id}**")]
    headings = re.findall(r"^#+ (.+)$", above, re.MULTILINE)
    assert headings[-1] == rule.section
    assert rule.chapter in headings
    assert re.match(r"\d+ ", rule.chapter)
    assert rule.anchor == re.sub(r"[^\w -]", "", rule.section.lower()).replace(" ", "-")


@pytest.mark.parametrize("rule", ROWS)
def test_a_rule_has_a_context_that_is_text_of_its_section(rule):
    assert rule.context
    assert not PARAGRAPH.search(rule.context)
    section = STANDARD.partition(f" {rule.section}\n")[2]
    assert rule.context.partition("\n\n")[0] in section
    assert 0 == rule.context.count("```") % 2


@pytest.mark.parametrize("rule", ROWS)
def test_the_level_is_the_word_that_the_sentence_has(rule):
    assert f" {rule.level} " in rule.sentence
    assert rule.is_must == rule.level.startswith("MUST")


def test_the_example_of_a_rule_is_its_context():
    assert "47 45 54 20" in RULES["HF-FRAME-002"].context
    assert "A stream keeps no boundaries" in RULES["HF-FRAME-006"].context
    assert "47 45 54 20" not in RULES["HF-HEADER-001"].context


@pytest.mark.parametrize("text", ["HF-BODY-004", " hf-body-004 ", "body4", "HF-BODY-4", "body 4"])
def test_an_id_is_found_however_it_is_written(text):
    assert RULES["HF-BODY-004"] is find_rule(text)


def test_for_an_id_that_is_none_there_are_near_ones():
    assert find_rule("HF-BDOY-4") is find_rule("HF-BODY-99") is find_rule("something") is None
    assert "HF-BODY-004" in find_near("HF-BDOY-4")
    assert find_near("HF-BODY-99")
    assert [] == find_near("something")
