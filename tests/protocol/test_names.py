"""What a file name may be."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headframe import LIMITS, BadName, check_name, is_name
from headframe.conformance import strategies as hf
from headframe.names import check_name_exactly


@given(hf.file_names)
def test_valid_names_pass(name):
    check_name(name)


ALMOST_PLAIN = st.text(st.sampled_from("./ -0[]~az\\\x1f\x7f\n") | st.characters(max_codepoint=255))


@given(ALMOST_PLAIN | st.builds(str.__mul__, ALMOST_PLAIN, st.sampled_from([63, 255, 256, 1024])))
@example("a/" * 512)
@example("a" + "/b" * 512)
@example("a\n")
def test_the_shortcut_for_plain_names_changes_no_verdict(name):
    def verdict(check):
        try:
            check(name)
        except BadName as error:
            return str(error)
        return None

    assert verdict(check_name_exactly) == verdict(check_name)


@pytest.mark.parametrize("character", [chr(code) for code in range(128)])
def test_the_shortcut_knows_every_character_of_ascii(character):
    for name in (character, f"a{character}", f"{character}a", f"a/{character}a"):
        try:
            check_name_exactly(name)
        except BadName:
            assert not is_name(name)
        else:
            assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a b",
        "...",
        ".hidden",
        "a..b/c",
        "CON",
        "é",
        "漢字/かな",
        "a" * 255,
        "é" * 127,
        "/".join(["x" * 204] * 5),
        "\u0378",  # unassigned: taken as it stands
        "a\u00a0b",
        "-rf",
        "a:b",
    ],
)
def test_these_are_names(name):
    assert is_name(name)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        pytest.param("", "length", id="empty"),
        pytest.param("/".join(["x" * 204] * 5) + "y", "length", id="1025 bytes"),
        pytest.param("é" * 513, "length", id="too many bytes, not characters"),
        pytest.param("a" * 256, "segment", id="segment of 256 bytes"),
        pytest.param("é" * 128, "segment", id="segment of 256 bytes in 128 characters"),
        pytest.param("b/" + "😀" * 64, "segment", id="segment of 256 bytes in 64 characters"),
        pytest.param(".", "segment", id="dot"),
        pytest.param("..", "segment", id="two dots"),
        pytest.param("../x", "segment", id="two dots first"),
        pytest.param("a/../b", "segment", id="two dots inside"),
        pytest.param("a/..", "segment", id="two dots last"),
        pytest.param("a/./b", "segment", id="dot inside"),
        pytest.param("/a", "segment", id="absolute"),
        pytest.param("a/", "segment", id="slash last"),
        pytest.param("a//b", "segment", id="empty segment"),
        pytest.param("/", "segment", id="slash"),
        pytest.param("a\0b", "character", id="NUL"),
        pytest.param("a\nb", "character", id="line feed"),
        pytest.param("\x1b[31m", "character", id="escape sequence"),
        pytest.param("a\x7f", "character", id="DEL"),
        pytest.param("a\\b", "character", id="backslash"),
        pytest.param("e\u0301", "NFC", id="decomposed"),
        pytest.param("\u212b", "NFC", id="Angstrom sign"),
        pytest.param("\ud800", "Unicode", id="lone surrogate"),
    ],
)
@pytest.mark.rule("HF-NAME-001", "HF-NAME-002", "HF-NAME-003", "HF-NAME-004", "HF-NAME-005")
def test_these_are_no_names(name, rule):
    with pytest.raises(BadName, match=r"HF-NAME-00\d") as caught:
        check_name(name)
    assert caught.value.code == "bad-name"
    assert rule in str(caught.value) or "bytes" in str(caught.value)
    assert not is_name(name)


@given(st.text(max_size=20))
def test_a_name_is_what_the_rules_say(name):
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        assert not is_name(name)
        return
    expected = (
        1 <= len(encoded) <= LIMITS.name_bytes
        and all(
            segment not in ("", ".", "..") and len(segment.encode()) <= LIMITS.segment_bytes
            for segment in name.split("/")
        )
        and not any(ord(character) < 32 or character in "\x7f\\" for character in name)
        and unicodedata.normalize("NFC", name) == name
    )
    assert expected == is_name(name)
