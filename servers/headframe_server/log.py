"""The server's log: one line an event, fields by name, nothing of a peer unescaped.

Spec: 12.3. The law of this module: whatever a peer has sent reaches the log as JSON text in ASCII,
in a traceback too, so that no control character and no line of its own making ever does,
whichever handler and formatter the program has that runs the server.

    2026-11-23T21:04:05.678Z info refused peer="127.0.0.1:40112" code="bad-name" message="..."
    {"time": "2026-11-23T21:04:05.678Z", "level": "info", "event": "refused", "peer": ...}
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from typing import Any, Final

__all__ = ["JsonFormatter", "TextFormatter", "record", "record_failure"]

_log: Final = logging.getLogger("headframe.server")


def record(level: int, event: str, **fields: Any) -> None:
    """Log an event with its fields."""
    if _log.isEnabledFor(level):
        text = " ".join([event, *(f"{name}={json.dumps(fields[name])}" for name in fields)])
        _log.log(level, "%s", text, extra={"event": event, "fields": fields})


def record_failure(event: str, **fields: Any) -> None:
    """Log an exception that is being handled, and that is nobody's fault but our own."""
    record(logging.ERROR, event, **fields, traceback=traceback.format_exc())


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


class TextFormatter(logging.Formatter):
    """One line of text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return f"{_time(record)} {record.levelname.lower()} {record.getMessage()}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = getattr(record, "event", record.getMessage())
        row = {"time": _time(record), "level": record.levelname.lower(), "event": event}
        return json.dumps(row | getattr(record, "fields", {}))
