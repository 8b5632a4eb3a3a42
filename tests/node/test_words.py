"""The full-text index by itself: filled in portions, kept true when records go, made anew from an older layout, never asked too much."""

import sqlite3
from pathlib import Path

import pytest

from p2plearn import limits
from p2plearn.errors import SearchTooBroad
from p2plearn.node.store import words as store_words
from p2plearn.node.store.store import Store
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author

NOW = 1_800_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def index_all(store: Store) -> int:
    """Bring the index up to date; how many portions it took."""
    count = 0
    while portion := gather(store):
        apply(store, portion)
        count += 1
    return count


def gather(store: Store) -> store_words.Portion | None:
    with store.reading() as db:
        return store_words.gather(db)


def apply(store: Store, portion: store_words.Portion) -> None:
    with store.writing(derived=True) as db:
        store_words.index(db, portion)
    with store.writing(derived=True) as db:
        store_words.tidy(db)


def found(store: Store, *words: str, topic: str | None = None, limit: int = 100) -> list[Record]:
    with store.reading() as db:
        return store_words.match(db, words, topic=topic, limit=limit).records


def is_sound(store: Store) -> bool:
    with store.writing() as db:
        db.execute("INSERT INTO words3 (words3) VALUES ('integrity-check')")
    return True


def test_portions_are_small_and_all_of_them_are_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INDEX_SLICE", 3)
    ada = Author("ada")
    store.commit([ada.share(f"tyre {n}") for n in range(10)], NOW)
    assert found(store, "tyre") == []
    assert index_all(store) == 4
    assert len(found(store, "tyre")) == 10
    store.commit([ada.share("tyre again")], NOW)
    assert index_all(store) == 1
    assert len(found(store, "tyre")) == 11
    assert is_sound(store)


def test_of_two_who_index_the_same_portion_one_does(store: Store) -> None:
    store.commit([Author("ada").share("tyre")], NOW)
    portion = gather(store)
    assert portion is not None
    apply(store, portion)
    apply(store, portion)
    assert len(found(store, "tyre")) == 1
    assert gather(store) is None
    assert is_sound(store)


def test_what_was_forgotten_is_in_no_index_whenever_that_happened(store: Store) -> None:
    ada = Author("ada")
    before, between, stays = ada.share("tyre before"), ada.share("tyre between"), ada.share("tyre stays")
    store.commit([before], NOW)
    index_all(store)
    store.commit([between, stays], NOW)
    portion = gather(store)
    assert portion is not None
    store.forget([before.id, between.id])
    apply(store, portion)
    assert found(store, "tyre") == [stays]
    with store.reading() as db:
        assert db.execute("SELECT count(*) FROM words3 WHERE words3 MATCH 'before OR between'").fetchone() == (0,)
    assert is_sound(store)


def test_an_index_of_an_older_layout_is_made_anew_by_itself(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.commit([Author("ada").share("tyre")], NOW)
    store.close()
    old = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    old.execute("CREATE VIRTUAL TABLE words USING fts5(title, text, content='')")
    old.execute("INSERT INTO words (rowid, title, text) VALUES (1, 'tyre', '')")
    old.execute("INSERT INTO applied VALUES ('words', 1)")
    old.close()
    store = Store(tmp_path)
    assert found(store, "tyre") == []
    assert index_all(store) == 1
    assert len(found(store, "tyre")) == 1
    with store.reading() as db:
        assert db.execute("SELECT name FROM sqlite_master WHERE name = 'words'").fetchall() == []
        assert db.execute("SELECT name FROM applied WHERE name GLOB 'words*'").fetchall() == [("words3",)]


def test_a_topic_is_only_that_topic(store: Store) -> None:
    ada = Author("ada")
    ours, near, said = ada.share("tyre", topics=("two-wheels",)), ada.share("tyre", topics=("two", "wheels")), ada.share("tyre two-wheels")
    store.commit([ours, near, said], NOW)
    index_all(store)
    assert found(store, "tyre", topic="two-wheels") == [ours]
    assert found(store, "wheels") == [said, near, ours]
    assert found(store, "¶" + b"two".hex()) == []


def test_a_word_that_many_have_is_meant_as_it_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "COMMON", 3)
    ada = Author("ada")
    store.commit([*(ada.share(f"tyre {n}") for n in range(2)), ada.share("tyres")], NOW)
    index_all(store)
    assert len(found(store, "tyre")) == 3
    store.commit([ada.share("tyre")], NOW)
    index_all(store)
    assert len(found(store, "tyre")) == 3
    assert len(found(store, "tyr")) == 4


def test_the_newest_are_ranked_and_as_many_given_as_wanted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RANKED", 4)
    ada = Author("ada")
    titled, *others = said = [ada.share("tyre"), *(ada.share("note", "tyre") for _ in range(4))]
    store.commit(said, NOW)
    index_all(store)
    assert found(store, "tyre", limit=2) == others[:1:-1]
    assert found(store, "tyre", limit=5)[0] == titled


def test_where_too_much_begins_like_a_word_only_whole_words_are_looked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = Author("ada")
    whole, longer = ada.share("tyre"), ada.share("tyres")
    store.commit([whole, longer], NOW)
    index_all(store)
    monkeypatch.setattr(limits, "BEGINNINGS_TIME", -1)
    monkeypatch.setattr(store_words, "_STEPS", 1)
    with store.reading() as db:
        assert store_words.match(db, ["tyre"], limit=9) == ([whole], True)
        assert store_words.match_any(db, ["tyre"], limit=9) == [whole]


def test_what_takes_too_long_is_cut_off_and_the_connection_is_as_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit([Author("ada").share("tyre")], NOW)
    index_all(store)
    monkeypatch.setattr(store_words, "_STEPS", 1)
    with monkeypatch.context() as patch, store.reading() as db:
        patch.setattr(limits, "SEARCH_TIME", -1)
        for search in (store_words.match, store_words.match_any):
            with pytest.raises(SearchTooBroad):
                search(db, ["tyre"], limit=9)
    with store.reading() as db:
        assert len(store_words.match(db, ["tyre"], limit=9).records) == 1
        with pytest.raises(sqlite3.OperationalError, match="no such table"), store_words._bounded(db, 1.0):
            db.execute("SELECT * FROM nowhere")  # any other error is not taken for a search that was too broad
