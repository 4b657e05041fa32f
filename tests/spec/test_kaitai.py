"""`spec/headframe.ksy` reads what the codec reads.

The fast test looks at its text. The slow ones compile it to Python, with the compiler from npm and
the process for headers that `spec/formats.md` shows.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from headframe import (
    LIMITS,
    NEED_DATA,
    BadFrame,
    BodyChunk,
    Connection,
    ConnectionClosed,
    ConnectionLost,
    MessageAborted,
    MessageFinished,
    RemoteError,
    Request,
    Role,
)
from headframe.conformance.strategies import messages

SPEC = Path(__file__).resolve().parents[2] / "spec"
TEXT = (SPEC / "headframe.ksy").read_text("utf-8")
DECLARED = yaml.safe_load(TEXT)

COMPILE = """
const KaitaiStructCompiler = require("kaitai-struct-compiler");
const declared = require("js-yaml").load(require("fs").readFileSync(0, "utf8"));
const compiler = typeof KaitaiStructCompiler === "function"
  ? new KaitaiStructCompiler() : KaitaiStructCompiler;
compiler.compile("python", declared, null, false).then(
  (files) => process.stdout.write(files["headframe_stream.py"]),
  (error) => { console.error(String(error)); process.exit(1); },
);
"""


def test_it_declares_the_frame_with_the_limits_of_the_codec():
    length, header, body = DECLARED["types"]["frame"]["seq"]
    assert ("u4", "le") == (length["type"], DECLARED["meta"]["endian"])
    limits = {"min": LIMITS.header_bytes_min, "max": LIMITS.header_bytes_max}
    assert limits == length["valid"]
    assert length["id"] == header["size"]
    filesize, more, _ = DECLARED["types"]["header"]["seq"]
    assert {"max": LIMITS.integer_max} == filesize["valid"]
    assert f"header.{filesize['id']}" == body["size"]
    (message,) = DECLARED["types"]["message"]["seq"]
    assert f"_.header.{more['id']} == 0" == message["repeat-until"]


def test_the_page_about_it_shows_the_process_that_it_needs():
    assert DECLARED["types"]["frame"]["seq"][1]["process"] == "headframe_header"
    assert "class HeadframeHeader:" in shown_process()


def shown_process():
    """Return the Python module that the page shows."""
    page = (SPEC / "formats.md").read_text("utf-8")
    found = re.search(r"(?:^    .*\n|^\n)*^    class HeadframeHeader:\n(?:^    .*\n)*", page, re.M)
    return textwrap.dedent(found[0])


@pytest.fixture(scope="module")
def stream_type(run_node, tmp_path_factory):
    """Return the compiled class."""
    folder = tmp_path_factory.mktemp("kaitai")
    (folder / "headframe_stream.py").write_text(run_node(COMPILE, TEXT), "utf-8")
    (folder / "headframe_header.py").write_text(shown_process(), "utf-8")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("headframe_stream").HeadframeStream
    finally:
        sys.path.remove(str(folder))


def parsed(stream_type, raw):
    """Return (members of the first header, body) of each message."""
    return [
        (
            json.loads(message.frames[0].header.text),
            b"".join(frame.body for frame in message.frames),
        )
        for message in stream_type.from_bytes(raw).messages
    ]


def received(raw):
    """Return what the codec makes of a stream: bodies and the error at the end, if any."""
    server, bodies = Connection(Role.SERVER), []
    server.receive_data(raw)
    server.receive_data(b"")
    try:
        while not isinstance(event := server.next_event(), ConnectionClosed):
            assert event is not NEED_DATA
            if isinstance(event, Request):
                bodies.append(b"")
            elif isinstance(event, BodyChunk):
                bodies[-1] += bytes(event.data)
            else:
                assert isinstance(event, MessageFinished | MessageAborted)
    except RemoteError as error:
        return bodies, error
    return bodies, None


streams = st.lists(messages(), max_size=3)


def wire(made):
    return b"".join(frame.wire for frames in made for frame in frames)


@pytest.mark.slow
@given(made=streams)
def test_the_compiled_type_reads_the_messages_that_the_codec_reads(stream_type, made):
    read = parsed(stream_type, wire(made))
    assert [frames[0].members for frames in made] == [members for members, _ in read]
    assert received(wire(made)) == ([body for _, body in read], None)


@pytest.mark.slow
@given(made=streams.filter(len), data=st.data())
def test_it_fails_where_the_codec_misses_the_rest(stream_type, made, data):
    raw = wire(made)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    _, error = received(cut)
    if error is None:
        parsed(stream_type, cut)
    else:
        assert isinstance(error, ConnectionLost)
        with pytest.raises(EOFError):
            parsed(stream_type, cut)


@pytest.mark.slow
@given(length=st.integers(0, 2**32 - 1))
@example(0)
@example(1)
@example(65_536)
@example(2**32 - 1)
@pytest.mark.rule("HF-FRAME-002")
def test_it_refuses_the_lengths_that_the_codec_refuses(stream_type, length):
    from kaitaistruct import ValidationGreaterThanError, ValidationLessThanError

    raw = length.to_bytes(4, "little")
    _, error = received(raw)
    expected = (
        (ValidationLessThanError, ValidationGreaterThanError)
        if isinstance(error, BadFrame)
        else EOFError
    )
    with pytest.raises(expected):
        parsed(stream_type, raw)
