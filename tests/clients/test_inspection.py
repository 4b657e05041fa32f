"""The command that shows what bytes mean, whatever they are and wherever they come from."""

from __future__ import annotations

import io
import itertools
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import dpkt
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from headframe.conformance import strategies as hf
from headframe_client.address import DEFAULT_PORT
from headframe_client.command.captures import read_capture
from headframe_client.command.entry import headframe

TOP = Path(__file__).parents[2]
HELLO = b'\x16\0\0\0{"id":2,"cmd":"hello"}'
BAD = b'\x17\0\0\0{"id":9,"cmd":"hello",}'
OK = b'\x12\0\0\0{"id":2,"ok":true}'
LARGE = 256 << 20
"""Bytes of a body; far more than is to be used for showing it."""
CLIENT, SERVER = (b"\x7f\0\0\1", 50000), (b"\x7f\0\0\1", DEFAULT_PORT)


def put(body_bytes):
    header = json.dumps({"cmd": "put", "filename": "a", "filesize": body_bytes}).encode()
    return struct.pack("<I", len(header)) + header + bytes(body_bytes)


def inspect(*arguments, **extra):
    """Run the command; return its exit code, output and error output."""
    result = CliRunner().invoke(headframe, ["inspect", *map(str, arguments)], **extra)
    return result.exit_code, result.stdout, result.stderr


# --- where the bytes come from -----------------------------------------------------------


def test_a_file_is_shown_as_annotated_frames(tmp_path):
    (tmp_path / "stream").write_bytes(HELLO + HELLO)
    expected = (
        "request hello, id 2\n"
        "0000  16 00 00 00                                      N = 22\n"
        '0004  7b 22 69 64 22 3a 32 2c 22 63 6d 64 22 3a 22 68  {"id":2,"cmd":"h\n'
        '0014  65 6c 6c 6f 22 7d                                ello"}\n'
        "\n"
        "request hello, id 2\n"
        "001a  16 00 00 00                                      N = 22\n"
        '001e  7b 22 69 64 22 3a 32 2c 22 63 6d 64 22 3a 22 68  {"id":2,"cmd":"h\n'
        '002e  65 6c 6c 6f 22 7d                                ello"}\n'
        "2 frames, 0 faults\n"
    )
    assert (0, expected, "") == inspect(tmp_path / "stream")


@pytest.mark.parametrize(
    "arguments",
    [
        [HELLO.hex()],
        [HELLO.hex(" ")],
        HELLO.hex(" ").split(),
        [HELLO.hex().upper()],
    ],
)
def test_hexadecimal_digits_may_be_given_as_arguments(arguments):
    assert inspect("-", input=HELLO) == inspect(*arguments)


@pytest.mark.parametrize("width", [1, 2, 32, 1000])
def test_a_file_may_hold_hexadecimal_digits(tmp_path, width):
    digits = HELLO.hex()
    rows = [digits[at : at + width] for at in range(0, len(digits), width)]
    (tmp_path / "digits.txt").write_text("\n".join(rows) + "\n")
    assert inspect("-", input=HELLO) == inspect(tmp_path / "digits.txt")


def test_what_the_command_shows_can_be_shown_again():
    for options in ([], ["--plain"]):
        code, shown, _ = inspect(*options, "-", input=BAD + HELLO)
        assert (code, shown) == inspect(*options, "-", input=shown.encode())[:2]


def test_a_dump_of_hexdump_can_be_shown():
    rows = [HELLO[at : at + 16] for at in range(0, len(HELLO), 16)]
    lines = [
        f"{16 * number:08x}  {row[:8].hex(' '):23}  {row[8:].hex(' '):23}  |xx|\n"
        for number, row in enumerate(rows)
    ]
    text = "".join(lines) + f"{len(HELLO):08x}\n"
    assert inspect("-", input=HELLO) == inspect("-", input=text.encode())


@pytest.mark.parametrize(
    ("given_text", "said"),
    [
        ("123", "half a byte is left over"),
        ("0000  12 00\n0004  00", "goes on at offset 0004 instead of 0002"),
        ("0000  12 00\n....  ...  (32 bytes)\n0040  00", "leaves bytes out at offset 0002"),
        ("0000  12 0", "no hexadecimal digits"),
    ],
)
def test_digits_that_make_no_bytes_are_refused(given_text, said):
    code, _, error = inspect("-", input=given_text)
    assert 2 == code
    assert said in error


def test_what_is_neither_file_nor_digits_is_refused(tmp_path):
    code, out, error = inspect(tmp_path / "missing")
    assert (2, "") == (code, out)
    assert "is no file, and no bytes as hexadecimal digits" in error


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak there")
def test_a_large_file_is_shown_in_bounded_memory(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        header = json.dumps({"cmd": "put", "filename": "a", "filesize": LARGE}).encode()
        file.write(struct.pack("<I", len(header)) + header)
        file.truncate(4 + len(header) + LARGE)
    script = (  # not ru_maxrss: on Linux that holds what the process that forked it had
        "import atexit, pathlib, re, sys; from headframe_client.command import main;"
        "status = pathlib.Path('/proc/self/status');"
        "atexit.register(lambda: print(re.search(r'VmHWM:\\s+(\\d+)', status.read_text())[1]));"
        f"sys.argv[1:] = ['inspect', {str(tmp_path / 'large')!r}]; main()"
    )
    paths = os.pathsep.join(str(TOP / name) for name in ("protocol", "servers", "clients"))
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    *lines, peak_kib = done.stdout.splitlines()
    assert (0, "1 frame, 0 faults") == (done.returncode, lines[-1])
    assert len(lines) < 12
    assert int(peak_kib) < 100_000


# --- what is shown -----------------------------------------------------------------------


def test_a_bad_byte_is_pointed_at_and_its_rule_quoted():
    code, out, _ = inspect("-", input=HELLO + BAD + HELLO)
    assert 7 == code
    assert "^^" in out
    assert 'HF-HEADER-002: "A receiver MUST treat a header that is not one JSON text' in out
    assert "rest: " in out
    assert out.endswith("2 frames, 1 fault\n")


def test_a_refused_request_counts_as_bad_and_what_follows_is_shown():
    code, out, _ = inspect("-", input=b'\x15\0\0\0{"id":2,"cmd":"move"}' + HELLO)
    assert 7 == code
    assert "HF-HEADER-016 (bad-request): move: Object missing required field" in out
    assert out.endswith("2 frames, 1 fault\n")


def test_an_end_inside_a_frame_is_marked():
    code, out, _ = inspect("-", input=HELLO[:-1])
    assert 7 == code
    assert "(ends here, 1 bytes are missing)" in out
    assert out.endswith("1 frame, 0 faults, 1 byte missing at the end\n")


def test_nothing_is_no_fault():
    assert (0, "0 frames, 0 faults\n", "") == inspect("-", input=b"")


def test_long_bodies_are_shortened_unless_all_is_wanted():
    short = inspect("-", input=put(1000))[1]
    whole = inspect("--all", "-", input=put(1000))[1]
    assert "....  ...                                              (976 bytes)\n" in short
    assert len(short.splitlines()) < 12
    assert len(whole.splitlines()) > 60


def test_the_sender_may_be_named():
    _, out, _ = inspect("--sender", "server", "-", input=HELLO)
    assert "HF-REPLY-001: ok is None" in out


def test_json_has_one_object_a_line():
    code, out, _ = inspect("--json", "-", input=BAD)
    assert 7 == code
    prelude, header = map(json.loads, out.splitlines())
    assert {"offset": 0, "bytes": 4, "part": "prelude", "meaning": "N = 23", "hex": "17000000"} == (
        prelude
    )
    assert ["id", "cmd"] == [member["name"] for member in header["members"]]
    assert b'"cmd"' == BAD[header["members"][1]["offset"] :][:5]
    fault = header["fault"]
    assert ("HF-HEADER-002", 26, 1, True) == (
        fault["rule"],
        fault["offset"],
        fault["bytes"],
        fault["fatal"],
    )
    assert fault["sentence"].startswith("A receiver MUST")


@pytest.mark.parametrize("options", [[], ["--all"], ["--plain"], ["--json"]])
def test_nothing_that_a_terminal_obeys_comes_out(options):
    raw = b'{"id":2,"cmd":"\\u001b[2J","\x9b":"\x1b"}'
    for data in (
        struct.pack("<I", len(raw)) + raw,
        put(0)[:-1] + b"\x1b[2J\x9b",
        bytes(range(256)),
    ):
        _, out, error = inspect(*options, "-", input=data)
        assert "" == error
        assert out.replace("\n", "").isprintable()


@given(st.binary(max_size=60) | hf.nearly_valid_json())
def test_any_bytes_can_be_shown(data):
    code, _, error = inspect("--json", "-", input=b"\0" + data)
    assert code in (0, 7)
    assert "" == error


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals_whose_user_allows_it(no_color, coloured):
    terminal, end = os.openpty()
    paths = os.pathsep.join(str(TOP / name) for name in ("protocol", "servers", "clients"))
    subprocess.run(
        [sys.executable, "-m", "headframe_client", "inspect", BAD.hex()],
        stdout=end,
        timeout=60,
        env=os.environ | {"PYTHONPATH": paths, "NO_COLOR": no_color, "TERM": "xterm"},
        check=False,
    )
    os.close(end)
    shown = os.read(terminal, 1 << 16)
    os.close(terminal)
    assert coloured == (b"\x1b[" in shown)
    assert b"N = 23" in shown


# --- captures ----------------------------------------------------------------------------


def segment(ends, sequence, data=b"", flags=dpkt.tcp.TH_ACK):
    """Return a TCP packet in Ethernet."""
    (source, sport), (target, dport) = ends
    tcp = dpkt.tcp.TCP(sport=sport, dport=dport, seq=sequence & 0xFFFFFFFF, flags=flags, data=data)
    if len(source) == 16:
        ip = dpkt.ip6.IP6(src=source, dst=target, nxt=6, hlim=64, plen=len(tcp), data=tcp)
        kind = dpkt.ethernet.ETH_TYPE_IP6
    else:
        ip = dpkt.ip.IP(src=source, dst=target, p=6, len=20 + len(tcp), data=tcp)
        kind = dpkt.ethernet.ETH_TYPE_IP
    return bytes(dpkt.ethernet.Ethernet(src=b"\0" * 6, dst=b"\0" * 6, type=kind, data=ip))


def capture(packets, writer=dpkt.pcap.Writer, **extra):
    file = io.BytesIO()
    written = writer(file, **extra)
    for number, packet in enumerate(packets):
        written.writepkt(packet, ts=number)
    return file.getvalue()


def conversation(first=1000, second=2000, client=CLIENT, server=SERVER):
    """Return the packets of a hello and its reply."""
    there, back = (client, server), (server, client)
    syn, fin = dpkt.tcp.TH_SYN, dpkt.tcp.TH_FIN
    return [
        segment(there, first, flags=syn),
        segment(back, second, flags=syn | dpkt.tcp.TH_ACK),
        segment(there, first + 1),
        segment(there, first + 1, HELLO[:10]),
        segment(there, first + 11, HELLO[10:]),
        segment(back, second + 1, OK),
        segment(there, first + 1 + len(HELLO), flags=fin | dpkt.tcp.TH_ACK),
        segment(back, second + 1 + len(OK), flags=fin | dpkt.tcp.TH_ACK),
    ]


@pytest.mark.parametrize("writer", [dpkt.pcap.Writer, dpkt.pcapng.Writer])
def test_of_a_capture_both_directions_are_shown(tmp_path, writer):
    (tmp_path / "hello.pcap").write_bytes(capture(conversation(), writer))
    code, out, error = inspect(tmp_path / "hello.pcap")
    assert (0, "") == (code, error)
    there, back = out.split("\n\n127.0.0.1:37263 > 127.0.0.1:50000\n")
    assert there.startswith("127.0.0.1:50000 > 127.0.0.1:37263\n\nrequest hello, id 2\n0000  16")
    assert "reply ok, id 2\n0000  12" in back
    assert out.endswith("2 frames, 0 faults\n")


def test_json_of_a_capture_names_the_connection():
    _, out, _ = inspect("--json", "-", input=capture(conversation()))
    rows = [json.loads(line) for line in out.splitlines()]
    assert [0, 4, 0, 4] == [row["offset"] for row in rows]
    assert "127.0.0.1:50000 > 127.0.0.1:37263" == rows[0]["connection"]


def test_addresses_of_ipv6_are_shown():
    client, server = (b"\0" * 15 + b"\1", 50000), (b"\0" * 15 + b"\2", DEFAULT_PORT)
    _, out, _ = inspect("-", input=capture(conversation(client=client, server=server)))
    assert out.startswith("[::1]:50000 > [::2]:37263\n")


@pytest.mark.parametrize(("linktype", "cut"), [(101, 14), (228, 14)])
def test_a_capture_of_bare_ip_is_read(linktype, cut):
    packets = [packet[cut:] for packet in conversation()]
    assert 0 == inspect("-", input=capture(packets, linktype=linktype))[0]


def pieces_of(packets):
    """Return what each direction carried, and the rest of what was said of it."""
    stream = io.BufferedReader(io.BytesIO(capture(packets)))
    found = {}
    for piece in read_capture(stream, DEFAULT_PORT):
        data, ended, lost = found.get(piece.flow.from_client, (b"", 0, 0))
        said = (data + piece.data, ended + piece.ended, lost + piece.lost_bytes)
        found[piece.flow.from_client] = said
    return found


@given(st.data(), st.binary(min_size=1, max_size=200), st.integers(0, 2**32 - 1))
def test_segments_may_be_cut_repeated_and_overtaken(data, stream, first):
    there = (CLIENT, SERVER)
    cuts = [data.draw(hf.cuttings(stream)) for _ in range(data.draw(st.integers(1, 3)))]
    segments = []
    for pieces in cuts:
        offsets = itertools.accumulate(map(len, pieces), initial=0)
        segments += [
            segment(there, first + 1 + offset, piece)
            for offset, piece in zip(offsets, pieces, strict=False)
        ]
    shuffled = data.draw(st.permutations(segments))
    fin = segment(there, first + 1 + len(stream), flags=dpkt.tcp.TH_FIN)
    shuffled.insert(data.draw(st.integers(0, len(shuffled))), fin)
    packets = [segment(there, first, flags=dpkt.tcp.TH_SYN), *shuffled]
    assert {True: (stream, 1, 0)} == pieces_of(packets)


def test_a_capture_may_begin_inside_a_connection():
    assert {True: (HELLO, 1, 0), False: (OK, 1, 0)} == pieces_of(conversation()[3:6])


def test_a_hole_ends_what_can_be_shown():
    packets = conversation()
    del packets[3]
    assert {True: (b"", 1, 10), False: (OK, 1, 0)} == pieces_of(packets)
    code, out, _ = inspect("-", input=capture(packets))
    assert 7 == code
    assert "10 bytes and what follows are not in the capture" in out
    assert out.endswith("10 bytes lost\n")


def test_what_waits_for_a_lost_segment_is_bounded(monkeypatch):
    monkeypatch.setattr("headframe_client.command.captures.MOST_WAITING_BYTES", 1000)
    there = (CLIENT, SERVER)
    packets = [segment(there, 0, flags=dpkt.tcp.TH_SYN)]
    packets += [segment(there, 100 + at, bytes(100)) for at in range(0, 5000, 100)]
    assert {True: (b"", 1, 99)} == pieces_of(packets)


def test_a_reset_ends_a_direction():
    packets = [*conversation()[:4], segment((CLIENT, SERVER), 1011, flags=dpkt.tcp.TH_RST)]
    assert (HELLO[:10], 1, 0) == pieces_of(packets)[True]


def test_a_port_that_is_used_again_begins_anew():
    packets = conversation()[:-2] + conversation(70_000, 90_000)
    assert {True: (HELLO * 2, 2, 0), False: (OK * 2, 2, 0)} == pieces_of(packets)
    _, out, _ = inspect("-", input=capture(packets))
    assert out.endswith("4 frames, 0 faults\n")


def test_other_ports_and_packets_are_passed_over():
    strangers = [b"\0" * 60, b"", segment(((b"\1" * 4, 1), (b"\2" * 4, 2)), 5, b"x")]
    packets = [*strangers, *conversation(), *strangers]
    assert inspect("-", input=capture(conversation())) == inspect("-", input=capture(packets))
    code, _, error = inspect("--port", "99", "-", input=capture(packets))
    assert 2 == code
    assert "nothing in this capture came from port 99 or went there" in error


def test_tls_is_said_to_be_tls():
    there = (CLIENT, SERVER)
    packets = [segment(there, 0, b"\x16\x03\x01\x02\x00\x01"), segment(there, 6, b"more")]
    code, out, _ = inspect("-", input=capture(packets))
    assert 1 == code
    assert "TLS: what passes here is encrypted and cannot be shown" in out
    assert out.endswith("1 direction encrypted\n")


@given(st.data())
def test_a_damaged_capture_is_refused_in_one_line(data):
    writer = data.draw(st.sampled_from([dpkt.pcap.Writer, dpkt.pcapng.Writer]))
    whole = capture(conversation(), writer)
    damaged = whole[:4] + data.draw(hf.damaged(whole[4:]))
    code, _, error = inspect("-", input=damaged)
    assert code in (0, 1, 2, 7)
    assert "internal error" not in error
    assert len(error.splitlines()) <= 1
