"""Where a snippet went: who took it up, from whom they learned it, through forks, adaptations and translations too.

Everybody stands once in a tree whose root is the author. Times are claims; the same set of records always gives the same tree.
Must not know how what belongs to a snippet is found, nor who is looking.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import NamedTuple

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.notation import Json, Names, iso_time
from p2plearn.learning.opinions import Adoption, adoptions
from p2plearn.learning.upstream import made_from
from p2plearn.protocol.kinds import ROOT, VARIANTS


class Member(NamedTuple):
    """Somebody in a lineage besides the author.

    `stage` is that of their adoption, or the relation by which their own version came about, if they did not adopt anything themselves;
    `above` is under whom they stand, `since` the time of their first adoption or version (ms since 1970), `of` the snippet meant.
    """

    author: bytes
    stage: str
    outcome: str
    learned_from: bytes
    above: bytes
    since: int
    of: bytes


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everybody whom the snippet of `root` reached. `r` is how many others each adopter brought it to in time, None without any adopter."""

    root: Conversation
    members: Mapping[bytes, Member]
    reached: int
    r: float | None


def trace(original: Conversation, made: Iterable[Conversation]) -> Lineage:
    """The lineage of `original`; `made`: everything that was made from it, or from that; others are left out.

    An adopter stands under whom they named last, if that is somebody in the tree, else under whoever made what they adopted. Who made a
    version stands under the author of what it was made from. Where people stand under one another in a circle, the one who began first
    (of equals, the lesser key) goes to the author. A version that was taken back keeps those who came by it.
    """
    family = _family(original, made)
    author = original.root.author
    adopted = adoptions(entry for conversation in family.values() for entry in conversation.standing)
    adopted.pop(author, None)
    members = {maker.author: maker for maker in reversed(_makers(family, original)) if maker.author != author}
    here = {author, *members, *adopted}
    for person, adoption in adopted.items():
        of = adoption.entry.record.target(ROOT) or original.root.id
        named = adoption.learned_from
        above = named if named in here and named != person else _maker(family, of, person)
        members[person] = Member(person, adoption.stage, adoption.outcome, named, above, adoption.first.record.time, of)
    return Lineage(original, _untangled(members, author), len(adopted), _reproduction(adopted))


def lineage_json(lineage: Lineage, names: Names) -> Json:
    """The contract's object. Beyond it: "cut", and in each node "outcome", "at" and "of".

    Children by when they began. Nobody stands deeper than MAX_LINEAGE_DEPTH: who would is shown beside their teacher, and "cut" is true.
    """
    root = lineage.root.root
    beginning = Member(root.author, "", "", b"", b"", root.time, root.id)
    nodes = {member.author: _node(member, names) for member in (beginning, *lineage.members.values())}
    shown = _shown_under(lineage)
    for member in sorted(lineage.members.values(), key=lambda member: (member.since, member.author)):
        nodes[shown[member.author]]["children"].append(nodes[member.author])
    cut = any(shown[member.author] != member.above for member in lineage.members.values())
    return {"id": root.id.hex(), "tree": nodes[root.author], "reached": lineage.reached, "r": lineage.r, "cut": cut}


def _family(original: Conversation, made: Iterable[Conversation]) -> dict[bytes, Conversation]:
    """Root id → conversation of what descends from `original`, and itself, which comes first; what was taken back only if it led on."""
    versions: dict[bytes, list[Conversation]] = {}
    for conversation in made:
        for source in made_from(conversation):
            versions.setdefault(source, []).append(conversation)
    family = {original.root.id: original}
    waiting = [original]
    for conversation in waiting:
        new = [version for version in versions.get(conversation.root.id, ()) if version.root.id not in family]
        family |= {version.root.id: version for version in new}
        waiting += new
    kept = {original.root.id}
    for conversation in family.values():
        if conversation.reason is None or adoptions(conversation.standing):
            kept.update(takewhile(lambda one: one not in kept, _line(family, conversation.root.id)))
    return {root: conversation for root, conversation in family.items() if root in kept}


def _line(family: Mapping[bytes, Conversation], of: bytes) -> Iterator[bytes]:
    """`of`, then the first in the family that it names as its source, and so on up to the original."""
    current: bytes | None = of
    while current is not None:
        yield current
        current = next((source for source in made_from(family[current]) if source in family), None)


def _maker(family: Mapping[bytes, Conversation], of: bytes, person: bytes) -> bytes:
    """Who made `of`; where that is the person, who made what it was made from. The author of the original at the last."""
    author = b""
    for one in _line(family, of):
        author = family[one].root.author
        if author != person:
            break
    return author


def _makers(family: Mapping[bytes, Conversation], original: Conversation) -> list[Member]:
    """Those who made versions, as such, in the order of claimed times."""
    found = []
    for conversation in sorted(family.values(), key=lambda one: (one.root.time, one.root.id)):
        root = conversation.root
        if root.id != original.root.id:
            source = list(islice(_line(family, root.id), 2))[1]
            relation = next(ref.relation for ref in root.refs if ref.relation in VARIANTS and ref.target == source)
            found.append(Member(root.author, relation, "", b"", _maker(family, root.id, root.author), root.time, root.id))
    return found


def _untangled(members: Mapping[bytes, Member], author: bytes) -> dict[bytes, Member]:
    """The same with every circle opened: each person stands under one other, so circles share nobody and each is opened by itself."""
    found = dict(members)
    settled = {author}
    for start in members:
        path: dict[bytes, None] = {}
        person = start
        while person not in settled and person not in path:
            path[person] = None
            person = members[person].above
        if person in path:
            circle = list(path)[list(path).index(person) :]
            first = min((members[one] for one in circle), key=lambda member: (member.since, member.author))
            found[first.author] = first._replace(above=author)
        settled.update(path)
    return found


def _reproduction(adopted: Mapping[bytes, Adoption]) -> float | None:
    """Pairs of adopters of whom one names the other, within LINEAGE_WINDOW_MS of the other's own beginning, for each adopter."""
    if not adopted:
        return None
    return sum(
        abs(adoption.named[-1][1] - adopted[adoption.learned_from].first.record.time) <= limits.LINEAGE_WINDOW_MS
        for person, adoption in adopted.items()
        if adoption.learned_from in adopted and adoption.learned_from != person
    ) / len(adopted)


def _shown_under(lineage: Lineage) -> dict[bytes, bytes]:
    """Member → under whom they are shown: as they stand, as far as the depth allows."""
    below: dict[bytes, list[bytes]] = {}
    for member in lineage.members.values():
        below.setdefault(member.above, []).append(member.author)
    shown: dict[bytes, bytes] = {}
    depth = {lineage.root.root.author: 0}
    waiting = list(depth)
    for person in waiting:
        host = person if depth[person] < limits.MAX_LINEAGE_DEPTH else shown[person]
        for child in below.get(person, ()):
            shown[child] = host
            depth[child] = depth[host] + 1
            waiting.append(child)
    return shown


def _node(member: Member, names: Names) -> Json:
    return {
        "author": member.author.hex(),
        "name": names.get(member.author, ""),
        "stage": member.stage or None,
        "outcome": member.outcome or None,
        "learned_from": member.learned_from.hex() or None,
        "at": iso_time(member.since),
        "of": member.of.hex(),
        "children": [],
    }
