"""The commands that show the rules know whatever cites one, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from headframe.conformance import SERVER_CHECKS, specification
from headframe.conformance.rules import RULES
from headframe_client.command.entry import headframe

TOP = Path(__file__).parents[2]


def spec(*arguments):
    """Run the command; return its exit code, output and error output."""
    result = CliRunner().invoke(headframe, ["spec", *arguments])
    return result.exit_code, result.stdout, result.stderr


def rows(*arguments):
    code, out, error = spec(*arguments, "--json")
    assert (0, "") == (code, error)
    return [json.loads(line) for line in out.splitlines()]


def test_the_matrix_has_every_rule_in_the_order_of_the_standard():
    assert list(RULES) == [row["rule"] for row in rows("matrix")]


def test_the_matrix_has_every_check_and_every_vector_under_each_of_its_rules():
    found = {row["rule"]: row for row in rows("matrix")}
    for check in SERVER_CHECKS:
        for rule in check.rules:
            assert check.id in found[rule]["checks"]
    for name, vector in specification.vectors().items():
        for rule in vector.rules:
            assert name in found[rule]["vectors"]
    assert {check.id for check in SERVER_CHECKS} <= {
        c for row in found.values() for c in row["checks"]
    }


def test_in_a_checkout_the_matrix_says_which_tests_prove_a_rule():
    found = {row["rule"]: row for row in rows("matrix")}
    tests = found["HF-FRAME-002"]["tests"]
    assert any(test.startswith("tests/protocol/") for test in tests)
    for test in tests:
        path, _, line = test.rpartition(":")
        below = (TOP / path).read_text("utf-8").split("\n")[int(line) - 1 :]
        assert "HF-FRAME-002" in "".join(below[:8])


def test_without_a_checkout_no_test_is_known(monkeypatch):
    monkeypatch.setattr(specification, "find_checkout", lambda: None)
    specification.tests.cache_clear()
    try:
        assert {None} == {row["tests"] if row["tests"] is None else 0 for row in rows("matrix")}
        assert "mutants" not in specification.figures()
        assert 0 == spec("matrix")[0]
        assert "\ntests\n" not in spec("explain", "frame-1")[1]
    finally:
        specification.tests.cache_clear()


def test_rules_without_something_can_be_listed():
    bare = rows("matrix", "--without", "checks")
    assert bare
    assert all(row["checks"] == [] for row in bare)
    assert all(row["untestable"] for row in rows("matrix", "--without", "tests"))


def test_the_matrix_is_readable_text():
    code, out, _ = spec("matrix")
    assert 0 == code
    assert "HF-FRAME-002  receiver MUST\n    checks   frame/" in out
    assert all(len(line) <= 120 for line in out.splitlines())


def test_a_rule_is_explained_with_its_context_and_what_proves_it():
    code, out, _ = spec("explain", "HF-FRAME-002")
    assert 0 == code
    assert out.startswith(
        "HF-FRAME-002 (receiver)\nA receiver MUST treat N < 2 or N > 65535 as fatal `bad-frame`"
    )
    assert "in 2 Frame\n" in out
    assert re.search(r"^checks\n  frame/", out, re.MULTILINE)
    assert re.search(r"^tests\n  tests/", out, re.MULTILINE)
    assert '  0000  47 45 54 20                                      N = 542393671, "GET "\n' in out


def test_several_rules_may_be_explained_at_once():
    assert ["HF-FRAME-002", "HF-BODY-004"] == [
        row["rule"] for row in rows("explain", "frame-2", "HF-BODY-004")
    ]


@pytest.mark.parametrize(("text", "hint"), [("HF-BDOY-4", "HF-BODY-004"), ("x", "spec matrix")])
def test_an_unknown_rule_is_refused_with_those_that_are_near(text, hint):
    code, out, error = spec("explain", text)
    assert (2, "") == (code, out)
    assert f"'{text}' is no rule of HF/1" in error
    assert hint in error


def test_the_figures_are_counted():
    (figures,) = rows("figures")
    assert len(RULES) == figures["rules"]
    levels = [number for name, number in figures.items() if name.startswith("rules with ")]
    assert len(RULES) == sum(levels)
    assert len(SERVER_CHECKS) == figures["checks of servers"]
    assert len(RULES) == figures["rules that a test proves"] + figures["untestable rules"]
    _, out, _ = spec("figures")
    assert re.search(rf"^ +{len(RULES)}  rules$", out, re.MULTILINE)
