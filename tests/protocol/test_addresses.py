"""What peers say about where nodes are: bounded, printable, and read back as written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.addresses import Book, read, write
from p2plearn.protocol.encoding import encode

PEER = "12D3KooWGzBpjjvNPLVwVwJjgq1GpVZqg7jHXc3CsKRz1v2bA8kM"

peers = st.text("123456789ABCxyz", min_size=32, max_size=64)
addresses = st.lists(
    st.text("/abc:.0", max_size=30).map("/{}".format).filter(lambda text: len(text) > 1), max_size=limits.MAX_ADDRESSES_PER_PEER
)


@given(st.dictionaries(peers, addresses, max_size=6))
def test_what_is_written_is_read_back(book: Book) -> None:
    assert read(write(book)) == book


def test_what_is_too_much_is_cut_by_the_writer_and_refused_by_the_reader() -> None:
    many = {f"{n:1>32}".replace("0", "z"): [f"/ip4/10.0.0.{i}/tcp/1" for i in range(20)] for n in range(300)}
    told = read(write(many))
    assert len(told) == limits.MAX_EXCHANGED_PEERS
    assert {len(known) for known in told.values()} == {limits.MAX_ADDRESSES_PER_PEER}
    longest = {peer: ["/" + "x" * (limits.MAX_ADDRESS - 1)] * limits.MAX_ADDRESSES_PER_PEER for peer in many}
    assert len(write(longest)) <= limits.MAX_ADDRESS_MESSAGE
    with pytest.raises(PeerFault, match="limit"):
        read(encode([[peer, []] for peer in list(many)[: limits.MAX_EXCHANGED_PEERS + 1]]))


@pytest.mark.parametrize(
    "entry",
    {
        "no entry": PEER,
        "a peer without addresses": [PEER],
        "something more": [PEER, [], 1],
        "a peer id that is none": ["0" * 40, []],
        "a peer id with an end of line": [PEER + "\n", []],
        "a peer id as bytes": [PEER.encode(), []],
        "too many addresses": [PEER, ["/a"] * (limits.MAX_ADDRESSES_PER_PEER + 1)],
        "an address as bytes": [PEER, [b"/a"]],
        "an address too long": [PEER, ["/" + "a" * limits.MAX_ADDRESS]],
        "an address without a slash": [PEER, ["a"]],
        "an address that moves the cursor": [PEER, ["/a\x1b[2J"]],
        "an address with an end of line": [PEER, ["/a\n"]],
    }.values(),
    ids=str,
)
def test_what_is_refused(entry: Any) -> None:
    with pytest.raises(PeerFault, match="message"):
        read(encode([entry]))
