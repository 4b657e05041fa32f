"""Models raise no alarm about the reference, and see a server that is wrong."""

from __future__ import annotations

import copy
import threading

import pytest

from headframe.conformance import SERVER_CHECKS, Lane, Target
from headframe.conformance.models import damage, machines
from headframe.conformance.models.uploads import Finished, Upload, Uploads
from headframe.conformance.models.world import File, World, digest_of
from headframe.conformance.preflight import look_at
from headframe.conformance.replies import Reply
from headframe.conformance.requests import delete, get, list_, move, put, stat
from headframe.conformance.runner import chosen, run_check, run_checks
from headframe.conformance.searching import Search
from headframe.conformance.transcript import Kind
from headframe.conformance.verdicts import Deviation, Verdict
from headframe_server.directory import DirectoryStore

MODELS = chosen(SERVER_CHECKS, lane=Lane.RANDOM)


@pytest.fixture
def target(serving):
    host, port = serving().address[:2]
    return Target(host=host, port=port, timeout_s=5.0)


@pytest.mark.parametrize("check", MODELS, ids=lambda check: check.id)
@pytest.mark.parametrize(
    ("seed", "examples"),
    [
        ("1", 8),
        pytest.param("1", None, marks=pytest.mark.slow),
        pytest.param("2", None, marks=pytest.mark.slow),
    ],
)
def test_the_reference_is_as_the_models_say(target, check, seed, examples):
    search = Search(examples=examples)
    result = run_check(target, look_at(target), check, seed=seed, search=search)
    assert (Verdict.PASS, "ok") == (result.verdict, result.got)


def test_one_search_runs_at_a_time(target, monkeypatch):
    together = threading.Barrier(2)

    def search(*_):
        with pytest.raises(threading.BrokenBarrierError):
            together.wait(0.05)
        together.reset()

    monkeypatch.setattr(machines, "search", search)
    monkeypatch.setattr(damage, "hurt", search)
    results = run_checks(target, MODELS, workers=len(MODELS))
    assert {check.id: "ok" for check in MODELS} == {r.check.id: r.got for r in results}


def test_a_wrong_server_is_found_and_the_case_is_small(target, monkeypatch):
    monkeypatch.setattr(DirectoryStore, "_check_current", lambda self, name, condition: None)
    [files] = [check for check in MODELS if check.id == "model/files"]
    result = run_check(target, look_at(target), files, seed="1")
    assert Verdict.FAIL is result.verdict
    assert "precondition-failed" in result.permitted
    sent = [entry for entry in result.transcript.entries if entry.kind is Kind.SENT]
    assert 1 <= len(sent) <= 3


def reply(body=b"", **members):
    return Reply(({"id": 1, **members},), body)


@pytest.fixture
def world():
    made = World(lambda text: text.replace("~", "key"))
    made.files["~/a"] = File(b"abc", "r1", 5_000_000)
    made.files["~/d/x"] = File(b"", "r2", None)
    return made


ENTRIES = b'{"filename":"key/a","total":3,"rev":"r1"}\n{"prefix":"key/d/"}\n'
WHOLE = {"rev": "r1", "total": 3, "mtime": 5_000_000}


@pytest.mark.parametrize(
    ("asked", "right", "wrong"),
    [
        (get("~/n"), reply(ok=False, code="not-found"), reply(ok=True)),
        (
            get("~/a", offset=4),
            reply(ok=False, code="bad-range", total=3),
            reply(ok=False, code="bad-range"),
        ),
        (
            get("~/a", offset=1),
            reply(b"bc", ok=True, offset=1, **WHOLE),
            reply(b"b", ok=True, offset=1, **WHOLE),
        ),
        (stat("~/a"), reply(ok=True, **WHOLE), reply(ok=True, **WHOLE | {"rev": "r9"})),
        (stat("~/a"), reply(ok=True, **WHOLE), reply(ok=True, **WHOLE | {"mtime": 5_000_001})),
        (
            stat("~/a", want=["digest"]),
            reply(ok=True, digest=digest_of(b"abc"), **WHOLE),
            reply(ok=True, digest=digest_of(b"abd"), **WHOLE),
        ),
        (
            delete("~/a", if_="r9"),
            reply(ok=False, code="precondition-failed", rev="r1"),
            reply(ok=False, code="precondition-failed", rev=None),
        ),
        (
            move("~/a", "~/d/x"),
            reply(ok=False, code="precondition-failed", to_rev="r2"),
            reply(ok=False, code="precondition-failed", rev="r2"),
        ),
        (put("~/a/b", b"x"), reply(ok=False, code="conflict"), reply(ok=True, rev="r")),
        (put("~/a", b"x", total=2), reply(ok=False, code="size-mismatch"), reply(ok=True, rev="r")),
        (
            put("~/n", b"x"),
            reply(ok=True, rev="r3", total=1, digest=digest_of(b"x")),
            reply(ok=True, rev="r3", total=1, digest=digest_of(b"y")),
        ),
        (
            list_("~/", delimiter="/"),
            reply(ENTRIES, ok=True, end=True),
            reply(ENTRIES[:-1] + ENTRIES, ok=True, end=True),
        ),
        (
            list_("~/", limit=1),
            reply(ENTRIES[:42], ok=True, end=False),
            reply(ENTRIES, ok=True, end=True),
        ),
    ],
)
def test_the_world_takes_the_right_reply_and_no_other(world, asked, right, wrong):
    with pytest.raises(Deviation):
        copy.deepcopy(world).judge(asked, wrong)
    world.judge(asked, right)


def test_a_revision_that_comes_again_for_other_bytes_is_seen(world):
    world.bodies["~/a", "r1"] = b"abc"
    with pytest.raises(Deviation, match="other bytes"):
        world.judge(put("~/a", b"x"), reply(ok=True, rev="r1", total=1, digest=digest_of(b"x")))


DONE = {"rev": "r", "total": 3, "digest": digest_of(b"abc")}


@pytest.mark.parametrize(
    ("held", "asked", "right", "wrong"),
    [
        (None, stat(upload="~"), reply(ok=False, code="upload-gone"), reply(ok=True, offset=0)),
        (
            None,
            put("~/u", b"ab", upload="~", offset=2),
            reply(ok=False, code="upload-gone"),
            reply(ok=True, offset=4),
        ),
        (None, put("~/u", b"ab", upload="~"), reply(ok=True, offset=2), reply(ok=True, offset=0)),
        (
            Upload("~/u", b"ab"),
            put("~/u", b"c", upload="~", offset=1),
            reply(ok=False, code="offset-mismatch", offset=2),
            reply(ok=False, code="offset-mismatch", offset=1),
        ),
        (
            Upload("~/u", b"ab", 3),
            put("~/u", b"c", upload="~", offset=2, total=4),
            reply(ok=False, code="bad-request"),
            reply(ok=True, offset=3),
        ),
        (
            Upload("~/u", b"ab", 3),
            put("~/u", b"c", upload="~", offset=2),
            reply(ok=True, **DONE),
            reply(ok=True, offset=3),
        ),
        (
            Upload("~/u", b"ab", 3),
            put("~/u", b"c", upload="~", offset=2, digest=digest_of(b"x")),
            reply(ok=False, code="digest-mismatch"),
            reply(ok=True, **DONE),
        ),
        (
            Finished("~/u", 2, b"c", DONE),
            put("~/u", b"c", upload="~", offset=2),
            reply(ok=True, **DONE),
            reply(ok=True, **DONE | {"rev": "other"}),
        ),
        (
            Finished("~/u", 2, b"c", DONE),
            put("~/u", b"d", upload="~", offset=2),
            reply(ok=False, code="conflict"),
            reply(ok=True, **DONE),
        ),
        (
            Finished("~/u", 2, b"c", DONE),
            stat(upload="~"),
            reply(ok=True, offset=3, **DONE),
            reply(ok=True, offset=3),
        ),
    ],
)
def test_uploads_take_the_right_reply_and_no_other(world, held, asked, right, wrong):
    def uploads():
        copied = Upload(held.filename, held.data, held.total) if isinstance(held, Upload) else held
        return Uploads(world, {} if held is None else {"~": copied})

    with pytest.raises(Deviation):
        uploads().judge(asked, wrong)
    world.files.pop("~/u", None)
    uploads().judge(asked, right)
