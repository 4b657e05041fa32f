"""The benchmarks judge by their figures, and run."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the benchmarks read /proc", allow_module_level=True)

import goals
import growth
import profiles

BENCHMARKS = Path(__file__).parent / "benchmarks"
SIZES = (1_000, 10_000, 100_000)


def series(power):
    return {
        size: growth.Point(0.1 + 1e-4 * size**power, 30_000, 40_000 + size // 10) for size in SIZES
    }


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_exponent_of_growth_is_found_beneath_the_time_of_the_start(power):
    figures = growth.fit(series(power), 0.1)
    assert power == pytest.approx(figures["exponent"])
    assert 0 == figures["client_more_kib"]
    assert 9_900 == figures["server_more_kib"]


def test_sizes_that_take_no_longer_than_the_start_tell_no_exponent():
    assert "exponent" not in growth.fit(series(1.0), 20.0)


def test_a_goal_is_judged_by_each_of_its_figures():
    fresh = {"headframe": 0.001, "pyftpdlib + ftplib": 0.0015, "nginx + http": 0.001}
    (line,) = [line for line in goals.table({"fresh": fresh}) if "fresh connection" in line]
    assert line.endswith("| 1.00 ms, 0.67 x pyftpdlib, 1.00 x nginx | no: 0.67 x pyftpdlib |")
    fresh["pyftpdlib + ftplib"] = 0.002
    (line,) = [line for line in goals.table({"fresh": fresh}) if "fresh connection" in line]
    assert line.endswith("| 1.00 ms, 0.50 x pyftpdlib, 1.00 x nginx | yes |")


def test_what_was_not_measured_is_not_reached():
    lines = goals.table({})[2:]
    assert len(goals.ROWS) == len(lines)
    assert all(line.endswith("| no |") and "not measured" in line for line in lines)


@pytest.mark.parametrize(
    ("stack", "owner"),
    [
        ("main (headframe_client/a.py:1);send (headframe/b.py:2)", ("codec", "b.send")),
        ("main (headframe_client/a.py:1);read (os.py:2)", ("client", "a.main")),
        ("<module> (headframe/a.py:1);compile (re.py:2)", (profiles.OTHER, "")),
        ("run (threading.py:1)", (profiles.OTHER, "")),
        ("no frame at all", (profiles.OTHER, "")),
    ],
)
def test_a_sample_counts_for_the_innermost_function_of_ours(stack, owner):
    assert owner == profiles.own_frame(stack)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(find_spec("matplotlib") is None, reason="pip install -e '.[bench]'")
def test_a_quick_run_measures_every_part_and_draws(tmp_path):
    command = [sys.executable, "all.py", "--quick", "--no-install", "--out", str(tmp_path)]
    subprocess.run(command, cwd=BENCHMARKS, check=True, timeout=590)
    results = json.loads((tmp_path / "results.json").read_text())
    parts = "codec concurrency durable fresh growth idle profiles startup transfers".split()
    assert parts == sorted(results["parts"])
    for name in ("growth.svg", "comparison.svg"):
        assert "</svg>" in (tmp_path / name).read_text()
