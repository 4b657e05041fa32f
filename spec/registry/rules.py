"""The rules of the standard as data: what each of them says, and what stands around it.

Read by `generate.py`, which writes it into the conformance kit. A rule is a paragraph of its own,
`**HF-FRAME-002** (receiver) A receiver MUST ...`. Its context is what its section says before it,
back to the rules before that; what follows the last rules of a section belongs to those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

STANDARD = Path(__file__).resolve().parent.parent / "headframe.md"

RULE = re.compile(r"\*\*(?P<id>HF-[A-Z]+-\d{3})\*\* \((?P<role>\w+)\) (?P<sentence>.+)")
HEADING = re.compile(r"(#+) (.+)")
LEVEL = re.compile(r"\b(?:MUST NOT|MUST|SHOULD NOT|SHOULD|MAY)\b")
UNTESTABLE = re.compile(r"^\| (HF-[A-Z]+-\d{3}) \| (.+) \|$", re.MULTILINE)
UNTESTABLE_IN = "Rule ids"
"""The section whose table says of which rules no test is possible, and why."""


@dataclass
class Section:
    """A heading, and the blocks below it up to the next one."""

    chapter: str
    """Heading of the chapter that it is in."""
    heading: str
    blocks: list[str] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """What a link to it ends with."""
        return re.sub(r"[^\w -]", "", self.heading.lower()).replace(" ", "-")


def cut_blocks(text: str) -> Iterator[str]:
    """Cut a text at its empty lines, except for those inside a fenced example."""
    lines: list[str] = []
    fenced = False
    for line in [*text.split("\n"), ""]:
        if line or fenced:
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []
        fenced ^= line.startswith("```")


def read_sections(text: str) -> list[Section]:
    """Return the sections of the standard."""
    sections = [Section("", "")]
    for block in cut_blocks(text):
        heading = HEADING.fullmatch(block)
        if heading is None:
            sections[-1].blocks.append(block)
        else:
            depth, words = heading.groups()
            sections.append(Section(words if len(depth) < 3 else sections[-1].chapter, words))
    return sections


def read_rules(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rules in their order, and the contexts that they name by number."""
    sections = read_sections(text)
    untestable = {
        rule: reason
        for section in sections
        if section.heading == UNTESTABLE_IN
        for rule, reason in UNTESTABLE.findall("\n".join(section.blocks))
    }
    rules: list[dict[str, Any]] = []
    contexts: list[str] = []
    for section in sections:
        for context, found in section_rules(section):
            rules += [
                {
                    **rule.groupdict(),
                    "level": LEVEL.findall(rule["sentence"])[0],
                    "chapter": section.chapter,
                    "section": section.heading,
                    "anchor": section.anchor,
                    "context": len(contexts),
                    "untestable": untestable.get(rule["id"], ""),
                }
                for rule in found
            ]
            contexts.append(context)
    return rules, contexts


def section_rules(section: Section) -> Iterator[tuple[str, list[re.Match[str]]]]:
    """Return the groups of rules that stand together, each with its context."""
    parts = [
        (are_rules, list(blocks))
        for are_rules, blocks in groupby(section.blocks, key=lambda b: bool(RULE.fullmatch(b)))
    ]
    last = max((index for index, (are_rules, _) in enumerate(parts) if are_rules), default=-1)
    for index, (are_rules, blocks) in enumerate(parts):
        if are_rules:
            before = parts[index - 1][1] if index else []
            after = parts[index + 1][1] if index == last and index + 1 < len(parts) else []
            yield "\n\n".join([*before, *after]), [m for m in map(RULE.fullmatch, blocks) if m]


def build_rules(text: str) -> str:
    """Return the text of `rules.json`: a rule a line, and after them a context a line."""
    rules, contexts = read_rules(text)
    lists = [
        f'"{name}": [\n' + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
        for name, rows in (("rules", rules), ("contexts", contexts))
    ]
    return "{\n" + ",\n".join(lists) + "\n}\n"
