"""A conversation as JSON: the object of `show`, key by key as the contract has it, with some more.

Must not know how it is printed, who is looking, nor where records and names come from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from p2plearn import limits
from p2plearn.learning.conversation import Conversation, Entry, Version
from p2plearn.learning.items import item_json
from p2plearn.learning.notation import Json, Names, attachments_json, author_json, iso_time, refs_json
from p2plearn.learning.opinions import WARNINGS, Adoption, adoptions, corrections, reactions
from p2plearn.protocol.kinds import BY, OF, VARIANTS, Request, Revision, Snippet, Solve
from p2plearn.protocol.records import Record


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a conversation.

    `variants`: the originals that name it as what they fork, adapt or translate (others are left out). `sources`: what it was made from,
    what that was made from, and so on. `similar`: what was shown to whoever asked it, or is linked to it so. `passed_on`: the
    snippets that came out of a request. `held_by`: how many nodes of others are known to hold it, None when unknown.
    """

    variants: Sequence[Conversation] = ()
    sources: Sequence[Conversation] = ()
    similar: Sequence[Conversation] = ()
    passed_on: Sequence[Conversation] = ()
    held_by: int | None = None


def show_json(conversation: Conversation, names: Names, around: Around | None = None) -> Json:
    """The whole of one conversation.

    Beyond the contract: "type", "language", "reason" (why it was taken back, null while it stands), "howto", "adoptions" (of those who
    began last), "adopters" (how many there are), "upstream" (what warns of the things it was made from), "similar"; for a request its
    fields with "attempt_owed", "solved_by" and "passed_on"; and in each thread entry "parent", "attachments", "fixes", "private",
    "retracted" and "reason".
    """
    around = around or Around()
    root = conversation.root
    body = conversation.body
    adopted = sorted(adoptions(conversation.standing).values(), key=lambda one: (one.first.record.time, one.first.record.id))
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
        "howto": _howto(conversation.current),
        "thread": [_entry_json(entry, names) for entry in conversation.thread if not entry.is_opinion],
        "history": [_version_json(version) for version in conversation.versions],
        "corrections": corrections_json(conversation, names),
        "variants": _variants(root, around.variants, names),
        "reactions": [_opinion_json(entry, names) for entry in reactions(conversation)],
        "adoptions": [_adoption_json(one, conversation, names) for one in adopted[-limits.MAX_ADOPTIONS_SHOWN :]],
        "adopters": len(adopted),
        "upstream": [warning for source in around.sources for warning in warnings_json(source, names)],
        "similar": [item_json(other, names) for other in around.similar if other.reason is None],
        "held_by": around.held_by,
    }
    if isinstance(body, Request):
        shown |= _request_json(conversation, body) | {"passed_on": [item_json(other, names) for other in around.passed_on]}
    return shown


def corrections_json(conversation: Conversation, names: Names) -> list[Json]:
    """What others say is wrong with it; "taken_up_by": the revision that heeds it, or null."""
    return [
        _opinion_json(entry, names) | {"taken_up_by": by.hex() if by else None, "attachments": attachments_json(entry.attachments)}
        for entry, by in corrections(conversation)
    ]


def warnings_json(conversation: Conversation, names: Names) -> list[Json]:
    """What whoever relies on a snippet should know: that it was taken back, corrected, or found not to work, outdated or dangerous."""
    found = [_opinion_json(entry, names) for entry, _ in corrections(conversation)]
    found += [_opinion_json(entry, names) for entry in reactions(conversation) if entry.type in WARNINGS]
    if conversation.reason is not None:
        root = conversation.root
        about = {"id": root.id.hex(), "kind": "retract", "type": "retract", "about": root.id.hex()}
        found.append(about | {"author": author_json(root.author, names), "at": iso_time(root.time), "text": conversation.reason})
    return found


def _opinion_json(entry: Entry, names: Names) -> Json:
    return {
        "id": entry.record.id.hex(),
        "kind": entry.record.kind,
        "type": entry.type,
        "about": entry.parent.hex(),
        "author": author_json(entry.author, names),
        "at": iso_time(entry.record.time),
        "text": entry.text,
    }


def _adoption_json(one: Adoption, conversation: Conversation, names: Names) -> Json:
    """How far one author took it up."""
    return _opinion_json(one.entry, names) | {
        "outcome": one.outcome or None,
        "learned_from": author_json(one.learned_from, names) if one.learned_from else None,
        "of": (one.entry.record.target(OF) or conversation.root.id).hex(),
    }


def _howto(version: Version) -> Json | None:
    """The parts of a howto in the wording that holds; None where it has none."""
    body = version.body
    if version.reason is not None or not isinstance(body, Snippet | Revision):
        return None
    if not (body.steps or body.done_when or body.pitfalls):
        return None
    return {"steps": list(body.steps), "done_when": body.done_when, "pitfalls": list(body.pitfalls)}


def _request_json(conversation: Conversation, body: Request) -> Json:
    said = body if conversation.reason is None else Request("", "")
    solves = [entry.record for entry in conversation.standing if isinstance(entry.body, Solve)]
    by = max(solves, key=lambda record: record.order).target(BY) if conversation.state == "solved" else None
    return {
        "goal": said.goal,
        "tried": said.tried,
        "level": said.level,
        "want": said.want,
        "show_work_first": said.show_work_first,
        "attempt_owed": conversation.attempt_owed,
        "solved_by": by.hex() if by else None,
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
        "fixes": [{"step": fix.step or None, "text": fix.text} for fix in entry.fixes],
        "private": bool(entry.sealed),
        "parent": entry.parent.hex(),
        "retracted": entry.reason is not None,
        "reason": entry.reason,
    }


def _version_json(version: Version) -> Json:
    return {
        "id": version.record.id.hex(),
        "at": iso_time(version.record.time),
        "title": version.title,
        "text": version.text,
        "retracted": version.reason is not None,
        "reason": version.reason,
    }


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
