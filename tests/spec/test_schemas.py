"""The JSON Schema says what the registries, the standard and the codec say, and no less.

Its law is that a header is valid when its receiver takes it; what a schema cannot tell stands in
`spec/formats.md` and in `CANNOT_TELL`.
"""

from __future__ import annotations

import doctest
import json
import re
from collections import deque
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import standard
from headframe import (
    LIMITS,
    NEED_DATA,
    Command,
    Connection,
    Delete,
    ErrorCode,
    Get,
    Hello,
    List,
    Move,
    Put,
    RemoteError,
    Reply,
    Request,
    RequestRefused,
    Role,
    Stat,
    is_name,
)
from headframe.conformance.strategies import (
    digests,
    file_names,
    json_values,
    messages,
    requests,
    revisions,
    successes,
    texts,
    unknown_members,
    whole_numbers,
)

SPEC = Path(__file__).resolve().parents[2] / "spec"
SCHEMA = json.loads((SPEC / "schema" / "headframe.schema.json").read_text("utf-8"))
KINDS = SCHEMA["$defs"]
PLACES = ("request", "reply", "continuation")
HEADERS = [name for name, kind in KINDS.items() if "maxProperties" in kind]
ROWS = {
    path.stem: json.loads(path.read_text("utf-8")) for path in (SPEC / "registry").glob("*.json")
}


def validator(name):
    return jsonschema.Draft202012Validator(SCHEMA | {"$ref": f"#/$defs/{name}", "anyOf": [{}]})


VALIDATORS = {name: validator(name) for name in KINDS}


def valid(name, value):
    return VALIDATORS[name].is_valid(value)


# --- the schema itself -------------------------------------------------------------------


def test_it_is_a_schema_of_2020_12():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert "https://json-schema.org/draft/2020-12/schema" == SCHEMA["$schema"]


def references(schema):
    if isinstance(schema, dict):
        yield from [schema["$ref"]] if "$ref" in schema else []
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from references(part)


def test_every_reference_leads_to_a_definition_and_every_type_is_used():
    led = {reference.removeprefix("#/$defs/") for reference in references(SCHEMA)}
    assert led <= set(KINDS)
    assert set(KINDS) - led <= {"list-entry", *(f"{command}-reply" for command in Command)}


@pytest.mark.parametrize("name", KINDS)
def test_a_definition_says_what_it_is_and_its_examples_are_valid(name):
    assert KINDS[name]["description"]
    if "title" in KINDS[name]:
        assert name == KINDS[name]["title"]
        assert name in ("request", "reply") or KINDS[name]["examples"]
    for shown in KINDS[name].get("examples", ()):
        assert valid(name, shown), shown


def test_the_page_about_it_shows_how_it_is_used(monkeypatch):
    monkeypatch.chdir(SPEC.parent)
    failed, tried = doctest.testfile(str(SPEC / "formats.md"), module_relative=False)
    assert 0 == failed
    assert tried > 3


# --- against the registries --------------------------------------------------------------

FRAMING = {"filesize", "more"}
REQUEST = FRAMING | {"id", "cmd", "abort"}
REPLY = FRAMING | {"id", "ok", "close"}
SUCCESS = REPLY | {"abort", "code", "message"}
EXPECTED = {
    "success": SUCCESS,
    "notice": REPLY | {"code", "message"},
    "refusal": REPLY | {"code", "message", "retry_ms", "rev", "to_rev", "total", "offset"},
    "continuation": {row["name"] for row in ROWS["header-keys"] if row["frames"] == "any"},
}
for _row in ROWS["commands"]:
    EXPECTED[_row["name"]] = REQUEST | {key["key"] for key in _row["keys"]}
    EXPECTED[f"{_row['name']}-reply"] = SUCCESS | set(_row["reply"])


def used(name):
    return {key: value for key, value in KINDS[name]["properties"].items() if value is not False}


def side_of(name):
    return "request" if name in list(Command) else "reply"


def row_of(key, side):
    return next(
        row for row in ROWS["header-keys"] if row["name"] == key and row["role"] in (side, "both")
    )


def test_every_kind_of_header_has_the_names_of_the_registries():
    assert EXPECTED == {name: set(used(name)) for name in HEADERS}


def test_every_registered_name_is_in_a_schema_of_its_side():
    seen = {(key, side_of(name)) for name in HEADERS for key in used(name)}
    for row in ROWS["header-keys"]:
        for side in ("request", "reply") if row["role"] == "both" else (row["role"],):
            assert (row["name"], side) in seen


def test_a_later_header_has_no_place_for_any_other_registered_name():
    refused = {key for key, value in KINDS["continuation"]["properties"].items() if value is False}
    assert {row["name"] for row in ROWS["header-keys"]} - EXPECTED["continuation"] == refused


def test_a_command_needs_what_the_registry_says():
    for row in ROWS["commands"]:
        needed = {key["key"] for key in row["keys"] if key["required"]}
        assert {"cmd", *needed} == set(KINDS[row["name"]]["required"])
        takes_body = KINDS[row["name"]]["properties"]["filesize"].get("const") != 0
        assert row["request_body"] == takes_body


REVISION = {"$ref": "#/$defs/revision"}
INTEGER = {"$ref": "#/$defs/integer"}
POSITIVE = {"$ref": "#/$defs/positive-integer"}
STRING = {"type": "string"}
TYPES = {
    "integer": [INTEGER, POSITIVE, {"const": 0}, {"const": 1}],
    "integer from 1": [POSITIVE],
    "boolean": [{"type": "boolean"}, {"const": True}, {"const": False}],
    "string": [STRING, {"$ref": "#/$defs/code"}, *({"const": command} for command in Command)],
    "name": [{"$ref": "#/$defs/name"}],
    "digest": [{"$ref": "#/$defs/digest"}],
    "token": [{"$ref": "#/$defs/token"}],
    '"/"': [{"const": "/"}],
    "revision or null": [{"anyOf": [REVISION, {"type": "null"}]}, REVISION],
    "revision, true or null": [{"anyOf": [REVISION, {"const": True}, {"type": "null"}]}],
    "object": [{"type": "object"}],
    "array of strings": [{"type": "array", "items": STRING}],
    "array of integers": [{"type": "array", "items": INTEGER}],
}
"""What a registered type may be: as it stands, or narrower where the place of a name tells."""


@pytest.mark.parametrize("name", HEADERS)
def test_every_name_has_the_type_and_the_meaning_of_the_registry(name):
    for key, schema in used(name).items():
        row = row_of(key, side_of(name))
        assert f"{row['meaning']} ({row['rule']})" == schema["description"]
        said = {word: schema[word] for word in set(schema) - {"description", "default"}}
        assert said in TYPES[row["type"]], key


def test_the_types_are_as_wide_as_the_standard_says():
    assert (0, LIMITS.integer_max) == (KINDS["integer"]["minimum"], KINDS["integer"]["maximum"])
    for digest in ROWS["digests"]:
        assert valid("digest", f"{digest['name']}:{'0' * digest['hex_digits']}")
    assert list(ErrorCode) == KINDS["code"]["examples"]
    for kind, shortest, longest in (("revision", 1, 64), ("token", 22, 64)):
        lengths = [length for length in range(80) if valid(kind, "x" * length)]
        assert list(range(shortest, longest + 1)) == lengths
    standard = (SPEC / "headframe.md").read_text("utf-8")
    assert "1 to 64 of `A-Z a-z 0-9 . _ -`" in standard
    assert "22 to 64 of `A-Z a-z 0-9 _ -`" in standard


@pytest.mark.parametrize("kind", ["revision", "token", "digest", "file-name", "shared-prefix"])
def test_a_pattern_ends_where_the_text_ends(kind):
    fitting = {"digest": "sha-256:" + "0" * 64, "shared-prefix": "x/"}.get(kind, "x" * 22)
    assert valid(kind, fitting)
    assert not valid(kind, fitting + "\n")


# --- against the standard ----------------------------------------------------------------


def is_json(value):
    return not re.search("Infinity|NaN", json.dumps(value))


def has_a_name_twice(text):
    twice = []
    json.loads(text, object_pairs_hook=lambda pairs: twice.append(len(pairs) != len(dict(pairs))))
    return any(twice)


def has_a_number_that_is_not_digits_alone(text):
    members = json.loads(text, parse_int=str, parse_float=lambda digits: f"!{digits}")
    return any(re.match(r"!|-0$", str(value)) for value in members.values())


def has_a_number_beyond_a_double(text):
    return not is_json(json.loads(text))


def has_a_character_that_is_none(text):
    shown = json.dumps(json.loads(text), ensure_ascii=False)
    return bool(re.search("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", shown))


def nests_too_deep(text):
    return text.count("[") >= LIMITS.header_depth


CANNOT_TELL = [
    has_a_name_twice,
    has_a_number_that_is_not_digits_alone,
    has_a_number_beyond_a_double,
    has_a_character_that_is_none,
    nests_too_deep,
]
"""What makes a header bad, and is gone once it has been parsed or holds of any value within."""


def parsed(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


@pytest.mark.parametrize(("verdict", "header"), standard.example_lines("header"))
def test_a_header_of_the_standard_is_valid_if_it_is_accepted(verdict, header):
    value = parsed(header)
    if verdict == "accepted":
        assert valid("request", value)
    elif valid("request", value):
        assert any(reason(header) for reason in CANNOT_TELL)


@pytest.mark.parametrize("reason", CANNOT_TELL)
def test_what_a_schema_cannot_tell_is_no_idle_excuse(reason):
    shown = [
        line.values
        for line in standard.example_lines("header")
        if parsed(line.values[1]) is not None
    ]
    assert [
        header
        for verdict, header in shown
        if verdict == "bad-header" and valid("request", json.loads(header)) and reason(header)
    ]


def split(headers):
    found, decoder = [], json.JSONDecoder()
    while headers:
        header, end = decoder.raw_decode(headers)
        found.append(header)
        headers = headers[end:].lstrip()
    return found


@pytest.mark.parametrize(("verdict", "message"), standard.example_lines("message"))
def test_a_message_of_the_standard_is_valid_if_it_is_accepted(verdict, message):
    first, *later = split(message)
    told = valid("request", first) and all(valid("continuation", header) for header in later)
    if verdict == "accepted":
        assert told
    elif told:  # two headers, each good on its own
        assert "total" in first or first["cmd"] != "put"


ON_SIGHT = {"bad-request", "unknown-command", "unsupported", "unsupported-version"}
"""Codes with which the exchanges refuse what no schema takes."""


def frames_of_exchanges():
    """Return (kind, header, body) for each frame of each exchange that is JSON.

    The kind of a request that is refused on sight is the code.
    """
    frames = []
    for block, steps in standard.exchanges():
        asked = {"C": deque(), "D": deque()}
        codes = {
            (step.connection, step.header["id"]): step.header["code"]
            for step in steps
            if step.from_server and {"id", "code"} <= set(step.header)
        }
        for step in steps:
            header = step.header
            if not step.is_frame or not header:
                continue
            waiting = asked[step.connection]
            if "cmd" in header:
                kind = header["cmd"]
                waiting += [kind] if "id" in header else []
                code = codes.get((step.connection, header.get("id")))
                kind = code if code in ON_SIGHT else kind
            elif "ok" in header:
                command = waiting.popleft() if header["id"] and waiting else "success"
                kind = f"{command}-reply" if command != "success" else command
                kind = kind if header["ok"] else "refusal" if header["id"] else "notice"
            else:
                kind = "continuation"
            name = f"{block.name}: {step.mark} {step.text[:40]}"
            frames.append(pytest.param(kind, header, step.body.decode(), id=name))
    return frames


@pytest.mark.parametrize(("kind", "header", "body"), frames_of_exchanges())
def test_a_header_of_an_exchange_is_valid(kind, header, body):
    if kind in ON_SIGHT:
        assert not valid("request", header) or "upload" in header  # no schema knows its `total`
        return
    VALIDATORS[kind].validate(header)
    place = "request" if kind in list(Command) else "reply"
    VALIDATORS[kind if kind == "continuation" else place].validate(header)
    if kind == "list-reply":
        for line in body.splitlines():
            VALIDATORS["list-entry"].validate(json.loads(line))


def test_exchanges_show_every_kind_of_header():
    assert set(HEADERS) - {"success"} <= {frame.values[0] for frame in frames_of_exchanges()}


@pytest.mark.parametrize(("verdict", "name"), standard.example_lines("name"))
def test_a_name_of_the_standard_is_valid_if_it_is_accepted(verdict, name):
    in_two_spellings = "\\u0308" in name
    assert (verdict == "accepted" or in_two_spellings) == valid("file-name", json.loads(name))


# --- against the codec -------------------------------------------------------------------


def fractions(value):
    """Return the value with no whole number written as 5.0: to a schema that is 5."""
    if isinstance(value, float) and value.is_integer():
        return 0.5
    if isinstance(value, list):
        return [fractions(part) for part in value]
    if isinstance(value, dict):
        return {key: fractions(part) for key, part in value.items()}
    return value


any_values = (
    json_values.map(fractions)
    | whole_numbers
    | digests
    | revisions
    | texts
    | st.sampled_from([True, False, None, -1, 0, 1, 2**53, "", "/", "a b", "r\n", [1], ["x"], {}])
)
registered_names = st.sampled_from(sorted({row["name"] for row in ROWS["header-keys"]}))


@st.composite
def spoiled(draw, members):
    """Return members that were a header, with as many faults as may be none."""
    made = dict(draw(members)) | draw(unknown_members.map(fractions))
    for _ in range(draw(st.integers(0, 2))):
        match draw(st.sampled_from(["drop", "change", "add", "critical"])):
            case "drop" if made:
                del made[draw(st.sampled_from(sorted(made)))]
            case "change" if made:
                made[draw(st.sampled_from(sorted(made)))] = draw(any_values)
            case "add":
                made[draw(registered_names)] = draw(any_values)
            case "critical":
                made["!" + draw(texts)] = draw(any_values)
    return made


def in_json(header):
    return json.loads(msgspec.json.encode(header))


def frame_of(members):
    raw = json.dumps(members).encode()
    return len(raw).to_bytes(4, "little") + raw


def events_of(connection, raw):
    """Return the events that bytes make, or None if they are an error."""
    events = []
    try:
        connection.receive_data(raw)
        while not connection.closed and (event := connection.next_event()) is not NEED_DATA:
            events.append(event)
    except RemoteError:
        return None
    return events


def fits(name, value):
    """Tell what the schema judges and the codec leaves to those who use the value."""
    if name == "digest" and isinstance(value, str):
        return re.fullmatch("sha-256:[0-9a-f]{64}", value) is not None
    if name in ("rev", "to_rev") and isinstance(value, str):
        return re.fullmatch("[A-Za-z0-9._-]+", value) is not None
    if name == "hf" and isinstance(value, list):
        return all(type(part) is not int or 0 <= part <= LIMITS.integer_max for part in value)
    return True


def all_fit(kind, members):
    return all(fits(name, value) for name, value in members.items() if name in EXPECTED[kind])


@given(requests())
def test_every_request_that_can_be_made_is_valid(request):
    VALIDATORS["request"].validate(in_json(request))


@given(st.sampled_from(Command).flatmap(lambda c: st.tuples(st.just(c), successes(c))))
def test_every_reply_that_can_be_made_is_valid(made):
    command, reply = made
    members = in_json(reply) | {"id": 1, "ok": True}
    VALIDATORS[f"{command}-reply"].validate(members)
    VALIDATORS["reply"].validate(members)


@given(messages())
def test_every_message_that_can_be_made_is_valid(frames):
    VALIDATORS["request"].validate(frames[0].members)
    for frame in frames[1:]:
        VALIDATORS["continuation"].validate(frame.members)


@given(spoiled(requests().map(in_json)))
@example({"id": 1, "cmd": "put", "filename": "a", "offset": 0})
@example({"id": 1, "cmd": "stat", "filename": "a", "filesize": 3})
@example({"id": 1, "cmd": "move", "filename": "a", "to": "b", "to_if": False})
@example({"id": 1, "cmd": "hello", "hf": 2})
@example({"id": 1, "cmd": "stat"})
@example({"id": 1, "cmd": "stat", "filename": "a", "upload": "x" * 22})
@example({"id": 1, "cmd": "delete"})
@example({"id": 1, "cmd": "delete", "filename": "a", "upload": "x" * 22})
@example({"id": 1, "cmd": "hello"} | dict.fromkeys(map(str, range(62))))
@example({"id": 1, "cmd": "hello"} | dict.fromkeys(map(str, range(63))))
@pytest.mark.rule("HF-HEADER-014", "HF-HEADER-015", "HF-HEADER-016", "HF-HEADER-017")
def test_a_request_is_valid_exactly_if_a_server_takes_it(members):
    assume("id" in members)
    events = events_of(Connection(Role.SERVER), frame_of(members))
    taken = events is not None and isinstance(events[0], Request)
    assert (taken and all_fit(members["cmd"], members)) == valid("request", members)


later_headers = st.fixed_dictionaries(
    {},
    optional={
        "filesize": whole_numbers,
        "more": st.booleans(),
        "digest": digests,
        "total": whole_numbers,
        "abort": st.booleans(),
        "code": st.sampled_from(ErrorCode),
        "message": texts,
    },
)


@given(spoiled(later_headers))
@example({"more": True})
@example({"more": True, "filesize": 1, "abort": True})
@example({"more": True, "filesize": 1, "abort": False})
@example({"id": 0})
@pytest.mark.rule("HF-BODY-001", "HF-BODY-002", "HF-BODY-006", "HF-BODY-007", "HF-BODY-008")
def test_a_later_header_is_valid_exactly_if_a_server_takes_it(members):
    server = Connection(Role.SERVER)
    events_of(server, frame_of({"id": 1, "cmd": "put", "filename": "a", "more": True}))
    events = events_of(server, frame_of(members))
    taken = events is not None and not any(isinstance(event, RequestRefused) for event in events)
    assert (taken and all_fit("continuation", members)) == valid("continuation", members)


refusals = st.fixed_dictionaries(
    {"ok": st.just(False), "code": st.sampled_from(ErrorCode) | texts},
    optional={
        "message": texts,
        "retry_ms": whole_numbers,
        "close": st.booleans(),
        "rev": st.none() | revisions,
        "to_rev": st.none() | revisions,
        "total": whole_numbers,
        "offset": whole_numbers,
    },
)
WANTED = {
    Command.HELLO: Hello(id=1),
    Command.PUT: Put(id=1, filename="a"),
    Command.GET: Get(id=1, filename="a"),
    Command.STAT: Stat(id=1, filename="a"),
    Command.LIST: List(id=1),
    Command.DELETE: Delete(id=1, filename="a"),
    Command.MOVE: Move(id=1, filename="a", to="b"),
}


@st.composite
def replies(draw):
    """Return a command and what might be a reply to it."""
    command = draw(st.sampled_from(Command))
    succeeded = successes(command).map(in_json).map(lambda members: {"ok": True} | members)
    members = draw(spoiled(succeeded | refusals))
    return command, {"id": draw(st.sampled_from([1, 1, 1, 0]))} | members


@given(replies())
@example((Command.PUT, {"id": 1, "ok": True, "rev": None}))
@example((Command.PUT, {"id": 0, "ok": True}))
@example((Command.LIST, {"id": 1, "ok": True}))
@example((Command.GET, {"id": 0, "ok": False, "code": "closing", "filesize": 1}))
@pytest.mark.rule("HF-REPLY-001", "HF-REPLY-008")
def test_a_reply_is_valid_exactly_if_a_client_takes_it(made):
    command, members = made
    identity = members.get("id")
    assume(not valid("positive-integer", identity) or identity == 1)
    client = Connection(Role.CLIENT)
    client.send(WANTED[command])
    events = events_of(client, frame_of(members))
    taken = events is not None and isinstance(events[0], Reply)
    kind = "refusal" if identity else "notice"
    kind = f"{command}-reply" if members.get("ok") is True else kind
    assert (taken and all_fit(kind, members)) == valid(kind, members)
    assert valid("reply", members) or not valid(kind, members)


@given(texts.filter(is_name) | file_names)
def test_every_file_name_is_valid_and_so_is_what_it_shares(name):
    assert valid("file-name", name)
    entry = {"filename": name, "total": 1, "rev": "r1"}
    assert valid("list-entry", entry)
    for end in [found.end() for found in re.finditer("/", name)]:
        assert valid("list-entry", {"prefix": name[:end]})
    assert not valid("list-entry", entry | {"prefix": "a/"})


@given(st.text("a./\\\n\x7fé", max_size=8))
def test_what_is_valid_as_a_file_name_is_one_but_for_bytes_and_spelling(text):
    assert is_name(text) == valid("file-name", text)


# --- against another validator -----------------------------------------------------------

AJV = """
const Ajv = require("ajv/dist/2020").default;
const [schema, cases] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const ajv = new Ajv();
ajv.addSchema(schema);
const valid = ([kind, value]) => ajv.getSchema(`${schema.$id}#/$defs/${kind}`)(value);
process.stdout.write(JSON.stringify(cases.map(valid)));
"""


def cases():
    """Return (kind, value) for all that the standard and the schema show."""
    found = [(kind, shown) for kind in KINDS for shown in KINDS[kind].get("examples", ())]
    found += [("request", parsed(line.values[1])) for line in standard.example_lines("header")]
    for line in standard.example_lines("message"):
        first, *later = split(line.values[1])
        found += [("request", first), *(("continuation", header) for header in later)]
    found += [frame.values[:2] for frame in frames_of_exchanges()]
    found += [("file-name", json.loads(line.values[1])) for line in standard.example_lines("name")]
    found += [(place, shown) for kind, shown in found for place in PLACES]
    return [
        (kind if kind in KINDS else "request", value) for kind, value in found if is_json(value)
    ]


@pytest.mark.slow
def test_another_validator_comes_to_the_same_results(run_node):
    given_cases = cases()
    found = json.loads(run_node(AJV, json.dumps([SCHEMA, given_cases])))
    assert {True, False} == set(found)
    assert [valid(kind, value) for kind, value in given_cases] == found
