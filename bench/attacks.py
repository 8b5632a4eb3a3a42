"""What people do who want a higher rank than their help is worth: receipts of accounts that they made up, called Sybils here.

A strategy says who of the attacker and its Sybils praises whom. Must not know the world around them, nor how anybody is ranked.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from bench.worlds import receipt
from p2plearn.ledger.entries import UNITS
from p2plearn.ledger.receipts import Receipt

Praise: TypeAlias = Iterable[tuple[bytes, bytes]]
Strategy: TypeAlias = Callable[[bytes, Sequence[bytes]], Praise]

_FORGED = 10**9  # the number of a thing that nobody else speaks of


def sybils(count: int, of: str = "") -> list[bytes]:
    """Keys of made-up people; `of` tells several lots apart."""
    return [f"sybil {of}{number}".encode() for number in range(count)]


def forged(praise: Praise, times: int = 1) -> list[Receipt]:
    """The receipts for it: verdicts, the best there is. So many between two people are written as one of as many units."""
    pairs = dict.fromkeys(praise)
    return [receipt(issuer, helper, "verdict", _FORGED)._replace(units=UNITS["verdict"] * times) for issuer, helper in pairs]


def none(_attacker: bytes, _made_up: Sequence[bytes]) -> Praise:
    """Nothing at all."""
    return []


def endorse(attacker: bytes, made_up: Sequence[bytes]) -> Praise:
    """All praise the attacker."""
    return [(one, attacker) for one in made_up]


def star(attacker: bytes, made_up: Sequence[bytes]) -> Praise:
    """All praise the attacker, who praises all."""
    return [pair for one in made_up for pair in ((one, attacker), (attacker, one))]


def chain(attacker: bytes, made_up: Sequence[bytes]) -> Praise:
    """The attacker praises the first, who praises the second, and so on."""
    return zip((attacker, *made_up), made_up, strict=False)


def cycle(attacker: bytes, made_up: Sequence[bytes]) -> Praise:
    """A chain whose end praises the attacker."""
    return zip((attacker, *made_up), (*made_up, attacker), strict=True)


def clique(attacker: bytes, made_up: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Everybody praises everybody."""
    people = (attacker, *made_up)
    return ((one, other) for one in people for other in people if one != other)


def two(attacker: bytes, made_up: Sequence[bytes]) -> Praise:
    """In twos: the attacker praises the first of each two, who praises the second, who praises the attacker."""
    half = len(made_up) // 2
    first, second = made_up[:half], made_up[half:]
    return [pair for one, other in zip(first, second, strict=False) for pair in ((attacker, one), (one, other), (other, attacker))]


STRATEGIES: dict[str, Strategy] = {
    "none": none,
    "endorse": endorse,
    "star": star,
    "cycle": cycle,
    "clique": clique,
    "chain": chain,
    "two": two,
}
