"""Who is asking, and what they may do.

Spec: 12.2. The law of this module: of a token only its hash is stored, and comparing takes the same
time wherever two differ. Who has not said who they are may say `hello` and nothing else.

    [tokens.backup]                     a name, for the log and to keep uploads apart
    sha256 = "9f86d0..."                of the token's text
    access = "read-write"               or "read-only"

    [certificates."laptop.example"]     the common name of a client's certificate; one that is not
    access = "read-only"                listed, and signed by the right authority, may write
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from headframe import Command, ErrorCode
from headframe_server.store import RETRY_MS, StoreError

__all__ = ["Access", "AccessError", "Person", "Token", "Visitor", "add_token"]

TOKEN_BYTES: Final = 16
FAILURES: Final = 3
"""The refusal of an `auth` that ends the connection."""
_CHANGING: Final = {Command.PUT, Command.DELETE, Command.MOVE}
_RIGHTS: Final = {"read-only": False, "read-write": True}


class AccessError(ValueError):
    """A file that says who may do what cannot be used; the text names what is wrong."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has shown who they are."""

    name: str
    may_write: bool = True


@dataclass(frozen=True, slots=True)
class Token:
    """What shows that somebody is a person."""

    person: Person
    sha256: str
    """Of the token's text, 64 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in; with nothing in it, everybody may do everything."""

    tokens: tuple[Token, ...] = ()
    certificates: Mapping[str, Person] = field(default_factory=dict)
    """By common name."""
    wants_certificate: bool = False

    @property
    def open(self) -> bool:
        """Whether nobody has to say who they are."""
        return not self.tokens and not self.wants_certificate

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, wants_certificate: bool = False) -> Access:
        """Read a file; raise AccessError, or OSError if it cannot be read."""
        try:
            tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise AccessError(f"{os.fspath(path)}: {error}") from error
        if unknown := set(tables) - {"tokens", "certificates"}:
            raise AccessError(f"{os.fspath(path)}: unknown table {sorted(unknown)[0]!r}")
        tokens = [
            Token(_read_person(path, "tokens", name, row), _read_hash(path, name, row))
            for name, row in tables.get("tokens", {}).items()
        ]
        certificates = {
            name: _read_person(path, "certificates", name, row)
            for name, row in tables.get("certificates", {}).items()
        }
        return cls(tuple(tokens), certificates, wants_certificate)

    def find(self, token: str) -> Person | None:
        """Return whose token this is."""
        hashed = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        found = None
        for known in self.tokens:
            if hmac.compare_digest(known.sha256, hashed):
                found = known.person
        return found

    def certified(self, common_name: str) -> Person:
        """Return whose certificate this is."""
        return self.certificates.get(common_name, Person(common_name))


def _read_person(path: object, table: str, name: str, row: Any) -> Person:
    rights = row.get("access") if isinstance(row, dict) else None
    if rights not in _RIGHTS:
        raise AccessError(
            f"{path}: [{table}.{name}] access is {rights!r}, read-only and read-write are allowed"
        )
    return Person(name, _RIGHTS[rights])


def _read_hash(path: object, name: str, row: Any) -> str:
    found = row.get("sha256")
    if not isinstance(found, str) or len(found) != 64 or set(found) - set("0123456789abcdef"):
        raise AccessError(f"{path}: [tokens.{name}] sha256 is not 64 of 0-9 a-f")
    return found


def add_token(path: str | os.PathLike[str], name: str, *, may_write: bool) -> str:
    """Add a new token to a file, which is made if it lacks; return the token."""
    file = Path(path)
    existing = Access.read(file) if file.exists() else Access()
    if name in {known.person.name for known in existing.tokens}:
        raise AccessError(f"{file}: there is a token for {name!r} already")
    if not name or set(name) - set(_NAME_CHARACTERS):
        raise AccessError(f"{name!r} is not a name of letters, digits, - and _")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hashed = hashlib.sha256(token.encode()).hexdigest()
    rights = "read-write" if may_write else "read-only"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as opened:
        opened.write(f'[tokens.{name}]\nsha256 = "{hashed}"\naccess = "{rights}"\n')
    return token


_NAME_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


class Visitor:
    """Who is at the other end of one connection."""

    __slots__ = ("_access", "_failures", "_turned_away", "person", "schemes")

    def __init__(
        self,
        access: Access,
        *,
        private: bool,
        person: Person | None = None,
        turned_away: bool = False,
    ) -> None:
        """`private`: nobody can listen in, so that a token may be said aloud."""
        self._turned_away = turned_away
        self._access = access
        self._failures = 0
        self.person = Person("") if access.open else person
        """None: not known yet."""
        self.schemes = ["token"] if access.tokens and private else []
        """What `hello` offers."""

    def check(self, command: str | None) -> None:
        """Raise StoreError unless the person at the other end may ask for `command`."""
        if self._turned_away:
            message = "too many connections"
            raise StoreError(ErrorCode.BUSY, message, retry_ms=RETRY_MS, close=True)
        if command == Command.HELLO:
            return
        if self.person is None:
            raise StoreError(ErrorCode.UNAUTHORIZED, "say in hello who you are")
        if command in _CHANGING and not self.person.may_write:
            raise StoreError(ErrorCode.FORBIDDEN, f"{self.person.name} may only read")

    def introduce(self, auth: Mapping[str, Any]) -> None:
        """Take what `hello` says of who is there; raise StoreError if it proves nothing."""
        person = None
        token = auth.get("token")
        if auth.get("scheme") in self.schemes and isinstance(token, str):
            person = self._access.find(token)
        if person is None:
            self._failures += 1
            raise StoreError(
                ErrorCode.UNAUTHORIZED,
                "this proves nothing here",
                close=self._failures >= FAILURES,
            )
        self.person = person
