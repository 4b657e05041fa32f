"""Files that one process at a time works on.

The law of this module: whoever cannot have a lock is told so at once, and where there are no locks
(Windows, some network file systems) everybody has them. So a lock avoids work that would be
lost; what keeps files whole is that they are renamed into place.
"""

from __future__ import annotations

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["lock"]


def lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return False if somebody else has."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
