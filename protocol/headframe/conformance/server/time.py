"""Checks of chapter 11, time and close; those that wait are a lane of their own."""

from __future__ import annotations

import socket
import time
from typing import Final

from headframe import LIMITS
from headframe.conformance.check import Chapter, Lane
from headframe.conformance.forms import Run
from headframe.conformance.peer import Peer, same
from headframe.conformance.replies import Ended, Reply, Said
from headframe.conformance.requests import Asked, frame, get, hello, put, stat
from headframe.conformance.verdicts import Deviation, Verdict
from headframe.conformance.wire import Ending, TCPState

__all__ = ["CHECKS"]

chapter: Final = Chapter("time")

LATE_S: Final = 8.0
"""How much later than a limit a server may act on a busy machine."""
LONGEST_IDLE_S: Final = 150.0
"""A server with more patience than this is not waited for."""

# --- what can be seen without waiting ----------------------------------------------------


def answered_before_the_end(*asked: Asked) -> Run:
    """What came whole before the end of file is carried out and answered, then it closes."""

    def run(peer: Peer) -> None:
        numbered = [peer.numbered(one) for one in asked]
        peer.send(*numbered)
        peer.wire.end_sending()
        for one in numbered:
            peer.agrees(one)
        peer.ends(Ending.FIN)

    return run


chapter.each(
    "HF-TIME-007",
    "What has arrived whole before the end of file is carried out and answered: {}.",
    answered_before_the_end,
    {
        "end-behind-hello": hello(),
        "end-behind-several": (put("~/a", b"abc"), get("~/a"), stat("~/a"), hello()),
        "end-behind-frames": put("~/a", b"1", more=True).then(b"2"),
        "end-behind-a-large-get": (put("~/a", bytes(900_000)), get("~/a"), get("~/a")),
    },
)


@chapter.check("HF-TIME-007 HF-BODY-010")
def answered_before_half_a_request(peer: Peer) -> None:
    """A whole request before one that is cut off is answered."""
    asked = peer.numbered(put("~/a", b"abc"))
    peer.send(asked, frame(b'{"id":9,"cmd":"hello"}')[:11])
    peer.wire.end_sending()
    peer.agrees(asked)
    peer.ends()
    peer.holds("~/a", b"abc")


def lingers(said: bytes | Asked) -> Run:
    """Whoever closes after having said something first reads on, so that no reset is sent."""

    def run(peer: Peer) -> str:
        peer.in_step()
        peer.send(said)
        reply = peer.receive()
        if not isinstance(reply, Reply) or not reply.closes:
            raise Deviation("a message with close: true", str(reply))
        peer.ends(Ending.FIN)
        begun = time.monotonic()
        peer.wire.send(bytes(16_384))
        state = peer.wire.settled_state(1.0)
        if time.monotonic() - begun > LIMITS.linger_ms / 2000:
            return "too busy to tell"
        if state is not TCPState.CLOSE_WAIT:
            raise Deviation("the server reads on after it has ended its side", "it has reset")
        return "ok"

    return run


chapter.each(
    "HF-TIME-006",
    "A server that closes ends its sending side and reads on, so that nothing is lost: {}.",
    lingers,
    {
        "lingers-after-bad-frame": b"\0\0\0\0",
        "lingers-after-bad-header": frame(b"no json"),
        "lingers-after-a-version": hello(hf=2, id=9),
        "lingers-after-too-much-to-discard": put("..", filesize=1 << 50, id=9),
    },
    needs=frozenset({"tcp-info"}),
    permitted={"ok": Verdict.PASS, "too busy to tell": Verdict.INFO},
)


@chapter.check("HF-TIME-006 HF-ERROR-003")
def a_last_word_arrives(peer: Peer) -> None:
    """The message of a fatal error arrives though the client goes on sending."""
    for _ in range(3):
        other = peer.another()
        other.in_step()
        other.send(b"\0\0\0\0", bytes(300_000))
        other.dies("bad-frame")
        other.close()


# --- what takes its time -----------------------------------------------------------------

TIMERS: Final = {"lane": Lane.TIMERS}


def header_s(peer: Peer) -> float:
    """Return how long a header may take."""
    return peer.facts.limit("header_ms", LIMITS.header_ms) / 1000


def trickle(peer: Peer, data: bytes, seconds: float, pause: float = 1.0) -> tuple[Said, float]:
    """Send a byte now and then until something comes; return it and when that was."""
    begun = time.monotonic()
    said: Said = Ended(Ending.TIME_OUT, False)
    for at in range(len(data) + int(seconds / pause) + 1):
        peer.send(data[at : at + 1])
        said = peer.receive(pause)
        took = time.monotonic() - begun
        if not (isinstance(said, Ended) and said.ending is Ending.TIME_OUT) or took > seconds:
            break
    return said, time.monotonic() - begun


def too_slow(before: Asked | None, data: bytes, wait_s: float | None) -> Run:
    """What comes byte by byte is cut when its time is over (None: of a header), and not before."""

    def run(peer: Peer) -> None:
        judge(peer, header_s(peer) if wait_s is None else wait_s)

    def judge(peer: Peer, wait_s: float) -> None:
        peer.in_step()
        if before is not None:
            peer.send(peer.numbered(before))
        said, took = trickle(peer, data, wait_s + LATE_S)
        if str(said) != "id=0 timeout, close":
            raise Deviation(f"id=0 timeout, close, after {wait_s:g} s", f"{said} ({took:.1f} s)")
        if took < wait_s * 0.95:
            raise Deviation(f"not before {wait_s:g} s", f"after {took:.1f} s")
        peer.ends()

    return run


_GRACE_S: Final = LIMITS.body_grace_ms / 1000
_LONG: Final = frame(b'{"id":9,"cmd":"hello","x.y":"' + bytes(40) + b'"}')

chapter.each(
    "HF-TIME-001",
    "A header that is not whole header_ms after its first byte is fatal: {}.",
    too_slow,
    {
        "half-a-length": (None, b"\x16", None),
        "a-length-and-nothing": (None, b"\x16\0\0\0", None),
        "a-header-byte-by-byte": (None, _LONG, None),
        "a-later-header": (put("~/a", b"abc", more=True), b"\x10\0", None),
    },
    **TIMERS,
)

chapter.each(
    "HF-TIME-002",
    "A body that comes too slowly is fatal, after ten seconds of grace: {}.",
    too_slow,
    {
        "a-body-byte-by-byte": (put("~/a", filesize=100_000), b"x" * 40, _GRACE_S),
        "a-body-that-does-not-come": (put("~/a", filesize=100_000), b"", _GRACE_S),
        "a-frame-that-does-not-come": (put("~/a", b"abc", more=True), b"", _GRACE_S),
        "a-discarded-body": (put("..", filesize=100_000, id=None), b"x" * 40, _GRACE_S),
    },
    **TIMERS,
)


@chapter.check("HF-TIME-002", **TIMERS)
def a_body_that_keeps_the_pace(peer: Peer) -> None:
    """A body of 2 KiB a second is not cut."""
    asked = peer.numbered(put("~/a", filesize=2048 * 16))
    peer.send(asked)
    for _ in range(16):
        said = peer.receive(1.0)
        if not isinstance(said, Ended) or said.ending is not Ending.TIME_OUT:
            raise Deviation("nothing before the end of the body", str(said))
        peer.send(bytes(2048))
    peer.agrees(asked)


@chapter.check("HF-SEC-003", needs=frozenset({"tls"}), **TIMERS)
def a_handshake_that_does_not_come(peer: Peer) -> None:
    """A connection whose TLS handshake is not done after header_ms is closed."""
    peer.in_step()
    target = peer.conversation.target
    with socket.create_connection((target.host, target.port), header_s(peer) + LATE_S) as sock:
        sock.sendall(b"\x16\x03\x01")
        try:
            answer = sock.recv(1)
        except TimeoutError:
            raise Deviation(f"an end after {header_s(peer):g} s", "TIME-OUT") from None
        except OSError:
            return
        same(b"", answer, "what comes")


def idle_s(peer: Peer) -> float:
    """Return how long the server waits between messages."""
    return peer.facts.limit("idle_ms", LIMITS.idle_ms) / 1000


IDLE: Final = {
    "ok": Verdict.PASS,
    "it does not close": Verdict.INFO,
    "a limit too great to try": Verdict.INFO,
}


@chapter.check("HF-TIME-003", permitted=IDLE, **TIMERS)
def silence_within_the_limit(peer: Peer) -> str:
    """A connection is not closed for silence before idle_ms."""
    if idle_s(peer) > LONGEST_IDLE_S:
        return "a limit too great to try"
    peer.in_step()
    said = peer.receive(idle_s(peer) * 0.95)
    if not isinstance(said, Ended) or said.ending is not Ending.TIME_OUT:
        raise Deviation(f"nothing for {idle_s(peer):g} s", str(said))
    peer.in_step()
    return "ok"


@chapter.check("HF-TIME-004 HF-TIME-003", permitted=IDLE, **TIMERS)
def silence_beyond_the_limit(peer: Peer) -> str:
    """A connection that is closed for silence gets the notice closing first."""
    if idle_s(peer) > LONGEST_IDLE_S:
        return "a limit too great to try"
    peer.in_step()
    begun = time.monotonic()
    said = peer.receive(idle_s(peer) + LATE_S)
    took = time.monotonic() - begun
    if isinstance(said, Ended) and said.ending is Ending.TIME_OUT:
        return "it does not close"
    if not isinstance(said, Reply) or (said.id, said.word) != (0, "closing"):
        raise Deviation("id=0 closing", f"{said} after {took:.1f} s")
    if took < idle_s(peer) * 0.95:
        raise Deviation(f"not before {idle_s(peer):g} s", f"after {took:.1f} s")
    peer.ends()
    return "ok"


@chapter.check("HF-REQ-006 HF-TIME-004", permitted=IDLE, needs=frozenset({"anonymous"}), **TIMERS)
def silence_without_an_id(peer: Peer) -> str:
    """Where no id has arrived, a connection is closed for silence without a byte."""
    if idle_s(peer) > LONGEST_IDLE_S:
        return "a limit too great to try"
    peer.send(put("~/a", b"abc", id=None))
    said = peer.receive(idle_s(peer) + LATE_S)
    if isinstance(said, Ended) and said.ending is Ending.TIME_OUT:
        return "it does not close"
    if not isinstance(said, Ended) or said.inside:
        raise Deviation("FIN, and not a byte", str(said))
    return "ok"


@chapter.check("HF-TIME-005", permitted=IDLE, **TIMERS)
def a_reply_that_nobody_takes(peer: Peer) -> str:
    """A client that takes no byte of a reply for idle_ms is cut."""
    if idle_s(peer) > LONGEST_IDLE_S:
        return "a limit too great to try"
    other = peer.another()
    other.ok(put("~/a", bytes(24 << 20)))
    other.close()
    asked = peer.numbered(get("~/a"))
    peer.send(asked)
    peer.wire.rest(idle_s(peer) + LATE_S)
    said = peer.receive()
    if isinstance(said, Reply):
        raise Deviation("an end inside the reply", f"{said} of {len(said.body)} bytes")
    same(True, isinstance(said, Ended) and said.ending is not Ending.TIME_OUT, "an end")
    return "ok"


CHECKS: Final = chapter.checks
