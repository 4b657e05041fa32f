"""The command line against servers that lie, babble, stall and never end.

Each case is one process, one server and one sandbox. Whatever the server does, the command ends in
time with the right code and, unless it is content, with lines on standard error that a terminal can
show; it writes nowhere but into its target, and no wrong file has a final name there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from headframe_client.parts import SUFFIXES
from hostile import (
    MTIME,
    TARGET,
    Case,
    Seen,
    Talk,
    digest_of,
    entry,
    first,
    frame,
    honest,
    line,
    lists,
    only_for,
    page_of,
    refuses,
    run_case,
    says,
    sends,
)

AHEAD = 6
"""So many commands run at once: most of them wait for something or other."""

OK, OTHER, USAGE, NOT_FOUND, DENIED, EXISTS, NETWORK, PROTOCOL, DIGEST, NO_SPACE = range(10)
SOME_FAILED, BUSY, INTERRUPTED = 10, 11, 130
BROKEN_TREE = (PROTOCOL, SOME_FAILED)
"""A folder whose connection was lost by a violation: all at once, or file by file."""

HELLO = digest_of(b"hello")
LARGEST = 2**53 - 1
SLOW = "--timeout 1 --retries 0"
"""For servers that keep a client waiting."""

FOLDER = re.compile("(put|get|rm) (-r|.*URL.* URL)")
"""Commands that tell at the end what they came to."""

LINE_CHARACTERS = 8192
"""Of a line of standard error: a name of 1,024 bytes, escaped, and something about it."""

EVIL = {"*": b"evil"}


def table(cases: dict[str, Case], *more: str) -> pytest.MarkDecorator:
    """Make a test of each case of a table; `more` are patterns of names that are of slow lanes.

    These are one of a kind that has others here, or in the tests of the codec.
    """

    def marks_of(name: str, case: Case) -> Iterator[pytest.MarkDecorator]:
        if any(fnmatchcase(name, pattern) for pattern in more):
            yield pytest.mark.slow
        if case.interrupt:
            yield pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, id=name, marks=[*marks_of(name, case)])
            for name, case in cases.items()
        ],
    )


@pytest.fixture(scope="module")
def seen_of(request, tmp_path_factory) -> Iterator[Callable[[Case], Seen]]:
    """Return what came of a case; those that are next run already."""
    base = tmp_path_factory.mktemp("hostile")
    items = [item for item in request.session.items if item.path == request.path]
    cases = [item.callspec.params["case"] for item in items if hasattr(item, "callspec")]
    runs: dict[int, Future[Seen]] = {}
    with ThreadPoolExecutor(AHEAD) as pool:

        def submit(case: Case) -> Future[Seen]:
            number = len(runs)
            (base / f"{number}").mkdir()
            return runs.setdefault(id(case), pool.submit(run_case, case, base / f"{number}"))

        def find(case: Case) -> Seen:
            return (runs.get(id(case)) or submit(case)).result()

        if "PYTEST_XDIST_WORKER" not in os.environ:
            for case in cases:
                run = submit(case)
                if len(runs) == 1:
                    wait([run])  # it compiles what the others import
        yield find
        pool.shutdown(cancel_futures=True)


def judge(case: Case, seen: Seen) -> None:
    """Compare what came of a case with what may."""
    codes = case.code if isinstance(case.code, tuple) else (case.code,)
    assert seen.code in codes, seen.err[-2000:] or seen.out[-2000:]
    for word in ("Traceback", "internal error"):
        assert word not in seen.err + seen.out
    _judge_text(case, seen)
    assert seen.before == seen.after
    _judge_target(case, seen)
    assert [] == [asked for asked in case.never if asked in seen.server.asked]


def _judge_text(case: Case, seen: Seen) -> None:
    told = seen.out if case.terminal else seen.err
    assert [] == [mark for mark in told if not mark.isprintable() and mark != "\n"]
    lines = seen.err.splitlines()
    if seen.code == INTERRUPTED and "" in lines:  # ends the line where ^C is shown
        lines.remove("")
    assert [] == [len(text) for text in lines if len(text) > LINE_CHARACTERS]
    assert [] == [text[:200] for text in lines if not re.match(r"headframe: \S", text)]
    expected = case.lines
    if expected is None:
        summary = seen.code in (OK, SOME_FAILED) and bool(FOLDER.match(case.run))
        expected = (seen.code != OK) + summary if not case.terminal else 0
    assert expected in (-1, len(lines)), lines
    assert case.told in told
    if case.out is not None:
        assert case.out == seen.out


def _judge_target(case: Case, seen: Seen) -> None:
    """Every file there has been there, or is one that may be; the unfinished do not count."""
    planted, files = (
        {name: what for name, what in found.items() if what != "d" and not name.endswith(SUFFIXES)}
        for found in (seen.planted, seen.target)
    )
    assert [] == sorted(planted.keys() - files.keys())
    for name, what in case.kept.items():
        assert (name, what) == (name, files.get(name))
    for name, what in files.items():
        right = [case.kept.get(name), planted.get(name)]
        right += [case.may_keep.get(name), case.may_keep.get("*")]
        assert what in right, name


# --- names -------------------------------------------------------------------------------------

BAD_NAMES = {
    "climbs": "../x",
    "is absolute": "/x",
    "climbs from within": "a/../../x",
    "has an empty segment": "a//b",
    "is a dot": ".",
    "is two dots": "..",
    "is empty": "",
    "ends with a slash": "a/",
    "has a NUL": "a\x00b",
    "has an escape sequence": "a\x1b[31mb",
    "has a line feed": "a\nheadframe: all is well",
    "has a carriage return": "a\rb",
    "has a backslash": "..\\x",
    "has a drive": "C:\\x",
    "has 1,025 bytes": "/".join(["x" * 204] * 4 + ["x" * 205]),
    "has a segment of 256 bytes": "x" * 256,
    "is not in form C": "Zu\u0308rich",
}


NAMES = {
    f"a name that {what}": Case(
        run=f"{command} URL/ into" if command == "get -r" else f"{command} URL/",
        code=PROTOCOL,
        server={"list": lists(*sorted(["a.txt", name]))},
        any_file=b"evil",
        out="",
        may_keep={"into/a.txt": b"hello"},
    )
    for what, name in BAD_NAMES.items()
    for command in (("get -r", "ls -r") if what == "climbs" else ("get -r",))
} | {
    "a name that climbs, in a plain listing": Case(
        run="ls URL/", code=PROTOCOL, server={"list": lists("../x")}, out=""
    ),
    "a folder that climbs": Case(
        run="ls URL/", code=PROTOCOL, server={"list": lists(line('{"prefix":"../"}'))}, out=""
    ),
    "a folder without a slash": Case(
        run="ls URL/", code=PROTOCOL, server={"list": lists(line('{"prefix":"a"}'))}, out=""
    ),
    "a folder where files are due": Case(
        run="get -r URL/ into",
        code=BROKEN_TREE,
        server={"list": lists(line('{"prefix":"a/"}'))},
        any_file=b"evil",
    ),
    "a name with half a surrogate pair": Case(
        run="get -r URL/ into",
        code=PROTOCOL,
        server={
            "list": lists(line('{"filename":"\\ud800","total":4,"rev":"r1","mtime":1500000000000}'))
        },
        any_file=b"evil",
    ),
    "a name outside of what was asked for is not fetched": Case(
        run="get -r URL/d into",
        code=PROTOCOL,
        server={"list": lists("other/x")},
        any_file=b"evil",
        never=(("get", "other/x"),),
    ),
    "a name outside of what was asked for is not deleted": Case(
        run="rm -r URL/d",
        code=PROTOCOL,
        server={"list": lists("other/x")},
        any_file=b"evil",
        never=(("delete", "other/x"),),
    ),
    "a name for unfinished files": Case(
        run="get -r URL/ into",
        code=SOME_FAILED,
        server={"list": lists("a.txt", "b.headframe-part")},
        any_file=b"evil",
        kept={"into/a.txt": b"hello"},
    ),
    "a name that is a file and a folder": Case(
        run="get -r URL/ into",
        code=SOME_FAILED,
        server={"list": lists("a", "a/b")},
        any_file=b"evil",
        may_keep={"into/a": b"evil", "into/a/b": b"evil"},
    ),
    "a name that turns the line around is escaped where it fails": Case(
        run="get -r URL/ into",
        code=SOME_FAILED,
        server={
            "list": lists("a.txt", "b\u202etxt.exe"),
            "get": only_for("b\u202etxt.exe", refuses("not-found")),
        },
        kept={"into/a.txt": b"hello"},
        told="\\u202e",
    ),
    "a name of a terminal's eight-bit codes is escaped where it fails": Case(
        run="get -r URL/ into",
        code=SOME_FAILED,
        server={
            "list": lists("a.txt", "b\x9b31m"),
            "get": only_for("b\x9b31m", refuses("not-found")),
        },
        kept={"into/a.txt": b"hello"},
    ),
}


@table(
    NAMES,
    "*has an empty segment",
    "*is a dot",
    "*has a line feed",
    "*eight-bit codes*",
    "a folder without a slash",
    "*half a surrogate pair",
    "*in a plain listing",
    "*is two dots",
    "*is empty",
    "*ends with a slash",
    "*has a carriage return",
    "*has a backslash",
    "*has a drive",
    "*has a segment of 256 bytes",
)
def test_a_name_is_used_only_if_it_is_one(case, seen_of):
    judge(case, seen_of(case))


# --- listings ----------------------------------------------------------------------------------

BAD_LINES = {
    "is no JSON": b"drwxr-xr-x 2 root root 4096 a.txt",
    "is half an object": b'{"filename":"a.txt","total":4',
    "is an array": b'["a.txt"]',
    "is a string": b'"a.txt"',
    "is null": b"null",
    "is not UTF-8": b'{"filename":"\xff","total":4,"rev":"r1"}',
    "is nested deeply": b'{"filename":"a","total":4,"rev":"r1","x":' + b"[" * 100_000 + b"}",
    "has no name": b'{"total":4,"rev":"r1"}',
    "has no total": b'{"filename":"a","rev":"r1"}',
    "has no revision": b'{"filename":"a","total":4}',
    "has a number for a name": b'{"filename":1,"total":4,"rev":"r1"}',
    "has null for a name": b'{"filename":null,"total":4,"rev":"r1"}',
    "has a text for a total": b'{"filename":"a","total":"4","rev":"r1"}',
    "has a fraction for a total": b'{"filename":"a","total":4.5,"rev":"r1"}',
    "has NaN for a total": b'{"filename":"a","total":NaN,"rev":"r1"}',
    "has a total below zero": b'{"filename":"a","total":-4,"rev":"r1"}',
    "has a total beyond integers": b'{"filename":"a","total":9007199254740992,"rev":"r1"}',
    "has a total of 5,000 digits": b'{"filename":"a","total":' + b"9" * 5000 + b',"rev":"r1"}',
    "has a time below zero": b'{"filename":"a","total":4,"rev":"r1","mtime":-1}',
    "has a revision with an escape sequence": b'{"filename":"a","total":4,"rev":"\\u001b[31m"}',
    "has an empty revision": b'{"filename":"a","total":4,"rev":""}',
    "has a megabyte of name": b'{"total":4,"rev":"r1","filename":"' + b"x" * 1_000_000 + b'"}',
}


def _new_names(talk, request, body):
    """Answer with a page of names that were never there before, some thousand times."""
    after = request.after or "0"
    page = int(after.rpartition("-")[0] or 0) + 1
    if page in (100, 600):
        talk.server.note_peak()
    if page == 600:
        talk.server.reached.set()
    lines = [entry(f"{page:09}-{number:02}") for number in range(50)]
    talk.send(*page_of(*lines, end=page > 5000))


def _hundred_megabytes(talk, request, body):
    """Answer with one line that goes on and on."""
    says('{"id":ID,"ok":true,"end":true,"filesize":100000000}')(talk, request, body)
    talk.blurt(b'{"filename":"')
    for _ in range(100):
        talk.blurt(b"x" * 1_000_000)


def _descending(talk, request, body):
    """Answer with names that come before the last ones, for ever."""
    number = int(str(request.after or "n5000")[1:]) - 1
    talk.send(*page_of(entry(f"n{number:04}"), end=False))


def _count_gets(talk, request, body):
    """Be honest, and have the client interrupted after some hundred files."""
    if sum(cmd == "get" for cmd, _ in talk.server.asked) >= 300:
        talk.server.reached.set()
    honest(talk, request, body)


LISTINGS = {
    f"a line that {what}": Case(
        run="ls URL/",
        code=PROTOCOL,
        server={"list": lists(line(bad))},
        out="",
    )
    for what, bad in BAD_LINES.items()
} | {
    "a line that has two names": Case(
        run="ls URL/",
        code=(OK, PROTOCOL),
        server={"list": lists(line('{"filename":"a","filename":"b","total":4,"rev":"r1"}'))},
        lines=-1,
    ),
    "names in the wrong order": Case(
        run="get -r URL/ into", code=PROTOCOL, server={"list": lists("b", "a")}, any_file=b"evil"
    ),
    "a name twice": Case(
        run="get -r URL/ into", code=PROTOCOL, server={"list": lists("a", "a")}, any_file=b"evil"
    ),
    "the same page for ever": Case(
        run="ls -r URL/", code=PROTOCOL, server={"list": lists("a", "b", end=False)}
    ),
    "descending pages for ever": Case(
        run="ls -r URL/", code=PROTOCOL, server={"list": _descending}
    ),
    "an empty page that promises more": Case(
        run="ls -r URL/", code=PROTOCOL, server={"list": lists(end=False)}, out=""
    ),
    "a page of blank lines that promises more": Case(
        run="ls -r URL/", code=PROTOCOL, server={"list": lists(b"\n" * 1000, end=False)}, out=""
    ),
    "a page of a hundred megabytes in one line": Case(
        run="ls -r URL/", code=PROTOCOL, server={"list": _hundred_megabytes}, out=""
    ),
    "a page without an end": Case(
        run="ls URL/", code=PROTOCOL, server={"list": says('{"id":ID,"ok":true}')}, out=""
    ),
    "a page that is aborted": Case(
        run="ls URL/",
        code=OTHER,
        server={
            "list": says(
                '{"id":ID,"ok":true,"end":true,"more":true,"filesize":1}',
                b"{",
                frame('{"abort":true,"code":"internal","message":"disk\\u001b[31m"}'),
            )
        },
        out="",
    ),
    "new names for ever, until somebody interrupts": Case(
        run="ls -r URL/", code=INTERRUPTED, server={"list": _new_names}, interrupt="reached"
    ),
    "new files for ever, until somebody interrupts": Case(
        run="get -r URL/ into",
        code=INTERRUPTED,
        server={"list": _new_names, "get": _count_gets},
        any_file=b"evil",
        may_keep=EVIL,
        interrupt="reached",
        lines=2,
    ),
}


@table(
    LISTINGS,
    "*has NaN for a total",
    "*has a text for a total",
    "descending pages*",
    "a page without an end",
    "*with an escape sequence",
    "*is not UTF-8",
    "*has null for a name",
    "*has no total",
    "*is a string",
    "*is an array",
    "*is null",
    "*half an object",
    "*has a number for a name",
    "*has no revision",
    "*has a fraction for a total",
    "*has a total beyond integers",
    "*has a time below zero",
    "*has an empty revision",
    "a name twice",
    "a page of blank lines*",
)
def test_a_listing_is_believed_line_by_line(case, seen_of):
    judge(case, seen_of(case))
    if case.run.startswith("ls") and case.interrupt and seen_of(case).server.peaks:
        peaks = seen_of(case).server.peaks
        assert peaks[-1] - peaks[0] < 8 << 20


# --- the bodies of files -----------------------------------------------------------------------


def gets(members: str, body: bytes = b"", *later: bytes):
    """Answer a get with the header of an honest reply but for its end."""
    return says('{"id":ID,"ok":true,"rev":"r1",' + members + "}", body, *later)


WHOLE = f'"total":5,"digest":"{HELLO}"'


def _endless_frames(talk, request, body):
    """Answer with a byte in each frame, many more than were announced."""
    gets(f'{WHOLE},"more":true')(talk, request, body)
    for _ in range(10_000):
        talk.blurt(frame('{"filesize":1,"more":true}', b"x") * 100)


def reached_and(then):
    """Say that the client has come here, and go on."""

    def step(talk):
        talk.server.reached.set()
        then(talk)

    return step


HALF = gets(f'{WHOLE},"filesize":5', b"he")


BODIES = {
    "a short body": (PROTOCOL, gets(f'{WHOLE},"filesize":3', b"hel")),
    "a long body": (PROTOCOL, gets(f'{WHOLE},"filesize":6', b"hello!")),
    "no body": (PROTOCOL, gets(WHOLE)),
    "a body of nothing where nothing is due": (DIGEST, gets(f'"total":0,"digest":"{HELLO}"')),
    "other bytes": (DIGEST, gets(f'{WHOLE},"filesize":5', b"hellO")),
    "a total that fits the short body": (
        DIGEST,
        gets(f'"total":3,"digest":"{HELLO}","filesize":3', b"hel"),
    ),
    "no digest": (PROTOCOL, gets('"total":5,"filesize":5', b"hello")),
    "a digest of another kind": (
        (PROTOCOL, DIGEST),
        gets('"total":5,"digest":"md5:5d41402abc4b2a76b9719d911017c592","filesize":5', b"hello"),
    ),
    "a digest with an escape sequence": (
        (PROTOCOL, DIGEST),
        gets('"total":5,"digest":"\\u001b[31m","filesize":5', b"hello"),
    ),
    "no total": (PROTOCOL, gets(f'"digest":"{HELLO}","filesize":5', b"hello")),
    "no revision": (PROTOCOL, says('{"id":ID,"ok":true,' + WHOLE + ',"filesize":5}', b"hello")),
    "a wrong offset": (PROTOCOL, gets(f'{WHOLE},"offset":1,"filesize":4', b"ello")),
    "a wrong offset with all bytes": (PROTOCOL, gets(f'{WHOLE},"offset":1,"filesize":5', b"hello")),
    "a total as large as can be, and no more": (
        NETWORK,
        gets(f'"total":{LARGEST},"digest":"{HELLO}","filesize":{LARGEST}', b"he"),
    ),
    "a total beyond integers": (PROTOCOL, gets(f'"total":{LARGEST + 1},"filesize":5', b"hello")),
    "a total below zero": (PROTOCOL, gets('"total":-5,"filesize":5', b"hello")),
    "empty frames for ever": (
        PROTOCOL,
        gets(f'{WHOLE},"more":true', b"", frame('{"more":true}') * 1000),
    ),
    "small frames for ever": (PROTOCOL, _endless_frames),
    "a first header in the middle": (
        PROTOCOL,
        gets(f'{WHOLE},"more":true,"filesize":2', b"he", frame('{"id":1,"ok":true}')),
    ),
    "a digest that changes on the way": (
        (PROTOCOL, DIGEST),
        gets(
            f'{WHOLE},"more":true,"filesize":2',
            b"he",
            frame(f'{{"filesize":3,"digest":"{digest_of(b"x")}"}}', b"llo"),
        ),
    ),
    "a total that changes on the way": (
        PROTOCOL,
        gets(f'{WHOLE},"more":true,"filesize":5', b"hello", frame('{"total":6}')),
    ),
    "an abort in the middle": (
        OTHER,
        gets(f'{WHOLE},"more":true,"filesize":5', b"hello", frame('{"abort":true}')),
    ),
    "an abort in the middle with a code": (
        NO_SPACE,
        gets(
            f'{WHOLE},"more":true,"filesize":2',
            b"he",
            frame('{"abort":true,"code":"no-space","message":"full\\u001b[2J\\r\\nroot#"}'),
        ),
    ),
    "an abort in the only header": (
        OTHER,
        gets(f'{WHOLE},"filesize":5,"abort":true,"code":"internal"', b"hello"),
    ),
    "half a file and the end": (NETWORK, first(HALF, Talk.hang_up)),
    "half a file and silence": (NETWORK, first(HALF, reached_and(Talk.freeze))),
    "a revision that is a number": (
        PROTOCOL,
        says('{"id":ID,"ok":true,"rev":1,' + WHOLE + ',"filesize":5}', b"hello"),
    ),
    "a time below zero": (PROTOCOL, gets(f'{WHOLE},"mtime":-1,"filesize":5', b"hello")),
}

GETS = (
    {
        what: Case(
            run="get URL/a.txt got",
            code=code,
            server={"get": lie},
            options=SLOW if code == NETWORK else Case.options,
        )
        for what, (code, lie) in BODIES.items()
    }
    | {
        f"{what}, of one file among others": Case(
            run="get -r URL/ into",
            code=code,
            server={"get": only_for("b", BODIES[what][1])},
            files={"a": b"hello", "b": b"hello"},
            options=SLOW if "silence" in what else Case.options,
            kept={"into/a": b"hello"} if code == SOME_FAILED else {},
            may_keep={"into/a": b"hello"},
            lines=2 if code == SOME_FAILED else -1,
        )
        for what, code in {
            "other bytes": SOME_FAILED,
            "an abort in the middle": SOME_FAILED,
            "a short body": BROKEN_TREE,
            "a long body": BROKEN_TREE,
            "no digest": BROKEN_TREE,
            "half a file and silence": (NETWORK, SOME_FAILED),
        }.items()
    }
    | {
        "a time of the year 2255": Case(
            run="get URL/a.txt got",
            code=OK,
            server={"get": gets(f'{WHOLE},"mtime":{LARGEST},"filesize":5', b"hello")},
            kept={"got": b"hello"},
        ),
        "a wrong file does not take the place of one that is there": Case(
            run="get URL/a.txt got",
            code=DIGEST,
            server={"get": BODIES["other bytes"][1]},
            plant=lambda sandbox: (sandbox / TARGET / "got").write_bytes(b"mine"),
        ),
        "half a file and silence, until somebody interrupts": Case(
            run="get URL/a.txt got",
            code=INTERRUPTED,
            server={"get": first(HALF, reached_and(Talk.freeze))},
            interrupt="reached",
        ),
        "other bytes on the way to standard output": Case(
            run="cat URL/a.txt", code=DIGEST, server={"get": BODIES["other bytes"][1]}
        ),
        "a stat that lies about everything": Case(
            run="get URL/a.txt got",
            code=(OK, OTHER, PROTOCOL, DIGEST),
            server={
                "stat": says(
                    f'{{"id":ID,"ok":true,"rev":"zz","total":99,"digest":"{digest_of(b"x")}"}}'
                )
            },
            may_keep={"got": b"hello"},
            lines=-1,
        ),
        "a listing that lies about sizes and revisions": Case(
            run="get -r URL/ into",
            code=(OK, PROTOCOL, SOME_FAILED),
            server={"list": lists(entry("a.txt", LARGEST, "zz"))},
            may_keep={"into/a.txt": b"hello"},
            lines=-1,
        ),
    }
)


@table(
    GETS,
    "a total that is*",
    "a wrong file does not*",
    "no digest",
    "a body of nothing*",
    "a short body, of*",
    "no body",
    "a digest with an escape sequence",
    "a total beyond integers",
    "a digest that changes*",
    "an abort in the middle, of*",
    "*fits the short body",
    "a digest of another kind",
    "no total",
    "no revision",
    "a wrong offset with all bytes",
    "a total below zero",
    "a first header in the middle",
    "a total that changes*",
    "an abort in the only header",
    "a revision that is a number",
    "a time below zero",
    "a body of nothing*",
    "a long body, of*",
    "no digest, of*",
)
def test_a_file_has_its_name_only_when_it_is_whole_and_right(case, seen_of):
    judge(case, seen_of(case))


# --- the headers of replies --------------------------------------------------------------------

STATED = '"rev":"r1","total":5,"mtime":1500000000000000'

REPLIES = {
    "an id of another request": (PROTOCOL, says('{"id":99,"ok":true,' + STATED + "}")),
    "no id": (PROTOCOL, says('{"ok":true,' + STATED + "}")),
    "an id below zero": (PROTOCOL, says('{"id":-1,"ok":true,' + STATED + "}")),
    "an id that is a text": (PROTOCOL, says('{"id":"ID","ok":true,' + STATED + "}")),
    "an id with a fraction": (PROTOCOL, says('{"id":ID.0,"ok":true,' + STATED + "}")),
    "an id of 5,000 digits": (PROTOCOL, says('{"id":' + "9" * 5000 + ',"ok":true}')),
    "an ok about the connection": (PROTOCOL, says('{"id":0,"ok":true,' + STATED + "}")),
    "no ok": (PROTOCOL, says('{"id":ID,' + STATED + "}")),
    "an ok that is a text": (PROTOCOL, says('{"id":ID,"ok":"true",' + STATED + "}")),
    "an ok that is a number": (PROTOCOL, says('{"id":ID,"ok":1,' + STATED + "}")),
    "nothing but an object": (PROTOCOL, says("{}")),
    "a refusal without a code": (PROTOCOL, says('{"id":ID,"ok":false}')),
    "a code that is a number": (PROTOCOL, says('{"id":ID,"ok":false,"code":3}')),
    "a code nobody knows": (OTHER, says('{"id":ID,"ok":false,"code":"moon-phase"}')),
    "a code with an escape sequence": (
        OTHER,
        says('{"id":ID,"ok":false,"code":"\\u001b]0;x\\u0007"}'),
    ),
    "a message with an escape sequence": (
        NOT_FOUND,
        says('{"id":ID,"ok":false,"code":"not-found","message":"\\u001b[31mred\\u009b1m\\u202e"}'),
    ),
    "a message of several lines": (
        NOT_FOUND,
        says(
            '{"id":ID,"ok":false,"code":"not-found","message":"a\\nb\\r\\n\\u2028c\\u0085d\\u000be"}'
        ),
    ),
    "a header of 65,536 bytes": (PROTOCOL, says(b'{"id":ID,"ok":true}' + b" " * (65_536 - 18))),
    "a wait below zero": (PROTOCOL, says('{"id":ID,"ok":false,"code":"busy","retry_ms":-1}')),
    "a wait of 5,000 digits": (
        PROTOCOL,
        says('{"id":ID,"ok":false,"code":"busy","retry_ms":' + "9" * 5000 + "}"),
    ),
    "a total below zero": (PROTOCOL, says('{"id":ID,"ok":true,"rev":"r1","total":-5}')),
    "a total beyond integers": (
        PROTOCOL,
        says(f'{{"id":ID,"ok":true,"rev":"r1","total":{LARGEST + 1}}}'),
    ),
    "a total with an exponent": (PROTOCOL, says('{"id":ID,"ok":true,"rev":"r1","total":5e0}')),
    "no total": (PROTOCOL, says('{"id":ID,"ok":true,"rev":"r1"}')),
    "a revision of 65 characters": (
        PROTOCOL,
        says('{"id":ID,"ok":true,"total":5,"rev":"' + "r" * 65 + '"}'),
    ),
    "an empty revision": (PROTOCOL, says('{"id":ID,"ok":true,"total":5,"rev":""}')),
    "a revision with a blank": (PROTOCOL, says('{"id":ID,"ok":true,"total":5,"rev":"r 1"}')),
    "a revision with an escape sequence": (
        PROTOCOL,
        says('{"id":ID,"ok":true,"total":5,"rev":"\\u001b[31m"}'),
    ),
    "a digest with an escape sequence": (
        PROTOCOL,
        says('{"id":ID,"ok":true,' + STATED + ',"digest":"\\u001b[31m"}'),
    ),
    "a digest that is short": (
        PROTOCOL,
        says('{"id":ID,"ok":true,' + STATED + ',"digest":"sha-256:00"}'),
    ),
    "NaN": (PROTOCOL, says('{"id":ID,"ok":true,' + STATED + ',"x":NaN}')),
    "a number beyond doubles": (PROTOCOL, says('{"id":ID,"ok":true,' + STATED + ',"x":1e999}')),
    "a name twice": (PROTOCOL, says('{"id":ID,"ok":true,"ok":false,' + STATED + "}")),
    "a name twice, deep down": (
        PROTOCOL,
        says('{"id":ID,"ok":true,' + STATED + ',"x":{"a":1,"a":1}}'),
    ),
    "nesting without end": (PROTOCOL, says('{"id":ID,"ok":true,"x":' + "[" * 60_000)),
    "nesting that is closed": (
        PROTOCOL,
        says('{"id":ID,"ok":true,"x":' + "[" * 30_000 + "]" * 30_000 + "}"),
    ),
    "sixty-five members": (
        PROTOCOL,
        says('{"id":ID,"ok":true,' + STATED + "".join(f',"x.{n}":1' for n in range(60)) + "}"),
    ),
    "a critical name": (PROTOCOL, says('{"id":ID,"ok":true,' + STATED + ',"!\\u001b[31m":1}')),
    "an array": (PROTOCOL, says('[{"id":ID,"ok":true}]')),
    "no JSON": (PROTOCOL, says("\x1b[31mhello")),
    "no UTF-8": (PROTOCOL, says(b'{"id":ID,"ok":true,"x":"\xff"}')),
    "a byte order mark": (PROTOCOL, says(b'\xef\xbb\xbf{"id":ID,"ok":true,"rev":"r1","total":5}')),
    "a body where none is due": (
        PROTOCOL,
        says('{"id":ID,"ok":true,' + STATED + ',"filesize":5}', b"hello"),
    ),
    "a body of petabytes where none is due": (
        PROTOCOL,
        says('{"id":ID,"ok":true,' + STATED + f',"filesize":{LARGEST}}}', b"hello"),
    ),
    "a notice with a body": (
        PROTOCOL,
        says('{"id":0,"ok":false,"code":"closing","filesize":5}', b"hello"),
    ),
    "a notice that the connection ends": (
        NETWORK,
        first(says('{"id":0,"ok":false,"code":"closing","message":"\\u001b[31m"}'), Talk.hang_up),
    ),
    "a notice that it did not understand": (
        PROTOCOL,
        first(says('{"id":0,"ok":false,"code":"bad-header","close":true}'), Talk.hang_up),
    ),
    "a second reply that nobody asked for": (
        (OK, PROTOCOL),
        says(
            '{"id":ID,"ok":true,' + STATED + "}",
            b"",
            frame('{"id":1,"ok":true,' + STATED + "}") * 99,
        ),
    ),
    "an unknown name": (OK, says('{"id":ID,"ok":true,' + STATED + ',"colour":"\\u001b[31m"}')),
}


def _largest(talk, request, body):
    """Refuse with the largest header that there is."""
    head = f'{{"id":{request.id},"ok":false,"code":"not-found","message":"'
    talk.send_raw(frame(head + "x" * (65_535 - len(head) - 2) + '"}'))


HEADERS = (
    {
        what: Case(
            run="stat --digest URL/a.txt",
            code=code,
            server={"stat": lie},
            out="" if code else None,
        )
        for what, (code, lie) in REPLIES.items()
        if isinstance(code, int)
    }
    | {
        what: Case(
            run="stat URL/a.txt",
            code=REPLIES[what][0],
            server={"stat": REPLIES[what][1]},
            lines=-1,
        )
        for what in ("a second reply that nobody asked for",)
    }
    | {
        "a message of a header of 65,535 bytes": Case(
            run="stat URL/a.txt",
            code=NOT_FOUND,
            server={"stat": _largest},
            out="",
        ),
        "an answer to rm from nowhere": Case(
            run="rm URL/a.txt", code=PROTOCOL, server={"delete": says('{"id":7,"ok":true}')}
        ),
        "an answer to mv without a revision": Case(
            run="mv URL/a.txt b", code=PROTOCOL, server={"move": says('{"id":ID,"ok":true}')}
        ),
        "an answer to mv of a wrong kind": Case(
            run="mv URL/a.txt b",
            code=PROTOCOL,
            server={"move": says('{"id":ID,"ok":true,"rev":[]}')},
        ),
        "an answer to rm that says neither yes nor no": Case(
            run="rm URL/a.txt", code=PROTOCOL, server={"delete": says('{"id":ID,"ok":null}')}
        ),
    }
)


@table(
    HEADERS,
    "an id of 5,000 digits",
    "a refusal without a code",
    "an ok about*",
    "NaN",
    "a name twice",
    "a code with an escape*",
    "*rm from nowhere",
    "an ok that is a text",
    "a body where none is due",
    "a notice with a body",
    "*mv without a revision",
    "an unknown name",
    "an id below zero",
    "an id that is a text",
    "an id with a fraction",
    "an ok that is a number",
    "nothing but an object",
    "a code that is a number",
    "a total *",
    "no total",
    "an empty revision",
    "a revision of 65 characters",
    "a revision with a blank",
    "a digest that is short",
    "a number beyond doubles",
    "a name twice, deep down",
    "nesting without end",
    "sixty-five members",
    "an array",
    "no JSON",
    "no UTF-8",
    "a byte order mark",
    "a body of petabytes*",
    "a wait *",
    "a notice that it did not understand",
    "*of a wrong kind",
    "*neither yes nor no",
)
def test_a_reply_is_believed_only_if_it_is_one(case, seen_of):
    judge(case, seen_of(case))


# --- puts --------------------------------------------------------------------------------------


def _large(sandbox: Path) -> None:
    """Make a file that fits no socket's buffers."""
    with (sandbox / "source/large").open("wb") as file:
        file.truncate(24 << 20)


def _lose_the_first(talk, request, body):
    if sum(cmd == "put" for cmd, _ in talk.server.asked) == 1:
        talk.hang_up()


def _store_what_came(talk, request, body):
    """Answer as if the body was the whole file."""
    says(f'{{"id":ID,"ok":true,"rev":"r1","total":{len(body)},"digest":"{digest_of(body)}"}}')(
        talk, request, body
    )


def _vanish(talk, request=None, body=b""):
    """End the connection at once."""
    raise ConnectionError("gone")


OTHERWISE = f'{{"id":ID,"ok":true,"rev":"r1","total":5,"digest":"{digest_of(b"x")}"}}'
GONE = refuses("upload-gone")

PUTS = {
    what: Case(run="put ../source/a.txt URL/a.txt", code=code, server={"put": says(header)})
    for what, code, header in [
        (
            "a reply with another digest",
            DIGEST,
            OTHERWISE,
        ),
        (
            "a reply with another total",
            PROTOCOL,
            f'{{"id":ID,"ok":true,"rev":"r1","total":6,"digest":"{HELLO}"}}',
        ),
        ("a reply without a digest", PROTOCOL, '{"id":ID,"ok":true,"rev":"r1","total":5}'),
        (
            "a reply without a revision",
            PROTOCOL,
            f'{{"id":ID,"ok":true,"total":5,"digest":"{HELLO}"}}',
        ),
        ("a reply that says nothing", PROTOCOL, '{"id":ID,"ok":true}'),
        ("a reply that the upload goes on", PROTOCOL, '{"id":ID,"ok":true,"offset":3}'),
        (
            "a reply with an escape sequence for a digest",
            (PROTOCOL, DIGEST),
            '{"id":ID,"ok":true,"rev":"r1","total":5,"digest":"\\u001b[31m"}',
        ),
        (
            "a refusal because of a digest that was right",
            DIGEST,
            '{"id":ID,"ok":false,"code":"digest-mismatch"}',
        ),
    ]
} | {
    "an upload that is said to stand beyond its end": Case(
        run="put ../source/large URL/a.txt",
        code=PROTOCOL,
        server={
            "begin put": _lose_the_first,
            "stat": says('{"id":ID,"ok":true,"offset":99999999}'),
        },
        options="--timeout 10 --retries 1",
        lines=-1,
        plant=_large,
    ),
    "an upload that is said to stand where it never was": Case(
        run="put ../source/large URL/a.txt",
        code=(OK, PROTOCOL, DIGEST, OTHER),
        server={
            "begin put": _lose_the_first,
            "stat": says('{"id":ID,"ok":true,"offset":3}'),
            "put": _store_what_came,
        },
        options="--timeout 10 --retries 1",
        lines=-1,
        plant=_large,
    ),
    "an upload that is said to be another file": Case(
        run="put ../source/large URL/a.txt",
        code=(OK, DIGEST),
        server={
            "begin put": _lose_the_first,
            "stat": says(
                f'{{"id":ID,"ok":true,"rev":"r1","total":1,"offset":1,"digest":"{digest_of(b"x")}"}}'
            ),
        },
        options="--timeout 10 --retries 1",
        lines=-1,
        plant=_large,
    ),
    "success before the file has been sent": Case(
        run="put ../source/large URL/a.txt",
        code=PROTOCOL,
        server={
            "stat": GONE,
            "begin put": first(
                says(f'{{"id":ID,"ok":true,"rev":"r1","total":5,"digest":"{HELLO}"}}'), Talk.freeze
            ),
        },
        plant=_large,
    ),
    "an early refusal, and not a byte more is read": Case(
        run="put ../source/large URL/a.txt",
        code=(NETWORK, NO_SPACE),
        server={
            "begin put": first(
                says('{"id":ID,"ok":false,"code":"no-space","retry_ms":0}'), Talk.freeze
            )
        },
        options=SLOW,
        plant=_large,
    ),
    "an early refusal, and the end": Case(
        run="put ../source/large URL/a.txt",
        code=DENIED,
        server={
            "begin put": first(
                says('{"id":ID,"ok":false,"code":"forbidden","close":true}'), Talk.hang_up
            )
        },
        plant=_large,
    ),
    "a server that stops reading": Case(
        run="put ../source/large URL/a.txt",
        code=NETWORK,
        server={"begin put": first(None, Talk.freeze)},
        options=SLOW,
        plant=_large,
    ),
    "a server that stops reading, until somebody interrupts": Case(
        run="put ../source/large URL/a.txt",
        code=INTERRUPTED,
        server={"begin put": first(None, reached_and(Talk.freeze))},
        plant=_large,
        interrupt="reached",
    ),
    "a server that reads it all and never answers": Case(
        run="put ../source/large URL/a.txt",
        code=NETWORK,
        server={"put": first(None, Talk.hold)},
        options=SLOW,
        plant=_large,
    ),
    "a server that goes away in the middle": Case(
        run="put ../source/large URL/a.txt",
        code=NETWORK,
        server={"begin put": _vanish},
        plant=_large,
    ),
    "a stat that says it is all there": Case(
        run="put -r ../source URL/t",
        code=(OK, PROTOCOL, SOME_FAILED),
        server={"stat": says(f'{{"id":ID,"ok":true,"rev":"r1","total":5,"digest":"{HELLO}"}}')},
        lines=-1,
    ),
    "a lie about one file among others": Case(
        run="put -r ../source URL/t",
        code=SOME_FAILED,
        server={
            "put": only_for(
                "t/a.txt",
                says(OTHERWISE),
            )
        },
        plant=lambda sandbox: (sandbox / "source/b.txt").write_bytes(b"b"),
    ),
}


@table(
    PUTS,
    "a server that goes away*",
    "an early refusal, and the end",
    "a reply without a digest",
    "a reply that says nothing",
    "a refusal because*",
    "a reply without a revision",
    "a reply with an escape sequence*",
)
def test_a_put_succeeds_only_when_the_server_has_it(case, seen_of):
    judge(case, seen_of(case))


# --- connections -------------------------------------------------------------------------------


def _drip(talk, request, body):
    """Send everything byte by byte from now on."""
    talk.dripping = True


GREETINGS = {
    "an alert of TLS": b"\x15\x03\x03\x00\x02\x02\x28",
    "a reply of HTTP": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n\x1b[31m",
    "a banner of SSH": b"SSH-2.0-OpenSSH_9.9\r\n",
    "a greeting of SMTP": b"220 mail.example ESMTP\r\n",
    "four zeros": b"\0\0\0\0",
    "a length in the other order": b"\0\0\0\x20" + b" " * 32,
    "a header of one byte": b"\1\0\0\0 ",
    "a reply to a request that was never made": frame('{"id":99,"ok":true,"rev":"r1","total":5}'),
}

CONNECTIONS = (
    {
        f"{what}, unasked": Case(
            run="stat URL/a.txt", code=PROTOCOL, server={"connect": sends(data)}, out=""
        )
        for what, data in GREETINGS.items()
    }
    | {
        f"{what}, for an answer": Case(
            run="get URL/a.txt got", code=PROTOCOL, server={"get": sends(GREETINGS[what])}
        )
        for what in ("a reply of HTTP", "four zeros")
    }
    | {
        f"{what}, for a folder": Case(
            run="get -r URL/ into", code=PROTOCOL, server={"list": sends(GREETINGS[what])}
        )
        for what in ("a reply of HTTP",)
    }
    | {
        f"a server that {what}, when {command.split()[0]} comes": Case(
            run=command,
            code=NETWORK,
            server=server,
            options=SLOW,
        )
        for what, server in {
            "closes at once": {"connect": _vanish},
            "never says a word": {"connect": first(None, Talk.hold)},
        }.items()
        for command in (
            "get URL/a.txt got",
            "put ../source/a.txt URL/a.txt",
            "stat URL/a.txt",
            "ls URL/",
            "rm -r URL/d",
            "mv URL/a.txt b",
            "cat URL/a.txt",
        )
    }
    | {
        "a server that never says a word, when a folder is fetched": Case(
            run="get -r URL/ into",
            code=NETWORK,
            server={"connect": first(None, Talk.hold)},
            options=SLOW,
        ),
        "a server that never says a word, when a folder is sent": Case(
            run="put -r ../source URL/t",
            code=(NETWORK, SOME_FAILED),
            server={"connect": first(None, Talk.hold)},
            options=SLOW,
            lines=-1,
        ),
        "a server that never says a word, until somebody interrupts": Case(
            run="stat URL/a.txt",
            code=INTERRUPTED,
            server={"stat": first(None, reached_and(Talk.hold))},
            interrupt="reached",
        ),
        "half a length and the end": Case(
            run="stat URL/a.txt",
            code=NETWORK,
            server={"stat": sends(b"\x20\0", then=Talk.hang_up)},
        ),
        "half a header and the end": Case(
            run="stat URL/a.txt",
            code=NETWORK,
            server={"stat": sends(b'\x20\0\0\0{"id"', then=Talk.hang_up)},
        ),
        "half a header and silence": Case(
            run="stat URL/a.txt",
            code=NETWORK,
            server={"stat": sends(b'\xff\xff\0\0{"id"')},
            options=SLOW,
        ),
        "a reply byte by byte": Case(
            run="get URL/a.txt got", code=OK, server={"connect": _drip}, kept={"got": b"hello"}
        ),
        "a folder byte by byte": Case(
            run="get -r URL/ into",
            code=OK,
            server={"connect": _drip},
            files={"a": b"a", "b/c": b"", "b/d": b"d"},
            kept={"into/a": b"a", "into/b/c": b"", "into/b/d": b"d"},
        ),
        "an alert of TLS byte by byte": Case(
            run="stat URL/a.txt",
            code=PROTOCOL,
            server={
                "connect": lambda talk, request, body: (
                    _drip(talk, None, b""),
                    sends(GREETINGS["an alert of TLS"])(talk, None, b""),
                )
            },
        ),
        "a server without TLS where TLS is due": Case(
            run="stat TLS/a.txt",
            code=NETWORK,
            server={"connect": sends(GREETINGS["a reply of HTTP"])},
        ),
        "a server that never says a word where TLS is due": Case(
            run="stat TLS/a.txt",
            code=NETWORK,
            server={"connect": first(None, Talk.hold)},
            options=SLOW,
        ),
    }
)


@table(
    CONNECTIONS,
    "half a header and the end",
    "*, when a folder is fetched",
    "a server that closes at once, when put comes",
    "a server that never says a word, when ls comes",
    "a reply of HTTP, for a folder",
    "a reply of HTTP, for an answer",
    "half a length and the end",
    "*TLS byte by byte",
    "a banner of SSH*",
    "a greeting of SMTP*",
    "a length in the other order*",
    "a header of one byte*",
    "*, when mv comes",
    "*, when cat comes",
    "*, when rm comes",
    "*, when stat comes",
    "four zeros, for an answer",
)
def test_a_connection_ends_in_time(case, seen_of):
    judge(case, seen_of(case))


# --- trying again ------------------------------------------------------------------------------


RETRIES = {
    f"busy for ever, when {command.split()[0]} comes": Case(
        run=command,
        code=BUSY,
        server={cmd: refuses("busy", retry_ms=1, message="\x1b[31m") for cmd in ("get", "put")},
        options="--timeout 10 --retries 1",
        lines=2,
    )
    for command in ("get URL/a.txt got", "put ../source/a.txt URL/a.txt")
} | {
    "busy for ever with no wait at all": Case(
        run="get URL/a.txt got",
        code=BUSY,
        server={"get": refuses("busy", retry_ms=0)},
        options="--timeout 10 --retries 20",
        lines=2,
    ),
    "busy for 285,000 years": Case(
        run="get URL/a.txt got",
        code=INTERRUPTED,
        server={"get": refuses("busy", retry_ms=LARGEST)},
        options="--timeout 10 --retries 1",
        interrupt="told",
        lines=2,
    ),
    "gone for ever": Case(
        run="get URL/a.txt got",
        code=NETWORK,
        server={"connect": _vanish},
        options="--timeout 10 --retries 1",
        lines=1,
    ),
    "a violation is not tried again": Case(
        run="get URL/a.txt got",
        code=PROTOCOL,
        server={"get": BODIES["a short body"][1]},
        options="--timeout 10 --retries 3",
    ),
    "a put that was superseded is not tried again": Case(
        run="put ../source/a.txt URL/a.txt",
        code=EXISTS,
        server={"put": says('{"id":ID,"ok":false,"code":"superseded","retry_ms":1,"close":true}')},
        options="--timeout 10 --retries 3",
    ),
    "what is not there is not tried again": Case(
        run="get URL/a.txt got",
        code=NOT_FOUND,
        server={"get": says('{"id":ID,"ok":false,"code":"not-found","retry_ms":1}')},
        options="--timeout 10 --retries 3",
    ),
}


@table(RETRIES)
def test_trying_again_has_an_end(case, seen_of):
    seen = seen_of(case)
    judge(case, seen)
    assert [] == [wait for wait in re.findall(r"([\d.]+) s\b", seen.err) if float(wait) > 60]


# --- what is there already ---------------------------------------------------------------------


def planted(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what puts something into the target."""

    def plant(sandbox: Path) -> None:
        path = sandbox / TARGET / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)

    return plant


def _of_same_time(path: Path) -> None:
    path.write_bytes(b"HELLO")
    os.utime(path, ns=(MTIME * 1000, MTIME * 1000))


PART = ".x.headframe-part"

LOCAL = {
    "a link to a folder outside": Case(
        run="get -r URL/ into",
        code=SOME_FAILED,
        files={"a.txt": b"hello", "link/file": b"evil", "link/new": b"evil"},
        plant=planted("into/link", lambda path: path.symlink_to("../../elsewhere")),
        kept={"into/a.txt": b"hello"},
        lines=3,
    ),
    "a link to a folder outside, deeper down": Case(
        run="get -r URL/ into",
        code=SOME_FAILED,
        files={"d/e/link/file": b"evil"},
        plant=planted("into/d/e/link", lambda path: path.symlink_to("../../../../elsewhere")),
    ),
    "a link to a file outside": Case(
        run="get -r URL/ into",
        code=(OK, SOME_FAILED),
        files={"x": b"evil"},
        plant=planted("into/x", lambda path: path.symlink_to("../../elsewhere/file")),
        may_keep={"into/x": b"evil"},
    ),
    "a link that leads nowhere yet": Case(
        run="get -r URL/ into",
        code=(OK, SOME_FAILED),
        files={"x": b"evil"},
        plant=planted("into/x", lambda path: path.symlink_to("../../elsewhere/new")),
        may_keep={"into/x": b"evil"},
    ),
    "a link where the unfinished file belongs": Case(
        run="get URL/x x",
        code=(OK, EXISTS, OTHER),
        files={"x": b"evil"},
        plant=planted(PART, lambda path: path.symlink_to("../elsewhere/file")),
        may_keep={"x": b"evil"},
    ),
    "a link where the unfinished file of a folder belongs": Case(
        run="get -r URL/ into",
        code=(OK, SOME_FAILED),
        files={"x": b"evil"},
        plant=planted(f"into/{PART}", lambda path: path.symlink_to("../../elsewhere/file")),
        may_keep={"into/x": b"evil"},
    ),
    "a second name of a file outside where the unfinished file belongs": Case(
        run="get URL/x x",
        code=(OK, EXISTS, OTHER),
        files={"x": b"not yours, evil"},
        plant=lambda sandbox: os.link(sandbox / "elsewhere/file", sandbox / TARGET / PART),
        may_keep={"x": b"not yours, evil"},
    ),
    "a pipe where the unfinished file belongs": Case(
        run="get URL/x x",
        code=(OK, EXISTS, OTHER),
        files={"x": b"evil"},
        plant=planted(PART, os.mkfifo if hasattr(os, "mkfifo") else Path.touch),
        may_keep={"x": b"evil"},
    ),
    "an unfinished file of something else": Case(
        run="get URL/x x",
        code=OK,
        files={"x": b"hello, world"},
        plant=planted(PART, lambda path: path.write_bytes(b"other")),
        kept={"x": b"hello, world"},
    ),
    "an unfinished file that is longer than the file": Case(
        run="get URL/x x",
        code=OK,
        files={"x": b"hello"},
        plant=planted(PART, lambda path: path.write_bytes(b"hello" * 1000)),
        kept={"x": b"hello"},
    ),
    "an unfinished file, and a server that begins anew": Case(
        run="get URL/x x",
        code=(OK, PROTOCOL, DIGEST),
        server={"get": gets(f'{WHOLE},"offset":0,"filesize":5', b"hello")},
        files={"x": b"hello"},
        plant=planted(PART, lambda path: path.write_bytes(b"he")),
        may_keep={"x": b"hello"},
        lines=-1,
    ),
    "a file of the same size and time that is wrong": Case(
        run="get -r URL/ into",
        code=OK,
        files={"x": b"hello"},
        plant=planted("into/x", _of_same_time),
        kept={"into/x": b"hello"},
    ),
    "a folder where the unfinished file belongs": Case(
        run="get URL/x x",
        code=(OK, EXISTS, DENIED),
        files={"x": b"hello"},
        plant=planted(PART, Path.mkdir),
        may_keep={"x": b"hello"},
    ),
    "a folder where a file belongs": Case(
        run="get -r URL/ into",
        code=SOME_FAILED,
        files={"a.txt": b"hello", "x": b"evil"},
        plant=planted("into/x/y", lambda path: path.write_bytes(b"mine")),
        kept={"into/a.txt": b"hello", "into/x/y": b"mine"},
    ),
    "a folder where the one file belongs": Case(
        run="get URL/x into/",
        code=EXISTS,
        files={"x": b"evil"},
        plant=planted("into/x/y", lambda path: path.write_bytes(b"mine")),
        kept={"into/x/y": b"mine"},
    ),
    "a file where a folder belongs": Case(
        run="get -r URL/ into",
        code=SOME_FAILED,
        files={"a.txt": b"hello", "d/x": b"evil"},
        plant=planted("into/d", lambda path: path.write_bytes(b"mine")),
        kept={"into/a.txt": b"hello", "into/d": b"mine"},
    ),
    "a file where the whole folder belongs": Case(
        run="get -r URL/ into",
        code=(EXISTS, SOME_FAILED),
        plant=planted("into", lambda path: path.write_bytes(b"mine")),
        kept={"into": b"mine"},
    ),
}


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are made as POSIX does")
@table(
    LOCAL,
    "a link that leads nowhere yet",
    "a file where the whole*",
    "*deeper down",
    "a folder where the one file belongs",
    "*longer than the file",
)
def test_what_stands_in_the_target_leads_nowhere_else(case, seen_of):
    judge(case, seen_of(case))


# --- terminals ---------------------------------------------------------------------------------

STRANGE = ["a\u202etxt.exe", "b\x9b31m", "c\u2028d", "e\u200bf", "g\x85h"]


TERMINALS = {
    "names in a listing": Case(
        run="ls URL/", code=OK, server={"list": lists(*STRANGE)}, terminal=True, told="\\u202e"
    ),
    "names in a listing as JSON": Case(
        run="ls --json URL/",
        code=OK,
        server={"list": lists(*STRANGE)},
        terminal=True,
    ),
    "revisions in a listing as JSON": Case(
        run="ls --json URL/",
        code=(OK, PROTOCOL),
        server={"list": lists(entry("a", rev="\x9b31m"))},
        terminal=True,
    ),
    "sizes in a listing": Case(
        run="ls URL/",
        code=PROTOCOL,
        server={"list": lists(line('{"filename":"a","rev":"r1","total":1' + "0" * 400 + "}"))},
        terminal=True,
    ),
    "times in a listing": Case(
        run="ls URL/",
        code=(OK, PROTOCOL),
        server={
            "list": lists(line('{"filename":"a","rev":"r1","total":1,"mtime":1' + "0" * 400 + "}"))
        },
        terminal=True,
    ),
    "a revision of a file": Case(
        run="stat URL/a.txt",
        code=(OK, PROTOCOL),
        server={"stat": REPLIES["a revision with an escape sequence"][1]},
        terminal=True,
    ),
    "a digest of a file": Case(
        run="stat --digest URL/a.txt",
        code=(OK, PROTOCOL),
        server={"stat": REPLIES["a digest with an escape sequence"][1]},
        terminal=True,
    ),
    "a refusal": Case(
        run="stat URL/a.txt",
        code=NOT_FOUND,
        server={"stat": REPLIES["a message with an escape sequence"][1]},
        terminal=True,
        told="\\x1b",
    ),
}


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")
@table(TERMINALS)
def test_a_terminal_is_told_nothing_that_it_would_obey(case, seen_of):
    judge(case, seen_of(case))
