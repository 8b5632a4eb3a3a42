"""The record as it is read. Golden records, and what must be refused field by field, are in tests/vectors/."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.errors import PeerFault
from p2plearn.protocol.records import Draft, Ref, parse, record_id
from p2plearn.testing.authors import Author
from tests.vectors.golden import goldens

GOLDEN = {golden.name: golden.record for golden in goldens()}


def test_the_id_covers_the_signature() -> None:
    raw = GOLDEN["snippet"].raw
    swapped = bytes(64) + raw[64:]
    assert parse(raw).id == hashlib.sha256(raw).digest() == record_id(raw)
    assert parse(swapped).id != parse(raw).id


def test_targets_are_found_by_relation() -> None:
    ada = Author("ada")
    targets = [bytes([i]) * 32 for i in range(3)]
    record = ada.record(Draft("x", (), refs=(Ref("re", targets[0]), Ref("root", targets[1]), Ref("re", targets[2]))))
    assert record.targets("re") == [targets[0], targets[2]]
    assert record.target("re") == targets[0]
    assert record.target("by") is None


def test_order_is_seq_then_id_whatever_the_time() -> None:
    ada, restored = Author("ada"), Author("ada")
    first, second, other_first = ada.share("a"), ada.share("b"), restored.share("c")
    assert first.order < second.order
    assert other_first.order < second.order
    assert (first.order < other_first.order) is (first.id < other_first.id)


def test_a_record_shows_what_it_is_without_its_text() -> None:
    record = GOLDEN["reply"]
    assert repr(record) == f"<Record 'reply' {record.id.hex()[:8]} by {record.author.hex()[:8]}, seq 4>"


def test_records_are_values() -> None:
    record = GOLDEN["most"]
    assert parse(record.raw) == record
    assert len({record, parse(record.raw), GOLDEN["least"]}) == 2  # whatever lists the body holds


def test_an_unknown_version_and_kind_are_read_like_any_other() -> None:
    record = GOLDEN["unknown-version"]
    assert (record.version, record.kind) == (2, "poll")
    assert record.body == ("Tea?", [["yes", 3], ["no", [None, False, b"\x00"]]])


@given(st.sampled_from(sorted(GOLDEN)), st.data())
def test_a_changed_byte_is_refused_or_makes_another_record(name: str, draw: st.DataObject) -> None:
    raw = bytearray(GOLDEN[name].raw)
    at = draw.draw(st.integers(64, len(raw) - 1))
    raw[at] ^= draw.draw(st.integers(1, 255))
    try:
        ids = {parse(bytes(raw)).id, GOLDEN[name].id}
    except PeerFault:
        return
    assert len(ids) == 2
