"""docs/PROTOCOL.md says what the code does, as far as a test can tell."""

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

from p2plearn import limits
from p2plearn.protocol import kinds
from p2plearn.protocol.records import Attachment, Record
from p2plearn.protocol.signing import HELLO_DOMAIN, RECORD_DOMAIN

DOCUMENT = Path(__file__).parents[2].joinpath("docs", "PROTOCOL.md").read_text(encoding="utf-8")


def _rows(section: str) -> list[list[str]]:
    """The cells of the first table of a section, without its head."""
    text = DOCUMENT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = text[text.index("|---") :].splitlines()[1:]
    table = lines[: next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_envelope_is_in_the_order_of_the_table() -> None:
    names = [row[1] for row in _rows("Record")]
    assert names == list(Record._fields[2:])


def test_the_envelope_has_the_limits_of_the_table() -> None:
    bounds = {row[1]: [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", row[3])] for row in _rows("Record")}
    word = limits.MAX_WORD
    assert bounds["kind"] == bounds["space"] == [1, word]
    assert bounds["refs"] == [limits.MAX_REFS, 1, word, 32]
    assert bounds["topics"] == [limits.MAX_TOPICS, 1, limits.MAX_TOPIC]
    assert (bounds["language"], bounds["licence"], bounds["body"]) == ([word], [limits.MAX_LICENCE], [limits.MAX_BODY_ITEMS])
    assert len(Attachment._fields) == 5
    sizes = [limits.MAX_CID, limits.MAX_MEDIA_TYPE, limits.MAX_FILE_NAME, limits.MAX_ALT]
    assert bounds["attachments"] == [limits.MAX_ATTACHMENTS, 1, *sizes]


def test_the_limits_of_the_encoding_are_named() -> None:
    assert (limits.MAX_ARRAY, limits.MAX_NESTING, limits.MAX_VALUES, limits.MAX_RECORD, limits.MAX_INT) == (512, 6, 4096, 16_384, 2**53 - 1)
    for text in ("at most 512 elements", "at most 6 arrays", "at most 4,096 values", "at most 16,384 bytes", "0 … 2⁵³ − 1"):
        assert text in DOCUMENT


def test_the_limits_of_a_session_are_named() -> None:
    assert (limits.MAX_FRAME, limits.MAX_MESSAGE, limits.MAX_ZSTD_WINDOW, limits.WINDOW) == (65_500, 2**20, 2**20, 4)
    assert (limits.MAX_HEADS, limits.MAX_BATCH_RECORDS, limits.ASK_RECORDS, limits.MAX_SCOPE) == (16_384, 500, 1000, 256)
    assert (limits.MAX_RUNS, limits.MAX_ASKS) == (1000, 2)
    assert (limits.MAX_SPLIT_BITS, limits.MAX_SKETCH_SYMBOLS, limits.MAX_SKETCH_CELL) == (16, 4096, 8192)
    assert (limits.MAX_EXCHANGED_PEERS, limits.MAX_ADDRESSES_PER_PEER, limits.MAX_ADDRESS) == (64, 8, 256)
    for text in (
        "65,500",
        "1,048,576",
        "≤ 16,384 heads",
        "1–500",
        "1–1,000 short ids",
        "1–1,000 runs",
        "1,000 records in all",
        "topics (≤ 256",
        "two asks",
        "bits ≤ 16",
        "1–4,096",
        "≤ 8,192",
        "four batches",
    ):
        assert text in DOCUMENT
    assert "at most 64 peers, the sender first, with at most 8 addresses of at most 256 bytes" in DOCUMENT


def test_the_domains_are_spelt_out() -> None:
    assert RECORD_DOMAIN.hex(" ") in DOCUMENT
    assert HELLO_DOMAIN.hex(" ") in DOCUMENT


def test_every_kind_is_there_with_all_of_its_body() -> None:
    bodies = {row[0].strip("`"): row[1] for row in _rows("Kinds")}
    known = {body.kind: body for body in get_args(kinds.Body)}
    assert set(bodies) == set(known)
    for kind, body in known.items():
        named = [name for name in re.sub(r"\[[^]]*\]", "list", bodies[kind]).split(", ") if name]
        assert len(named) == len(fields(body)), kind
    for word in (
        *kinds.REPLY_TYPES,
        *filter(None, kinds.WANTS),
        *kinds.RESULTS,
        *kinds.STAGES,
        *filter(None, kinds.OUTCOMES),
        *kinds.REACTIONS,
    ):
        assert word in DOCUMENT
