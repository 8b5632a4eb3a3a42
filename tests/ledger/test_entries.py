"""Receipts come from those who were helped: what was shown, solved, taken up, corrected and thanked for."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.ledger.entries import UNITS, edges
from p2plearn.ledger.receipts import Receipt
from p2plearn.protocol.kinds import ORIGINALS, RE, ROOT, Thanks
from p2plearn.protocol.records import Record, Ref
from p2plearn.testing.authors import Author, root_of
from p2plearn.testing.strategies import record_sets


@pytest.fixture
def ada() -> Author:
    return Author("ada")


@pytest.fixture
def ben() -> Author:
    return Author("ben")


@pytest.fixture
def eve() -> Author:
    return Author("eve")


def receipt(record: Record, helper: Author, kind: str, units: float, slot: Record) -> Receipt:
    """What `record` says, about a thing without topics."""
    return Receipt(record.author, helper.key, kind, slot.id, units, record.time, (), record.id)


def helpers(*records: Record) -> list[bytes]:
    return [edge.helper for edge in edges(records)]


def worth(*records: Record) -> dict[tuple[bytes, str], float]:
    """(helper, kind) → units; for records that make one edge of each."""
    found = edges(records)
    assert len({(edge.helper, edge.kind) for edge in found}) == len(found)
    return {(edge.helper, edge.kind): edge.units for edge in found}


# --- requests ---


def test_a_solve_credits_whose_reply_it_names(ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    reply = ben.reply(request, "hint")
    solved = ada.solve(request, by=reply)
    assert edges([solved, reply, request, solved]) == [receipt(solved, ben, "solve", 2.0, request)]
    assert helpers(request, reply, ada.solve(request)) == []


def test_a_changed_mind_leaves_one_edge_at_most(ada: Author, ben: Author, eve: Author) -> None:
    request = ada.ask("Why?")
    hint, answer = ben.reply(request, "hint"), eve.reply(request, "answer")
    first = ada.solve(request, by=hint)
    ada.clock.jump(0)
    second = ada.solve(request, by=answer)
    said = [request, hint, answer, first, second]
    assert helpers(*said) == [eve.key]
    assert helpers(*said, ada.retract(second)) == [ben.key]
    assert helpers(*said, ben.retract(second), eve.retract(first)) == [eve.key]
    assert helpers(*said, ada.solve(request)) == []
    own = ada.reply(request, "answer")
    assert helpers(*said, own, ada.solve(request, by=own)) == [eve.key]


def test_credit_stays_when_the_helper_takes_the_reply_back(ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    reply = ben.reply(request, "hint")
    assert helpers(request, reply, ada.solve(request, by=reply), ben.retract(reply)) == [ben.key]


def test_nobody_credits_themselves_and_nobody_else_gives_credit(ada: Author, ben: Author, eve: Author) -> None:
    request, other, snippet = ada.ask("Why?"), ada.ask("Why not?"), ada.share("Because")
    own, hint, elsewhere = ada.reply(request, "answer"), eve.reply(request, "hint"), ben.reply(other, "hint")
    comment = ben.reply(snippet, "comment")
    said = [request, other, snippet, own, hint, elsewhere, comment]
    for receipt in (
        ada.solve(request, by=own),
        ben.solve(request, by=hint),
        eve.solve(request, by=hint),
        ada.solve(request, by=elsewhere),
        ada.solve(request, by=request),
        ada.solve(snippet, by=comment),
        ada.adopt(snippet, "passed-on"),
        ada.adopt(request),
        ada.thank(own),
    ):
        assert edges([*said, receipt]) == []


def test_nothing_is_credited_before_what_the_receipt_names_is_here(ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    reply = ben.reply(request, "hint")
    solved = ada.solve(request, by=reply)
    assert edges([request, solved]) == edges([reply, solved]) == []
    later = ada.solve(request, by=Author("eve").reply(request, "answer"))
    assert edges([request, reply, solved, later]) == []


def test_shown_understanding_makes_a_solve_worth_more(ada: Author, ben: Author, eve: Author) -> None:
    request = ada.ask("Why?")
    reply, check = ben.reply(request, "answer"), eve.check(request, "And at dusk?")
    proof = ada.prove(check, "Then it is red.")
    said = [request, reply, check, proof, ada.solve(request, by=reply)]
    assert worth(*said) == {(ben.key, "solve"): 2.0}
    shown = eve.judge(proof, "shown")
    assert worth(*said, shown) == {(ben.key, "verdict"): 3.0}
    assert worth(*said, shown, eve.judge(proof, "not-yet")) == {(ben.key, "solve"): 2.0}
    assert worth(*said, ben.judge(proof, "shown")) == {(ben.key, "solve"): 2.0}


def test_a_solve_that_names_nobody_thanks_the_setter_of_the_check_shown_last(ada: Author, ben: Author, eve: Author) -> None:
    request = ada.ask("Why?")
    first, second = ben.check(request), eve.check(request)
    proof, again = ada.prove(first), ada.prove(second)
    said = [request, first, second, proof, again, ada.solve(request)]
    assert edges(said) == []
    assert worth(*said, ben.judge(proof, "shown")) == {(ben.key, "verdict"): 3.0}
    assert worth(*said, eve.judge(again, "shown"), ben.judge(proof, "shown")) == {(eve.key, "verdict"): 3.0}


# --- snippets ---


@pytest.mark.parametrize("stage, units", [("tried", 1.0), ("using", 2.0), ("passed-on", 2.5)])
def test_an_adoption_counts_by_its_stage_and_half_as_much_each_fork_before(stage: str, units: float, ada: Author, ben: Author) -> None:
    people = [Author(name) for name in ("first", "second", "third", "fourth")]
    chain = [people[0].share("Puncture")]
    for person in people[1:]:
        chain.append(person.fork(chain[-1], "my way"))
    adopted = ada.adopt(chain[-1], stage)
    assert worth(*chain, adopted) == {
        (people[3].key, "adopt"): units,
        (people[2].key, "adopt"): units / 2,
        (people[1].key, "adopt"): units / 4,
    }
    assert worth(*chain[2:], adopted).keys() == {(people[3].key, "adopt"), (people[2].key, "adopt")}


def test_nobody_pushes_those_before_them_out_by_forking_their_own_forks(ada: Author, ben: Author, eve: Author) -> None:
    chain = [ben.share("Puncture")]
    for _ in range(5):
        chain.append(eve.fork(chain[-1], "the same"))
    assert worth(*chain, ada.adopt(chain[-1], "using")) == {(eve.key, "adopt"): 2.0, (ben.key, "adopt"): 1.0}
    assert worth(*chain, eve.adopt(chain[-1], "using")) == {(ben.key, "adopt"): 1.0}


def test_of_an_adopters_words_the_latest_counts_and_dropped_is_nothing(ada: Author, ben: Author) -> None:
    snippet = ben.share("Puncture")
    tried, using = ada.adopt(snippet, "tried"), ada.adopt(snippet, "using")
    assert worth(snippet, tried, using) == {(ben.key, "adopt"): 2.0}
    assert worth(snippet, tried, using, ada.retract(using)) == {(ben.key, "adopt"): 1.0}
    assert edges([snippet, tried, using, ada.adopt(snippet, "dropped")]) == []


def test_who_showed_it_has_a_slot_of_their_own(ada: Author, ben: Author, eve: Author) -> None:
    snippet = ben.share("Puncture")
    learned, theirs = ada.adopt(snippet, "using", learned_from=eve.key), eve.adopt(snippet, "tried")
    assert worth(snippet, learned) == {(ben.key, "adopt"): 2.0}
    found = [edge for edge in edges([snippet, learned, theirs]) if edge.issuer == ada.key]
    assert {(edge.helper, edge.kind, edge.units) for edge in found} == {(ben.key, "adopt", 2.0), (eve.key, "learned-from", 2.0)}
    back = eve.adopt(snippet, "using", learned_from=ada.key)
    assert {edge.kind for edge in edges([snippet, learned, back])} == {"adopt"}
    own = [ben.adopt(snippet), ada.adopt(snippet, learned_from=ben.key), ada.adopt(snippet, learned_from=ada.key)]
    assert {edge.kind for edge in edges([snippet, *own])} == {"adopt"}


def test_a_correction_taken_up_is_help_for_the_author(ada: Author, ben: Author, eve: Author) -> None:
    snippet = ada.share("Puncture")
    correction, other = ben.correct(snippet, "Sand it first."), eve.correct(snippet, "It is wrong.")
    revised = ada.revise(snippet, "Sand it, glue it.", taking_up=correction)
    said = [snippet, correction, other, revised]
    assert edges(said) == [receipt(revised, ben, "correction", 1.0, correction)]
    assert edges([*said, ada.revise(snippet, "The same.", taking_up=correction)]) == edges(said)
    assert edges([*said, ada.retract(revised)]) == []
    adopted = eve.adopt(snippet, of=revised)
    assert set(edges([*said, adopted])) == {*edges(said), receipt(adopted, ada, "adopt", 2.0, snippet)}
    assert edges([snippet, correction, eve.revise(snippet, "Mine.", taking_up=correction)]) == []
    assert edges([snippet, ada.revise(snippet, "New.", taking_up=correction)]) == []


def test_thanks_go_to_whoever_said_the_thing_once_in_each_conversation(ada: Author, ben: Author, eve: Author) -> None:
    request = ada.ask("Why?")
    hint, answer = ben.reply(request, "hint"), ben.reply(request, "answer")
    first, second = ada.thank(hint, "Good."), ada.thank(answer, "Better.")
    said = [request, hint, answer, first, second]
    assert edges(said) == [receipt(second, ben, "thanks", 1.0, request)]
    assert edges([*said, ada.retract(second)]) == [receipt(first, ben, "thanks", 1.0, request)]
    assert edges([request, first]) == []
    assert helpers(request, eve.thank(request, "Good question.")) == [ada.key]
    snippet = ben.share("Puncture")
    revised = ben.revise(snippet, "Sand it.")
    assert helpers(snippet, revised, ada.thank(revised)) == [ben.key]
    assert helpers(snippet, revised, ada.say(Thanks("for what?"), Ref(ROOT, snippet.id))) == []
    assert helpers(snippet, hint, eve.say(Thanks("from elsewhere"), Ref(ROOT, snippet.id), Ref(RE, hint.id))) == []


# --- copies ---


def test_who_takes_up_or_thanks_for_a_copy_credits_whose_words_they_are(ada: Author, ben: Author, eve: Author) -> None:
    source = Author("source").share("Puncture")
    original = ben.fork(source, "My way.")
    copy = eve.share("Puncture", "My way.")
    revised = eve.revise(copy, "My own way.")
    adopted = ada.adopt(copy, "using", learned_from=eve.key)
    said = [source, original, copy, revised, adopted, eve.adopt(copy)]
    assert worth(*said[:-1]) == {(eve.key, "adopt"): 2.0}
    of = {copy.id: original.id}
    credited = [(edge.helper, edge.kind, edge.units) for edge in edges(said, of) if edge.issuer == ada.key]
    assert credited == [(author, "adopt", units) for author, units in sorted([(ben.key, 2.0), (Author("source").key, 1.0)])]
    hint = eve.reply(copy, "comment")
    for thing, whose in ((copy, ben), (revised, ben), (hint, eve)):
        thanks = ada.thank(thing)
        assert edges([original, copy, revised, hint, thanks], of) == [receipt(thanks, whose, "thanks", 1.0, copy)]
    assert helpers(copy, adopted) == [edge.helper for edge in edges([copy, adopted], of)] == [eve.key]


def test_a_fork_of_a_copy_has_a_share_and_the_copy_none(ada: Author, ben: Author, eve: Author) -> None:
    original, copy = ben.share("Puncture"), eve.share("Puncture")
    fork = Author("dan").fork(copy, "better")
    found = edges([original, copy, fork, ada.adopt(fork, "using")], {copy.id: original.id})
    assert {(edge.helper, edge.units) for edge in found} == {(Author("dan").key, 2.0), (ben.key, 1.0)}


# --- whatever comes ---


@given(record_sets(), st.randoms(use_true_random=False))
def test_edges_are_the_same_in_any_order_and_always_earned(records: list[Record], random: Random) -> None:
    found = edges(records)
    assert edges(random.sample(records, len(records)) + records[:2]) == found
    held = {record.id: record for record in records}
    assert len({(edge.issuer, edge.helper, edge.kind, edge.slot) for edge in found}) == len(found)
    solved = [edge for edge in found if edge.kind in {"solve", "verdict"}]
    assert len({(edge.issuer, edge.slot) for edge in solved}) == len(solved)
    for edge in found:
        assert edge.issuer == held[edge.record].author != edge.helper
        assert 0 < edge.units <= max(UNITS.values())
        assert edge.at == held[edge.record].time
        assert edge.topics == held[root_of(held[edge.slot])].topics


@given(record_sets(), st.data())
def test_whatever_is_missing_edges_can_be_told(records: list[Record], data: st.DataObject) -> None:
    known = {record.author for record in records}
    some = data.draw(st.lists(st.sampled_from(records), unique=True))
    ids = {record.id for record in some}
    assert all(edge.record in ids and edge.helper in known for edge in edges(some))


@given(record_sets())
def test_no_record_of_a_third_person_gives_or_takes_credit(records: list[Record]) -> None:
    """Besides the things themselves; and whether a solve counts as one that was shown is for the setters of checks to say."""
    for edge in edges(records):
        two = {edge.issuer, edge.helper}
        theirs = [record for record in records if record.author in two or record.kind in ORIGINALS]
        assert slot(edge) in map(slot, edges(theirs))


def slot(edge: Receipt) -> tuple[bytes, bytes, str, bytes]:
    return edge.issuer, edge.helper, edge.kind.replace("verdict", "solve"), edge.record
