"""The checks of servers as tests of pytest, in whatever else a project tests.

    pytest -p headframe.conformance.pytest_plugin --headframe-server=headframe://127.0.0.1:37263

The law of this module: a check is a test item with its own id, `headframe::frame/length-0`; a
failure shows what the command shows. Without `--headframe-server` nothing is added.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from headframe.conformance import terminal
from headframe.conformance.check import Check, Lane, Profile, select
from headframe.conformance.preflight import look_at
from headframe.conformance.runner import chosen, run_check
from headframe.conformance.server import SERVER_CHECKS
from headframe.conformance.target import TIMEOUT_S, Facts, Target
from headframe.conformance.verdicts import Exit, Result, SetupError, Verdict
from headframe_client.errors import InvalidArgument

__all__ = ["CheckItem"]

NOTED: Final = "headframe"
"""Under this name a report keeps a warning."""
_SERVER: Final = pytest.StashKey[tuple[Target, Facts | None]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the command has, as far as it makes sense here."""
    group = parser.getgroup("headframe", "conformance of a server to HF/1")
    group.addoption("--headframe-server", metavar="URL", help="Where the server listens.")
    group.addoption(
        "--headframe-profile",
        choices=[profile.value for profile in Profile],
        default=Profile.FULL.value,
        help="How much the server claims.",
    )
    group.addoption(
        "--headframe-only",
        action="append",
        default=[],
        metavar="WHAT",
        help="An id, a glob of ids, a chapter or a rule; several times for several.",
    )
    group.addoption("--headframe-root", type=Path, help="The folder that the server serves.")
    group.addoption("--headframe-token-file", type=Path, help="Who we are.")
    group.addoption("--headframe-ca", type=Path, help="Trust servers that this signed (PEM).")
    group.addoption("--headframe-timeout", type=float, default=TIMEOUT_S, help="For an answer.")
    group.addoption(
        "--headframe-lane",
        choices=[lane.value for lane in Lane],
        default=Lane.PLAIN.value,
        help="What is run: fixed cases, random ones, or real time-outs.",
    )


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add an item for each check."""
    if config.getoption("headframe_server") is None:
        return
    lane = Lane(config.getoption("headframe_lane"))
    checks = chosen(SERVER_CHECKS, Profile(config.getoption("headframe_profile")), lane)
    try:
        only = config.getoption("headframe_only")
        checks = select(checks, only) if only else checks
        config.stash[_SERVER] = _target(config), None
    except (ValueError, OSError, InvalidArgument) as error:
        raise pytest.UsageError(f"headframe: {error}") from error
    items += [
        CheckItem.from_parent(session, name=check.id, nodeid=f"{NOTED}::{check.id}", check=check)
        for check in checks
    ]


def _target(config: pytest.Config) -> Target:
    """Return what is tested; raise ValueError or OSError for what cannot be used."""
    token, authority = config.getoption("headframe_token_file"), config.getoption("headframe_ca")
    tls = None
    if authority is not None:
        from headframe_client.trust import client_context  # noqa: PLC0415  (rarely needed)

        tls = client_context(authority)
    return Target.from_url(
        str(config.getoption("headframe_server")),
        tls=tls,
        token=token.read_text(encoding="utf-8").strip() if token else None,
        root=config.getoption("headframe_root"),
        timeout_s=config.getoption("headframe_timeout"),
    )


def _server(config: pytest.Config) -> tuple[Target, Facts]:
    """Return what is tested, once it was looked at; end the session if there is nothing."""
    target, facts = config.stash[_SERVER]
    if facts is None:
        flat = _is_flat(config)
        try:
            facts = look_at(target, silent_is_fine=flat and target.root is not None)
        except SetupError as error:
            pytest.exit(f"setup: {error}", returncode=Exit.UNREACHABLE)
        config.stash[_SERVER] = target, facts
    return target, facts


def _is_flat(config: pytest.Config) -> bool:
    return bool(config.getoption("headframe_profile") == Profile.ORIGIN)


class CheckItem(pytest.Item):
    """A check that pytest runs."""

    def __init__(self, *, check: Check, **extra: Any) -> None:
        super().__init__(**extra)
        self.check = check
        for rule in check.rules:
            self.keywords[rule] = True

    def runtest(self) -> None:
        """Run the check; raise what pytest makes of its verdict."""
        target, facts = _server(self.config)
        result = run_check(target, facts, self.check, flat=_is_flat(self.config))
        if result.verdict is Verdict.SKIP:
            pytest.skip(result.got)
        if result.verdict in {Verdict.FAIL, Verdict.ERROR}:
            raise CheckFailed(result)
        if result.verdict is not Verdict.PASS:
            self.user_properties.append((NOTED, f"{result.verdict} {self.check.id}: {result.got}"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show a failure as the command does."""
        if isinstance(excinfo.value, CheckFailed):
            return "\n".join(terminal.show_result(excinfo.value.result))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where it is: a check is known by its id."""
        return self.path, None, f"{NOTED} {self.check.id}"


class CheckFailed(Exception):
    """A check has failed."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.check.id)
        self.result = result


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell of the SHOULDs that are not kept, and of what was noted."""
    noted = [
        text
        for report in terminalreporter.stats.get("passed", [])
        for name, text in report.user_properties
        if name == NOTED
    ]
    if noted:
        terminalreporter.section("headframe")
        for text in noted:
            terminalreporter.line(text)
