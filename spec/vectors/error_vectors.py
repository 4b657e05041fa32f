"""Chapter 6: fatal or refused, and which error comes first."""

from writing import (
    CLOSED,
    CUT,
    END,
    EOF,
    HELLO,
    Chapter,
    body,
    fatal,
    frame,
    header,
    length,
    refused,
)

ERROR = Chapter("error", "ERROR")

HELLO_BEGUN = [header(id=7, cmd="hello"), END]
HUGE = 9007199254740991

# --- 001: fatal before refused
for slug, title, text in [
    (
        "critical",
        "A critical name and a `filesize` of -1",
        '{"id":1,"cmd":"hello","!x":1,"filesize":-1}',
    ),
    ("unknown-command", "An unknown command and `more` of 1", '{"id":1,"cmd":"nope","more":1}'),
    (
        "version",
        "A version that is not spoken and a name twice",
        '{"id":1,"cmd":"hello","hf":2,"hf":1}',
    ),
    ("no-cmd", "No `cmd` and an `id` of 0", '{"id":0}'),
    (
        "name",
        "A bad name and a number beyond a double",
        '{"id":1,"cmd":"put","filename":"..","x.y":1e999}',
    ),
]:
    json_is_bad = slug in ("version", "name")
    ERROR.breaks(
        f"001-{slug}", f"{title}: it is fatal", text, code="bad-header", id_seen=not json_is_bad
    )
ERROR.gives(
    "001-later",
    "A later header with `cmd` and a critical name: it is fatal",
    '{"id":1,"cmd":"put","filename":"a","more":true}',
    '{"cmd":"put","!x":1}',
    events=[header(id=1, cmd="put", filename="a"), fatal("bad-frame", id_seen=True)],
    also="BODY-001",
)
ERROR.gives(
    "001-later-order",
    "A later header with `cmd` and a bad `more`: the header comes first",
    '{"id":1,"cmd":"put","filename":"a","more":true}',
    '{"cmd":"put","more":1}',
    events=[header(id=1, cmd="put", filename="a"), fatal("bad-header", id_seen=True)],
    also="BODY-001 HEADER-012",
)
ERROR.gives(
    "001-later-no-body",
    "A later header with a trailer, `more: true` and no body: it is fatal",
    '{"id":1,"cmd":"put","filename":"a","more":true}',
    '{"total":5,"more":true}',
    events=[header(id=1, cmd="put", filename="a"), fatal("bad-frame", id_seen=True)],
    also="BODY-002",
)

# --- 002 to 005
ERROR.gives(
    "002-answered-first",
    "A whole request comes before a fatal error, and is answered",
    '{"id":8,"cmd":"delete","filename":"a.txt"}',
    '{"id":9,"cmd":"hello",}',
    events=[header(id=8, cmd="delete", filename="a.txt"), END, fatal("bad-header", id_seen=True)],
    also="ERROR-003",
)
ERROR.gives(
    "002-refused-first",
    "A refused request comes before a fatal error, and is answered",
    '{"id":8,"cmd":"nope"}',
    length(0),
    events=[refused("unknown-command", 8), fatal("bad-frame", id_seen=True)],
    also="ERROR-003",
)
ERROR.breaks(
    "004-good-after-bad",
    "A good request after a bad header is not seen",
    "{]",
    HELLO,
    HELLO,
    code="bad-header",
)
ERROR.breaks("004-good-after-bad-n", "A good request after an N of 0 is not seen", length(0), HELLO)
ERROR.breaks(
    "004-body-after-bad",
    "The body of a put whose header is bad is not taken for a request",
    frame(
        '{"id":1,"cmd":"put","filename":"a","filesize":26,}',
        body=b'\x16\0\0\0{"id":9,"cmd":"hello"}',
    ),
    code="bad-header",
)
ERROR.gives(
    "005-in-second-frame",
    "A fatal error in the second frame of a put: the put is not answered",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":5,"more":true}', body="hello"),
    "[]",
    HELLO,
    events=[
        header(id=1, cmd="put", filename="a"),
        body("hello"),
        fatal("bad-header", id_seen=True),
    ],
    also="ERROR-004",
)
ERROR.gives(
    "005-after-refusal",
    "A fatal error in a request that has been refused",
    '{"id":1,"cmd":"nope","more":true}',
    length(70000),
    events=[refused("unknown-command"), fatal("bad-frame", id_seen=True)],
    also="ERROR-003",
)
ERROR.gives(
    "010-after-a-reply",
    "A client reads one reply, and then what is none",
    '{"id":1,"ok":true}',
    '{"id":2,"ok":true,}',
    events=[header(id=1, ok=True), END, {"event": "fatal"}],
    awaits="1:delete 2:delete",
    also="ERROR-004",
)

# --- 006, 007, 008: how much is discarded
ERROR.gives(
    "006-huge",
    "More is left than any server discards: the refusal closes",
    f'{{"id":1,"cmd":"put","filename":"..","filesize":{HUGE}}}',
    HELLO,
    events=[refused("bad-name"), CLOSED],
    also="REPLY-012 REPLY-013",
)
ERROR.gives(
    "006-huge-critical",
    "The same for a critical name",
    f'{{"id":1,"cmd":"put","filename":"a","!x":1,"filesize":{HUGE}}}',
    events=[refused("unsupported"), CLOSED],
    also="REPLY-012",
)
ERROR.gives(
    "006-one-mib",
    "1 MiB is discarded by every server",
    '{"id":1,"cmd":"put","filename":"..","filesize":1048576}',
    events=[refused("bad-name"), CUT],
    also="CMD-005",
)
ERROR.gives(
    "007-later-huge",
    "It turns out that more is left than any server discards",
    '{"id":1,"cmd":"put","filename":"..","more":true}',
    f'{{"filesize":{HUGE}}}',
    HELLO,
    events=[refused("bad-name"), CLOSED],
    also="REPLY-013",
)
ERROR.gives(
    "007-no-id",
    "A get without `id`, and a body that no server discards",
    f'{{"cmd":"get","filename":"a","filesize":{HUGE}}}',
    HELLO,
    events=[CLOSED],
    also="ERROR-011 REQ-003",
)
ERROR.gives(
    "008-six-in-a-row",
    "Six refusals, and the connection goes on",
    '{"id":1,"cmd":"nope"}',
    '{"id":2}',
    '{"id":3,"cmd":"hello","!x":1}',
    '{"id":4,"cmd":"get"}',
    '{"id":5,"cmd":"get","filename":""}',
    frame('{"id":6,"cmd":"list","filesize":2}', body="{}"),
    HELLO,
    events=[
        refused("unknown-command", 1),
        refused("bad-request", 2),
        refused("unsupported", 3),
        refused("bad-request", 4),
        refused("bad-name", 5),
        refused("bad-request", 6),
        *HELLO_BEGUN,
        EOF,
    ],
    also="BODY-004",
)

# --- 012: which comes first
for slug, title, text, code in [
    (
        "version-critical",
        "A version and a critical name",
        '{"id":1,"cmd":"hello","hf":2,"!x":1}',
        "unsupported-version",
    ),
    (
        "version-type",
        "A version and a wrong type",
        '{"id":1,"cmd":"hello","hf":2,"auth":5}',
        "unsupported-version",
    ),
    (
        "version-body",
        "A version and a body",
        '{"id":1,"cmd":"hello","hf":2,"filesize":3}',
        "unsupported-version",
    ),
    ("critical-no-cmd", "A critical name and no `cmd`", '{"id":1,"!x":1}', "unsupported"),
    (
        "critical-command",
        "A critical name and an unknown command",
        '{"id":1,"cmd":"nope","!x":1}',
        "unsupported",
    ),
    (
        "critical-missing",
        "A critical name and no `filename`",
        '{"id":1,"cmd":"get","!x":1}',
        "unsupported",
    ),
    (
        "critical-name",
        "A critical name and a bad name",
        '{"id":1,"cmd":"get","filename":"..","!x":1}',
        "unsupported",
    ),
    (
        "critical-body",
        "A critical name and a body that is not taken",
        '{"id":1,"cmd":"get","filename":"a","!x":1,"filesize":3}',
        "unsupported",
    ),
    (
        "command-body",
        "An unknown command and a body",
        '{"id":1,"cmd":"nope","filename":"..","filesize":3}',
        "unknown-command",
    ),
    (
        "type-name",
        "A wrong type and a bad name",
        '{"id":1,"cmd":"put","filename":"..","total":"5"}',
        "bad-request",
    ),
    (
        "body-name",
        "A body that is not taken and a bad name",
        '{"id":1,"cmd":"get","filename":"..","filesize":3}',
        "bad-request",
    ),
    (
        "digest-name",
        "An unknown algorithm and a bad name",
        '{"id":1,"cmd":"put","filename":"..","digest":"md5:00"}',
        "unsupported",
    ),
    (
        "missing-name",
        "A missing name and a bad one",
        '{"id":1,"cmd":"move","filename":".."}',
        "bad-request",
    ),
    (
        "name-abort",
        "A bad name and an abort",
        '{"id":1,"cmd":"put","filename":"..","abort":true}',
        "bad-name",
    ),
    (
        "command-abort",
        "An unknown command and an abort",
        '{"id":1,"cmd":"nope","abort":true}',
        "unknown-command",
    ),
]:
    part = frame(text, body="abc") if '"filesize":3' in text else text
    closes = code == "unsupported-version"
    ERROR.gives(
        f"012-{slug}", f"{title}: {code}", part, events=[refused(code), CLOSED if closes else EOF]
    )
