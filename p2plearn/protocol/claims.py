"""Who fetches what: several sessions of one node that lack the same records share the work instead of getting everything twice.

Whoever is about to ask claims first. What is claimed by one the others pass over; what a broken session had claimed is free again. What
has come stays claimed until nobody fetches any more: others learned of it before it came, and heads do not show what lies behind a gap.
Whoever passed an id over in one round and still lacks it in the next takes it over: no peer keeps a record from us by being slow with it,
or by claiming it ever anew. (What is missing of a run is asked for by ids in the end.)

Knows neither peers nor messages.
"""

from collections.abc import Container, Hashable, Iterable
from dataclasses import dataclass

from p2plearn import limits


@dataclass(slots=True)
class _Stretch:
    """One author's records `first` … `last`, claimed by `who`."""

    first: int
    last: int
    who: Hashable


class Claims:
    """The claims on what one replica lacks. `who` stands for one session in one round."""

    def __init__(self) -> None:
        self._ids: dict[int, Hashable] = {}  # unsalted short ids
        self._runs: dict[bytes, list[_Stretch]] = {}  # by author, in order
        self._stretches = 0  # in all those runs
        self._fetching: set[Hashable] = set()

    def __repr__(self) -> str:
        return f"<Claims on {len(self._ids)} ids and runs of {len(self._runs)} authors>"

    @property
    def is_full(self) -> bool:
        """Whether no more is noted: what comes on top may come twice."""
        return len(self._ids) + self._stretches >= limits.MAX_CLAIMS

    def ids(self, who: Hashable, shorts: Iterable[int], overdue: Container[int] = ()) -> list[bool]:
        """For each unsalted short id whether it is this session's to fetch: claimed now, if it was free, or is among those `overdue`."""
        self._fetching.add(who)
        return [self._claim(who, short, is_due=short in overdue) for short in shorts]

    def _claim(self, who: Hashable, short: int, *, is_due: bool) -> bool:
        owner = self._ids.get(short)
        if owner is None or is_due:
            owner = who
            if not self.is_full:
                self._ids[short] = who
        return owner == who

    def run(self, who: Hashable, author: bytes, first: int, last: int, most: int) -> tuple[int, int] | None:
        """Claim the first free stretch of an author's records `first` … `last`, at most `most` of them; None when there is none."""
        self._fetching.add(who)
        stretches = self._runs.get(author, [])
        at = 0
        for at, stretch in enumerate(stretches):  # noqa: B007  # the place is used below
            if first < stretch.first:
                last = min(last, stretch.first - 1)
                break
            first = max(first, stretch.last + 1)
        else:
            at = len(stretches)
        if first > last:
            return None
        last = min(last, first + most - 1)
        if at and stretches[at - 1].last == first - 1 and stretches[at - 1].who == who:
            stretches[at - 1].last = last
        elif not self.is_full:
            stretches.insert(at, _Stretch(first, last, who))
            self._runs[author] = stretches
            self._stretches += 1
        return first, last

    def finish(self, who: Hashable) -> None:
        """What was claimed has come, as far as it was to be had."""
        self._fetching.discard(who)
        if not self._fetching:
            self._ids.clear()
            self._runs.clear()
            self._stretches = 0

    def give_up(self, who: Hashable) -> bool:
        """Nothing comes any more; whether others have something to take over."""
        fetched = who in self._fetching
        if fetched:
            self._ids = {short: owner for short, owner in self._ids.items() if owner != who}
            self._runs = {author: [one for one in stretches if one.who != who] for author, stretches in self._runs.items()}
            self._stretches = sum(map(len, self._runs.values()))
        self.finish(who)
        return fetched
