r"""Writes the golden vectors beside this file: `python -m tests.vectors.generate`. They change only when the protocol does.

    records/NAME.json   a record: the seed of its author's key, every field, the payload, the signature, the id
    refused_encodings.json, refused_records.json   bytes that must be refused, and the reason
    signatures.json     signatures on which verifiers disagree, over "p2plearn record v1\0" ‖ message
    messages.json       every message of a sync session, before framing
    sealed.json         private thanks, made from the parts of a sealed box with a pinned ephemeral key

Bytes are hex; `41*1000.` within it stands for a thousand bytes 41.
"""

import json
from pathlib import Path
from typing import Any

from p2plearn.protocol.records import SIGNATURE_SIZE, Record
from tests.vectors.edge import small_orders, twelve
from tests.vectors.golden import goldens, messages
from tests.vectors.plain import squeeze, to_json
from tests.vectors.refused import Refused, refused_encodings, refused_records
from tests.vectors.sealed import sealed_words

HERE = Path(__file__).parent
FIELDS = Record._fields[2:]  # of the payload, in its order


def files() -> dict[str, str]:
    """Path below this folder → content."""
    made: dict[str, Any] = {}
    for name, what, seed, record in goldens():
        made[f"records/{name}.json"] = {"what": what, "seed": seed.hex(), **_record(record)}
    made["refused_encodings.json"] = [_refused(item) for item in refused_encodings()]
    made["refused_records.json"] = [_refused(item) for item in refused_records()]
    made["signatures.json"] = [
        {"what": edge.what, "key": edge.key.hex(), "message": edge.message.hex(), "signature": edge.signature.hex(), "valid": edge.valid}
        for edge in [*twelve(), *small_orders()]
    ]
    made["messages.json"] = [{"what": what, "bytes": squeeze(data)} for what, data in messages()]
    made["sealed.json"] = sealed_words()
    return {name: json.dumps(value, indent=1, ensure_ascii=False) + "\n" for name, value in made.items()}


def _record(record: Record) -> dict[str, Any]:
    return {
        "fields": {name: to_json(getattr(record, name)) for name in FIELDS},
        "payload": squeeze(record.raw[SIGNATURE_SIZE:]),
        "signature": record.raw[:SIGNATURE_SIZE].hex(),
        "id": record.id.hex(),
    }


def _refused(item: Refused) -> dict[str, str]:
    return {"what": item.what, "reason": item.reason, "bytes": squeeze(item.data)}


if __name__ == "__main__":
    (HERE / "records").mkdir(exist_ok=True)
    for name, content in files().items():
        (HERE / name).write_text(content, encoding="utf-8")
