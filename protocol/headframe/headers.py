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
        self._decode = None if typed is None else msgspec.json.Decoder(typed).decode
        self._encode = _encode_members if typed is None else _encode
        self._interpret = interpret
        self._id_min = id_min

    def decode(self, raw: bytes) -> H:
        """Return the header; raise BadFrame or BadHeader (or what `interpret` raises)."""
        if self._decode is None:
            return self.decode_exactly(raw)
        try:
            header: H = self._decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self.decode_exactly(raw)
        canonical = _encode(header)
        if (canonical == raw or _ink(canonical) == _ink(raw)) and _is_sound(raw, header):
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
        if self._is_plain(encoded, header):
            return encoded
        try:
            understood = self.decode(encoded)
        except RemoteError as error:
            raise LocalError(error.rule, f"peer would refuse the header: {error}") from error
        if understood != header:
            raise LocalError(
                "HF-HEADER-013", f"peer would understand {understood!r} instead of {header!r}"
            )
        return encoded

    def _is_plain(self, encoded: bytes, header: H) -> bool:
        """Return whether the types alone give back `header`, of which `encoded` was made."""
        try:
            return (
                self._decode is not None
                and self._decode(encoded) == header
                and _is_sound(encoded, header)
            )
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False


def _is_sound(raw: bytes, header: Header) -> bool:
    """Return whether nothing is wrong with a header that has the types of its members."""
    return (raw.isascii() or not NONCHARACTER_BYTES.search(raw)) and header.flaw() is None


_encode: Final = msgspec.json.Encoder().encode


def _encode_members(header: Any) -> bytes:
    return _encode(header.members)


def _ink(raw: bytes) -> int:
    """Count the bytes that are not white space, inside strings or outside."""
    return len(raw.translate(None, WHITE_SPACE))


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
