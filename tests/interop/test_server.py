"""A server that shares no code with ours and our client understand each other; the kit is calm."""

from __future__ import annotations

import sys

import pytest

from commanding import await_that
from headframe.conformance import run_checks
from headframe.conformance.check import Lane
from headframe.conformance.runner import chosen
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Target
from headframe.conformance.verdicts import Verdict
from headframe_client import Client, ConnectionFailed, Refused, new_upload
from interop.exchange import BODIES, LARGE, MTIME_US, cutting, source
from interop.node import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server needs POSIX files")

CHECKS = chosen(SERVER_CHECKS)
SAMPLE = CHECKS[::12]
MAY_BE_SKIPPED = {"tls", "token", "tcp-info", "blake3"}
"""What it does not have, and says so by not announcing it; the last is the platform's."""


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture
def url(root):
    with served(root) as url:
        yield url


@pytest.fixture
def client(url):
    with Client.from_url(url) as connected:
        yield connected


# --- our client --------------------------------------------------------------------------


def test_our_client_understands_it(client, root, tmp_path):
    for name, body in BODIES.items():
        stored = client.put(name, source(tmp_path, body), mtime=MTIME_US)
        assert body == (root / name).read_bytes()
        client.get(name, tmp_path / "copy")
        assert body == (tmp_path / "copy").read_bytes()
        state = client.stat(name, digest=True)
        told = (state.total, state.rev, state.digest, state.mtime)
        assert (len(body), stored.rev, stored.digest, MTIME_US) == told
    assert list(BODIES) == [entry.name for entry in client.list()]
    client.move("a.txt", "b/a.txt")
    client.delete("b/a.txt", if_rev=client.stat("b/a.txt").rev)
    with pytest.raises(Refused) as refused:
        client.stat("b/a.txt")
    assert "not-found" == refused.value.code
    assert not (root / "b").exists()


def test_our_client_goes_on_with_an_upload(url, client, root, tmp_path):
    token, path = new_upload(), source(tmp_path, LARGE)
    with cutting(url) as proxy:
        with Client.from_url(proxy.url) as first, pytest.raises(ConnectionFailed):
            first.put("a", path, upload=token)
        await_that(lambda: any(held.stat().st_size for held in root.rglob(f"{token}.data")))
        offset = client.stat_upload(token).offset
        assert 0 < offset < len(LARGE)
        with Client.from_url(proxy.url) as second:
            assert offset == second.put("a", path, upload=token).offset
    assert LARGE == (root / "a").read_bytes()


# --- the kit -----------------------------------------------------------------------------


def alarms(results):
    """Return what is neither good nor undeclared."""
    return {
        r.check.id: f"{r.verdict}: {r.permitted} | {r.got}"
        for r in results
        if r.verdict is not Verdict.PASS
        and not (r.verdict is Verdict.SKIP and r.check.needs & MAY_BE_SKIPPED)
    }


@pytest.mark.parametrize(
    "checks", [SAMPLE, pytest.param(CHECKS, marks=pytest.mark.slow)], ids=["sample", "all"]
)
def test_the_kit_raises_no_alarm_and_leaves_nothing(url, root, checks):
    assert {} == alarms(run_checks(Target.from_url(url, root=root), checks))
    assert [] == [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_models_raise_no_alarm(url, seed):
    checks = chosen(SERVER_CHECKS, lane=Lane.RANDOM)
    assert {} == alarms(run_checks(url, checks, seed=f"interop {seed}"))


@pytest.mark.slow
def test_it_keeps_the_times_of_the_standard(url):
    checks = chosen(SERVER_CHECKS, lane=Lane.TIMERS)
    assert {} == alarms(run_checks(url, checks, workers=len(checks)))
