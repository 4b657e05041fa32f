"""Where this user's state is kept between two runs.

The law of this module: what is kept helps to go on, and nothing depends on it; it is for this user
only.
"""

from __future__ import annotations

import os
import sys

from headframe_client.journal import Journal

__all__ = ["open_journal"]


def open_journal() -> Journal:
    """Return where uploads that are under way are written down."""
    return Journal(os.path.join(_state_folder(), "headframe", "uploads"))


def _state_folder() -> str:
    """Return the folder that the system has for such things."""
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support")
    return os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
