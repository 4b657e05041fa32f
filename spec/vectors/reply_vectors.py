"""Section 5.2: replies, as a client reads them."""

from writing import (
    CLOSED,
    CUT,
    END,
    EOF,
    FATAL,
    SHA_HELLO,
    Chapter,
    body,
    end,
    frame,
    header,
)

REPLY = Chapter("reply", "REPLY")

GET_MEMBERS = '"id":1,"ok":true,"rev":"r1","total":5,"offset":0,"mtime":0'
GOT = header(id=1, ok=True, rev="r1", total=5, offset=0, mtime=0)
CLOSING = '{"id":0,"ok":false,"code":"closing"}'
NOTICE = [header(id=0, ok=False, code="closing"), END]

# --- 005: what a reply to each command looks like
for slug, command, text in [
    (
        "hello",
        "hello",
        (
            '{"id":1,"ok":true,"hf":[1],"server":"x 1","limits":{"total":1073741824},"features":[],'
            '"durability":"fsync","auth":["token"]}'
        ),
    ),
    ("put", "put", f'{{"id":1,"ok":true,"rev":"r1","total":5,"digest":"{SHA_HELLO}"}}'),
    ("put-unfinished", "put", '{"id":1,"ok":true,"offset":5}'),
    ("stat", "stat", '{"id":1,"ok":true,"rev":"r1","total":5,"mtime":1767225600000000}'),
    ("stat-upload", "stat", '{"id":1,"ok":true,"offset":5,"total":9}'),
    ("delete", "delete", '{"id":1,"ok":true}'),
    ("move", "move", '{"id":1,"ok":true,"rev":"r1"}'),
    ("not-found", "get", '{"id":1,"ok":false,"code":"not-found","message":"a.txt does not exist"}'),
    ("precondition", "put", '{"id":1,"ok":false,"code":"precondition-failed","rev":null}'),
    ("to-precondition", "move", '{"id":1,"ok":false,"code":"precondition-failed","to_rev":"r9"}'),
    ("bad-range", "get", '{"id":1,"ok":false,"code":"bad-range","total":5}'),
    ("offset-mismatch", "put", '{"id":1,"ok":false,"code":"offset-mismatch","offset":5}'),
]:
    REPLY.accepts(
        f"005-{slug}",
        f"A reply: {slug.replace('-', ' ')}",
        text,
        awaits=f"1:{command}",
        also="REPLY-003 HEADER-013",
    )
REPLY.accepts(
    "005-get-empty",
    "An empty file",
    '{"id":1,"ok":true,"rev":"r1","total":0,"offset":0,"mtime":0}',
    awaits="1:get",
)
REPLY.accepts(
    "005-list",
    "A page of names",
    frame(
        '{"id":1,"ok":true,"end":true,"filesize":47}',
        body='{"filename":"a","total":5,"rev":"r1","mtime":0}',
    ),
    awaits="1:list",
)
REPLY.accepts(
    "011-busy",
    "A refusal that says when to try again",
    '{"id":1,"ok":false,"code":"busy","retry_ms":500}',
    awaits="1:put",
)

# --- 001: replies that make no sense
for slug, title, command, text in [
    ("no-ok", "No `ok`", "delete", '{"id":1}'),
    ("ok-null", "`ok` is null", "delete", '{"id":1,"ok":null}'),
    ("ok-1", "`ok` is 1", "delete", '{"id":1,"ok":1}'),
    ("ok-string", "`ok` is a string", "delete", '{"id":1,"ok":"true"}'),
    ("request", "A request instead of a reply", "put", '{"id":1,"cmd":"put","filename":"a"}'),
    ("empty-object", "An object without members", "delete", "{}"),
    ("total-string", "`total` is a string", "put", '{"id":1,"ok":true,"rev":"r1","total":"5"}'),
    ("total-fraction", "`total` is 5.0", "stat", '{"id":1,"ok":true,"rev":"r1","total":5.0}'),
    ("rev-number", "`rev` is a number", "put", '{"id":1,"ok":true,"rev":1,"total":5}'),
    ("rev-empty", "`rev` is empty", "stat", '{"id":1,"ok":true,"rev":"","total":5}'),
    ("rev-space", "`rev` has a space", "put", '{"id":1,"ok":true,"rev":"r 1","total":5}'),
    ("rev-65", "`rev` is too long", "move", '{"id":1,"ok":true,"rev":"' + "r" * 65 + '"}'),
    (
        "refused-rev",
        "`rev` of a refusal has a slash",
        "put",
        '{"id":1,"ok":false,"code":"precondition-failed","rev":"a/b"}',
    ),
    ("offset-minus", "`offset` is negative", "put", '{"id":1,"ok":true,"offset":-1}'),
    (
        "mtime-string",
        "`mtime` is a string",
        "stat",
        '{"id":1,"ok":true,"rev":"r1","total":5,"mtime":"now"}',
    ),
    (
        "digest-number",
        "`digest` is a number",
        "put",
        '{"id":1,"ok":true,"rev":"r1","total":5,"digest":5}',
    ),
    ("hf-number", "`hf` is a number", "hello", '{"id":1,"ok":true,"hf":1}'),
    ("hf-strings", "`hf` holds a string", "hello", '{"id":1,"ok":true,"hf":["1"]}'),
    ("limits-array", "`limits` is an array", "hello", '{"id":1,"ok":true,"hf":[1],"limits":[]}'),
    (
        "features-string",
        "`features` is a string",
        "hello",
        '{"id":1,"ok":true,"hf":[1],"features":"x"}',
    ),
    ("end-1", "`end` is 1", "list", '{"id":1,"ok":true,"end":1}'),
    ("close-string", "`close` is a string", "delete", '{"id":1,"ok":true,"close":"yes"}'),
    ("code-number", "`code` is a number", "delete", '{"id":1,"ok":false,"code":5}'),
    (
        "message-number",
        "`message` is a number",
        "delete",
        '{"id":1,"ok":false,"code":"busy","retry_ms":5,"message":5}',
    ),
    (
        "retry-string",
        "`retry_ms` is a string",
        "delete",
        '{"id":1,"ok":false,"code":"busy","retry_ms":"5"}',
    ),
    ("critical", "A name that begins with `!`", "delete", '{"id":1,"ok":true,"!x":1}'),
    (
        "critical-refusal",
        "A critical name in a refusal",
        "delete",
        '{"id":1,"ok":false,"code":"not-found","!x":1}',
    ),
]:
    REPLY.breaks(f"001-{slug}", title, text, awaits=f"1:{command}")
REPLY.gives(
    "001-critical-later",
    "A critical name in a later header",
    frame(f'{{{GET_MEMBERS},"filesize":3,"more":true}}', body="hel"),
    frame('{"filesize":2,"!x":1}', body="lo"),
    events=[GOT, body("hel"), FATAL],
    awaits="1:get",
)

# --- 003, 004: pairing by order
REPLY.accepts(
    "003-pipelined",
    "Replies in the order of the requests",
    '{"id":1,"ok":true}',
    '{"id":1,"ok":false,"code":"not-found"}',
    frame('{"id":5,"ok":true,"rev":"r1","total":2,"filesize":2}', body="hi"),
    awaits="1:delete 1:delete 5:get",
    also="REPLY-002 REQ-009",
)
REPLY.breaks("004-other-id", "The reply to something else", '{"id":2,"ok":true}', awaits="1:delete")
REPLY.breaks(
    "004-out-of-order",
    "Two replies the wrong way round",
    '{"id":2,"ok":true}',
    '{"id":1,"ok":true}',
    awaits="1:delete 2:delete",
    also="REPLY-002",
)
REPLY.breaks("004-no-id", "A reply without `id`", '{"ok":true}', awaits="1:delete")
REPLY.gives(
    "004-one-too-many",
    "Two replies to one request",
    '{"id":1,"ok":true}',
    '{"id":1,"ok":true}',
    events=[header(id=1, ok=True), END, FATAL],
    awaits="1:delete",
    also="REPLY-002",
)
REPLY.breaks(
    "004-nothing-asked", "A reply although nothing was asked", '{"id":1,"ok":true}', awaits=""
)

# --- 008, 014, 015: messages with `id` 0
REPLY.gives(
    "015-before",
    "The notice `closing` before the reply",
    CLOSING,
    '{"id":1,"ok":true}',
    events=[*NOTICE, header(id=1, ok=True), END, EOF],
    awaits="1:delete",
    also="REPLY-009",
)
REPLY.gives(
    "015-between",
    "The notice `closing` between two replies",
    '{"id":1,"ok":true}',
    CLOSING,
    '{"id":2,"ok":true}',
    events=[header(id=1, ok=True), END, *NOTICE, header(id=2, ok=True), END, EOF],
    awaits="1:delete 2:delete",
    also="REPLY-009 REPLY-014",
)
REPLY.gives(
    "015-idle",
    "The notice `closing` on an idle connection",
    '{"id":0,"ok":false,"code":"closing","message":"idle"}',
    events=[header(id=0, ok=False, code="closing", message="idle"), END, EOF],
    awaits="",
    also="REPLY-008",
)
REPLY.gives(
    "015-fatal",
    "The server says that it could not read",
    '{"id":0,"ok":false,"code":"bad-header","message":"no JSON","close":true}',
    events=[header(id=0, ok=False, code="bad-header", message="no JSON", close=True), END, CLOSED],
    awaits="1:delete",
    also="REPLY-012",
)
REPLY.gives(
    "015-closing-close",
    "`closing` with `close: true`: nothing comes after it",
    '{"id":0,"ok":false,"code":"closing","close":true}',
    '{"id":1,"ok":true}',
    events=[header(id=0, ok=False, code="closing", close=True), END, CLOSED],
    awaits="1:delete",
    also="REPLY-012",
)

# --- 019: what a reply cannot do without
for slug, title, command, text in [
    ("code", "A refusal without `code`", "put", '{"id":1,"ok":false,"message":"no"}'),
    ("code-of-notice", "A notice without `code`", "put", '{"id":0,"ok":false}'),
    ("end", "A page that does not say whether it is the last", "list", '{"id":1,"ok":true}'),
    ("hf", "A hello without versions", "hello", '{"id":1,"ok":true,"limits":{}}'),
]:
    REPLY.breaks(f"019-{slug}", title, text, awaits=f"1:{command}", also="REPLY-005")

# --- 020: messages with `id` 0 that are none
for slug, title, parts in [
    ("ok", "`id` 0 and `ok: true`", ['{"id":0,"ok":true}']),
    ("body", "A notice with a body", [frame(CLOSING[:-1] + ',"filesize":1}', body="x")]),
    ("more", "A notice that goes on", [CLOSING[:-1] + ',"more":true}', "{}"]),
]:
    REPLY.breaks(f"020-{slug}", title, *parts, awaits="1:delete", also="REPLY-008")

# --- 010: replies that do not arrive
REPLY.gives("010-nothing", "The server goes away without a word", events=[CUT], awaits="1:put")
REPLY.gives(
    "010-one-of-two",
    "One reply of two arrives",
    '{"id":1,"ok":true}',
    events=[header(id=1, ok=True), END, CUT],
    awaits="1:delete 2:delete",
)
REPLY.gives(
    "010-half",
    "Half a reply arrives",
    b'\x12\0\0\0{"id":1,"ok":tr',
    events=[CUT],
    awaits="1:delete",
)
REPLY.gives(
    "010-before-trailers",
    "All bytes of a file arrive, the last header does not",
    frame(f'{{{GET_MEMBERS},"filesize":5,"more":true}}', body="hello"),
    events=[GOT, body("hello"), CUT],
    awaits="1:get",
    also="BODY-010",
)

# --- 012, 013: `close`
REPLY.gives(
    "012-refusal",
    "A refusal after which the server closes",
    '{"id":1,"ok":false,"code":"unsupported-version","close":true}',
    events=[header(id=1, ok=False, code="unsupported-version", close=True), END, CLOSED],
    awaits="1:hello",
    also="REPLY-009",
)
REPLY.gives(
    "012-with-body",
    "A file after which the server closes",
    frame(f'{{{GET_MEMBERS},"filesize":5,"close":true}}', body="hello"),
    events=[
        {"event": "header", "members": {**GOT["members"], "close": True}},
        body("hello"),
        END,
        CLOSED,
    ],
    awaits="1:get 2:get",
    also="REPLY-013",
)
REPLY.gives(
    "012-bytes-after",
    "What comes after `close: true` means nothing",
    '{"id":1,"ok":true,"close":true}',
    '{"id":2,"ok":true}',
    events=[header(id=1, ok=True, close=True), END, CLOSED],
    awaits="1:delete 2:delete",
    also="REPLY-013",
)
REPLY.gives(
    "012-false",
    "`close: false` says nothing",
    '{"id":1,"ok":true,"close":false}',
    '{"id":2,"ok":true}',
    events=[header(id=1, ok=True), end(), header(id=2, ok=True), end(), EOF],
    awaits="1:delete 2:delete",
)

# --- 016: codes of the future
REPLY.gives(
    "016-unknown-code",
    "A code that nobody knows is taken as `internal`",
    '{"id":1,"ok":false,"code":"quota-exceeded"}',
    events=[header(id=1, ok=False, code="internal"), END, EOF],
    awaits="1:put",
)
REPLY.gives(
    "016-unknown-notice",
    "A notice that nobody knows",
    '{"id":0,"ok":false,"code":"maintenance"}',
    '{"id":1,"ok":true}',
    events=[header(id=0, ok=False, code="internal"), END, header(id=1, ok=True), END, EOF],
    awaits="1:delete",
    also="REPLY-015",
)
REPLY.gives(
    "016-case",
    "A known code in capitals is not known",
    '{"id":1,"ok":false,"code":"NOT-FOUND"}',
    events=[header(id=1, ok=False, code="internal"), END, EOF],
    awaits="1:get",
)

# --- 006, 007, 018: replies before the request has ended
REPLY.breaks(
    "018-put",
    "`ok: true` for a put that has not ended",
    '{"id":1,"ok":true,"rev":"r1","total":5}',
    awaits="1:put+",
    also="REPLY-006",
)
REPLY.accepts(
    "007-early",
    "A refusal may come before the request has ended",
    '{"id":1,"ok":false,"code":"too-large"}',
    awaits="1:put+",
)
REPLY.accepts(
    "007-early-second",
    "The reply to one, and an early refusal of the next",
    '{"id":1,"ok":true}',
    '{"id":2,"ok":false,"code":"bad-name"}',
    awaits="1:delete 2:put+",
)
EARLY = '{"id":1,"ok":false,"code":"too-large"'
for slug, title, parts in [
    ("body", "An early refusal with a body", [frame(EARLY + ',"filesize":1}', body="x")]),
    ("more", "An early refusal that goes on", [EARLY + ',"more":true}', "{}"]),
]:
    REPLY.breaks(f"021-{slug}", title, *parts, awaits="1:put+", also="REPLY-007")
REPLY.gives(
    "018-earlier",
    "`ok: true` for an earlier request, while the next is on its way",
    '{"id":1,"ok":true}',
    events=[header(id=1, ok=True), END, CUT],
    awaits="1:delete 2:put+",
)
