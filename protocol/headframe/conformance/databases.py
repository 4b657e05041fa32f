"""Where a search remembers what it found: a folder of this user, or a Redis for many machines.

    database = open_database("redis://192.0.2.7:6379/0", on_loss=print)
    search = Search(database=Shelf(database, "my-server model/files"))

The law of this module: a database is a help and never a condition. One that cannot be opened is
told at once; one that goes away in the middle costs nothing but what it would have remembered.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

__all__ = ["Shelf", "default_place", "open_database"]

PATIENCE_S: Final = 5.0
"""For each answer of a Redis."""
REST_S: Final = 60.0
"""How long a database that failed is left alone."""
REDIS: Final = ("redis://", "rediss://", "unix://")


def default_place() -> str:
    """Return the folder in this user's cache."""
    home = Path.home()
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = home / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return str(cache / "headframe" / "examples")


def open_database(place: str, on_loss: Callable[[str], None]) -> ExampleDatabase:
    """Return the database in a folder, or of a Redis URL; raise ValueError if there is none.

    `on_loss` is told, in a sentence, when it fails later.
    """
    if place.startswith(REDIS):
        return _Lenient(_open_redis(place), on_loss)
    if "://" in place:
        raise ValueError(f"{place} is no folder, and no URL that begins with redis://")
    try:
        Path(place).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{place} cannot be a folder: {error.strerror}") from error
    return _Lenient(DirectoryBasedExampleDatabase(place), on_loss)


def _open_redis(url: str) -> ExampleDatabase:
    try:
        redis: Any = import_module("redis")
    except ModuleNotFoundError:
        raise ValueError("Redis needs a package: pip install 'headframe[campaign]'") from None
    try:
        client = redis.Redis.from_url(
            url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
        )
        client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise ValueError(f"no Redis answers: {error}") from error
    made: ExampleDatabase = import_module("hypothesis.extra.redis").RedisExampleDatabase(
        client, key_prefix=b"headframe:"
    )
    return made


class _Lenient(ExampleDatabase):
    """A database whose failures are told, and then cost nothing."""

    def __init__(self, database: ExampleDatabase, on_loss: Callable[[str], None]) -> None:
        super().__init__()
        self._database = database
        self._on_loss = on_loss
        self._rests_until = 0.0

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """Return what was saved."""
        return self._ask(lambda: list(self._database.fetch(key))) or []

    def save(self, key: bytes, value: bytes) -> None:
        """Remember an example."""
        self._ask(lambda: self._database.save(key, value))

    def delete(self, key: bytes, value: bytes) -> None:
        """Forget an example."""
        self._ask(lambda: self._database.delete(key, value))

    def _ask(self, what: Callable[[], Any]) -> Any:
        """Return its answer; None if it fails, or has failed a short time ago."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            return what()
        except Exception as error:
            self._rests_until = time.monotonic() + REST_S
            self._on_loss(f"the database of examples fails: {error}")
            return None


class Shelf(ExampleDatabase):
    """The part of a database that is about one thing, whatever else is in it.

    Hypothesis names an example by the function that it was found with, and several of ours may
    look the same to it.
    """

    def __init__(self, database: ExampleDatabase, name: str) -> None:
        super().__init__()
        self._database = database
        self._name = name.encode("utf-8", "surrogatepass") + b"\0"

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """Return what was saved."""
        return self._database.fetch(self._name + key)

    def save(self, key: bytes, value: bytes) -> None:
        """Remember an example."""
        self._database.save(self._name + key, value)

    def delete(self, key: bytes, value: bytes) -> None:
        """Forget an example."""
        self._database.delete(self._name + key, value)
