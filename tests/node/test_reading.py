"""Reading: the feed, open requests, search and what resembles a question, as a person meets them on their own laptop."""

import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.errors import NotFound, P2plearnError, SearchTooBroad, UsageError
from p2plearn.ledger.standing import NOBODY, Standing
from p2plearn.node.service.service import Service
from p2plearn.node.store import words as store_words
from p2plearn.protocol.records import Attachment, Draft, Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock

FILE = Attachment(b"\x01\x55\x12\x20" + bytes(32), 1000, "image/png", "puncture.png", "a thorn")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, FakeClock(1_800_000_000_000)) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    """A peer brings records."""
    await service._keeper.take([record.raw for record in records], "peer")


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["id"] for item in answer["items"]]


# --- the feed ---


async def test_the_feed_is_newest_first_and_hides_what_was_taken_back(service: Service) -> None:
    ada = Author("ada")
    first, second, gone = ada.share("first", topics=("x",)), ada.ask("second", topics=("x",)), ada.share("gone", topics=("x",))
    await hear(service, gone, first, second, ada.retract(gone, "wrong"))
    assert ids(await service.feed()) == [second.id.hex(), first.id.hex()]
    assert ids(await service.feed(topic="X ")) == [second.id.hex(), first.id.hex()]
    assert ids(await service.feed(kind="snippet")) == [first.id.hex()]
    assert ids(await service.feed(limit=1)) == [second.id.hex()]
    assert ids(await service.feed(topic="y")) == []


async def test_the_feed_goes_on_behind_any_number_of_hidden_ones(service: Service) -> None:
    ada, eve = Author("ada"), Author("eve")
    wanted = ada.share("the one", topics=("x",))
    await hear(service, ada.profile("ada"), eve.profile("eve"), wanted, *(eve.share(f"noise {n}", topics=("x",)) for n in range(30)))
    await service.mute("eve")
    assert ids(await service.feed(limit=3)) == [wanted.id.hex()]
    await service.unmute("eve")
    assert len(ids(await service.feed())) == 31


async def test_open_requests_are_those_that_still_wait(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    waiting, solved, back, again = (ada.ask(title) for title in ("waiting", "solved", "withdrawn", "solved and reopened"))
    help_ = ben.reply(solved, "answer", "so")
    solve = ada.solve(again)
    await hear(service, waiting, solved, back, again, help_, ada.solve(solved, by=help_), ada.withdraw(back), solve)
    assert ids(await service.requests(open=True)) == [waiting.id.hex()]
    await hear(service, ada.retract(solve, "not yet"))
    assert set(ids(await service.requests(open=True))) == {waiting.id.hex(), again.id.hex()}
    assert len(ids(await service.requests())) == 4


async def test_a_solution_that_came_before_its_request_counts(service: Service) -> None:
    ada = Author("ada")
    request = ada.ask("Why?")
    await hear(service, ada.solve(request))
    assert ids(await service.requests(open=True)) == []
    await hear(service, request)
    assert ids(await service.requests(open=True)) == []
    assert ids(await service.requests()) == [request.id.hex()]


async def test_forgetting_the_solution_opens_the_request_here(service: Service) -> None:
    ada = Author("ada")
    request = ada.ask("Why?")
    solve = ada.solve(request)
    await hear(service, request, solve)
    assert ids(await service.requests(open=True)) == []
    await service.forget(solve.id.hex())
    assert ids(await service.requests(open=True)) == [request.id.hex()]


# --- search ---


async def test_what_people_count_for_orders_what_is_found(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    one, other = ada.share("Tyres", "rubber"), ben.share("Tyres", "rubber")
    await hear(service, one, other)
    found = ids(await service.search("tyres"))
    service._keeper.standing = Standing({ada.key: 1.0})
    assert ids(await service.search("tyres")) == [one.id.hex(), other.id.hex()]
    service._keeper.standing = Standing({ben.key: 1.0})
    assert ids(await service.search("tyres")) == [other.id.hex(), one.id.hex()]
    service._keeper.standing = NOBODY
    assert ids(await service.search("tyres")) == found


async def test_one_of_the_first_places_is_for_somebody_unranked(service: Service) -> None:
    known, new = [Author(f"known {n}") for n in range(12)], Author("new")
    theirs = [one.share("Tyres, tyres", "tyres") for one in known]
    gone, hidden, note = new.share("Tyres"), Author("muted").share("Tyres"), new.share("Rubber", "and a word about tyres")
    answered = new.reply(theirs[0], "comment", "not these tyres")
    mine = (await service.share(title="Rubber", text="my own tyres", topics=["x"]))["id"]
    await hear(service, *theirs, gone, new.retract(gone), hidden, note)
    await service.mute(hidden.author.hex())
    service._keeper.standing = Standing({one.key: 1.0 for one in known})
    best = ids(await service.search("tyres"))
    assert best[9] == note.id.hex()
    assert best[12:] == [mine] or best[13] == mine
    assert len(best) == len(set(best)) == 14
    assert ids(await service.search("tyres", limit=9)) == best[:9]
    assert ids(await service.search("tyres", limit=10)) == best[:10]
    await hear(service, answered)  # of which one is among the first, with others' words
    assert len(set(ids(await service.search("tyres")))) == 14
    service._keeper.standing = Standing({one.key: 1.0 for one in (*known, new)})
    assert set(ids(await service.search("tyres"))[:12]) == {one.id.hex() for one in theirs}


async def test_search_finds_words_in_what_is_said_and_in_answers(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    question = ada.ask("A flat tyre", "It hisses.", topics=("bikes",))
    await hear(service, question, ben.reply(question, "answer", "Look for the thorn, then use a patch.", topics=("bikes",)))
    for query in ("tyre", "TYRE", "tyr", "hisses flat", "thorn patch", "bikes"):
        assert ids(await service.search(query)) == [question.id.hex()], query
    for query in ("yre", "tyre glue"):
        assert ids(await service.search(query)) == [], query
    assert ids(await service.search("tyre", topic="bikes")) == [question.id.hex()]
    assert ids(await service.search("tyre", topic="cooking")) == []


async def test_a_word_in_the_title_comes_first(service: Service) -> None:
    ada = Author("ada")
    inside = ada.share("Repairs", "Some words about wheels, and tyres, and more.")
    titled = ada.share("Tyres", "Some words about wheels, and rims, and more.")
    await hear(service, titled, inside)
    assert ids(await service.search("tyres")) == [titled.id.hex(), inside.id.hex()]


async def test_the_excerpt_is_from_the_text_and_around_the_word(service: Service) -> None:
    ada = Author("ada")
    text = "It began well. " * 30 + "Then the Straße was full of Äpfel. " + "And it went on. " * 30
    await hear(service, ada.share("A walk", text, topics=("germany",), attachments=(FILE,)))
    for query in ("straße", "äpfel", "Äpf"):
        (item,) = (await service.search(query))["items"]
        assert "Then the Straße was full of Äpfel" in item["snippet"]
        assert len(item["snippet"]) <= limits.EXCERPT + 2
    for query in ("germany", "thorn", "puncture", "walk"):  # found by topic, by what describes the file, by the title
        (item,) = (await service.search(query))["items"]
        assert item["snippet"].startswith("It began well.")


async def test_what_was_taken_back_or_has_no_effect_is_found_by_nobody(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    question = ada.ask("Why?")
    secret = ben.reply(question, "answer", "my password is swordfish")
    await hear(service, question, secret, ben.reply(question, "attempt", "impostor"), ada.retract(ada.share("all wrong")))
    assert ids(await service.search("swordfish")) == [question.id.hex()]
    await hear(service, ben.retract(secret, "oops"))
    for query in ("swordfish", "impostor", "wrong"):
        assert ids(await service.search(query)) == [], query


async def test_muted_people_are_neither_found_nor_read(service: Service) -> None:
    ada, eve = Author("ada"), Author("eve")
    question = ada.ask("Why?")
    rude = eve.reply(question, "comment", "rudeness")
    answer = ada.reply(rude, "comment", "please stop")
    await hear(service, eve.profile("eve"), question, rude, answer, eve.share("rudeness again"))
    await service.mute("eve")
    assert ids(await service.search("rudeness")) == []
    assert (await service.similar("rudeness again"))["similar"] == []
    thread = (await service.show(question.id.hex()))["thread"]
    assert [(entry["text"], entry.get("muted", False)) for entry in thread] == [("", True), ("please stop", False)]
    assert thread[1]["parent"] == thread[0]["id"]


@pytest.mark.parametrize(
    "query",
    [
        '"',
        '""',
        "a AND",
        "NOT",
        "NEAR(a b)",
        "title: a",
        "a*",
        "-a",
        "(",
        "a\x00b",
        "'; DROP TABLE records; --",
        "\ud800 a",
        "{a}",
        "^a",
        "a" * 500,
    ],
)
async def test_a_hostile_query_is_only_words(service: Service, query: str) -> None:
    ada = Author("ada")
    await hear(service, ada.share("a b NOT NEAR AND title DROP TABLE records"))
    with suppress(UsageError):  # there may be no word in it
        assert len((await service.search(query))["items"]) <= 1
    assert len((await service.feed())["items"]) == 1


@pytest.mark.parametrize(
    "query,reason",
    [("", "no word"), ("?!", "no word"), (" ".join("abcdefghijklmnopq"), "at most 16"), ("x" * 501, "500 characters")],
)
async def test_a_query_without_words_or_with_too_many_is_refused(service: Service, query: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        await service.search(query)


async def test_words_of_every_script_are_found(service: Service) -> None:
    ada = Author("ada")
    for title in ("Как починить велосипед", "自転車の直し方", "हिन्दी सीखना", "إصلاح الدراجة", "Cafe\u0301 Zürich"):
        await hear(service, ada.share(title))
    for query in ("велосип", "自転車", "हिन्दी", "الدراجة", "café", "CAFE", "zurich"):
        assert len((await service.search(query))["items"]) == 1, query


async def test_a_great_many_matches_are_ranked_among_the_newest(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RANKED", 5)
    monkeypatch.setattr(limits, "MAX_MATCHES", 5)
    ada = Author("ada")
    said = [ada.share(f"common {n}") for n in range(20)]
    await hear(service, *said)
    assert set(ids(await service.search("common"))) == {record.id.hex() for record in said[-5:]}


async def test_a_search_that_is_cut_off_says_so_and_the_next_one_works(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    note = Author("ada").share("tyre", "tyres")
    await hear(service, note)
    monkeypatch.setattr(store_words, "_STEPS", 1)
    with monkeypatch.context() as patch:
        patch.setattr(limits, "SEARCH_TIME", -1)
        for ask in (service.search, service.similar):
            with pytest.raises(SearchTooBroad, match="the search was cut off") as error:
                await ask("tyre")
            assert error.value.exit_code == 6
    with monkeypatch.context() as patch:
        patch.setattr(limits, "BEGINNINGS_TIME", -1)
        (said,) = (await service.search("tyre"))["notes"]
        assert "only whole words" in said
        assert (await service.search("tyr"))["items"] == []
    assert await service.search("tyr") == {"items": [(await service.feed())["items"][0] | {"snippet": "tyres"}]}


async def test_a_search_does_not_wait_for_ever_for_what_has_just_come(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await hear(service, Author("ada").share("tyre"))
    with monkeypatch.context() as patch:
        patch.setattr(limits, "INDEX_WAIT", 0)
        answer = await service.search("tyre")
    assert answer["items"] == []
    assert "not searched yet" in answer["notes"][0]
    assert len((await service.search("tyre"))["items"]) == 1


async def test_others_read_while_many_search(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await hear(service, *map(Author("ada").share, ("tyre", "wheel")))
    await service.search("tyre")
    let_go, searching = threading.Event(), trio.Event()

    def slow(*_: object, **__: object) -> store_words.Found:
        trio.from_thread.run_sync(searching.set)
        assert let_go.wait(10)
        return store_words.Found([], whole_words_only=False)

    monkeypatch.setattr(store_words, "match", slow)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(service.search, "tyre")
            await searching.wait()
            assert len((await service.feed())["items"]) == 2
            let_go.set()


@given(query=st.text(max_size=limits.MAX_QUERY + 5) | st.lists(st.text(max_size=8)).map(" ".join))
@settings(max_examples=60, deadline=None)
def test_whatever_is_typed_gives_an_answer_or_an_error_of_ours(query: str) -> None:
    async def ask() -> None:
        with tempfile.TemporaryDirectory() as home:
            async with Service.open(Path(home)) as opened:
                await hear(opened, Author("ada").share(query[:20].strip() or "a", query[:200]))
                with suppress(P2plearnError):
                    assert len((await opened.search(query))["items"]) <= 1
                with suppress(P2plearnError):
                    assert len((await opened.similar(query))["similar"]) <= 1

    trio.run(ask)


# --- similar, people, show ---


async def test_a_similar_question_is_found_by_its_rare_words(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COMMON", 30)  # words in more records than that say nothing
    ada = Author("ada")
    twin = ada.ask("How do I mend a puncture in my tyre?")
    await hear(service, twin, *(ada.ask(f"How do I do thing number {n} in my garden?") for n in range(40)))
    (best, *_) = (await service.similar("mend puncture how do I"))["similar"]
    assert best["id"] == twin.id.hex()
    assert (await service.similar(""))["similar"] == []
    assert len((await service.similar("garden " * 5000))["similar"]) <= limits.MAX_SIMILAR


async def test_people_are_known_by_their_last_profile_until_they_take_it_back(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    await hear(service, ben.share("something", topics=("x",)))
    first, second = ada.profile("Ada"), ada.profile("Ada L.")
    await hear(service, first)
    assert (await service.name_of(ada.key.hex()))["name"] == "Ada"
    await hear(service, second)
    assert {person["name"] for person in (await service.people())["people"]} == {"Ada L.", ""}
    assert [person["author"] for person in (await service.people(topic="x"))["people"]] == [ben.key.hex()]
    await hear(service, ada.retract(second, "no"))
    assert (await service.name_of(ada.key.hex()))["name"] == "Ada"
    await service.forget(first.id.hex())
    assert (await service.name_of(ada.key.hex()))["name"] == ""


async def test_showing_says_what_it_cannot_show(service: Service) -> None:
    ada = Author("ada")
    profile, question = ada.profile("Ada"), ada.ask("Why?")
    answer = Author("ben").reply(question, "answer", "so")
    song = ada.record(Draft("song", ("la",)))
    await hear(service, profile, answer, song)
    assert (await service.show(profile.id.hex()))["title"] == "Ada"
    with pytest.raises(UsageError, match="This is a song that cannot be read here"):
        await service.show(song.id.hex())
    with pytest.raises(NotFound, match=question.id.hex()):  # the answer is here, what it answers is not
        await service.show(answer.id.hex())
    await hear(service, question)
    assert (await service.show(answer.id.hex()))["id"] == question.id.hex()


async def test_what_hangs_on_something_forgotten_is_kept_for_others_and_shown_nowhere(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    question = ada.ask("Why?")
    answer = ben.reply(question, "answer", "thornbush")
    await hear(service, question, answer)
    await service.forget(question.id.hex())
    assert (await service.status())["records"] == 1
    assert ids(await service.search("thornbush")) == ids(await service.feed()) == []


@pytest.mark.parametrize("limit", [0, -1, limits.MAX_LIMIT + 1])
async def test_a_limit_out_of_bounds_is_refused(service: Service, limit: int) -> None:
    for ask in (service.feed(limit=limit), service.requests(limit=limit), service.search("a", limit=limit)):
        with pytest.raises(UsageError, match=f"from 1 to {limits.MAX_LIMIT}"):
            await ask
    with pytest.raises(UsageError, match="no kind “song” in the feed"):
        await service.feed(kind="song")
    with pytest.raises(UsageError, match="cannot be a topic"):
        await service.feed(topic="  ")
