"""Conversations that are kept are those that would be folded now, whatever came or went meanwhile."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.learning.conversation import Conversation, converse
from p2plearn.node.store import folds as node_folds
from p2plearn.node.store.folds import Folds
from p2plearn.node.store.store import Store
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS
from p2plearn.testing.strategies import record_sets


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as found:
        yield found


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The roots that were folded, each time."""
    done: list[bytes] = []

    def fold(root: Record, records: list[Record]) -> Conversation | None:
        done.append(root.id)
        return converse(root, records)

    monkeypatch.setattr(node_folds, "converse", fold)
    return done


def test_what_has_not_changed_is_not_folded_again(store: Store, folded: list[bytes]) -> None:
    ada, ben = Author("ada"), Author("ben")
    request, snippet = ada.ask("Why?"), ben.share("Because")
    store.commit([request, snippet, ben.reply(request, "hint")], START_MS)
    folds = Folds(store)
    first = folds.of([request, snippet])
    assert folds.of([snippet, request]) == first[::-1]
    assert folded == [request.id, snippet.id]
    store.commit([ada.solve(request)], START_MS)
    changed, same = folds.of([request, snippet])
    assert changed is not None
    assert (changed.state, len(changed.thread), same) == ("solved", 2, first[1])
    assert folded == [request.id, snippet.id, request.id]


def test_what_was_deleted_is_gone(store: Store) -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ada.ask("Why?")
    first, last = ben.reply(request, "hint"), ben.reply(request, "answer")
    store.commit([request, first, last], START_MS)
    folds = Folds(store)
    for gone, left in ((first, ["answer"]), (last, [])):
        store.forget([gone.id])
        (conversation,) = folds.of([request])
        assert conversation is not None
        assert [entry.type for entry in conversation.thread] == left
    store.commit([ben.reply(request, "comment")], START_MS)
    (conversation,) = folds.of([request])
    assert conversation is not None
    assert [entry.type for entry in conversation.thread] == ["comment"]


def test_a_solve_that_names_what_has_not_come_is_judged_again_when_it_comes(store: Store) -> None:
    ada, ben = Author("ada"), Author("ben")
    request, other = ada.ask("Why?"), ada.ask("Why not?")
    elsewhere = ben.reply(other, "answer")
    store.commit([request, ada.solve(request, by=elsewhere)], START_MS)
    folds = Folds(store)
    assert [one.state for one in folds.of([request]) if one] == ["solved"]
    store.commit([elsewhere], START_MS)
    assert [one.state for one in folds.of([request]) if one] == ["open"]


def test_no_more_is_kept_than_there_is_room_for(store: Store, folded: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEPT_RECORDS", 4)
    ada = Author("ada")
    requests = [ada.ask(f"Why {number}?") for number in range(3)]
    store.commit([*requests, *(ada.attempt(request) for request in requests)], START_MS)
    folds = Folds(store)
    folds.of(requests)
    folds.of(requests[1:])
    assert folded == [request.id for request in requests]
    folds.of(requests[:1])
    assert folded[3:] == [requests[0].id]


@settings(deadline=None, max_examples=50)
@given(records=record_sets(), chance=st.data())
def test_kept_or_not_a_conversation_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], chance: st.DataObject
) -> None:
    with closing(Store(tmp_path_factory.mktemp("home"))) as store:
        folds = Folds(store)
        coming = chance.draw(st.permutations(list(dict.fromkeys(records))))
        while coming:
            size = chance.draw(st.integers(1, len(coming)))
            store.commit(coming[:size], START_MS)
            coming = coming[size:]
            held = [stored.record for stored in store.get(record.id for record in records)]
            for gone in chance.draw(st.lists(st.sampled_from(held), max_size=1)):
                store.forget([gone.id])
                held = [record for record in held if record != gone]
            assert folds.of(held) == Folds(store).of(held) == [converse(root, held) for root in held]


@settings(deadline=None, max_examples=50)
@given(records=record_sets(), most=st.integers(1, 12), chance=st.data())
def test_where_floods_are_cut_what_is_kept_is_what_would_be_folded_now(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], most: int, chance: st.DataObject
) -> None:
    with closing(Store(tmp_path_factory.mktemp("home"))) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MAX_THREAD", most)
        folds = Folds(store)
        coming = chance.draw(st.permutations(list(dict.fromkeys(records))))
        while coming:
            size = chance.draw(st.integers(1, len(coming)))
            store.commit(coming[:size], START_MS)
            coming = coming[size:]
            held = [stored.record for stored in store.get(record.id for record in records)]
            asked = chance.draw(st.lists(st.sampled_from(held), unique=True))
            assert folds.of(asked) == Folds(store).of(asked)


def test_a_long_conversation_is_cut_in_a_list_and_whole_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_THREAD", 16)
    ada, eve = Author("ada"), Author("eve")
    short, long = ada.ask("Why?"), eve.ask("Why not?")
    store.commit([short, ada.attempt(short), ada.attempt(short), long, *(eve.attempt(long) for _ in range(15))], START_MS)
    folds = Folds(store)
    sizes = [[len(one.thread) for one in folds.of(roots) if one] for roots in ([short, long], [long], [short, long])]
    assert sizes == [[2, 2], [15], [2, 2]]
