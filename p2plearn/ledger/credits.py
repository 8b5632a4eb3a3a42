"""Whom an adoption credits, without a further step: those who made what was adopted, showed it, or corrected it.

Must not know what a share is worth (`entries`), nor how conversations, or copies, were found.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.notation import Json, Names
from p2plearn.learning.opinions import Adoption, adoptions, corrections
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import OF, VARIANTS, Adopt, Snippet
from p2plearn.protocol.records import Record

SHARES = (1.0, 0.5, 0.25)  # of the author, and of the authors before along forks; who comes before them gets nothing
DROPPED = "dropped"

AUTHOR, EARLIER, TEACHER, CORRECTOR = "author", "earlier author", "learned from", "correction"


class Credit(NamedTuple):
    """That `author` has a share in an adoption, and why."""

    author: bytes
    share: float
    why: str


def authors_along(snippet: Record, held: Callable[[bytes], Record | None], original: Callable[[bytes], bytes | None]) -> list[bytes]:
    """Whose work `snippet` is: its author, and those of what it was made from, one from the other, as far as `held` gives them by id.

    Nobody twice, so that nobody can push those before them out by forking their own work. What has the words of another's without
    naming it is theirs: `original` gives its id, and the copy's own author is not among them.
    """
    authors: dict[bytes, None] = {}
    current: Record | None = snippet
    for _ in range(limits.MAX_UPSTREAM):
        if current is None:
            break
        copied = original(current.id)
        before = held(copied) if copied is not None else None
        if before is None:
            authors[current.author] = None
            sources = (held(ref.target) for ref in current.refs if ref.relation in VARIANTS)
            before = next((source for source in sources if source is not None and isinstance(body_of(source), Snippet)), None)
        current = before
    return list(authors)


def credits_of(adoption: Record, snippet: Conversation, authors: Sequence[bytes]) -> list[Credit]:
    """Whom the record `adoption` credits: the `authors` of `snippet` (`authors_along`) first.

    Nobody twice for one reason, and never the adopter.
    """
    body = body_of(adoption)
    if not isinstance(body, Adopt) or body.stage == DROPPED:
        return []
    adopters = adoptions(snippet.standing)
    mine = adopters.get(adoption.author)
    found = shares(authors)
    if teacher := teacher_of(adoption.author, body.learned_from or (mine.learned_from if mine else b""), snippet, authors, adopters):
        found.append(Credit(teacher, 1.0, TEACHER))
    found += [Credit(author, 1.0, CORRECTOR) for author in dict.fromkeys(_correctors(adoption, snippet))]
    return [credit for credit in found if credit.author != adoption.author]


def shares(authors: Sequence[bytes]) -> list[Credit]:
    """What those who made a thing have in each adoption of it."""
    return [Credit(author, share, EARLIER if place else AUTHOR) for place, (author, share) in enumerate(zip(authors, SHARES, strict=False))]


def teacher_of(
    adopter: bytes, named: bytes, snippet: Conversation, authors: Sequence[bytes], adopters: Mapping[bytes, Adoption]
) -> bytes | None:
    """Whom an adopter learned it from, if they `named` another who adopted it too, but not from them.

    The author is none: they have the whole share already. Nor is whoever passed it off as theirs.
    """
    valid = named in adopters and named not in {snippet.root.author, *authors[:1]} and adopters[named].learned_from != adopter
    return named if valid else None


def credits_json(found: Sequence[Credit], names: Names) -> list[Json]:
    """[{"author", "name", "share", "why"}]; "why": author, earlier author, learned from, or correction."""
    return [
        {"author": credit.author.hex(), "name": names.get(credit.author, ""), "share": credit.share, "why": credit.why} for credit in found
    ]


def _correctors(adoption: Record, snippet: Conversation) -> Iterator[bytes]:
    """Those whose correction the adopted wording, or one before it, took up."""
    wordings = [version.record.id for version in snippet.versions]
    adopted = adoption.target(OF) or b""
    until = wordings.index(adopted) if adopted in wordings else len(wordings) - 1
    return (entry.author for entry, by in corrections(snippet) if by in wordings[: until + 1])
