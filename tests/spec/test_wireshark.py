"""`spec/headframe.lua` shows in Wireshark what the codec reads.

The fast tests look at its text. The slow ones give captures to tshark: many connections in one, so
that it has to begin only once.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import ssl
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import standard
from headframe import LIMITS, BadFrame, BadHeader, RemoteError
from headframe.conformance.strategies import cuttings, messages, nearly_valid_json
from headframe.interpretation import LATER_CODEC, REQUEST_CODEC
from headframe_client.address import DEFAULT_PORT

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "spec" / "headframe.lua"
TEXT = SCRIPT.read_text("utf-8")
ROWS = json.loads((ROOT / "spec" / "registry" / "header-keys.json").read_text("utf-8"))


def test_its_numbers_are_those_of_the_codec():
    numbers = {name: int(value) for name, value in re.findall(r"local ([A-Z_]+) = (\d+)\n", TEXT)}
    assert {
        "PORT": DEFAULT_PORT,
        "LENGTH_BYTES": 4,
        "LENGTH_MIN": LIMITS.header_bytes_min,
        "LENGTH_MAX": LIMITS.header_bytes_max,
        "INTEGER_MAX": LIMITS.integer_max,
        "DEPTH_MAX": LIMITS.header_depth,
        "MEMBERS_MAX": LIMITS.header_members,
    } == numbers


def test_what_can_be_filtered_by_has_the_type_of_the_registry():
    declared = re.search(r"local MEMBERS = \{(.*?)\n\}", TEXT, re.DOTALL)[1]
    kinds = {
        name: kind
        for kind, names in re.findall(r"(\w+) = \{([^}]*)\}", declared)
        for name in re.findall(r'"(\w+)"', names)
    }
    single = {"integer": "integer", "boolean": "boolean", "object": None, "array": None}
    expected = {row["name"]: single.get(row["type"].split()[0], "string") for row in ROWS}
    assert {name: kind for name, kind in expected.items() if kind} == kinds


# --- captures ----------------------------------------------------------------------------

SYN, SYN_ACK, ACK, PSH_ACK = 0x02, 0x12, 0x10, 0x18
PCAP_HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)  # 101: packets are IP
CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"


@dataclass
class Capture:
    """A capture in the making: IPv4 packets, ten milliseconds apart, as libpcap stores them."""

    port: int = DEFAULT_PORT
    raw: bytearray = field(
        default_factory=lambda: bytearray(
            struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
        )
    )
    kept_bytes: int = 65535
    packets: int = 0
    sequences: dict[tuple[int, bool], int] = field(default_factory=dict)

    def connect(self, client_port: int = 50000) -> None:
        for from_client, flags in ((True, SYN), (False, SYN_ACK), (True, ACK)):
            self.send(b"", client_port, from_client=from_client, flags=flags)

    def send(self, data, client_port=50000, *, from_client=True, flags=PSH_ACK, kept=True) -> None:
        """Send a segment; one that is not kept is missing from the capture."""
        ports = (client_port, self.port) if from_client else (self.port, client_port)
        sequence = self.sequences.get((client_port, from_client), 1000)
        acknowledged = self.sequences.get((client_port, not from_client), 0)
        tcp = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 65535, 0, 0)
        addresses = (CLIENT, SERVER) if from_client else (SERVER, CLIENT)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0)
        packet = ip + b"".join(addresses) + tcp + data
        self.sequences[client_port, from_client] = sequence + len(data) + bool(flags & SYN)
        self.packets += 1
        if kept:
            microseconds = self.packets * 10_000
            stamp = divmod(microseconds, 1_000_000)
            here = packet[: self.kept_bytes]
            self.raw += struct.pack("<IIII", *stamp, len(here), len(packet)) + here


@pytest.fixture(scope="session")
def tshark(tmp_path_factory):
    """Return what gives captures to tshark and returns rows of fields, one a packet."""
    found = shutil.which("tshark")
    if not found:
        pytest.skip("no tshark here: apt-get install tshark")

    path = tmp_path_factory.mktemp("tshark") / "capture.pcap"

    def run(capture: Capture, *fields: str, options: tuple[str, ...] = ()) -> list[list[list[str]]]:
        columns = [part for name in ("_ws.lua.error", *fields) for part in ("-e", name)]
        path.write_bytes(capture.raw)
        ran = subprocess.run(
            [found, "-X", f"lua_script:{SCRIPT}", *options, "-r", path, "-T", "fields", *columns]
            + ["-E", "separator=/t", "-E", "aggregator=|"],
            capture_output=True,
            timeout=100,
            check=False,
        )
        assert 0 == ran.returncode, ran.stderr.decode()
        assert b"Lua" not in ran.stderr, ran.stderr.decode()
        rows = [line.split("\t") for line in ran.stdout.decode().split("\n")[:-1]]
        assert {row[0] for row in rows} <= {""}
        return [[cell.split("|") if cell else [] for cell in row[1:]] for row in rows]

    return run


def frame(members, body=b""):
    header = json.dumps(members | ({"filesize": len(body)} if body else {}))
    return standard.frame_of(header, body)


@pytest.mark.slow
def test_a_packet_says_in_a_line_what_is_in_it(tshark):
    capture = Capture()
    capture.connect()
    put = frame({"id": 1, "cmd": "put", "filename": "a.txt"}, b"hello")
    more = frame({"id": 2, "cmd": "put", "filename": "b.txt", "more": True}, b"hello, ")
    capture.send(put[:3])
    capture.send(put[3:20])
    capture.send(put[20:] + more + frame({"total": 12}, b"world"))
    capture.send(frame({"cmd": "move", "filename": "a.txt", "to": "c.txt"}))
    capture.send(frame({"id": 1, "ok": True, "rev": "r1"})[:-1], from_client=False)
    refusal = frame({"id": 2, "ok": False, "code": "no-space", "retry_ms": 500})
    capture.send(b"}" + refusal, from_client=False)
    capture.send(frame({"id": 0, "ok": False, "code": "closing"}), from_client=False)
    rows = tshark(capture, "_ws.col.Protocol", "_ws.col.Info", "headframe.refused")
    said = [(protocol[0], info[0]) for protocol, info, _ in rows[5:]]
    assert [
        (
            "HF/1",
            "put #1 a.txt, 5 bytes; put #2 b.txt, 7 bytes, more follows; later frame, 5 bytes",
        ),
        ("HF/1", "move a.txt to c.txt"),
        ("HF/1", "ok #1 (put); no-space #2 (put)"),
        ("HF/1", "notice: closing"),
    ] == [line for line in said if line[0] != "TCP"]
    assert "TCP" == rows[3][0][0] == rows[4][0][0]


@pytest.mark.slow
def test_requests_and_replies_lead_to_each_other(tshark):
    capture = Capture()
    capture.connect()
    requests = [frame({"id": number, "cmd": "hello"}) for number in (7, 7, 8)]
    capture.send(requests[0] + requests[1])
    capture.send(frame({"cmd": "put", "filename": "a"}) + requests[2])
    for number in (7, 7, 8, 9):
        capture.send(frame({"id": number, "ok": True, "hf": [1]}), from_client=False)
    fields = ("headframe.reply_in", "headframe.request_in", "headframe.time", "headframe.bad_reply")
    rows = tshark(capture, *fields, options=("-2",))[3:]
    assert [["6", "7"], ["8"], [], [], [], []] == [row[0] for row in rows]
    assert [[], [], ["4"], ["4"], ["5"], []] == [row[1] for row in rows]
    assert ["0.020000000", "0.030000000", "0.030000000"] == [row[2][0] for row in rows[2:5]]
    capture = Capture()
    capture.connect()
    capture.send(requests[0])
    capture.send(frame({"id": 9, "ok": True, "hf": [1]}), from_client=False)
    rows = tshark(capture, *fields)[3:]
    assert [0, 1] == [len(row[3]) for row in rows]
    assert [] == rows[1][1]


@pytest.mark.slow
def test_a_body_is_shown_where_its_bytes_are_and_may_be_missing(tshark):
    capture = Capture()
    capture.connect()
    whole = frame({"id": 1, "ok": True, "total": 5000}, b"x" * 5000) + frame(
        {"id": 0, "ok": False, "code": "closing"}
    )
    for start in range(0, len(whole), 1000):
        kept = start != 2000
        capture.send(whole[start : start + 1000], from_client=False, kept=kept)
    rows = tshark(
        capture, "headframe.total", "headframe.header_in", "headframe.code", "headframe.lost"
    )
    assert [["5000"], [], [], [], []] == [row[0] for row in rows[3:]]
    assert [[], ["4"], ["4"], ["4"], ["4"]] == [row[1] for row in rows[3:]]
    assert ["closing"] == rows[-1][2]
    assert [] == [row[3] for row in rows if row[3]]


@pytest.mark.slow
def test_it_loses_step_where_bytes_of_a_head_are_missing_and_says_so(tshark):
    capture = Capture()
    capture.connect()
    capture.send(frame({"id": 1, "cmd": "hello"}), kept=False)
    capture.send(frame({"id": 2, "cmd": "hello"}))
    capture.send(frame({"id": 3, "cmd": "hello"})[:20], kept=False)
    capture.send(frame({"id": 3, "cmd": "hello"})[20:])
    rows = tshark(capture, "headframe.id", "headframe.lost", "headframe.bad_frame")
    assert [["2"], []] == [row[0] for row in rows[3:]]
    assert 1 == len(rows[-1][1])
    assert [] == rows[-1][2]


@pytest.mark.slow
def test_any_port_can_be_decoded_as_it(tshark):
    capture = Capture(port=9000)
    capture.connect()
    capture.send(frame({"id": 1, "cmd": "hello"}))
    assert [] == tshark(capture, "headframe.cmd")[-1][0]
    decode = ("-d", "tcp.port==9000,headframe")
    assert ["hello"] == tshark(capture, "headframe.cmd", options=decode)[-1][0]


def captured_tls(keys):
    """Return a capture of a put of 40,000 bytes over TLS, whose keys go into a file."""
    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    client_side.keylog_filename = str(keys)
    for side in (client_side, server_side):
        side.set_alpn_protocols(["hf/1"])
    to_client, from_client, to_server, from_server = (ssl.MemoryBIO() for _ in range(4))
    client = client_side.wrap_bio(to_client, from_client, server_hostname="localhost")
    server = server_side.wrap_bio(to_server, from_server, server_side=True)
    capture = Capture(port=4433)
    capture.connect()

    def pass_on():
        for sent, received, is_client in (
            (from_client, to_server, True),
            (from_server, to_client, False),
        ):
            if data := sent.read():
                capture.send(data, from_client=is_client)
                received.write(data)

    for _ in range(4):
        for end in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
            pass_on()
    put = frame({"id": 1, "cmd": "put", "filename": "a"}, b"x" * 40_000)
    for piece in (put[:10], put[10:], frame({"id": 2, "cmd": "hello"})):
        client.write(piece)
        pass_on()
    server.write(frame({"id": 1, "ok": True, "rev": "r1"}))
    pass_on()
    return capture


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-2",)], ids=["one pass", "two passes"])
def test_over_tls_the_protocol_is_known_by_its_alpn(tshark, tmp_path, options):
    """The records of the body are alike, and several of them come in one packet."""
    capture = captured_tls(tmp_path / "keys")
    keys = ("-o", f"tls.keylog_file:{tmp_path / 'keys'}", "-d", "tcp.port==4433,tls")
    fields = ("headframe.cmd", "headframe.body", "headframe.ok", "headframe.bad_frame")
    rows = tshark(capture, *fields, options=(*options, *keys))
    assert ["put", "hello"] == [cell for row in rows for cell in row[0]]
    assert b"x" * 40_000 == bytes.fromhex("".join(cell for row in rows for cell in row[1]))
    assert ["1"] == rows[-1][2]
    assert [] == [row[3] for row in rows if row[3]]


@pytest.mark.slow
def test_a_capture_of_the_beginnings_of_packets_is_out_of_step_and_not_bad(tshark):
    capture = Capture(kept_bytes=60)
    capture.connect()
    put = frame({"id": 1, "cmd": "put", "filename": "a.txt"}, b"hello")
    capture.send(put[:20])
    capture.send(put[20:])
    capture.send(put)
    rows = tshark(capture, "headframe.lost", "headframe.bad_frame", "headframe.bad_header")[3:]
    assert [0, 1, 1] == [len(row[0]) for row in rows]
    assert [] == [row for row in rows if row[1] or row[2]]


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-2",)], ids=["one pass", "two passes"])
def test_the_text_of_a_message_stands_in_the_tree(tshark, options):
    """What is known about it reads the same in both ways in which Wireshark reads a capture."""
    capture = Capture()
    capture.connect()
    capture.send(frame({"id": 1, "cmd": "get", "filename": "Zürich", "offset": 2**53 - 1}))
    fields = [f"headframe.{name}" for name in ("n", "id", "cmd", "filename", "offset", "header")]
    row = tshark(capture, *fields, "json.key", options=options)[-1]
    header = '{"id": 1, "cmd": "get", "filename": "Z\\u00fcrich", "offset": 9007199254740991}'
    keys = ["id", "cmd", "filename", "offset"]
    assert [[str(len(header))], ["1"], ["get"], ["Zürich"], [str(2**53 - 1)], [header], keys] == row


def examples(strategy, count):
    """Return so many examples: one capture holds them all, so that tshark begins only once."""
    found = []

    @settings(max_examples=count, phases=[Phase.generate])
    @given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found


# --- beside the codec --------------------------------------------------------------------


def per_connection(rows):
    """Return the rows of each connection; the last cell of a row is the client's port."""
    found = {}
    for row in rows:
        ports = {int(port) for port in row[-1]} - {DEFAULT_PORT}
        found.setdefault(ports.pop(), []).append(row[:-1])
    return [found[port] for port in sorted(found)]


@st.composite
def cut_streams(draw):
    made = draw(st.lists(messages(), min_size=1, max_size=3))
    frames = [part for message in made for part in message]
    return frames, draw(cuttings(b"".join(part.wire for part in frames)))


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-2",)], ids=["one pass", "two passes"])
@pytest.mark.rule("HF-FRAME-005", "HF-FRAME-006")
def test_every_frame_is_found_however_the_stream_is_cut(tshark, options):
    streams = examples(cut_streams(), 200)
    for frames, pieces in streams[:10]:
        streams.append((frames, [bytes([byte]) for byte in b"".join(pieces)]))
    capture = Capture()
    for number, (_, pieces) in enumerate(streams):
        capture.connect(40_000 + number)
        for piece in pieces:
            capture.send(piece, 40_000 + number)
    fields = ("headframe.n", "headframe.body", "headframe.lost", "headframe.bad_frame", "tcp.port")
    for (frames, _), rows in zip(
        streams, per_connection(tshark(capture, *fields, options=options)), strict=True
    ):
        assert [str(len(part.header)) for part in frames] == [n for row in rows for n in row[0]]
        bodies = bytes.fromhex("".join(part for row in rows for part in row[1]).replace(":", ""))
        assert b"".join(part.body for part in frames) == bodies
        assert [[], []] == [[cell for row in rows for cell in row[column]] for column in (2, 3)]


def fatal_rule(raw, codec=REQUEST_CODEC):
    """Return the code and the rule of a fatal header, None if it is none."""
    try:
        codec.decode(raw)
    except (BadHeader, BadFrame) as error:
        return f"{error.code} ({error.rule})"
    except RemoteError:
        pass
    return None


def shown_fault(rows):
    """Return what the column Info says of a fatal error, None if it says nothing of one."""
    found = re.search(r"bad-(?:frame|header) \(HF-[A-Z]+-\d{3}\)", rows[-1][0][0])
    return found and found[0]


def judged(tshark, streams):
    """Return what is said of the last segment of each stream."""
    capture = Capture()
    for number, segments in enumerate(streams):
        capture.connect(40_000 + number)
        for segment in segments:
            capture.send(segment, 40_000 + number)
    rows = tshark(
        capture, "_ws.col.Info", "headframe.bad_header", "headframe.bad_frame", "tcp.port"
    )
    return [shown_fault(rows) for rows in per_connection(rows)]


def framed(header):
    return struct.pack("<I", len(header)) + header


MEMBERS = {"id": 1, "cmd": "hello"}
HAZARDS = [
    *(
        b'{"id":1,"cmd":"hello","x":"%b"}' % text
        for text in (
            b"\xc3",
            b"\xe2\x82",
            b"\xf0\x9f\x98",
            b"\xc3(",
            b"\x80",
            b"\xfe",
            b"\xc0\xaf",
            b"\xc1\xbf",
            b"\xe0\x9f\xbf",
            b"\xf0\x8f\xbf\xbf",
            b"\xed\x9f\xbf",
            b"\xed\xa0\x80",
            b"\xee\x80\x80",
            b"\xf4\x8f\xbf\xbd",
            b"\xf4\x90\x80\x80",
            b"\xef\xb7\x8f",
            b"\xef\xb7\x90",
            b"\xef\xbf\xbd",
            b"\xef\xbf\xbf",
            b"\x7f",
            b"\x1f",
            b"\x00",
            b"\\ud83d\\ude00",
            b"\\ud83d",
            b"\\ude00",
            b"\\udc00\\udc00",
            b"\\ud83d\\u0041",
            b"\\ufdd0",
            b"\\u00e",
            b"\\x41",
            b"\\",
            b'\\"',
        )
    ),
    *(
        b'{"id":1,"cmd":"hello","x":%b}' % value
        for value in (
            b"1.",
            b"01",
            b"-01",
            b"-",
            b"+1",
            b".5",
            b"1e",
            b"1e+",
            b"1.5e-3",
            b"-0",
            b"1E400",
            b"nul",
            b"nulll",
            b"[1,]",
            b"[,1]",
            b"[1 2]",
            b"{}",
            b'{"a"}',
            b'{"a":1,}',
            b"tru",
        )
    ),
    b"[]",
    b"{}",
    b"{} ",
    b"\f{}",
    b'"cmd"',
    *(json.dumps(MEMBERS | dict.fromkeys(map(str, range(count)))).encode() for count in (62, 63)),
    b'{"id":9007199254740991,"cmd":"hello"}',
    b'{"id":9007199254740992,"cmd":"hello"}',
]


@pytest.mark.slow
def test_a_header_of_the_standard_is_judged_by_the_rule_that_the_codec_cites(tshark):
    headers = [line.values[1].encode() for line in standard.example_lines("header")] + HAZARDS
    found = judged(tshark, [[framed(header)] for header in headers])
    expected = [fatal_rule(header) for header in headers]
    assert list(zip(headers, expected, strict=True)) == list(zip(headers, found, strict=True))


@pytest.mark.slow
@pytest.mark.rule("HF-HEADER-001", "HF-HEADER-002", "HF-HEADER-003", "HF-HEADER-005")
@pytest.mark.rule("HF-HEADER-006", "HF-HEADER-007", "HF-HEADER-008", "HF-HEADER-011")
def test_a_header_is_fatal_exactly_if_it_is_for_the_codec(tshark):
    headers = examples(nearly_valid_json().filter(lambda raw: 1 < len(raw) < 60_000), 1000)
    found = judged(tshark, [[framed(header)] for header in headers])
    for header, fault in zip(headers, found, strict=True):
        assert (fatal_rule(header) is None) == (fault is None), header


LATER = [
    b'{"cmd":"put","filename":"b"}',
    b'{"ok":true}',
    b'{"more":true}',
    b'{"more":true,"filesize":0}',
    b'{"filesize":0}',
    b'{"abort":true}',
    b'{"filesize":-1,"cmd":"put"}',
]


@pytest.mark.slow
@pytest.mark.rule("HF-BODY-001", "HF-BODY-002")
def test_a_later_header_is_judged_as_one(tshark):
    first = frame({"id": 1, "cmd": "put", "filename": "a", "more": True}, b"abc")
    expected = [fatal_rule(header, LATER_CODEC) for header in LATER]
    expected[2:4] = ["bad-frame (HF-BODY-002)"] * 2
    assert expected == judged(tshark, [[first, framed(header)] for header in LATER])


@pytest.mark.slow
@pytest.mark.rule("HF-FRAME-002", "HF-ERROR-004")
def test_a_bad_length_is_told_at_once_and_nothing_after_it_is_read(tshark):
    lengths = [0, 1, 65_536, 2**32 - 1, *examples(st.integers(0, 2**32 - 1), 100)]
    good = frame({"id": 1, "cmd": "hello"})
    capture = Capture()
    for number, length in enumerate(lengths):
        capture.connect(40_000 + number)
        capture.send(good + length.to_bytes(4, "little"), 40_000 + number)
        capture.send(good, 40_000 + number)
    fields = ("_ws.col.Info", "headframe.bad_frame", "headframe.cmd", "headframe.rest", "tcp.port")
    for length, rows in zip(lengths, per_connection(tshark(capture, *fields)), strict=True):
        if LIMITS.header_bytes_min <= length <= LIMITS.header_bytes_max:
            continue
        assert "hello #1; bad-frame (HF-FRAME-002)" == rows[3][0][0]
        assert 1 == len(rows[3][1])
        assert [["hello"], []] == [row[2] for row in rows[3:]]
        assert [good.hex()] == [cell.replace(":", "") for cell in rows[4][3]]
