"""Raw records on the disk: what is packed comes back, also when the disk has spoiled it or somebody has made a bomb of it."""

import sqlite3
from pathlib import Path

import zstandard
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.node.store.packing import pack, unpack
from p2plearn.node.store.store import Store
from p2plearn.testing.authors import Author


@given(st.binary(max_size=limits.MAX_RECORD))
def test_what_is_packed_comes_back(raw: bytes) -> None:
    assert unpack(pack(raw)) == raw
    assert len(pack(raw)) <= len(raw) + 20


@given(st.binary(max_size=200))
def test_what_is_spoiled_is_given_as_it_is(spoiled: bytes) -> None:
    assert unpack(spoiled) in (spoiled, b"")


def test_more_than_a_record_is_not_unpacked() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(limits.MAX_RECORD + 1))
    assert unpack(bomb) == bomb
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"no size")
    assert unpack(unsized) in (unsized, b"no size")


def test_a_record_takes_less_room_than_it_has_bytes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    record = Author("ada").share("Rye", "Sourdough wants rye, water, warmth and a good night's rest. " * 20)
    store.commit([record], 0)
    assert list(store.everything()) == [record.raw]
    store.close()
    lies = sqlite3.connect(tmp_path / "store.db").execute("SELECT raw, size FROM records").fetchone()
    assert len(lies[0]) < lies[1] / 2 == len(record.raw) / 2
