"""Section 5.1 and the table of commands: requests, with `id` and without."""

from writing import (
    CLOSED,
    END,
    EOF,
    HELLO,
    SHA_HELLO,
    TOKEN,
    Chapter,
    body,
    fatal,
    frame,
    header,
    raw,
    refused,
)

REQUEST = Chapter("request", "REQ")
COMMAND = Chapter("command", "CMD")

HELLO_BEGUN = [header(id=7, cmd="hello"), END]

# --- 001: what a client begins with
for command, text in {
    "hello": '{"id":1,"cmd":"hello","hf":1,"auth":{"scheme":"token","token":"x"}}',
    "put": '{"id":1,"cmd":"put","filename":"a","if":"r1","mtime":1767225600000000,'
    f'"total":5,"digest":"{SHA_HELLO}"}}',
    "put-upload": f'{{"id":1,"cmd":"put","filename":"a","upload":"{TOKEN}","offset":5,"total":9}}',
    "get": '{"id":1,"cmd":"get","filename":"a","offset":1,"length":3,"if":"r1","want":["digest"]}',
    "stat": '{"id":1,"cmd":"stat","filename":"a","if":null,"want":["digest"]}',
    "stat-upload": f'{{"id":1,"cmd":"stat","upload":"{TOKEN}"}}',
    "list": '{"id":1,"cmd":"list","prefix":"a/","after":"a/b","limit":100,"delimiter":"/"}',
    "list-all": '{"id":1,"cmd":"list"}',
    "delete": '{"id":1,"cmd":"delete","filename":"a","if":"r1"}',
    "move": '{"id":1,"cmd":"move","filename":"a","to":"b/c","if":"r1","to_if":"r2"}',
}.items():
    REQUEST.accepts(
        f"001-{command}", f"A {command.replace('-', ', ')}", text, also="HEADER-013 HEADER-019"
    )

# --- 002: no command
for slug, title, text in [
    ("missing", "No `cmd`", '{"id":1,"filename":"a"}'),
    ("null", "`cmd` is null", '{"id":1,"cmd":null}'),
    ("number", "`cmd` is a number", '{"id":1,"cmd":5}'),
    ("array", "`cmd` is an array", '{"id":1,"cmd":["hello"]}'),
    ("object", "`cmd` is an object", '{"id":1,"cmd":{"hello":1}}'),
    ("true", "`cmd` is true", '{"id":1,"cmd":true}'),
    ("reply", "A reply is no request", '{"id":1,"ok":true}'),
    ("case", "`CMD` is not `cmd`", '{"id":1,"CMD":"hello"}'),
]:
    REQUEST.refuses(f"002-{slug}", title, text, code="bad-request")

# --- 003 to 006: no `id`
REQUEST.accepts(
    "004-put",
    "A put without `id` is carried out",
    frame('{"cmd":"put","filename":"a","filesize":5}', body="hello"),
    also="REQ-003",
)
REQUEST.accepts(
    "004-empty-put",
    "An empty put without `id` is carried out",
    '{"cmd":"put","filename":"a"}',
    also="REQ-003",
)
for command, rest in [
    ("hello", ""),
    ("get", ',"filename":"a"'),
    ("stat", ',"filename":"a"'),
    ("list", ""),
    ("delete", ',"filename":"a"'),
    ("move", ',"filename":"a","to":"b"'),
]:
    REQUEST.gives(
        f"005-{command}",
        f"A {command} without `id` is not carried out",
        f'{{"cmd":"{command}"{rest}}}',
        events=[EOF],
        also="REQ-003",
    )
REQUEST.gives(
    "003-unknown-command",
    "An unknown command without `id`: nobody is told",
    '{"cmd":"handle"}',
    events=[EOF],
    also="CMD-001",
)
REQUEST.gives(
    "003-no-command", "Neither `cmd` nor `id`", '{"filename":"a"}', events=[EOF], also="REQ-002"
)
REQUEST.gives(
    "003-wrong-type",
    "A put without `id` that is refused: nobody is told",
    frame('{"cmd":"put","filename":5,"filesize":3}', body="abc"),
    HELLO,
    events=[refused("bad-request", None), *HELLO_BEGUN, EOF],
    also="HEADER-016 BODY-004",
)
REQUEST.gives(
    "003-get-in-frames",
    "A get without `id`, in two frames and with a body, is discarded whole",
    '{"cmd":"get","filename":"a","more":true}',
    frame('{"filesize":3}', body="abc"),
    HELLO,
    events=[*HELLO_BEGUN, EOF],
    also="REQ-005",
)
REQUEST.gives(
    "006-fatal",
    "A fatal error where no `id` has arrived: the server only closes",
    frame('{"cmd":"put","filename":"a","filesize":5}', body="hello"),
    "{]",
    events=[header(cmd="put", filename="a"), body("hello"), END, fatal("bad-header")],
    also="ERROR-003",
)
REQUEST.gives(
    "006-bad-n",
    "The same with an N that is none",
    '{"cmd":"put","filename":"a"}',
    raw("GET "),
    events=[header(cmd="put", filename="a"), END, fatal("bad-frame")],
    also="FRAME-002",
)
REQUEST.gives(
    "006-after-id",
    "One `id` long ago, and the server says why it closes",
    HELLO,
    '{"cmd":"put","filename":"a"}',
    "{]",
    events=[*HELLO_BEGUN, header(cmd="put", filename="a"), END, fatal("bad-header", id_seen=True)],
    also="ERROR-003",
)
REQUEST.gives(
    "006-refused-id",
    "The `id` of a refused request has arrived",
    '{"id":1,"cmd":"nope"}',
    "{]",
    events=[refused("unknown-command"), fatal("bad-header", id_seen=True)],
    also="ERROR-003",
)
REQUEST.breaks(
    "006-wrong-id",
    "An `id` of a wrong type has arrived",
    '{"id":"x","cmd":"hello"}',
    code="bad-header",
    id_seen=True,
    also="ERROR-003 HEADER-011",
)
REQUEST.breaks(
    "006-id-in-bad-json",
    "An `id` in what is not JSON has not arrived",
    '{"id":1,"cmd":"hello",}',
    code="bad-header",
    also="HEADER-002",
)
REQUEST.breaks(
    "006-nested-id",
    "An `id` deeper in the header is none",
    '{"cmd":"put","filename":"a","x.y":{"id":1},"filesize":-1}',
    code="bad-header",
    also="HEADER-011",
)

# --- 007, 009, 011: ids are the client's
REQUEST.accepts("007-repeats", "An `id` may repeat", HELLO, HELLO, HELLO, also="REQ-009")
REQUEST.accepts(
    "007-falls",
    "An `id` may fall",
    '{"id":9,"cmd":"hello"}',
    '{"id":3,"cmd":"hello"}',
    '{"id":9007199254740991,"cmd":"hello"}',
    also="REQ-009",
)
REQUEST.accepts(
    "009-pipelined",
    "Requests in one go, with `id` and without",
    frame('{"id":11,"cmd":"put","filename":"a.txt","filesize":5}', body="hello"),
    '{"id":11,"cmd":"delete","filename":"b.txt"}',
    frame('{"cmd": "put", "filename": "c.txt", "filesize": 5}', body="hello"),
    also="REQ-004 REQ-007 REQ-011",
)

# --- 008: a body that is not taken
for command, rest in [
    ("hello", ""),
    ("get", ',"filename":"a"'),
    ("stat", ',"filename":"a"'),
    ("list", ""),
    ("delete", ',"filename":"a"'),
    ("move", ',"filename":"a","to":"b"'),
]:
    REQUEST.gives(
        f"008-{command}",
        f"A body with {command}",
        frame(f'{{"id":1,"cmd":"{command}"{rest},"filesize":3}}', body="abc"),
        HELLO,
        events=[refused("bad-request"), *HELLO_BEGUN, EOF],
        also="BODY-004",
    )
REQUEST.gives(
    "008-later",
    "A body with stat, in its second frame",
    '{"id":1,"cmd":"stat","filename":"a","more":true}',
    frame('{"filesize":3}', body="abc"),
    HELLO,
    events=[header(id=1, cmd="stat", filename="a"), refused("bad-request"), *HELLO_BEGUN, EOF],
    also="BODY-004",
)
REQUEST.accepts(
    "008-filesize-0", "`filesize` 0 is no body", '{"id":1,"cmd":"stat","filename":"a","filesize":0}'
)

# --- the table of commands
for slug, word in [
    ("handle", "handle"),
    ("init", "__init__"),
    ("finish", "finish"),
    ("setup", "setup"),
    ("class", "__class__"),
    ("upper-case", "PUT"),
    ("title-case", "Put"),
    ("space-after", "put "),
    ("space-before", " put"),
    ("empty", ""),
    ("prefix", "pu"),
    ("longer", "puts"),
    ("constructor", "constructor"),
    ("proto", "__proto__"),
    ("to-string", "toString"),
    ("path", "../put"),
    ("full-width", "\uff50\uff55\uff54"),
    ("cyrillic", "\u0440ut"),
]:
    COMMAND.refuses(
        f"001-{slug}",
        f"No command of HF/1: {word.encode('ascii', 'backslashreplace').decode()!r}",
        f'{{"id":1,"cmd":"{word}"}}',
        code="unknown-command",
    )
COMMAND.refuses(
    "001-nul", "A command and NUL", '{"id":1,"cmd":"put\\u0000"}', code="unknown-command"
)
for slug, title, text, number in [
    ("2", "Version 2", '{"id":1,"cmd":"hello","hf":2}', 1),
    ("0", "Version 0", '{"id":1,"cmd":"hello","hf":0}', 1),
    ("largest", "The largest version", '{"id":1,"cmd":"hello","hf":9007199254740991}', 1),
]:
    COMMAND.gives(
        f"004-{slug}",
        f"{title} is not spoken: the connection closes",
        text,
        HELLO,
        events=[refused("unsupported-version", number), CLOSED],
        also="REPLY-013",
    )
COMMAND.gives(
    "004-no-id",
    "A version that is not spoken, without `id`: nothing is said, and the connection closes",
    '{"cmd":"hello","hf":2}',
    HELLO,
    events=[CLOSED],
    also="ERROR-011 REQ-003",
)
COMMAND.accepts("004-1", "Version 1", '{"id":1,"cmd":"hello","hf":1}')
COMMAND.accepts(
    "004-only-hello",
    "`hf` means something to hello alone",
    '{"id":1,"cmd":"stat","filename":"a","hf":2}',
    ignoring="hf",
    also="HEADER-015",
)
COMMAND.accepts(
    "002-no-hello",
    "Any command may come first, and hello last",
    '{"id":1,"cmd":"stat","filename":"a"}',
    '{"id":2,"cmd":"list"}',
    HELLO,
)
COMMAND.gives(
    "012-md5",
    "A digest by an algorithm that nobody has",
    frame(
        '{"id":1,"cmd":"put","filename":"a","digest":"md5:5d41402abc4b2a76b9719d911017c592","filesize":5}',
        body="hello",
    ),
    HELLO,
    events=[refused("unsupported"), *HELLO_BEGUN, EOF],
    also="BODY-004",
)
COMMAND.accepts(
    "011-sha-256",
    "A digest that is understood",
    frame(
        f'{{"id":1,"cmd":"put","filename":"a","digest":"{SHA_HELLO}","filesize":5}}', body="hello"
    ),
)

for slug, title, text in [
    ("stat-nothing", "A stat of nothing", '{"id":1,"cmd":"stat"}'),
    (
        "stat-both",
        "A stat of two things",
        f'{{"id":1,"cmd":"stat","filename":"a","upload":"{TOKEN}"}}',
    ),
    ("delete-nothing", "A delete of nothing", '{"id":1,"cmd":"delete"}'),
    (
        "delete-both",
        "A delete of two things",
        f'{{"id":1,"cmd":"delete","filename":"a","upload":"{TOKEN}"}}',
    ),
    (
        "offset-alone",
        "A put with `offset` and without `upload`",
        '{"id":1,"cmd":"put","filename":"a","offset":0}',
    ),
]:
    COMMAND.refuses(f"028-{slug}", title, text, code="bad-request")
