"""A session whose other end lies: it gets PeerFault, or a bounded amount of work; never another exception, never a session without end."""

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol import messages as m
from p2plearn.protocol.events import Ended, Met, Phase, RoundAsked, Settled
from p2plearn.protocol.frames import to_frames
from p2plearn.protocol.records import COMMONS
from p2plearn.protocol.replica import short_id
from tests.protocol.sync_driver import Liar, Side, chain, fault, key, me

HELD = [*chain("ada", 30), *chain("ben", 30)]
FIRST_ASK = m.SketchAsk(0, 0, 0, 32)
NOTHING = m.SketchPart(bytes(16 * 32))  # symbols of a side that holds nothing
MANY = (m.SketchPart(b"\x01" * 16 * 32), m.SketchPart(b"\x01" * 16 * 96))  # of one that holds a lot
NO_HEADS = m.Heads((), last=True)
SOME = tuple(short_id(item.id) for item in HELD[:29])  # what is held, in more batches than the window lets through


def honest(*, initiator: bool) -> Liar:
    """The other end of a session that is in SKETCHING."""
    liar = Liar(Side("honest", HELD), initiator=initiator)
    liar.meet()
    return liar


# --- hello ---


def test_a_proof_of_another_author_or_for_another_peer_is_refused() -> None:
    mine, other = me("liar"), me("other")
    for author, proof in ((mine.author, other.proof), (other.author, other.proof), (mine.author, bytes(64))):
        liar = Liar(Side("honest"), initiator=True, hello=m.Hello(COMMONS, (), (), author, proof, mine.nonce, bytes(32)))
        assert fault(liar, liar.hello) == "proof"


def test_a_good_proof_says_who_it_is() -> None:
    assert honest(initiator=True).events == [Met(me("liar").author)]


def test_another_space_is_nobodys_fault_and_what_follows_is_passed_over() -> None:
    mine = me("liar")
    liar = Liar(Side("honest", HELD), initiator=False, hello=m.Hello("choir", (), (), mine.author, mine.proof, mine.nonce, bytes(32)))
    liar.heard()
    liar.say_at_once(liar.hello, m.Done(), m.Ack(7))
    assert liar.events == [Ended("space")]
    assert liar.say(FIRST_ASK) == []
    assert liar.session.phase is Phase.ENDED


def test_nothing_comes_before_the_hello_and_only_one_hello() -> None:
    for message in (m.State(bytes(32)), m.Done(), FIRST_ASK):
        assert fault(Liar(Side("honest"), initiator=False), message) == "order"
    liar = honest(initiator=False)
    assert fault(liar, liar.hello) == "order"


# --- messages out of turn ---

HEADS = (m.Heads(((b"a" * 8, 1), (b"b" * 8, 2)), last=False),)

OUT_OF_TURN: dict[str, tuple[bool, tuple[m.Message, ...]]] = {
    "an acknowledgement of nothing": (False, (m.Ack(1),)),
    "an acknowledgement of no more than before": (False, (m.Ack(0),)),
    "a state in the middle": (False, (m.State(bytes(32)),)),
    "done twice": (False, (m.HeadsAsk(0), NO_HEADS, m.Done(), m.State(bytes(32)), m.Done(), m.Done())),
    "done when settled": (False, (m.Done(), m.Done())),
    "a sketch for who asked for none": (False, (NOTHING,)),
    "an ask to the side that asks": (True, (FIRST_ASK,)),
    "a wish to the side that asks": (True, (m.Want(salted=False, shorts=(1,)),)),
    "heads asked of the side that asks": (True, (m.HeadsAsk(1),)),
    "an offer after done": (False, (FIRST_ASK, m.Done(), m.Offer(salted=False, shorts=(1,)))),
    "picking from nothing": (False, (m.Pick((True,)),)),
    "runs before heads": (False, (m.WantRuns(((bytes(8), 1, 1),)),)),
    "runs after done": (False, (m.HeadsAsk(0), NO_HEADS, m.Done(), m.WantRuns(((bytes(8), 1, 1),)))),
    "served what nobody asked for": (False, (m.Served(1),)),
    "done with an ask unserved": (False, (FIRST_ASK, m.Want(salted=False, shorts=SOME), m.Done())),
    "an ask after done": (False, (m.Done(), FIRST_ASK)),
    "heads unasked": (False, (NO_HEADS,)),
    "heads asked for twice": (False, (m.HeadsAsk(1), m.HeadsAsk(1))),
    "heads asked for again in the same round": (False, (m.HeadsAsk(0), NO_HEADS, m.Done(), m.State(bytes(32)), m.HeadsAsk(1))),
    "symbols after heads": (True, (*MANY, NOTHING)),
    "the wrong number of symbols": (True, (MANY[1],)),
    "heads out of order": (False, (m.HeadsAsk(1), m.Heads(((b"b" * 8, 1), (b"a" * 8, 1)), last=True))),
    "an author twice": (False, (m.HeadsAsk(1), *HEADS, m.Heads(((b"b" * 8, 3),), last=True))),
    "empty heads without end": (False, (m.HeadsAsk(1), m.Heads((), last=False))),
    "two states": (False, (m.Done(), m.State(b"1" * 32), m.State(b"2" * 32), m.State(b"3" * 32))),
    "a state before done": (False, (m.HeadsAsk(0), NO_HEADS, m.State(bytes(32)))),
}


@pytest.mark.parametrize("initiator, messages", OUT_OF_TURN.values(), ids=OUT_OF_TURN)
def test_out_of_turn(initiator: bool, messages: tuple[m.Message, ...]) -> None:
    liar = honest(initiator=initiator)
    assert fault(liar, *messages) in ("order", "sketch")


# --- more than anybody needs ---


def test_heads_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_HEADS_TOTAL", 10)
    many = m.Heads(tuple((n.to_bytes(8, "big"), 1) for n in range(1, 12)), last=False)
    assert fault(honest(initiator=False), m.HeadsAsk(1), many) == "limit"


def test_more_batches_than_the_window() -> None:
    liar = honest(initiator=False)
    batches = [m.Records((n.to_bytes(99, "big"),)) for n in range(limits.WINDOW + 1)]
    with pytest.raises(PeerFault, match="window"):
        liar.say_at_once(*batches)


def test_a_second_ask_before_the_answer_to_the_first_can_have_arrived() -> None:
    """Else one chunk of asks would make us compute and hold megabytes of answers."""
    liar = honest(initiator=False)
    with pytest.raises(PeerFault, match="before the answer"):
        liar.say_at_once(*(m.SketchAsk(0, 0, 32 * n, 32) for n in range(200)))


def test_wishes_for_everything_at_once() -> None:
    liar = honest(initiator=False)
    assert fault(liar, FIRST_ASK, m.Want(salted=False, shorts=tuple(range(33)))) == "limit"


@pytest.mark.parametrize("asks", [2, 16, 1000])
def test_every_part_of_a_large_set_again_and_again_costs_a_few_seconds(asks: int) -> None:
    """Without bounds each ask of 30 bytes would cost a pass over all ids."""
    side = Side("large")
    side.replica.add(key(str(n)) for n in range(50_000))
    liar = Liar(side, initiator=False)
    liar.meet()
    started = time.process_time()
    reason = fault(liar, *(m.SketchAsk(bits, part, 0, 1) for bits in range(1, 13) for part in range(min(asks, 1 << bits))))
    assert reason == "order"  # parts of another size begin at the left again
    assert time.process_time() - started < 5


def test_offers_of_more_than_can_differ() -> None:
    assert fault(honest(initiator=False), FIRST_ASK, m.Offer(salted=False, shorts=tuple(range(33)))) == "limit"
    assert fault(honest(initiator=True), m.Offer(salted=True, shorts=(1,))) == "limit"


def test_more_asks_than_may_wait() -> None:
    liar = honest(initiator=False)
    wants = [m.Want(salted=False, shorts=SOME[:9])] * 2  # two batches each: the window is full
    with pytest.raises(PeerFault, match="more asks"):
        liar.say_at_once(FIRST_ASK, *wants, *([m.Want(salted=False, shorts=SOME[:1])] * limits.MAX_ASKS))


def test_runs_that_are_promised_and_not_there_are_asked_for_a_few_times() -> None:
    liar = honest(initiator=False)
    heads = m.Heads(((bytes(8), m.MAX_SEQ), (key("ada")[:8], 20)), last=True)
    for n in range(limits.MAX_BROKEN_PROMISES + 1):
        answers = liar.say(m.HeadsAsk(limits.MAX_INT), heads)
        asks = [message for message in answers if isinstance(message, m.WantRuns)]
        assert asks == [m.WantRuns(((bytes(8), 1 + 1000 * at, 1000 + 1000 * at),)) for at in range(limits.MAX_ASKS)]
        served = m.Served((n + 1) * limits.MAX_ASKS)
        if n == limits.MAX_BROKEN_PROMISES // limits.MAX_ASKS:
            assert fault(liar, served) == "promise"
            return
        liar.say(served, m.Done(), m.State(bytes(32)), m.Done(), m.State(b"N" * 32))


def test_a_claim_that_everything_differs_gets_no_more_than_there_is() -> None:
    liar = honest(initiator=False)
    liar.say(m.HeadsAsk(limits.MAX_INT), m.Heads(tuple(sorted((key(name)[:8], 30) for name in ("ada", "ben"))), last=True))
    wanted = (key("ada")[:8], 1, 900), (key("nobody")[:8], 1, 10)
    answers = liar.say(m.WantRuns(wanted))
    sent = [raw for message in answers if isinstance(message, m.Records) for raw in message.raws]
    assert len(sent) == limits.WINDOW * 7  # then it waits for acknowledgements
    answers = liar.say(m.Ack(limits.WINDOW))
    sent += [raw for message in answers if isinstance(message, m.Records) for raw in message.raws]
    assert sent == [item.raw for item in HELD[:30]]
    assert answers[-1] == m.Served(1)


def test_heads_that_nobody_has_get_nothing() -> None:
    liar = honest(initiator=False)
    answers = liar.say(m.HeadsAsk(100), m.Heads(tuple(sorted((key(str(n))[:8], 5) for n in range(500))), last=True))
    assert [type(message) for message in answers] == [m.Heads, m.Done]


def test_a_peer_that_is_never_equal_gets_round_after_round_at_the_drivers_pace() -> None:
    liar = honest(initiator=False)
    for n in range(20):
        liar.say(m.Done(), m.State(n.to_bytes(32, "big")))
    assert liar.events.count(Settled(equal=False)) == 20
    assert liar.events.count(RoundAsked()) == 20


def test_a_round_nobody_answers_yet_cannot_be_asked_for_twice() -> None:
    liar = honest(initiator=False)
    with pytest.raises(PeerFault, match="order"):
        liar.say_at_once(m.Done(), *(m.State(bytes(32)) for _ in range(3)))


# --- whoever is asked lies ---

LIES: dict[str, Callable[[m.SketchAsk], bytes]] = {
    "noise": lambda ask: key(str(ask))[:16] * ask.count,
    "the same": lambda ask: b"\x07" * 16 * ask.count,
    "much": lambda ask: (bytes(12) + b"\xff\xff\xff\x7f") * ask.count,
    "nothing": lambda ask: bytes(16 * ask.count),
}


class Answering(Liar):
    """Lies about its symbols, and otherwise does what keeps the session going."""

    def __init__(self, lie: Callable[[m.SketchAsk], bytes]) -> None:
        super().__init__(Side("honest", HELD), initiator=True)
        self.lie = lie
        self.asked = 0
        self.batches = 0
        self.wanted = self.picked = 0
        self.held_back = False  # done comes when all is served

    def answer(self, message: m.Message) -> m.Message | None:
        match message:
            case m.SketchAsk():
                self.asked += message.count
                return m.SketchPart(self.lie(message))
            case m.HeadsAsk():
                return NO_HEADS
            case m.Done() if self.picked:
                self.held_back = True
            case m.Done():
                return message
            case m.State():
                return m.State(b"L" * 32)
            case m.Want() | m.WantRuns():
                self.wanted += 1
                return m.Served(self.wanted)
            case m.Offer():
                self.picked += 1
                return m.Pick((True,) * len(message.shorts))
            case m.Records():
                self.batches += 1
                return m.Ack(self.batches)
            case m.Served(self.picked) if self.held_back:
                return m.Done()
        return None


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_symbols_that_lie_end_in_a_settled_session(lie: Callable[[m.SketchAsk], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ROUND_SYMBOLS", 20_000)
    liar = Answering(lie)
    heard = liar.meet()
    for _ in range(5_000):
        if liar.session.phase is Phase.SETTLED:
            break
        heard = liar.say(*(answer for message in heard if (answer := liar.answer(message)) is not None))
    assert liar.session.phase is Phase.SETTLED
    assert liar.asked <= 2 * 20_000  # before heads and after


# --- anything at all ---

shorts = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4).map(tuple)
seldom = st.one_of(
    st.builds(m.State, st.sampled_from([bytes(32), b"F" * 32])),
    st.builds(m.Ack, st.integers(0, 4)),
    st.builds(
        m.Heads, st.lists(st.tuples(st.sampled_from([key(n)[:8] for n in "abc"]), st.integers(0, 40)), max_size=3).map(tuple), st.booleans()
    ),
    st.builds(m.HeadsAsk, st.sampled_from([0, 30, 10_000])),
    st.builds(m.SketchAsk, st.just(0), st.just(0), st.sampled_from([0, 32, 64]), st.just(32)),
    st.builds(m.SketchAsk, st.integers(1, 3), st.integers(0, 1), st.sampled_from([0, 8]), st.just(8)),
    st.builds(lambda n, byte: m.SketchPart(bytes([byte]) * 16 * n), st.sampled_from([8, 32, 96, 128]), st.integers(0, 255)),
    st.builds(m.Want, st.booleans(), shorts),
    st.builds(m.Offer, st.booleans(), shorts),
    st.builds(m.Pick, st.lists(st.booleans(), min_size=1, max_size=4).map(tuple)),
    st.builds(lambda first, more: m.WantRuns(((key("a")[:8], first, first + more),)), st.integers(1, 9), st.integers(0, 40)),
    st.builds(m.Served, st.integers(0, 4)),
    st.builds(lambda n: m.Records((n.to_bytes(120, "big"),)), st.integers(0, 99)),
    st.just(m.Done()),
)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.lists(seldom, max_size=14))
def test_any_messages_in_any_order(initiator: bool, messages: list[m.Message]) -> None:
    assert fault(honest(initiator=initiator), *messages) in ("nothing", "order", "limit", "sketch", "window", "promise")


@settings(max_examples=100, deadline=None)
@given(st.booleans(), st.binary(max_size=200))
def test_any_bytes(initiator: bool, data: bytes) -> None:
    liar = honest(initiator=initiator)
    try:
        liar.session.receive(data)
        reason = "frame"
    except PeerFault as peer_fault:
        reason = peer_fault.reason
    assert reason in ("frame", "limit", "encoding", "message", "order")


def test_a_chunk_full_of_bombs_costs_a_few_megabytes() -> None:
    """64 KiB unfold to a gigabyte of records, of which the window lets four batches through."""
    liar = honest(initiator=False)
    batch: dict[str, Any] = {"raws": tuple(bytes([n]) + bytes(limits.MAX_RECORD - 1) for n in range(60))}
    frames = b"".join(to_frames(m.write(m.Records(**batch))))
    chunk = frames * (limits.MAX_FRAME // len(frames))
    tracemalloc.start()
    with pytest.raises(PeerFault, match="window"):
        liar.session.receive(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(chunk) > 50 * len(frames)
    assert peak < 12 * limits.MiB
