"""How long ranking takes: in full, and by one receipt after another."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from p2plearn.ledger.accounts import Accounts
from p2plearn.ledger.pushing import Pushing
from p2plearn.ledger.ranking import rank
from p2plearn.ledger.receipts import Receipt

_REPEATS = 7
_GOSSIPED = 2_000  # receipts that come one by one, of the last


def accounts_of(me: bytes, receipts: Sequence[Receipt], brought: Mapping[bytes, int] | None = None) -> Accounts:
    """The accounts of all that."""
    accounts = Accounts(me, receipts)
    accounts.brought = brought or {}
    return accounts


def full(accounts: Accounts, now_ms: int, times: int = _REPEATS) -> float:
    """How long a full ranking takes, ms: the median of some."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        rank(accounts, now_ms)
        took.append((time.perf_counter() - began) * 1000)
    return round(float(np.median(took)), 3)


def one_by_one(me: bytes, receipts: Sequence[Receipt], brought: Mapping[bytes, int], now_ms: int) -> list[float]:
    """How long it takes, in seconds, until the visits show one more receipt of others: for the last ones, at most a half of all."""
    until = len(receipts) - min(_GOSSIPED, len(receipts) // 2)
    last = [one for one in receipts[until:] if one.issuer != me]
    accounts = accounts_of(me, [*receipts[:until], *(one for one in receipts[until:] if one.issuer == me)], brought)
    pushing = Pushing(accounts, rank(accounts, now_ms))
    took = []
    for one in last:
        began = time.perf_counter()
        accounts.put(one)
        pushing.came(one)
        took.append(time.perf_counter() - began)
    return took
