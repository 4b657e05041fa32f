"""A codec that shares no code with ours reads every vector, and the kit is calm."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from headframe.conformance.codec import CODEC_CHECKS, run_codec_checks
from headframe.conformance.codec_process import CodecProcess
from headframe.conformance.verdicts import Verdict
from interop.node import NODE, READER

VECTORS = Path(__file__).resolve().parents[2] / "protocol/headframe/conformance/vectors"
RANDOM = tuple(check for check in CODEC_CHECKS if check.id.startswith("random/"))


def alarms(checks, seed="0"):
    with CodecProcess([str(NODE), str(READER)]) as codec:
        results = run_codec_checks(codec, checks, seed=seed)
        assert 1 == codec.starts
    return {r.check.id: f"{r.permitted} | {r.got}" for r in results if r.verdict != Verdict.PASS}


def test_it_reads_the_files_of_vectors_by_itself():
    ran = subprocess.run([NODE, READER, VECTORS], capture_output=True, text=True, check=False)
    assert (0, "") == (ran.returncode, ran.stderr)
    assert ran.stdout.endswith("vectors, 0 read differently\n")


def test_the_kit_raises_no_alarm_in_a_sample_of_the_checks():
    assert {} == alarms([check for check in CODEC_CHECKS if check not in RANDOM][::12])


@pytest.mark.slow
def test_the_kit_raises_no_alarm():
    assert {} == alarms(CODEC_CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_other_seeds_raise_no_alarm(seed):
    assert {} == alarms(RANDOM, seed)
