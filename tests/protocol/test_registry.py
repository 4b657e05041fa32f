"""Headers, states and words of the code are those of the registry."""

from __future__ import annotations

import json
import typing
from pathlib import Path

import msgspec
import pytest

from headframe import COMMANDS, Command, Continuation, ErrorClass, ErrorCode, Notice, Refusal

REGISTRY = Path(__file__).parents[2] / "spec" / "registry"


def rows(name):
    return json.loads((REGISTRY / f"{name}.json").read_text(encoding="utf-8"))


def wire_names(kind):
    return set(kind.__struct_encode_fields__)


def test_error_codes_are_those_of_the_registry():
    assert [
        (row["name"], row["class"], row["closes"], row["retry"], row["rule"])
        for row in rows("error-codes")
    ] == [(code, code.error_class, code.closes, code.retryable, code.rule) for code in ErrorCode]
    assert {row["class"] for row in rows("error-codes")} == set(ErrorClass)


def test_commands_are_those_of_the_registry():
    assert [row["name"] for row in rows("commands")] == list(Command) == list(COMMANDS)


@pytest.mark.parametrize("row", rows("commands"), ids=lambda row: row["name"])
def test_a_commands_headers_have_the_keys_of_the_registry(row):
    command = COMMANDS[Command(row["name"])]
    framing = {"filesize", "more", "id", "abort"}
    assert {entry["key"] for entry in row["keys"]} == wire_names(command.request) - framing
    assert row["request_body"] == command.request_has_body
    reply = wire_names(command.reply) - framing - {"ok", "close"}
    reply -= {"code", "message"}  # trailers, of a reply of one frame
    assert set(row["reply"]) == reply
    required = {
        field.encode_name for field in msgspec.structs.fields(command.request) if field.required
    }
    assert {entry["key"] for entry in row["keys"] if entry["required"]} == required


def types_of(annotation):
    """Return the JSON types that a member's annotation takes."""
    if typing.get_origin(annotation) in (list, dict):
        return {"array" if typing.get_origin(annotation) is list else "object"}
    if typing.get_origin(annotation) is typing.Literal:
        return {"integer" if isinstance(typing.get_args(annotation)[0], int) else "string"}
    if typing.get_args(annotation):
        parts = typing.get_args(annotation)
        if typing.get_origin(annotation) is typing.Annotated:
            parts = parts[:1]
        return set().union(*map(types_of, parts))
    named = {int: "integer", bool: "boolean", str: "string", type(None): "null"}
    return {named[annotation]} if annotation in named else set()


JSON_TYPES = {
    "integer": {"integer"},
    "integer from 1": {"integer"},
    "boolean": {"boolean"},
    "string": {"string"},
    "name": {"string"},
    "digest": {"string"},
    "token": {"string"},
    '"/"': {"string"},
    "revision or null": {"string", "null"},
    "revision, true or null": {"string", "boolean", "null"},
    "object": {"object"},
    "array of strings": {"array"},
    "array of integers": {"array"},
}
NARROWER = {("rev", "reply"), ("to_rev", "reply")}
"""Null in a refusal only."""


def test_every_member_has_the_type_of_the_registry():
    registered = {}
    for row in rows("header-keys"):
        sides = ("request", "reply") if row["role"] == "both" else (row["role"],)
        for side in sides:
            registered[row["name"], side] = JSON_TYPES[row["type"]]
    kinds = [(command.request, "request") for command in COMMANDS.values()]
    kinds += [(command.reply, "reply") for command in COMMANDS.values()]
    kinds += [(Refusal, "reply"), (Notice, "reply")]
    seen = set()
    for kind, side in kinds:
        hints = typing.get_type_hints(kind, include_extras=True)
        for field in msgspec.structs.fields(kind):
            key = field.encode_name, side
            seen.add(key)
            types = types_of(hints[field.name])
            if key in NARROWER:
                types.add("null")
            assert registered[key] == types, (kind.__name__, key)
    assert set(registered) == seen | {("cmd", "request")}


def test_trailers_are_the_names_registered_for_any_frame():
    registered = {row["name"] for row in rows("header-keys") if row["frames"] in ("any", "later")}
    assert registered == wire_names(Continuation)
