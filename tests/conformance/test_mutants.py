"""The kit finds every bug of the mutants, by a check that cites the rule that is broken."""

from __future__ import annotations

import builtins
import dis
from dataclasses import replace

import pytest

from conformance.mutants import exempt, judging
from conformance.mutants.judgement import one_by_one, weigh
from conformance.mutants.judging import is_slow, judge
from conformance.mutants.mutant import ROLES, Edit, StaleMutant, load_mutants, read_mutants
from headframe.conformance.check import Check
from headframe.conformance.rules import RULES
from headframe.conformance.verdicts import Result, SetupError, Verdict

MUTANTS = load_mutants()


def unknown_names(module):
    """Return the names that a module uses and nobody gives: a bug, but not the mutant's."""
    used, given, code = set(), set(dir(builtins)) | {"__file__", "__name__", "__doc__"}, [module]
    for part in code:
        code += [const for const in part.co_consts if hasattr(const, "co_code")]
        for one in dis.get_instructions(part):
            if one.opname == "LOAD_GLOBAL":
                used.add(one.argval)
            elif one.opname in {"STORE_GLOBAL", "STORE_NAME"}:
                given.add(one.argval)
    return used - given


BOUND = {
    "server": {"server", "sender", "receiver"},
    "client": {"client", "sender", "receiver"},
    "codec": {"sender", "receiver"},
}
CHAPTERS = "FRAME HEADER BODY REQ REPLY ERROR NAME CMD COND RESUME".split()
EXEMPT = {"server": exempt.SERVER, "client": exempt.CLIENT, "codec": exempt.CODEC}
FEWEST = {"server": 70, "client": 25, "codec": 18}


def broken_by_mutants(role):
    return {rule for m in MUTANTS.values() if role in m.roles for rule in m.breaks}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_source_as_it_is(mutant):
    for module, source in mutant.sources().items():
        assert set() == unknown_names(compile(source, module, "exec"))


def test_every_mutant_breaks_a_must_of_somebody_that_it_plays():
    for mutant in MUTANTS.values():
        for rule in mutant.breaks:
            assert RULES[rule].is_must, mutant.name
            assert any(RULES[rule].role in BOUND[role] for role in mutant.roles), mutant.name


@pytest.mark.parametrize("role", ROLES)
def test_there_are_enough_mutants(role):
    assert FEWEST[role] <= sum(role in mutant.roles for mutant in MUTANTS.values())


@pytest.mark.parametrize("role", ROLES)
def test_every_must_has_a_mutant_or_a_reason_why_not(role):
    bound = {r.id for r in RULES.values() if r.is_must and r.role in BOUND[role]}
    musts = {rule for rule in bound if rule.split("-")[1] in CHAPTERS}
    assert set() == musts - broken_by_mutants(role) - set(EXEMPT[role])


@pytest.mark.parametrize("role", ROLES)
def test_no_rule_is_exempt_that_has_a_mutant(role):
    assert set() == set(EXEMPT[role]) & broken_by_mutants(role)
    assert set() == set(EXEMPT[role]) - set(RULES)


@pytest.mark.parametrize("source", ["b\n", "aa\n", " a\n", "a\na\n"])
def test_an_edit_has_to_fit_exactly_once(source):
    with pytest.raises(StaleMutant, match="not once"):
        Edit(module="m", old="a\n", new="c\n").apply(source)


def test_an_edit_changes_whole_lines_and_nothing_else():
    assert "b\nc\nd\n" == Edit(module="m", old="a\n", new="c\n").apply("b\na\nd\n")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("=== a: HF-BODY-001 (waiter)\nA bug.\n--- m\n-a\n+b\n", "roles"),
        ("=== a: BODY-001 (server)\nA bug.\n--- m\n-a\n+b\n", "begins"),
        ("=== a: HF-BODY-001 (server)\n--- m\n-a\n+b\n", "begins"),
        ("=== a: HF-BODY-001 (server)\nA bug.\n--- m\n-a\n+a\n", "nothing changes"),
        ("=== a: HF-BODY-001 (server)\nA bug.\n--- m\n+a\n", "nothing changes"),
        ("=== a: HF-BODY-001 (server)\nA bug.\n--- m\n-a\n+b\nc\n", "what is"),
    ],
)
def test_what_is_no_mutant_is_told(text, what):
    with pytest.raises(StaleMutant, match=what):
        list(read_mutants(text))


PASSES, FAILS = (Verdict.PASS,), (Verdict.FAIL,)


@pytest.mark.parametrize(
    ("cited", "other", "verdict"),
    [
        ((*PASSES, Verdict.SKIP, Verdict.WARN), PASSES, "SURVIVED"),
        (PASSES, FAILS, "WRONG CHECK"),
        ((), FAILS, "WRONG CHECK"),
        (PASSES + FAILS, PASSES, "killed"),
        ((Verdict.ERROR,), PASSES, "KIT ERROR"),
    ],
)
def test_a_mutant_is_killed_by_a_check_that_cites_its_rule_and_by_nothing_else(
    cited, other, verdict
):
    mutant = next(iter(MUTANTS.values()))
    right = [a_check(v, *mutant.breaks) for v in cited]
    others = [a_check(v, "HF-NAME-001") for v in other]
    judgement = weigh(mutant, right, others, result_of, one_by_one)
    assert verdict == judgement.verdict
    assert str(judgement).startswith(verdict)


def test_a_mutant_has_to_be_killed_for_each_of_the_rules_that_it_breaks():
    mutant = replace(next(iter(MUTANTS.values())), breaks=("HF-BODY-001", "HF-BODY-002"))
    half = [a_check(Verdict.FAIL, mutant.breaks[0])]
    judgement = weigh(mutant, half, [], result_of, one_by_one)
    assert ("SURVIVED", mutant.breaks[1:]) == (judgement.verdict, judgement.unproved)


def test_a_mutant_that_cannot_do_a_plain_thing_is_broken_and_not_killed(monkeypatch):
    def judge_it(mutant):
        raise SetupError("it answers nothing")

    monkeypatch.setitem(judging.JUDGED, "server", judge_it)
    verdict, told = judge(next(iter(MUTANTS)), "server")
    assert "BROKEN" == verdict
    assert told.endswith("it answers nothing")


def a_check(verdict, *rules):
    return Check(id=f"a/{verdict}", title="It is.", rules=rules, run=lambda _: verdict)


def result_of(check):
    return Result(check=check, verdict=check.run(None), got="", permitted="")


SAMPLE = 9
"""One mutant of so many is judged in the fast lane, all of them in the slow one."""


def cases(role):
    """Return the mutants of a role, most of them, and those that take long, for the slow lane."""
    mutants = [m for m in MUTANTS.values() if role in m.roles]
    takes_long = [role == "server" and is_slow(m) for m in mutants]
    return [
        pytest.param(m.name, marks=pytest.mark.slow if number % SAMPLE or long else ())
        for number, (m, long) in enumerate(zip(mutants, takes_long, strict=True))
    ]


@pytest.mark.parametrize("name", cases("server"))
def test_the_kit_kills_every_server_by_the_right_check(name):
    verdict, told = judge(name, "server")
    assert "killed" == verdict, told


@pytest.mark.parametrize("name", cases("codec"))
def test_the_kit_kills_every_codec_by_the_right_check(name):
    verdict, told = judge(name, "codec")
    assert "killed" == verdict, told
