"""The reference server keeps every rule that the kit can see."""

from __future__ import annotations

import hashlib
import ssl
import threading

import trustme

from headframe.conformance import run_checks
from headframe.conformance.check import Check
from headframe.conformance.preflight import look_at
from headframe.conformance.requests import put
from headframe.conformance.runner import chosen, run_check
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import Target
from headframe.conformance.verdicts import Deviation, Verdict
from headframe_server import Access, Person, Token, server_context
from headframe_server.draft import Draft

MAY_BE_SKIPPED = {"tls", "token", "tcp-info"}
CHECKS = chosen(SERVER_CHECKS)
WORD = "the-token-of-ann-for-the-kit"
ACCESS = Access((Token(Person("ann"), hashlib.sha256(WORD.encode()).hexdigest()),))


def told(results):
    return {r.check.id: f"{r.permitted} | {r.got}" for r in results}


def test_the_reference_server_passes_every_check_and_nothing_is_left_of_them(serving, root):
    results = run_checks(Target.from_url(serving().url, root=root), CHECKS)
    assert {} == told(r for r in results if r.counts_as_failure or r.verdict is Verdict.ERROR)
    skipped = [r for r in results if r.verdict is Verdict.SKIP]
    assert {} == told(r for r in skipped if not r.check.needs & MAY_BE_SKIPPED)
    visible = [path for path in root.rglob("*") if ".headframe" not in path.parts]
    assert [] == [path for path in visible if path.is_file()]


def test_over_tls_and_with_a_token_it_passes_what_is_about_them(serving, tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    server = serving(tls=server_context(tmp_path / "server.pem"), access=ACCESS)
    target = Target.from_url(server.url, tls=context, token=WORD)
    about = [c for c in CHECKS if c.id.startswith(("security/", "time/", "frame/", "body/"))]
    results = run_checks(target, about)
    assert {} == told(r for r in results if r.verdict not in {Verdict.PASS, Verdict.SKIP})
    skipped = [r for r in results if r.verdict is Verdict.SKIP]
    assert {} == told(r for r in skipped if not r.check.needs & {"anonymous", "root", "tcp-info"})


def test_every_check_cites_a_rule_and_says_what_is_good():
    for check in SERVER_CHECKS:
        assert check.rules, check.id
        assert check.title.endswith("."), check.id
        assert check.id == check.id.lower(), check.id
    assert len(SERVER_CHECKS) == len({check.id for check in SERVER_CHECKS})


def test_what_a_check_left_unfinished_is_deleted_when_it_is_done(serving, root, monkeypatch):
    placed, seal = threading.Event(), Draft.seal

    def seal_late(draft, *about):  # a disk that takes its time
        placed.wait(0.3)
        seal(draft, *about)

    def run(peer):
        peer.send(put("~/a", b"x"))
        raise Deviation("a reply", "no patience")

    monkeypatch.setattr(Draft, "seal", seal_late)
    server = serving()
    target = Target.from_url(server.url, root=root)
    check = Check(id="a/b", title="A check.", rules=("HF-REQ-002",), run=run)
    assert Verdict.FAIL == run_check(target, look_at(target), check).verdict
    server.stop()
    assert [] == [path for path in root.rglob("hfk-*/*") if path.is_file()]
