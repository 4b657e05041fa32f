"""Chapter 4: messages of several frames, trailers, abort, and what is discarded."""

from writing import (
    ABORT,
    BLAKE3_HELLO,
    CUT,
    END,
    EOF,
    FATAL,
    HELLO,
    SHA_HELLO,
    Chapter,
    Json,
    Part,
    body,
    end,
    fatal,
    frame,
    header,
    refused,
)

BODY = Chapter("body", "BODY")

BEGIN = '{"id":1,"cmd":"put","filename":"a","more":true}'
BEGUN = header(id=1, cmd="put", filename="a")
FIVE = frame('{"id":1,"cmd":"put","filename":"a","filesize":5,"more":true}', body="hello")
HELLO_BEGUN = [header(id=7, cmd="hello"), END]
GOT = header(id=1, ok=True, rev="r1", total=5, offset=0, mtime=0)
GET_MEMBERS = '"id":1,"ok":true,"rev":"r1","total":5,"offset":0,"mtime":0'
OTHER_SHA = "sha-256:" + "0" * 64


def good(slug: str, title: str, *parts: Part, ignoring: str = "", also: str = "") -> None:
    BODY.accepts(slug, title, *parts, ignoring=ignoring, also=also)


def gives(
    slug: str,
    title: str,
    *parts: Part,
    events: list[Json],
    also: str = "",
    awaits: str | None = None,
) -> None:
    BODY.gives(slug, title, *parts, events=events, also=also, awaits=awaits)


# --- 005: frames that make one message
good("005-two-frames", "A put of two frames", FIVE, frame('{"filesize":7}', body=", world"))
good(
    "005-three-frames",
    "A put of three frames",
    FIVE,
    frame('{"filesize":2,"more":true}', body=", "),
    frame('{"filesize":5}', body="world"),
)
good(
    "005-first-is-empty",
    "The first frame has no body",
    BEGIN,
    frame('{"filesize":5}', body="hello"),
)
good("005-last-is-empty", "The last frame has no body", FIVE, "{}")
good("005-both-are-empty", "Two frames and no body at all", BEGIN, '{"filesize":0}')
good(
    "005-more-false",
    "The last frame says `more: false`",
    FIVE,
    frame('{"more":false,"filesize":1}', body="!"),
)
good(
    "005-white-space",
    "A later header is JSON like any other",
    FIVE,
    frame(' { "filesize" : 1 } \n', body="!"),
)
good(
    "005-unknown",
    "Names that nobody knows are ignored in later headers",
    BEGIN,
    frame('{"filesize":3,"colour":"red","filesize.unit":"B","x.y":{"id":1}}', body="abc"),
    ignoring="colour",
    also="HEADER-014",
)
good(
    "005-body-is-a-later-frame",
    "A body that looks like the last frame",
    BEGIN,
    frame('{"filesize":6,"more":true}', body=b"\x02\0\0\0{}"),
    frame('{"filesize":1}', body="!"),
)
good(
    "005-then-another",
    "The message ends, and the next one begins",
    FIVE,
    frame('{"filesize":1}', body="!"),
    HELLO,
)
good(
    "005-without-body",
    "A get may have two frames as well, but no body",
    '{"id":1,"cmd":"get","filename":"a","more":true}',
    "{}",
)
gives(
    "005-no-id",
    "A put without `id` in two frames",
    frame('{"cmd":"put","filename":"a","filesize":5,"more":true}', body="hello"),
    "{}",
    events=[header(cmd="put", filename="a"), body("hello"), END, EOF],
    also="REQ-004",
)
BODY.accepts(
    "005-reply",
    "A file comes in two frames",
    frame(f'{{{GET_MEMBERS},"filesize":3,"more":true}}', body="hel"),
    frame('{"filesize":2}', body="lo"),
    awaits="1:get",
    also="BODY-014",
)
gives(
    "005-cut-at-edge",
    "The end comes between two frames",
    FIVE,
    events=[BEGUN, body("hello"), CUT],
    also="BODY-010",
)
gives(
    "005-cut-in-later-n",
    "The end comes in the N of a later frame",
    FIVE,
    b"\x0e\0",
    events=[BEGUN, body("hello"), CUT],
    also="BODY-010",
)
gives(
    "005-cut-in-later-body",
    "The end comes in the body of a later frame",
    FIVE,
    frame('{"filesize":5}', body="wor"),
    events=[BEGUN, body("hellowor"), CUT],
    also="BODY-010",
)

# --- trailers
good(
    "009-digest-after",
    "A digest that follows the body",
    FIVE,
    f'{{"digest":"{SHA_HELLO}"}}',
    also="BODY-003 HEADER-013",
)
good("009-total-after", "A total that follows the body", FIVE, '{"total":5}', also="BODY-003")
gives(
    "009-same-total",
    "The same total in the first header and in the last",
    frame('{"id":1,"cmd":"put","filename":"a","total":5,"filesize":5,"more":true}', body="hello"),
    '{"total":5}',
    events=[header(id=1, cmd="put", filename="a", total=5), body("hello"), END, EOF],
)
gives(
    "009-same-digest",
    "The same digest in the first header and in the last",
    frame(
        f'{{"id":1,"cmd":"put","filename":"a","digest":"{SHA_HELLO}","filesize":5,"more":true}}',
        body="hello",
    ),
    f'{{"digest":"{SHA_HELLO}"}}',
    events=[header(id=1, cmd="put", filename="a", digest=SHA_HELLO), body("hello"), END, EOF],
)
gives(
    "009-other-total",
    "Two totals that differ",
    frame('{"id":1,"cmd":"put","filename":"a","total":5,"filesize":5,"more":true}', body="hello"),
    '{"total":6}',
    events=[
        header(id=1, cmd="put", filename="a", total=5),
        body("hello"),
        refused("bad-request"),
        EOF,
    ],
)
gives(
    "009-other-total-zero",
    "Two totals, the second of which is 0",
    frame('{"id":1,"cmd":"put","filename":"a","total":5,"filesize":5,"more":true}', body="hello"),
    '{"total":0}',
    events=[
        header(id=1, cmd="put", filename="a", total=5),
        body("hello"),
        refused("bad-request"),
        EOF,
    ],
)
gives(
    "009-other-digest",
    "Two digests that differ",
    frame(
        f'{{"id":1,"cmd":"put","filename":"a","digest":"{SHA_HELLO}","filesize":5,"more":true}}',
        body="hello",
    ),
    f'{{"digest":"{OTHER_SHA}"}}',
    events=[
        header(id=1, cmd="put", filename="a", digest=SHA_HELLO),
        body("hello"),
        refused("bad-request"),
        EOF,
    ],
)
gives(
    "009-other-algorithm",
    "Two digests of the same bytes, in two algorithms",
    frame(
        f'{{"id":1,"cmd":"put","filename":"a","digest":"{SHA_HELLO}","filesize":5,"more":true}}',
        body="hello",
    ),
    f'{{"digest":"{BLAKE3_HELLO}"}}',
    events=[
        header(id=1, cmd="put", filename="a", digest=SHA_HELLO),
        body("hello"),
        refused("bad-request"),
        EOF,
    ],
)
gives(
    "009-trailer-type",
    "A total of the wrong type",
    FIVE,
    '{"total":"5"}',
    events=[BEGUN, body("hello"), refused("bad-request"), EOF],
    also="HEADER-016",
)
gives(
    "009-unknown-digest",
    "A digest by an algorithm that nobody has",
    FIVE,
    '{"digest":"md5:5d41402abc4b2a76b9719d911017c592"}',
    events=[BEGUN, body("hello"), refused("unsupported"), EOF],
    also="CMD-012",
)
BODY.accepts(
    "009-reply-digest-after",
    "A file's digest follows it",
    frame(f'{{{GET_MEMBERS},"filesize":5,"more":true}}', body="hello"),
    f'{{"digest":"{SHA_HELLO}"}}',
    awaits="1:get",
)

# --- 001: a new message inside one
for slug, title, text in [
    ("cmd", "`cmd`", '{"id":2,"cmd":"put","filename":"b"}'),
    ("cmd-null", "`cmd`, even null,", '{"cmd":null}'),
    ("ok", "`ok`", '{"ok":true}'),
    ("cmd-escaped", "An escaped `cmd`", '{"\\u0063md":"hello"}'),
]:
    gives(
        f"001-{slug}",
        f"{title} in a later header: a new message began inside one",
        FIVE,
        text,
        events=[BEGUN, body("hello"), fatal("bad-frame", id_seen=True)],
        also="ERROR-005",
    )
gives(
    "001-two-puts",
    "The sender forgot the end of its first put",
    BEGIN,
    frame('{"id":2,"cmd":"put","filename":"b","filesize":1}', body="x"),
    events=[BEGUN, fatal("bad-frame", id_seen=True)],
)
gives(
    "001-no-id",
    "The same without any `id`: nobody is told",
    '{"cmd":"put","filename":"a","more":true}',
    '{"cmd":"put","filename":"b"}',
    events=[header(cmd="put", filename="a"), fatal("bad-frame")],
    also="REQ-006",
)
gives(
    "001-while-discarding",
    "A message that is being discarded is still framed",
    '{"id":1,"cmd":"nope","more":true}',
    HELLO,
    events=[refused("unknown-command"), fatal("bad-frame", id_seen=True)],
    also="BODY-004 ERROR-005",
)
gives(
    "001-nested",
    "A `cmd` deeper in a later header begins nothing",
    BEGIN,
    '{"x.y":{"cmd":"put","ok":true}}',
    events=[BEGUN, END, EOF],
)
BODY.gives(
    "001-reply-ok",
    "A reply begins inside one",
    frame(f'{{{GET_MEMBERS},"filesize":3,"more":true}}', body="hel"),
    '{"id":2,"ok":true}',
    events=[GOT, body("hel"), FATAL],
    awaits="1:get 2:delete",
    also="ERROR-010",
)

# --- 002: a frame that brings nothing and promises more
gives(
    "002-absent",
    "`more: true` and no body in a later header",
    BEGIN,
    '{"more":true}',
    events=[BEGUN, fatal("bad-frame", id_seen=True)],
)
gives(
    "002-zero",
    "`more: true` and `filesize` 0 in a later header",
    FIVE,
    '{"filesize":0,"more":true}',
    events=[BEGUN, body("hello"), fatal("bad-frame", id_seen=True)],
)
gives(
    "002-while-discarding",
    "The same in a message that is being discarded",
    '{"id":1,"cmd":"nope","more":true}',
    '{"more":true}',
    events=[refused("unknown-command"), fatal("bad-frame", id_seen=True)],
    also="BODY-004",
)
BODY.gives(
    "002-reply",
    "A server that promises more and brings nothing",
    frame(f'{{{GET_MEMBERS},"filesize":3,"more":true}}', body="hel"),
    '{"more":true}',
    events=[GOT, body("hel"), FATAL],
    awaits="1:get",
    also="ERROR-010",
)

# --- fatal headers later in a message
gives(
    "004-fatal-while-discarding",
    "A later header that is not JSON, while discarding",
    '{"id":1,"cmd":"nope","more":true}',
    "{]",
    events=[refused("unknown-command"), fatal("bad-header", id_seen=True)],
    also="HEADER-002",
)
gives(
    "005-bad-json",
    "A later header that is not JSON",
    FIVE,
    "{]",
    events=[BEGUN, body("hello"), fatal("bad-header", id_seen=True)],
    also="HEADER-002",
)
gives(
    "005-bad-filesize",
    "`filesize` of a later header is a string",
    FIVE,
    '{"filesize":"1"}',
    events=[BEGUN, body("hello"), fatal("bad-header", id_seen=True)],
    also="HEADER-011",
)
gives(
    "005-bad-id",
    "`id` 0 in a later header of a request",
    FIVE,
    '{"id":0}',
    events=[BEGUN, body("hello"), fatal("bad-header", id_seen=True)],
    also="HEADER-011",
)
gives(
    "005-bad-n",
    "A later N that is none",
    FIVE,
    b"\0\0\0\0",
    events=[BEGUN, body("hello"), fatal("bad-frame", id_seen=True)],
    also="FRAME-002",
)

# --- 006, 007, 008: what refuses a later header
for name, token in [
    ("id", "1"),
    ("filename", '"a"'),
    ("rev", '"r1"'),
    ("if", "null"),
    ("mtime", "0"),
    ("close", "true"),
    ("offset", "0"),
    ("retry_ms", "5"),
    ("hf", "1"),
]:
    gives(
        f"006-{name}",
        f"`{name}` has no place in a later header",
        FIVE,
        frame(f'{{"{name}":{token},"filesize":5}}', body="world"),
        HELLO,
        events=[BEGUN, body("hello"), refused("bad-request"), *HELLO_BEGUN, EOF],
        also="BODY-004",
    )
for name, token in [
    ("total", "10"),
    ("digest", f'"{SHA_HELLO}"'),
    ("abort", "true"),
    ("code", '"internal"'),
    ("message", '"x"'),
]:
    gives(
        f"007-{name}",
        f"The trailer `{name}` beside `more: true`",
        FIVE,
        frame(f'{{"{name}":{token},"filesize":5,"more":true}}', body="world"),
        "{}",
        events=[BEGUN, body("hello"), refused("bad-request"), EOF],
        also="BODY-004",
    )
for slug, text in [
    ("unknown", '{"filesize":5,"!colour":"red"}'),
    ("registered", '{"filesize":5,"!total":5}'),
]:
    gives(
        f"008-{slug}",
        "A critical name in a later header",
        FIVE,
        frame(text, body="world"),
        HELLO,
        events=[BEGUN, body("hello"), refused("unsupported"), *HELLO_BEGUN, EOF],
        also="BODY-004",
    )
gives(
    "008-before-006",
    "A critical name comes before a name that is out of place",
    BEGIN,
    '{"filename":"a","!x":1}',
    events=[BEGUN, refused("unsupported"), EOF],
    also="ERROR-012",
)

# --- 016: trailers have one type, whatever the command
STAT_BEGUN = header(id=1, cmd="stat", filename="a")
for name, token in [("total", '"3"'), ("digest", "5"), ("code", "5"), ("message", "[]")]:
    gives(
        f"016-{name}",
        f"A stat whose trailer `{name}` has a wrong type",
        '{"id":1,"cmd":"stat","filename":"a","more":true}',
        f'{{"{name}":{token}}}',
        HELLO,
        events=[STAT_BEGUN, refused("bad-request"), *HELLO_BEGUN, EOF],
        also="BODY-004",
    )
gives(
    "016-code-of-put",
    "A put whose trailer `code` has a wrong type",
    FIVE,
    '{"code":null}',
    events=[BEGUN, body("hello"), refused("bad-request"), EOF],
)
gives(
    "016-unused",
    "Trailers of the right type that a stat does not use mean nothing",
    '{"id":1,"cmd":"stat","filename":"a","digest":"x","total":"y","more":true}',
    f'{{"digest":"{SHA_HELLO}","total":3,"code":"x","message":"y"}}',
    events=[STAT_BEGUN, END, EOF],
    also="HEADER-015",
)

# --- 004: exactly the rest is discarded
REFUSED_PUT = '{"id":1,"cmd":"put","filename":"..","filesize":%d}'
gives(
    "004-body",
    "The body of a refused put is discarded, to the byte",
    frame(REFUSED_PUT % 3, body="abc"),
    HELLO,
    events=[refused("bad-name"), *HELLO_BEGUN, EOF],
    also="ERROR-008 NAME-003",
)
gives(
    "004-body-is-a-frame",
    "A discarded body is not looked into",
    frame(REFUSED_PUT % 26, body=b'\x16\0\0\0{"id":9,"cmd":"hello"}'),
    HELLO,
    events=[refused("bad-name"), *HELLO_BEGUN, EOF],
    also="ERROR-008 FRAME-005",
)
gives(
    "004-frames",
    "All frames of a refused put are discarded",
    frame('{"id":1,"cmd":"put","filename":"..","filesize":3,"more":true}', body="abc"),
    frame('{"filesize":3,"more":true}', body="def"),
    frame('{"filesize":3}', body="ghi"),
    HELLO,
    events=[refused("bad-name"), *HELLO_BEGUN, EOF],
    also="ERROR-008",
)
gives(
    "004-no-second-refusal",
    "While discarding, later headers are judged as far as they are fatal, and no further",
    '{"id":1,"cmd":"nope","more":true}',
    frame('{"filesize":3,"more":true,"total":1,"!x":1,"filename":"a"}', body="abc"),
    '{"total":"x","abort":1}',
    HELLO,
    events=[refused("unknown-command"), *HELLO_BEGUN, EOF],
    also="ERROR-008",
)
gives(
    "004-empty",
    "A refusal of a request without a body",
    '{"id":1,"cmd":"nope"}',
    HELLO,
    events=[refused("unknown-command"), *HELLO_BEGUN, EOF],
    also="ERROR-008",
)
gives(
    "004-cut",
    "The end comes while the rest is discarded",
    frame(REFUSED_PUT % 3, body="ab"),
    events=[refused("bad-name"), CUT],
)
gives(
    "004-no-id",
    "A put without `id` is discarded in the same way",
    frame('{"cmd":"put","filename":"..","filesize":3}', body="abc"),
    HELLO,
    events=[refused("bad-name", None), *HELLO_BEGUN, EOF],
    also="REQ-003",
)
gives(
    "004-no-id-other",
    "Any other request without `id` is discarded with its body",
    frame('{"cmd":"get","filename":"a","filesize":3}', body="abc"),
    HELLO,
    events=[*HELLO_BEGUN, EOF],
    also="REQ-005",
)

# --- 011, 012: abort
gives(
    "011-later",
    "The sender withdraws its put",
    FIVE,
    '{"abort":true}',
    events=[BEGUN, body("hello"), ABORT, EOF],
    also="BODY-012",
)
gives(
    "011-with-body",
    "The aborting frame may bring bytes",
    FIVE,
    frame('{"abort":true,"filesize":2}', body=", "),
    events=[BEGUN, body("hello, "), ABORT, EOF],
    also="BODY-012",
)
gives(
    "011-single",
    "A put of one frame that is withdrawn",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":5,"abort":true}', body="hello"),
    HELLO,
    events=[BEGUN, body("hello"), ABORT, *HELLO_BEGUN, EOF],
    also="BODY-012",
)
gives(
    "011-delete",
    "A delete that is withdrawn",
    '{"id":1,"cmd":"delete","filename":"a","abort":true}',
    events=[header(id=1, cmd="delete", filename="a"), ABORT, EOF],
    also="BODY-012",
)
gives(
    "011-delete-later",
    "A delete that is withdrawn in its second frame",
    '{"id":1,"cmd":"delete","filename":"a","more":true}',
    '{"abort":true}',
    events=[header(id=1, cmd="delete", filename="a"), ABORT, EOF],
    also="BODY-012",
)
gives(
    "011-no-id",
    "A put without `id` that is withdrawn",
    frame('{"cmd":"put","filename":"a","filesize":5,"abort":true}', body="hello"),
    events=[header(cmd="put", filename="a"), body("hello"), ABORT, EOF],
)
gives(
    "011-trailers",
    "Trailers beside `abort` do not make it whole",
    FIVE,
    f'{{"abort":true,"total":5,"digest":"{SHA_HELLO}","code":"x","message":"y"}}',
    events=[BEGUN, body("hello"), ABORT, EOF],
    also="BODY-012",
)
gives(
    "011-then-another",
    "After an abort the next message counts",
    BEGIN,
    '{"abort":true}',
    HELLO,
    events=[BEGUN, ABORT, *HELLO_BEGUN, EOF],
)
good("011-false", "`abort: false` says nothing", FIVE, '{"abort":false}', also="BODY-017")
good(
    "017-with-more",
    "`abort: false` beside `more: true` is no trailer",
    FIVE,
    frame('{"abort":false,"filesize":1,"more":true}', body="!"),
    "{}",
    also="BODY-007",
)
good(
    "011-first-of-two",
    "`abort` in a first header with `more: true` says nothing",
    '{"id":1,"cmd":"put","filename":"a","abort":true,"more":true}',
    "{}",
)
gives(
    "012-bad-digest",
    "Of a message that is withdrawn no digest is looked at",
    FIVE,
    '{"abort":true,"digest":"none"}',
    events=[BEGUN, body("hello"), ABORT, EOF],
    also="ERROR-012",
)
gives(
    "012-after-refusal",
    "A refused request that is withdrawn has been answered already",
    '{"id":1,"cmd":"nope","more":true}',
    '{"abort":true}',
    HELLO,
    events=[refused("unknown-command"), *HELLO_BEGUN, EOF],
    also="BODY-004",
)
for token in ("1", '"true"', "null"):
    gives(
        f"012-later-{token.strip(chr(34))}",
        f"`abort` is {token}, which is a wrong type",
        FIVE,
        f'{{"abort":{token}}}',
        events=[BEGUN, body("hello"), refused("bad-request"), EOF],
        also="HEADER-016",
    )

# --- 013, 015: a reply that is withdrawn
HALF = frame(f'{{{GET_MEMBERS},"filesize":3,"more":true}}', body="hel")
ABORTED = ABORT | {"code": "internal"}
gives(
    "013-later",
    "A server whose disk fails half-way",
    HALF,
    '{"abort":true,"code":"internal","message":"cannot read on"}',
    events=[GOT, body("hel"), ABORTED, EOF],
    awaits="1:get",
    also="BODY-015",
)
gives(
    "013-all-bytes",
    "All bytes came, and still it is no success",
    frame(f'{{{GET_MEMBERS},"filesize":5,"more":true}}', body="hello"),
    '{"abort":true,"code":"internal"}',
    events=[GOT, body("hello"), ABORTED, EOF],
    awaits="1:get",
    also="BODY-015",
)
gives(
    "013-single",
    "A reply of one frame that is withdrawn",
    frame(f'{{{GET_MEMBERS},"filesize":3,"abort":true,"code":"internal"}}', body="hel"),
    events=[GOT, body("hel"), ABORTED, EOF],
    awaits="1:get",
)
gives(
    "013-unknown-code",
    "It is withdrawn for a reason that nobody knows",
    HALF,
    '{"abort":true,"code":"disk-on-fire"}',
    events=[GOT, body("hel"), ABORTED, EOF],
    awaits="1:get",
    also="REPLY-016",
)
gives(
    "013-put",
    "A put's reply that is withdrawn is no success either",
    '{"id":1,"ok":true,"rev":"r1","total":5,"abort":true,"code":"internal"}',
    events=[header(id=1, ok=True, rev="r1", total=5), ABORTED, EOF],
    awaits="1:put",
)
gives(
    "013-delete",
    "Nor is that of a delete",
    '{"id":1,"ok":true,"abort":true,"code":"internal"}',
    events=[header(id=1, ok=True), ABORTED, EOF],
    awaits="1:delete",
)
gives(
    "013-then-another",
    "The next reply counts",
    HALF,
    '{"abort":true,"code":"internal"}',
    '{"id":2,"ok":true}',
    events=[GOT, body("hel"), ABORTED, header(id=2, ok=True), end(), EOF],
    awaits="1:get 2:delete",
)
gives(
    "013-false",
    "`abort: false` in a reply says nothing",
    HALF,
    frame('{"abort":false,"filesize":2}', body="lo"),
    events=[GOT, body("hello"), END, EOF],
    awaits="1:get",
    also="BODY-017",
)
gives(
    "017-reply-with-more",
    "Nor does it beside `more: true`",
    HALF,
    frame('{"abort":false,"filesize":1,"more":true}', body="l"),
    frame('{"filesize":1}', body="o"),
    events=[GOT, body("hello"), END, EOF],
    awaits="1:get",
)

# --- 018: a reply whose later header has no sense
for slug, title, later in [
    ("registered", "A registered name that is no trailer", '"rev":"r1"'),
    ("retry", "`retry_ms` is no trailer", '"abort":true,"code":"internal","retry_ms":5'),
    ("with-more", "A trailer beside `more: true`", '"total":5,"more":true'),
    ("two-totals", "Two values of `total`", '"total":6'),
    ("total-string", "A trailer of a wrong type", '"total":"5"'),
    ("code-number", "`code` is a number", '"abort":true,"code":5'),
]:
    gives(
        f"018-{slug}",
        f"{title} in a later header of a reply",
        HALF,
        frame(f'{{"filesize":2,{later}}}', body="lo"),
        events=[GOT, body("hel"), FATAL],
        awaits="1:get",
    )
gives(
    "018-two-digests",
    "Two digests in one reply",
    frame(f'{{{GET_MEMBERS},"digest":"{SHA_HELLO}","filesize":3,"more":true}}', body="hel"),
    frame(f'{{"filesize":2,"digest":"{OTHER_SHA}"}}', body="lo"),
    events=[
        {"event": "header", "members": GOT["members"] | {"digest": SHA_HELLO}},
        body("hel"),
        FATAL,
    ],
    awaits="1:get",
)
gives(
    "018-unused",
    "A delete's reply does not use `total`, and may have that trailer",
    '{"id":1,"ok":true,"more":true}',
    '{"total":5}',
    events=[header(id=1, ok=True), end(total=5), EOF],
    awaits="1:delete",
)
