"""Where files are to go: the directories of their names, each opened once for many files.

Spec: chapter 7. The law of this module: what it has open it found by the way that `Tree` goes,
after the requests had come that it serves; so it is good for those, and for nothing later.
"""

from __future__ import annotations

import os

from headframe_server.tree import Tree

__all__ = ["Targets"]


class Targets:
    """The directories that a batch of files goes to, for one thread, which alone changes the tree.

    Each is opened when it is first asked for, and made where it lacks.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._open: dict[str, int] = {}
        """Descriptors by path."""

    def find(self, name: str) -> tuple[int, str]:
        """Return the directory that is to hold `name`, and the last segment.

        Raises StoreError `conflict` where something on the way is no directory.
        """
        path, _, leaf = name.rpartition("/")
        descriptor = self._open.get(path)
        if descriptor is None:
            descriptor = self._open[path] = self._tree.make_path(path)
        self._tree.check_exact(descriptor, leaf, writing=True)
        return descriptor, leaf

    def close(self) -> None:
        """Let go of what is open: now, or as soon as one of them may have been removed."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
