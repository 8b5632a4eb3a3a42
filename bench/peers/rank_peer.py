"""Other libraries that rank people by who helped whom: networkx's personalised PageRank, and MeritRank by random walks.

Runs in an environment of its own (setup.sh), not in ours: the second is under the GPL, so it is run, and nothing of ours imports it.
Commands come as lines on standard input, one answer of JSON for each: see bench/rank_speed.py.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx

_ON = 0.6  # of a walk; both take this for the part that goes on
_ME = 0
_REPEATS = 3
_RECEIPTS = 50


def networkx(pairs: list[tuple[int, int, float]]) -> dict[str, Any]:
    """Its PageRank, by scipy."""
    graph = _graph(pairs)
    nx.pagerank(nx.path_graph(3))  # imports scipy, which is not what is measured
    return {"ms": _median(lambda: nx.pagerank(graph, alpha=_ON, personalization={_ME: 1}))}


def meritrank(pairs: list[tuple[int, int, float]]) -> dict[str, Any]:
    """Its 10,000 walks, and what one more edge takes."""
    from meritrank_python.rank import IncrementalMeritRank

    ranks = IncrementalMeritRank(_graph(pairs))
    ranks.alpha = _ON
    full = _median(lambda: (ranks.calculate(_ME), ranks.get_ranks(_ME)))
    known = {(issuer, helper) for issuer, helper, _ in pairs}
    people = sorted({issuer for issuer, _, _ in pairs} - {_ME})
    fresh = [pair for pair in pairwise(people) if pair not in known]
    took = []
    for issuer, helper in fresh[:: max(1, len(fresh) // _RECEIPTS)]:
        began = time.perf_counter()
        ranks.add_edge(issuer, helper, 1.0)
        took.append(_since(began))
    return {"ms": full, "receipt_ms": statistics.median(took)}


def _graph(pairs: list[tuple[int, int, float]]) -> Any:
    graph = nx.DiGraph()
    graph.add_weighted_edges_from(pairs)
    return graph


def _median(work: Callable[[], Any]) -> float:
    """How long it takes, ms."""
    took = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        work()
        took.append(_since(began))
    return statistics.median(took)


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 4)


def _read(path: str) -> list[tuple[int, int, float]]:
    rows = (line.split() for line in Path(path).read_text().splitlines())
    return [(int(issuer), int(helper), float(weight)) for issuer, helper, weight in rows]


def main() -> None:
    """Answer one command after another."""
    while line := sys.stdin.readline().split():
        try:
            answer = {"networkx": networkx, "meritrank": meritrank}[line[0]](_read(line[1]))
        except Exception as error:  # noqa: BLE001  # whatever a library raises is told to who asked
            answer = {"error": str(error)[:300]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
