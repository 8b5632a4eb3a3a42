"""Bitswap's messages, against libp2p's own, and against anything a peer may send."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libp2p.bitswap.messages import create_message, create_wantlist_entry
from libp2p.bitswap.pb.bitswap_pb2 import Message

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import bitswap, cid
from p2plearn.protocol.bitswap import Absent, Cancelled, Given, Replaced, Splitter, Wanted

names = st.builds(cid.name, st.sampled_from([cid.RAW, cid.DAG_PB]), st.binary(max_size=9))


def unframed(framed: bytes) -> bytes:
    (message,) = Splitter().receive(framed, len(framed))
    return message


def theirs(framed: bytes) -> Message:
    message = Message()
    message.ParseFromString(unframed(framed))
    return message


@given(st.lists(names, max_size=5), st.lists(names, max_size=5))
def test_libp2p_understands_what_is_asked(wanted: list[bytes], cancelled: list[bytes]) -> None:
    entries = theirs(bitswap.ask(wanted, cancelled)).wantlist.entries
    assert [(entry.block, entry.wantType, entry.sendDontHave) for entry in entries if not entry.cancel] == [
        (name, 0, True) for name in wanted
    ]
    assert [entry.block for entry in entries if entry.cancel] == cancelled
    assert bitswap.read(unframed(bitswap.ask(wanted, cancelled))) == [Wanted(name, block=True, absence=True) for name in wanted] + [
        Cancelled(name) for name in cancelled
    ]


@given(st.sampled_from([cid.RAW, cid.DAG_PB]), st.binary(max_size=300))
def test_libp2p_understands_what_is_given(codec: int, data: bytes) -> None:
    name = cid.name(codec, data)
    (block,) = theirs(bitswap.give(name, data)).payload
    assert (block.prefix, block.data) == (name[:4], data)
    assert bitswap.read(unframed(bitswap.give(name, data))) == [Given(name, data)]


@given(names, st.booleans())
def test_libp2p_understands_what_is_told(name: bytes, here: bool) -> None:
    (presence,) = theirs(bitswap.tell(name, here=here)).blockPresences
    assert (presence.cid, presence.type) == (name, Message.Have if here else Message.DontHave)
    assert bitswap.read(unframed(bitswap.tell(name, here=here))) == ([] if here else [Absent(name)])


@given(st.lists(st.tuples(names, st.integers(0, 1), st.booleans(), st.booleans()), max_size=5), st.booleans(), names)
def test_what_libp2p_writes_is_understood(wants: list[tuple[bytes, int, bool, bool]], full: bool, absent: bytes) -> None:
    entries = [create_wantlist_entry(name, 1, cancel, kind, absence) for name, kind, absence, cancel in wants]
    message = create_message(entries, None, [(absent[:4], b"data")], [(absent, False), (absent, True)], pending_bytes=7, full_wantlist=full)
    expected = [Cancelled(name) if cancel else Wanted(name, kind == 0, absence) for name, kind, absence, cancel in wants]
    assert bitswap.read(message.SerializeToString()) == [
        *([Replaced()] if full and wants else []),
        *expected,
        Given(cid.name(cid.codec_of(absent), b"data"), b"data"),
        Absent(absent),
    ]


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 50))
def test_messages_come_out_however_they_are_cut_and_empty_ones_not_at_all(contents: list[bytes], portion: int) -> None:
    stream = b"".join(bitswap._message(content) for content in contents)
    splitter = Splitter()
    cut = [stream[at : at + portion] for at in range(0, len(stream), portion)]
    assert [message for data in cut for message in splitter.receive(data, 300)] == [content for content in contents if content]


def test_a_message_that_is_too_long_is_refused_before_it_is_held() -> None:
    splitter = Splitter()
    with pytest.raises(PeerFault, match="limit"):
        splitter.receive(b"\x81\x80\x04", 65_536)
    with pytest.raises(PeerFault, match="encoding"):
        Splitter().receive(b"\xff" * 10, 65_536)


@pytest.mark.parametrize(
    "message, reason",
    [
        (create_message(blocks_v110=[(b"\x01\x55\x12\x20", bytes(limits.MAX_BLOCK + 1))]), "limit"),
        (create_message(blocks_v110=[(b"\x01\x55\x13\x40", b"SHA-512")]), "unasked"),
        (create_message(blocks_v110=[(b"", b"CIDv0")]), "unasked"),
        (Message(wantlist=Message.Wantlist(entries=[Message.Wantlist.Entry()])), "limit"),
        (Message(wantlist=Message.Wantlist(entries=[Message.Wantlist.Entry(block=bytes(limits.MAX_CID + 1))])), "limit"),
        (Message(wantlist=Message.Wantlist(entries=[Message.Wantlist.Entry(block=b"c")] * limits.MAX_BITSWAP_FIELDS)), "limit"),
        (Message(blockPresences=[Message.BlockPresence(type=Message.DontHave)]), "limit"),
    ],
)
def test_what_is_beyond_bounds_is_refused(message: Message, reason: str) -> None:
    with pytest.raises(PeerFault, match=reason):
        bitswap.read(message.SerializeToString())


def test_a_number_where_bytes_belong_is_refused() -> None:
    for message in (b"\x08\x01", b"\x0a\x02\x08\x01", b"\x18\x01", b"\x1a\x02\x08\x01", b"\x20\x01", b"\x22\x04\x08\x01\x10\x01"):
        with pytest.raises(PeerFault, match="encoding"):
            bitswap.read(message)


def test_blocks_of_the_oldest_version_and_unknown_fields_are_passed_over() -> None:
    assert bitswap.read(Message(blocks=[b"old"], pendingBytes=5).SerializeToString() + b"\x7a\x01x") == []
    assert bitswap.read(b"\x0a\x03\x7a\x01x") == []


def test_a_hostile_message_costs_little_time() -> None:
    before = time.process_time()
    for bomb in (b"\x0a\x00", b"\x1a\x00", b"\x22\x00", b"\x08\x00", b"\x7a\x00"):
        with pytest.raises(PeerFault):
            bitswap.read(bomb * (limits.MAX_BITSWAP_MESSAGE // 2))
    assert time.process_time() - before < 1


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"\x0a", b"\x1a", b"\x22", b"\x12", b"\x02", b"\x10\x01", b"\x04cid!"])).map(b"".join)
)
def test_any_bytes_are_events_or_a_fault(data: bytes) -> None:
    try:
        events = bitswap.read(data)
    except PeerFault:
        return
    assert len(events) <= len(data)
