"""Digests: what is written is what the standard shows, and only that is one."""

import pytest

from headframe.digests import DigestAlgorithm, Hasher, at_hand, is_digest, write_digest

HELLO = "sha-256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_a_digest_grows_with_the_bytes():
    hasher = Hasher()
    hasher.update(b"hel")
    hasher.update(memoryview(b"lo"))
    assert (DigestAlgorithm.SHA_256, HELLO) == (hasher.algorithm, hasher.digest)
    assert HELLO == write_digest(hasher.algorithm, hasher.raw)


def test_every_server_has_sha_256():
    assert DigestAlgorithm.SHA_256 in at_hand()


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
