"""A client that shares no code with ours and our server understand each other; the kit is calm."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote

import pytest

from headframe.conformance.client import CLIENT_CHECKS
from headframe.conformance.client.commands import Commands, Op
from headframe.conformance.client.lineup import look_at_client, run_client_checks
from headframe.conformance.proxying import Record
from headframe.conformance.transcript import Kind
from headframe.conformance.verdicts import Verdict
from headframe_server import DirectoryStore, Server
from interop.exchange import BODIES, CUT_AT, LARGE, MTIME_US, cutting, source
from interop.node import CLIENT, run_client

NOT_OF_THIS_CLIENT = {str(op) for op in (Op.PUT_ALL, Op.GET_ALL, Op.GET_TLS)}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def url(root):
    with (
        DirectoryStore(root, durability="rename", free_bytes=0) as store,
        Server(("127.0.0.1", 0), store) as server,
    ):
        yield server.url.rstrip("/")


# --- our server --------------------------------------------------------------------------


def done(*arguments):
    """Run the client; expect that it succeeds without a word of complaint."""
    ran = run_client(*arguments)
    assert (0, "") == (ran.returncode, ran.stderr)
    return ran.stdout


def test_our_server_understands_it(url, root, tmp_path):
    for name, body in BODIES.items():
        file_url = f"{url}/{quote(name)}"
        done("put", source(tmp_path, body), file_url)
        assert body == (root / name).read_bytes()
        done("get", file_url, tmp_path / "copy")
        assert body == (tmp_path / "copy").read_bytes()
        told = json.loads(done("stat", file_url))
        digest = f"sha-256:{hashlib.sha256(body).hexdigest()}"
        assert (name, len(body), digest) == (told["filename"], told["total"], told["digest"])
        assert MTIME_US == told["mtime"]
    listed = done("list", f"{url}/").splitlines()
    assert [f"{len(body)}\t{name}" for name, body in BODIES.items()] == listed
    done("delete", f"{url}/a.txt")
    assert not (root / "a.txt").exists()
    refused = run_client("stat", f"{url}/a.txt")
    assert (1, True) == (refused.returncode, "not-found" in refused.stderr)


def test_it_goes_on_with_an_upload_to_our_server(url, root, tmp_path):
    record = Record()
    with cutting(url, record) as proxy:
        done("resume", source(tmp_path, LARGE), f"{proxy.url}/a")
    assert LARGE == (root / "a").read_bytes()
    first, second = (
        sum(
            len(entry.data)
            for entry in record.transcript.entries
            if entry.connection == number and entry.kind is Kind.SENT
        )
        for number in (1, 2)
    )
    assert CUT_AT == first
    assert second < len(LARGE)


# --- the kit -----------------------------------------------------------------------------


def alarms(putting, checks):
    """Run checks; return what is neither good nor undeclared."""
    templates = {
        Op.PUT: f"{CLIENT} {putting} {{local}} {{url}}",
        Op.GET: f"{CLIENT} get {{url}} {{local}}",
        Op.LIST: f"{CLIENT} list {{url}}",
        Op.DELETE: f"{CLIENT} delete {{url}}",
    }
    results = run_client_checks(look_at_client(Commands.parse(templates)), checks)
    return {
        r.check.id: f"{r.verdict}: {r.permitted} | {r.got}"
        for r in results
        if r.verdict is not Verdict.PASS
        and not (r.verdict is Verdict.SKIP and r.check.needs & NOT_OF_THIS_CLIENT)
    }


def test_the_kit_raises_no_alarm_in_a_sample_of_the_checks():
    assert {} == alarms("resume", CLIENT_CHECKS[::10])


@pytest.mark.slow
def test_the_kit_raises_no_alarm_where_it_goes_on():
    assert {} == alarms("resume", CLIENT_CHECKS)


@pytest.mark.slow
def test_the_kit_raises_no_alarm_where_it_does_not_go_on():
    told = alarms("put", CLIENT_CHECKS)
    about_uploads = {name for name in told if name.startswith("client-resume/")}
    assert {} == {name: why for name, why in told.items() if name not in about_uploads}
    assert {"skip"} == {told[name].partition(":")[0] for name in about_uploads}
