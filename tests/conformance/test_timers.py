"""The lane that waits, against a server with little patience."""

from __future__ import annotations

import time

import pytest

from headframe.conformance.check import Lane, select
from headframe.conformance.runner import chosen, run_checks
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Facts
from headframe.conformance.verdicts import Verdict

TIMERS = chosen(SERVER_CHECKS, lane=Lane.TIMERS)
QUICK = select(TIMERS, ["HF-TIME-001", "HF-TIME-003", "HF-TIME-004"])


def results_of(server, checks):
    results = run_checks(server.url, checks, workers=len(checks))
    return {r.check.id: f"{r.verdict} {r.got}" for r in results}


def test_the_reference_server_keeps_its_times(serving):
    begun = time.monotonic()
    results = results_of(serving(header_ms=1000, idle_ms=2000), QUICK)
    assert {} == {name: told for name, told in results.items() if told != "pass ok"}
    assert time.monotonic() - begun < 20


def test_a_server_of_little_patience_fails_where_it_has_promised_more(serving):
    server = serving(header_ms=500, idle_ms=1000)
    facts = Facts(hello={"limits": {"header_ms": 2000, "idle_ms": 4000}})
    checks = select(TIMERS, ["time/silence-within-the-limit", "time/half-a-length"])
    results = run_checks(server.url, checks, facts=facts, workers=2)
    assert [Verdict.FAIL] * 2 == [result.verdict for result in results]


@pytest.mark.slow
def test_the_reference_server_keeps_the_times_of_the_standard(serving):
    results = results_of(serving(), TIMERS)
    assert {} == {name: told for name, told in results.items() if told.split()[0] == "fail"}
