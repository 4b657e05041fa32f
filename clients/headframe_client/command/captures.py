"""What passed over TCP, out of a file that tcpdump or Wireshark wrote.

The law of this module: it gives out the bytes of each direction in the order in which they were
sent, each once, however they were cut, repeated or overtaken; and where the capture has a hole it
says so and gives out nothing behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from ipaddress import ip_address
from typing import Any, Final

import dpkt

from headframe_client.command.pieces import Flow, Piece
from headframe_client.errors import InvalidArgument

__all__ = ["read_capture"]

PCAPNG_BEGIN: Final = b"\x0a\x0d\x0d\x0a"

MOST_WAITING_BYTES: Final = 8 << 20
"""What may come too early in one direction; with more of it, what is missing counts as lost."""

_FRAMES: Final = {
    0: dpkt.loopback.Loopback,
    1: dpkt.ethernet.Ethernet,
    108: dpkt.loopback.Loopback,
    113: dpkt.sll.SLL,
    276: dpkt.sll2.SLL2,
}
"""By the number that a capture gives its link; any other is taken for bare IP."""


@dataclass(slots=True)
class _Direction:
    """Puts the segments of one direction in order."""

    flow: Flow
    first: int | None = None
    """Sequence number of the first byte, as it was announced."""
    next: int = 0
    """Sequence number of the byte that is next."""
    end: int | None = None
    """Sequence number behind the last byte, once that is known."""
    waiting: dict[int, bytes] = field(default_factory=dict)
    waiting_bytes: int = 0
    ended: bool = False

    def begin(self, first: int) -> None:
        self.first = self.next = first

    def take(self, sequence: int, data: bytes) -> Iterator[Piece]:
        """Take a segment; give out what is next."""
        if self.ended:
            return
        if self.first is None:
            self.begin(sequence)
        if self._ahead(sequence) > 0:
            known = self.waiting.get(sequence, b"")
            if len(known) < len(data):
                self.waiting_bytes += len(data) - len(known)
                self.waiting[sequence] = data
        elif fresh := self._advance(sequence, data):
            for begin in sorted(self.waiting, key=self._ahead):
                if self._ahead(begin) > 0:
                    break
                late = self.waiting.pop(begin)
                self.waiting_bytes -= len(late)
                fresh += self._advance(begin, late)
            yield Piece(flow=self.flow, data=fresh)
        complete = self.end is not None and self._ahead(self.end) <= 0
        if complete or self.waiting_bytes > MOST_WAITING_BYTES:
            yield from self.finish()

    def finish(self) -> Iterator[Piece]:
        """Give out the end; what waits by now waits for bytes that are lost."""
        if not self.ended:
            self.ended = True
            lost = min(map(self._ahead, self.waiting), default=0)
            self.waiting.clear()
            yield Piece(flow=self.flow, ended=True, lost_bytes=max(lost, 0))

    def _advance(self, sequence: int, data: bytes) -> bytes:
        """Return what is new of a segment that does not come too early, and count it as given."""
        fresh = data[-self._ahead(sequence) :]
        self.next = (self.next + len(fresh)) & 0xFFFFFFFF
        return fresh

    def _ahead(self, sequence: int) -> int:
        """Return how many bytes lie between the next one and `sequence`; negative: behind it."""
        return (sequence - self.next + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def read_capture(stream: BufferedReader[Any], port: int) -> Iterator[Piece]:
    """Return what was sent to and from `port`; raise InvalidArgument for a damaged capture."""
    directions: dict[tuple[str, str], _Direction] = {}
    for source, target, tcp in _read_segments(stream):
        if port not in (tcp.sport, tcp.dport):
            continue
        ends = _show_end(source, tcp.sport), _show_end(target, tcp.dport)
        begins = bool(tcp.flags & dpkt.tcp.TH_SYN)
        direction = directions.get(ends)
        if direction and begins and direction.first not in (None, tcp.seq + 1 & 0xFFFFFFFF):
            yield from direction.finish()
            direction = None
        if direction is None:
            flow = Flow(*ends, from_client=tcp.dport == port)
            direction = directions[ends] = _Direction(flow)
        if begins:
            if direction.first is None:
                direction.begin(tcp.seq + 1 & 0xFFFFFFFF)
            continue
        if tcp.flags & dpkt.tcp.TH_FIN:
            direction.end = (tcp.seq + len(tcp.data)) & 0xFFFFFFFF
        yield from direction.take(tcp.seq, bytes(tcp.data))
        if tcp.flags & dpkt.tcp.TH_RST:
            yield from direction.finish()
    for direction in directions.values():
        yield from direction.finish()


def _read_segments(stream: BufferedReader[Any]) -> Iterator[tuple[bytes, bytes, Any]]:
    """Return the TCP segments of a capture, each with the addresses between which it went."""
    kind = dpkt.pcapng if stream.peek(4)[:4] == PCAPNG_BEGIN else dpkt.pcap
    try:
        reader = kind.Reader(stream)
        frame = _FRAMES.get(reader.datalink())
        for _, raw in reader:
            try:
                packet = frame(raw).data if frame else _read_ip(raw)
            except (dpkt.Error, struct.error, ValueError, IndexError):
                continue  # a packet that is cut short or is nothing that dpkt knows
            if isinstance(getattr(packet, "data", None), dpkt.tcp.TCP):
                yield packet.src, packet.dst, packet.data
    except (dpkt.Error, struct.error, ValueError) as error:
        raise InvalidArgument(f"the capture is damaged: {error}") from error


def _read_ip(raw: bytes) -> Any:
    return dpkt.ip6.IP6(raw) if raw[0] >> 4 == 6 else dpkt.ip.IP(raw)


def _show_end(address: bytes, port: int) -> str:
    shown = ip_address(address)
    return f"[{shown}]:{port}" if shown.version == 6 else f"{shown}:{port}"
