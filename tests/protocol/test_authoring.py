"""An author's own records: signed, chained, within the limits that every reader holds them to."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.protocol.authoring import compose
from p2plearn.protocol.records import Attachment, Draft, Ref, parse
from p2plearn.protocol.signing import RECORD_DOMAIN, verify

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"ada").digest())
SMALL = Draft("snippet", ("note", "Title", "Text"))


def words(least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(min_size=least, max_size=most // 4)  # a character is at most 4 bytes


plain = st.none() | st.booleans() | st.integers(0, limits.MAX_INT) | st.binary(max_size=40) | st.text(max_size=40)
drafts = st.builds(
    Draft,
    kind=words(1, limits.MAX_WORD),
    body=st.lists(plain, max_size=8).map(tuple),
    refs=st.lists(st.builds(Ref, words(1, limits.MAX_WORD), st.binary(min_size=32, max_size=32)), max_size=4).map(tuple),
    topics=st.lists(words(1, limits.MAX_TOPIC), max_size=4).map(tuple),
    language=words(0, limits.MAX_WORD),
    licence=words(0, limits.MAX_LICENCE),
    attachments=st.lists(
        st.builds(
            Attachment,
            st.binary(min_size=1, max_size=limits.MAX_CID),
            st.integers(0, limits.MAX_INT),
            words(0, limits.MAX_MEDIA_TYPE),
            words(0, limits.MAX_FILE_NAME),
            words(0, limits.MAX_ALT),
        ),
        max_size=2,
    ).map(tuple),
    space=words(1, limits.MAX_WORD),
)


@given(drafts, st.integers(2, limits.MAX_INT), st.integers(0, limits.MAX_INT))
def test_whatever_is_said_is_read_as_it_was_meant(draft: Draft, seq: int, time: int) -> None:
    record = compose(draft, KEY, seq, b"P" * 32, time)
    for name in ("kind", "body", "refs", "topics", "language", "licence", "attachments", "space"):
        assert getattr(record, name) == getattr(draft, name)
    assert (record.version, record.seq, record.prev, record.time) == (1, seq, b"P" * 32, time)
    assert record.author == KEY.public_key().public_bytes_raw()
    assert parse(record.raw) == record
    assert verify(record.author, record.raw[:64], RECORD_DOMAIN, record.raw[64:])


def test_a_chain_begins_without_prev_and_goes_on_with_ids() -> None:
    first = compose(SMALL, KEY, 1, b"", 0)
    second = compose(SMALL, KEY, 2, first.id, 0)
    assert (first.prev, second.prev) == (b"", first.id)


def test_the_same_words_give_the_same_record() -> None:
    assert compose(SMALL, KEY, 1, b"", 0).id == compose(SMALL, KEY, 1, b"", 0).id


@pytest.mark.parametrize(
    "draft, place",
    [
        (Draft("", ("note",)), {}),
        (Draft("snippet", ("a" * limits.MAX_RECORD,)), {}),
        (Draft("snippet", (), topics=("t" * 65,)), {}),
        (Draft("snippet", (0,) * 65), {}),
        (Draft("snippet", ("\ud800",)), {}),
        (Draft("snippet", (-1,)), {}),
        (SMALL, {"seq": 0}),
        (SMALL, {"seq": 1, "prev": b"P" * 32}),
        (SMALL, {"seq": 2, "prev": b""}),
        (SMALL, {"time": -1}),
        (SMALL, {"time": 2**53}),
    ],
)
def test_what_no_reader_would_take_is_not_signed(draft: Draft, place: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        compose(draft, KEY, **{"seq": 1, "prev": b"", "time": 0, **place})


def test_what_has_no_canonical_form_is_a_bug() -> None:
    with pytest.raises(TypeError):
        compose(Draft("snippet", (1.5,)), KEY, 1, b"", 0)
