"""headframe://host:port/name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headframe.conformance.strategies import texts
from headframe_client import Address, InvalidArgument, parse_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("headframe://", Address("127.0.0.1", 37263, "")),
        ("headframe:///a.txt", Address("127.0.0.1", 37263, "a.txt")),
        ("headframe://h", Address("h", 37263, "")),
        ("HeadFrame://h/", Address("h", 37263, "")),
        ("headframe://h:1/dir/", Address("h", 1, "dir/")),
        ("headframe://h:/x", Address("h", 37263, "x")),
        ("headframe://[::1]/x", Address("::1", 37263, "x")),
        ("headframe://[fe80::1%25eth0]:65535/x", Address("fe80::1%25eth0", 65535, "x")),
        ("headframe://h/a%20b/%C3%A9", Address("h", 37263, "a b/é")),
        ("headframe://h/é ö", Address("h", 37263, "é ö")),
        ("headframe://h/100%25", Address("h", 37263, "100%")),
        ("headframe://h/a:b@c", Address("h", 37263, "a:b@c")),
    ],
)
def test_a_url_is_host_port_and_name(url: str, expected: Address) -> None:
    assert expected == parse_url(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://h/x", "not a URL like"),
        ("h/x", "not a URL like"),
        ("headframe:/h", "not a URL like"),
        ("headframe://h:0/x", "port"),
        ("headframe://h:65536/x", "port"),
        ("headframe://h:x/x", "port"),
        ("headframe://h:٣/x", "port"),
        ("headframe://::1/x", "port"),
        ("headframe://[::1/x", "brackets"),
        ("headframe://[]/x", "brackets"),
        ("headframe://u:p@h/x", "no user"),
        ("headframe://h/a?b", "%3F"),
        ("headframe://h/a#b", "%23"),
        ("headframe://h?x", "%3F"),
        ("headframe://h/%zz", "%25"),
        ("headframe://h/%", "%25"),
        ("headframe://h/%ff", "UTF-8"),
    ],
)
def test_what_is_no_url_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        parse_url(url)


@given(host=st.sampled_from(["h", "127.0.0.1", "::1"]), port=st.integers(1, 65535), name=texts)
def test_an_address_survives_being_written_and_read(host: str, port: int, name: str) -> None:
    address = Address(host, port, name)
    assert address == parse_url(str(address))


def test_a_folder_ends_with_a_slash_or_is_the_whole_server() -> None:
    folders = [Address(name=name).is_folder for name in ("", "a/", "a", "a/b")]
    assert [True, True, False, False] == folders
