"""`python -m bench rank --edges FILE --me KEY [--json] [--why KEY]`: who helps, as KEY sees it, by the receipts in FILE.

Without --edges, what the ranking is worth: worlds of which the truth is known, honest and under attack (`bench.contest`), and its speed.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from bench.edges import Edge, Edges, Unreadable, read
from bench.meter import show
from bench.timed import accounts_of, full, one_by_one
from p2plearn.ledger.accounts import Accounts
from p2plearn.ledger.explaining import explain
from p2plearn.ledger.ranking import Ranking, rank

Answer: TypeAlias = dict[str, Any]

_SHOWN = 20


def main(words: Sequence[str]) -> None:
    """Run it with these arguments. Exits with 2 where they, or the file, cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m bench rank", description=__doc__)
    parser.add_argument("--edges", type=Path, metavar="FILE", help="a line of JSON for each receipt: see bench/edges.py")
    parser.add_argument("--me", metavar="KEY", help="who looks")
    parser.add_argument("--why", metavar="KEY", help="also, why this one has their score")
    parser.add_argument("--json", action="store_true", help="all of it, as JSON")
    options = parser.parse_args(words)
    if options.edges is None and (options.me or options.why):
        parser.error("--me and --why need --edges")
    if options.edges is None:
        for measures in ("contest", "rank_speed"):
            for line in import_module(f"bench.{measures}").lines():
                show(line)
        return
    if options.me is None:
        parser.error("--edges needs --me")
    try:
        answer = ranked(read(options.edges), options.me, options.why)
    except Unreadable as error:
        sys.exit(_told(error))
    print(json.dumps(answer) if options.json else _table(answer))


def ranked(edges: Edges, me: str, why: str | None = None) -> Answer:
    """{"ranking": [[provider, score], …] best first, "full_ms", "receipt_ms": {"p50", "p99"}}, and "why" if that is asked."""
    key, receipts, brought = os.fsencode(me), edges.receipts(), edges.brought(me)
    accounts = accounts_of(key, receipts, brought)
    ranking = rank(accounts, edges.now_ms)
    scores = dict(zip(ranking.people, ranking.scores.tolist(), strict=True))
    providers = {edge.provider for edge in edges.held} - {me}
    order = sorted(((name, scores.get(name.encode(), 0.0)) for name in providers), key=lambda found: (-found[1], found[0]))
    answer: Answer = {
        "ranking": [list(found) for found in order],
        "full_ms": full(accounts, edges.now_ms),
        "receipt_ms": _quantiles(one_by_one(key, receipts, brought, edges.now_ms)),
    }
    return answer if why is None else answer | {"why": _why(accounts, ranking, why, edges.held)}


def _quantiles(seconds: Sequence[float]) -> Answer:
    p50, p99 = (round(float(np.quantile(seconds, part)) * 1000, 4) if seconds else None for part in (0.5, 0.99))
    return {"p50": p50, "p99": p99}


def _why(accounts: Accounts, ranking: Ranking, who: str, held: Sequence[Edge]) -> Answer:
    """In the shape of `p2plearn why --json`. Parts add up to the score; `id` of a receipt is its slot."""
    number = accounts.number(os.fsencode(who))
    if not number:  # a stranger, or me
        return {"author": who, "score": 0.0, "rank": None, "parts": [], "discounts": [], "records": []}
    found = explain(ranking, number)
    behind: dict[bytes, list[Answer]] = {}
    for edge in held:
        if edge.provider == who and (edge.kind != "served" or edge.issuer.encode() == ranking.people[0]):
            behind.setdefault(edge.issuer.encode(), []).append(_record(edge))
    parts: list[Answer] = [
        {"from": part.issuer.decode(), "score": part.score, "share": part.score / found.score, "records": behind.get(part.issuer, [])}
        for part in found.parts
    ]
    records = dict.fromkeys(record["id"] for part in parts for record in part["records"])
    person = {"author": who, "score": found.score, "rank": found.rank, "parts": parts}
    discounts = [{"name": name, "factor": factor, "through": through and through.decode()} for name, factor, through in found.discounts]
    return person | {"discounts": discounts, "records": list(records)}


def _record(edge: Edge) -> Answer:
    counts = {"bytes": edge.bytes} if edge.kind == "served" else {"units": edge.receipt().units}
    return {"id": edge.slot, "kind": edge.kind, "at": edge.at} | counts


def _table(answer: Answer) -> str:
    lines = [f"{score:12.9f}  {name}" for name, score in answer["ranking"][:_SHOWN]]
    return "\n".join([*lines, *([json.dumps(answer["why"], indent=2)] if "why" in answer else [])])


def _told(error: Exception) -> int:
    print(error, file=sys.stderr)
    return 2
