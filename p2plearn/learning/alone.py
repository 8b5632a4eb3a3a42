"""What no conversation hangs on, in the shape of `show`: a profile, that somebody teaches or learns, a shared answer of the compass.

Must not know how it is printed.
"""

from collections.abc import Iterable

from p2plearn.learning.compass import QUESTIONS
from p2plearn.learning.notation import Json, Names, attachments_json, author_json, iso_time, refs_json
from p2plearn.protocol.authority import retractions
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import Compass, Learn, Profile, Teach
from p2plearn.protocol.records import Record

_NOTHING_ELSE = ("thread", "history", "corrections", "variants", "reactions", "adoptions", "upstream", "similar")


def alone_json(record: Record, said: Iterable[Record], names: Names, held_by: int | None) -> Json | None:
    """The keys of `show` for what stands for itself, None for anything else. `said`: the retractions of it, others are harmless."""
    body = body_of(record)
    if not isinstance(body, Profile | Teach | Learn | Compass):
        return None
    reason = retractions([record, *said]).get(record.id)
    title, text = _words(record, body) if reason is None else ("", "")
    shown = {
        "id": record.id.hex(),
        "kind": record.kind,
        "type": record.kind,
        "author": author_json(record.author, names),
        "at": iso_time(record.time),
        "title": title,
        "text": text,
        "topics": list(record.topics),
        "language": record.language,
        "licence": record.licence,
        "state": "shared" if reason is None else "retracted",
        "reason": reason,
        "refs": refs_json(record.refs),
        "attachments": attachments_json(record.attachments if reason is None else ()),
        "howto": None,
        "adopters": 0,
        "held_by": held_by,
    }
    return shown | {name: list[Json]() for name in _NOTHING_ELSE}


def _words(record: Record, body: Profile | Teach | Learn | Compass) -> tuple[str, str]:
    """(title, text)."""
    match body:
        case Profile():
            return body.name, body.about
        case Compass():
            return QUESTIONS[body.question], body.text
        case Teach():
            places = f", {body.capacity} at a time" if body.capacity else ""
            return f"teaches {', '.join(record.topics)}{places}", ""
    return f"wants to learn {', '.join(record.topics)}", ""
