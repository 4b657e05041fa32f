"""Chapter 7: what a file name may be."""

import json

from writing import EOF, Chapter, refused

NAME = Chapter("name", "NAME")


def request(name: str) -> str:
    return f'{{"id":1,"cmd":"stat","filename":{json.dumps(name)}}}'


def good(slug: str, title: str, name: str) -> None:
    NAME.accepts(slug, title, request(name))


def bad(slug: str, title: str, name: str) -> None:
    NAME.refuses(slug, title, request(name), code="bad-name")


# --- 001: 1 to 1024 bytes
FILL = "/".join(["x" * 255] * 3)  # 767 bytes
bad("001-empty", "The empty name", "")
good("001-one", "One character", "a")
good("001-1024", "1024 bytes", f"{FILL}/{'y' * 254}/z")
bad("001-1025", "1025 bytes", f"{FILL}/{'y' * 255}/z")
bad("001-1024-characters", "1024 characters, but more bytes", f"{FILL}/{'y' * 254}/\u00e9")

# --- 002: segments of up to 255 bytes
good("002-255", "A segment of 255 bytes", "x" * 255)
bad("002-256", "A segment of 256 bytes", "x" * 256)
good("002-255-in-characters", "A segment of 85 characters of three bytes each", "\u6f22" * 85)
bad("002-256-in-characters", "A segment of 128 characters of two bytes each", "\u00e9" * 128)
bad("002-last", "Only the last segment is too long", "a/" + "x" * 256)
bad("002-first", "Only the first segment is too long", "x" * 256 + "/a")
bad("002-emoji", "A segment of 64 emojis, 256 bytes", "\U0001f600" * 64)

# --- 003: segments that are none
for slug, title, name in [
    ("slash", "A slash", "/"),
    ("absolute", "An absolute path", "/etc/passwd"),
    ("trailing", "A slash at the end", "photos/"),
    ("double", "Two slashes", "photos//a.jpg"),
    ("dot", "`.`", "."),
    ("dots", "`..`", ".."),
    ("up", "`..` first", "../a.txt"),
    ("inner-up", "`..` inside", "a/../b"),
    ("last-up", "`..` last", "a/.."),
    ("inner-dot", "`.` inside", "a/./b"),
    ("dot-slash", "`.` first", "./a"),
    ("only-slashes", "Nothing but slashes", "///"),
]:
    bad(f"003-{slug}", title, name)
for slug, title, name in [
    ("three-dots", "Three dots are a name", "..."),
    ("hidden", "A name may begin with a dot", ".profile"),
    ("dots-and-letter", "`..a` is a name", "..a"),
    ("letter-and-dots", "`a..` is a name", "a.."),
    ("dots-inside", "Two dots within a segment", "a..b/c.d"),
    ("deep", "Many segments", "/".join("abcdefghijklmnopqrst")),
    ("percent", "Nothing is decoded: `%2e%2e%2f`", "%2e%2e%2fa"),
    ("full-width-dots", "Full-width dots are not dots", "\uff0e\uff0e"),
    ("one-dot-leader", "U+2024 is not a dot", "\u2024\u2024/a"),
    ("division-slash", "U+2215 is not a slash", "a\u2215..\u2215b"),
]:
    good(f"003-{slug}", title, name)

# --- 004: characters that are not allowed
for slug, title, name in [
    ("nul", "NUL", "a\0b"),
    ("newline", "A newline", "two\nlines"),
    ("tab", "A tabulator", "a\tb"),
    ("escape", "U+001B, which begins what a terminal obeys", "\x1b[2J"),
    ("1f", "U+001F", "a\x1f"),
    ("7f", "U+007F", "a\x7f"),
    ("backslash", "A backslash", "a\\b"),
    ("drive", "A path of Windows", "C:\\a.txt"),
    ("unc", "A share of Windows", "\\\\host\\share"),
    ("return", "A carriage return at the end", "a\r"),
]:
    bad(f"004-{slug}", title, name)
for slug, title, name in [
    ("space", "A space is a name", " "),
    ("spaces", "Spaces at both ends", " leading and trailing "),
    ("80", "U+0080 is allowed", "a\x80b"),
    ("colon", "A colon, where the file system can keep it", "a:b"),
    ("wildcards", "Wildcards mean nothing", "*?[a]"),
    ("quotes", "Quotes", "\"'`$(a)"),
    ("dash", "A dash first", "-rf"),
    ("tilde", "A tilde means nothing", "~/a"),
    ("right-to-left", "U+202E is a character", "a\u202etxt.exe"),
    ("zero-width", "U+200B and U+FEFF are characters", "a\u200b\ufeffb"),
    ("no-break-space", "U+00A0 is a character", "a\u00a0b"),
]:
    good(f"004-{slug}", title, name)

# --- 005: NFC
for slug, title, name in [
    ("umlaut", "u and a combining diaeresis", "Zu\u0308rich.jpg"),
    ("angstrom", "U+212B, which NFC writes as U+00C5", "\u212b"),
    ("kelvin", "U+212A, which NFC writes as K", "\u212a"),
    ("ohm", "U+2126, which NFC writes as U+03A9", "\u2126"),
    ("jamo", "Hangul in its parts", "\u1112\u1161\u11ab"),
    ("order", "Two combining marks in the wrong order", "q\u0307\u0323"),
    ("composed-and-mark", "U+00E2 and a dot below: NFC has one character for it", "\u00e2\u0323"),
    ("excluded", "U+0958, which NFC takes apart", "\u0958"),
    ("cjk", "U+F900, which NFC writes as U+8C48", "\uf900"),
    ("music", "U+1D15E, which NFC takes apart", "\U0001d15e"),
    ("deep", "Only the last segment is not NFC", "a/b/e\u0301"),
]:
    bad(f"005-{slug}", title, name)
for slug, title, name in [
    ("umlaut-composed", "U+00FC, composed", "Z\u00fcrich.jpg"),
    ("hangul", "Hangul, composed", "\ud55c"),
    ("mark-first", "A combining mark first", "\u0301a"),
    ("not-composable", "A letter and a mark that have no common character", "x\u0301"),
    ("right-order", "Two combining marks in order", "q\u0323\u0307"),
    ("decomposed-by-nfc", "U+0915 U+093C is NFC, although U+0958 exists", "\u0915\u093c"),
    ("compatibility", "A ligature is NFC, if not NFKC", "\ufb01le"),
    ("emoji", "An emoji of several code points", "\U0001f469\u200d\U0001f680"),
    ("unassigned", "A code point that is not assigned is taken as it stands", "a\u0378"),
    ("scripts", "Many scripts", "\u03a9/\u6f22\u5b57/\u044f/\u05d0/\u0e01.bin"),
]:
    good(f"005-{slug}", title, name)

# --- every command that takes a name judges it
for command, text in [
    ("put", '{"id":1,"cmd":"put","filename":"../a"}'),
    ("get", '{"id":1,"cmd":"get","filename":"../a"}'),
    ("delete", '{"id":1,"cmd":"delete","filename":"../a"}'),
    ("move", '{"id":1,"cmd":"move","filename":"../a","to":"b"}'),
    ("move-to", '{"id":1,"cmd":"move","filename":"a","to":"../b"}'),
]:
    NAME.refuses(f"003-{command}", f"A bad name in {command}", text, code="bad-name")
NAME.gives(
    "003-put-no-id",
    "A bad name in a put without `id`: nobody is told",
    '{"cmd":"put","filename":"../a"}',
    events=[refused("bad-name", None), EOF],
    also="REQ-003",
)
NAME.accepts(
    "006-as-it-stands",
    "A name is not trimmed, folded or decoded",
    '{"id":1,"cmd":"put","filename":" A%20b.TXT. "}',
)
NAME.accepts(
    "006-list",
    "What a list is asked for need not be a name",
    '{"id":1,"cmd":"list","prefix":"../","after":"a//"}',
)
