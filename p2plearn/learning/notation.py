"""How ids, keys, times and files are written for people and scripts: one spelling each, everywhere. Knows nothing of what they name."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from p2plearn.protocol import cid
from p2plearn.protocol.records import Attachment, Ref

Json: TypeAlias = dict[str, Any]
Names: TypeAlias = Mapping[bytes, str]  # author key → name

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC throughout; a naive value prints without an offset
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the last that datetime knows


def iso_time(ms: int) -> str:
    """2026-11-22T06:25:43.120Z for ms since 1970, clamped to the years 1970 to 9999."""
    moment = _EPOCH + timedelta(milliseconds=min(max(ms, 0), _LAST_MS))
    return moment.isoformat(timespec="milliseconds") + "Z"


def author_json(author: bytes, names: Names) -> Json:
    """{"key", "name"}; the name is empty where none is known."""
    return {"key": author.hex(), "name": names.get(author, "")}


def refs_json(refs: Iterable[Ref]) -> list[Json]:
    """[{"relation", "id"}], in the order written."""
    return [{"relation": ref.relation, "id": ref.target.hex()} for ref in refs]


def attachments_json(attachments: Iterable[Attachment]) -> list[Json]:
    """[{"cid", "size", "type", "name", "alt"}]; size in bytes."""
    return [
        {"cid": cid.to_text(file.cid), "size": file.size, "type": file.media_type, "name": file.name, "alt": file.alt}
        for file in attachments
    ]
