"""What one side of a session has yet to ask the other for in this round: in portions, so that several peers can share the work.

An ask is answered by records, or by the ids that salted short ids stand for, and then by word that it is served. Must not know how the
asks came about, nor how they travel.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.messages import Ask, Offer, Pick, Want, WantRuns
from p2plearn.protocol.replica import Replica

Prefer = Callable[[bytes, int], float]  # how much sooner than others' an author's records are wanted: by short key, and how many they are


class Incoming:
    """Wishes in, asks out, at most MAX_ASKS unserved. What other sessions of this replica fetch already is passed over.

    Runs of authors whom `prefer` gives most are asked for first: of a part of everything, theirs tells the most.
    """

    def __init__(self, replica: Replica, prefer: Prefer) -> None:
        self.prefer = prefer
        self.named = 0  # salted short ids asked for in this round, which may be offered
        self._offered = 0  # in this round
        self._replica = replica
        self._wishes: deque[Want] = deque()
        self._offers: deque[Offer] = deque()
        self._runs: deque[tuple[bytes, int, int]] = deque()  # short key, first, last
        self._expected: deque[int] = deque()  # records that each unserved ask must bring
        self._came = 0  # records since the last ask was served
        self.served_so_far = 0
        self._broken = 0  # promises
        self._claimant = object()  # another one each round: what earlier ones brought is not given up with this one
        self._passed: set[int] = set()  # ids left to others in this round
        self._overdue: set[int] = set()  # and in the one before: whoever claimed them had until now to bring them

    def __repr__(self) -> str:
        return f"<Incoming, {len(self._expected)} asks unserved, {len(self._wishes) + len(self._offers) + len(self._runs)} to go>"

    @property
    def is_waiting(self) -> bool:
        """Whether the other side owes an answer."""
        return bool(self._expected)

    @property
    def is_over(self) -> bool:
        """Whether all was asked for, and served."""
        return not (self._wishes or self._offers or self._runs or self._expected)

    # --- what there is to ask for ---

    def wish(self, shorts: tuple[int, ...], *, salted: bool) -> None:
        """The other side has these, and this one has not."""
        portion = limits.ASK_RECORDS
        self._wishes += [Want(salted, shorts[at : at + portion]) for at in range(0, len(shorts), portion)]

    def offered(self, offer: Offer, most: int) -> None:
        """The other side offers these; in one round at most so many can differ. Raises PeerFault("limit")."""
        self._offered += len(offer.shorts)
        if self._offered > most:
            raise PeerFault("limit", "more offers than there is difference")
        self._offers.append(offer)

    def plan(self, theirs: Mapping[bytes, int], ours: Mapping[bytes, int]) -> None:
        """The other side holds runs up to these ends, by short key of the author; this one up to those."""
        runs = [(key, ours.get(key, 0) + 1, last) for key, last in theirs.items() if last > ours.get(key, 0)]
        self._runs += sorted(runs, key=lambda run: -self.prefer(run[0], run[2] - run[1] + 1))

    # --- asking and being served ---

    def next(self) -> Ask | None:
        """What to ask for now, if anything."""
        if len(self._expected) >= limits.MAX_ASKS:
            return None
        ask = self._pick() or self._want() or self._run()
        if ask is not None:
            self._expected.append(sum(last - first + 1 for _, first, last in ask.runs) if isinstance(ask, WantRuns) else 0)
        return ask

    def came(self, records: int) -> None:
        """So many records arrived."""
        self._came += records

    def served(self, asks: int) -> None:
        """The other side has answered so many asks in all. Raises PeerFault("order"), or ("promise") for runs that are not there."""
        if not self.served_so_far < asks <= self.served_so_far + len(self._expected):
            raise PeerFault("order", "served what nobody asked for")
        while self.served_so_far < asks:
            self.served_so_far += 1
            if self._came < self._expected.popleft():
                self._break_promise()
            self._came = 0

    def _break_promise(self) -> None:
        """A run was not there: forgotten just now, perhaps, or never held. The search by sketch finds the rest."""
        self._runs.clear()
        self._broken += 1
        if self._broken > limits.MAX_BROKEN_PROMISES:
            raise PeerFault("promise", "ends of runs that are not there")

    def rest(self) -> None:
        """The round is over: nothing more is asked for until the next."""
        self._passed, self._overdue = set(), self._passed

    def finish(self) -> None:
        """The round is over and what came is committed."""
        self.named = self._offered = 0
        self._replica.claims.finish(self._claimant)
        self._claimant = object()

    def give_up(self) -> bool:
        """The session is over; whether other sessions have something to take over."""
        return self._replica.claims.give_up(self._claimant)

    # --- portions ---

    def _pick(self) -> Pick | None:
        if not self._offers:
            return None
        offer = self._offers.popleft()
        ours = self._free(offer.shorts, salted=offer.salted)
        return Pick(tuple(ours))

    def _want(self) -> Want | None:
        while self._wishes:
            want = self._wishes.popleft()
            if want.salted:
                self.named += len(want.shorts)
                return want
            mine = self._free(want.shorts, salted=False)
            if any(mine):
                return Want(salted=False, shorts=tuple(short for short, free in zip(want.shorts, mine, strict=True) if free))
        return None

    def _free(self, shorts: Iterable[int], *, salted: bool) -> list[bool]:
        """Which of these are to be had from here. What a salted search found may collide with an id that is held: it comes all the same."""
        shorts = list(shorts)
        lacking = [salted or not self._replica.find(short) for short in shorts]
        free = [short for short, lacks in zip(shorts, lacking, strict=True) if lacks]
        mine = self._replica.claims.ids(self._claimant, free, self._overdue)
        self._passed.update(short for short, is_mine in zip(free, mine, strict=True) if not is_mine)
        each = iter(mine)
        return [lacks and next(each) for lacks in lacking]

    def _run(self) -> WantRuns | None:
        runs: list[tuple[bytes, int, int]] = []
        room = limits.ASK_RECORDS
        while self._runs and room and len(runs) < limits.MAX_RUNS:
            key, first, last = self._runs[0]
            stretch = self._replica.claims.run(self._claimant, key, first, last, room)
            if stretch is None:
                self._runs.popleft()
                continue
            runs.append((key, *stretch))
            room -= stretch[1] - stretch[0] + 1
            self._runs[0] = (key, stretch[1] + 1, last)
        return WantRuns(tuple(runs)) if runs else None
