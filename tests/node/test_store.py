"""The store: opened, refused, shared by mistake, and what it says of conversations that are too long."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from p2plearn import limits
from p2plearn.errors import StoreBroken, StoreTooNew
from p2plearn.node.store.store import Store
from p2plearn.protocol.events import Load, Run
from p2plearn.protocol.kinds import ROOT
from p2plearn.protocol.records import Draft, parse
from p2plearn.protocol.replica import Head
from p2plearn.testing.authors import Author

NOW = 1_800_000_000_000
NOTE = Draft("snippet", ("note", "title", "text"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_newer_store_is_refused_and_nothing_of_it_changed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(NOTE, Author("ada").private_key, NOW)
    store.close()
    database = sqlite3.connect(tmp_path / "store.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(StoreTooNew, match=r"a newer p2plearn \(format 99; this program knows 4\)"):
        Store(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("content", [b"not a database " * 100, bytes(4096)])
def test_what_is_no_store_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(StoreBroken, match=r"store\.db” cannot be read: file is not a database"):
        Store(tmp_path)
    assert (tmp_path / "store.db").read_bytes() == content


def test_a_page_that_the_disk_has_spoiled_is_found(store: Store, tmp_path: Path) -> None:
    ada = Author("ada")
    store.commit([ada.share(f"{n}", "text " * 500) for n in range(200)], NOW)
    assert not store.problem()
    store.close()
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek(-40 * 1024, os.SEEK_END)
        file.write(b"?" * 20_000)
    spoiled = Store(tmp_path)
    assert spoiled.problem()
    spoiled.close()


def test_a_record_that_is_not_what_was_stored_is_found(store: Store) -> None:
    store.commit([Author("ada").share("one", "text")], NOW)
    with store.writing() as db:
        db.execute("UPDATE records SET raw = zeroblob(length(raw))")
    assert store.problem() == "1 of the records are not what was stored"


def test_two_processes_that_write_at_once_never_use_a_seq_twice(tmp_path: Path) -> None:
    """The home's lock keeps them apart; should it fail, the store does."""
    program = (
        "import sys; from pathlib import Path; from p2plearn.node.store.store import Store; from p2plearn.testing.authors import Author\n"
        "from p2plearn.protocol.records import Draft; store = Store(Path(sys.argv[1])); key = Author('ada').private_key\n"
        f"[store.append(Draft('snippet', ('note', sys.argv[2], str(n))), key, {NOW}) for n in range(40)]; store.close()"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in ("one", "two")]
    assert [process.wait(60) for process in both] == [0, 0]
    store = Store(tmp_path)
    assert sorted(parse(raw).seq for raw in store.everything()) == list(range(1, 81))
    assert store.replica().heads[Author("ada").key].seq == 80
    assert not store.problem()
    store.close()


def test_after_a_fork_one_goes_on_behind_all_branches(store: Store) -> None:
    ada = Author("ada")
    first, second = ada.share("one"), ada.share("two")
    ada.seq, ada.prev = 1, first.id  # a backup was restored
    other = ada.share("another two")
    store.commit([first, second, other], NOW)
    record, change = store.append(NOTE, ada.private_key, NOW)
    assert (record.seq, record.prev) == (3, max(second.id, other.id))
    expected = Head(3, record.id) if record.prev == second.id else Head(2, second.id)
    assert store.replica().heads[ada.key] == expected
    assert change.added == [record]


def test_after_forgetting_ones_last_words_one_goes_on_behind_them(store: Store) -> None:
    ada = Author("ada")
    said = [store.append(NOTE, ada.private_key, NOW + n)[0] for n in range(3)]
    change = store.forget([said[2].id, said[1].id])
    assert change.heads == {("commons", ada.key): Head(1, said[0].id)}
    record, _ = store.append(NOTE, ada.private_key, NOW)
    assert (record.seq, record.prev) == (4, said[2].id)


def test_a_run_ends_however_often_somebody_forks_at_one_place(store: Store) -> None:
    eve = Author("eve")
    first = eve.share("one")
    forks = []
    for number in range(limits.MAX_BATCH_RECORDS + 10):
        eve.seq, eve.prev = 1, first.id
        forks.append(eve.share(f"two, {number}"))
    last = eve.share("three")
    store.commit([first, *forks, last], NOW)
    raws, rest, _ = store.load(Load((Run(eve.key, 1, 3),)))
    assert [parse(raw).seq for raw in raws] == [1, 2, 3]
    assert not rest


def test_of_too_long_a_conversation_every_node_folds_the_same_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_THREAD", 6)
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    question = ada.ask("Why?")
    flood = [eve.reply(question, "comment", f"spam {n}") for n in range(50)]
    help_ = ben.reply(question, "answer", "Because.")
    sorry = ben.retract(help_, "I was wrong")
    solved = ada.solve(question)
    said = [*flood, help_, sorry, solved]
    chosen = []
    for number, order in enumerate((said, said[::-1], sorted(said))):
        (tmp_path / str(number)).mkdir()
        store = Store(tmp_path / str(number))
        store.commit([question, *order], NOW)
        chosen.append({stored.record for stored in store.about([question.id], ROOT)})
        store.close()
    assert chosen[0] == chosen[1] == chosen[2]
    assert len(chosen[0]) == 6
    assert {solved, help_, sorry} < chosen[0]  # no flood pushes out others, nor the word that something was taken back


def test_pages_of_the_feed_neither_repeat_nor_skip_what_came_at_one_moment(store: Store) -> None:
    ada = Author("ada")
    said = [ada.share(f"{n}", topics=("x",)) if n % 2 else ada.ask(f"{n}", topics=("x",)) for n in range(25)]
    store.commit(said, NOW - 10**12)  # all came before they claim to have been written
    for topic in (None, "x"):
        found, after = [], None
        while page := store.of_kinds(["snippet", "request"], topic, after=after, limit=4):
            found += [stored.record for stored in page]
            after = page[-1].place
        assert len(found) == 25
        assert set(found) == set(said)


def test_what_was_forgotten_stays_so_whatever_else_is_turned_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_DECLINED", 3)
    ada, eve = Author("ada"), Author("eve")
    unwanted = ada.share("one")
    store.commit([unwanted], NOW)
    store.forget([unwanted.id])
    turned = [eve.share(f"{n}").id for n in range(10)]
    changes = [store.commit([], NOW, {one: "quota"}) for one in turned]
    assert [change.welcome for change in changes] == [[]] * 3 + [[one] for one in turned[:7]]
    replica = store.replica()
    assert [replica.knows(one) for one in turned] == [False] * 7 + [True] * 3
    assert replica.knows(unwanted.id)


def test_of_more_turned_away_at_once_than_there_are_places_the_last_are_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_DECLINED", 3)
    eve = Author("eve")
    turned = [eve.share(f"{n}").id for n in range(8)]
    first = store.commit([], NOW, dict.fromkeys(turned[:2], "declined"))
    assert (first.declined, first.welcome) == (turned[:2], [])
    second = store.commit([], NOW, {one: "quota" if n % 2 else "declined" for n, one in enumerate(turned[2:])})
    assert (second.declined, second.welcome) == (turned[5:], turned[:2])


def test_a_fresh_home_survives_a_power_cut_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    opened: dict[int, str] = {}
    real_open, real_fsync = os.open, os.fsync

    def note_open(path: str, *rest: int) -> int:
        handle = real_open(path, *rest)
        opened[handle] = str(path)
        return handle

    def note_fsync(handle: int) -> None:
        flushed.append(opened.get(handle, ""))
        real_fsync(handle)

    monkeypatch.setattr(os, "open", note_open)
    monkeypatch.setattr(os, "fsync", note_fsync)
    home = tmp_path / "new" / "home"
    home.mkdir(parents=True)
    Store(home).close()
    assert [str(home), str(home.parent), str(tmp_path)] == flushed[:3]
    flushed.clear()
    Store(home).close()
    assert not flushed


def test_closing_leaves_one_file(store: Store, tmp_path: Path) -> None:
    store.append(NOTE, Author("ada").private_key, NOW)
    assert {path.name for path in tmp_path.iterdir()} == {"store.db", "store.db-wal", "store.db-shm"}
    store.close()
    assert {path.name for path in tmp_path.iterdir()} == {"store.db"}


def test_the_log_stays_small_however_much_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LOG", 1 * limits.MiB)
    ada, done = Author("ada"), threading.Event()
    store = Store(tmp_path)

    def fold() -> None:
        while not done.wait(0.01):
            store.checkpoint()

    folding = threading.Thread(target=fold)
    for beside in (False, True):  # a commit folds it where nobody else does
        if beside:
            folding.start()
        for _ in range(60):
            store.commit([ada.share("news", "text " * 300, topics=("x",))], NOW)
            assert len(store.of_kinds(["snippet"], limit=3)) >= 1
            assert (tmp_path / "store.db-wal").stat().st_size < 2 * limits.MiB
    done.set()
    folding.join()
    assert store.count() == 120
    store.close()
