"""Every function of the program that reads what a stranger wrote, with inputs to begin from.

A decoder may raise PeerFault and nothing else, whatever it is given (p2plearn/errors.py). A new one belongs into DECODERS.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from nacl.bindings import crypto_box_seal, crypto_sign_ed25519_pk_to_curve25519, sodium_pad

from p2plearn import limits
from p2plearn.protocol import addresses, admission, bitswap, bundle, cid, dag, encoding, frames, messages, records, sealing, signing
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.sketch import Sketch, peel
from p2plearn.testing.authors import Author
from tests.fuzz.mutation import Mutator, mutate_bytes, mutate_rows, mutate_values
from tests.fuzz.sessions import run_session, transcript
from tests.vectors.generate import HERE
from tests.vectors.golden import goldens
from tests.vectors.plain import stretch

_TARGET = bytes(range(32))
SESSION_MS = 50  # an input is a row of messages


@dataclass(frozen=True)
class Decoder:
    """`run` reads any bytes; `seeds` are good ones; `mutate` makes others of them; `ms` is how long reading one may take."""

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    mutate: Mutator = mutate_bytes
    ms: float = 10.0


@cache
def _raws() -> list[bytes]:
    return [golden.record.raw for golden in goldens()]


@cache
def _messages() -> list[bytes]:
    return [stretch(vector["bytes"]) for vector in json.loads((HERE / "messages.json").read_text(encoding="utf-8"))]


def _encodings() -> list[bytes]:
    return [raw[records.SIGNATURE_SIZE :] for raw in _raws()] + _messages()


def _body(data: bytes) -> object:
    return body_of(records.parse(data))


def _verify(data: bytes) -> object:
    return signing.verify(data[:32], data[32:96], signing.RECORD_DOMAIN, data[96:])


def _unsealed(data: bytes) -> object:
    """Whatever somebody put into the box of a private thanks."""
    ada, ben = Author("ada"), Author("ben")
    box = crypto_box_seal(data, crypto_sign_ed25519_pk_to_curve25519(ada.key))
    return sealing.unseal(box, ada.private_key, ben.key, _TARGET)


def _in_boxes() -> list[bytes]:
    said = [[Author("ben").key, _TARGET, words] for words in ("", "Thank you!", "é" * 200)]
    return [sodium_pad(encoding.encode(words), 256) for words in said]


def _signed() -> list[bytes]:
    return [raw[77:109] + raw for raw in _raws()]


def _portions(data: bytes) -> list[bytes]:
    """The first byte says how the rest is cut: into at most 100 portions, that the time is the decoder's."""
    size = max(1 + data[0] ** 2, len(data) // 100) if data else 1
    return [data[at : at + size] for at in range(1, len(data), size)]


def _frames(data: bytes) -> object:
    reader = frames.FrameReader()
    return [sum(map(len, reader.receive(portion))) for portion in _portions(data)]


def _framed() -> list[bytes]:
    several = [_messages()[0], b"".join(_raws()), bytes(70_000), bytes(range(256)) * 300]
    return [
        bytes([cut]) + b"".join(frame for message in several[:n] for frame in frames.to_frames(message))
        for n, cut in ((1, 2), (2, 40), (4, 255))
    ]


def _sketch(data: bytes) -> object:
    """What a peer says about its set, taken apart against ours."""
    part = messages.SketchPart(data[: len(data) // 16 * 16])
    theirs = Sketch(len(part.symbols) // 16)
    part.into(theirs, 0)
    return peel(theirs)


def _sketches() -> list[bytes]:
    made = []
    for ids, size in ((1, 4), (20, 40), (300, 512), (100, 64)):
        sketch = Sketch(size)
        sketch.add(np.arange(1, ids + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        made.append(messages.SketchPart.of(sketch, 0, size).symbols)
    return made


def _bundle(data: bytes) -> object:
    reader = bundle.BundleReader()
    return [*map(reader.receive, _portions(data)), reader.finish()]


def _bundles() -> list[bytes]:
    writer = bundle.BundleWriter()
    parts = [writer.start(), *map(writer.record, _raws()[:4]), writer.block(cid.name(cid.RAW, b"block"), b"block"), writer.finish()]
    return [bytes([cut]) + b"".join(parts) for cut in (3, 255)]


def _cid(data: bytes) -> object:
    return cid.to_text(data), cid.codec_of(data)


def _cids() -> list[bytes]:
    return [cid.name(codec, b"block") for codec in (cid.RAW, cid.DAG_PB)]


def _cid_text(data: bytes) -> object:
    return cid.from_text(data.decode("latin-1"))


@cache
def _roots() -> list[bytes]:
    made = []
    for size in (limits.CHUNK + 1, 5 * limits.CHUNK, 9):
        builder = dag.Builder()
        builder.add(bytes(size))
        blocks = {block.cid: block.data for block in builder.finish()}
        made.append(builder.root.cid + blocks[builder.root.cid])
    return made


def _dag(data: bytes) -> object:
    return dag.file_size(data[: cid.SIZE], data[cid.SIZE :])


def _split(data: bytes) -> object:
    splitter = bitswap.Splitter()
    return [bitswap.read(message) for portion in _portions(data) for message in splitter.receive(portion, limits.MAX_MESSAGE)]


def _bitswap() -> list[bytes]:
    name = _cids()[0]
    said = [bitswap.ask([name, name], [name]), bitswap.give(name, b"block"), bitswap.tell(name, here=False), bitswap.tell(name, here=True)]
    return [bytes([cut]) + b"".join(said[:n]) for cut, n in ((2, 1), (5, 4), (9, 2))]


def _books() -> list[bytes]:
    return [addresses.write({"12D3KooW" + "x" * 44: ["/ip4/192.0.2.1/tcp/4001", "/ip6/2001:db8::1/tcp/4001"], "Qm" + "y" * 44: []})]


DECODERS = {
    decoder.name: decoder
    for decoder in (
        Decoder("encoding", encoding.decode, _encodings, mutate_values(0)),
        Decoder("record", records.parse, _raws, mutate_values(records.SIGNATURE_SIZE)),
        Decoder("body", _body, _raws, mutate_values(records.SIGNATURE_SIZE)),
        Decoder("admission", admission.examine, _raws, mutate_values(records.SIGNATURE_SIZE)),
        Decoder("signature", _verify, _signed),
        Decoder("sealed", _unsealed, _in_boxes, mutate_values(0)),
        Decoder("frames", _frames, _framed),
        Decoder("message", messages.read, _messages, mutate_values(0)),
        Decoder("sketch", _sketch, _sketches),
        Decoder(
            "initiator", lambda data: run_session(data, initiator=True), lambda: transcript(to_initiator=True), mutate_rows, ms=SESSION_MS
        ),
        Decoder(
            "responder", lambda data: run_session(data, initiator=False), lambda: transcript(to_initiator=False), mutate_rows, ms=SESSION_MS
        ),
        Decoder("bundle", _bundle, _bundles),
        Decoder("cid", _cid, _cids),
        Decoder("cid-text", _cid_text, lambda: [cid.to_text(name).encode() for name in _cids()]),
        Decoder("dag", _dag, _roots),
        Decoder("bitswap", _split, _bitswap),
        Decoder("addresses", addresses.read, _books, mutate_values(0)),
    )
}
