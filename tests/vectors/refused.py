"""What no reader may accept: encodings that are not canonical, records that are not records, each with the reason word of the refusal."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from p2plearn import limits
from tests.vectors.plain import canonical


class Refused(NamedTuple):
    """Bytes that a reader must refuse, and why."""

    what: str
    reason: str
    data: bytes


def refused_encodings() -> Iterator[Refused]:
    """Refused by `encoding.decode`, always for the reason `encoding`. One wrong value stands in an array of one, unless said otherwise."""
    one = b"\x91"
    for what, data in {
        "nothing at all": b"",
        "an integer, not an array": b"\x01",
        "a text, not an array": b"\xa1a",
        "a map, not an array": b"\x81\xa1a\x01",
        "an empty map": one + b"\x80",
        "a map with one key twice": one + b"\x82\xa1a\x01\xa1a\x02",
        "float32": one + b"\xca\x3f\x80\x00\x00",
        "float64 that is a whole number": one + b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
        "not a number": one + b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        "an extension of one byte": one + b"\xd4\x05\x00",
        "an extension of no bytes": one + b"\xc7\x00\x05",
        "a timestamp": one + b"\xd6\xff\x00\x00\x00\x00",
        "the byte that msgpack never uses": one + b"\xc1",
        "-1": one + b"\xff",
        "-128": one + b"\xd0\x80",
        "1 as uint8": one + b"\xcc\x01",
        "1 as int8": one + b"\xd0\x01",
        "255 as uint16": one + b"\xcd\x00\xff",
        "65,535 as uint32": one + b"\xce\x00\x00\xff\xff",
        "2^32 - 1 as uint64": one + b"\xcf\x00\x00\x00\x00\xff\xff\xff\xff",
        "2^32 as int64": one + b"\xd3\x00\x00\x00\x01\x00\x00\x00\x00",
        "2^53": one + b"\xcf\x00\x20\x00\x00\x00\x00\x00\x00",
        "2^64 - 1": one + b"\xcf" + b"\xff" * 8,
        "a text of one byte as str8": one + b"\xd9\x01a",
        "a text of 255 bytes as str16": one + b"\xda\x00\xff" + b"a" * 255,
        "a text of 256 bytes as str32": one + b"\xdb\x00\x00\x01\x00" + b"a" * 256,
        "one byte as bin16": one + b"\xc5\x00\x01a",
        "one byte as bin32": one + b"\xc6\x00\x00\x00\x01a",
        "an array of one as array16": b"\xdc\x00\x01\x00",
        "an array of one as array32": b"\xdd\x00\x00\x00\x01\x00",
        "a text that is not UTF-8": one + b"\xa1\xff",
        "a text with half a surrogate pair": one + b"\xa3\xed\xa0\x80",
        "a text with NUL in two bytes": one + b"\xa2\xc0\x80",
        "a text beyond U+10FFFF": one + b"\xa4\xf4\x90\x80\x80",
        "a text cut short": one + b"\xa2a",
        "bytes cut short": one + b"\xc4\x02a",
        "bytes that claim 4 GiB": one + b"\xc6\xff\xff\xff\xff",
        "an array cut short": b"\x92\x01",
        "an array that claims 2^32 - 1 values": b"\xdd\xff\xff\xff\xff",
        "a byte too many": b"\x90\x00",
        "two arrays": b"\x90\x90",
        "seven arrays in each other": b"\x91" * 6 + b"\x90",
        "a thousand arrays in each other": b"\x91" * 1000 + b"\x90",
        "a hundred thousand arrays in each other": b"\x91" * 100_000 + b"\x90",
        "an array of 513": canonical([None] * (limits.MAX_ARRAY + 1)),
        "4,097 values": canonical([[None] * 511] * 8 + [None]),
        "array headers that each claim 512 values": b"\xdc\x02\x00" * 1_000,
        "a MiB of empty arrays": b"\xdc\x02\x00" + (b"\xdc\x02\x00" + b"\x90" * 512) * 512,
    }.items():
        yield Refused(what, "encoding", data)


_SOUND: dict[str, Any] = {  # in the order of the envelope
    "version": 1,
    "kind": "snippet",
    "space": "commons",
    "author": b"A" * 32,
    "seq": 2,
    "prev": b"P" * 32,
    "time": 0,
    "refs": [["root", b"R" * 32]],
    "topics": ["physics"],
    "language": "en",
    "licence": "",
    "body": ["note", "", ""],
    "attachments": [[b"c" * 36, 1, "image/png", "a.png", "a"]],
}


def _record(**changed: Any) -> bytes:
    return bytes(64) + canonical(list({**_SOUND, **changed}.values()))


def refused_records() -> Iterator[Refused]:
    """Refused by `records.parse`. The signature, here all zero, is not looked at; all that is not said is sound."""
    sound = _record()
    ref, attachment = _SOUND["refs"][0], _SOUND["attachments"][0]
    yield Refused("nothing at all", "encoding", b"")
    yield Refused("a signature and nothing else", "encoding", bytes(64))
    yield Refused("a byte too many", "encoding", sound + b"\x00")
    yield Refused("a byte missing", "encoding", sound[:-1])
    yield Refused("16,385 bytes", "limit", _record(body=["note", "", "a" * (limits.MAX_RECORD + 1 - len(sound) - 2)]))
    values = list(_SOUND.values())
    yield Refused("twelve elements", "encoding", bytes(64) + canonical(values[:-1]))
    yield Refused("fourteen elements", "encoding", bytes(64) + canonical([*values, 0]))
    yield Refused("version 1 in two bytes", "encoding", sound[:65] + b"\xcc\x01" + sound[66:])
    wrong: list[tuple[str, str, dict[str, Any]]] = [
        ("version 0", "encoding", {"version": 0}),
        ("true for version 1", "encoding", {"version": True}),
        ("a text for a version", "encoding", {"version": "1"}),
        ("no kind", "limit", {"kind": ""}),
        ("a kind of 33 bytes", "limit", {"kind": "k" * 33}),
        ("a kind of 17 characters and 34 bytes", "limit", {"kind": "é" * 17}),
        ("a kind in bytes", "encoding", {"kind": b"snippet"}),
        ("no space", "limit", {"space": ""}),
        ("a space of 33 bytes", "limit", {"space": "s" * 33}),
        ("a key of 31 bytes", "limit", {"author": b"A" * 31}),
        ("a key of 33 bytes", "limit", {"author": b"A" * 33}),
        ("a key as text", "encoding", {"author": "A" * 32}),
        ("seq 0", "encoding", {"seq": 0, "prev": b""}),
        ("true for seq 1", "encoding", {"seq": True, "prev": b""}),
        ("seq 1 with a prev", "encoding", {"seq": 1}),
        ("seq 2 without a prev", "encoding", {"prev": b""}),
        ("a prev of 31 bytes", "encoding", {"prev": b"P" * 31}),
        ("a prev as text", "encoding", {"prev": "P" * 32}),
        ("no prev at all", "encoding", {"seq": 1, "prev": None}),
        ("false for time 0", "encoding", {"time": False}),
        ("refs that are no array", "encoding", {"refs": None}),
        ("33 refs", "limit", {"refs": [ref] * 33}),
        ("a ref of one", "encoding", {"refs": [ref[:1]]}),
        ("a ref of three", "encoding", {"refs": [[*ref, 0]]}),
        ("a ref that is no array", "encoding", {"refs": [b"R" * 32]}),
        ("a ref without a relation", "limit", {"refs": [["", ref[1]]]}),
        ("a relation of 33 bytes", "limit", {"refs": [["r" * 33, ref[1]]]}),
        ("a target of 31 bytes", "limit", {"refs": [["root", b"R" * 31]]}),
        ("a target as text", "encoding", {"refs": [["root", "R" * 32]]}),
        ("17 topics", "limit", {"topics": ["physics"] * 17}),
        ("an empty topic", "limit", {"topics": [""]}),
        ("a topic of 65 bytes", "limit", {"topics": ["t" * 65]}),
        ("a number for a topic", "encoding", {"topics": [1]}),
        ("a language of 33 bytes", "limit", {"language": "l" * 33}),
        ("no language at all", "encoding", {"language": None}),
        ("a licence of 65 bytes", "limit", {"licence": "l" * 65}),
        ("a body that is a text", "encoding", {"body": "note"}),
        ("a body of 65 elements", "limit", {"body": [0] * 65}),
        ("a body nested five deep", "encoding", {"body": [[[[[[]]]]]]}),
        ("17 attachments", "limit", {"attachments": [attachment] * 17}),
        ("an attachment of four", "encoding", {"attachments": [attachment[:4]]}),
        ("an attachment without a CID", "limit", {"attachments": [[b"", *attachment[1:]]]}),
        ("a CID of 65 bytes", "limit", {"attachments": [[b"c" * 65, *attachment[1:]]]}),
        ("a CID as text", "encoding", {"attachments": [["c" * 36, *attachment[1:]]]}),
        ("true for a size", "encoding", {"attachments": [[attachment[0], True, *attachment[2:]]]}),
        ("a media type of 128 bytes", "limit", {"attachments": [[*attachment[:2], "m" * 128, *attachment[3:]]]}),
        ("a file name of 256 bytes", "limit", {"attachments": [[*attachment[:3], "n" * 256, attachment[4]]]}),
        ("words of 1,001 bytes for an attachment", "limit", {"attachments": [[*attachment[:4], "a" * 1001]]}),
    ]
    for what, reason, changed in wrong:
        yield Refused(what, reason, _record(**changed))
