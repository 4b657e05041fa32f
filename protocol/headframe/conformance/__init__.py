"""The conformance kit: what another implementation is tested with.

    headframe conform server headframe://127.0.0.1:37263
    headframe conform client "mycli put {local} {url}"
    headframe conform codec "node my_codec.js"

    from headframe.conformance import SERVER_CHECKS, run_checks
    results = run_checks("headframe://127.0.0.1:37263", SERVER_CHECKS)

Needs `pip install "headframe[conformance]"`. It stands on the public API of the codec and nothing
below the tests imports it. A check (`check`) is a plain object whose `run` talks to the
implementation through a `peer`, in the words of `requests`; `runner` runs many of them, `runs` and
`terminal` tell what came out. The checks of servers are in `server`, a module for each chapter of
the standard, and those of clients in `client`, where the kit is the server; those of codecs are
made from the `vectors`. `strategies` holds Hypothesis strategies for HF/1.

The law of this module: a name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headframe.conformance.check import Check, Lane, Profile, Role, select
    from headframe.conformance.client import CLIENT_CHECKS
    from headframe.conformance.client.commands import Commands
    from headframe.conformance.client.lineup import look_at_client, run_client_checks
    from headframe.conformance.codec import CODEC_CHECKS, run_codec_checks
    from headframe.conformance.codec_process import CodecProcess
    from headframe.conformance.runner import chosen, run_checks
    from headframe.conformance.server import SERVER_CHECKS
    from headframe.conformance.target import Facts, Target
    from headframe.conformance.vectors import VECTORS
    from headframe.conformance.verdicts import Deviation, Result, SetupError, Verdict

__all__ = [
    "CLIENT_CHECKS",
    "CODEC_CHECKS",
    "SERVER_CHECKS",
    "VECTORS",
    "Check",
    "CodecProcess",
    "Commands",
    "Deviation",
    "Facts",
    "Lane",
    "Profile",
    "Result",
    "Role",
    "SetupError",
    "Target",
    "Verdict",
    "chosen",
    "look_at_client",
    "run_checks",
    "run_client_checks",
    "run_codec_checks",
    "select",
]

_PLACES = {
    "check": ("Check", "Lane", "Profile", "Role", "select"),
    "client": ("CLIENT_CHECKS",),
    "client.commands": ("Commands",),
    "client.lineup": ("look_at_client", "run_client_checks"),
    "codec": ("CODEC_CHECKS", "run_codec_checks"),
    "codec_process": ("CodecProcess",),
    "runner": ("chosen", "run_checks"),
    "server": ("SERVER_CHECKS",),
    "target": ("Facts", "Target"),
    "vectors": ("VECTORS",),
    "verdicts": ("Deviation", "Result", "SetupError", "Verdict"),
}


def __getattr__(name: str) -> Any:
    """Import a name from where it is."""
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
