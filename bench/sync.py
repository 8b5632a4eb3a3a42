"""`sync`: two nodes become equal. A fresh one takes everything, two that differ meet, news travels, a node starts; and the disk it took.

The rows `p2plearn …` run the real program over libp2p, TCP and Noise on loopback (`live`: the same node, which notes its commits);
the rows `memory …` the same nodes joined by a socket pair: what all but the network costs.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TypeAlias

from bench import corpus, disk
from bench.meter import Line, Meter, Wire, cpu_seconds, quantiles, show
from bench.shelf import EXTRA, Shelf, empty_home
from bench.sides import Noting, Side, connect, in_step, news, over_loopback, over_pipe, programs
from p2plearn import config
from p2plearn.paths import Home

Opener: TypeAlias = Callable[[Home, Home], AbstractContextManager[tuple[Sequence[Side], Wire]]]

_NEWS, _GAP = 500, 0.02  # live records, and seconds between two
_STARTS = 3
_IMPORTS = "import p2plearn.node.runtime, p2plearn.node.net.host, p2plearn_cli.main"


def run(shelf: Shelf, directory: Path) -> None:
    """All rows, over libp2p and then in memory."""
    for measure in rows(shelf, directory).values():
        show(measure())


def rows(shelf: Shelf, directory: Path) -> dict[str, Callable[[], Line]]:
    """What measures each row, by its name."""
    found: dict[str, Callable[[], Line]] = {}
    for system, opener, noting in (("p2plearn", programs, over_loopback), ("memory", over_pipe, over_pipe)):
        for mode, word in (("each", "signatures"), ("runs", "runs")):
            name = f"{system} initial {word}"
            found[name] = partial(initial, name, opener, shelf, directory / name, mode)
        found[f"{system} diff"] = partial(difference, f"{system} diff", opener, shelf, directory / f"{system} diff")
        found[f"{system} live"] = partial(live, f"{system} live", noting, shelf, directory / f"{system} live")
    found["p2plearn start"] = partial(start, "p2plearn start", shelf, directory / "start")
    return found


def initial(name: str, opener: Opener, shelf: Shelf, directory: Path, mode: str) -> Line:
    """A fresh node takes everything. `mode`: what the setting `signatures` is; `info` tells how long the work behind took, and the disk."""
    full, fresh = shelf.home(directory / "full"), empty_home(directory / "fresh")
    config.put(fresh, "signatures", mode)
    with opener(full, fresh) as (sides, wire):
        meter = Meter([side.pid for side in sides], wire)
        connect(sides[1], sides[0], shelf.n, meter)
        line = meter.line(name, shelf.n, shelf.payload(), authors=shelf.authors)
        line["info"] |= _work_behind(sides[1], meter)
        line["info"]["equal"] = in_step(*sides)
    line["info"] |= disk.shares(fresh, line["payload"])
    return line


def _work_behind(side: Side, meter: Meter) -> dict[str, float | list[float]]:
    """When (s) the index and the postponed checks had caught up too, and the CPU of both sides until then."""
    side.call("search", query="anything")  # waits for the index
    while side.call("status").get("unverified"):
        time.sleep(0.2)
    return {"all_done": round(meter.since(), 2), "cpu_all_done": meter.cpu_since()}


def difference(name: str, opener: Opener, shelf: Shelf, directory: Path) -> Line:
    """EXTRA new on each side of n, until both are equal; `info.records`: bytes of the records that had to move, uncompressed."""
    homes = [shelf.home(directory / f"side-{side}", side=side) for side in (0, 1)]
    moved = sum(len(raw) for side in (0, 1) for raw in shelf.fresh(side))
    with opener(*homes) as (sides, wire):
        time.sleep(1.0)  # what follows on starting is over
        meter = Meter([side.pid for side in sides], wire)
        connect(sides[1], sides[0], shelf.n + 2 * EXTRA, meter)
        texts = corpus.payload(shelf.n, shelf.n + 2 * EXTRA)
        line = meter.line(name, 2 * EXTRA, texts, of=shelf.n, authors=shelf.authors, records=moved)
        line["info"]["equal"] = in_step(*sides)
    return line


def live(
    name: str, opener: Callable[[Home, Home], AbstractContextManager[tuple[list[Noting], Wire]]], shelf: Shelf, directory: Path
) -> Line:
    """From committed on one node to committed on the connected one; `said_…` from before it was signed, as the peers are measured."""
    homes = [shelf.home(directory / f"side-{side}") for side in (0, 1)]
    with opener(*homes) as (sides, _):
        connect(sides[1], sides[0], shelf.n)
        time.sleep(1.0)  # what follows on meeting is over
        sides[0].child.ask("say", _NEWS, _GAP)
        said, heard = news(sides[0], sides[1], _NEWS)
    here, there = said["committed"], heard["committed"]
    line = quantiles(name, [there[record] - here[record] for record in here], of=shelf.n)
    whole = quantiles(name, [there[record] - began for record, began in said["began"].items()])
    return line | {"said_p50": whole["p50"], "said_p99": whole["p99"]}


def start(name: str, shelf: Shelf, directory: Path) -> Line:
    """From spawning to ready with n records; the best of some. `info`: the same with an empty home, and what importing alone takes."""
    full, empty = shelf.home(directory / "full"), empty_home(directory / "empty")
    walls, cpus = zip(*(_start(full) for _ in range(_STARTS)), strict=True)
    nothing = min(_start(empty)[0] for _ in range(_STARTS))
    imports = min(_imports() for _ in range(_STARTS))
    wall = min(walls)
    info = {"empty": nothing, "imports": imports, "beyond_imports": wall - imports, "beyond_empty": wall - nothing}
    rounded = {key: round(value, 3) for key, value in info.items()}
    return {"name": name, "n": shelf.n, "wall": round(wall, 3), "cpu": [round(statistics.median(cpus), 2)], "info": rounded}


def _start(home: Home) -> tuple[float, float]:
    """(seconds until ready, CPU seconds)."""
    began = time.perf_counter()
    with programs(home) as ((side,), _):
        return time.perf_counter() - began, cpu_seconds(side.pid)


def _imports() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
    return time.perf_counter() - began
