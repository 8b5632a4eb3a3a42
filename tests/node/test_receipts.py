"""Who was helped by whom, as a store counts it: whatever came when or twice, and whatever was deleted, it is what the records say."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from p2plearn import limits
from p2plearn.learning.conversation import Conversation, converse
from p2plearn.ledger.entries import edges
from p2plearn.ledger.receipts import Receipt
from p2plearn.node.store import counting as store_counting
from p2plearn.node.store import receipts as store_receipts
from p2plearn.node.store import waiting as store_waiting
from p2plearn.node.store.store import Store
from p2plearn.protocol.kinds import RE, ROOT, Proof
from p2plearn.protocol.records import Record, Ref, parse
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS
from p2plearn.testing.strategies import record_sets
from tests.node.rebuilt import salt_alike

ADA, BEN, EVE = Author("ada"), Author("ben"), Author("eve")
WORDS = "Take the wheel out, find the hole under water, sand it, glue it, wait until it is dull, press the patch on and wait again."
LIKE_IT = WORDS.replace("press", "then press")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def hear(store: Store, *records: Record) -> None:
    store.commit(records, START_MS)


def index_some(store: Store) -> tuple[list[Receipt], list[Receipt]] | None:
    """One portion; (gone, new), None when there is none."""
    with store.reading() as db:
        scan = store_waiting.scan(db)
        folds = store_counting.gather(db)
    told = list[Receipt](), list[Receipt]()
    for portion in store_counting.portions(folds):
        with store.writing() as db:
            gone, new = store_counting.put_in(db, portion)
        told[0].extend(gone)
        told[1].extend(new)
    if scan is not None:
        with store.writing() as db:
            store_waiting.mark(db, scan)
    return told if folds or scan else None


def receipts(store: Store) -> list[Receipt]:
    """All, once every record is counted."""
    while index_some(store):
        pass
    with store.reading() as db:
        assert not store_counting.is_behind(db)
        return sorted(store_receipts.all_receipts(db))


def helped(store: Store) -> set[tuple[bytes, str, float]]:
    """(helper, kind, units) of what ada was helped with."""
    return {(receipt.helper, receipt.kind, receipt.units) for receipt in receipts(store) if receipt.issuer == ADA.key}


def copies(store: Store) -> dict[bytes, bytes]:
    with store.reading() as db:
        return dict(db.execute("SELECT copy, original FROM copies"))


def sketches(store: Store) -> list[tuple[int, bytes]]:
    with store.reading() as db:
        return db.execute("SELECT hash, id FROM sketches LEFT JOIN records ON n = wording ORDER BY 1, 2").fetchall()


# --- stories ---


def test_what_two_people_owe_each_other_can_be_looked_up(store: Store) -> None:
    request, snippet = ADA.ask("Why?", topics=("sky",)), BEN.share("Because", topics=("light", "sky"))
    hint = BEN.reply(request, "hint")
    solved, adopted, thanks = ADA.solve(request, by=hint), ADA.adopt(snippet), BEN.thank(request)
    hear(store, solved, hint, request, snippet, adopted, thanks)
    assert receipts(store) == sorted(edges([request, hint, solved, snippet, adopted, thanks]))
    with store.reading() as db:
        found = store_receipts.between(db, ADA.key, BEN.key)
        assert {(receipt.record, receipt.topics) for receipt in found} == {(adopted.id, ("light", "sky")), (solved.id, ("sky",))}
        assert found == sorted(found, key=lambda receipt: (-receipt.at, receipt.record))
        assert [receipt.kind for receipt in store_receipts.between(db, BEN.key, ADA.key)] == ["thanks"]
        assert store_receipts.between(db, ADA.key, EVE.key) == []


def test_what_comes_late_is_known_as_far_down_a_line_of_forks_as_anybody_looks_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UPSTREAM", 3)
    line = [BEN.share("first")]
    for n in range(8):
        line.append(Author(f"who is {n}").fork(line[-1], f"text {n}"))
    here = [ADA.adopt(one) for one in line]
    hear(store, *here)
    for one in reversed(line):
        here.append(one)
        hear(store, one)
        assert receipts(store) == sorted(edges(here))
    with store.reading() as db:
        assert store_waiting.below(db, line[0].id) == {one.id for one in line[:4]}, "and nobody else is counted anew for it"


def test_what_a_late_record_makes_of_it_is_told(store: Store) -> None:
    source = BEN.share("source")
    fork = EVE.fork(source, "my way")
    adopted = ADA.adopt(fork, "using")
    hear(store, adopted, source)
    assert helped(store) == set()
    hear(store, fork)
    assert index_some(store) == ([], [])  # the row is looked at
    gone, new = index_some(store) or ([], [])
    assert gone == []
    assert {(receipt.helper, receipt.units) for receipt in new} == {(EVE.key, 2.0), (BEN.key, 1.0)}
    hear(store, ADA.retract(adopted))
    index_some(store)
    assert index_some(store) == (sorted(new), [])


def test_of_a_thousand_adopters_one_more_writes_one_receipt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRITE_RECEIPTS", 7)
    snippet = BEN.share("snippet")
    hear(store, snippet, *(Author(f"{n}").adopt(snippet) for n in range(40)))
    assert len(receipts(store)) == 40
    one_more = ADA.adopt(snippet)
    hear(store, one_more)
    assert index_some(store) == ([], [])
    assert index_some(store) == ([], [receipt for receipt in receipts(store) if receipt.issuer == ADA.key])


def test_on_a_thing_of_thousands_one_more_word_costs_a_fold_of_a_few(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FOLD_FEW", 8)
    snippet, dan = BEN.share("snippet"), Author("dan")
    correction = EVE.correct(snippet)
    others = [Author(f"{n}").adopt(snippet, learned_from=ADA.key) for n in range(40)]
    hear(store, snippet, correction, *others)
    assert len(receipts(store)) == 40
    folded: list[int] = []

    def counted(root: Record, said: Sequence[Record]) -> Conversation | None:
        folded.append(len(said))
        return converse(root, said)

    monkeypatch.setattr(store_counting, "converse", counted)
    adopted, thanks = dan.adopt(snippet, learned_from=EVE.key), dan.thank(correction)
    revised = BEN.revise(snippet, "Better.", taking_up=correction)
    for one in (adopted, thanks, revised, dan.retract(adopted), EVE.adopt(snippet)):
        hear(store, one)
        assert receipts(store) == sorted(edges(map(parse, store.everything())))
    assert max(folded) < 10
    hear(store, ADA.adopt(snippet))  # whom all of them named
    assert receipts(store) == sorted(edges(map(parse, store.everything())))
    assert max(folded) > 40


def test_thanks_for_thanks_for_thanks_cost_no_more_however_long_the_chain(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FOLD_FEW", 4)
    snippet = BEN.share("snippet")
    chain = [ADA.thank(snippet)]
    for n in range(40):
        chain.append(Author(f"who is {n}").thank(chain[-1]))
    looked_at: list[bytes] = []

    def counted(raw: bytes) -> Record:
        looked_at.append(raw)
        return parse(raw)

    monkeypatch.setattr("p2plearn.node.store.acting.parse", counted)
    monkeypatch.setattr("p2plearn.node.store.waiting.parse", counted)
    most = 0
    hear(store, snippet, *(Author(f"{n}").adopt(snippet) for n in range(40)))
    receipts(store)
    for one in [*chain[20:], *reversed(chain[:20])]:  # the later half each behind the one it names, the earlier half each before
        looked_at.clear()
        hear(store, one)
        receipts(store)
        most = max(most, len(looked_at))
    assert receipts(store) == sorted(edges(map(parse, store.everything())))
    assert most < 20


def test_thanks_for_a_verdict_wait_for_the_check_three_steps_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FOLD_FEW", 0)  # only what those who wait said, and what that names
    request = BEN.ask("Why?")
    check = EVE.check(request)
    proof = BEN.prove(check)
    verdict = ADA.judge(proof, "shown")
    here = [request, Author("dan").thank(verdict), verdict, proof]
    hear(store, *here)
    assert receipts(store) == sorted(edges(here)) != []
    hear(store, check)
    assert receipts(store) == sorted(edges([*here, check])) == [], "it was not ada's check"


@pytest.mark.parametrize("few", [0, limits.FOLD_FEW])
def test_what_is_named_in_another_conversation_is_as_good_as_not_here(store: Store, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(limits, "FOLD_FEW", few)
    request, other = BEN.ask("Why?"), BEN.ask("How?")
    hint = EVE.reply(other, "hint")
    proof = BEN.say(Proof("so"), Ref(ROOT, request.id), Ref(RE, hint.id))
    here = [request, other, hint, proof, ADA.thank(proof)]
    hear(store, *here)
    assert receipts(store) == sorted(edges(here)) != []


def test_what_is_deleted_is_only_noted_and_nothing_of_it_is_kept(store: Store) -> None:
    snippet = BEN.share("Puncture", WORDS)
    adopted = ADA.adopt(snippet)
    hear(store, snippet, adopted)
    before = receipts(store)
    store.forget([adopted.id, snippet.id])
    with store.reading() as db:
        assert sorted(store_receipts.all_receipts(db)) == before  # until somebody looks
        assert store_counting.is_behind(db)
        assert store_counting.gather(db) == []
    assert receipts(store) == []
    with store.reading() as db:
        for table in ("gone", "sketches", "taught", "waiting"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_flood_by_new_keys_hides_nobody_who_was_known_before(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_THREAD", 5)
    monkeypatch.setattr(limits, "MAX_CLOSING", 2)
    snippet = BEN.share("snippet")
    correction = EVE.correct(snippet)
    mine = [ADA.adopt(snippet, stage) for stage in ("tried", "tried", "tried", "using")]
    hear(store, snippet, *mine, correction, *(Author(f"{n}").adopt(snippet) for n in range(9)))
    hear(store, BEN.revise(snippet, "Better.", taking_up=correction))
    assert helped(store) == {(BEN.key, "adopt", 2.0)}
    assert len(receipts(store)) == 1 + 4 + 1  # of ada, and there is room for four more people; of eve's correction


def test_a_root_that_changes_while_it_is_folded_is_folded_again(store: Store) -> None:
    snippet = BEN.share("snippet")
    adopted = ADA.adopt(snippet)
    hear(store, snippet, adopted)
    index_some(store)
    with store.reading() as db:
        folds = store_counting.gather(db)
    store.forget([adopted.id])
    with store.writing() as db:
        assert store_counting.put_in(db, folds) == ([], [])
    assert receipts(store) == []


# --- whose words ---


def test_who_came_first_with_the_words_is_credited_for_copies(store: Store) -> None:
    original, copy, other = BEN.share("Puncture", WORDS), EVE.share("Flat tyre", LIKE_IT), EVE.share("Bread", "Rye and water. " * 3)
    hear(store, original, copy, other, ADA.adopt(copy, "using"), ADA.adopt(other, "tried"), ADA.thank(copy))
    assert helped(store) == {(BEN.key, "adopt", 2.0), (EVE.key, "adopt", 1.0), (BEN.key, "thanks", 1.0)}
    store.forget([original.id])
    assert helped(store) == {(EVE.key, "adopt", 2.0), (EVE.key, "adopt", 1.0), (EVE.key, "thanks", 1.0)}
    hear(store, original)  # which is now the later one
    assert helped(store) == {(EVE.key, "adopt", 2.0), (EVE.key, "adopt", 1.0), (EVE.key, "thanks", 1.0)}
    assert copies(store) == {original.id: copy.id}


def test_a_declared_fork_has_its_usual_share_however_late_the_link_between_comes(store: Store) -> None:
    original = BEN.share("Puncture", WORDS)
    between = Author("dan").fork(original, "Something else altogether.")
    fork = EVE.fork(between, LIKE_IT, "adaptation")
    hear(store, original, fork, ADA.adopt(fork, "using"))
    assert helped(store) == {(BEN.key, "adopt", 2.0)}  # as far as is known
    hear(store, between)
    assert helped(store) == {(EVE.key, "adopt", 2.0), (Author("dan").key, "adopt", 1.0), (BEN.key, "adopt", 0.5)}
    assert copies(store) == {}


def test_a_source_that_comes_after_its_fork_has_copied_nothing(store: Store) -> None:
    original = BEN.share("Puncture", WORDS)
    between = Author("dan").fork(original, "Something else altogether.")
    fork = EVE.fork(between, LIKE_IT)
    hear(store, fork, original, ADA.adopt(original, "using"))
    assert helped(store) == {(EVE.key, "adopt", 2.0)}  # the link between them is not here
    hear(store, between)
    assert helped(store) == {(BEN.key, "adopt", 2.0)}


def test_words_taken_over_later_or_said_again_are_no_more_ones_own(store: Store) -> None:
    original, copy = BEN.share("Puncture", "Something else."), EVE.share("Flat tyre", "Soon here.")
    revised = BEN.revise(original, WORDS)
    taken, again, forked = EVE.revise(copy, LIKE_IT), EVE.share("Flat tyre, once more", LIKE_IT), EVE.fork(copy, LIKE_IT)
    hear(store, revised, original, copy, taken, again, forked, *(ADA.adopt(one) for one in (copy, again, forked)))
    assert helped(store) == {(BEN.key, "adopt", 2.0)}
    assert copies(store) == {copy.id: original.id, again.id: original.id, forked.id: original.id}
    store.forget([revised.id])
    receipts(store)
    assert copies(store) == {}


def test_a_wording_is_known_from_when_its_snippet_is_here(store: Store) -> None:
    original, copy = BEN.share("Puncture", "Something else."), EVE.share("Puncture", WORDS)
    hear(store, BEN.revise(original, WORDS), copy)
    assert receipts(store) == []
    assert copies(store) == {}
    hear(store, original)
    assert receipts(store) == []
    assert copies(store) == {original.id: copy.id}


def test_ones_own_words_may_be_said_again_and_short_ones_by_anybody(store: Store) -> None:
    records = [BEN.share("Puncture", WORDS), EVE.share("Puncture", WORDS), BEN.share("Puncture again", WORDS)]
    short = [one.share("Tip", "Sand it, then glue it.") for one in (BEN, EVE)]
    hear(store, *records, *short)
    receipts(store)
    assert copies(store) == {records[1].id: records[0].id}


def test_copies_of_copies_are_of_the_first_whenever_that_is_found(store: Store) -> None:
    first, second, third = (author.share("Puncture", drifting(n)) for n, author in enumerate((BEN, EVE, Author("dan"))))
    hear(store, first, second, third, ADA.adopt(third))
    assert helped(store) == {(BEN.key, "adopt", 2.0)}
    assert copies(store) == {second.id: first.id, third.id: second.id}
    store.forget([first.id])
    assert helped(store) == {(EVE.key, "adopt", 2.0)}


def test_of_a_flood_of_copies_each_is_of_the_first(store: Store) -> None:
    original = BEN.share("Puncture", WORDS)
    flood = [EVE.share(f"Flat {n}", LIKE_IT) for n in range(2 * limits.MAX_ALIKE + 4)]
    hear(store, original, *flood)
    receipts(store)
    assert copies(store) == dict.fromkeys((copy.id for copy in flood), original.id)


# --- whatever comes ---


def around() -> list[Record]:
    """What chance seldom says: the same words by several, chains of forks that are copied, and wordings that come before what they word."""
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    for author in (ada, ben, eve):
        author.seq, author.prev = 100, bytes(32)
    first, second = ben.share("one", WORDS), eve.share("two", LIKE_IT)
    fork = ada.fork(second, "Something else.")
    near = eve.fork(fork, WORDS + " Or buy a new one.")
    other = ada.share("three", "Nothing yet.")
    late = ada.revise(other, LIKE_IT)
    named = ben.fork(other, WORDS)
    drifted = [author.share(str(drift), drifting(drift)) for drift, author in enumerate((eve, ben, ada, ben))]
    adopted = [
        *map(eve.adopt, drifted),
        ada.adopt(second),
        ben.adopt(near, "passed-on", learned_from=ada.key),
        ada.adopt(near),
        eve.adopt(other),
        eve.adopt(named),
    ]
    return [first, second, fork, near, other, late, named, *drifted, *adopted, ada.thank(second), ben.thank(late), eve.thank(named)]


def drifting(drift: int) -> str:
    """Of four such texts, each is near the next and not near the one after that."""
    return " ".join(f"word{n}" for n in range(10 * drift, 10 * drift + 50))


class Counting(RuleBasedStateMachine):
    """A store that hears, forgets and counts in any order, beside one that counts once at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self._patch = pytest.MonkeyPatch()
        self._store = Store(Path(self._directory.name))
        self._told: set[Receipt] = set()
        self._records: list[Record] = []

    @initialize(
        pool=st.one_of(st.just([]), record_sets()),
        some=st.tuples(st.integers(1, 9), st.integers(1, 20), st.integers(1, 3), st.integers(0, 3)),
    )
    def begin(self, pool: list[Record], some: tuple[int, int, int, int]) -> None:
        self._records = [*pool, *around()]
        for limit, value in zip(("INDEX_RECEIPTS", "FOLD_RECEIPTS", "WRITE_RECEIPTS", "FOLD_FEW"), some, strict=True):
            self._patch.setattr(limits, limit, value)

    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        hear(self._store, *data.draw(st.lists(st.sampled_from(self._records), max_size=12)))

    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        self._store.forget([record.id for record in data.draw(st.lists(st.sampled_from(self._records), max_size=3))])

    @rule(times=st.integers(1, 12))
    def count(self, times: int) -> None:
        for _ in range(times):
            gone, new = index_some(self._store) or ([], [])
            assert self._told.issuperset(gone)
            self._told.difference_update(gone)
            assert self._told.isdisjoint(new)
            self._told.update(new)

    @rule()
    def compare(self) -> None:
        with self._store.reading() as db:
            while store_counting.is_behind(db):
                self.count(9)
        found = receipts(self._store)
        assert sorted(self._told) == found
        held = list(map(parse, self._store.everything()))
        assert found == sorted(edges(held, copies(self._store)))
        with tempfile.TemporaryDirectory() as directory:
            rebuilt = Store(Path(directory))
            salt_alike(self._store, rebuilt)
            hear(rebuilt, *held)
            assert receipts(rebuilt) == found
            assert copies(rebuilt) == copies(self._store)
            assert sketches(rebuilt) == sketches(self._store)
            rebuilt.close()

    def teardown(self) -> None:
        if self._records:
            self.compare()
        self._patch.undo()
        self._store.close()
        self._directory.cleanup()


TestCounting = pytest.mark.timeout(900)(Counting.TestCase)  # when it fails, the smallest story of the failure takes a while to find
TestCounting.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
