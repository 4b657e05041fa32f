"""The kit raises no alarm about what is known to be good, alone and under load."""

from __future__ import annotations

import os
import shlex

import pytest

from conformance import alarms
from interop.node import HERE as ELSEWHERE

LITTLE = f"{alarms.PYTHON} {shlex.quote(str(ELSEWHERE.parent / 'conformance/little_client.py'))}"
ONE = ("--only", "client-body/get-of-less-than-its-total")


@pytest.mark.slow
@pytest.mark.timeout(2 * alarms.LIMIT_S)
@pytest.mark.parametrize("subject", alarms.SUBJECTS)
def test_there_is_no_alarm_alone_and_under_load(subject):
    burners = (0, os.cpu_count() or 1)
    assert [True, True] == [alarms.run(subject, *pair) for pair in enumerate(burners)]


def test_a_codec_that_ends_at_once_is_an_alarm():
    verdict = alarms.conform("codec", f"{alarms.PYTHON} -c pass")
    assert (False, "-") == (verdict.calm, verdict.counts)
    assert verdict.said.startswith("setup: ")


def test_a_warning_is_an_alarm():
    put, get = (f"{LITTLE} - {op} {{local}} {{url}}" for op in ("put", "get"))
    verdict = alarms.conform("client", put, "--get", get, *ONE)
    assert (False, "1 warn") == (verdict.calm, verdict.counts)
