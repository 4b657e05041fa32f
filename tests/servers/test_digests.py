"""Digests in BLAKE3: taken, given, remembered, and unknown where the package is not there."""

from __future__ import annotations

import hashlib
import os

import pytest
from blake3 import blake3

from headframe_server import DirectoryStore, Server

TOKEN = "x" * 22
BODY = bytes(range(251)) * 1000


def sha_256(body: bytes) -> str:
    return f"sha-256:{hashlib.sha256(body).hexdigest()}"


def in_blake3(body: bytes) -> str:
    return f"blake3:{blake3(body).hexdigest()}"


@pytest.fixture
def put(peer):
    def ask(body=BODY, **members):
        return peer.ask(body, **({"cmd": "put", "filename": "a"} | members))

    return ask


@pytest.fixture
def put_in_frames(peer):
    """Put in two frames, with a digest as a trailer."""

    def ask(last, body=BODY, **members):
        peer.send(body[:7], **({"id": 1, "cmd": "put", "filename": "a", "more": True} | members))
        peer.send(body[7:], digest=last)
        return peer.reply()

    return ask


@pytest.fixture
def wanted(peer):
    """Return the digest that stat and get give for what is wanted."""

    def ask(*want, filename="a"):
        told = {
            peer.ask(cmd=cmd, filename=filename, want=list(want)).get("digest")
            for cmd in ("stat", "get")
        }
        assert 1 == len(told)
        return told.pop()

    return ask


# --- a server that has it


@pytest.mark.rule("HF-CMD-029", "HF-CMD-030")
@pytest.mark.parametrize("body", [b"", b"hello", BODY])
def test_a_digest_in_blake3_is_taken_and_comes_back(put, put_in_frames, root, body):
    digest = in_blake3(body)
    for reply in (
        put(body, digest=digest),
        put(body, want=["blake3"]),
        put_in_frames(digest, body),
        put_in_frames(digest, body, want=["blake3"]),
    ):
        assert (True, digest) == (reply["ok"], reply["digest"])
        assert body == (root / "a").read_bytes()


@pytest.mark.rule("HF-CMD-030")
def test_without_a_wish_or_in_spite_of_it_the_digest_is_that_of_the_request(put, put_in_frames):
    assert sha_256(BODY) == put()["digest"]
    assert sha_256(BODY) == put(want=["colour"])["digest"]
    assert sha_256(BODY) == put(want=["blake3"], digest=sha_256(BODY))["digest"]
    assert sha_256(BODY) == put_in_frames(sha_256(BODY), want=["blake3"])["digest"]
    assert in_blake3(BODY) == put(want=["digest"], digest=in_blake3(BODY))["digest"]


@pytest.mark.rule("HF-CMD-011", "HF-HEADER-016")
def test_a_digest_in_blake3_is_judged(put, put_in_frames, root):
    wrong = in_blake3(b"other")
    assert "digest-mismatch" == put(digest=wrong)["code"]
    assert "digest-mismatch" == put_in_frames(wrong)["code"]
    assert "digest-mismatch" == put_in_frames(wrong, want=["blake3"])["code"]
    assert "bad-request" == put(digest=wrong[:-1])["code"]
    assert "bad-request" == put_in_frames("blake3:")["code"]
    assert not (root / "a").exists()


@pytest.mark.rule("HF-BODY-009")
def test_two_digests_in_two_algorithms_are_two_different_things(put_in_frames):
    assert "bad-request" == put_in_frames(in_blake3(BODY), digest=sha_256(BODY))["code"]
    assert "bad-request" == put_in_frames(sha_256(BODY), digest=in_blake3(BODY))["code"]


@pytest.mark.rule("HF-CMD-031")
def test_a_digest_is_given_in_an_algorithm_that_is_wanted(put, wanted):
    put(digest=in_blake3(BODY))
    assert in_blake3(BODY) == wanted("blake3") == wanted("digest", "blake3")
    assert sha_256(BODY) == wanted("digest")
    assert wanted("sha-256") is None
    put(digest=sha_256(BODY))
    assert in_blake3(BODY) == wanted("blake3")
    assert sha_256(BODY) == wanted("digest") == wanted("blake3", "digest")


@pytest.mark.rule("HF-CMD-031")
def test_what_nobody_remembers_is_computed_in_the_first_that_is_wanted(root, wanted):
    (root / "a").write_bytes(BODY)
    assert in_blake3(BODY) == wanted("blake3", "digest")
    assert sha_256(BODY) == wanted("digest", "blake3")


def test_a_digest_in_blake3_is_remembered_and_moves_with_its_file(put, peer, root, wanted):
    rev = put(digest=in_blake3(BODY))["rev"]
    assert 2 == os.getxattr(root / "a", "user.hf1")[0]
    assert rev == peer.ask(cmd="move", filename="a", to="b")["rev"]
    changed = (root / "b").stat().st_mtime_ns
    (root / "b").write_bytes(BODY[::-1])  # behind the server's back, and the time put back, too
    os.utime(root / "b", ns=(changed, changed))
    assert in_blake3(BODY) == wanted("blake3", "digest", filename="b")


# --- uploads


@pytest.mark.rule("HF-RESUME-014", "HF-RESUME-022", "HF-RESUME-025")
@pytest.mark.parametrize("first", [{}, {"want": ["blake3"]}, {"digest": sha_256(b"")}])
@pytest.mark.parametrize("last", [sha_256(BODY), in_blake3(BODY)])
def test_the_last_part_decides_in_which_algorithm(put, peer, first, last):
    upload = {"upload": TOKEN, "total": len(BODY)}
    assert 9 == put(BODY[:9], **upload, **first)["offset"]
    reply = put(BODY[9:], **upload, offset=9, digest=last)
    assert last == reply["digest"]
    put(b"newer")
    for digest in (sha_256(BODY), in_blake3(BODY)):
        assert reply == put(BODY[9:], **upload, offset=9, digest=digest)
    assert last == peer.ask(cmd="stat", upload=TOKEN)["digest"]
    assert "conflict" == put(BODY[9:-1] + b"x", **upload, offset=9)["code"]
    wrong = last.partition(":")[0] + ":" + 64 * "0"
    assert "digest-mismatch" == put(BODY[9:], **upload, offset=9, digest=wrong)["code"]


@pytest.mark.rule("HF-RESUME-022")
def test_an_upload_in_one_part_is_known_again_by_its_digest_in_blake3(put):
    whole = {"upload": TOKEN, "total": len(BODY), "want": ["blake3"]}
    reply = put(**whole)
    assert in_blake3(BODY) == reply["digest"]
    assert reply == put(upload=TOKEN)
    assert "conflict" == put(BODY[:-1] + b"x", **whole)["code"]


def test_an_upload_goes_on_in_blake3_after_the_server_has_started_again(root, connect):
    upload = {"cmd": "put", "filename": "a", "upload": TOKEN, "total": len(BODY)}
    parts = [{"body": BODY[:9], "want": ["blake3"]}, {"body": BODY[9:], "offset": 9}]
    for part in parts:
        with DirectoryStore(root, free_bytes=0) as store, Server(("127.0.0.1", 0), store) as server:
            reply = connect(server).ask(**upload, digest=in_blake3(BODY), **part)
    assert in_blake3(BODY) == reply["digest"]


# --- a server that does not have it


@pytest.mark.rule("HF-CMD-029", "HF-CMD-012")
def test_without_its_package_blake3_is_unsupported_and_not_named(
    without_blake3, peer, put, put_in_frames
):
    assert [] == peer.ask(cmd="hello")["features"]
    for digest in (in_blake3(BODY), "blake3:"):
        assert "unsupported" == put(digest=digest)["code"]
        assert "unsupported" == put_in_frames(digest)["code"]


@pytest.mark.rule("HF-CMD-018", "HF-CMD-030", "HF-CMD-031")
def test_without_its_package_the_word_is_ignored(without_blake3, put, wanted):
    assert sha_256(BODY) == put(want=["blake3"])["digest"]
    assert sha_256(BODY) == wanted("blake3", "digest")
    assert wanted("blake3") is None


def test_a_digest_that_nobody_can_make_any_more_is_made_in_sha_256(put, wanted, request):
    put(digest=in_blake3(BODY))
    upload = {"upload": TOKEN, "total": len(BODY), "want": ["blake3"], "filename": "b"}
    put(**upload)
    request.getfixturevalue("without_blake3")
    assert sha_256(BODY) == wanted("blake3", "digest")
    assert "conflict" == put(**upload)["code"]
