"""CIDs: one spelling, two codecs, one hash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.errors import PeerFault
from p2plearn.protocol import cid

HELLO = b"hello world"
HELLO_TEXT = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"  # published in kubo's own tests


def test_the_name_of_a_block_is_the_one_everybody_knows_it_by() -> None:
    assert cid.to_text(cid.name(cid.RAW, HELLO)) == HELLO_TEXT
    assert cid.to_text(cid.name(cid.RAW, b"")) == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_text_and_bytes_name_the_same_block() -> None:
    name = cid.from_text(HELLO_TEXT)
    assert name == bytes.fromhex("01551220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")
    assert cid.codec_of(name) == cid.RAW
    assert cid.matches(name, HELLO)
    assert not cid.matches(name, HELLO + b"!")


@given(st.sampled_from([cid.RAW, cid.DAG_PB]), st.binary(max_size=100))
def test_every_name_survives_its_text(codec: int, data: bytes) -> None:
    name = cid.name(codec, data)
    assert cid.from_text(cid.to_text(name)) == name
    assert cid.codec_of(name) == codec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "bafk",
        HELLO_TEXT.upper(),
        "B" + HELLO_TEXT[1:],
        HELLO_TEXT + "a",
        HELLO_TEXT[:-1],
        HELLO_TEXT[:-1] + "f",  # only the two bits differ that base32 has too many
        " " + HELLO_TEXT,
        "b€" + HELLO_TEXT[2:],
        "b1" + HELLO_TEXT[2:],
        "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",  # CIDv0
        "bafkqablimvwgy3y",  # the identity hash
        "bafyreibmdfd7c5db4kls4ty57zljfhqv36gi43l6txl44pi423wwmeskwy",  # dag-cbor
        "bafkrgqbqt3gerhas23vuzrapkdeqf4vu2dwxp3srdj6hvg6nhsug2tgyn6mj3u23yx7utftq3i2ckw2fwdh5qmhid5qf3t35yvkc5e5ottlw6",  # SHA-512
    ],
)
def test_no_other_spelling_codec_or_hash_is_taken(text: str) -> None:
    with pytest.raises(PeerFault):
        cid.from_text(text)


@given(st.text(max_size=70) | st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=58, max_size=58).map("b".__add__))
def test_any_text_is_a_cid_or_a_fault(text: str) -> None:
    try:
        name = cid.from_text(text)
    except PeerFault:
        return
    assert cid.to_text(name) == text


@given(st.binary(max_size=80))
def test_other_bytes_are_a_fault(data: bytes) -> None:
    with pytest.raises(PeerFault):
        cid.codec_of(data)
