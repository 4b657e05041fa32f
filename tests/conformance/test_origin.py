"""The original program's server does what it was there for, and fails where the appendix says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headframe.conformance.check import Profile
from headframe.conformance.preflight import look_at
from headframe.conformance.runner import chosen, run_checks
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Target
from headframe.conformance.verdicts import SetupError, Verdict

PROGRAM = Path(__file__).with_name("original_server.py")
ORIGIN = chosen(SERVER_CHECKS, Profile.ORIGIN)

DOES = {"stores-a-file", "stores-a-large-file", "stores-an-empty-file", "replaces-a-file"}
DOES |= {"says-nothing-unasked", "serves-several-at-once"}
FAILS = {
    "keeps-two-puts-apart",
    "puts-pieces-together",
    "stays-in-its-folder",
    "forgets-half-a-file",
    "lets-a-lost-client-go",
    "calls-no-method",
    "trusts-no-length",
    "answers-who-asks",
    "survives-a-bad-request",
}


@pytest.fixture
def original(tmp_path):
    (tmp_path / "root").mkdir()
    command = [sys.executable, str(PROGRAM), str(tmp_path / "root")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        port = int(program.stdout.readline())
        yield Target(host="127.0.0.1", port=port, root=tmp_path / "root", timeout_s=2.0)
        program.kill()


def test_the_original_server_fails_in_the_places_that_the_appendix_names(original):
    results = run_checks(original, ORIGIN, flat=True, workers=4)  # its backlog is 5
    verdicts = {r.check.id.partition("/")[2]: r.verdict for r in results}
    assert DOES == {name for name, verdict in verdicts.items() if verdict is Verdict.PASS}
    assert FAILS == {name for name, verdict in verdicts.items() if verdict is Verdict.FAIL}
    assert [] == [path.name for path in original.root.parent.iterdir() if path.is_file()]


def test_without_its_folder_the_original_server_cannot_be_judged(original):
    target = Target(host=original.host, port=original.port)
    with pytest.raises(SetupError, match="does not answer hello"):
        look_at(target)


def test_the_reference_server_passes_as_an_origin_server_too(serving, root):
    url = serving().url
    for target in (Target.from_url(url, root=root), Target.from_url(url)):
        results = run_checks(target, ORIGIN, flat=True)
        assert {} == {r.check.id: r.got for r in results if r.verdict is not Verdict.PASS}
