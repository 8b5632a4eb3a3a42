"""The parts of protobuf, against the protobuf package itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from libp2p.bitswap.pb.dag_pb_pb2 import PBLink, PBNode

from p2plearn.errors import PeerFault
from p2plearn.protocol.protobuf import Fields, field, length_prefix, number_field, read_varint, varint


@given(st.integers(0, 2**64 - 1), st.binary(max_size=5), st.binary(max_size=5))
def test_a_number_comes_back_wherever_it_stands(value: int, before: bytes, behind: bytes) -> None:
    written = varint(value)
    assert read_varint(before + written + behind, len(before)) == (value, len(before) + len(written))
    assert length_prefix(written + behind) == (value, len(written))


@given(st.integers(128, 2**64 - 1), st.data())
def test_a_number_that_is_not_all_there_is_waited_for_or_refused(value: int, draw: st.DataObject) -> None:
    part = varint(value)[: draw.draw(st.integers(0, len(varint(value)) - 1))]
    assert length_prefix(part) is None
    with pytest.raises(PeerFault):
        read_varint(part, 0)
    with pytest.raises(PeerFault):
        length_prefix(b"\xff" * 10)


@given(st.binary(max_size=200), st.text(max_size=20), st.integers(0, 2**64 - 1))
def test_what_is_written_is_what_protobuf_writes(data: bytes, name: str, size: int) -> None:
    link = field(1, data) + field(2, name.encode()) + number_field(3, size)
    assert link == PBLink(Hash=data, Name=name, Tsize=size).SerializeToString()
    assert dict(Fields(3).of(link)) == {1: data, 2: name.encode(), 3: size}
    node = PBNode(Data=data, Links=[PBLink(Hash=data, Name=name, Tsize=size)])
    assert dict(Fields(2).of(node.SerializeToString())) == {1: data, 2: link}


def test_a_message_of_many_fields_is_refused() -> None:
    fields = Fields(10)
    assert len(list(fields.of(number_field(1, 0) * 7))) == 7
    with pytest.raises(PeerFault, match="limit"):
        list(fields.of(number_field(1, 0) * 4))


@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\x02x", b"\x80", b"\x09" + bytes(8), b"\x0d" + bytes(4), b"\x0b\x0c", b"\x0f\x00"])
def test_what_is_no_field_is_refused(data: bytes) -> None:
    with pytest.raises(PeerFault, match="encoding"):
        list(Fields(10).of(data))


@given(st.binary(max_size=100))
def test_any_bytes_are_fields_or_a_fault(data: bytes) -> None:
    try:
        found = list(Fields(1000).of(data))
    except PeerFault:
        return
    assert sum(len(value) for _, value in found if isinstance(value, bytes)) <= len(data)
