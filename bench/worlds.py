"""Worlds of people who help one another, of whom it is known who really is helpful, at what, and who cares for what.

World(seed) is the same on every machine; there is neither a network nor any record. Must not know how anybody is ranked, nor of attacks.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from p2plearn.ledger.entries import UNITS
from p2plearn.ledger.receipts import Receipt

PEERS, RECEIPTS = 2_000, 28_000
NOW_MS = 1_800_000_000_000

_TOPICS = 24
_INTERESTS = 4  # topics that somebody cares for, and may be good at
_CIRCLE = 50  # people who know one another
_NEAR = 0.3  # how often help comes from one's own circle
_HELPFUL = 2.0  # σ of the logarithm: a tenth of the people could give three quarters of the help, as is known of such places
_ACTIVE = 1.0  # σ of the logarithm: who is there often both asks and helps
_SPAN_MS = 360 * 24 * 3600 * 1000

_KINDS = {"verdict": 0.15, "solve": 0.2, "tried": 0.25, "using": 0.15, "passed-on": 0.05, "thanks": 0.2}  # how often

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Happened(NamedTuple):
    """What was receipted, in columns: numbers of people, kinds and topics, and ms."""

    issuer: Ints
    helper: Ints
    kind: Ints
    topic: Ints
    at: Ints


@dataclass(frozen=True)
class World:
    """`peers` people gave each other some `receipts`."""

    seed: int
    peers: int = PEERS
    receipts: int = RECEIPTS

    @staticmethod
    def key(number: int) -> bytes:
        """The author key of a person."""
        return b"person %d" % number

    @cached_property
    def interest(self) -> Floats:
        """Which part of what each (row) wants to learn is about each topic (column)."""
        chance = self._chance(1)
        found = np.zeros((self.peers, _TOPICS))
        chosen = chance.random(found.shape).argsort(axis=1)[:, :_INTERESTS]
        np.put_along_axis(found, chosen, chance.dirichlet(np.ones(_INTERESTS), self.peers), axis=1)
        return found

    @cached_property
    def skill(self) -> Floats:
        """How helpful each (row) really is when asked about each topic (column): people are good at what they care for, some more."""
        chance = self._chance(2)
        helpful = chance.lognormal(0.0, _HELPFUL, self.peers)
        at = self.interest * chance.gamma(1.0, 1.0, self.interest.shape)
        found: Floats = helpful[:, None] * at / at.sum(axis=1, keepdims=True)
        return found

    def helpfulness(self) -> Floats:
        """Of each, over all topics."""
        total: Floats = self.skill.sum(axis=1)
        return total

    def relevance(self, me: int) -> Floats:
        """How much each could do for `me`."""
        found: Floats = self.skill @ self.interest[me]
        return found

    @cached_property
    def happened(self) -> Happened:
        """Somebody who is there asks about something they care for; help comes from those there who are good at it, near or far."""
        chance = self._chance(3)
        active = chance.lognormal(0.0, _ACTIVE, self.peers)
        issuer = chance.choice(self.peers, self.receipts, p=active / active.sum())
        topic = (self.interest[issuer].cumsum(axis=1) > chance.random((self.receipts, 1))).argmax(axis=1)
        circle = np.where(chance.random(self.receipts) < _NEAR, issuer // _CIRCLE, -1)
        helper = _helpers(chance, active[:, None] * self.skill, circle, topic)
        kind = chance.choice(len(_KINDS), self.receipts, p=list(_KINDS.values()))
        return Happened(issuer, helper, kind, topic, NOW_MS - chance.integers(0, _SPAN_MS, self.receipts))

    def written(self) -> list[Receipt]:
        """The receipts, in no order. Who would have helped themselves got no help."""
        kinds = list(_KINDS)
        return [
            receipt(self.key(j), self.key(i), kinds[kind], number, topic=f"topic {topic}", at=at)
            for number, (j, i, kind, topic, at) in enumerate(zip(*(column.tolist() for column in self.happened), strict=True))
            if i != j
        ]

    def _chance(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, purpose])


def receipt(issuer: bytes, helper: bytes, kind: str, number: int, *, topic: str = "", at: int = NOW_MS) -> Receipt:
    """A receipt for thing `number`. `kind`: a name in entries.UNITS."""
    slot = b"%d" % number
    what = "adopt" if kind in {"tried", "using", "passed-on"} else kind
    return Receipt(issuer, helper, what, slot, UNITS[kind], at, (topic,) if topic else (), slot)


def _helpers(chance: np.random.Generator, offered: Floats, circle: Ints, topic: Ints) -> Ints:
    """Who helped, for each event: of that circle (−1: of all), by what they offer of the topic."""
    found = np.zeros(len(topic), np.int64)
    cells = (circle + 1) * _TOPICS + topic
    order = np.argsort(cells, kind="stable")
    for events in np.split(order, np.flatnonzero(np.diff(cells[order])) + 1):
        first = max(0, circle[events[0]] * _CIRCLE)
        odds = offered[first : first + _CIRCLE if circle[events[0]] >= 0 else None, topic[events[0]]]
        if not odds.any():  # nobody of the circle knows anything about it
            first, odds = 0, offered[:, topic[events[0]]]
        found[events] = first + chance.choice(len(odds), len(events), p=odds / odds.sum())
    return found
