"""Who signed what. Signatures on which other verifiers disagree are in tests/vectors/signatures.json."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.protocol.signing import HELLO_DOMAIN, RECORD_DOMAIN, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"ada").digest())
AUTHOR = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"ben").digest()).public_key().public_bytes_raw()


@given(st.binary(max_size=200))
def test_a_signature_holds_for_its_author_and_message_only(message: bytes) -> None:
    signature = sign(KEY, RECORD_DOMAIN, message)
    assert verify(AUTHOR, signature, RECORD_DOMAIN, message)
    assert not verify(OTHER, signature, RECORD_DOMAIN, message)
    assert not verify(AUTHOR, signature, RECORD_DOMAIN, message + b"\x00")


def test_every_bit_of_the_signature_counts() -> None:
    signature = sign(KEY, RECORD_DOMAIN, b"message")
    for bit in range(512):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not verify(AUTHOR, bytes(changed), RECORD_DOMAIN, b"message")


def test_a_signature_for_one_purpose_does_not_serve_another() -> None:
    assert not verify(AUTHOR, sign(KEY, HELLO_DOMAIN, b"message"), RECORD_DOMAIN, b"message")
    assert not verify(AUTHOR, sign(KEY, RECORD_DOMAIN, b"message"), HELLO_DOMAIN, b"message")
    assert (RECORD_DOMAIN, HELLO_DOMAIN) == (b"p2plearn record v1\x00", b"p2plearn hello v1\x00")


def test_no_domain_begins_another() -> None:
    assert not RECORD_DOMAIN.startswith(HELLO_DOMAIN)
    assert not HELLO_DOMAIN.startswith(RECORD_DOMAIN)


def test_a_longer_signature_cannot_carry_a_part_of_the_message_past_the_domain() -> None:
    foreign = KEY.sign(b"another protocol: " + RECORD_DOMAIN + b"message")
    assert not verify(AUTHOR, foreign + b"another protocol: ", RECORD_DOMAIN, b"message")


@pytest.mark.parametrize("length", [0, 1, 31, 32, 62, 63, 65, 96, 128])
def test_a_signature_of_another_length_is_none(length: int) -> None:
    signature = (sign(KEY, RECORD_DOMAIN, b"message") * 2)[:length]
    assert not verify(AUTHOR, signature, RECORD_DOMAIN, b"message")


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_key_of_another_length_is_none(length: int) -> None:
    assert not verify((AUTHOR * 2)[:length], sign(KEY, RECORD_DOMAIN, b"message"), RECORD_DOMAIN, b"message")


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_chance_signs_nothing(author: bytes, signature: bytes) -> None:
    assert not verify(author, signature, RECORD_DOMAIN, b"message")
