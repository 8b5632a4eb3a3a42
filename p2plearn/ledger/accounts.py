"""The ledger of one person: every receipt once, in columns, and what it adds up to between each two people.

Any order of the same receipts gives the same accounts. Must not know what they are worth to anybody (`ranking`), nor where they are kept.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from p2plearn import limits
from p2plearn.ledger.receipts import Receipt

HALF_LIFE_MS = 180 * 24 * 3600 * 1000  # H: what somebody did half a year ago counts half
NEVER_OLD = 2**62  # the time of a receipt that does not age
_FIRST = 64  # rows for which there is room at first

Ints: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]


def followed(me: bytes, person: bytes) -> Receipt:
    """That I follow somebody counts one unit, from me only, for as long as I do."""
    return Receipt(me, person, "follow", b"", 1.0, NEVER_OLD, (), b"")


def brought_units(size: int) -> float:
    """What `size` bytes that somebody's node brought me count: little, and never more than one unit."""
    return min(1.0, float(np.log2(1.0 + size / limits.MiB)) / 10.0)


def aged(units: Floats, at: Floats, now: float) -> Floats:
    """What receipts of these units and times (ms) count at `now`. What claims to be from later is from now."""
    return units * np.exp2(np.minimum(at - now, 0.0) / HALF_LIFE_MS)


class Pairs:
    """Who was helped by whom: an entry for each two people, in the order of helpers and then issuers.

    People are numbers, the places in `people`; 0 is me. `rows`: of the accounts, those of one entry beside each other; `first_row`: where
    they begin, by entry.
    """

    def __init__(self, people: int, issuer: Numbers, helper: Numbers, rows: Ints) -> None:
        """`issuer` and `helper` of each of `rows`."""
        self.people = people
        keys = helper * np.int64(people) + issuer
        order = np.argsort(keys)
        self.rows: Ints = rows[order]
        keys = keys[order]
        self.first_row: Ints = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys: Ints = keys[self.first_row]
        self.helper: Numbers = helper[order][self.first_row]
        self.issuer: Numbers = issuer[order][self.first_row]

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def first(self) -> Numbers:
        """Where the entries of each helper begin; behind the last, where all end."""
        return _starts(self.helper, self.people)

    @cached_property
    def outward(self) -> Ints:
        """The entries in the order of issuers and then helpers."""
        return np.argsort(self.issuer, kind="stable")

    @cached_property
    def helpers_of(self) -> Numbers:
        """The helpers of `outward`."""
        return self.helper.take(self.outward)

    @cached_property
    def first_out(self) -> Numbers:
        """Where the entries of each issuer begin in `outward`; behind the last, where all end."""
        return _starts(self.issuer, self.people)

    @cached_property
    def mutual(self) -> tuple[Ints, Ints]:
        """Entries for which there is one the other way round, and those."""
        reverse = (self.issuer * np.int64(self.people) + self.helper)[self.outward]  # ascending, so that looking up is quick
        found = np.minimum(np.searchsorted(self._keys, reverse), max(0, len(self) - 1))
        there = self._keys[found] == reverse
        return self.outward[there], found[there]

    def of(self, issuer: int) -> Ints:
        """The entries of one issuer, by helper."""
        return self.outward[self.first_out[issuer] : self.first_out[issuer + 1]]

    def for_whom(self, helper: int) -> slice:
        """The entries of one helper, by issuer."""
        return slice(int(self.first[helper]), int(self.first[helper + 1]))

    def sums(self, values: Floats) -> Floats:
        """What values of the accounts' rows add up to, by entry."""
        return np.add.reduceat(values[self.rows], self.first_row) if len(self) else np.zeros(0)


def _starts(numbers: Numbers, most: int) -> Numbers:
    starts = np.zeros(most + 1, np.int32)
    np.cumsum(np.bincount(numbers, minlength=most), out=starts[1:])
    return starts


class Accounts:
    """Receipts by slot, of whoever issued them; and how many bytes whose node brought me, which only I know."""

    def __init__(self, me: bytes, receipts: Iterable[Receipt] = ()) -> None:
        self.brought: Mapping[bytes, int] = {}
        self.people = [me]
        self._numbers = {me: 0}
        self._rows: dict[tuple[int, int, str, bytes], int] = {}
        self._free: list[int] = []
        self._used = 0
        self._issuer = np.zeros(_FIRST, np.int32)
        self._helper = np.zeros(_FIRST, np.int32)
        self._units = np.zeros(_FIRST)
        self._at = np.zeros(_FIRST)
        self._topics = np.zeros(_FIRST, np.int32)
        self._topic_sets: dict[tuple[str, ...], int] = {}
        self._pairs: Pairs | None = None
        for receipt in receipts:
            self.put(receipt)

    def __repr__(self) -> str:
        return f"<Accounts of {len(self)} receipts of {len(self.people)} people>"

    def __len__(self) -> int:
        return len(self._rows)

    def number(self, person: bytes) -> int | None:
        """The place in `people`; None of somebody who is not there."""
        return self._numbers.get(person)

    # --- what changes ---

    def put(self, receipt: Receipt) -> bool:
        """Enter a receipt, in place of what stood in its slot; whether anything changed. Nobody helps themselves."""
        if receipt.issuer == receipt.helper:
            return False
        issuer, helper = self._enter(receipt.issuer), self._enter(receipt.helper)
        topics = self._topic_sets.setdefault(receipt.topics, len(self._topic_sets))
        key = (issuer, helper, receipt.kind, receipt.slot)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._free.pop() if self._free else self._grow()
            self._issuer[row], self._helper[row] = issuer, helper
            self._pairs = None
        elif (self._units[row], self._at[row], self._topics[row]) == (receipt.units, receipt.at, topics):
            return False
        self._units[row], self._at[row], self._topics[row] = receipt.units, receipt.at, topics
        return True

    def drop(self, receipt: Receipt) -> bool:
        """Take out what stands in a receipt's slot; whether there was anything."""
        issuer, helper = self._numbers.get(receipt.issuer, -1), self._numbers.get(receipt.helper, -1)
        row = self._rows.pop((issuer, helper, receipt.kind, receipt.slot), None)
        if row is not None:
            self._free.append(row)
            self._pairs = None
        return row is not None

    def _enter(self, person: bytes) -> int:
        found = self._numbers.setdefault(person, len(self.people))
        if found == len(self.people):
            self.people.append(person)
            self._pairs = None
        return found

    def _grow(self) -> int:
        row, self._used = self._used, self._used + 1
        if row == len(self._units):
            for name in ("_issuer", "_helper", "_units", "_at", "_topics"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        return row

    # --- what it adds up to ---

    @property
    def pairs(self) -> Pairs:
        """Who was helped by whom."""
        if self._pairs is None:
            rows = np.fromiter(self._rows.values(), np.int64, len(self._rows))
            self._pairs = Pairs(len(self.people), self._issuer[rows], self._helper[rows], rows)
        return self._pairs

    def units(self, now: int) -> Floats:
        """R of docs/ledger.md, for each entry of `pairs`: units that count at `now` (ms), and for my own what was brought to me."""
        pairs = self.pairs
        found = pairs.sums(aged(self._units, self._at, now))
        mine = pairs.of(0)
        found[mine] += [brought_units(self.brought.get(self.people[helper], 0)) for helper in pairs.helper[mine]]
        return found

    def units_in(self, topic: str, now: int) -> Floats:
        """Of these, what is about a topic. What is about several counts for each in equal parts."""
        shares = np.array([1 / len(topics) if topic in topics else 0.0 for topics in self._topic_sets] or [0.0])
        return self.pairs.sums(aged(self._units, self._at, now) * shares[self._topics])
