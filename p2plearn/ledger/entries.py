"""Records become receipts, from the person helped to the helper. Each is signed by the one helped, so praise of oneself has no form.

An order-free fold: any order of the same records gives the same receipts. What holds in a conversation (who may, whose later word counts,
what was taken back) is said in `learning`. Must not know ranks, weights over time, or who is looking.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from p2plearn.learning.conversation import Conversation, converse
from p2plearn.learning.opinions import Adoption, adoptions, corrections, gratitude
from p2plearn.learning.progress import latest_verdicts
from p2plearn.ledger.credits import DROPPED, authors_along, shares, teacher_of
from p2plearn.ledger.receipts import Receipt
from p2plearn.protocol.kinds import BY, ORIGINALS, RE, ROOT, Request, Snippet, Solve, Verdict
from p2plearn.protocol.records import Record

UNITS = {"verdict": 3.0, "solve": 2.0, "tried": 1.0, "using": 2.0, "passed-on": 2.5, "correction": 1.0, "thanks": 1.0}
"""What a receipt of each kind counts, an adoption by its stage."""

_NO_COPIES: Mapping[bytes, bytes] = MappingProxyType({})


def edges(records: Iterable[Record], copies: Mapping[bytes, bytes] = _NO_COPIES) -> list[Receipt]:
    """The receipts that hold among `records`. Any of the records may be missing, and any be given twice. `copies`: id → id of the original.

    Slots: (issuer, request) for verdict and solve, (issuer, snippet, helper) for adopt and for learned-from, (issuer, correction), and
    (issuer, root, helper) for thanks. The latest (seq, id) of a slot holds, even where it names nobody or somebody whose reply is not here:
    its author changed their mind. What was dropped or taken back, or has no effect, leaves the slot first.
    """
    held = {record.id: record for record in records}
    found: list[Receipt] = []
    for conversation in _conversations(held):
        found += receipts_of(conversation, authors_along(conversation.root, held.get, copies.get), adoptions(conversation.standing))
    return sorted(found, key=lambda receipt: (receipt.record, receipt.helper, receipt.kind, receipt.slot))


def receipts_of(conversation: Conversation, authors: Sequence[bytes], adopters: Mapping[bytes, Adoption]) -> list[Receipt]:
    """The receipts of one conversation. `authors`: whose work its root is (`credits.authors_along`); `adopters`: those that stand in it."""
    found = [*_thanked(conversation, authors), *_corrected(conversation)]
    if isinstance(conversation.body, Request):
        found += _solved(conversation)
    if isinstance(conversation.body, Snippet):
        found += _adopted(conversation, authors, adopters)
    return [receipt for receipt in found if receipt.helper != receipt.issuer]


def _conversations(held: Mapping[bytes, Record]) -> Iterator[Conversation]:
    """That of every readable original."""
    said: dict[bytes, list[Record]] = {}
    for record in held.values():
        if root := record.target(ROOT):
            said.setdefault(root, []).append(record)
    for record in held.values():
        if record.kind in ORIGINALS:
            inside = said.get(record.id, [])
            named = [held[target] for one in inside for target in one.targets(BY) if target in held]
            if conversation := converse(record, [*inside, *named]):
                yield conversation


def _receipt(record: Record, helper: bytes, kind: str, thing: Record, units: float) -> Receipt:
    return Receipt(record.author, helper, kind, thing.id, units, record.time, thing.topics, record.id)


def _solved(conversation: Conversation) -> Iterator[Receipt]:
    """From the asker to whose reply it was; where none is named, to the setter of the check judged shown."""
    solves = [entry.record for entry in conversation.standing if isinstance(entry.body, Solve)]
    if not solves:
        return
    places = {entry.record.id: entry.record.order for entry in conversation.thread}
    verdicts = latest_verdicts(conversation.thread).values()
    shown = [entry for entry in verdicts if isinstance(entry.body, Verdict) and entry.body.result == "shown"]
    solve = max(solves, key=lambda record: record.order)
    by = solve.target(BY)
    setter = max(shown, key=lambda entry: places[entry.parent]).author if shown else None  # of the proof that the asker gave last
    helper = conversation.authors.get(by) if by else setter
    if helper:
        kind = "verdict" if shown else "solve"
        yield _receipt(solve, helper, kind, conversation.root, UNITS[kind])


def _adopted(conversation: Conversation, authors: Sequence[bytes], adopters: Mapping[bytes, Adoption]) -> Iterator[Receipt]:
    """From each adopter to those whose work it is, and to whom they learned it from."""
    for adoption in adopters.values():
        if adoption.stage == DROPPED:
            continue
        record, units = adoption.entry.record, UNITS[adoption.stage]
        for author, share, _ in shares(authors):
            yield _receipt(record, author, "adopt", conversation.root, share * units)
        if teacher := teacher_of(adoption.author, adoption.learned_from, conversation, authors, adopters):
            yield _receipt(record, teacher, "learned-from", conversation.root, units)


def _corrected(conversation: Conversation) -> Iterator[Receipt]:
    """From the author to each whose correction a revision of theirs took up."""
    revisions = {version.record.id: version.record for version in conversation.versions}
    for entry, by in corrections(conversation):
        if by is not None:
            receipt = _receipt(revisions[by], entry.author, "correction", conversation.root, UNITS["correction"])
            yield receipt._replace(slot=entry.record.id)


def _thanked(conversation: Conversation, authors: Sequence[bytes]) -> Iterator[Receipt]:
    """From whoever thanked to the author of what they thanked for, if that is here; for the thing itself, to whose work it is."""
    wordings = {version.record.id for version in conversation.versions}
    latest: dict[tuple[bytes, bytes], Record] = {}
    for entry, author in sorted(gratitude(conversation), key=lambda found: found[0].record.order):
        helper = authors[0] if authors and entry.record.target(RE) in wordings else author
        latest[entry.author, helper] = entry.record
    for (_, helper), record in latest.items():
        yield _receipt(record, helper, "thanks", conversation.root, UNITS["thanks"])
