"""The rules of the standard: well formed, unique, kept for ever, and each of them proved by a test.

Each check is a function from what is written to its flaws, so that it can be tried on a standard
that is broken on purpose: a check that finds nothing there is no check.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pytest

import standard
from headframe import ErrorClass, ErrorCode
from standard import ROOT, RULE_ID, RULE_LINE

CITING = ("protocol", "servers", "clients", "tests", "spec")
REQUIREMENT = re.compile(
    r"\b(?:MUST NOT|MUST|SHOULD NOT|SHOULD|SHALL NOT|SHALL|MAY"
    r"|NOT RECOMMENDED|RECOMMENDED|REQUIRED|OPTIONAL)\b"
)
WORDS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"}
ROLES = {"sender", "receiver", "client", "server"}
UNTESTABLE_PART = 0.05
"""Of all rules, at most."""

LEDGER_ROW = re.compile(r"^\| (HF-[A-Z]+) \| (\d+) \| (\d+) \| (.+) \|$", re.MULTILINE)
UNTESTABLE_ROW = re.compile(r"^\| (HF-[A-Z]+-\d{3}) \| (.+) \|$", re.MULTILINE)
ERROR_TABLE = re.compile(r"<!-- errors -->\n\| code .*?\n\|[- |]+\n(.*?)\n\n", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Written:
    """All that is written about the rules."""

    texts: Mapping[str, str]
    """The texts of the standard by name; headframe.md holds the rules."""
    cited: Mapping[str, list[str]]
    """Rule -> the tests that say, by `pytest.mark.rule("..")`, that they prove it."""
    mentioned: Mapping[str, set[str]]
    """File of code, tests and registries -> the rules that it names."""

    @property
    def standard(self) -> str:
        """The text that holds the rules."""
        return self.texts["headframe.md"]

    @cached_property
    def rules(self) -> dict[str, tuple[str, str]]:
        """Rule -> role and sentence."""
        return {found[1]: (found[2], found[3]) for found in RULE_LINE.finditer(self.standard)}

    @cached_property
    def words(self) -> dict[str, str]:
        """Rule -> its word of requirement."""
        found = {rule: REQUIREMENT.findall(text) for rule, (_, text) in self.rules.items()}
        return {rule: words[0] if words else "" for rule, words in found.items()}

    @cached_property
    def given(self) -> dict[str, int]:
        """Prefix -> how many ids there have ever been."""
        return {row[1]: int(row[3]) for row in LEDGER_ROW.finditer(self.section("Rule ids"))}

    @cached_property
    def withdrawn(self) -> list[str]:
        """The ids that mean nothing any more."""
        rows = LEDGER_ROW.finditer(self.section("Rule ids"))
        return [rule for row in rows for rule in RULE_ID.findall(row[4])]

    @cached_property
    def untestable(self) -> dict[str, str]:
        """Rule -> why no test proves it."""
        return dict(UNTESTABLE_ROW.findall(self.section("Rule ids")))

    def section(self, heading: str) -> str:
        """Return what stands between a heading and the next."""
        after = self.standard.partition(f"# {heading}\n")[2]
        return re.split(r"^#+ ", after, maxsplit=1, flags=re.MULTILINE)[0]


def read_citations() -> dict[str, list[str]]:
    """Return rule -> where a test says that it proves it."""
    cited = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.rule" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
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
    return dict(cited)


def read_written() -> Written:
    """Return what is written now."""
    mentioned = {
        str(path.relative_to(ROOT)): set(RULE_ID.findall(path.read_text(encoding="utf-8")))
        for folder in CITING
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".json", ".md", ".lua", ".ksy")
        and "node_modules" not in path.parts
    }
    mentioned.pop("tests/spec/test_rules.py")
    texts = {path.name: path.read_text(encoding="utf-8") for path in standard.TEXTS}
    return Written(texts, read_citations(), mentioned)


# --- the checks --------------------------------------------------------------------------


def malformed_lines(written: Written) -> list[str]:
    """A line that begins like a rule is one, in a paragraph of its own, in the standard itself."""
    flaws = []
    for name, text in written.texts.items():
        lines = ["", *text.split("\n"), ""]
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
            if not line.startswith("**HF"):
                continue
            whole = RULE_LINE.fullmatch(line) and not before and not after
            if name != "headframe.md" or not whole:
                flaws.append(line)
    return flaws


def malformed_rules(written: Written) -> list[str]:
    """A rule is one sentence that says what one role has to do, with one word of requirement."""
    flaws = []
    for rule, (role, sentence) in written.rules.items():
        words = REQUIREMENT.findall(sentence)
        if (
            role not in ROLES
            or len(words) != 1
            or words[0] not in WORDS
            or not re.search(rf"\b[Aa] {role} {words[0]}\b", sentence)
            or not sentence.endswith(".")
            or re.search(r"[.!?;] ", sentence)
        ):
            flaws.append(rule)
    return flaws


def requirements_outside_rules(written: Written) -> list[str]:
    """The words of BCP 14 stand in rules only, where the texts do not explain or quote them."""
    return [
        paragraph
        for name, text in written.texts.items()
        for paragraph in text.split("\n\n")
        if REQUIREMENT.search(re.sub(r"`[^`]*`", "", paragraph))
        and not (name == "headframe.md" and paragraph.strip().startswith("**HF-"))
        and not (name == "headframe.md" and paragraph.startswith("The key words MUST"))
    ]


def ids_given_twice(written: Written) -> list[str]:
    """An id names one rule for ever: it is neither given again nor forgotten."""
    counted = Counter(found[1] for found in RULE_LINE.finditer(written.standard))
    counted.update(written.withdrawn)
    flaws = [rule for rule, times in counted.items() if times > 1]
    numbers = defaultdict(set)
    for rule in counted:
        prefix, _, number = rule.rpartition("-")
        numbers[prefix].add(int(number))
    return flaws + [
        prefix
        for prefix in sorted(set(numbers) | set(written.given))
        if numbers[prefix] != set(range(1, written.given.get(prefix, 0) + 1))
    ]


def unproved_rules(written: Written) -> list[str]:
    """Every rule, of whichever word, is proved by a test or says why it cannot be."""
    return [
        rule
        for rule in written.rules
        if (rule in written.cited) is (rule in written.untestable)
        or not written.untestable.get(rule, "a reason").strip()
    ]


def excess_of_untestable_rules(written: Written) -> list[str]:
    """Few rules are beyond a test."""
    allowed = int(UNTESTABLE_PART * len(written.rules))
    return list(written.untestable)[allowed:]


def unknown_rules(written: Written) -> list[str]:
    """Whoever names a rule names one that there is; one that is withdrawn counts in texts only."""
    known = set(written.rules)
    gone = known | set(written.withdrawn)
    flaws = [rule for rule in [*written.cited, *written.untestable] if rule not in known]
    for name, rules in written.mentioned.items():
        flaws += sorted(rules - (gone if name.endswith(".md") else known))
    for text in written.texts.values():
        flaws += sorted(set(RULE_ID.findall(text)) - gone)
    return flaws


def broken_links(written: Written) -> list[str]:
    """A link within the texts leads to a heading, or to a file beside them."""
    anchors = {
        name: {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(text)
        }
        for name, text in written.texts.items()
    }
    flaws = []
    for name, text in written.texts.items():
        for target in re.findall(r"\]\(([^):]+)\)", text):
            file, _, anchor = target.partition("#")
            file = file or name
            there = file in anchors or (standard.SPEC / file).exists()
            if not there or (anchor and anchor not in anchors.get(file, set())):
                flaws.append(f"{name}: {target}")
    return flaws


def error_rows(written: Written) -> list[tuple[str, str]]:
    """Return (code, rules) for each row of the tables of errors under the commands."""
    return [
        (row.split("|")[1].strip(" `"), row.split("|")[3])
        for table in ERROR_TABLE.finditer(written.standard)
        for row in table[1].splitlines()
    ]


def wrong_errors(written: Written) -> list[str]:
    """The tables of errors say what the rules say, and hold every code of a refusal."""
    flaws = []
    for code, rules in error_rows(written):
        found = RULE_ID.findall(rules)
        if not found or not any(f"`{code}`" in written.rules[rule][1] for rule in found):
            flaws.append(f"{code}: {rules.strip()}")
    refusals = {str(code) for code in ErrorCode if code.error_class is ErrorClass.REFUSAL}
    return flaws + sorted(refusals ^ {code for code, _ in error_rows(written)})


CHECKS = [
    malformed_lines,
    malformed_rules,
    requirements_outside_rules,
    ids_given_twice,
    unproved_rules,
    excess_of_untestable_rules,
    unknown_rules,
    broken_links,
    wrong_errors,
]


@pytest.fixture(scope="module")
def written():
    """Return what is written now."""
    return read_written()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_standard_is_well_formed(check, written):
    assert [] == check(written)


def test_there_are_rules_of_every_word(written):
    assert len(written.rules) > 180
    assert WORDS == set(written.words.values())


# --- and that each of them can fail --------------------------------------------------------


def edited(old: str, new: str, file: str = "headframe.md") -> Callable[[Written], Written]:
    """Return what writes something else in one place."""

    def edit(written: Written) -> Written:
        assert old in written.texts[file]
        texts = {**written.texts, file: written.texts[file].replace(old, new, 1)}
        return replace(written, texts=texts)

    return edit


def without_test(rule: str) -> Callable[[Written], Written]:
    """Return what takes the tests of a rule away."""
    return lambda written: replace(
        written, cited={name: where for name, where in written.cited.items() if name != rule}
    )


def cited_too(rule: str) -> Callable[[Written], Written]:
    """Return what lets a test cite a rule."""
    return lambda written: replace(written, cited={**written.cited, rule: ["tests/test_x.py:1"]})


RULE = "**HF-REQ-001** (client) A client MUST begin"
LAST = "**HF-REQ-012** (server)"
BREAKS = [
    ("a rule without a role", edited(RULE, "**HF-REQ-001** A client MUST begin"), malformed_lines),
    (
        "a rule within a paragraph",
        edited("\n\n" + RULE, "\nAnd so:\n" + RULE),
        malformed_lines,
    ),
    (
        "a rule in another text",
        edited("# ", "**HF-REQ-013** (client) A client MAY rest.\n\n# ", "CHANGELOG.md"),
        malformed_lines,
    ),
    (
        "a role that is not bound",
        edited("(client) A client MUST begin", "(server) A client MUST begin"),
        malformed_rules,
    ),
    (
        "two requirements",
        edited("whose `cmd` is the command", "whose `cmd` MUST be one"),
        malformed_rules,
    ),
    ("no requirement", edited("A client MUST begin", "A client begins"), malformed_rules),
    (
        "a word of RFC 2119 that is not used",
        edited("A client MUST begin", "A client SHALL begin"),
        malformed_rules,
    ),
    (
        "two sentences",
        edited("A client MUST begin", "So it is. A client MUST begin"),
        malformed_rules,
    ),
    (
        "a requirement outside a rule",
        edited("An `id` is the client's own", "An `id` MUST be the client's own"),
        requirements_outside_rules,
    ),
    (
        "a requirement in another text",
        edited("Rule ids are never reused", "Rule ids SHOULD NOT be reused", "CHANGELOG.md"),
        requirements_outside_rules,
    ),
    ("an id that is given twice", edited("**HF-REQ-002**", "**HF-REQ-001**"), ids_given_twice),
    ("a rule in the middle that is gone", edited("**HF-REQ-002** (", "**HF** ("), ids_given_twice),
    ("the last rule that is gone", edited(LAST, "**HF** (server)"), ids_given_twice),
    ("a rule that nobody has counted", edited(LAST, "**HF-REQ-013** (server)"), ids_given_twice),
    (
        "a rule that is withdrawn and still there",
        edited("| HF-REQ | 5 | 12 | none |", "| HF-REQ | 5 | 12 | HF-REQ-003 |"),
        ids_given_twice,
    ),
    (
        "a rule of a prefix that nobody has counted",
        edited("| HF-REQ | 5 | 12 | none |\n", ""),
        ids_given_twice,
    ),
    ("a MUST without a test", without_test("HF-REQ-002"), unproved_rules),
    ("a MAY without a test", without_test("HF-REQ-009"), unproved_rules),
    ("a rule with a test that says it has none", cited_too("HF-SEC-017"), unproved_rules),
    (
        "a rule that gives no reason why it has none",
        edited("| HF-SEC-017 | A difference", "| HF-SEC-017 |  |\n| | A difference"),
        unproved_rules,
    ),
    (
        "too much that has no test",
        edited(
            "| HF-SEC-017 | A difference",
            "".join(f"| HF-CMD-{n:03} | Because. |\n" for n in range(1, 11))
            + "| HF-SEC-017 | A difference",
        ),
        excess_of_untestable_rules,
    ),
    ("a test of a rule that there is not", cited_too("HF-REQ-099"), unknown_rules),
    (
        "code that names a rule that there is not",
        lambda written: replace(written, mentioned={"protocol/headframe/x.py": {"HF-REQ-099"}}),
        unknown_rules,
    ),
    (
        "a text that names a rule that there is not",
        edited("HF-REQ-003,", "HF-REQ-099,"),
        unknown_rules,
    ),
    ("a link to no heading", edited("](#8-commands)", "](#8-demands)"), broken_links),
    ("a link to no file", edited("](CHANGELOG.md)", "](CHANGES.md)"), broken_links),
    (
        "an error that its rule does not know",
        edited(
            "| `bad-range` | `offset` lies beyond the end | HF-CMD-015 |",
            "| `bad-range` | no | HF-CMD-014 |",
        ),
        wrong_errors,
    ),
    (
        "an error that no command has",
        edited("| `too-large` | more than the `total` of `limits` | HF-SEC-012 |\n", ""),
        wrong_errors,
    ),
]


@pytest.mark.parametrize(
    ("edit", "check"), [pytest.param(edit, check, id=name) for name, edit, check in BREAKS]
)
def test_a_broken_standard_is_found_out(edit, check, written):
    assert [] != check(edit(written))


def test_every_check_has_been_seen_to_fail():
    assert {check for _, _, check in BREAKS} == set(CHECKS)


def test_a_rule_that_is_withdrawn_leaves_its_id_behind(written):
    withdrawn = edited("| HF-REQ | 5 | 12 | none |", "| HF-REQ | 5 | 12 | HF-REQ-012 |")(
        edited(LAST, "HF-REQ-012 said: (server)")(written)
    )
    assert [] == ids_given_twice(withdrawn)
