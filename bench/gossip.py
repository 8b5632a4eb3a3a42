"""`gossip`: three nodes in a line; what is said at one end arrives at the other through the one between. Over libp2p on loopback.

Gossip is a hint with a rate (limits.GOSSIP_PER_SECOND); what it drops comes by sync. So the flood tells how fast both together are.
"""

import time
from pathlib import Path

from bench.meter import Line, Meter, quantiles, show
from bench.shelf import Shelf
from bench.sides import Noting, news, over_loopback
from p2plearn import limits

_GAP = 0.02  # seconds between two records of the pace: well below what gossip lets through
_PACED = 500
_FLOOD = 4 * limits.GOSSIP_PER_SECOND
_SETTLING = 3.0  # seconds until the three are subscribed to each other's gossip


def run(shelf: Shelf, directory: Path) -> None:
    """Both rows; `shelf.n` records are held by all three before."""
    homes = [shelf.home(directory / name) for name in ("one", "between", "other")]
    with over_loopback(*homes) as (sides, _):
        one, between, other = sides
        one.call("connect", address=between.address)
        other.call("connect", address=between.address)
        time.sleep(_SETTLING)
        assert len(one.call("peers")["peers"]) == len(other.call("peers")["peers"]) == 1, "they are not in a line"
        show(_paced(one, other, shelf.n))
        show(_flood(sides, shelf.n))


def _paced(one: Noting, other: Noting, held: int) -> Line:
    """From committed at one end to committed at the other, at an even pace."""
    one.child.ask("say", _PACED, _GAP)
    said, heard = (stamps["committed"] for stamps in news(one, other, _PACED))
    return quantiles("p2plearn gossip latency", [heard[record] - said[record] for record in said], of=held)


def _flood(sides: list[Noting], held: int) -> Line:
    """As fast as one node can say it; until all of it is at the other end."""
    before = sides[0].child.ask("stamps")["committed"]
    meter = Meter([side.pid for side in sides])
    sides[0].child.ask("say", _FLOOD, 0)
    said, heard = (stamps["committed"] for stamps in news(sides[0], sides[2], len(before) + _FLOOD))
    fresh = said.keys() - before.keys()
    first = min(said[record] for record in fresh)
    wall = max(heard[record] for record in fresh) - first
    saying = max(said[record] for record in fresh) - first
    line = meter.line("p2plearn gossip flood", _FLOOD, 0, of=held, said_in=round(saying, 3))
    return line | {"wall": round(wall, 3), "rec_s": round(_FLOOD / wall, 1)}
