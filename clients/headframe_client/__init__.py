"""A blocking client of HF/1: files to a server and back, each one checked end to end.

>>> from headframe_client import Client
>>> with Client.from_url("headframe://127.0.0.1:37263") as client:  # doctest: +SKIP
...     stored = client.put("notes/today.txt", b"hello")
...     client.get("notes/today.txt", "today.txt")
...     for entry in client.list("notes/"):
...         print(entry.name, entry.total)

`Client` has one method for each command of the protocol and waits for its reply. Whole folders go
through `put_tree` and `get_tree`, which keep many requests on their way at once. What can go
wrong is in `errors`; the command line is in `command`.

The package is a worked example of the codec, read from the bottom up: `session` joins a socket to
a `headframe.Connection`, `calls` says what becomes of each kind of request, `client` and
`pipeline` are two ways to wait for it.

The law of this module: a name is imported when it is first used, so that the command line starts
without paying for the codec.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headframe_client.address import Address, parse_url
    from headframe_client.client import Client
    from headframe_client.crew import Crew
    from headframe_client.errors import (
        ClientError,
        ConnectionFailed,
        DigestMismatch,
        InvalidArgument,
        NotTrusted,
        ProtocolViolation,
        Refused,
    )
    from headframe_client.journal import Journal, new_upload
    from headframe_client.outcome import Outcome
    from headframe_client.pace import Pace
    from headframe_client.pipeline import Pipeline
    from headframe_client.results import Entry, FileState, GetResult, Kept, PutResult
    from headframe_client.retries import retry
    from headframe_client.trees import (
        LocalFile,
        TreeOptions,
        compare_names,
        delete_tree,
        get_tree,
        list_names,
        put_tree,
        walk_folder,
    )
    from headframe_client.trust import client_context

__all__ = [
    "Address",
    "Client",
    "ClientError",
    "ConnectionFailed",
    "Crew",
    "DigestMismatch",
    "Entry",
    "FileState",
    "GetResult",
    "InvalidArgument",
    "Journal",
    "Kept",
    "LocalFile",
    "NotTrusted",
    "Outcome",
    "Pace",
    "Pipeline",
    "ProtocolViolation",
    "PutResult",
    "Refused",
    "TreeOptions",
    "client_context",
    "compare_names",
    "delete_tree",
    "get_tree",
    "list_names",
    "new_upload",
    "parse_url",
    "put_tree",
    "retry",
    "walk_folder",
]

_MODULES = {
    "address": ("Address", "parse_url"),
    "client": ("Client",),
    "crew": ("Crew",),
    "errors": (
        "ClientError",
        "ConnectionFailed",
        "DigestMismatch",
        "InvalidArgument",
        "NotTrusted",
        "ProtocolViolation",
        "Refused",
    ),
    "journal": ("Journal", "new_upload"),
    "outcome": ("Outcome",),
    "pace": ("Pace",),
    "pipeline": ("Pipeline",),
    "results": ("Entry", "FileState", "GetResult", "Kept", "PutResult"),
    "retries": ("retry",),
    "trees": (
        "LocalFile",
        "TreeOptions",
        "compare_names",
        "delete_tree",
        "get_tree",
        "list_names",
        "put_tree",
        "walk_folder",
    ),
    "trust": ("client_context",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
