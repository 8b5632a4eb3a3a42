"""How fast the ranking is with 100,000 people and 1,000,000 receipts, beside other libraries on the same pairs, in one run.

They are not ours to install: bench/peers/setup.sh does, in an environment of their own under PEERS_DIR.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.child import ChildFailed
from bench.meter import Line, quantiles
from bench.peers.setting import Missing, Setting
from bench.timed import accounts_of, full, one_by_one
from bench.worlds import NOW_MS, World
from p2plearn.ledger.accounts import Accounts
from p2plearn.ledger.ranking import Ranking, rank

PEERS, RECEIPTS = 100_000, 1_080_000  # of which some would have helped themselves: a million remain

_OTHERS = ("networkx", "meritrank")


def lines(peers: int = PEERS, receipts: int = RECEIPTS) -> Iterator[Line]:
    """Ours, in full and by one receipt after another; then the others, with how many times as long they took."""
    world = World(1, peers, receipts)
    written = sorted(world.written(), key=lambda one: one.at)
    me = world.key(int(np.argsort(-np.bincount(world.happened.issuer, minlength=peers))[peers // 5]))
    accounts = accounts_of(me, written)
    first = full(accounts, NOW_MS, 1)  # pairs are sorted, as after somebody new has come
    again = full(accounts, NOW_MS)
    yield {"name": "rank full", "n": peers, "receipts": len(written), "ms": again, "anew_ms": first}
    took = one_by_one(me, written, {}, NOW_MS)
    yield quantiles("rank receipt", took, of=len(written))
    for other in _OTHERS:
        yield _beside(other, accounts, again, float(np.median(took)) * 1000)


def _beside(other: str, accounts: Accounts, full_ms: float, receipt_ms: float) -> Line:
    """What another library needs for the same: `times` are multiples of ours."""
    name = f"rank {other}"
    place = os.environ.get("PEERS_DIR")
    with tempfile.TemporaryDirectory(prefix="p2plearn-bench-") as directory:
        pairs = Path(directory) / "pairs"
        try:
            setting = Setting(Path(place) if place else None, Path(directory) / other, pairs, len(accounts), len(accounts.people))
            with setting.python("rank_peer.py", "rank-venv") as child:
                _write(pairs, rank(accounts, NOW_MS))
                found = child.ask(other, pairs)
        except (Missing, ChildFailed) as error:
            return {"name": name, "skipped": str(error)}
    line = {"name": name, **found, "times": round(found["ms"] / full_ms, 1)}
    return line if "receipt_ms" not in found else line | {"receipt_times": round(found["receipt_ms"] / receipt_ms, 1)}


def _write(path: Path, ranking: Ranking) -> None:
    """Issuer, helper and weight of each pair, as numbers; 0 is me."""
    columns = (ranking.pairs.issuer.tolist(), ranking.pairs.helper.tolist(), np.log2(1 + ranking.units).tolist())
    path.write_text("".join(f"{issuer} {helper} {weight!r}\n" for issuer, helper, weight in zip(*columns, strict=True)))
