"""Sync sessions as decoders: a node with a few records, and a peer that sends any messages in any order.

An input is a row of messages, each behind its length (u16): framing has a decoder of its own, and mutation shall not end there.
"""

from functools import cache

from p2plearn.protocol import events as e
from p2plearn.protocol import messages as m
from p2plearn.protocol.claims import Claims
from p2plearn.protocol.frames import FrameReader, to_frames
from p2plearn.protocol.records import COMMONS, Record
from p2plearn.protocol.replica import Head, Replica
from p2plearn.protocol.scope import Scope
from p2plearn.protocol.signing import HELLO_DOMAIN, sign
from p2plearn.protocol.sync import Session
from p2plearn.testing.authors import Author
from tests.fuzz.mutation import join_row, split_row

_NAMES = (b"responder", b"initiator")


@cache
def _records() -> tuple[Record, ...]:
    ada, ben = Author("ada"), Author("ben")
    return (*(ada.share(f"Note {i}", "text") for i in range(20)), *(ben.ask(f"Why {i}?") for i in range(20)))


def _held(initiator: bool) -> tuple[Record, ...]:
    """Both have half of one chain; the initiator has some of the other's, with a gap, so that heads alone do not bring them together."""
    everything = _records()
    return (*everything[:10], *everything[22:30]) if initiator else (*everything[5:15], *everything[20:25])


@cache
def _replica(initiator: bool) -> Replica:
    """A session only reads it, but for what it claims, so all can have the same."""
    replica = Replica(Scope(COMMONS))
    held = _held(initiator)
    replica.add(record.id for record in held)
    first = held[0]
    if first.seq == 1:
        replica.heads[first.author] = Head(10, held[9].id)
    return replica


def _session(initiator: bool) -> Session:
    _replica(initiator).claims = Claims()
    return Session(_replica(initiator), _me(initiator), _NAMES[not initiator], initiator)


@cache
def _me(initiator: bool) -> e.Me:
    author = Author("ada" if initiator else "ben")
    return e.Me(author.key, sign(author.private_key, HELLO_DOMAIN, _NAMES[initiator]), bytes([initiator]) * 16)


def _react(session: Session, events: list[e.Event], held: dict[bytes, bytes]) -> None:
    """What a node does at each event, at once."""
    while events:
        event = events.pop(0)
        match event:
            case e.Arrived():
                events += session.committed()
            case e.Heavy(job):
                events += session.done(job())
            case e.Narrowed():
                events += session.narrow(_replica(True))  # any will do
            case e.Wanted(load):
                events += session.supply([held[i] for i in load.ids[:5] if i in held], e.Load(ids=load.ids[5:], live=load.live))
            case e.RoundAsked():
                events += session.answer_round()


def run_session(data: bytes, initiator: bool) -> object:
    """Let a node of this side receive the messages in `data`."""
    session = _session(initiator)
    held = {record.id: record.raw for record in _held(initiator)}
    for message in split_row(data):
        for frame in to_frames(message):
            _react(session, session.receive(frame), held)
            session.to_send()
    return repr(session)


@cache
def transcript(to_initiator: bool) -> list[bytes]:
    """What an honest peer says to that side, in one sitting, and all its beginnings."""
    sides = [_session(False), _session(True)]
    held = [{record.id: record.raw for record in _held(bool(i))} for i in (0, 1)]
    said: list[list[bytes]] = [[], []]
    reader = [FrameReader(), FrameReader()]
    waiting = True
    while waiting:
        waiting = False
        for i in (0, 1):
            for frame in sides[i].to_send():
                waiting = True
                said[1 - i] += reader[i].receive(frame)
                _react(sides[1 - i], sides[1 - i].receive(frame), held[1 - i])
    messages = said[to_initiator]
    rows = [messages[:n] for n in range(1, len(messages) + 1)]
    rows.append([*messages, m.write(m.State(b"F" * 32))])  # the next round
    if not to_initiator:  # what is asked for when one sketch is not enough
        asks: list[m.Message] = [
            m.SketchAsk(3, 5, 0, 512),
            m.SketchAsk(3, 5, 512, 32),
            m.SketchAsk(16, 65_535, 0, 32),
            m.Want(salted=True, shorts=(1, 2)),
            m.Offer(salted=True, shorts=(1, 2)),
        ]
        rows += [[messages[0], *map(m.write, asks)], [messages[0], m.write(m.HeadsAsk(7)), *_heads(3)]]
        narrow = m.Hello(COMMONS, ("maths",), (_me(True).author,), *_proof(True), b"F" * 32)
        rows.append([m.write(message) for message in (narrow, m.SketchAsk(0, 0, 0, 32), m.Offer(salted=False, shorts=(1, 2)), m.Served(1))])
    else:  # what comes when much differs: symbols without end, then heads
        symbols = [m.write(m.SketchPart(bytes(range(256)) * times)) for times in (2, 6)]
        rows.append([messages[0], *symbols, *_heads(13)])
    return list(map(join_row, rows))


def _proof(initiator: bool) -> tuple[bytes, bytes, bytes]:
    me = _me(initiator)
    return me.author, me.proof, me.nonce


def _heads(end: int) -> list[bytes]:
    """The other side holds a run up to `end`, which this one lacks in part, asks for; and does not get."""
    mine = Author("ada").key[: m.SHORT_KEY]
    runs = m.WantRuns(((mine, 1, 3),))
    return [m.write(message) for message in (m.Heads(((mine, end),), last=True), runs, m.Served(1), m.Done(), m.State(b"F" * 32))]
