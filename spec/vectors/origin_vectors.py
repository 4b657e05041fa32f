"""The appendix: what the original client sends, byte for byte.

It writes `struct.pack("i", n)`, the header as `json.dumps` writes it, and the file.
"""

import json

from writing import CUT, END, EOF, Chapter, Frame, body, frame, header, refused

ORIGIN = Chapter("origin", "ORIGIN")


def put(name: str, data: bytes | str) -> Frame:
    """Return what the original client sends for one file."""
    size = len(data.encode() if isinstance(data, str) else data)
    return frame(json.dumps({"cmd": "put", "filename": name, "filesize": size}), body=data)


def sends(
    slug: str, title: str, *parts: Frame | str | bytes, rules: str, events: list | None = None
) -> None:
    if events is None:
        ORIGIN.accepts(slug, title, *parts, category="origin")
    else:
        ORIGIN.gives(slug, title, *parts, events=events, category="origin")
    ORIGIN.vectors[-1]["id"] = f"ORIGIN-{slug}"
    ORIGIN.vectors[-1]["rules"] = [f"HF-{name}" for name in rules.split()]


sends("001-one", "One file", put("a.txt", "hello"), rules="REQ-004 FRAME-001 HEADER-004")
sends(
    "002-two",
    "Two files, written at once",
    put("a.txt", "hello"),
    put("b.txt", "world!"),
    rules="REQ-004 FRAME-005 FRAME-006",
)
sends("003-empty", "An empty file", put("empty", ""), rules="REQ-004 CMD-006")
sends(
    "004-umlaut",
    "A name that `json.dumps` escapes",
    put("Z\u00fcrich.txt", "hello"),
    rules="REQ-004 HEADER-005",
)
sends(
    "005-emoji",
    "A name that `json.dumps` writes as a surrogate pair",
    put("\U0001f600.txt", "hello"),
    rules="REQ-004 HEADER-005",
)
sends(
    "006-chinese", "A name in Chinese", put("\u6587\u4ef6.txt", "hello"), rules="REQ-004 HEADER-005"
)
sends(
    "007-long",
    "A file longer than the pieces of 1024 bytes that it reads",
    put("big.bin", b"x" * 3000),
    rules="REQ-004 FRAME-005",
)
sends(
    "008-binary",
    "A file that is no text",
    put("a.bin", bytes(range(256))),
    rules="REQ-004 FRAME-005",
)
sends(
    "009-many",
    "Four files, one after the other",
    *[put(f"{n}.txt", str(n) * n) for n in range(4)],
    rules="REQ-004 FRAME-005",
)
sends(
    "010-dies",
    "It dies in the middle of a file",
    put("a.txt", "hello"),
    frame('{"cmd": "put", "filename": "b.txt", "filesize": 9}', body="half"),
    rules="BODY-010 REQ-004",
    events=[
        header(cmd="put", filename="a.txt"),
        body("hello"),
        END,
        header(cmd="put", filename="b.txt"),
        body("half"),
        CUT,
    ],
)
sends(
    "011-dies-in-header",
    "It dies in the middle of a header",
    frame('{"cmd": "put", "fi', n=53),
    rules="BODY-010",
    events=[CUT],
)
sends(
    "012-escapes",
    "A name that leaves the folder is refused, the next file is stored",
    put("../x", "abc"),
    put("a.txt", "hello"),
    rules="NAME-003 BODY-004 REQ-003",
    events=[
        refused("bad-name", None),
        header(cmd="put", filename="a.txt"),
        body("hello"),
        END,
        EOF,
    ],
)
sends(
    "013-windows",
    "A path of Windows for a name",
    put("C:\\a.txt", "abc"),
    rules="NAME-004 REQ-003",
    events=[refused("bad-name", None), EOF],
)
sends(
    "014-mac",
    "A name as old file systems of macOS give it",
    put("Zu\u0308rich.txt", "abc"),
    rules="NAME-005 REQ-003",
    events=[refused("bad-name", None), EOF],
)
sends(
    "015-handle",
    "The command that called the handler itself",
    '{"cmd": "handle"}',
    rules="CMD-001 REQ-003",
    events=[EOF],
)
sends(
    "016-get",
    "A command that it did not have",
    '{"cmd": "get", "filename": "a.txt"}',
    rules="REQ-005 REQ-003",
    events=[EOF],
)
