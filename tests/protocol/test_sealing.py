"""Private words: read by one person alone, about one thing alone, from one author alone; whatever else is sealed says nothing."""

import json
from pathlib import Path

import nacl.bindings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.protocol.encoding import encode
from p2plearn.protocol.sealing import seal, unseal
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import texts, values

ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
HINT = b"h" * 32


@given(texts)
def test_the_receiver_reads_it_and_nobody_else(text: str) -> None:
    sealed = seal(ada.key, HINT, text, ben.key)
    assert unseal(sealed, ben.private_key, ada.key, HINT) == text
    assert unseal(sealed, eve.private_key, ada.key, HINT) is None
    assert unseal(sealed, ada.private_key, ada.key, HINT) is None


def test_nobody_passes_on_anothers_words_as_theirs_nor_about_something_else() -> None:
    sealed = seal(ada.key, HINT, "Thank you!", ben.key)
    assert unseal(sealed, ben.private_key, eve.key, HINT) is None
    assert unseal(sealed, ben.private_key, ada.key, b"x" * 32) is None


def test_short_words_are_as_long_as_shorter_ones() -> None:
    assert len({len(seal(ada.key, HINT, "!" * size, ben.key)) for size in range(100)}) == 1


@given(st.binary(max_size=700))
def test_garbage_says_nothing(sealed: bytes) -> None:
    assert unseal(sealed, ben.private_key, ada.key, HINT) is None


@given(st.lists(values, max_size=4))
def test_sealed_garbage_says_nothing(inside: list[object]) -> None:
    public = nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(ben.key)
    for content in (encode(inside), b"no encoding"):
        box = nacl.bindings.crypto_box_seal(nacl.bindings.sodium_pad(content, 256), public)
        assert unseal(box, ben.private_key, ada.key, HINT) is None


@pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32])
def test_nothing_is_sealed_to_a_key_that_nobody_has(key: bytes) -> None:
    with pytest.raises(ValueError, match="no key"):
        seal(ada.key, HINT, "Thank you!", key)


def test_a_box_that_was_sealed_long_ago_still_opens() -> None:
    pinned = json.loads(Path(__file__).parents[1].joinpath("vectors", "sealed.json").read_text(encoding="utf-8"))
    sealed, author, target = (bytes.fromhex(pinned[name]) for name in ("sealed", "author", "target"))
    assert author == ada.key
    assert unseal(sealed, ben.private_key, author, target) == pinned["text"]
