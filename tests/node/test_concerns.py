"""The index of what may concern me: whatever came when, and whatever was deleted, it is what a look through all records gives."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.learning.inbox import item_of
from p2plearn.node.store import concerns as store_concerns
from p2plearn.node.store.concerns import Mark
from p2plearn.node.store.store import Store
from p2plearn.protocol.records import Record, parse
from p2plearn.testing.authors import Author, root_of
from p2plearn.testing.clock import START_MS
from p2plearn.testing.strategies import record_sets
from tests.learning.test_inbox import hearings, inbox

NEWEST = (limits.MAX_INT, 0)
ADA, BEN, EVE = Author("ada"), Author("ben"), Author("eve")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


@contextmanager
def opened(directory: Path) -> Iterator[Store]:
    store = Store(directory)
    yield store
    store.close()


def hear(store: Store, *records: Record) -> None:
    store.commit(records, START_MS)


def index(store: Store, me: Author = ADA) -> None:
    with store.writing() as db:
        while store_concerns.is_behind(db, me.key):
            store_concerns.index_some(db, me.key)


def mark(store: Store, marks: list[Mark]) -> None:
    with store.writing() as db:
        store_concerns.mark_read(db, marks)


def candidates(store: Store, me: Author = ADA) -> set[bytes]:
    """The ids of what may concern me, unread or read."""
    index(store, me)
    with store.reading() as db:
        found = [
            *store_concerns.candidates(db, unread=True, after=NEWEST, limit=999),
            *store_concerns.candidates(db, unread=False, after=NEWEST, limit=999),
        ]
    return {stored.record.id for stored in found}


def rows(store: Store) -> tuple[list[tuple[bytes, bytes]], list[tuple[int, int, bytes]], list[bytes]]:
    """What the index holds, without the numbers that depend on the order of arrival."""
    with store.reading() as db:
        things = db.execute("SELECT root, thing FROM things ORDER BY 1, 2").fetchall()
        concerns = db.execute("SELECT seen, c.shown, id FROM concerns AS c LEFT JOIN records ON n = record ORDER BY 1, 2, 3").fetchall()
        return things, concerns, db.execute("SELECT id FROM adopted LEFT JOIN records ON n = record ORDER BY 1").fetchall()


# --- stories ---


def test_all_that_others_say_about_mine_may_concern_me(store: Store) -> None:
    request = ADA.ask("Why?")
    said = [BEN.reply(request, "hint"), EVE.check(request), BEN.thank(request), EVE.encourage(request)]
    hear(store, *said, request, ADA.reply(request, "comment"), BEN.share("something else"))
    assert candidates(store) == {record.id for record in said}


def test_of_anothers_request_it_is_answers_to_me_and_what_the_asker_says(store: Store) -> None:
    request = BEN.ask("Why?")
    hint = ADA.reply(request, "hint")
    said = [EVE.reply(hint, "comment"), BEN.attempt(request), BEN.solve(request, by=hint)]
    hear(store, hint, *said, EVE.reply(request, "hint"), EVE.thank(request))
    assert candidates(store) == {said[0].id, said[2].id}
    hear(store, request)  # only now is it known who asked
    assert candidates(store) == {record.id for record in said}


def test_what_is_said_of_a_source_is_heard_through_forks_that_come_late(store: Store) -> None:
    source = BEN.share("source")
    fork = EVE.fork(source, "fork", "translation")
    mine = ADA.fork(fork, "mine")
    correction, praise = BEN.correct(source), BEN.reply(source, "comment")
    hear(store, correction, praise, source, mine)
    assert candidates(store) == set()
    hear(store, fork)
    assert candidates(store) == {correction.id}
    with store.reading() as db:
        assert store_concerns.things_of(db, [source.id, correction.id]) == {source.id: [mine.id]}


def test_a_correction_from_before_my_adoption_counts(store: Store) -> None:
    snippet = BEN.share("snippet")
    correction = EVE.correct(snippet)
    hear(store, snippet, correction)
    assert candidates(store) == set()
    hear(store, ADA.adopt(snippet))
    assert candidates(store) == {correction.id}


def test_without_what_made_it_concern_me_it_does_no_longer(store: Store) -> None:
    source, request = BEN.share("source"), BEN.ask("Why?")
    fork = EVE.fork(source, "fork")
    mine, hint = ADA.fork(fork, "mine"), ADA.reply(request, "hint")
    correction, attempt = EVE.correct(source), BEN.attempt(request)
    hear(store, source, fork, mine, correction, request, hint, attempt)
    assert candidates(store) == {correction.id, attempt.id}
    store.forget([request.id])
    assert candidates(store) == {correction.id}
    store.forget([fork.id])
    assert candidates(store) == set()


def test_what_names_me_counts(store: Store) -> None:
    mine = ADA.share("mine")
    snippet = BEN.share("snippet")
    named = [BEN.ask("To ada", to=ADA.key), EVE.adopt(snippet, learned_from=ADA.key), EVE.fork(mine, "my way")]
    hear(store, mine, snippet, *named, BEN.ask("To eve", to=EVE.key), EVE.adopt(snippet, learned_from=BEN.key))
    assert candidates(store) == {record.id for record in named}


def test_the_index_of_another_author_is_made_anew(store: Store) -> None:
    request = ADA.ask("Why?")
    hint = BEN.reply(request, "hint")
    thanks = ADA.thank(hint)
    hear(store, request, hint, thanks)
    assert candidates(store) == {hint.id}
    assert candidates(store, BEN) == {thanks.id}


def test_what_was_read_stays_read_and_comes_behind(store: Store) -> None:
    request = ADA.ask("Why?")
    hints = [BEN.reply(request, "hint", str(n)) for n in range(3)]
    hear(store, request, *hints)
    index(store)
    mark(store, [Mark(hints[1].id, 0), Mark(hints[1].id, 0), Mark(hints[2].id, 7)])
    with store.reading() as db:
        assert store_concerns.read_among(db, [Mark(hint.id, 0) for hint in hints]) == {Mark(hints[1].id, 0)}
        first = store_concerns.candidates(db, unread=True, after=NEWEST, limit=1)
        rest = store_concerns.candidates(db, unread=True, after=first[-1].place, limit=9)
        assert [stored.record for stored in [*first, *rest]] == [hints[2], hints[0]]
        assert [stored.record for stored in store_concerns.candidates(db, unread=False, after=NEWEST, limit=9)] == [hints[1]]
        assert store_concerns.is_candidate(db, first[0].place)
        assert not store_concerns.is_candidate(db, (first[0].place[0], 1))


def test_my_words_about_adoptions_are_known_and_nobody_elses(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = BEN.share("snippet")
    first, second = ADA.adopt(snippet), ADA.adopt(snippet, "dropped")
    back = ADA.retract(second)
    hear(store, first, EVE.adopt(snippet), back, second)
    index(store)
    with store.reading() as db:
        assert set(store_concerns.adoptions_of(db)) == {first, second, back}
        monkeypatch.setattr(limits, "MAX_ADOPTIONS", 1)
        assert set(store_concerns.adoptions_of(db)) == {second, back}


# --- in any portions ---


def around() -> list[Record]:
    """What chance seldom says: long chains of forks, and people who are named."""
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    for author in (ada, ben, eve):
        author.seq, author.prev = 100, bytes(32)
    source = ben.share("source")
    fork = eve.fork(source, "fork", "adaptation")
    other = eve.fork(fork, "another")
    mine = ada.fork(other, "mine")
    own = ada.ask("mine")
    said = [ben.correct(source), eve.react(fork, "outdated"), ben.retract(source), ada.adopt(fork), ben.adopt(mine, learned_from=ada.key)]
    return [
        source,
        fork,
        other,
        mine,
        own,
        *said,
        ben.ask("to ada", to=ada.key),
        eve.pass_on(own, "passed on"),
        ada.reply(source, "comment"),
    ]


@pytest.mark.timeout(900)  # when it fails, the smallest story of the failure takes a while to find
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pool=record_sets(), me=st.sampled_from([ADA, BEN, EVE]), data=st.data())
def test_in_any_order_and_portions_and_with_deletions_it_is_what_a_rebuild_gives(
    pool: list[Record], me: Author, data: st.DataObject
) -> None:
    records = data.draw(st.permutations(list({record.id: record for record in [*pool, *around()]}.values())))
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "INDEX_INBOX", data.draw(st.integers(1, 9)))
        with opened(Path(directory)) as store:
            waiting, read = list(records), list[Mark]()
            while waiting:
                size = data.draw(st.integers(1, 12))
                batch, waiting = waiting[:size], waiting[size:]
                hear(store, *batch)
                if data.draw(st.booleans()):
                    index(store, me)
                if data.draw(st.sampled_from([False, False, True])):
                    read += [Mark(record.id, 0) for record in data.draw(st.lists(st.sampled_from(records), max_size=3))]
                    mark(store, read)
                if data.draw(st.sampled_from([False, False, True])):
                    store.forget([record.id for record in data.draw(st.lists(st.sampled_from(records), max_size=3))])
            index(store, me)
            with tempfile.TemporaryDirectory() as other, opened(Path(other)) as scratch:
                hear(scratch, *map(parse, store.everything()))
                mark(scratch, read)
                index(scratch, me)
                assert rows(store) == rows(scratch)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pool=record_sets(), me=st.sampled_from([ADA, BEN, EVE]))
def test_whatever_concerns_me_by_all_the_records_is_found_by_the_index(pool: list[Record], me: Author) -> None:
    records = list({record.id: record for record in [*pool, *around()]}.values())
    everything = inbox(me, *records)
    hearing_of = hearings(me.key, records)
    with tempfile.TemporaryDirectory() as directory, opened(Path(directory)) as store:
        hear(store, *records)
        found = candidates(store, me)
        with store.reading() as db:
            things = store_concerns.things_of(db, map(root_of, records))
            for record in records:
                item = item_of(me.key, record, hearing_of, things.get(root_of(record), ())) if record.id in found else None
                expected = everything.get(record.id)
                assert (item and (item.about, item.role)) == (expected and (expected.about, expected.role))
