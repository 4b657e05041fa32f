"""What is tested: where it listens, how to get there, and how long to wait for it.

The law of this module: everything that a run was given about the implementation stands here, and
nothing that was guessed.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["TIMEOUT_S", "Facts", "Target"]

TIMEOUT_S: Final = 10.0
"""How long an answer may take that nothing delays: generous, since a machine may be busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server, and what the run may use."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    token: str | None = None
    """Shown in `hello` on every connection."""
    root: Path | None = None
    """The folder that the server serves, where the kit may look into it."""
    timeout_s: float = TIMEOUT_S

    @classmethod
    def from_url(cls, url: str, **more: Any) -> Target:
        """Return the server of `headframe://host:port`; raise InvalidArgument for no URL."""
        from headframe_client.address import parse_url  # noqa: PLC0415  (what it costs)

        address = parse_url(url)
        if address.tls and more.get("tls") is None:
            more["tls"] = ssl.create_default_context()
        if more.get("tls") is not None:
            more["tls"].set_alpn_protocols(["hf/1"])
        return cls(host=address.host, port=address.port, **more)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"headframe{'s' if self.tls else ''}://{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a server said of itself in `hello`, and what the run can look at besides."""

    hello: Mapping[str, Any] = field(default_factory=dict)
    """The header of its reply; empty where it answers nothing."""
    abilities: frozenset[str] = frozenset()
    """What checks may need: its features, and what `preflight` finds that the run can do."""

    def limit(self, name: str, guaranteed: int) -> int:
        """Return a limit that it announces, or what every server guarantees."""
        limits = self.hello.get("limits")
        value = limits.get(name) if isinstance(limits, Mapping) else None
        return value if type(value) is int and value >= 0 else guaranteed
