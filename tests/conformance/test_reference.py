"""The reference server keeps every rule that the kit can see."""

from __future__ import annotations

from headframe.conformance import run_checks
from headframe.conformance.runner import chosen
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.verdicts import Verdict

MAY_BE_SKIPPED = {"root", "tls", "tcp-info"}


def told(results):
    return {r.check.id: f"{r.permitted} | {r.got}" for r in results}


def test_the_reference_server_passes_every_check(serving, root):
    results = run_checks(serving().url, chosen(SERVER_CHECKS))
    assert {} == told(r for r in results if r.verdict not in {Verdict.PASS, Verdict.SKIP})
    skipped = [r for r in results if r.verdict is Verdict.SKIP]
    assert {} == told(r for r in skipped if not r.check.needs & MAY_BE_SKIPPED)


def test_nothing_is_left_of_the_checks(serving, root):
    run_checks(serving().url, chosen(SERVER_CHECKS))
    visible = [path for path in root.rglob("*") if ".headframe" not in path.parts]
    assert [] == [path for path in visible if path.is_file()]


def test_every_check_cites_a_rule_and_says_what_is_good():
    for check in SERVER_CHECKS:
        assert check.rules, check.id
        assert check.title.endswith("."), check.id
        assert check.id == check.id.lower(), check.id
    assert len(SERVER_CHECKS) == len({check.id for check in SERVER_CHECKS})
