"""What a search of codecs has found as a vector: a file that any codec can be asked about.

    path = pin(question, check, folder)
    headframe conform codec "node my_codec.js" --vectors headframe-found/FRAME-002-1f0a9c3d.json

Spec: the page `spec/vectors.md`. The law of this module: a pinned vector has the form of all
others, so that it can be taken among them; what is right in it is what the reference reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headframe import Role
from headframe.annotation import annotate
from headframe.conformance import codec_events as ev
from headframe.conformance.check import Check
from headframe.conformance.codec_reader import build, read
from headframe.conformance.vectors import Annotation, Awaited, Category, Side, Vector
from headframe.parts import Part

__all__ = ["pin", "vector_of"]


def pin(question: Mapping[str, Any], check: Check, folder: Path) -> Path:
    """Write the vector of what a codec was asked into a file of its own; return where it is."""
    vector = vector_of(question, check)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{vector.id}.json"
    members = msgspec.to_builtins(vector)
    if not vector.requests:
        del members["requests"]
    path.write_text(json.dumps([members], indent=1) + "\n", encoding="utf-8")
    return path


def vector_of(question: Mapping[str, Any], check: Check) -> Vector:
    """Return what a codec was asked as a vector; what it was to build, as bytes to be read."""
    role = Side(question["role"])
    requests = tuple(msgspec.convert(question.get("requests", []), list[Awaited]))
    if question["op"] == "build":
        body, trailers = bytes.fromhex(question["body"]), question.get("trailers")
        data = build(role, question["members"], body, requests, trailers)
        role = Side.CLIENT if role is Side.SERVER else Side.SERVER
    else:
        data = b"".join(map(bytes.fromhex, question["chunks"]))
    sender = Role.CLIENT if role is Side.SERVER else Role.SERVER
    found = annotate(data, sender)
    rules = [*dict.fromkeys([*(fault.rule for fault in found.faults), *check.rules])]
    key = hashlib.sha256(json.dumps([role, question.get("requests"), data.hex()]).encode())
    events = tuple(read(role, [data], requests))
    return Vector(
        id=f"{rules[0].removeprefix('HF-')}-{key.hexdigest()[:8]}",
        title=f"Found by {check.id}",
        category=_category(events),
        role=role,
        requests=requests,
        rules=tuple(rules),
        hex=" ".join(part.data.hex() for part in found.parts if part.data),
        annotations=tuple(_annotations(found.parts)),
        events=events,
    )


def _annotations(parts: Sequence[Part]) -> Iterator[Annotation]:
    """Yield what stands where."""
    for part in parts:
        if part.data:
            text = ascii(part.data[:100])[2:-1]
            said = {"prelude": part.meaning or text, "body": f"body: {text}"}
            yield Annotation(part.offset, len(part.data), said.get(part.kind, text))


def _category(events: Sequence[ev.Event]) -> Category:
    """Return what a vector shows, by what becomes of it."""
    kinds = {type(event) for event in events}
    if ev.Fatal in kinds:
        return Category.FATAL
    if ev.Cut in kinds:
        return Category.INCOMPLETE
    return Category.REFUSED if ev.Refused in kinds else Category.VALID
