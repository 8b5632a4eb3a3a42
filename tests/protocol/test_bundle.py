"""The export file: what is whole comes out, what is not is said, and what is no bundle is refused."""

import re
import time
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import bundle, cid
from p2plearn.protocol.bundle import BlockFound, BundleReader, BundleWriter, CutShort, Damaged, Event, Missing, RecordFound

Entry = RecordFound | BlockFound

records = st.binary(min_size=1, max_size=60).map(RecordFound)
blocks = st.binary(max_size=60).map(lambda data: BlockFound(cid.name(cid.RAW, data), data))
entries = st.lists(records | blocks, max_size=8)


def parts(content: list[Entry]) -> list[bytes]:
    """A bundle of `content`: the header, each entry, the end."""
    writer = BundleWriter()
    body = [writer.record(e.raw) if isinstance(e, RecordFound) else writer.block(e.cid, e.data) for e in content]
    return [writer.start(), *body, writer.finish()]


def read(data: bytes, portion: int | None = None) -> list[Event]:
    reader = BundleReader()
    portion = portion or max(len(data), 1)
    events = [event for at in range(0, len(data), portion) for event in reader.receive(data[at : at + portion])]
    return events + reader.finish()


def found(events: list[Event]) -> list[Entry]:
    return [event for event in events if isinstance(event, RecordFound | BlockFound)]


@given(entries)
def test_its_size_is_known_before_it_is_written(content: list[Entry]) -> None:
    sizes = [len(e.raw) for e in content if isinstance(e, RecordFound)], [len(e.data) for e in content if isinstance(e, BlockFound)]
    assert bundle.size_of(*sizes) == sum(map(len, parts(content)))


@given(entries, st.integers(1, 200))
def test_what_is_written_is_read_however_it_is_cut(content: list[Entry], portion: int) -> None:
    assert read(b"".join(parts(content)), portion) == content


@given(entries.filter(bool), st.data())
def test_a_flipped_bit_costs_the_entry_it_lies_in(content: list[Entry], draw: st.DataObject) -> None:
    whole = parts(content)
    data = bytearray(b"".join(whole))
    place = draw.draw(st.integers(0, len(data) - 1))
    data[place] ^= 1 << draw.draw(st.integers(0, 7))
    ends = list(accumulate(map(len, whole)))
    hit = next(n for n, end in enumerate(ends) if place < end)
    events = read(bytes(data), draw.draw(st.integers(1, 200)))
    start = ends[hit] - len(whole[hit])
    assert Damaged(start, len(whole[hit])) in events
    assert found(events) == [entry for n, entry in enumerate(content, start=1) if n != hit]
    if hit == len(whole) - 1:
        assert events[-1] == CutShort()
    elif hit:
        assert events[-1] == Missing(isinstance(content[hit - 1], RecordFound), isinstance(content[hit - 1], BlockFound))


@given(entries, st.data())
def test_a_file_cut_short_gives_what_is_whole_and_says_so(content: list[Entry], draw: st.DataObject) -> None:
    whole = parts(content)
    data = b"".join(whole)
    kept = draw.draw(st.integers(len(whole[0]), len(data) - 1))
    events = read(data[:kept], draw.draw(st.integers(1, 200)))
    complete = sum(end <= kept for end in accumulate(map(len, whole))) - 1
    assert found(events) == content[:complete]
    assert events[-1] == CutShort()


@given(entries.filter(bool), st.data())
def test_a_hole_costs_only_the_entries_it_touches(content: list[Entry], draw: st.DataObject) -> None:
    whole = parts(content)
    data = b"".join(whole)
    start = draw.draw(st.integers(len(whole[0]), len(data) - 1))
    end = draw.draw(st.integers(start + 1, len(data)))
    bounds = pairwise(accumulate(map(len, whole)))
    spared = [entry for entry, (first, behind) in zip(content, bounds, strict=False) if behind <= start or first >= end]
    events = read(data[:start] + data[end:], draw.draw(st.integers(1, 200)))
    left = iter(found(events))
    assert all(entry in left for entry in spared)
    assert len(found(events)) < len(content) or events[-1] == CutShort()


def test_the_bytes_are_those_of_the_document() -> None:
    document = (Path(__file__).parents[2] / "docs" / "BUNDLE.md").read_text()
    example = re.findall(r"^    ((?:[0-9a-f]{2} ?)+)$", document, re.MULTILINE)
    assert b"".join(parts([])) == bytes.fromhex(" ".join(example))


def test_what_the_damage_took_is_counted() -> None:
    content: list[Entry] = [RecordFound(b"one"), BlockFound(cid.name(cid.RAW, b"two"), b"two"), RecordFound(b"three")]
    whole = parts(content)
    events = read(whole[0] + bytes(len(whole[1] + whole[2])) + whole[3] + whole[4])
    assert events == [Damaged(len(whole[0]), len(whole[1] + whole[2])), content[2], Missing(records=1, blocks=1)]


def test_entries_behind_the_end_are_read_too() -> None:
    one, two = RecordFound(b"one"), RecordFound(b"two")
    first, second = parts([one]), parts([two])
    assert read(b"".join(first + second)) == [one, Damaged(sum(map(len, first)), len(second[0])), two]


def test_an_entry_inside_a_damaged_one_is_a_claim_like_any_other() -> None:
    inner = BundleWriter().record(b"inner")
    outer = bytearray(BundleWriter().record(b"outer" + inner))
    outer[-1 - len(inner)] ^= 1
    assert found(read(BundleWriter().start() + outer)) == [RecordFound(b"inner")]


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04" + bytes(100), bundle.MAGIC, bytes(10_000), bundle.MARK * 1000])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(PeerFault, match="bundle"):
        read(data)


def test_what_is_no_bundle_is_not_read_to_its_end() -> None:
    reader = BundleReader()
    reader.receive(bytes(limits.MAX_BUNDLE_SEARCH))
    with pytest.raises(PeerFault, match="does not begin"):
        reader.receive(bytes(limits.KiB))


def test_another_version_is_named() -> None:
    head = bundle.MAGIC + b"\x02"
    with pytest.raises(PeerFault, match="version 2"):
        read(head + bundle._checksum(head) + bytes(100))


@pytest.mark.parametrize(
    "kind, size", [(b"R", 0), (b"R", limits.MAX_RECORD + 1), (b"B", 35), (b"E", 15), (b"E", 17), (b"X", 5), (b"\x00", 0)]
)
def test_an_entry_of_no_kind_or_size_of_this_version_is_damage(kind: bytes, size: int) -> None:
    head = kind + size.to_bytes(4)
    strange = bundle.MARK + head + bundle._checksum(head + bytes(size)) + bytes(size)
    whole = parts([RecordFound(b"after")])
    assert read(whole[0] + strange + whole[1] + whole[2]) == [Damaged(len(whole[0]), len(strange)), RecordFound(b"after")]


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([bundle.MARK, bundle.MAGIC, b"R", b"B", b"E", bytes(4)]), max_size=40), st.booleans()
)
def test_any_bytes_are_events_or_a_fault(pieces: list[bytes], headed: bool) -> None:
    data = (BundleWriter().start() if headed else b"") + b"".join(pieces)
    try:
        events = read(data, 7)
    except PeerFault:
        assert not headed
        return
    assert sum(event.size for event in events if isinstance(event, Damaged)) <= len(data)


def test_memory_stays_at_one_entry() -> None:
    reader = BundleReader()
    reader.receive(BundleWriter().start())
    for _ in range(40):
        reader.receive(bundle.MARK + b"B" + (limits.MAX_BLOCK).to_bytes(4) + bytes(100_000))
        assert len(reader._data) <= limits.MAX_BLOCK + 200_000


def test_overlapping_entries_do_not_cost_more_than_the_file_is_worth() -> None:
    """Each of these heads asks for a checksum over 512 KiB: 31 GB of them in 1 MiB."""
    head = bundle.MARK + b"B" + limits.MAX_BLOCK.to_bytes(4) + bytes(4)
    data = BundleWriter().start() + head * (limits.MiB // len(head))
    before = time.process_time()
    assert found(read(data, limits.MiB)) == []
    assert time.process_time() - before < 3


def test_after_an_attack_on_the_checksum_honest_entries_are_found_again() -> None:
    head = bundle.MARK + b"B" + limits.MAX_BLOCK.to_bytes(4) + bytes(4)
    honest = BundleWriter().record(bytes(limits.MAX_RECORD))
    data = BundleWriter().start() + head * 40_000 + honest * 200
    assert len(found(read(data, limits.MiB))) > 150
