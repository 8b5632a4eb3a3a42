"""What a stranger's properly signed records can do to the views of the learning loop: docs/attacks.md, “The learning loop”.

Small in `make test`; with P2PLEARN_FULL=1 (`make attack`) as large as a hostile evening in a café, with a bound on processor time.
"""

import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.learning.conversation import Conversation, converse
from p2plearn.node.service.service import Service
from p2plearn.node.store import closed as store_closed
from p2plearn.node.store import folds as store_folds
from p2plearn.protocol.kinds import BY, FROM, OF, RE, RETRACTS, ROOT, SIMILAR, VARIANTS, WITH, Fix, Reply, Solve, Verdict
from p2plearn.protocol.records import Record, Ref
from p2plearn.protocol.sealing import seal
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS, FakeClock

FULL = bool(os.environ.get("P2PLEARN_FULL"))
TIMES = 100 if FULL else 1
VIEWS: dict[str, dict[str, Any]] = {
    "inbox": {},
    "glow": {},
    "matches": {},
    "people": {"topic": "x"},
    "feed": {},
    "requests": {"open": True},
    "compass": {},
    "home": {},
}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, FakeClock(START_MS)) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    """Peers bring records, as many at a time as a session does."""
    for at in range(0, len(records), limits.MAX_BATCH_RECORDS):
        await service._keeper.take([record.raw for record in records[at : at + limits.MAX_BATCH_RECORDS]], "peer")


async def said(service: Service, answer: dict[str, Any]) -> Record:
    """The record that was just made here."""
    (stored,) = await service._keeper.in_thread(service._keeper.store.get, [bytes.fromhex(answer["id"])])
    return stored.record


async def asked(service: Service) -> Record:
    return await said(service, await service.ask(title="Why?", text="I wonder.", topics=["x"]))


async def shared(service: Service) -> Record:
    return await said(service, await service.share(title="Puncture", text="Glue it.", topics=["x"]))


async def every_view(service: Service, *roots: Record) -> dict[str, Any]:
    """Each view, and what processor time it took; all of them can be sent and read by any reader of JSON."""
    found = {}
    calls = [*VIEWS.items(), *(("show", {"id": root.id.hex()}) for root in roots)]
    for name, arguments in calls:
        began = time.process_time()
        found[name] = await getattr(service, name)(**arguments)
        took = time.process_time() - began
        print(f"{name}: {took:.3f} s")
        assert not FULL or took < 10.0, name  # a few seconds on a machine that has nothing else to do
    assert json.loads(json.dumps(found)) == found
    return found


def everybody(node: dict[str, Any]) -> list[str]:
    """The keys in a tree of `lineage`, each as often as it stands there."""
    return [node["author"], *(key for child in node["children"] for key in everybody(child))]


# --- floods ---


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records each fold was made of."""
    sizes: list[int] = []

    def fold(root: Record, records: list[Record]) -> Conversation | None:
        sizes.append(len(records))
        return converse(root, records)

    monkeypatch.setattr(store_folds, "converse", fold)
    monkeypatch.setattr(store_closed, "converse", fold)
    return sizes


async def test_floods_on_many_things_cost_a_list_no_more_than_one_long_conversation(
    service: Service, folded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not FULL:
        monkeypatch.setattr(limits, "MAX_THREAD", 128)
        monkeypatch.setattr(limits, "KEPT_RECORDS", 256)
    eve, ada, ben = Author("eve"), Author("ada"), Author("ben")
    honest = ada.ask("Why?", topics=("x",))
    flooded = [eve.ask("Why not?", to=service._keeper.author, topics=("x",)) for _ in range(20)]
    flood = [eve.reply(one, "comment", "noise") for one in flooded for _ in range(15 * TIMES)]
    await hear(service, honest, ada.attempt(honest, "I tried."), ben.reply(honest, "answer", "Because."), *flooded, *flood)
    for view in ("feed", "inbox"):
        folded.clear()
        await getattr(service, view)()
        assert sum(folded) <= limits.MAX_THREAD
        folded.clear()
        await getattr(service, view)()
        assert not folded, "what is cut is kept too"
    found = await every_view(service, honest)
    assert [item["state"] for item in found["feed"]["items"] if item["id"] == honest.id.hex()] == ["working"]
    assert {entry["text"] for entry in found["show"]["thread"]} == {"I tried.", "Because."}


async def test_a_flood_on_one_thing_pushes_nobody_out_of_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    if not FULL:
        monkeypatch.setattr(limits, "MAX_THREAD", 100)
    snippet = await shared(service)
    eve, ada, ben = Author("eve"), Author("ada"), Author("ben")
    honest = [ada.correct(snippet, "It leaks."), ada.adopt(snippet, "using"), ben.adopt(snippet, "using", learned_from=ada.key)]
    flood: list[Record] = []
    for number in range(40 * TIMES):
        flood += [eve.correct(snippet, f"No {number}"), eve.react(snippet, "outdated"), eve.thank(snippet, "", os.urandom(1000))]
        flood.append(eve.adopt(snippet, "using", learned_from=os.urandom(32)))
    await hear(service, *flood[:1000], *honest, *flood[1000:])
    found = await every_view(service, snippet)
    assert "It leaks." in [one["text"] for one in found["show"]["corrections"]]
    assert len(found["show"]["reactions"]) == 1  # one author, one word
    lineage = await service.lineage(snippet.id.hex())
    assert lineage["reached"] == 3
    assert {one.key.hex() for one in (ada, ben, eve)} < set(everybody(lineage["tree"]))
    assert {item["learner"] for item in found["glow"]["items"]} == {one.key.hex() for one in (ada, ben, eve)}
    assert found["inbox"]["more"]
    await service.mute(eve.key.hex())
    assert [item["id"] for item in (await service.inbox())["items"]] == [record.id.hex() for record in reversed(honest)]


async def test_what_a_solve_names_is_read_for_the_asker_alone(service: Service, folded: list[int]) -> None:
    request, eve = await asked(service), Author("eve")
    named = [eve.share("ballast", "z" * 1000) for _ in range(31)]
    bombs = [eve.say(Solve(), Ref(ROOT, request.id), *(Ref(BY, one.id) for one in named)) for _ in range(3 * TIMES)]
    await hear(service, *named, *bombs)
    assert (await service.show(request.id.hex()))["state"] == "open"
    assert folded == [len(bombs)]
    await service.show(request.id.hex())
    assert folded == [len(bombs)]  # what it names and is not here does not keep it from being kept, either


async def test_strangers_closing_words_cost_no_fold(service: Service, folded: list[int]) -> None:
    ada, eve = Author("ada"), Author("eve")
    requests = [ada.ask("Why?", topics=("x",)) for _ in range(32)]
    await hear(service, *requests, *(eve.reply(one, "comment") for one in requests))
    await service._keeper.index_closed()
    folded.clear()
    await hear(service, *(eve.say(Solve(), *(Ref(ROOT, one.id) for one in requests)) for _ in range(5 * TIMES)))
    await service._keeper.index_closed()
    assert folded == []
    await hear(service, ada.solve(requests[0]))
    assert len((await service.requests(open=True))["items"]) == len(requests) - 1


async def test_one_author_fills_no_topic_of_matches(service: Service) -> None:
    await service.teach("x")
    await service.learn("x")
    ada, eve, soon = Author("ada"), Author("eve"), Author("soon", FakeClock(limits.MAX_INT - 10**7))
    honest = [ada.offer("I show it", topics=("x",)), ada.want("To see it", topics=("x",)), ada.ask("Why?", topics=("x",)), ada.teach("x")]
    flood = [made("me me me", topics=("x",)) for _ in range(4 * limits.NEWEST_OF_TOPIC) for made in (eve.offer, eve.want, eve.ask)]
    await hear(service, *honest)
    await hear(service, *flood, *(Author(f"key {number}").teach("x") for number in range(5)), soon.teach("x", limits.MAX_INT))
    found = (await service.matches(limit=limits.MAX_LIMIT))["matches"]
    assert {one.id.hex() for one in honest} <= {match["theirs"] for match in found}
    authors = [match["author"] for match in found if match["kind"] == "teach"]
    assert authors[-1] == soon.key.hex()  # who claims to have said it far ahead comes last
    (person,) = [one for one in (await service.people("x"))["people"] if one["author"] == soon.key.hex()]
    assert person["teaching"] == {"capacity": None, "busy": 0}  # a number that nobody means is none


# --- shapes ---


async def test_a_chain_of_forks_and_who_learned_from_whom_may_be_as_deep_as_they_like(service: Service) -> None:
    snippet = await shared(service)
    eve = Author("eve")
    chain = [snippet]
    for _ in range(50 * TIMES):
        chain.append(eve.fork(chain[-1], "again"))
    ring = [Author(f"ring {number}") for number in range(2 * limits.MAX_LINEAGE_DEPTH)]
    adopted = [one.adopt(snippet, "using", learned_from=other.key) for one, other in zip(ring, [*ring[1:], ring[0]], strict=True)]
    await hear(service, *chain[1:], *adopted)
    await service.adopt(chain[-1].id.hex(), "using")
    await hear(service, Author("mia").correct(chain[1], "Far above it."))
    found = await every_view(service, snippet, chain[-1])
    assert "Far above it." in [item["text"] for item in found["inbox"]["items"]]
    lineage = await service.lineage(snippet.id.hex())
    assert json.loads(json.dumps(lineage)) == lineage
    people = everybody(lineage["tree"])
    assert len(people) == len(set(people))
    assert {one.key.hex() for one in ring} < set(people)


async def test_a_snippet_with_thousands_of_versions_shows_some(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = await shared(service)
    ada, eve = Author("ada"), Author("eve")
    forks = [eve.fork(snippet, "noise") for _ in range(100 * TIMES)]
    better = ada.fork(snippet, "Better.")
    await hear(service, *forks, better)
    found = await every_view(service, snippet)
    assert len(found["show"]["variants"]) <= len(VARIANTS) * limits.MAX_AROUND
    assert better.id.hex() in [one["id"] for one in found["show"]["variants"]]
    assert ada.key.hex() in everybody((await service.lineage(snippet.id.hex()))["tree"])


async def test_odd_records_of_all_relations_times_and_numbers_break_no_view(service: Service) -> None:
    request, snippet = await asked(service), await shared(service)
    await service.teach("x", 3)
    me = service._keeper.author
    relations = (ROOT, RE, BY, RETRACTS, OF, WITH, FROM, SIMILAR, *VARIANTS)
    for clock in (FakeClock(0), FakeClock(START_MS), FakeClock(limits.MAX_INT - 10**6)):
        eve = Author(f"eve {clock.now_ms()}", clock)
        odd = eve.say(Reply("hint", "\x1b[2J", limits.MAX_INT), *(Ref(relation, request.id) for relation in relations))
        fixes = tuple(Fix(limits.MAX_INT, "\u202e$" + r"\frac{" * 20 + "$") for _ in range(limits.MAX_FIXES))
        attempt = Author("mia").attempt(request, "not mine")
        await hear(
            service,
            odd,
            eve.say(Verdict("shown", "", fixes), Ref(ROOT, request.id), Ref(RE, attempt.id)),
            eve.ask("", "", *(Ref(SIMILAR, one.id) for one in (request, snippet, odd)), to=me, topics=("x",)),
            eve.offer("\x1b]0;owned\x07\n" * 100, topics=("x",)),
            eve.teach("x", limits.MAX_INT),
            eve.compass(2, "\u202e"),
            eve.fork(snippet, ""),
            eve.adopt(snippet, "passed-on", learned_from=me, of=odd),
            eve.adopt(request, "using", learned_from=me),
            eve.profile("Me"),
        )
    found = await every_view(service, request, snippet)
    assert found["inbox"]["items"]
    await service.lineage(snippet.id.hex())


# --- what only an author may ---


async def test_no_third_person_changes_what_only_an_author_may(service: Service) -> None:
    request, other, snippet = await asked(service), await asked(service), await shared(service)
    ben, eve = Author("ben"), Author("eve")
    hint, check = ben.reply(request, "hint", "Look up."), ben.check(request, "Show me.")
    await hear(service, hint, check)
    proof = await said(service, await service.proof(check.id.hex(), "Like this."))
    elsewhere = eve.check(other, "Mine")
    stray = eve.say(Verdict("shown"), Ref(ROOT, request.id), Ref(RE, elsewhere.id))

    async def shown() -> list[dict[str, Any]]:
        """Both without what is said of another request, and without words about something that is not here: a claim like any other."""
        found = [await service.show(one.id.hex()) for one in (request, snippet)]
        kept = [[entry for entry in one["thread"] if entry["id"] != stray.id.hex()] for one in found]
        return [one | {"thread": thread, "similar": []} for one, thread in zip(found, kept, strict=True)]

    before = await shown()
    await hear(
        service,
        *(eve.retract(one) for one in (request, snippet, hint, check, proof)),
        *(eve.revise(one, "Mine now.") for one in (request, snippet)),
        eve.solve(request, by=hint),
        eve.withdraw(request),
        eve.attempt(request, "I am you."),
        eve.prove(check, "I am you."),
        eve.judge(proof, "shown"),
        elsewhere,
        stray,
        ben.say(Verdict("shown"), Ref(ROOT, other.id), Ref(RE, proof.id)),
    )
    assert await shown() == before
    assert (await service.show(other.id.hex()))["state"] == "checking"  # by eve's check, as anybody may


async def test_private_words_copied_by_another_or_to_another_thing_are_no_words(service: Service) -> None:
    snippet, other = await shared(service), await shared(service)
    me = service._keeper.author
    ada, eve = Author("ada"), Author("eve")
    sealed = seal(ada.key, snippet.id, "You saved my evening.", me)
    await hear(
        service,
        ada.thank(snippet, "", sealed),
        eve.thank(snippet, "", sealed),
        ada.thank(other, "", sealed),
        eve.thank(other, "", os.urandom(limits.MAX_RECORD - 500)),
    )
    shown = [(one.id, entry) for one in (snippet, other) for entry in (await service.show(one.id.hex()))["thread"]]
    thanks = {(entry["author"]["key"], thing): entry["text"] for thing, entry in shown}
    assert thanks.pop((ada.key.hex(), snippet.id)) == "You saved my evening."
    assert set(thanks.values()) == {""}
    assert len(thanks) == 3
