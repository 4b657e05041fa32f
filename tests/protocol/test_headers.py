"""The fast path of the header codec accepts nothing that the exact path would not."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headframe import (
    FRAME_PLAN,
    UNSET,
    BadHeader,
    Command,
    LocalError,
    OpenHeader,
    Put,
    RemoteError,
)
from headframe.conformance import strategies as hf
from headframe.headers import HeaderCodec
from headframe.interpretation import LATER_CODEC, REPLY_CODECS, REQUEST_CODEC
from headframe.registry import REGISTERED_KEYS

CODECS = [REQUEST_CODEC, LATER_CODEC, *REPLY_CODECS.values()]


def outcome(decode, raw):
    try:
        return decode(raw)
    except RemoteError as error:
        return type(error), error.rule, str(error)


headers_of_ours = hf.requests(st.just(UNSET) | hf.request_ids).map(
    REQUEST_CODEC.encode
) | st.sampled_from(list(Command)).flatmap(hf.successes).map(REQUEST_CODEC.encode)
headers = (
    hf.nearly_valid_json()
    | headers_of_ours
    | hf.frames().map(lambda frame: frame.header)
    | hf.messages().map(lambda made: made[0].header)
)


@given(headers | headers.flatmap(hf.damaged))
@example(b'{"cmd":"put","filename":"a","filename":"a"}')
@example(b'{"cmd":"put","filename":"a","filesize":0}')
@example(b'{"cmd":"put","filename":"a","filesize":-0}')
@example(b'{"cmd":"put","cmd":"put","filename":"a"}')
@example(b'{ "cmd":"put","filename":"a", "filename" : "a"}')
@example('{"cmd":"put","filename":"\ufffe"}'.encode())
@example('{"cmd":"put","filename":"\U0010ffff"}'.encode())
@example(b'{"cmd":"put","filename":"\\ufffe"}')
@example(b'{"cmd":"put","filename":"\\/"}')
@example(b'{"rev":"abcdefghijk","rev":"abcdefghijk"}')
@example(b'{"id":1,"ok":false}')
@example(b'{"abort":false}')
@example(b'{"abort":true,"abort":true}')
@example(b'{"hf":[1],"limits":{"a":1,"a":1}}')
def test_fast_and_exact_path_agree_on_every_header(raw):
    for codec in CODECS:
        assert outcome(codec.decode_exactly, raw) == outcome(codec.decode, raw)


@pytest.mark.rule("HF-HEADER-010", "HF-HEADER-011")
@pytest.mark.parametrize("name", ["filesize", "id"])
@pytest.mark.parametrize(
    "token", ["5.0", "1e3", "-0", "-1", "true", '"5"', "null", "[]", "9007199254740992", "0.0"]
)
def test_a_framing_integer_in_any_other_form_is_bad_header(name, token):
    raw = f'{{"cmd":"put","filename":"a","{name}":{token}}}'.encode()
    for codec in CODECS:
        with pytest.raises(BadHeader, match=name):
            codec.decode(raw)


@pytest.mark.rule("HF-HEADER-010")
def test_a_framing_integer_may_be_two_to_the_53_minus_one():
    header = REQUEST_CODEC.decode(
        b'{"id":9007199254740991,"cmd":"put","filename":"a","filesize":9007199254740991}'
    )
    assert Put(id=2**53 - 1, filename="a", filesize=2**53 - 1) == header


@pytest.mark.rule("HF-HEADER-011")
def test_a_request_with_id_zero_is_bad_header():
    with pytest.raises(BadHeader, match="id is 0"):
        REQUEST_CODEC.decode(b'{"id":0,"cmd":"stat"}')


@pytest.mark.rule("HF-HEADER-012")
@pytest.mark.parametrize("token", ["0", "1", '"true"', "null"])
def test_more_in_any_form_but_true_and_false_is_bad_header(token):
    with pytest.raises(BadHeader, match="more"):
        REQUEST_CODEC.decode(f'{{"cmd":"put","filename":"a","more":{token}}}'.encode())


@pytest.mark.rule("HF-ERROR-001")
def test_faults_are_judged_in_the_order_of_the_specification():
    rows = [
        (b'{"more":1,"filesize":-1,"id":0,"a":1,"a":2,"b":"\xff"}', "UTF-8"),
        (b'{"more":1,"filesize":-1,"id":0,"a":1,"a":2}', "twice"),
        (b'{"id":0,"more":1,"filesize":-1}', "filesize"),
        (b'{"id":0,"more":1}', "more"),
        (b'{"id":0,"cmd":7}', "id is 0"),
    ]
    for raw, named in rows:
        with pytest.raises(BadHeader, match=named):
            REQUEST_CODEC.decode(raw)


@given(hf.requests(st.just(UNSET) | hf.request_ids))
def test_a_request_is_read_back_as_it_was(request_header):
    assert request_header == REQUEST_CODEC.decode(REQUEST_CODEC.encode_checked(request_header))


@pytest.mark.rule("HF-HEADER-018", "HF-HEADER-019")
@given(headers_of_ours)
def test_a_header_of_ours_has_registered_names_and_no_white_space(raw):
    members = json.loads(raw)
    assert set(members) <= REGISTERED_KEYS
    assert json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode() == raw


@given(st.data())
def test_a_request_in_foreign_json_means_the_same(data):
    header = data.draw(hf.requests(st.just(UNSET) | hf.request_ids))
    members = json.loads(REQUEST_CODEC.encode(header)) | data.draw(hf.unknown_members)
    assert header == REQUEST_CODEC.decode(data.draw(hf.json_texts(members)))


@pytest.mark.rule("HF-HEADER-013")
@pytest.mark.parametrize(
    "header",
    [
        Put(filename="a", filesize=-1),
        Put(filename="a", filesize=2**53),
        Put(filename="a", filesize=True),
        Put(filename=5),
        Put(filename="a", id=0),
        Put(filename="a", if_="no spaces"),
        Put(filename="a", upload="short"),
        Put(filename="a\ufffe"),
        Put(filename="\ud800"),
        Put(filename="a", filesize={1, 2}),
        Put(filename="a", filesize=object()),
    ],
)
def test_a_header_that_a_peer_would_refuse_is_not_built(header):
    with pytest.raises(LocalError):
        REQUEST_CODEC.encode_checked(header)


def test_an_open_header_must_mean_what_it_says():
    with pytest.raises(LocalError, match="instead of"):
        FRAME_PLAN.build_head(OpenHeader(filesize=3, members={"filesize": 4}))
    with pytest.raises(LocalError):
        FRAME_PLAN.build_head(OpenHeader.of({"filesize": "5"}))


def test_a_codec_without_types_has_only_the_exact_path():
    codec = HeaderCodec(None, OpenHeader.of)
    assert codec.decode(b'{"x":[1]}').members == {"x": [1]}
