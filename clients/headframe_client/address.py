"""Where a file is: `headframe://host:port/name`, and over TLS `headframes://host:port/name`.

Spec: chapters 11 and 12. The law of this module: what a URL says is either understood as a whole or
refused with the reason; nothing of it is guessed.

>>> parse_url("headframe://[::1]:4000/f%C3%BCr%20dich.txt")
Address(host='::1', port=4000, name='für dich.txt', tls=False)
>>> str(parse_url("headframe:///photos/"))
'headframe://127.0.0.1:37263/photos/'
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from msgspec import Struct
from msgspec.structs import replace

from headframe_client.errors import InvalidArgument

__all__ = ["DEFAULT_HOST", "DEFAULT_PORT", "SCHEMES", "Address", "parse_url"]

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 37263
"""FRAME on the keys of a telephone."""

SCHEMES: Final = ("headframe://", "headframes://")
"""Without TLS and with it."""

_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<literal>[^\[\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>.*))?"
)
_BAD_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")


class Address(Struct, frozen=True):
    """A server and, on it, a name."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    name: str = ""
    """Decoded; empty for the whole server, and with a `/` at its end it means what lies in it."""
    tls: bool = False
    """Whether the server speaks TLS."""

    @property
    def is_folder(self) -> bool:
        """Whether the URL means "into": it ends with `/`, or names nothing."""
        return not self.name or self.name.endswith("/")

    def at(self, name: str) -> Address:
        """Return the address of another name on the same server."""
        return replace(self, name=name)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = SCHEMES[self.tls]
        return f"{scheme}{host}:{self.port}/{quote(self.name, errors='surrogatepass')}"


def parse_url(url: str) -> Address:
    """Return the address that `url` means; raise InvalidArgument with the reason if it means none.

    >>> parse_url("headframe://files.example")
    Address(host='files.example', port=37263, name='', tls=False)
    """
    scheme, separator, rest = url.partition("://")
    if scheme.lower() + separator not in SCHEMES:
        raise InvalidArgument(f"{url!r} is not a URL like headframe://host:port/name")
    authority, _, path = rest.partition("/")
    for mark, meaning in (("?", "a query"), ("#", "a fragment")):
        if mark in rest:
            hint = f"write %{ord(mark):02X} for a {mark} in a name"
            raise InvalidArgument(f"{url!r} has {meaning}, which means nothing here; {hint}")
    host, port = _parse_authority(url, authority)
    return Address(host, port, _decode_name(url, path), tls=scheme.lower() == "headframes")


def _parse_authority(url: str, authority: str) -> tuple[str, int]:
    """Return host and port."""
    if "@" in authority:
        raise InvalidArgument("a URL holds no user and no password")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise InvalidArgument(
            f"{url!r}: {authority!r} is not host:port (an IPv6 address stands in brackets)"
        )
    if match["literal"] == "":
        raise InvalidArgument(f"{url!r} has no address in its brackets")
    host = match["literal"] or _decode_name(url, match["host"] or "") or DEFAULT_HOST
    port = match["port"] or str(DEFAULT_PORT)
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise InvalidArgument(f"{url!r}: port {port!r} is not a number from 1 to 65535")
    return host, int(port)


def _decode_name(url: str, text: str) -> str:
    """Undo percent-encoding."""
    if _BAD_ESCAPE.search(text):
        raise InvalidArgument(f"{url!r}: a % is not followed by two hexadecimal digits; write %25")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise InvalidArgument(f"{url!r} does not decode to UTF-8") from None
