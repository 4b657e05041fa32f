r"""One direction of a connection, taken apart byte by byte and explained; bad bytes too.

Spec: chapters 2 to 6. The law of this module: any bytes give parts, which laid end to end are
those bytes again, and what a part says comes from the codec that meets the network.

    N, header, body | N, header, body | ... | rest: what nobody reads after a fault

>>> for part in annotate(b'\x0e\0\0\0{"filesize":2}h').parts:
...     print(part.offset, part.kind, part.data, part.missing_bytes)
0 prelude b'\x0e\x00\x00\x00' 0
4 header b'{"filesize":2}' 0
18 body b'h' 1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from headframe.connection import Role
from headframe.errors import BadName, BadReply, RemoteError, shown
from headframe.exchange import Incoming
from headframe.headers import Header
from headframe.interpretation import FRAME_PLAN, REPLY_PLANS, REQUEST_PLAN
from headframe.messages import COMMANDS, UNSET, Notice, Refusal, Refused, Reply, Request, command_of
from headframe.names import check_name
from headframe.parts import BodyCutter, Fault, Part, PartKind
from headframe.places import Span, find_members, locate_fault
from headframe.plan import FramePlan
from headframe.reader import Reader, Sentinel
from headframe.registry import ErrorCode
from headframe.states import StreamState

__all__ = ["Annotation", "Annotator", "Fault", "Part", "PartKind", "annotate"]

PRELUDE_BYTES: Final = FRAME_PLAN.prelude.size

STRANGERS: Final = {
    b"\x16\x03": "TLS",
    b"GET ": "HTTP",
    b"POST": "HTTP",
    b"PUT ": "HTTP",
    b"HEAD": "HTTP",
    b"HTTP": "HTTP",
    b"PRI ": "HTTP/2",
    b"SSH-": "SSH",
}
"""How others begin, who knock at the wrong door."""


_PLANS: Final[Mapping[Role, FramePlan[Any]]] = {
    Role.CLIENT: REQUEST_PLAN,
    Role.SERVER: REPLY_PLANS[None],
}
"""Of the first headers that each side sends. Which request a reply answers is not known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """What `annotate` found."""

    parts: tuple[Part, ...]
    sender: Role | None
    """Who sent it; None: nothing says so."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong, in order."""
        return tuple(part.fault for part in self.parts if part.fault is not None)

    @property
    def missing_bytes(self) -> int:
        """How many bytes are known to be missing at the end; 0: it ends between messages."""
        return sum(part.missing_bytes for part in self.parts)


def annotate(data: bytes, sender: Role | None = None, *, shorten: bool = False) -> Annotation:
    """Take `data` apart; `sender` None: it is guessed from the first header.

    `shorten`: of long bodies only the first and the last row are kept.
    """
    annotator = Annotator(sender, shorten=shorten)
    parts = [*annotator.receive_data(data), *annotator.finish()]
    return Annotation(parts=tuple(parts), sender=annotator.sender)


class Annotator:
    """Does what `annotate` does for a stream that arrives piece by piece, in bounded memory."""

    def __init__(self, sender: Role | None = None, *, shorten: bool = False) -> None:
        self.sender = sender
        """Who sends this; None: nothing has said so yet."""
        self._shorten = shorten
        self._reader = Reader(FRAME_PLAN if sender is None else _PLANS[sender])
        self._offset = 0
        """Where the part begins that is arriving."""
        self._head = bytearray()
        """Of a prelude or header, what has arrived."""
        self._wanted = PRELUDE_BYTES
        self._in_header = False
        self._cutter: BodyCutter | None = None
        """Of the body, or of what follows the end, while that is arriving."""
        self._incoming: Incoming | None = None
        """The message that is arriving."""

    def receive_data(self, data: bytes | bytearray | memoryview) -> list[Part]:
        """Take bytes; return the parts that are whole."""
        parts: list[Part] = []
        rest = memoryview(data)
        while rest:
            if self._cutter is None:
                taken = rest[: self._wanted - len(self._head)]
                self._head += taken
                if len(self._head) == self._wanted:
                    parts.append(self._end_header() if self._in_header else self._end_prelude())
            else:
                taken = rest[: self._cutter.left_bytes]
                parts += self._cutter.receive_data(taken)
                self._offset += len(taken)
                if self._incoming is not None:
                    self._reader.receive_data(taken)
                    self._end_frame()
            rest = rest[len(taken) :]
        return parts

    def finish(self) -> list[Part]:
        """Return the last parts, whole or not; the stream is over."""
        if self._cutter is not None:
            return self._cutter.finish()
        if self._head or self._in_header or self._reader.state is StreamState.BETWEEN_FRAMES:
            missing = self._wanted - len(self._head)
            kind = PartKind.HEADER if self._in_header else PartKind.PRELUDE
            return [self._make(kind, "header" if self._in_header else "N", missing_bytes=missing)]
        return []

    def _end_prelude(self) -> Part:
        raw = bytes(self._head)
        announced = int.from_bytes(raw, "little")
        text = f', "{raw.decode()}"' if raw.isascii() and raw.decode().isprintable() else ""
        self._reader.receive_data(raw)
        try:
            self._reader.next_part()
        except RemoteError as error:
            fault = self._fault(error, (0, PRELUDE_BYTES), _recognise(raw))
            part = self._make(PartKind.PRELUDE, f"N = {announced}{text}", fault=fault)
            self._read_no_further()
            return part
        part = self._make(PartKind.PRELUDE, f"N = {announced}")
        self._wanted = announced
        self._in_header = True
        return part

    def _end_header(self) -> Part:
        raw = bytes(self._head)
        if self.sender is None:
            self._guess_sender(raw)
        self._reader.receive_data(raw)
        try:
            header = self._reader.next_part()
            assert isinstance(header, Header)
            meaning, refused = self._receive_header(header)
        except RemoteError as error:
            span = locate_fault(raw, error.rule, str(error), error.__cause__)
            part = self._make(
                PartKind.HEADER,
                "header",
                members=find_members(raw),
                fault=self._fault(error, span),
            )
            self._read_no_further()
            return part
        fault = None
        if refused is not None:
            begin, end = locate_fault(raw, refused.rule, refused.message)
            fault = Fault(
                rule=refused.rule,
                code=refused.code,
                message=refused.message,
                offset=self._offset + begin,
                size=end - begin,
                fatal=False,
            )
        part = self._make(PartKind.HEADER, meaning, members=find_members(raw), fault=fault)
        self._begin_body(header)
        return part

    def _guess_sender(self, raw: bytes) -> None:
        """Take the first header that can be read for what it looks like."""
        try:
            members = FRAME_PLAN.decode_header(raw).members
        except RemoteError:
            return
        self.sender = Role.SERVER if "ok" in members and "cmd" not in members else Role.CLIENT
        self._reader.first = _PLANS[self.sender]

    def _receive_header(self, header: Header) -> tuple[str, Refused | None]:
        """Take a header; return what it is, and why its message is refused, if it is."""
        incoming = self._incoming
        if incoming is not None:
            refused = None if incoming.discarding else incoming.continue_with(header)
            if refused is not None and isinstance(incoming.first, Reply):
                raise BadReply("HF-REPLY-001", f"reply is malformed: {refused.message}")
            incoming.discarding |= refused is not None
            return "later header", refused
        if isinstance(header, Reply):
            self._incoming = Incoming(first=header, last=header)
            if isinstance(header, Notice) and (header.filesize or header.more):
                raise BadReply("HF-REPLY-008", "a notice with a body")
            return _describe_reply(header), None
        assert isinstance(header, Request | Refused)
        command = command_of(header)
        incoming = self._incoming = Incoming(
            first=header,
            last=header,
            takes_body=command is None or COMMANDS[command].request_has_body,
        )
        refused = header if isinstance(header, Refused) else _judge_names(header)
        refused = refused or incoming.excess_body()
        incoming.discarding = refused is not None
        name = command or shown(header.cmd if isinstance(header, Refused) else None)
        return f"request {name}" + ("" if header.id is UNSET else f", id {header.id}"), refused

    def _begin_body(self, header: Header) -> None:
        if header.filesize:
            assert self._incoming is not None
            self._cutter = BodyCutter(
                PartKind.BODY,
                self._offset,
                header.filesize,
                shorten=self._shorten,
                discarded=self._incoming.discarding,
            )
        else:
            self._end_frame()

    def _end_frame(self) -> None:
        """Let the reader go on; see whether the frame, and with it the message, has ended."""
        while (part := self._reader.next_part()) is not Sentinel.NEED_DATA:
            if part is Sentinel.MESSAGE_END:
                incoming, self._incoming = self._incoming, None
                self._cutter = None
                if incoming is not None and getattr(incoming.first, "close", False):
                    self._read_no_further()
        if self._incoming is not None and not self._reader.body_left:
            self._cutter = None

    def _read_no_further(self) -> None:
        self._incoming = None
        self._cutter = BodyCutter(PartKind.REST, self._offset, None, shorten=self._shorten)

    def _make(self, kind: PartKind, meaning: str, **more: Any) -> Part:
        """Make a part of the prelude or header that has arrived."""
        part = Part(kind=kind, offset=self._offset, data=bytes(self._head), meaning=meaning, **more)
        self._offset = part.end
        self._head.clear()
        self._wanted = PRELUDE_BYTES
        self._in_header = False
        return part

    def _fault(self, error: RemoteError, span: Span, hint: str = "") -> Fault:
        begin, end = span
        return Fault(
            rule=error.rule,
            code=None if isinstance(error, BadReply) else error.code,
            message=str(error).removeprefix(f"{error.rule}: ") + hint,
            offset=self._offset + begin,
            size=end - begin,
            fatal=True,
        )


def _describe_reply(header: Reply) -> str:
    match header:
        case Notice():
            return f"notice {_word(header.code)}"
        case Refusal():
            return f"refusal {_word(header.code)}, id {header.id}"
    return "reply ok" + ("" if header.id is UNSET else f", id {header.id}")


def _word(code: str) -> str:
    return code if code in set(ErrorCode) else shown(code)


def _judge_names(request: Request) -> Refused | None:
    """Return why a request's file names refuse it, if they do."""
    for member in ("filename", "to"):
        name = getattr(request, member, UNSET)
        if name is UNSET:
            continue
        try:
            check_name(name)
        except BadName as error:
            message = str(error).removeprefix(f"{error.rule}: ")
            return Refused(
                filesize=request.filesize,
                more=request.more,
                id=request.id,
                cmd=command_of(request),
                code=error.code,
                rule=error.rule,
                message=f"{member}: {message}",
            )
    return None


def _recognise(prelude: bytes) -> str:
    """Return what else begins with these bytes, to go at the end of a message."""
    for begin, name in STRANGERS.items():
        if prelude.startswith(begin):
            return f"; {name} begins like this"
    swapped = int.from_bytes(prelude, "big")
    length = FRAME_PLAN.layout.length
    if length.minimum <= swapped <= length.maximum:
        return f"; in big-endian order it would be {swapped}"
    return ""
