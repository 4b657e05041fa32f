"""The link by itself: what `test_handler` and `test_flooding` cannot see from outside."""

from __future__ import annotations

import mmap
import socket

import pytest

from headframe import LIMITS
from headframe_server import link as link_module
from headframe_server.link import Link, PeerSilent


@pytest.fixture
def ends():
    """Two ends of a connection, and of what wakes a server."""
    pairs = socket.socketpair(), socket.socketpair()
    yield pairs[0][0], pairs[0][1], pairs[1][0]
    for pair in pairs:
        for end in pair:
            end.close()


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="memory cannot be given back here")
def test_a_peer_that_is_quiet_for_a_while_has_no_buffer(ends, monkeypatch):
    monkeypatch.setattr(link_module, "QUIET_S", 0.02)
    ours, theirs, wake = ends
    link = Link(ours, wake, LIMITS)
    theirs.sendall(b"x" * 5000)
    view = link.receive(5.0)
    assert b"x" * 5000 == bytes(view)
    with pytest.raises(PeerSilent):
        link.receive(0.1)
    assert bytes(5000) == bytes(view)  # pages that were given back read as zeros
    theirs.sendall(b"y")
    assert b"y" == bytes(link.receive(5.0))
