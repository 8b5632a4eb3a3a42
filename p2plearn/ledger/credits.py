"""Whom an adoption credits, without a further step: those who made what was adopted, showed it, or corrected it.

Must not know what a share is worth (`entries`), nor how conversations were found.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from p2plearn.learning.conversation import Conversation
from p2plearn.learning.notation import Json, Names
from p2plearn.learning.opinions import adoptions, corrections
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import OF, Adopt
from p2plearn.protocol.records import Record

SHARES = (1.0, 0.5, 0.25)  # of the author, and of the authors before along forks; who comes before them gets nothing
DROPPED = "dropped"

AUTHOR, EARLIER, TEACHER, CORRECTOR = "author", "earlier author", "learned from", "correction"


class Credit(NamedTuple):
    """That `author` has a share in an adoption, and why."""

    author: bytes
    share: float
    why: str


def credits_of(adoption: Record, chain: Sequence[Conversation]) -> list[Credit]:
    """Whom the record `adoption` credits, authors first. Nobody twice for one reason, and never the adopter.

    `chain`: the conversation of what was adopted, then that of what it was made from, and so on, as far as they are held
    (`learning.upstream.upstream`). Who forked their own work is one author, so that nobody can push those before them out of the chain.
    """
    body = body_of(adoption)
    if not isinstance(body, Adopt) or body.stage == DROPPED or not chain:
        return []
    authors = list(dict.fromkeys(conversation.root.author for conversation in chain))
    found = [
        Credit(author, share, EARLIER if place else AUTHOR) for place, (author, share) in enumerate(zip(authors, SHARES, strict=False))
    ]
    if teacher := _teacher(adoption, body, chain[0]):
        found.append(Credit(teacher, 1.0, TEACHER))
    found += [Credit(author, 1.0, CORRECTOR) for author in dict.fromkeys(_correctors(adoption, chain[0]))]
    return [credit for credit in found if credit.author != adoption.author]


def credits_json(found: Sequence[Credit], names: Names) -> list[Json]:
    """[{"author", "name", "share", "why"}]; "why": author, earlier author, learned from, or correction."""
    return [
        {"author": credit.author.hex(), "name": names.get(credit.author, ""), "share": credit.share, "why": credit.why} for credit in found
    ]


def _teacher(adoption: Record, body: Adopt, snippet: Conversation) -> bytes:
    """Whom the adopter learned it from: another who adopted it too, but not from them. Empty for nobody.

    The author is none: they have the whole share already.
    """
    adopters = adoptions(snippet.standing)
    mine = adopters.get(adoption.author)
    named = body.learned_from or (mine.learned_from if mine else b"")
    valid = named in adopters and named != snippet.root.author and adopters[named].learned_from != adoption.author
    return named if valid else b""


def _correctors(adoption: Record, snippet: Conversation) -> Iterator[bytes]:
    """Those whose correction the adopted wording, or one before it, took up."""
    wordings = [version.record.id for version in snippet.versions]
    adopted = adoption.target(OF) or b""
    until = wordings.index(adopted) if adopted in wordings else len(wordings) - 1
    return (entry.author for entry, by in corrections(snippet) if by in wordings[: until + 1])
