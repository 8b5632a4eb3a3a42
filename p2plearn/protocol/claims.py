"""Who fetches what: several sessions of one node that lack the same records share the work instead of getting everything twice.

Whoever is about to ask claims first. What is claimed by one the others pass over; what a broken session had claimed is free again. What
has come stays claimed until nobody fetches any more: others learned of it before it came, and heads do not show what lies behind a gap.
Ids that somebody claimed and has not brought by another's next round are the other's to take over: no peer keeps a record from us by
being slow with it. (What is missing of a run is asked for by ids in the end.)

Knows neither peers nor messages.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Stretch:
    """One author's records `first` … `last`, claimed by `who`."""

    first: int
    last: int
    who: Hashable


class Claims:
    """The claims on what one replica lacks. `who` stands for one session in one round."""

    def __init__(self) -> None:
        self.asks = 0  # for ids, so far: tells what was claimed before something else happened
        self._ids: dict[int, tuple[Hashable, int]] = {}  # by unsalted short id: whose it is, and since which ask
        self._runs: dict[bytes, list[_Stretch]] = {}  # by author, in order
        self._fetching: set[Hashable] = set()

    def __repr__(self) -> str:
        return f"<Claims on {len(self._ids)} ids and runs of {len(self._runs)} authors>"

    def ids(self, who: Hashable, shorts: Iterable[int], before: int = 0) -> list[bool]:
        """For each unsalted short id whether it is this session's to fetch: claimed now, if it was free.

        What is still lacking of those that others claimed when `asks` was at most `before` is taken over.
        """
        self._fetching.add(who)
        self.asks += 1
        return [self._claim(who, short, before) for short in shorts]

    def _claim(self, who: Hashable, short: int, before: int) -> bool:
        owner, since = self._ids.setdefault(short, (who, self.asks))
        if owner != who and since <= before:
            owner, _ = self._ids[short] = who, self.asks
        return owner == who

    def run(self, who: Hashable, author: bytes, first: int, last: int, most: int) -> tuple[int, int] | None:
        """Claim the first free stretch of an author's records `first` … `last`, at most `most` of them; None when there is none."""
        self._fetching.add(who)
        stretches = self._runs.setdefault(author, [])
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
        else:
            stretches.insert(at, _Stretch(first, last, who))
        return first, last

    def finish(self, who: Hashable) -> None:
        """What was claimed has come, as far as it was to be had."""
        self._fetching.discard(who)
        if not self._fetching:
            self._ids.clear()
            self._runs.clear()

    def give_up(self, who: Hashable) -> bool:
        """Nothing comes any more; whether others have something to take over."""
        fetched = who in self._fetching
        if fetched:
            self._ids = {short: claim for short, claim in self._ids.items() if claim[0] != who}
            self._runs = {author: [one for one in stretches if one.who != who] for author, stretches in self._runs.items()}
        self.finish(who)
        return fetched
