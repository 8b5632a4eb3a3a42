"""Files as trees of blocks: the CIDs of other IPFS nodes, and nothing hostile gets past `children`."""

import hashlib
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from hypothesis import given
from hypothesis import strategies as st
from libp2p.bitswap.dag_pb import balanced_layout, decode_dag_pb

from p2plearn import limits
from p2plearn.errors import PeerFault, TooLarge
from p2plearn.protocol import cid, dag


def build(data: bytes, portion: int | None = None) -> tuple[dict[bytes, bytes], dag.Piece]:
    """The blocks of a file by CID, and its root."""
    builder = dag.Builder()
    portion = portion or max(len(data), 1)
    blocks = [block for at in range(0, len(data), portion) for block in builder.add(data[at : at + portion])]
    return dict(blocks + builder.finish()), builder.root


def read(blocks: dict[bytes, bytes], name: bytes, size: int) -> bytes:
    """The file again, from its blocks."""

    def below(piece: dag.Piece) -> bytes:
        block = blocks[piece.cid]
        pieces = dag.children(piece, block)
        return b"".join(map(below, pieces)) if piece.depth else block

    return below(dag.root(name, size))


@pytest.fixture(scope="module")
def small_chunks() -> Iterator[None]:
    """Chunks of 4 bytes and nodes of 3 links, so that small files have tall trees."""
    with patch.object(limits, "CHUNK", 4), patch.object(limits, "MAX_LINKS", 3), patch.object(limits, "MAX_ATTACHMENT", 300):
        yield


def random_bytes(seed: str, size: int, portion: int = 4 * limits.MiB) -> Iterator[bytes]:
    """The bytes kubo's tests make from a seed: the key stream of ChaCha20 under its SHA-256."""
    stream = Cipher(algorithms.ChaCha20(hashlib.sha256(seed.encode()).digest(), bytes(16)), None).encryptor()
    for at in range(0, size, portion):
        yield stream.update(bytes(min(portion, size - at)))


@pytest.mark.parametrize(
    "seed, size, published",
    [  # by kubo's own tests for 1 MiB chunks, 174 links and raw leaves
        ("chunk-v1-seed", 2**20, "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"),
        ("chunk-v1-seed", 2**20 + 1, "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"),
        ("v1-seed", 174 * 2**20, "bafybeigwduxcf2aawppv3isnfeshnimkyplvw3hthxjhr2bdeje4tdaicu"),
        ("v1-seed", 175 * 2**20, "bafybeidhd7lo2n2v7lta5yamob3xwhbxcczmmtmhquwhjesi35jntf7mpu"),  # two levels
    ],
)
def test_a_file_has_the_cid_that_kubo_publishes_for_it(seed: str, size: int, published: str) -> None:
    with patch.object(limits, "CHUNK", 2**20), patch.object(limits, "MAX_ATTACHMENT", size):
        builder = dag.Builder()
        for portion in random_bytes(seed, size):
            builder.add(portion)
        builder.finish()
    assert cid.to_text(builder.root.cid) == published
    assert builder.root.size == builder.size == size


def test_a_node_is_the_bytes_that_the_protocol_describes() -> None:
    blocks, root = build(bytes(limits.CHUNK + 1))
    assert cid.to_text(root.cid) == "bafybeigllfqgfpqydppr6cmv56g7ax4wyhruzswvcefv6j5kj77nzttfki"
    first, second = (piece.cid.hex() for piece in dag.children(root, blocks[root.cid]))
    links = f"12 2c 0a24 {first} 1200 18 808010" + f"12 2a 0a24 {second} 1200 18 01"
    assert blocks[root.cid] == bytes.fromhex(links + "0a 0c 0802 18 818010 20 808010 20 01")


@pytest.mark.parametrize("size", [0, 1, limits.CHUNK - 1, limits.CHUNK])
def test_a_file_of_up_to_one_chunk_is_one_raw_block(size: int) -> None:
    data = b"\xa5" * size
    blocks, root = build(data)
    assert blocks == {root.cid: data}
    assert root.cid == cid.name(cid.RAW, data)
    assert read(blocks, root.cid, size) == data
    assert dag.file_size(root.cid, data) == size


@pytest.mark.parametrize("size", [limits.CHUNK + 1, 5 * limits.CHUNK, 174 * limits.CHUNK])
def test_libp2p_lays_a_larger_file_out_the_same_way(size: int) -> None:
    """Up to 174 leaves; beyond, libp2p puts a last lone leaf beside the nodes, where kubo gives it a node of its own."""
    data = b"".join(random_bytes("libp2p", size))
    leaves = [data[at : at + limits.CHUNK] for at in range(0, size, limits.CHUNK)]
    theirs, node, _ = balanced_layout([(cid.name(cid.RAW, leaf), leaf, len(leaf)) for leaf in leaves])
    blocks, root = build(data, 100_000)
    assert root.cid == theirs
    assert blocks[root.cid] == node
    assert dag.file_size(root.cid, node) == size


def test_libp2p_reads_our_nodes() -> None:
    blocks, root = build(b"".join(random_bytes("theirs", 3 * limits.CHUNK)))
    links, data = decode_dag_pb(blocks[root.cid])
    assert data is not None
    assert data.type == "file"
    assert data.filesize == 3 * limits.CHUNK
    assert data.blocksizes == [link.size for link in links] == [limits.CHUNK] * 3
    assert [link.cid for link in links] == [piece.cid for piece in dag.children(root, blocks[root.cid])]


def test_the_largest_file_has_two_nodes_of_leaves() -> None:
    size = limits.MAX_ATTACHMENT
    zeros = bytes(limits.MiB)
    builder = dag.Builder()
    blocks = {block.cid: block.data for _ in range(size // limits.MiB) for block in builder.add(zeros)} | dict(builder.finish())
    assert read(blocks, builder.root.cid, size) == bytes(size)
    assert [(piece.size, piece.depth) for piece in dag.children(builder.root, blocks[builder.root.cid])] == [
        (174 * limits.CHUNK, 1),
        (82 * limits.CHUNK, 1),
    ]
    assert max(map(len, blocks.values())) <= limits.MAX_BLOCK


def test_a_file_beyond_the_limit_is_refused_before_it_is_held() -> None:
    builder = dag.Builder()
    for _ in range(limits.MAX_ATTACHMENT // limits.MiB):
        builder.add(bytes(limits.MiB))
    with pytest.raises(TooLarge):
        builder.add(b"!")


@pytest.mark.usefixtures("small_chunks")
@given(st.binary(max_size=300), st.integers(1, 20))
def test_every_file_comes_back_from_its_blocks(data: bytes, portion: int) -> None:
    blocks, root = build(data, portion)
    assert read(blocks, root.cid, len(data)) == data
    assert dag.file_size(root.cid, blocks[root.cid]) == len(data)
    assert dag.root(root.cid, len(data)) == root


def digest_places(root: dag.Piece, node: bytes) -> set[int]:
    """Where in a node a change makes another name of the same kind, and so the node of another file."""
    places: set[int] = set()
    at = 0
    for piece in dag.children(root, node):
        places.update(range(at + 8, at + 40))
        at += len(dag._link(piece))
    return places


@pytest.mark.usefixtures("small_chunks")
@given(st.binary(min_size=5, max_size=300), st.data())
def test_a_change_in_a_node_is_refused_unless_it_names_another_file(data: bytes, draw: st.DataObject) -> None:
    blocks, root = build(data)
    node = blocks[root.cid]
    place = draw.draw(st.integers(0, len(node) - 1))
    changed = bytearray(node)
    changed[place] ^= draw.draw(st.integers(1, 255))
    if place in digest_places(root, node):
        differing = [new for old, new in zip(dag.children(root, node), dag.children(root, bytes(changed)), strict=True) if old != new]
        assert len(differing) == 1
    else:
        with pytest.raises(PeerFault):
            dag.children(root, bytes(changed))


@pytest.mark.usefixtures("small_chunks")
@given(st.binary(min_size=5, max_size=300), st.integers(-400, 400).filter(bool))
def test_a_size_that_is_not_the_files_is_refused(data: bytes, off: int) -> None:
    blocks, root = build(data)
    with pytest.raises(PeerFault):
        dag.children(dag.root(root.cid, len(data) + off), blocks[root.cid])


@pytest.mark.usefixtures("small_chunks")
@given(st.binary(min_size=5, max_size=300), st.integers(0, 200))
def test_a_node_cut_short_or_with_more_behind_it_is_refused(data: bytes, place: int) -> None:
    blocks, root = build(data)
    node = blocks[root.cid]
    for broken in (node[: place % len(node)], node + bytes(place + 1), node + node):
        with pytest.raises(PeerFault):
            dag.children(root, broken)
        with pytest.raises(PeerFault):
            dag.file_size(root.cid, broken)


@given(st.binary(max_size=400), st.integers(-1, 2**40), st.sampled_from([cid.RAW, cid.DAG_PB]))
def test_any_block_is_a_node_or_a_fault(block: bytes, size: int, codec: int) -> None:
    name = cid.name(codec, block)
    for attempt in (lambda: dag.children(dag.root(name, size), block), lambda: dag.file_size(name, block)):
        try:
            attempt()
        except PeerFault:
            continue
        assert codec == cid.RAW


def test_a_leaf_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(PeerFault):
        dag.children(dag.root(cid.name(cid.RAW, b"four"), 5), b"four")


def test_a_root_of_the_wrong_kind_or_size_is_refused() -> None:
    for codec, size in [(cid.RAW, limits.CHUNK + 1), (cid.DAG_PB, limits.CHUNK), (cid.DAG_PB, limits.MAX_ATTACHMENT + 1), (cid.RAW, -1)]:
        with pytest.raises(PeerFault):
            dag.root(cid.name(codec, b""), size)


def test_a_file_whose_leaf_claims_to_be_a_node_is_refused() -> None:
    blocks, root = build(bytes(limits.CHUNK + 1))
    leaf = cid.name(cid.RAW, b"\x00")
    node = blocks[root.cid].replace(leaf, cid.name(cid.DAG_PB, b"\x00"))
    with pytest.raises(PeerFault):
        dag.children(root, node)
