"""Blocks over libp2p by Bitswap 1.2.0, so that any IPFS node can give us blocks and take ours.

libp2p's own exchange keeps whatever it is sent; docs/adr/0001-bitswap.md says why this one stands in its place. Each inbound stream has
a wantlist of its own and is answered a few blocks at a time, on a stream that we open, as IPFS nodes do it; what we want of a peer goes out
on one stream, and the answer may come on that one or on any of the peer's. Nothing that arrives is kept but what somebody here waits for.

Must not know what is stored where, nor who may have what and when: `source` and `turn` decide that.
"""

from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from functools import partial

import structlog
import trio
from libp2p.abc import IHost, INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.id import ID

from p2plearn import limits
from p2plearn.errors import ConnectionLost, PeerFault
from p2plearn.node.net.network import BlockSource, TakeTurn
from p2plearn.node.net.wants import Questions, Wants
from p2plearn.protocol import bitswap
from p2plearn.protocol import cid as cids

_PROTOCOL = TProtocol(bitswap.PROTOCOL)
_PORTION = 64 * limits.KiB

_log = structlog.get_logger(__name__)


class BlockExchange:
    """Asks peers for blocks and answers theirs, with tasks in `nursery`, which ends after the host. Peer ids are base58 text.

    `blame(peer, reason)` is told of peers that break the protocol while nobody waits for them; otherwise `fetch` raises the fault.
    """

    def __init__(self, host: IHost, nursery: trio.Nursery, blame: Callable[[str, str], None] = lambda _peer, _reason: None) -> None:
        self._host = host
        self._nursery = nursery
        self._blame = blame
        self._source: BlockSource | None = None
        self._streams: Counter[str] = Counter()  # inbound ones, by peer
        self._turn: TakeTurn = lambda _peer: nullcontext()
        self._questions: OrderedDict[str, Questions] = OrderedDict()
        host.set_stream_handler(_PROTOCOL, self._handle)

    def __repr__(self) -> str:
        waiting = sum(len(questions.waiting) for questions in self._questions.values())
        return f"<BlockExchange waiting={waiting} from={len(self._questions)} serving={self._streams.total()}>"

    def serve(self, source: BlockSource, turn: TakeTurn) -> None:
        """Answer peers with `source(peer, cid)`, asked for CIDs of this protocol only; None means not here, or not for that peer.

        Each answer is loaded and written in `async with turn(peer)`, so no number of peers costs more than there are turns at a time.
        """
        self._source, self._turn = source, turn

    # --- asking ---

    async def fetch(self, peer: str, cid: bytes) -> bytes | None:
        """The block called `cid` from one peer, None when it says that it has it not.

        Raises ConnectionLost, trio.TooSlowError after BLOCK_TIMEOUT, PeerFault when meanwhile the peer sends what breaks the protocol.
        """
        questions = self._questions.pop(peer, None) or Questions()
        self._questions[peer] = questions  # the latest is the last to be forgotten
        self._forget()
        with trio.fail_after(limits.BLOCK_TIMEOUT):
            if questions.stream is not None:
                with suppress(ConnectionLost):  # the peer may have closed a stream that was idle
                    return await self._ask(peer, questions, cid)
            return await self._ask(peer, questions, cid)

    async def _ask(self, peer: str, questions: Questions, cid: bytes) -> bytes | None:
        answer = questions.expect(cid)
        try:
            async with questions.writing:
                stream = questions.stream or await self._open_question(peer, questions)
                try:
                    await stream.write(bitswap.ask([cid], questions.take_cancelled()))
                except BaseException:  # half a message may be on its way
                    questions.stream = None
                    await _end(stream.reset)
                    raise
            return await answer.wait()
        except (ConnectionLost, PeerFault):
            raise
        except Exception as error:
            raise ConnectionLost(str(error)) from error
        finally:
            questions.leave(cid, answer)

    async def _open_question(self, peer: str, questions: Questions) -> INetStream:
        stream = questions.stream = await self._host.new_stream(ID.from_string(peer), [_PROTOCOL])
        self._nursery.start_soon(self._hear, peer, questions, stream)
        return stream

    async def _hear(self, peer: str, questions: Questions, stream: INetStream) -> None:
        """Read the stream on which a peer is asked; some answer there, and its end is the end of all questions on it."""
        end = stream.reset
        try:
            await self._listen(peer, stream, None)
            end = stream.close
        except Exception as error:  # noqa: BLE001  whatever a peer does ends this stream only
            _log.debug("asking a peer for blocks ended", peer=peer, error=repr(error))
        finally:
            if questions.stream is stream:
                questions.stream = None
                questions.fail(ConnectionLost("the peer closed the stream"))
            await _end(end)

    def _forget(self) -> None:
        idle = [peer for peer, questions in self._questions.items() if questions.stream is None and not questions.waiting]
        for peer in idle[: max(0, len(self._questions) - limits.MAX_CONNECTIONS)]:
            del self._questions[peer]

    # --- answering ---

    async def _handle(self, stream: INetStream) -> None:
        peer = str(stream.muxed_conn.peer_id)
        self._streams[peer] += 1
        end = stream.reset
        try:
            if self._streams[peer] <= limits.MAX_BITSWAP_STREAMS:
                wants = Wants()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._answer, peer, wants)
                    await self._listen(peer, stream, wants)
                    wants.finish()
                end = stream.close
        except Exception as error:  # noqa: BLE001  whatever a peer does ends this stream only
            _log.debug("serving blocks to a peer ended", peer=peer, error=repr(error))
        finally:
            self._streams[peer] -= 1
            self._streams += Counter()  # drops what is zero
            await _end(end)

    async def _answer(self, peer: str, wants: Wants) -> None:
        """Answer what is wanted, ANSWERS_AT_ONCE at a time, as turns come."""
        answers = _Answers(partial(self._host.new_stream, ID.from_string(peer), [_PROTOCOL]))
        whole = False  # half a message may be on its way
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(limits.ANSWERS_AT_ONCE):
                    nursery.start_soon(self._answer_each, peer, wants, answers)
            whole = True
        finally:
            await answers.end(whole=whole)

    async def _answer_each(self, peer: str, wants: Wants, answers: "_Answers") -> None:
        while (want := await wants.next()) is not None:
            async with self._turn(peer):
                with trio.fail_after(limits.BLOCK_TIMEOUT):
                    message = _reply(want, await self._load(peer, want.cid))
                    if message:
                        await answers.write(message)

    async def _load(self, peer: str, cid: bytes) -> bytes | None:
        if self._source is None or not cids.is_ours(cid):
            return None
        return await self._source(peer, cid)

    # --- both ---

    async def _listen(self, peer: str, stream: INetStream, wants: Wants | None) -> None:
        """Read messages until the stream ends. Only a peer that was asked may send long ones."""
        splitter = bitswap.Splitter()
        while data := await _receive(stream):
            most = limits.MAX_BITSWAP_MESSAGE if peer in self._questions else limits.MAX_BITSWAP_ASKING
            try:
                for message in splitter.receive(data, most):
                    for event in bitswap.read(message):
                        await self._take(peer, event, wants)
            except PeerFault as fault:
                questions = self._questions.get(peer)
                if questions is None or not questions.fail(fault):
                    self._blame(peer, fault.reason)
                raise

    async def _take(self, peer: str, event: bitswap.Event, wants: Wants | None) -> None:
        if isinstance(event, bitswap.Given | bitswap.Absent):
            questions = self._questions.get(peer)
            if questions is not None and event.cid in questions.asked:
                questions.answer(event.cid, event.data if isinstance(event, bitswap.Given) else None)
            elif isinstance(event, bitswap.Given):
                raise PeerFault("unasked", "a block nobody asked for")
        elif wants is not None:
            await wants.take(event)


class _Answers:
    """The stream on which one peer's wants are answered, opened with the first answer; each is written in one piece."""

    def __init__(self, open_stream: Callable[[], Awaitable[INetStream]]) -> None:
        self._open = open_stream
        self._stream: INetStream | None = None
        self._writing = trio.Lock()

    async def write(self, message: bytes) -> None:
        async with self._writing:
            self._stream = self._stream or await self._open()
            await self._stream.write(message)

    async def end(self, *, whole: bool) -> None:
        if self._stream is not None:
            await _end(self._stream.close if whole else self._stream.reset)


def _reply(want: bitswap.Wanted, block: bytes | None) -> bytes:
    if block is None:
        return bitswap.tell(want.cid, here=False) if want.absence else b""
    return bitswap.give(want.cid, block) if want.block else bitswap.tell(want.cid, here=True)


async def _receive(stream: INetStream) -> bytes:
    """Some bytes, none once the peer has finished."""
    with trio.fail_after(limits.IDLE_TIMEOUT):
        try:
            return await stream.read(_PORTION)
        except StreamEOF:
            return b""


async def _end(end: Callable[[], Awaitable[None]]) -> None:
    """Close or reset a stream; never raises, and ends what it began even when the caller is being cancelled."""
    with trio.CancelScope(deadline=trio.current_time() + limits.GOODBYE_TIMEOUT, shield=True), suppress(Exception):
        await end()
