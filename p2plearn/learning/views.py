"""A conversation as JSON: the object of `show`, key by key as the contract has it, with some more.

Must not know how it is printed, nor where records and names come from.
"""

from collections.abc import Iterable

from p2plearn.learning.conversation import Conversation, Entry
from p2plearn.learning.items import item_json
from p2plearn.learning.notation import Json, Names, attachments_json, author_json, iso_time, refs_json
from p2plearn.protocol.kinds import VARIANTS, Request, Snippet
from p2plearn.protocol.records import Record


def show_json(conversation: Conversation, names: Names, variants: Iterable[Conversation] = (), held_by: int | None = None) -> Json:
    """The whole of one conversation.

    `variants`: the originals that name this one as what they fork, adapt or translate (others are left out); `held_by`: how many nodes
    are known to hold it, None when unknown. Beyond the contract: "type", "language", "reason" (why it was taken back, null while it
    stands), for a request its fields and "attempt_owed", and in each thread entry "parent", "attachments", "retracted" and "reason".
    """
    root = conversation.root
    body = conversation.body
    shown = {
        "id": root.id.hex(),
        "kind": root.kind,
        "type": body.type if isinstance(body, Snippet) else root.kind,
        "author": author_json(root.author, names),
        "at": iso_time(root.time),
        "title": conversation.title,
        "text": conversation.text,
        "topics": list(root.topics),
        "language": root.language,
        "licence": root.licence,
        "state": conversation.state,
        "reason": conversation.reason,
        "refs": refs_json(root.refs),
        "attachments": attachments_json(conversation.attachments),
        "thread": [_entry_json(entry, names) for entry in conversation.thread],
        "history": _history(conversation),
        "corrections": [],
        "variants": _variants(root, variants, names),
        "reactions": [],
        "held_by": held_by,
    }
    if isinstance(body, Request):
        shown |= _request_json(conversation, body)
    return shown


def _request_json(conversation: Conversation, body: Request) -> Json:
    said = body if conversation.reason is None else Request("", "")
    return {
        "goal": said.goal,
        "tried": said.tried,
        "level": said.level,
        "want": said.want,
        "show_work_first": said.show_work_first,
        "attempt_owed": conversation.attempt_owed,
        "to": body.to.hex() or None,
    }


def _entry_json(entry: Entry, names: Names) -> Json:
    record = entry.record
    return {
        "id": record.id.hex(),
        "kind": record.kind,
        "type": entry.type,
        "author": author_json(record.author, names),
        "at": iso_time(record.time),
        "step": entry.step or None,
        "text": entry.text,
        "refs": refs_json(record.refs),
        "attachments": attachments_json(entry.attachments),
        "parent": entry.parent.hex(),
        "retracted": entry.reason is not None,
        "reason": entry.reason,
    }


def _history(conversation: Conversation) -> list[Json]:
    return [
        {
            "id": version.record.id.hex(),
            "at": iso_time(version.record.time),
            "title": version.title,
            "text": version.text,
            "retracted": version.reason is not None,
            "reason": version.reason,
        }
        for version in conversation.versions
    ]


def _variants(source: Record, variants: Iterable[Conversation], names: Names) -> list[Json]:
    """Items with their relation and language, oldest claim first."""
    related = [
        (variant.root.time, variant.root.id, ref.relation, variant)
        for variant in variants
        for ref in variant.root.refs
        if isinstance(variant.body, Snippet) and ref.relation in VARIANTS and ref.target == source.id
    ]
    return [
        item_json(variant, names) | {"relation": relation, "language": variant.root.language}
        for _, _, relation, variant in sorted(related, key=lambda row: row[:3])
    ]
