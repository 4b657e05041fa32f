"""A header between its bytes and its type: strict, and quick where that costs nothing.

Spec: chapter 3. The law of this module: the fast path accepts nothing that the exact path would
not accept with the same meaning; with the least doubt it leaves the decision to the exact path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from headframe.errors import BadHeader, LocalError, RemoteError, shown
from headframe.limits import LIMITS
from headframe.strict_json import NONCHARACTER_BYTES, WHITE_SPACE, JSONObject, load_object

__all__ = ["Flaw", "Header", "HeaderCodec", "OpenHeader", "WholeNumber"]

WholeNumber = Annotated[int, msgspec.Meta(ge=0, le=LIMITS.integer_max)]
"""A registered integer from 0 (HF-HEADER-010)."""

Flaw = tuple[str, str]
"""Id of the rule that a header breaks, and how."""


class Header(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """What framing reads of a header: its two members that say where the frame ends."""

    filesize: WholeNumber = 0
    """S, the bytes of body in this frame."""
    more: bool = False
    """Whether another frame of the same message follows."""

    def flaw(self) -> Flaw | None:
        """Return what is wrong with the members although each has its type; None: nothing."""
        return None


class OpenHeader(Header, frozen=True, kw_only=True):
    """A header of which nothing is known but the framing; for tools and tests."""

    members: Mapping[str, Any]
    """The whole JSON object."""

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> OpenHeader:
        """Return the header with these members.

        >>> OpenHeader.of({"id": 1, "cmd": "put", "filesize": 5}).filesize
        5
        """
        return cls(
            filesize=members.get("filesize", 0), more=members.get("more", False), members=members
        )


H = TypeVar("H", bound=Header)


class HeaderCodec(Generic[H]):
    """Strict I-JSON bytes to a header of type `H` and back.

    Decoding has a fast path and an exact one. The fast path decodes straight into the types and
    encodes the result again: what gives the received bytes back, but for order and white space,
    has no duplicate name, no unknown name and no number in a strange form, since each of these
    needs more bytes than the canonical form. Everything else goes to `load_object`, which
    judges, and to `interpret`, which gives the members a meaning.
    """

    def __init__(
        self, typed: Any, interpret: Callable[[JSONObject], H], *, id_min: int = 1
    ) -> None:
        """Make a codec.

        `typed` is what msgspec decodes to (None: nothing is known beforehand), `interpret` gives
        the members of any other header their meaning, `id_min` is the smallest id.
        """
        self._decode = _leave_open if typed is None else msgspec.json.Decoder(typed).decode
        self._encode = _encode_members if typed is None else _encode
        self._interpret = interpret
        self._id_min = id_min

    def decode(self, raw: bytes) -> H:
        """Return the header; raise BadFrame or BadHeader (or what `interpret` raises)."""
        try:
            header: H = self._decode(raw)
        except _UNREADABLE:
            return self.decode_exactly(raw)
        canonical = _encode(header)
        if (
            (  # nothing came but the canonical bytes, their order and white space aside
                canonical == raw
                or len(canonical.translate(None, WHITE_SPACE))
                == len(raw.translate(None, WHITE_SPACE))
            )
            and (raw.isascii() or not NONCHARACTER_BYTES.search(raw))
            and header.flaw() is None
        ):
            return header
        return self.decode_exactly(raw)

    def decode_exactly(self, raw: bytes) -> H:
        """Do what `decode` does by the exact path alone."""
        members = load_object(raw)
        _check_framing(members, self._id_min)
        return self._interpret(members)

    def encode(self, header: H) -> bytes:
        """Return the header as compact JSON; raise LocalError for what JSON cannot hold."""
        try:
            return self._encode(header)
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError, TypeError) as error:
            raise LocalError("HF-HEADER-001", f"header cannot be written: {error}") from error

    def encode_checked(self, header: H) -> bytes:
        """Return the header as a peer would accept it: read back, LocalError if refused."""
        encoded = self.encode(header)
        try:
            if (
                self._decode(encoded) == header
                and (encoded.isascii() or not NONCHARACTER_BYTES.search(encoded))
                and header.flaw() is None
            ):
                return encoded
        except _UNREADABLE:
            pass
        try:
            understood = self.decode(encoded)
        except RemoteError as error:
            raise LocalError(error.rule, f"peer would refuse the header: {error}") from error
        if understood != header:
            raise LocalError(
                "HF-HEADER-013", f"peer would understand {understood!r} instead of {header!r}"
            )
        return encoded


_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _leave_open(_: bytes) -> Any:
    """Stand in for the types of a header of which nothing is known beforehand."""
    raise msgspec.ValidationError


_encode: Final = msgspec.json.Encoder().encode


def _encode_members(header: Any) -> bytes:
    return _encode(header.members)


def _check_framing(members: JSONObject, id_min: int) -> None:
    """Judge the three members without which there is no framing and no echo, in this order."""
    _check_whole_number(members, "filesize", 0)
    if not isinstance(members.get("more", False), bool):
        raise BadHeader(
            "HF-HEADER-012",
            f"more is {shown(members['more'])}, only true or false is allowed",
            has_id="id" in members,
        )
    _check_whole_number(members, "id", id_min)


def _check_whole_number(members: JSONObject, name: str, minimum: int) -> None:
    value = members.get(name, minimum)
    if type(value) is not int or not minimum <= value <= LIMITS.integer_max:
        raise BadHeader(
            "HF-HEADER-011",
            f"{name} is {shown(value)}, only an integer token from {minimum} to"
            f" {LIMITS.integer_max} is allowed",
            has_id="id" in members,
        )
