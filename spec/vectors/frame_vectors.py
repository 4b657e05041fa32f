"""Chapter 2: N, header, body, and nothing between them."""

from writing import CUT, END, EOF, HELLO, Chapter, body, fatal, frame, header, length, padded, raw

FRAME = Chapter("frame", "FRAME")

HELLO_MEMBERS = {"id": 7, "cmd": "hello"}
PUT = '{"id":1,"cmd":"put","filename":"a.txt","filesize":5}'
ZURICH = '{"id":1,"cmd":"stat","filename":"Z\u00fcrich"}'
PUT_HEADER = header(id=1, cmd="put", filename="a.txt")

# --- 001: little-endian
FRAME.accepts("001-hello", "The shortest request that is answered", HELLO)
FRAME.accepts("001-put", "A header and a body", frame(PUT, body="hello"), also="FRAME-005 REQ-001")
FRAME.accepts("001-n-is-256", "N = 256: its first byte is zero", padded(HELLO, 256))
FRAME.accepts("001-n-is-258", "N = 258: its bytes differ", padded(HELLO, 258))
FRAME.breaks(
    "001-big-endian",
    "N in network byte order is far too large",
    raw(b"\0\0\0\x16", "N = 369098752, meant as 22"),
    raw(HELLO),
    also="FRAME-002",
)
FRAME.accepts("001-reply", "A reply", '{"id":7,"ok":true,"hf":[1]}', awaits="7:hello")
FRAME.breaks(
    "001-64-bits",
    "A length of eight bytes: the other four are no JSON",
    length(22),
    raw(b"\0\0\0\0", "the rest of a length of 64 bits"),
    raw(HELLO),
    code="bad-header",
    also="HEADER-002",
)

# --- 002: 2 to 65535
for number, slug in [
    (0, "zero"),
    (1, "one"),
    (65536, "65536"),
    (2**24, "2-to-the-24"),
    (2**31 - 1, "2-to-the-31-less-1"),
    (2**31, "2-to-the-31"),
    (2**32 - 1, "all-ones"),
]:
    FRAME.breaks(f"002-n-is-{slug}", f"N = {number}, and no byte follows", length(number))
FRAME.breaks("002-n-is-one-then-brace", "N = 1 and its byte", length(1), raw("{"))
FRAME.breaks(
    "002-n-is-65536-with-header",
    "N = 65536, and a header that would be good",
    padded(HELLO, 65536),
)
FRAME.breaks(
    "002-third-byte", "N = 65558: only its third byte is wrong", raw(b"\x16\0\1\0"), raw(HELLO)
)
FRAME.breaks(
    "002-fourth-byte", "Only the fourth byte of N is wrong", raw(b"\x16\0\0\1"), raw(HELLO)
)
FRAME.gives(
    "002-n-is-two",
    "N = 2: an object without members, and so without `id`",
    "{}",
    events=[EOF],
    also="REQ-003",
)
FRAME.accepts(
    "002-n-is-65535", "N = 65535, the longest header", padded(HELLO, 65535), also="FRAME-001"
)
FRAME.accepts("001-n-is-32768", "N = 32768: no sign in its low half", padded(HELLO, 32768))
for slug, title, first in [
    ("tls", "TLS says hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
    ("http-get", "HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("http-post", "HTTP with a body", b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"),
    ("http2", "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("ssh", "SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("proxy", "The PROXY protocol", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
    ("lines", "JSON lines, without any N", b'{"id":7,"cmd":"hello"}\n'),
    ("netstring", "A netstring", b'22:{"id":7,"cmd":"hello"},'),
    ("return", "Someone pressed return", b"\r\n\r\n"),
    ("smtp", "SMTP", b"EHLO localhost\r\n"),
    ("redis", "Redis", b"*1\r\n$4\r\nPING\r\n"),
]:
    FRAME.breaks(
        f"002-{slug}", f"{title}: known by its first four bytes", raw(first[:4]), raw(first[4:])
    )
FRAME.gives(
    "002-after-a-request",
    "A good request, and then an N that is none: the request is answered first",
    HELLO,
    length(65536),
    events=[header(**HELLO_MEMBERS), END, fatal("bad-frame", id_seen=True)],
    also="ERROR-002 ERROR-003",
)
for number in (0, 1, 65536):
    FRAME.breaks(
        f"002-reply-n-is-{number}",
        f"A reply with N = {number}",
        length(number),
        awaits="7:hello",
        also="ERROR-010",
    )
FRAME.breaks(
    "002-reply-http",
    "The server speaks HTTP",
    raw(b"HTTP"),
    raw(b"/1.1 400 Bad Request\r\n\r\n"),
    awaits="7:hello",
    also="ERROR-010",
)

# --- 003: N counts bytes
FRAME.accepts("003-two-byte-characters", "N counts bytes: u with diaeresis has two", frame(ZURICH))
FRAME.accepts(
    "003-four-byte-characters",
    "N counts bytes: an emoji has four",
    frame('{"id":1,"cmd":"stat","filename":"\U0001f600"}'),
)
FRAME.breaks(
    "003-one-too-few",
    "N is one less than the header",
    frame(HELLO, n=21),
    code="bad-header",
    also="HEADER-002",
)
FRAME.breaks(
    "003-one-too-many",
    "N is one more than the header: the body's first byte is taken for it",
    frame(PUT, body="hello", n=len(PUT) + 1),
    code="bad-header",
    also="HEADER-002",
)
FRAME.breaks(
    "003-characters-counted",
    "N counts characters, the header is cut short",
    frame(ZURICH, n=len(ZURICH)),
    code="bad-header",
)

# --- 004 and 005: the body is `filesize` bytes, to the byte
FRAME.accepts(
    "004-empty", "`filesize` 0: no body", '{"id":1,"cmd":"put","filename":"a","filesize":0}'
)
FRAME.accepts("004-absent", "No `filesize`: no body", '{"id":1,"cmd":"put","filename":"a"}')
FRAME.accepts(
    "005-one-byte",
    "A body of one byte",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":1}', body="x"),
)
FRAME.accepts(
    "005-two-puts",
    "Two puts in one go: the second begins at the byte after the first",
    frame(PUT, body="hello"),
    frame(PUT, body="world"),
)
FRAME.accepts(
    "005-empty-between",
    "An empty put between two others",
    frame(PUT, body="hello"),
    '{"id":2,"cmd":"put","filename":"empty"}',
    frame(PUT, body="world"),
)
INNER = b'\x16\0\0\0{"id":9,"cmd":"hello"}'
FRAME.accepts(
    "005-body-is-a-frame",
    "A body that is itself a request stays a body",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":26}', body=INNER),
)
FRAME.accepts(
    "005-body-is-zeros",
    "A body of zeros: nothing looks for an N in it",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":8}', body=bytes(8)),
)
FRAME.accepts(
    "005-body-is-not-text",
    "A body of all 256 bytes",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":256}', body=bytes(range(256))),
)
FRAME.accepts(
    "005-body-of-lines",
    "A body of lines is not changed",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":9}', body="a\r\nb\nc\rd\x1a"),
)
FRAME.accepts(
    "005-body-of-65537",
    "A body longer than any header",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":65537}', body=b"x" * 65537),
)
FRAME.accepts(
    "005-reply-body",
    "A file comes back",
    frame(
        '{"id":1,"ok":true,"rev":"r1","total":5,"offset":0,"mtime":0,"filesize":5}', body="hello"
    ),
    awaits="1:get",
)

# --- 006: the cutting
FRAME.accepts(
    "006-three-messages",
    "Three messages, which every cutting leaves three",
    frame(PUT, body="hello"),
    HELLO,
    frame(PUT, body="world"),
)
FRAME.accepts(
    "006-three-replies",
    "Three replies, which every cutting leaves three",
    '{"id":1,"ok":true,"hf":[1]}',
    frame('{"id":2,"ok":true,"rev":"r1","total":2,"filesize":2}', body="hi"),
    '{"id":3,"ok":true}',
    awaits="1:hello 2:get 3:delete",
)

# --- 007: only `filesize` and `more` frame
FRAME.accepts(
    "007-total",
    "`total` is the size of the file, not of this body",
    frame(
        '{"id":1,"cmd":"put","filename":"a","upload":"AAAAAAAAAAAAAAAAAAAAAA","total":9,"filesize":5}',
        body="hello",
    ),
)
FRAME.accepts(
    "007-total-alone",
    "`total` without `filesize`: no body",
    '{"id":1,"cmd":"put","filename":"a","total":5}',
)
FRAME.accepts(
    "007-length",
    "`length` asks for bytes and brings none",
    '{"id":1,"cmd":"get","filename":"a","offset":2,"length":5}',
)
FRAME.accepts(
    "007-content-length",
    "Names from elsewhere frame nothing",
    frame(
        '{"id":1,"cmd":"put","filename":"a","Content-Length":9,"size":7,"filesize":5}', body="hello"
    ),
    ignoring="Content-Length size",
    also="HEADER-014",
)
FRAME.accepts(
    "007-case",
    "`FILESIZE` and `More` are other names than `filesize` and `more`",
    '{"id":1,"cmd":"put","filename":"a","FILESIZE":5,"More":true}',
    ignoring="FILESIZE More",
    also="HEADER-014",
)
FRAME.accepts(
    "007-nested",
    "A `filesize` deeper in the header frames nothing",
    '{"id":1,"cmd":"put","filename":"a","example.com.x":{"filesize":5,"more":true,"id":0}}',
    also="HEADER-014",
)
FRAME.accepts(
    "007-private",
    "A private name may look like one that frames",
    '{"id":1,"cmd":"put","filename":"a","filesize.example.com":5}',
)

# --- streams that end too early
FRAME.gives("005-nothing", "A connection on which nothing comes", events=[EOF])
for size in (1, 2, 3, 4):
    FRAME.gives(
        f"005-cut-after-{size}",
        f"The end comes after {size} of the first bytes",
        raw(length(22).data[:size]),
        events=[CUT],
        also="BODY-010",
    )
FRAME.gives(
    "005-cut-in-header",
    "The end comes in the header",
    length(22),
    raw(HELLO[:11]),
    events=[CUT],
    also="BODY-010",
)
FRAME.gives(
    "005-cut-before-last-of-header",
    "The end comes one byte before that of the header",
    length(22),
    raw(HELLO[:-1]),
    events=[CUT],
    also="BODY-010",
)
FRAME.gives(
    "005-cut-before-body",
    "The end comes between header and body",
    PUT,
    events=[PUT_HEADER, CUT],
    also="BODY-010",
)
FRAME.gives(
    "005-cut-before-last-of-body",
    "The end comes one byte before that of the body",
    frame(PUT, body="hell"),
    events=[PUT_HEADER, body("hell"), CUT],
    also="BODY-010",
)
FRAME.gives(
    "005-cut-in-second",
    "The first message is whole, the second is not",
    HELLO,
    length(22),
    raw(HELLO[:5]),
    events=[header(**HELLO_MEMBERS), END, CUT],
    also="BODY-010",
)
FRAME.gives(
    "002-largest-then-cut", "N = 65535 is waited for", length(65535), raw(HELLO), events=[CUT]
)
FRAME.gives(
    "005-reply-cut-in-n",
    "The server goes away in the middle of N",
    raw(b"\x1b\0"),
    events=[CUT],
    awaits="7:hello",
    also="REPLY-010",
)
FRAME.gives(
    "005-reply-cut-in-body",
    "The server goes away in the middle of a file",
    frame('{"id":1,"ok":true,"rev":"r1","total":5,"offset":0,"mtime":0,"filesize":5}', body="hel"),
    events=[header(id=1, ok=True, rev="r1", total=5, offset=0, mtime=0), body("hel"), CUT],
    awaits="1:get",
    also="REPLY-010 BODY-010",
)
