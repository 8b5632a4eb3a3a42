"""Whose turn it is under load: a few slots, most of them for people who count for me, by waiting time × M; one for strangers, by address.

A turn is one portion of work: a batch of records, or a block. An idle slot of either kind serves the other. Nobody is refused, and whoever
waits has their turn in the end; a new key gains nothing. Strangers can be as many as somebody likes to make up, but addresses are dear:
their slot goes around the networks they come from.

Must not know what a turn is spent on, nor how anybody came to count.
"""

import ipaddress
from collections import deque
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from math import inf

_FOR_STRANGERS = 1  # slots that are theirs while they wait
_NETWORK = {4: 24, 6: 48}  # bits of an address that cost something to change


def bucket(address: str) -> str:
    """The network that a multiaddr is in: 24 bits of IPv4, 48 of IPv6. All that has no IP address is one."""
    kind, _, rest = address.removeprefix("/").partition("/")
    if kind not in ("ip4", "ip6"):
        return ""
    ip = ipaddress.ip_address(rest.partition("/")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, _NETWORK[ip.version]), strict=False))


@dataclass(eq=False, slots=True)
class _Party:
    """Somebody who has turns. `since`: from when on they wait: their first ask, or the end of their last turn."""

    who: Hashable
    bucket: str
    since: float
    waiting: deque["Turn"] = field(default_factory=deque)
    running: int = 0
    lapsed: int = 0

    def waited(self, now: float) -> float:
        """Only whoever has no turn waits, however much they ask for at a time."""
        return 0.0 if self.running else now - self.since


@dataclass(eq=False, slots=True)
class Turn:
    """One turn, asked for. `began`: when its slot was given."""

    party: _Party
    began: float | None = None


class Turns:
    """Who waits, who is served. Times are of any one clock. `weigh(who)`: M of somebody ranked, None for a stranger; asked each time.

    A slot is kept for `most` at the longest: then the turn lapses, the slot serves others, and its party gets no other until it is through.
    """

    def __init__(self, slots: int, most: float, weigh: Callable[[Hashable], float | None]) -> None:
        self._slots = slots
        self._most = most
        self._weigh = weigh
        self._parties: dict[Hashable, _Party] = {}
        self._running: dict[Turn, None] = {}  # the oldest first
        self._around: dict[str, int] = {}  # turns waiting by bucket, in the order in which the strangers' slot goes around

    def __repr__(self) -> str:
        return f"<Turns running={len(self._running)} waiting={sum(self._around.values())} of={len(self._parties)}>"

    @property
    def parties(self) -> Collection[Hashable]:
        """Who waits, has a turn, or had one that lapsed."""
        return self._parties.keys()

    @property
    def lapse_at(self) -> float:
        """When the next turn lapses, if none ends before."""
        return next((turn.began + self._most for turn in self._running if turn.began is not None), inf)

    def ask(self, who: Hashable, where: str, now: float) -> Turn:
        """Wait for a turn; `end` must follow. `where`: the bucket of their address."""
        party = self._parties.setdefault(who, _Party(who, where, now))
        turn = Turn(party)
        party.waiting.append(turn)
        self._around[party.bucket] = self._around.get(party.bucket, 0) + 1
        return turn

    def proceed(self, now: float) -> list[Turn]:
        """Let what is overdue lapse and give what is free; the turns that begin."""
        while self.lapse_at <= now:
            turn = next(iter(self._running))
            del self._running[turn]
            turn.party.running -= 1
            turn.party.lapsed += 1
        begun = []
        while len(self._running) < self._slots and (party := self._next(now)) is not None:
            turn = party.waiting.popleft()
            turn.began = now
            party.running += 1
            self._running[turn] = None
            self._leave_queue(party)
            begun.append(turn)
        return begun

    def end(self, turn: Turn, now: float) -> None:
        """It is through, or not wanted any more."""
        party = turn.party
        if turn.began is None:
            party.waiting.remove(turn)
            self._leave_queue(party)
        else:
            if turn in self._running:
                del self._running[turn]
                party.running -= 1
            else:
                party.lapsed -= 1
            party.since = now
        if not (party.waiting or party.running or party.lapsed):
            del self._parties[party.who]

    def _leave_queue(self, party: _Party) -> None:
        self._around[party.bucket] -= 1
        if not self._around[party.bucket]:
            del self._around[party.bucket]

    def _next(self, now: float) -> _Party | None:
        """Whose turn comes next, if anybody's."""
        ranked: list[tuple[float, _Party]] = []
        strangers: list[_Party] = []
        for party in self._parties.values():
            weight = self._weigh(party.who)
            if weight is None:
                strangers.append(party)
            elif party.waiting and not party.lapsed:
                ranked.append((weight, party))
        served = sum(party.running for party in strangers)
        strangers = [party for party in strangers if party.waiting and not party.lapsed]
        if strangers and (served < _FOR_STRANGERS or not ranked):
            return self._next_stranger(strangers)
        best = max(ranked, key=lambda one: (one[0] * one[1].waited(now), -one[1].running / one[0]), default=None)
        return best and best[1]

    def _next_stranger(self, strangers: list[_Party]) -> _Party:
        """The one of the next bucket who waits the longest. The bucket goes to the end of the line."""
        waiting = {party.bucket for party in strangers}
        place = next(bucket for bucket in self._around if bucket in waiting)
        self._around[place] = self._around.pop(place)
        return min((party for party in strangers if party.bucket == place), key=lambda party: (party.running, party.since))
