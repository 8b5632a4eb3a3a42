"""Records become edges, from the person helped to the helper. Each is signed by the one helped, so praise of oneself has no form.

An order-free fold: any order of the same records gives the same edges. What holds in a conversation (who may, whose later word counts,
what was taken back) is said in `learning`. Must not know ranks, weights over time, or who is looking.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from p2plearn.learning.conversation import Conversation, converse
from p2plearn.learning.opinions import adoptions, corrections, gratitude
from p2plearn.learning.progress import latest_verdicts
from p2plearn.learning.upstream import upstream
from p2plearn.ledger.credits import CORRECTOR, TEACHER, credits_of
from p2plearn.protocol.kinds import BY, ORIGINALS, ROOT, Request, Snippet, Solve, Verdict
from p2plearn.protocol.records import Record

UNITS = {"verdict": 3.0, "solve": 2.0, "tried": 1.0, "using": 2.0, "passed-on": 2.5, "correction": 1.0, "thanks": 1.0}
"""What a receipt of each kind counts, an adoption by its stage."""


@dataclass(frozen=True, slots=True)
class Edge:
    """That `beneficiary` was helped by `helper` (author keys): `record` is the receipt, `units` what it counts before it ages.

    `kind`: verdict, solve, adopt, learned-from, correction or thanks; `about` is the id of the request or snippet, or of the correction.
    No two edges have the same beneficiary, helper, kind and about.
    """

    beneficiary: bytes
    helper: bytes
    kind: str
    about: bytes
    record: Record
    units: float


def edges(records: Iterable[Record]) -> list[Edge]:
    """The edges that hold among `records`, by receipt id, helper and kind. Any of the records may be missing, and any be given twice.

    Slots: (issuer, request) for verdict and solve, (issuer, snippet, helper) for adopt and for learned-from, (issuer, correction), and
    (issuer, root, helper) for thanks. The latest (seq, id) of a slot holds, even where it names nobody or somebody whose reply is not here:
    its author changed their mind. What was dropped or taken back, or has no effect, leaves the slot first.
    """
    conversations = _conversations({record.id: record for record in records})
    found: list[Edge] = []
    for conversation in conversations.values():
        if isinstance(conversation.body, Request):
            found += _solved(conversation)
        if isinstance(conversation.body, Snippet):
            found += _adopted(conversation, conversations)
        found += _corrected(conversation)
        found += _thanked(conversation)
    return sorted((edge for edge in found if edge.helper != edge.beneficiary), key=lambda edge: (edge.record.id, edge.helper, edge.kind))


def _conversations(held: Mapping[bytes, Record]) -> dict[bytes, Conversation]:
    """Root id → conversation, of every readable original."""
    said: dict[bytes, list[Record]] = {}
    for record in held.values():
        if root := record.target(ROOT):
            said.setdefault(root, []).append(record)
    found = {}
    for record in held.values():
        if record.kind in ORIGINALS:
            inside = said.get(record.id, [])
            named = [held[target] for one in inside for target in one.targets(BY) if target in held]
            if conversation := converse(record, [*inside, *named]):
                found[record.id] = conversation
    return found


def _solved(conversation: Conversation) -> Iterator[Edge]:
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
        yield Edge(solve.author, helper, kind, conversation.root.id, solve, UNITS[kind])


def _adopted(conversation: Conversation, held: Mapping[bytes, Conversation]) -> Iterator[Edge]:
    """From each adopter to the author and earlier ones, and to whom they learned it from."""
    found = adoptions(conversation.standing).values()
    chain = upstream(conversation, held) if found else []
    for adoption in found:
        record = adoption.entry.record
        for helper, share, why in credits_of(record, chain):
            if why != CORRECTOR:  # whose edge comes from the author who took the correction up
                kind = "learned-from" if why == TEACHER else "adopt"
                yield Edge(record.author, helper, kind, conversation.root.id, record, share * UNITS[adoption.stage])


def _corrected(conversation: Conversation) -> Iterator[Edge]:
    """From the author to each whose correction a revision of theirs took up."""
    revisions = {version.record.id: version.record for version in conversation.versions}
    for entry, by in corrections(conversation):
        if by is not None:
            yield Edge(conversation.root.author, entry.author, "correction", entry.record.id, revisions[by], UNITS["correction"])


def _thanked(conversation: Conversation) -> Iterator[Edge]:
    """From whoever thanked to the author of what they thanked for, if that is here."""
    latest: dict[tuple[bytes, bytes], Record] = {}
    for entry, helper in sorted(gratitude(conversation), key=lambda found: found[0].record.order):
        latest[entry.author, helper] = entry.record
    for (issuer, helper), record in latest.items():
        yield Edge(issuer, helper, "thanks", conversation.root.id, record, UNITS["thanks"])
