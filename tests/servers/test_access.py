"""Who is asking: tokens, rights, and what comes before them and after."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from headframe_server import Access, AccessError, Person, Token
from headframe_server.access import Visitor, add_token

WORDS = {"writer": "w-secret", "reader": "r-secret"}
ACCESS = Access(
    tuple(
        Token(Person(name, name == "writer"), hashlib.sha256(word.encode()).hexdigest())
        for name, word in WORDS.items()
    )
)


def auth(word, scheme="token"):
    return {"cmd": "hello", "auth": {"scheme": scheme, "token": word}}


@pytest.fixture
def peer(serving, connect):
    return connect(serving(access=ACCESS))


@pytest.mark.rule("HF-SEC-005")
@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"cmd": "list"}, "unauthorized"),
        ({"cmd": "put", "filename": "a"}, "unauthorized"),
        ({"cmd": "get", "filename": "../a"}, "unauthorized"),
        ({"cmd": "get"}, "unauthorized"),
        ({"cmd": "stat", "filename": 5}, "unauthorized"),
        ({"cmd": "put", "filename": "a", "digest": "md5:00"}, "unauthorized"),
        ({"cmd": "nothing"}, "unknown-command"),
        ({"cmd": "list", "!new": 1}, "unsupported"),
        ({"cmd": 5}, "bad-request"),
        ({"cmd": "hello", "hf": "1"}, "bad-request"),
    ],
)
def test_nothing_but_hello_is_answered_before_somebody_is_known(peer, root, members, code):
    assert code == peer.ask(**members)["code"]
    assert ["token"] == peer.ask(cmd="hello")["auth"]
    assert [".headframe"] == [path.name for path in root.iterdir()]


@pytest.mark.rule("HF-SEC-005")
def test_a_put_without_id_of_a_stranger_is_not_carried_out(peer, root):
    peer.send(b"x", cmd="put", filename="a")
    assert peer.ask(cmd="hello")["ok"]
    assert not (root / "a").exists()


def test_with_the_right_word_everything_is_open(peer, root):
    assert peer.ask(**auth("w-secret"))["ok"]
    assert peer.ask(b"x", cmd="put", filename="a")["ok"]
    assert ["a"] == peer.names()


@pytest.mark.rule("HF-SEC-009")
@pytest.mark.parametrize(
    "members",
    [
        {"cmd": "put", "filename": "b"},
        {"cmd": "put", "filename": "../b"},
        {"cmd": "put"},
        {"cmd": "delete", "filename": "a"},
        {"cmd": "delete", "upload": "u" * 22},
        {"cmd": "move", "filename": "a", "to": "b"},
    ],
)
def test_who_may_only_read_changes_nothing(peer, root, members):
    (root / "a").write_bytes(b"x")
    assert peer.ask(**auth("r-secret"))["ok"]
    assert b"x" == peer.ask(cmd="get", filename="a")["body"]
    assert "forbidden" == peer.ask(**members)["code"]
    assert ["a"] == peer.names()


@pytest.mark.rule("HF-SEC-006", "HF-SEC-008")
def test_the_third_wrong_word_is_the_last(peer):
    wrong = (auth("guess"), auth("w-secret", "password"), {"cmd": "hello", "auth": {}})
    for turn, members in enumerate(wrong, 1):
        reply = peer.ask(**members)
        assert ("unauthorized", turn == 3) == (reply["code"], reply.get("close", False))
    assert peer.ends()


@pytest.mark.rule("HF-SEC-006")
def test_a_wrong_word_takes_nothing_away(peer):
    assert peer.ask(**auth("w-secret"))["ok"]
    assert "unauthorized" == peer.ask(**auth("guess"))["code"]
    assert peer.ask(cmd="list")["ok"]


@pytest.mark.rule("HF-SEC-006")
def test_where_nobody_is_asked_no_scheme_is_offered_or_taken(serving, connect):
    peer = connect(serving())
    assert [] == peer.ask(cmd="hello")["auth"]
    assert "unauthorized" == peer.ask(**auth("w-secret"))["code"]


@pytest.mark.rule("HF-SEC-007")
def test_a_token_is_not_taken_where_somebody_may_listen():
    visitor = Visitor(ACCESS, private=False)
    assert [] == visitor.schemes
    with pytest.raises(Exception, match="proves nothing"):
        visitor.introduce({"scheme": "token", "token": "w-secret"})
    assert None is visitor.person
    Visitor(ACCESS, private=True).introduce({"scheme": "token", "token": "w-secret"})


def test_every_hash_is_compared_whole_whoever_it_is(monkeypatch):
    compared = []

    def compare(first, second, really=hmac.compare_digest):
        compared.append(first)
        return really(first, second)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert "writer" == ACCESS.find("w-secret").name
    assert None is ACCESS.find("none")
    assert [token.sha256 for token in ACCESS.tokens] * 2 == compared


# --- the file


@pytest.mark.rule("HF-SEC-010")
def test_a_token_is_made_stored_as_a_hash_and_read_again(tmp_path):
    file = tmp_path / "access.toml"
    words = [add_token(file, "ann", may_write=True), add_token(file, "bob", may_write=False)]
    text = file.read_text()
    assert not any(word in text for word in words)
    assert 0 == file.stat().st_mode & 0o077
    access = Access.read(file)
    assert [Person("ann"), Person("bob", may_write=False)] == [access.find(w) for w in words]
    assert not access.open
    assert 22 == len(words[0])


@pytest.mark.parametrize("name", ["ann", "", "a b", "a]", "ä\n"])
def test_a_name_that_is_taken_or_is_none_gets_no_token(tmp_path, name):
    add_token(tmp_path / "access.toml", "ann", may_write=True)
    with pytest.raises(AccessError):
        add_token(tmp_path / "access.toml", name, may_write=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tokens", "end of document"),
        ("[rights]", "'rights'"),
        ('[tokens.a]\nsha256 = "00"\naccess = "read-only"', "sha256"),
        ('[tokens.a]\naccess = "read-only"', "sha256"),
        ('[tokens]\na = "x"', "access"),
        ('[tokens.a]\nsha256 = "00"\naccess = "all"', "'all'"),
        ("[certificates.a]", "access"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path, text, told):
    (tmp_path / "access.toml").write_text(text)
    with pytest.raises(AccessError, match=told):
        Access.read(tmp_path / "access.toml")


def test_a_certificate_that_is_not_listed_may_write(tmp_path):
    (tmp_path / "access.toml").write_text('[certificates."l.example"]\naccess = "read-only"\n')
    access = Access.read(tmp_path / "access.toml", wants_certificate=True)
    assert not access.certified("l.example").may_write
    assert access.certified("other").may_write
