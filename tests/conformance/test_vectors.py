"""The vectors are whole and well formed, and the codec reads each of them at every cutting."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headframe.conformance import codec_events as ev
from headframe.conformance.codec_reader import read
from headframe.conformance.vectors import VECTORS, Category, Side
from independent_reader import read_stream

ROOT = Path(__file__).resolve().parents[2]
STANDARD = (ROOT / "spec" / "headframe.md").read_text(encoding="utf-8")
RULES = re.findall(r"^\*\*(HF-[A-Z]+-\d{3})\*\*", STANDARD, re.MULTILINE)
CHAPTERS = ("FRAME", "HEADER", "BODY", "REQ", "REPLY", "ERROR", "NAME")

NOT_SHOWN = {
    "HF-REQ-010": "when a client reads is not in the bytes",
    "HF-REQ-012": "a log is not in the bytes",
    "HF-REPLY-017": "no vector knows the server's paths",
    "HF-ERROR-009": "files are not in the bytes",
    "HF-NAME-007": "a client meets names in the body of a list, which no codec reads",
    "HF-NAME-008": "files are not in the bytes",
    "HF-NAME-009": "depends on the server's file system",
    "HF-NAME-010": "depends on the server's file system",
    "HF-NAME-011": "depends on the server's file system",
}
"""Rules of the chapters above that bytes alone cannot show, and why."""

FOLLOWED = [vector for one in VECTORS.values() if (vector := one.followed())]


def named(vector):
    return vector.id


def cuttings(vector):
    """Return ways to cut a vector: nowhere, everywhere, and at each place (of long ones: edge)."""
    data = vector.data
    yield [data]
    step = 1 if len(data) < 5000 else 61
    yield [data[at : at + step] for at in range(0, len(data), step)]
    for place in range(1, len(data)) if len(data) < 600 else near_edges(vector):
        yield [data[:place], data[place:]]


def near_edges(vector):
    """Return the places where something ends or begins, and those beside them."""
    edges = {note.offset + step for note in vector.annotations for step in (-1, 0, 1, 4)}
    return sorted(edge for edge in edges if 0 < edge < len(vector.data))


@pytest.mark.rule(
    "HF-FRAME-001", "HF-FRAME-002", "HF-FRAME-003", "HF-FRAME-004", "HF-FRAME-005",
    "HF-FRAME-006", "HF-FRAME-007",
    "HF-HEADER-001", "HF-HEADER-002", "HF-HEADER-003", "HF-HEADER-004", "HF-HEADER-005",
    "HF-HEADER-006", "HF-HEADER-007", "HF-HEADER-008", "HF-HEADER-009", "HF-HEADER-010",
    "HF-HEADER-011", "HF-HEADER-012", "HF-HEADER-013", "HF-HEADER-014", "HF-HEADER-015",
    "HF-HEADER-016", "HF-HEADER-017",
    "HF-BODY-001", "HF-BODY-002", "HF-BODY-004", "HF-BODY-005", "HF-BODY-006", "HF-BODY-007",
    "HF-BODY-008", "HF-BODY-009", "HF-BODY-010", "HF-BODY-013",
    "HF-REQ-002", "HF-REQ-007", "HF-REQ-008",
    "HF-REPLY-001", "HF-REPLY-004", "HF-REPLY-015", "HF-REPLY-016", "HF-REPLY-018",
    "HF-ERROR-001", "HF-ERROR-004", "HF-ERROR-006", "HF-ERROR-007", "HF-ERROR-008",
    "HF-ERROR-012",
    "HF-NAME-001", "HF-NAME-002", "HF-NAME-003", "HF-NAME-004", "HF-NAME-005",
    "HF-CMD-001", "HF-CMD-004",
)  # fmt: skip
@pytest.mark.parametrize("vector", [*VECTORS.values()], ids=named)
def test_the_codec_reads_every_vector_at_every_cutting(vector):
    expected = ev.joined(vector.events)
    for chunks in cuttings(vector):
        assert expected == read(vector.role, chunks, vector.requests), [len(c) for c in chunks]


@pytest.mark.rule("HF-BODY-004", "HF-ERROR-004", "HF-ERROR-008", "HF-REPLY-013")
@pytest.mark.parametrize("vector", FOLLOWED, ids=named)
def test_the_message_after_a_vector_counts_unless_the_stream_is_over(vector):
    expected = ev.joined(vector.events)
    data = vector.data
    step = 7 if len(data) < 5000 else 509
    pieces = [[data], [data[at : at + step] for at in range(0, len(data), step)]]
    pieces += [[data[:edge], data[edge:]] for edge in near_edges(vector)]
    for chunks in pieces:
        assert expected == read(vector.role, chunks, vector.requests), [len(c) for c in chunks]


def outcomes_of(events):
    """Return what events of a server come to, in the form of `read_stream`."""
    outcomes = []
    members, body = None, b""
    for event in events:
        match event:
            case ev.Header():
                members, body = event.members, b""
            case ev.Body():
                body = event.data
            case ev.End():
                added = {n: getattr(event, n) for n in ("digest", "total")}
                added = {n: value for n, value in added.items() if value is not ev.UNSET}
                outcomes.append(("request", members | added, body))
            case ev.Abort():
                outcomes.append(("aborted", members))
            case ev.Refused():
                outcomes.append(("refused", event.id, event.code))
            case ev.Fatal():
                outcomes.append(("fatal", event.code))
            case _:
                outcomes.append(({ev.Cut: "cut", ev.Closed: "closed", ev.Eof: "end"}[type(event)],))
    return outcomes


def judged_by_both(vector):
    """Return whether the independent reader judges all that the vector shows."""
    codes = {event.code for event in vector.events if isinstance(event, ev.Refused)}
    closes = isinstance(vector.events[-1], ev.Closed)
    by_size = closes and "hf" not in vector.data.decode("latin-1")
    return vector.role is Side.SERVER and "bad-name" not in codes and not by_size


def judged(data):
    """Return what the independent reader makes of a stream, without what nobody is told."""
    for outcome in read_stream(data):
        match outcome:
            case ("refused", None, _) if b'"put"' not in data:
                continue
            case ("request" | "aborted", members, *rest):
                [header] = ev.normal([ev.Header(members=members)])
                if "id" in members or members["cmd"] == "put":
                    yield (outcome[0], header.members, *rest)
            case _:
                yield outcome


def test_a_reader_that_shares_no_code_reads_every_vector_of_a_server():
    vectors = [vector for vector in VECTORS.values() if judged_by_both(vector)]
    assert len(vectors) > 400
    differing = {
        vector.id: (outcomes_of(vector.events), made)
        for vector in vectors
        if outcomes_of(ev.joined(vector.events)) != (made := [*judged(vector.data)])
    }
    assert {} == differing


def test_every_rule_of_chapters_2_to_7_is_shown_or_cannot_be():
    shown = {rule for vector in VECTORS.values() for rule in vector.rules}
    wanted = {rule for rule in RULES if rule.split("-")[1] in CHAPTERS}
    assert [] == sorted(wanted - shown - set(NOT_SHOWN))
    assert [] == sorted(shown & set(NOT_SHOWN))
    assert [] == sorted((shown | set(NOT_SHOWN)) - set(RULES))


def check_form(vector):
    data = vector.data
    if vector.category is not Category.ORIGIN:
        assert vector.id.startswith(f"{vector.rules[0].removeprefix('HF-')}-")
    assert len(set(vector.rules)) == len(vector.rules)
    ends = [0, *(note.offset + note.length for note in vector.annotations)]
    assert [note.offset for note in vector.annotations] == ends[:-1]
    assert len(data) == ends[-1]
    lasts = [isinstance(event, ev.Fatal | ev.Closed | ev.Cut | ev.Eof) for event in vector.events]
    assert [*itertools.repeat(False, len(lasts) - 1), True] == lasts
    commands = [request.cmd for request in vector.requests]
    asked = commands if vector.role is Side.CLIENT else None
    assert ev.joined(vector.events) == ev.normal(vector.events, asked)


def check_category(vector):
    kinds = {type(event) for event in vector.events}
    match vector.category:
        case Category.VALID:
            assert not kinds & {ev.Fatal, ev.Cut, ev.Refused}
        case Category.REFUSED:
            assert ev.Refused in kinds
            assert not kinds & {ev.Fatal, ev.Cut}
        case Category.FATAL:
            assert ev.Fatal in kinds
        case Category.INCOMPLETE:
            assert ev.Cut in kinds
        case Category.ORIGIN:
            assert b'"id"' not in vector.data


def test_every_vector_is_well_formed():
    for vector in VECTORS.values():
        check_form(vector)
        check_category(vector)


def test_there_are_vectors_of_every_category_for_both_sides():
    assert set(Category) == {vector.category for vector in VECTORS.values()}
    assert set(Side) == {vector.role for vector in VECTORS.values()}
    assert len(VECTORS) >= 300


def test_no_two_vectors_show_the_same():
    seen = {}
    for vector in VECTORS.values():
        seen.setdefault((vector.role, vector.requests, vector.data), []).append(vector.id)
    assert [] == [ids for ids in seen.values() if len(ids) > 1]


def test_the_json_files_are_what_their_source_makes():
    made = subprocess.run(
        [sys.executable, ROOT / "spec" / "vectors" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("", 0) == (made.stdout + made.stderr, made.returncode)
