"""Digests: what is written is what the standard shows, and only that is one."""

import pytest

from headframe import UNSET
from headframe.digests import DigestAlgorithm, Hasher, at_hand, is_digest, wanted, write_digest

HELLO = "sha-256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
BLAKE3 = "blake3:ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"


def test_a_digest_grows_with_the_bytes():
    hasher = Hasher()
    hasher.update(b"hel")
    hasher.update(memoryview(b"lo"))
    assert (DigestAlgorithm.SHA_256, HELLO) == (hasher.algorithm, hasher.digest)
    assert HELLO == write_digest(hasher.algorithm, hasher.raw)


def test_sha_256_is_always_at_hand_and_what_nobody_has_registered_never(without_blake3):
    assert at_hand("sha-256")
    assert not at_hand("md5")


def test_blake3_is_at_hand_where_its_package_is():
    hasher = Hasher(DigestAlgorithm.BLAKE3)
    hasher.update(b"hello")
    assert at_hand("blake3")
    assert BLAKE3 == hasher.digest
    assert is_digest(BLAKE3)


def test_without_its_package_blake3_is_nowhere(without_blake3):
    assert not at_hand("blake3")
    assert not is_digest(BLAKE3)
    assert ("sha-256",) == wanted(["blake3", "digest"])


@pytest.mark.parametrize(
    ("want", "digest", "expected"),
    [
        (UNSET, UNSET, ()),
        ([], UNSET, ()),
        (["colour", "sha-256"], UNSET, ()),
        (["digest"], UNSET, ("sha-256",)),
        (["blake3", "digest"], UNSET, ("blake3", "sha-256")),
        (["digest", "x", "blake3"], UNSET, ("sha-256", "blake3")),
        (["blake3"], HELLO, ("sha-256",)),
        (UNSET, BLAKE3, ("blake3",)),
    ],
)
def test_a_request_asks_for_digests_by_its_own_or_by_want(want, digest, expected):
    assert expected == wanted(want, digest)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HELLO, True),
        (HELLO[:-1], False),
        (HELLO + "0", False),
        (HELLO.upper(), False),
        (HELLO[:-1] + "g", False),
        (HELLO[:-1] + "\n", False),
        (HELLO.partition(":")[2], False),
        ("sha-256", False),
        ("sha-256:", False),
        ("md5:5d41402abc4b2a76b9719d911017c592", False),
        ("", False),
    ],
)
def test_a_digest_has_the_digits_of_its_algorithm(text, expected):
    assert expected == is_digest(text)
