"""The log: one line an event, and nothing in it that a peer could use."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headframe_server.log import JsonFormatter, TextFormatter, record, record_failure


def logged(formatter, step):
    """Return what the server's log holds after `step`."""
    log = logging.getLogger("headframe.server")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        step()
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before
    return stream.getvalue()


@pytest.mark.rule("HF-SEC-013")
@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter(), logging.Formatter()])
@given(text=st.text())
@example(text="\x1b[31m\r\n2026-01-01 forged \u2028 \x9b \ud800")
def test_whatever_a_peer_sends_is_one_printable_line(formatter, text):
    line = logged(formatter, lambda: record(logging.INFO, "refused", name=text, code="x"))
    assert line.endswith("\n")
    assert line[:-1].isascii()
    assert line[:-1].isprintable()
    if isinstance(formatter, JsonFormatter):
        row = json.loads(line)
        assert ("refused", "info", text) == (row["event"], row["level"], row["name"])


@pytest.mark.rule("HF-SEC-013")
@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter(), logging.Formatter()])
def test_a_traceback_is_escaped_like_all_the_rest(formatter):
    def fail():
        try:
            raise ValueError("\x1b[31m\nforged")
        except ValueError:
            record_failure("failed", peer="127.0.0.1")

    line = logged(formatter, fail)
    assert 1 == line.count("\n")
    assert "ValueError" in line
    assert line[:-1].isprintable()


def test_what_is_below_the_level_costs_nothing():
    log = logging.getLogger("headframe.server")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        record(logging.INFO, "event", name=object())  # which could not be written
    finally:
        log.setLevel(before)
