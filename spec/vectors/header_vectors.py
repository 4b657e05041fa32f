"""Chapter 3: the JSON that is allowed, integers, and what names mean.

Nearly every vector is one header. `X` in a line below stands in a private member, which nobody
knows: whatever it holds, it has to be JSON by the profile.
"""

from writing import EOF, HELLO, SHA_HELLO, TOKEN, Chapter, Part, Span, frame, raw

HEADER = Chapter("header", "HEADER")


def good(
    slug: str, title: str, *parts: Part, ignoring: str | tuple[str, ...] = "", also: str = ""
) -> None:
    HEADER.accepts(slug, title, *parts, ignoring=ignoring, also=also)


def bad(slug: str, title: str, *parts: Part, id_seen: bool = False, also: str = "") -> None:
    HEADER.breaks(slug, title, *parts, code="bad-header", id_seen=id_seen, also=also)


def private(value: str) -> str:
    """Return a request with a private member of this value, as JSON."""
    return f'{{"id":7,"cmd":"hello","example.com.x":{value}}}'


def stat(name: bytes | str, note: str) -> Part:
    """Return a request about a file whose name, as JSON writes it, is `name`."""
    return frame('{"id":7,"cmd":"stat","filename":"', raw(name, note), '"}')


# --- 001: UTF-8
for slug, title, data in [
    ("ff", "The byte FF, which UTF-8 never uses", b"a\xff"),
    ("continuation", "A continuation byte that continues nothing", b"a\x80"),
    ("short-sequence", "A character of three bytes of which the last is missing", b"\xe2\x82"),
    ("overlong-slash", "A slash in two bytes", b"\xc0\xaf"),
    ("overlong-nul", "NUL in two bytes, as Java writes it", b"\xc0\x80"),
    ("overlong-three", "A slash in three bytes", b"\xe0\x80\xaf"),
    ("overlong-four", "A slash in four bytes", b"\xf0\x80\x80\xaf"),
    ("surrogate", "A high surrogate in UTF-8", b"\xed\xa0\x80"),
    ("low-surrogate", "A low surrogate in UTF-8", b"\xed\xb0\x80"),
    ("cesu-8", "An emoji as two surrogates of three bytes each", b"\xed\xa0\xbd\xed\xb8\x80"),
    ("above-10ffff", "A code point above U+10FFFF", b"\xf4\x90\x80\x80"),
    ("five-bytes", "A sequence of five bytes", b"\xf8\x88\x80\x80\x80"),
    ("latin-1", "Latin-1", b"Z\xfcrich"),
]:
    bad(f"001-{slug}", title, stat(data, data.hex(" ")))
bad("001-bom", "A byte order mark", frame(raw(b"\xef\xbb\xbf", "byte order mark"), HELLO))
bad("001-utf-16-le", "UTF-16", frame(raw(HELLO.encode("utf-16-le"), "the header in UTF-16")))
bad(
    "001-utf-16-be",
    "UTF-16, big-endian",
    frame(raw(HELLO.encode("utf-16-be"), "the header in UTF-16")),
)
bad(
    "001-utf-16-bom",
    "UTF-16 with a byte order mark",
    frame(raw(b"\xff\xfe" + HELLO.encode("utf-16-le"), "the header in UTF-16")),
)
bad("001-utf-32", "UTF-32", frame(raw(HELLO.encode("utf-32-le"), "the header in UTF-32")))
bad(
    "001-in-private",
    "Bad UTF-8 where nobody would look",
    frame('{"id":7,"cmd":"hello","example.com.x":"', raw(b"\xff", "ff"), '"}'),
)
bad(
    "001-in-a-name",
    "Bad UTF-8 in the name of a member",
    frame('{"id":7,"cmd":"hello","a.', raw(b"\xff", "ff"), '":1}'),
)
good(
    "001-bom-inside",
    "U+FEFF inside a string is a character like any other",
    stat("a\ufeffb".encode(), "U+FEFF within"),
)

# --- 002: the grammar
for slug, title, text in [
    ("trailing-comma", "A trailing comma", '{"id":7,"cmd":"hello",}'),
    ("leading-comma", "A leading comma", '{,"id":7,"cmd":"hello"}'),
    ("two-commas", "Two commas", '{"id":7,,"cmd":"hello"}'),
    ("no-comma", "No comma", '{"id":7 "cmd":"hello"}'),
    ("no-colon", "No colon", '{"id" 7,"cmd":"hello"}'),
    ("no-value", "No value", '{"id":7,"cmd":}'),
    ("not-closed", "A brace is missing", '{"id":7,"cmd":"hello"'),
    ("closed-twice", "A brace too many", '{"id":7,"cmd":"hello"}}'),
    ("string-not-closed", "A string without an end", '{"id":7,"cmd":"hello'),
    ("single-quotes", "Single quotes", "{'id':7,'cmd':'hello'}"),
    ("bare-names", "Names without quotes", '{id:7,cmd:"hello"}'),
    ("name-is-number", "A number for a name", '{"id":7,"cmd":"hello",1:2}'),
    ("comment", "A comment", '{"id":7,/* x */"cmd":"hello"}'),
    ("line-comment", "A comment after the object", '{"id":7,"cmd":"hello"}//'),
    ("two-objects", "Two objects", '{"id":7,"cmd":"hello"} {}'),
    ("comma-after", "A comma after the object", '{"id":7,"cmd":"hello"},'),
    ("nul-after", "NUL after the object", '{"id":7,"cmd":"hello"}\0'),
    ("only-spaces", "Nothing but white space", "  "),
    ("not-json", "No JSON at all", "put a.txt 5"),
]:
    bad(f"002-{slug}", title, text)
for slug, title, value in [
    ("nan", "NaN", "NaN"),
    ("infinity", "Infinity", "Infinity"),
    ("minus-infinity", "-Infinity", "-Infinity"),
    ("plus", "A plus sign", "+1"),
    ("leading-zero", "A leading zero", "01"),
    ("minus-leading-zero", "A leading zero behind a minus sign", "-01"),
    ("point-last", "A point without digits after it", "1."),
    ("point-first", "A point without digits before it", ".5"),
    ("bare-exponent", "An exponent without digits", "1e"),
    ("signed-exponent", "An exponent that is only a sign", "1e+"),
    ("minus", "A minus sign alone", "-"),
    ("hexadecimal", "A hexadecimal number", "0x10"),
    ("underscore", "Digits in groups", "1_000"),
    ("arabic-digits", "Digits that are not ASCII", "\u0661"),
    ("word", "A word that JSON does not have", "undefined"),
    ("python-word", "`True` is Python, not JSON", "True"),
    ("word-and-more", "A word that begins like one of JSON", "nullx"),
    ("array-comma", "A trailing comma in an array", "[1,]"),
    ("array-no-comma", "No comma in an array", "[1 2]"),
    ("array-not-closed", "An array that a brace closes", "[1}"),
    ("escape-x", "An escape that JSON does not have", '"\\x41"'),
    ("escape-quote", "An escaped apostrophe", '"\\\'"'),
    ("escape-long", "An escape of eight digits", '"\\U00000041"'),
    ("escape-short", "An escape of three digits", '"\\u041"'),
    ("escape-not-hex", "An escape with a letter beyond f", '"\\u00g1"'),
    ("escape-sign", "An escape with a sign among its digits", '"\\u+041"'),
    ("raw-newline", "A newline in a string, not escaped", '"a\nb"'),
    ("raw-tab", "A tabulator in a string, not escaped", '"a\tb"'),
    ("raw-nul", "NUL in a string, not escaped", '"a\0b"'),
    ("raw-1f", "U+001F in a string, not escaped", '"\x1f"'),
]:
    bad(f"002-{slug}", title, private(value))
for slug, title, value in [
    ("escapes", "Every short escape of JSON", '"\\"\\\\\\/\\b\\f\\n\\r\\t"'),
    ("numbers", "Numbers in every form", "[0,-0,1,-1,0.5,-0.5,1e3,1E+3,1e-3,1.5e3]"),
    ("raw-7f", "U+007F may stand in a string as it is", '"\x7f"'),
    ("raw-2028", "U+2028 may stand in a string as it is", '"\u2028\u2029"'),
    ("empty-things", "Nothing in everything", '[[],{},"",null,false]'),
    ("escaped-nul", "An escaped NUL is a character", '"\\u0000"'),
]:
    good(f"002-{slug}", title, private(value))
good(
    "002-escaped-letters",
    "Escapes in names and in values are read",
    '{"i\\u0064":7,"\\u0063md":"st\\u0061t","filename":"\\u0061.txt"}',
)
good(
    "002-escaped-backslash",
    "`\\\\u0061` is an escaped backslash and the letters u0061",
    '{"id":7,"cmd":"list","prefix":"\\\\u0061"}',
)
good(
    "002-empty-name",
    "The name of a member may be empty",
    '{"id":7,"cmd":"hello","":1}',
    ignoring=("",),
)

# --- 003: an object
for slug, title, text in [
    ("array", "An array", '[{"id":7,"cmd":"hello"}]'),
    ("string", "A string", '"put"'),
    ("number", "A number", "12"),
    ("null", "null", "null"),
    ("true", "true", "true"),
]:
    bad(f"003-{slug}", f"{title} at the top", text)

# --- 004: white space
good(
    "004-after-colons",
    "White space as `json.dumps` writes it",
    '{"id": 7, "cmd": "hello"}',
    also="HEADER-019",
)
good(
    "004-everywhere",
    "All four kinds of white space, everywhere",
    ' \t\r\n{ \t\r\n"id" \t\r\n: \t\r\n7 \t\r\n, \t\r\n"cmd":"hello" \t\r\n} \t\r\n',
)
good(
    "004-in-empty",
    "White space in an empty array and an empty object",
    private("[ \n{ \t} , [ \r] ]"),
)
good("004-before", "White space before the object", "\n\n" + HELLO)
good("004-after", "White space after the object", HELLO + "\r\n")
for slug, title, space in [
    ("no-break-space", "U+00A0 is no white space of JSON", "\u00a0"),
    ("vertical-tab", "U+000B is no white space of JSON", "\x0b"),
    ("form-feed", "U+000C is no white space of JSON", "\x0c"),
    ("next-line", "U+0085 is no white space of JSON", "\x85"),
    ("line-separator", "U+2028 is no white space of JSON", "\u2028"),
    ("feff", "U+FEFF is no white space, at the end either", "\ufeff"),
]:
    bad(f"002-{slug}", title, HELLO + space)

# --- 005: characters
for slug, title, value in [
    ("high", "A high surrogate alone", '"\\ud83d"'),
    ("low", "A low surrogate alone", '"\\ude00"'),
    ("reversed", "A pair the wrong way round", '"\\ude00\\ud83d"'),
    ("two-high", "Two high surrogates and one low", '"\\ud83d\\ud83d\\ude00"'),
    ("high-and-letter", "A high surrogate and a letter", '"\\ud83dx"'),
    ("apart", "Two halves with a letter between them", '"\\ud83dx\\ude00"'),
    ("upper-case", "A lone surrogate, its escape in capitals", '"\\uD800"'),
    ("last-low", "U+DFFF, the last surrogate", '"\\udfff"'),
    ("fffe", "U+FFFE, escaped", '"\\ufffe"'),
    ("ffff", "U+FFFF, escaped", '"\\uffff"'),
    ("fdd0", "U+FDD0, escaped", '"\\ufdd0"'),
    ("fdef", "U+FDEF, escaped", '"\\ufdef"'),
    ("1fffe-pair", "U+1FFFE as an escaped pair", '"\\ud83f\\udffe"'),
    ("10ffff-pair", "U+10FFFF as an escaped pair", '"\\udbff\\udfff"'),
    ("fffe-raw", "U+FFFE, as it is", '"\ufffe"'),
    ("fdd0-raw", "U+FDD0, as it is", '"\ufdd0"'),
    ("2ffff-raw", "U+2FFFF, as it is", '"\U0002ffff"'),
    ("10fffe-raw", "U+10FFFE, as it is", '"\U0010fffe"'),
    ("in-a-name", "A lone surrogate in the name of a member", '{"\\ud800":1}'),
    ("noncharacter-in-a-name", "A noncharacter in the name of a member", '{"\\uffff":1}'),
    ("deep", "A lone surrogate, deep down", '[{"a":["\\udc00"]}]'),
]:
    bad(f"005-{slug}", title, private(value))
bad(
    "005-in-filename",
    "A lone surrogate in a name that is used",
    '{"id":7,"cmd":"stat","filename":"\\ud83d"}',
)
good(
    "005-pair",
    "An escaped pair is one character",
    '{"id":7,"cmd":"stat","filename":"\\ud83d\\ude00"}',
)
good(
    "005-pair-upper-case",
    "An escaped pair in capitals",
    '{"id":7,"cmd":"stat","filename":"\\uD83D\\uDE00"}',
)
good(
    "005-beside",
    "The neighbours of the noncharacters are characters",
    '{"id":7,"cmd":"list","prefix":"\\ufdcf\\ufdf0\\ufffd\\ud83f\\udffd"}',
)
good(
    "005-private-use",
    "Private use characters are characters",
    '{"id":7,"cmd":"list","prefix":"\\ue000\\udbff\\udffd"}',
)
good(
    "005-not-an-escape",
    "`\\\\ud83d` is an escaped backslash and letters",
    '{"id":7,"cmd":"list","prefix":"\\\\ud83d"}',
)

# --- 006: names that occur twice
for slug, title, text in [
    ("id", "`id` twice", '{"id":7,"cmd":"hello","id":8}'),
    ("same-value", "A member twice, with one value", '{"id":7,"cmd":"hello","cmd":"hello"}'),
    ("escaped", "A name twice, once escaped", '{"id":7,"\\u0069d":8,"cmd":"hello"}'),
    ("private", "A private name twice", '{"id":7,"cmd":"hello","a.b":1,"a.b":2}'),
    ("empty", "The empty name twice", '{"id":7,"cmd":"hello","":1,"":2}'),
    (
        "proto",
        "A name twice that some languages keep to themselves",
        '{"id":7,"cmd":"hello","__proto__":1,"__proto__":2}',
    ),
    ("nested", "A name twice, one level down", private('{"a":1,"a":1}')),
    ("nested-escaped", "A name twice, one level down and escaped", private('{"a":1,"\\u0061":1}')),
    (
        "in-array",
        "A name twice in an object in an array",
        private('[0,[{"b":{"a":1,"c":2,"a":3}}]]'),
    ),
    (
        "pair",
        "A name twice, as four bytes and as an escaped pair",
        private('{"\U0001f600":1,"\\ud83d\\ude00":2}'),
    ),
]:
    bad(f"006-{slug}", title, text)
good(
    "006-different-objects",
    "One name in different objects",
    private('{"a":{"a":1},"b":[{"a":1},{"a":2}],"id":0}'),
)
good(
    "006-case",
    "Names that differ in case are different",
    '{"id":7,"cmd":"hello","ID":8,"Id":"x"}',
    ignoring="ID Id",
)
good(
    "006-normalisation",
    "Names are compared as they stand, not normalised",
    private('{"\u00e9":1,"e\u0301":2}'),
)
good(
    "006-builtin-names",
    "Names that some languages keep to themselves are names",
    '{"id":7,"cmd":"hello","__proto__":{"id":9},"constructor":1,"hasOwnProperty":false,"toString":null,"__class__":1}',
    ignoring="__proto__ constructor hasOwnProperty toString __class__",
)

# --- 007: numbers
for slug, title, value in [
    ("1e400", "1e400", "1e400"),
    ("minus-1e400", "-1e400", "-1e400"),
    ("1e309", "1e309", "1e309"),
    (
        "rounds-up",
        "The smallest number whose nearest double is infinite",
        "1.797693134862315808e308",
    ),
    ("400-digits", "An integer of 400 digits", "9" * 400),
    ("310-digits", "An integer of 310 digits, and a negative one", "-1" + "0" * 309),
    ("2-to-the-1024", "2 to the 1024, with all its digits", str(2**1024)),
    ("deep", "A number beyond a double, deep down", '[{"a":[1E999]}]'),
]:
    bad(f"007-{slug}", f"{title}", private(value))
for slug, title, value in [
    ("largest", "The largest double", "1.7976931348623157e308"),
    ("rounds-down", "A number just above it, whose nearest double it is", "1.7976931348623158e308"),
    ("309-digits", "An integer of 309 digits that a double can be near", "1" + "0" * 308),
    ("underflow", "A number too small for a double is zero", "1e-400"),
    ("zero-exponent", "Zero is zero, whatever its exponent", "[0e999,0.0E+999999,-0e400]"),
    ("2-to-the-70", "An integer that no double holds exactly", str(2**70 + 1)),
    ("many-digits", "A fraction of many digits", "0." + "3" * 400),
]:
    good(f"007-{slug}", title, private(value))

# --- 008: depth
good("008-arrays", "16 levels: the object and 15 arrays", private("[" * 15 + "]" * 15))
good("008-objects", "16 levels of objects", private('{"a":' * 14 + "{}" + "}" * 14))
good(
    "008-siblings",
    "Many objects side by side are not deep",
    private("[" + ",".join(["[{}]"] * 40) + "]"),
)
good(
    "008-in-strings",
    "Brackets in strings are not levels",
    private('["[[[[[[[[[[[[[[[[[","{{{{{{{{{{{{{{{{{\\"[["]'),
)
bad("008-arrays-17", "17 levels: the object and 16 arrays", private("[" * 16 + "]" * 16))
bad("008-objects-17", "17 levels of objects", private('{"a":' * 15 + "{}" + "}" * 15))
bad(
    "008-mixed-17",
    "17 levels, arrays and objects by turns",
    private('[{"a":' * 7 + '[{"a":1}]' + "}]" * 7),
)
bad(
    "008-after-flat",
    "17 levels after much that is flat",
    private("[[],[],{}," + "[" * 15 + "]" * 15 + "]"),
)
bad(
    "008-60000",
    "60000 brackets: no stack is to overflow",
    frame('{"id":7,"cmd":"hello","a.b":', Span(b"[", "60000 brackets", 60000)),
)
bad(
    "008-60000-objects",
    "10000 objects in each other",
    frame('{"id":7,"cmd":"hello","a.b":', Span(b'{"a":', "10000 objects", 10000)),
)

# --- 009: members
good(
    "009-64",
    "64 members",
    "{" + ",".join(['"id":7,"cmd":"hello"', *(f'"x.{n}":0' for n in range(62))]) + "}",
)
bad(
    "009-65",
    "65 members",
    "{" + ",".join(['"id":7,"cmd":"hello"', *(f'"x.{n}":0' for n in range(63))]) + "}",
)
good(
    "009-nested",
    "More than 64 members one level down",
    private("{" + ",".join(f'"{n}":0' for n in range(70)) + "}"),
)
good("009-array", "More than 64 items in an array", private("[" + ",".join(["0"] * 70) + "]"))

# --- 010 and 011: integers, `filesize` and `id`
NOT_INTEGERS = [
    ("5-point-0", "5.0"),
    ("5e0", "5e0"),
    ("50e-1", "50e-1"),
    ("minus-0", "-0"),
    ("minus-5", "-5"),
    ("string", '"5"'),
    ("true", "true"),
    ("false", "false"),
    ("null", "null"),
    ("array", "[5]"),
    ("object", "{}"),
    ("2-to-the-53", "9007199254740992"),
    ("2-to-the-64", "18446744073709551616"),
    ("fraction", "0.5"),
    ("1e2", "1e2"),
]
for slug, token in NOT_INTEGERS:
    bad(
        f"011-filesize-{slug}",
        f"`filesize` is {token}",
        frame(f'{{"id":1,"cmd":"put","filename":"a","filesize":{token}}}', body="hello"),
        id_seen=True,
        also="HEADER-010",
    )
for slug, token in [*NOT_INTEGERS, ("0", "0")]:
    bad(
        f"011-id-{slug}",
        f"`id` is {token}",
        f'{{"id":{token},"cmd":"hello"}}',
        id_seen=True,
        also="HEADER-010",
    )
good("010-largest-id", "The largest `id`", '{"id":9007199254740991,"cmd":"hello"}')
good(
    "010-largest-total",
    "The largest integers that are registered",
    '{"id":1,"cmd":"get","filename":"a","offset":9007199254740991,"length":9007199254740991}',
)
good("010-zero", "0 is an integer", '{"id":1,"cmd":"get","filename":"a","offset":0,"length":0}')

# --- 012: `more`
for slug, token in [
    ("1", "1"),
    ("0", "0"),
    ("string", '"true"'),
    ("null", "null"),
    ("array", "[true]"),
]:
    bad(
        f"012-{slug}",
        f"`more` is {token}",
        f'{{"id":1,"cmd":"put","filename":"a","more":{token}}}',
        id_seen=True,
    )
good(
    "012-false",
    "`more: false` says no more than its absence",
    '{"id":1,"cmd":"put","filename":"a","more":false}',
)

# --- 013 to 015: known and unknown names
good(
    "013-every-name-of-put",
    "All names of a put, each with its type",
    frame(
        '{"id":1,"cmd":"put","filename":"a","if":"r1","total":5,"mtime":1767225600000000,',
        f'"digest":"{SHA_HELLO}","upload":"{TOKEN}","offset":0,',
        '"filesize":5,"more":false,"abort":false}',
        body="hello",
    ),
)
good(
    "013-null",
    "`if: null` is not the absence of `if`",
    '{"id":1,"cmd":"put","filename":"a","if":null}',
)
good(
    "014-unknown",
    "Names that nobody knows are ignored",
    '{"id":1,"cmd":"hello","colour":"red","Cmd":"put"}',
    ignoring="colour Cmd",
)
good(
    "014-order",
    "Members come in any order",
    '{"filename":"a","x.y":[],"cmd":"stat","want":["digest"],"id":1}',
)
good("014-nested-critical", "`!` counts at the top only", private('{"!a":1,"b":{"!c":2}}'))
good(
    "014-inner-mark",
    "`!` counts only where it comes first",
    '{"id":1,"cmd":"hello","a!":1," !b":2}',
    ignoring=("a!", " !b"),
)
good(
    "014-in-auth",
    "Within `auth` anything may stand that a scheme needs",
    '{"id":1,"cmd":"hello","auth":{"scheme":"example.com.x","level":3,"!parts":[true,null]}}',
)
good(
    "015-unused",
    "A registered name that the command does not use may have any type",
    '{"id":1,"cmd":"hello","length":"long","filename":5,"if":{},"upload":0,"to":null,"want":"x"}',
    ignoring="length filename if upload to want",
)
good(
    "015-reply-names",
    "Names of replies mean nothing in a request",
    '{"id":1,"cmd":"stat","filename":"a","ok":false,"code":5,"rev":"r","close":true,"retry_ms":-1}',
    ignoring="ok code rev close retry_ms",
)
good(
    "015-digest-of-get",
    "`digest` and `total` mean nothing in a get",
    '{"id":1,"cmd":"get","filename":"a","digest":"md5:0","total":"x","mtime":-1}',
    ignoring="digest total mtime",
)
good(
    "018-private",
    "Private names have a dot",
    '{"id":1,"cmd":"hello","example.com.tag":{"any":["thing"]}}',
    also="HEADER-014",
)

# --- 016: missing names and wrong types
REQUESTS = {
    "hello": '"id":1,"cmd":"hello"',
    "put": '"id":1,"cmd":"put","filename":"a"',
    "get": '"id":1,"cmd":"get","filename":"a"',
    "stat": '"id":1,"cmd":"stat","filename":"a"',
    "list": '"id":1,"cmd":"list"',
    "delete": '"id":1,"cmd":"delete","filename":"a"',
    "move": '"id":1,"cmd":"move","filename":"a","to":"b"',
}
for slug, text in [
    ("put-no-filename", '{"id":1,"cmd":"put"}'),
    ("get-no-filename", '{"id":1,"cmd":"get","length":5}'),
    ("move-no-to", '{"id":1,"cmd":"move","filename":"a"}'),
    ("move-no-filename", '{"id":1,"cmd":"move","to":"b"}'),
    ("filename-number", '{"id":1,"cmd":"put","filename":5}'),
    ("filename-null", '{"id":1,"cmd":"get","filename":null}'),
    ("filename-array", '{"id":1,"cmd":"stat","filename":["a"]}'),
    ("to-number", '{"id":1,"cmd":"move","filename":"a","to":5}'),
]:
    HEADER.refuses(f"016-{slug}", f"Refused: {text[8:-1]}", text, code="bad-request")
for command, name, slug, token in [
    ("put", "if", "number", "5"),
    ("put", "if", "true", "true"),
    ("put", "if", "empty", '""'),
    ("put", "if", "space", '"r 1"'),
    ("put", "if", "not-ascii", '"r\u00e9"'),
    ("put", "if", "65", '"' + "r" * 65 + '"'),
    ("put", "if", "newline", '"r1\\n"'),
    ("put", "total", "string", '"5"'),
    ("put", "total", "5-point-0", "5.0"),
    ("put", "total", "minus", "-5"),
    ("put", "total", "null", "null"),
    ("put", "total", "true", "true"),
    ("put", "total", "2-to-the-53", "9007199254740992"),
    ("put", "mtime", "minus", "-1"),
    ("put", "mtime", "fraction", "1767225600.5"),
    ("put", "mtime", "exponent", "1e15"),
    ("put", "mtime", "minus-0", "-0"),
    ("put", "digest", "number", "5"),
    ("put", "digest", "no-colon", '"' + SHA_HELLO[8:] + '"'),
    ("put", "digest", "upper-case", '"sha-256:' + SHA_HELLO[8:].upper() + '"'),
    ("put", "digest", "short", '"' + SHA_HELLO[:-1] + '"'),
    ("put", "digest", "long", '"' + SHA_HELLO + '0"'),
    ("put", "digest", "null", "null"),
    ("put", "want", "string", '"blake3"'),
    ("put", "want", "numbers", "[3]"),
    ("put", "want", "null", "null"),
    ("put", "upload", "21", '"' + TOKEN[1:] + '"'),
    ("put", "upload", "65", '"' + "A" * 65 + '"'),
    ("put", "upload", "dot", '"' + TOKEN + '."'),
    ("put", "upload", "number", "1"),
    ("put", "upload", "null", "null"),
    ("put", "abort", "1", "1"),
    ("put", "abort", "string", '"true"'),
    ("put", "abort", "null", "null"),
    ("get", "offset", "true", "true"),
    ("get", "offset", "string", '"0"'),
    ("get", "offset", "minus-0", "-0"),
    ("get", "length", "minus", "-1"),
    ("get", "length", "null", "null"),
    ("get", "length", "5-point-0", "5.0"),
    ("get", "want", "string", '"digest"'),
    ("get", "want", "numbers", "[1]"),
    ("get", "want", "object", "{}"),
    ("get", "want", "null", "null"),
    ("get", "abort", "0", "0"),
    ("stat", "if", "slash", '"r/1"'),
    ("stat", "want", "mixed", '["digest",null]'),
    ("list", "limit", "0", "0"),
    ("list", "limit", "string", '"5"'),
    ("list", "delimiter", "dash", '"-"'),
    ("list", "delimiter", "null", "null"),
    ("list", "delimiter", "two", '"//"'),
    ("list", "prefix", "number", "5"),
    ("list", "after", "null", "null"),
    ("delete", "if", "false", "false"),
    ("move", "to_if", "false", "false"),
    ("move", "to_if", "space", '"a b"'),
    ("move", "to_if", "number", "1"),
    ("move", "if", "true", "true"),
    ("hello", "hf", "string", '"1"'),
    ("hello", "hf", "1-point-0", "1.0"),
    ("hello", "hf", "null", "null"),
    ("hello", "hf", "minus", "-1"),
    ("hello", "hf", "2-to-the-53", "9007199254740992"),
    ("hello", "hf", "true", "true"),
    ("hello", "auth", "string", '"token"'),
    ("hello", "auth", "null", "null"),
    ("hello", "abort", "string", '"no"'),
]:
    HEADER.refuses(
        f"016-{command}-{name}-{slug}",
        f"`{name}` of {command} is {token if len(token) < 40 else slug}",
        f'{{{REQUESTS[command]},"{name}":{token}}}',
        code="bad-request",
    )
for slug, title, text in [
    (
        "token-22",
        "An upload's token of 22 characters",
        f'{{{REQUESTS["put"]},"upload":"{TOKEN}","offset":0}}',
    ),
    (
        "token-64",
        "An upload's token of 64 characters, of every kind",
        f'{{"id":1,"cmd":"stat","upload":"{"Az09_-" * 10}abcd"}}',
    ),
    ("revision-1", "A revision of one character", f'{{{REQUESTS["get"]},"if":"-"}}'),
    (
        "revision-64",
        "A revision of 64 characters, of every kind",
        f'{{{REQUESTS["delete"]},"if":"{"Az09._-" * 9}a"}}',
    ),
    ("to-if-true", "`to_if: true`: whatever is there", f'{{{REQUESTS["move"]},"to_if":true}}'),
    ("to-if-null", "`to_if: null`", f'{{{REQUESTS["move"]},"to_if":null,"if":"r1"}}'),
    (
        "want-unknown",
        "Unknown words in `want` are strings like any",
        f'{{{REQUESTS["get"]},"want":["digest","colour",""]}}',
    ),
    (
        "want-of-a-put",
        "A put says in `want` which digest it wants",
        f'{{{REQUESTS["put"]},"want":["blake3","digest","colour"]}}',
    ),
    ("want-empty", "`want` may be empty", f'{{{REQUESTS["stat"]},"want":[]}}'),
    (
        "list-all",
        "All names of a list",
        f'{{{REQUESTS["list"]},"prefix":"a/","after":"../no name","limit":1,"delimiter":"/"}}',
    ),
    ("delete-upload", "Delete an upload", f'{{"id":1,"cmd":"delete","upload":"{TOKEN}"}}'),
]:
    good(f"016-{slug}", title, text)

# --- 017: critical names
for slug, title, text in [
    ("unknown", "A name that begins with `!`", '{"id":1,"cmd":"hello","!colour":"red"}'),
    ("alone", "`!` alone", '{"id":1,"cmd":"hello","!":null}'),
    ("escaped", "An escaped `!`", '{"id":1,"cmd":"hello","\\u0021x":1}'),
    (
        "registered",
        "`!` before a registered name",
        '{"id":1,"cmd":"stat","filename":"a","!if":"r1"}',
    ),
    ("private", "`!` before a private name", '{"id":1,"cmd":"hello","!example.com.x":false}'),
]:
    HEADER.refuses(f"017-{slug}", title, text, code="unsupported")
HEADER.gives(
    "017-discards",
    "What comes with a critical name is discarded",
    frame('{"id":1,"cmd":"put","filename":"a","filesize":5,"!x":1}', body="hello"),
    events=[{"event": "refused", "id": 1, "code": "unsupported"}, EOF],
    also="BODY-004",
)

# --- the same profile binds a client
for slug, title, text in [
    ("001-reply", "Bad UTF-8 in a reply", None),
    ("002-reply", "A reply that is not JSON", '{"id":7,"ok":true,"hf":[1],}'),
    ("003-reply", "A reply that is an array", '[{"id":7,"ok":true,"hf":[1]}]'),
    ("005-reply", "A lone surrogate in a reply", '{"id":7,"ok":true,"hf":[1],"server":"\\ud800"}'),
    ("006-reply", "A name twice in a reply", '{"id":7,"ok":false,"ok":true,"hf":[1]}'),
    ("007-reply", "A number beyond a double in a reply", '{"id":7,"ok":true,"hf":[1],"x.y":1e999}'),
    (
        "008-reply",
        "A reply that is too deep",
        '{"id":7,"ok":true,"hf":[1],"x.y":' + "[" * 16 + "]" * 16 + "}",
    ),
    (
        "009-reply",
        "A reply with 65 members",
        '{"id":7,"ok":true,"hf":[1],' + ",".join(f'"x.{n}":0' for n in range(62)) + "}",
    ),
    ("011-reply-id", "The `id` of a reply is a string", '{"id":"7","ok":true,"hf":[1]}'),
    ("011-reply-id-fraction", "The `id` of a reply is 7.0", '{"id":7.0,"ok":true,"hf":[1]}'),
    (
        "011-reply-filesize",
        "The `filesize` of a reply is negative",
        '{"id":7,"ok":true,"hf":[1],"filesize":-1}',
    ),
    ("012-reply-more", "The `more` of a reply is 0", '{"id":7,"ok":true,"hf":[1],"more":0}'),
]:
    part: Part = (
        text if text else frame('{"id":7,"ok":true,"hf":[1],"server":"', raw(b"\xff", "ff"), '"}')
    )
    HEADER.breaks(slug, title, part, awaits="7:hello", also="ERROR-010")
HEADER.accepts(
    "015-request-names-in-reply",
    "Names of requests mean nothing in a reply",
    '{"id":7,"ok":true,"hf":[1],"cmd":"put","filename":5,"rev":-1,"total":"x"}',
    ignoring="cmd filename rev total",
    awaits="7:hello",
)
HEADER.accepts(
    "014-unknown-in-reply",
    "Names that nobody knows are ignored in replies too",
    '{"id":7,"ok":true,"hf":[1,2],"colour":"red","x.y":null,"limits":{"total":1099511627776,"rate":1.5,"why":null}}',
    ignoring="colour",
    awaits="7:hello",
)
