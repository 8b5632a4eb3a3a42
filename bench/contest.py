"""What the ranking is worth: how well it tells who helps, and what people gain who try to be ranked higher than they help.

`lines()` is all of it in full, a line for each measure; tests/ledger/test_attacks.py asks for less of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import permutations
from typing import TypeAlias

import numpy as np

from bench.attacks import STRATEGIES, Praise, clique, forged, sybils
from bench.judging import Units, ndcg, spearman
from bench.meter import Line
from bench.worlds import NOW_MS, World
from p2plearn.ledger.accounts import Accounts
from p2plearn.ledger.dominators import is_behind
from p2plearn.ledger.frontier import prefer
from p2plearn.ledger.ranking import Ranking, rank
from p2plearn.ledger.receipts import Receipt

Following: TypeAlias = Callable[[Ranking, Mapping[bytes, int]], list[bytes]]

_SEEDS = (1, 2, 3)
_LOOKERS = 10  # from whose place each world is looked at
_ATTACKERS = 3
_SYBILS = (10, 50, 500)
_TIMES = (1, 30)  # verdicts that each of them gives each
_BUDGET = 0.05  # of all receipts
_TOP = 20


def lines() -> Iterator[Line]:
    """Every measure."""
    worlds = [Scene(World(seed)) for seed in _SEEDS]
    yield quality(worlds)
    yield fetched_first(worlds)
    scene = worlds[0]
    for behind in (False, True):
        attackers = scene.attackers(_ATTACKERS, behind=behind)
        for name in STRATEGIES:
            for k in _SYBILS:
                yield attacked(scene, name, k, attackers) | {"behind": behind}
    yield from adaptive(scene)


@dataclass
class Scene:
    """A world as seen by some of its people, who are spread from the eager to the rare ones, and what its receipts say."""

    world: World
    receipts: list[Receipt] = field(init=False)

    def __post_init__(self) -> None:
        self.receipts = self.world.written()

    def lookers(self, count: int = _LOOKERS) -> list[int]:
        """Numbers of people who look, each of whom was helped sometimes."""
        asked = np.argsort(-np.bincount(self.world.happened.issuer, minlength=self.world.peers), kind="stable")
        return [int(asked[place]) for place in np.linspace(self.world.peers // 40, self.world.peers // 2, count).astype(int)]

    @cached_property
    def me(self) -> bytes:
        """Who is attacked."""
        return self.world.key(self.lookers(5)[2])

    @cached_property
    def accounts(self) -> Accounts:
        """As it is without an attack."""
        return Accounts(self.me, self.receipts)

    @cached_property
    def before(self) -> "Scores":
        """The same."""
        return Scores(rank(self.accounts, NOW_MS))

    def attackers(self, count: int, *, behind: bool = False) -> list[bytes]:
        """People from the upper half of those with a score, whom `me` knows through several others, or else through one alone."""
        ranking = self.before.ranking
        order = [number for number in np.argsort(-ranking.scores, kind="stable").tolist() if ranking.scores[number] > 0]
        fitting = [number for number in order if is_behind(ranking.gate)[number] == behind]
        return [ranking.people[fitting[place]] for place in np.linspace(2, len(fitting) // 2, count).astype(int)]

    def after(self, more: Iterable[Receipt], without: Iterable[Receipt] = ()) -> "Scores":
        """The scores with more receipts, and without some; the accounts are then as they were."""
        more, without = list(more), list(without)
        for one in without:
            self.accounts.drop(one)
        for one in more:
            self.accounts.put(one)
        found = Scores(rank(self.accounts, NOW_MS))
        for one in more:
            self.accounts.drop(one)
        for one in without:
            self.accounts.put(one)
        return found


class Scores:
    """A ranking by the people's names."""

    def __init__(self, ranking: Ranking) -> None:
        self.ranking = ranking
        self._scores = dict(zip(ranking.people, ranking.scores.tolist(), strict=True))

    def of(self, people: Iterable[bytes]) -> float:
        """What these have together."""
        return float(sum(self._scores.get(person, 0.0) for person in people))

    def top(self, count: int = _TOP) -> set[bytes]:
        """The first."""
        return {self.ranking.people[number] for number in np.argsort(-self.ranking.scores, kind="stable")[:count]}


def quality(scenes: Sequence[Scene], lookers: int = _LOOKERS) -> Line:
    """How well each way of ranking orders people by how helpful they are, and finds the twenty who can do most for the one who looks."""
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "naive": [], "eigentrust": [], "pagerank": []}
    for scene in scenes:
        world = scene.world
        people = [world.key(number) for number in range(world.peers)]
        units = Units(scene.receipts, people, NOW_MS)
        for me in scene.lookers(lookers):
            ours = Scores(rank(Accounts(world.key(me), scene.receipts), NOW_MS))
            scores = {
                "ours": np.array([ours.of([person]) for person in people]),
                "naive": units.naive(),
                "eigentrust": units.eigentrust(),
                "pagerank": units.pagerank(me),
            }
            others = np.arange(world.peers) != me
            truth, relevance = world.helpfulness()[others], world.relevance(me)[others]
            for name, score in scores.items():
                found[name].append((spearman(score[others], truth), ndcg(score[others], relevance)))
    means = {name: np.mean(pairs, axis=0).round(3).tolist() for name, pairs in found.items()}
    return {
        "name": "rank quality",
        "n": scenes[0].world.peers,
        "receipts": scenes[0].world.receipts,
        "spearman": {name: pair[0] for name, pair in means.items()},
        "ndcg": {name: pair[1] for name, pair in means.items()},
        "spearman_of_naive": round(means["ours"][0] / means["naive"][0], 3),
    }


def fetched_first(scenes: Sequence[Scene], lookers: int = _LOOKERS) -> Line:
    """How many of the first twenty by all receipts are so by a twentieth of them, chosen by the frontier or by chance."""
    by_frontier, by_chance = [], []
    for scene in scenes:
        said: dict[bytes, list[Receipt]] = {}
        for one in scene.receipts:
            said.setdefault(one.issuer, []).append(one)
        chance = np.random.default_rng(scene.world.seed)
        for number in scene.lookers(lookers):
            me = scene.world.key(number)
            full = Scores(rank(Accounts(me, scene.receipts), NOW_MS)).top()
            by_frontier.append(len(full & _fetched(me, said, _frontier)) / _TOP)
            by_chance.append(len(full & _fetched(me, said, _by_chance(chance))) / _TOP)
    return {
        "name": "rank frontier",
        "n": scenes[0].world.peers,
        "receipts": _BUDGET,
        "top": round(float(np.mean(by_frontier)), 3),
        "least": min(by_frontier),
        "top_by_chance": round(float(np.mean(by_chance)), 3),
    }


def _fetched(me: bytes, said: Mapping[bytes, Sequence[Receipt]], following: Following) -> set[bytes]:
    """The first by what was fetched: all that one author says, then another, and so on, until there would be too much."""
    accounts = Accounts(me)
    coming = {author: len(receipts) for author, receipts in said.items()}
    room = _BUDGET * sum(coming.values())
    while True:
        ranking = rank(accounts, NOW_MS)
        author = next((one for one in following(ranking, coming) if coming[one] <= room), None)
        if author is None:
            return Scores(ranking).top()
        for one in said[author]:
            accounts.put(one)
        room -= coming.pop(author)


def _frontier(ranking: Ranking, coming: Mapping[bytes, int]) -> list[bytes]:
    """As a node asks."""
    visits = dict(zip(ranking.people, ranking.visits.tolist(), strict=True))
    worth = {author: prefer(visits.get(author, 0.0), count, chosen=author == ranking.people[0]) for author, count in coming.items()}
    return sorted((author for author in worth if worth[author] > 0), key=lambda author: (-worth[author], author))


def _by_chance(chance: np.random.Generator) -> Following:
    """Me, then anybody."""

    def following(ranking: Ranking, coming: Mapping[bytes, int]) -> list[bytes]:
        me = ranking.people[0]
        authors = sorted(coming.keys() - {me})
        return [*([me] if me in coming else []), *(authors[at] for at in chance.permutation(len(authors)))]

    return following


def attacked(scene: Scene, strategy: str, k: int, attackers: Sequence[bytes], times: Sequence[int] = _TIMES) -> Line:
    """The worst that a strategy with k Sybils does: the attacker's score over what it was, and the Sybils' total over the attacker's.

    Whether the attacker keeps its honest receipts or takes them back, and however many verdicts it has its Sybils write.
    """
    gains, totals = [], []
    for attacker in attackers:
        for number in times:
            for taken_back in ([], [one for one in scene.receipts if one.issuer == attacker]):
                made_up = sybils(k)
                after = scene.after(forged(STRATEGIES[strategy](attacker, made_up), number), taken_back)
                gains.append(after.of([attacker]) / scene.before.of([attacker]))
                totals.append(after.of(made_up) / after.of([attacker]))
    return {"name": f"rank attack {strategy}", "k": k, "own_gain": round(max(gains), 4), "sybils": round(max(totals), 4)}


def adaptive(scene: Scene) -> Iterator[Line]:
    """Attackers who go about it otherwise."""
    yield honest_first(scene)
    for count in (2, 4, 8):
        yield colluding(scene, count)
    for count in (1, 3, 10):
        yield bought(scene, count)
    yield ring(scene)
    yield pumped(scene)


def honest_first(scene: Scene, helped: int = 30, k: int = 50) -> Line:
    """A newcomer helps thirty people, then turns: over what the help alone has earned."""
    newcomer, made_up = b"newcomer", sybils(k)
    thanks = forged((person, newcomer) for person in scene.attackers(helped))
    honest = scene.after(thanks).of([newcomer])
    gains, totals = [], []
    for times in _TIMES:
        for strategy in STRATEGIES.values():
            after = scene.after([*thanks, *forged(strategy(newcomer, made_up), times)])
            gains.append(after.of([newcomer]) / honest)
            totals.append(after.of(made_up) / after.of([newcomer]))
    return {"name": "rank attack honest first", "k": k, "own_gain": round(max(gains), 4), "sybils": round(max(totals), 4)}


def colluding(scene: Scene, count: int, k: int = 50) -> Line:
    """Several who are known to me praise each other and the same Sybils, who praise each other and them."""
    attackers, made_up = scene.attackers(count), sybils(k)
    together = forged((one, other) for one, other in permutations([*attackers, *made_up], 2))
    after = scene.after(together)
    return {
        "name": "rank attack colluding",
        "attackers": count,
        "k": k,
        "own_gain": round(after.of(attackers) / scene.before.of(attackers), 4),
        "sybils": round(after.of(made_up) / after.of(attackers), 4),
    }


def bought(scene: Scene, count: int, k: int = 50) -> Line:
    """People of whom I think well each sell one verdict, for the attacker or for a Sybil.

    `price`: what attacker and Sybils gain together, as a part of what those who sold have. Never more than 1.5, what anybody hands on.
    """
    (attacker,), made_up, sellers = scene.attackers(1, behind=True), sybils(k), scene.attackers(count)
    gains = []
    for aim in (attacker, made_up[0]):
        praise: Praise = [*clique(attacker, made_up), *((seller, aim) for seller in sellers)]
        gains.append(scene.after(forged(praise)).of([attacker, *made_up]) - scene.before.of([attacker]))
    return {"name": "rank attack bought", "sellers": count, "k": k, "price": round(max(gains) / scene.before.of(sellers), 4)}


def ring(scene: Scene, count: int = 10) -> Line:
    """People who really help praise each other beyond measure: what they have together, over what they had."""
    helpers = scene.attackers(count)
    after = scene.after(forged(permutations(helpers, 2), 30))
    return {"name": "rank attack ring", "helpers": count, "own_gain": round(after.of(helpers) / scene.before.of(helpers), 4)}


def pumped(scene: Scene, times: int = 100) -> Line:
    """A friend who is nobody special, or the best of all, gives the same person a hundred verdicts: over what they had before."""
    attacker, friend = scene.attackers(2)
    (first,) = scene.before.top(1)
    gains = [scene.after(forged([(by, attacker)], times)).of([attacker]) / scene.before.of([attacker]) for by in (friend, first)]
    return {"name": "rank attack pumped", "times": times, "own_gain": round(gains[0], 4), "by_the_best": round(gains[1], 4)}
