"""Whatever the records, in whatever order they came, and whichever are missing: what every view may be relied on for.

A view is a function of a set of records. Equal sets give equal views, no set makes one raise, and what only one person may say nobody
else's records can change.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plearn.learning.asking import Helper, helped_in, whom_to_ask
from p2plearn.learning.conversation import CLOSED, Conversation, converse
from p2plearn.learning.declared import declared, orientations
from p2plearn.learning.facts import facts, facts_json
from p2plearn.learning.followups import follow_up, may_be_due
from p2plearn.learning.glow import gleam_json, glow
from p2plearn.learning.inbox import Hearing, item_of
from p2plearn.learning.items import item_json
from p2plearn.learning.lineage import lineage_json, trace
from p2plearn.learning.matching import back_offers, declared_side, matches, shown_side, side
from p2plearn.learning.next_steps import next_step
from p2plearn.learning.opinions import adoptions, corrections, reactions
from p2plearn.learning.people import names_of, people
from p2plearn.learning.progress import latest_verdicts
from p2plearn.learning.upstream import made_from, upstream
from p2plearn.learning.views import Around, show_json
from p2plearn.ledger.credits import authors_along, credits_json, credits_of
from p2plearn.ledger.entries import edges
from p2plearn.protocol.kinds import (
    BY,
    RE,
    REACTIONS,
    REPLY_TYPES,
    RESULTS,
    RETRACTS,
    ROOT,
    SIMILAR,
    VARIANTS,
    Adopt,
    Request,
    Retract,
    Snippet,
)
from p2plearn.protocol.records import Record, Ref
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS, FakeClock
from p2plearn.testing.strategies import DAY_MS, record_sets

ME = Author("ada").key
NOW = START_MS


class World:
    """A set of records in some order, maybe with some of them twice, and what the services hand to the views of it."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.names = names_of(people(records))

    @cached_property
    def conversations(self) -> dict[bytes, Conversation]:
        """Root id → conversation, in the order of the records."""
        folded = {record.id: converse(record, self.records) for record in self.records}
        return {root: conversation for root, conversation in folded.items() if conversation is not None}

    @property
    def sorted(self) -> list[Conversation]:
        return [conversation for _, conversation in sorted(self.conversations.items())]

    def line(self, root: bytes) -> list[bytes]:
        """A root and what it was made from, and so on."""
        return [one.root.id for one in upstream(self.conversations[root], self.conversations)]


# --- the views ---


def show(world: World) -> object:
    """Every conversation whole, with what stands around it."""
    everything = world.conversations.values()
    return [
        show_json(
            one,
            world.names,
            Around(
                variants=[other for other in world.sorted if one.root.id in made_from(other)],
                sources=upstream(one, world.conversations)[1:],
                similar=[other for other in world.sorted if other.root.id in one.root.targets(SIMILAR)],
                held_by=len(everything),
            ),
        )
        for one in world.sorted
    ]


def items(world: World) -> object:
    return [item_json(one, world.names, NOW) for one in world.sorted]


def opinions(world: World) -> object:
    return [(corrections(one), reactions(one), adoptions(one.standing)) for one in world.sorted]


def lineage(world: World) -> object:
    return [lineage_json(trace(one, world.conversations.values()), world.names) for one in world.sorted if isinstance(one.body, Snippet)]


def declarations(world: World) -> object:
    return declared(world.records), orientations(world.records), people(world.records)


def matching(world: World) -> object:
    """What I give and seek beside what others do, and what I have shown beside what others ask."""
    declarations = [
        declared_side(record, topic)
        for one in declared(world.records).values()
        for topic, record in [*one.teaches.items(), *one.learns.items()]
    ]
    sides = [*declarations, *filter(None, map(side, world.conversations.values()))]
    shown = list(filter(None, (shown_side(one, ME) for one in world.conversations.values())))
    found = matches([*(one for one in sides if one.author == ME), *shown], sides, ME)
    return found, back_offers(ME, world.conversations.values(), world.conversations.values(), world.names)


def asking(world: World) -> object:
    helped = helped_in(world.conversations.values(), NOW)
    return helped, whom_to_ask((Helper(author, helped=one) for author, one in helped.items()), ME, NOW)


def inbox(world: World) -> object:
    """Of each record why it concerns me and what to do next, and what I am asked a month later."""
    hearings = {root: Hearing(ME, one) for root, one in world.conversations.items()}
    found = []
    for record in sorted(set(world.records), key=lambda record: record.id):
        root = record.target(ROOT) or b""
        things = [thing for thing in world.conversations if root in world.line(thing)]
        if item := item_of(ME, record, hearings.get, things):
            found.append((record.id.hex(), item.about.hex(), item.role, item.type, item.text, next_step(item)))
    later = [follow_up(ME, one, NOW + 31 * DAY_MS) for one in world.sorted]
    return found, [(one.about.hex(), one.text, one.at, one.day) for one in later if one], may_be_due(world.records, NOW + 31 * DAY_MS)


def mine(world: World) -> object:
    """What became of my help, and my own facts."""
    gleams = [gleam_json(gleam, world.names) for gleam in glow(ME, world.conversations.values(), NOW)]
    return gleams, facts_json(facts(ME, world.conversations.values()))


def ledger(world: World) -> object:
    """The edges, and whom each adoption credits."""
    adopted = sorted((record for record in set(world.records) if record.kind == Adopt.kind), key=lambda record: record.id)
    found = [(record, world.conversations.get(record.target(ROOT) or b"")) for record in adopted]
    roots = {root: conversation.root for root, conversation in world.conversations.items()}
    credited = [credits_of(record, one, authors_along(one.root, roots.get, lambda _copy: None)) for record, one in found if one is not None]
    return edges(world.records), [credits_json(found, world.names) for found in credited]


VIEWS: list[Callable[[World], object]] = [show, items, opinions, lineage, declarations, matching, asking, inbox, mine, ledger]


# --- what holds ---


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
@given(records=record_sets(), random=st.randoms(use_true_random=False))
def test_equal_sets_give_equal_views(view: Callable[[World], object], records: list[Record], random: Random) -> None:
    some = random.sample(records, random.randint(len(records) // 2, len(records)))
    shuffled = [*some, *random.sample(some, len(some) // 2)]
    random.shuffle(shuffled)
    assert plain(view(World(shuffled))) == plain(view(World(some)))


@given(record_sets())
def test_what_only_one_person_may_say_nobody_else_can_change(records: list[Record]) -> None:
    for author in {record.author for record in records}:
        alone = leant_on(author, records)
        assert own(author, World(records)) == own(author, World(alone))


@settings(deadline=None, max_examples=30)
@given(record_sets())
def test_a_stranger_who_tries_everything_changes_nothing_that_is_anothers(records: list[Record]) -> None:
    stranger = Author("mallory", FakeClock(START_MS + DAY_MS))
    tried = [said for record in records for said in everything_about(record, stranger)]
    before, after = World(records), World([*tried, *records])
    for author in {record.author for record in records}:
        assert own(author, after) == own(author, before)


def everything_about(thing: Record, stranger: Author) -> list[Record]:
    """All that can be said about a thing, allowed or not."""
    about_it: list[Callable[[Record], Record]] = [stranger.retract, stranger.solve, stranger.withdraw, stranger.attempt, stranger.check]
    about_it += [stranger.prove, stranger.adopt, stranger.correct, stranger.thank, stranger.encourage, stranger.decline]
    said = [act(thing) for act in about_it]
    said += [stranger.solve(thing, by=thing), stranger.revise(thing, "mine"), stranger.revise(thing, "mine", taking_up=thing)]
    said += [stranger.judge(thing, result) for result in RESULTS] + [stranger.react(thing, word) for word in REACTIONS]
    said += [stranger.reply(thing, type_) for type_ in REPLY_TYPES] + [stranger.fork(thing, "mine", relation) for relation in VARIANTS]
    return [*said, *(stranger.say(Retract(), Ref(ROOT, named), Ref(RETRACTS, thing.id)) for named in thing.targets(ROOT))]


def own(author: bytes, world: World) -> dict[str, Any]:
    """All that is the author's alone to say, as the views tell it."""
    found: dict[str, Any] = {"declared": declared(world.records).get(author), "answers": orientations(world.records).get(author)}
    found["profile"] = people(world.records).get(author)
    for one in world.conversations.values():
        root = one.root.id.hex()
        if one.root.author == author:
            closing = one.state if isinstance(one.body, Request) and one.state in CLOSED else ""
            found[root] = (one.title, one.text, one.reason, one.versions, one.attachments, closing)
        said = [entry for entry in one.thread if entry.author == author]
        found |= {entry.record.id.hex(): entry for entry in said}
        found[f"reactions {root}"] = [entry for entry in reactions(one) if entry.author == author]
        found[f"adopted {root}"] = adoptions(one.standing).get(author)
        setters = {entry.record.id: entry.author for entry in one.thread}
        found[f"verdicts {root}"] = {check: entry for check, entry in latest_verdicts(one.thread).items() if setters[check] == author}
    return {name: value for name, value in found.items() if value}


def leant_on(author: bytes, records: Iterable[Record]) -> list[Record]:
    """Somebody's records, what these are about, and what that is about in turn: a verdict leans on a proof, the proof on a check."""
    held = {record.id: record for record in records}
    found: set[Record] = set()
    waiting = [record for record in held.values() if record.author == author]
    while waiting:
        record = waiting.pop()
        found.add(record)
        named = {held[target] for relation in (ROOT, RE, BY) for target in record.targets(relation) if target in held}
        waiting += named - found
    return list(found)


def plain(view: object) -> object:
    """A view as it would be sent, in which the order of keys counts too; as it is when it holds other things than JSON."""
    try:
        return json.dumps(view)
    except TypeError:
        return view
