"""Examining a batch of raw records: reading them, and having their signatures checked; or, where a run vouches for them, later.

Must not know the store, nor what is wanted here.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import trio

from p2plearn import limits
from p2plearn.protocol.admission import Reject, Sifted, is_signed, read, sift
from p2plearn.protocol.records import Record, record_id

AtOnce = Callable[[bytes], bool]
Check = Callable[[Sequence[Record]], Awaitable[list[bool]]]


@dataclass(slots=True)
class Examined:
    """A batch of which all is known but whether it is wanted. `given` counts all that was in it, also what was held already.

    `postponed`: ids among `records` whose own signature is yet to be checked; `disowned`: as in `admission.Sifted`; `rejected`: how many
    are no records, by reason: the sender is to blame.
    """

    given: int
    records: list[Record] = field(default_factory=list)
    postponed: set[bytes] = field(default_factory=set)
    disowned: list[Record] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)

    def join(self, other: "Examined") -> None:
        """Put another batch of the same source behind this one: what is committed together costs less."""
        self.given += other.given
        self.records = [*self.records, *other.records]
        self.postponed |= other.postponed
        self.disowned = [*self.disowned, *other.disowned]
        for reason, number in other.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + number


@dataclass(slots=True)
class Taken:
    """What became of a batch from outside: how many were new and known, refusals by reason, and whether the sender is to blame."""

    new: list[Record] = field(default_factory=list)
    known: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)


class Examination:
    """One batch under examination. Give it whole: what vouches for a record may be held here already."""

    def __init__(self, given: int, fresh: Mapping[bytes, bytes], held: Sequence[bytes], at_once: AtOnce) -> None:
        """`given`: how many came; `fresh`: id → raw; `held`: raw ones that are here; `at_once(author)`: whether no check may wait."""
        self.fresh = fresh
        self._held = held
        self._at_once = at_once
        self._examined = Examined(given)
        self._asked: list[Record] = []
        self._holds: dict[bytes, bool] = {}

    def here(self) -> Examined:
        """All of it in this thread."""
        self._finish(self._begin())
        return self._examined

    async def off_the_loop(self, check: Check) -> Examined:
        """The same in another thread; `check` tells of many records at once whether their signatures hold."""
        sifted = await trio.to_thread.run_sync(self._begin_or_all)
        if sifted is not None:
            holds = await check(self._asked)
            self._holds.update((record.id, held) for record, held in zip(self._asked, holds, strict=True))
            await trio.to_thread.run_sync(self._finish, sifted)
        return self._examined

    def _begin_or_all(self) -> Sifted | None:
        """What is left for `_finish` where there is much to check."""
        sifted = self._begin()
        if len(self._asked) > limits.CHECK_FEW:
            return sifted
        self._finish(sifted)
        return None

    def _begin(self) -> Sifted:
        """What the batch is worth if all holds that must be checked now."""
        return sift(self._read(self.fresh.items()), self._at_once, self._ask)

    def _finish(self, sifted: Sifted) -> None:
        """What it is worth. What is held is looked at only where it may clear the sender of blame."""
        if not self._check_all(self._asked):
            known = self._read((record_id(raw), raw) for raw in self._held)
            sifted = sift([*sifted.good, *known], self._at_once, self._check)
        found = self._examined
        found.records = [record for record in sifted.good if record.id in self.fresh] if self._held else sifted.good
        found.postponed = sifted.postponed & self.fresh.keys() if self._held else sifted.postponed
        found.disowned = sifted.disowned
        if sifted.refused:
            found.rejected["signature"] = len(sifted.refused)

    def _read(self, raws: Iterable[tuple[bytes, bytes]]) -> list[Record]:
        records = []
        for known_id, raw in raws:
            record = read(raw, known_id)
            if isinstance(record, Reject):
                self._examined.rejected[record.reason] = self._examined.rejected.get(record.reason, 0) + 1
            else:
                records.append(record)
        return records

    def _ask(self, record: Record) -> bool:
        self._asked.append(record)
        return True

    def _check(self, record: Record) -> bool:
        """Whether the signature holds; each is looked at once."""
        holds = self._holds.get(record.id)
        if holds is None:
            holds = self._holds[record.id] = is_signed(record)
        return holds

    def _check_all(self, records: Sequence[Record]) -> bool:
        return all(map(self._check, records))


def everybody(_author: bytes) -> bool:
    """For whom nothing may wait, where nothing may wait."""
    return True
