"""News by gossip: one record a message, published where it was made, carried on by all who find it good. A hint: sync is the truth.

Must not know how gossip travels.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog
import trio

from p2plearn import limits
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Network, Verdict
from p2plearn.node.store.store import Change
from p2plearn.protocol.admission import is_signed
from p2plearn.protocol.records import NO_PREV, Record, parse, record_id

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Arrival:
    """When a record came here, and whether its own signature is known to hold."""

    at: float
    signed: bool


class _News:
    """A record that came by gossip and is not judged yet."""

    def __init__(self, forwarder: str, data: bytes) -> None:
        self.forwarder = forwarder
        self.data = data
        self.verdict: Verdict | None = None


class Gossiping:
    """Publishes own records and judges those of others. `on_gap(peer)` is called when a record's predecessor is unknown here."""

    def __init__(self, keeper: Keeper, network: Network, on_gap: Callable[[str], None]) -> None:
        self._keeper = keeper
        self._network = network
        self._on_gap = on_gap
        self._arrivals: OrderedDict[bytes, _Arrival] = OrderedDict()  # when records came that may still be forwarded
        self._waiting: list[_News] = []  # in the order in which they wait for the lock
        self._taking = trio.Lock()
        self._send, self._own = trio.open_memory_channel[tuple[bytes, float]](limits.GOSSIP_WAITING)
        keeper.listen(self._on_change)
        network.validate(self.judge)

    async def publish_own(self) -> None:
        """For ever: publish what is said here, to whoever is there. Who comes later has it by sync."""
        async for raw, said in self._own:
            await trio.sleep_until(said + limits.GOSSIP_AFTER)
            await self._network.publish(raw)

    async def judge(self, forwarder: str, data: bytes) -> Verdict:
        """Forwarded by first sight in gossip, whether or not sync brought the record first; what is old news stops here."""
        if record_id(data) in self._keeper.replica:
            return await self._judge_held(data)
        news = _News(forwarder, data)
        self._waiting.append(news)
        try:
            async with self._taking:
                if news.verdict is None:  # nobody before us took it along
                    await self._take([other for other in self._waiting if other.forwarder == forwarder and other.verdict is None])
        finally:
            self._waiting.remove(news)
        return news.verdict or Verdict.IGNORE

    async def _take(self, waiting: list[_News]) -> None:
        """Commit what came from one forwarder while we waited for the last commit, in one transaction, and judge each by itself."""
        raws = [news.data for news in waiting[: limits.MAX_BATCH_RECORDS]]
        forwarder = waiting[0].forwarder
        if len(raws) == 1:
            taken = await self._keeper.take(raws, forwarder)
        else:  # each goes on alone, so no signature's check is postponed
            taken = await self._keeper.commit(await self._keeper.examine(raws, postpone=False), forwarder)
        for record in taken.new:
            if record.prev != NO_PREV and record.prev not in self._keeper.replica:
                self._on_gap(forwarder)
            self._arrivals[record.id].signed = True
        for news in waiting[: len(raws)]:
            if not taken.rejected or record_id(news.data) in self._keeper.replica:
                news.verdict = await self._judge_held(news.data)
            elif len(raws) == 1:
                news.verdict = Verdict.REJECT
            else:
                await self._take([news])

    async def _judge_held(self, data: bytes) -> Verdict:
        """What sync brought may be vouched for by a later record alone; what is carried on alone has to hold alone."""
        arrival = self._arrivals.get(record_id(data))
        if arrival is None or self._keeper.clock.monotonic() - arrival.at > limits.GOSSIP_FRESH_S:
            return Verdict.IGNORE
        if not arrival.signed:
            record = parse(data)
            if not is_signed(record):
                await self._keeper.refute([record])
                return Verdict.REJECT
            arrival.signed = True
        return Verdict.ACCEPT

    def _on_change(self, change: Change, source: str | None) -> None:
        now = self._keeper.clock.monotonic()
        for record in change.added:
            self._arrivals[record.id] = _Arrival(now, signed=source is None)
            if source is None and record.author == self._keeper.author and self._network.peers():
                self._offer(record)
        while self._arrivals and (
            len(self._arrivals) > limits.SEEN_GOSSIP or next(iter(self._arrivals.values())).at < now - limits.GOSSIP_FRESH_S
        ):
            self._arrivals.popitem(last=False)

    def _offer(self, record: Record) -> None:
        try:
            self._send.send_nowait((record.raw, trio.current_time()))
        except trio.WouldBlock:
            _log.debug("too much news to gossip; sync carries it")
