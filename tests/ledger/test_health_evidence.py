"""What records say of who shares, who was asked, and who was found to have understood something."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.ledger.evidence import MARKED, Evidence, Mark, gather, mark_of
from p2plearn.protocol.kinds import RE, ROOT, Check, Request, Verdict
from p2plearn.protocol.records import Draft, Record, Ref
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import record_sets


def marks(*records: Record) -> dict[bytes, Mark]:
    made = (mark_of(record, record.time, record.time) for record in records if record.kind in MARKED)
    return {mark.id: mark for mark in made if mark is not None}


def said(*records: Record) -> Evidence:
    return gather(marks(*records))


ada, ben, eve = Author("ada"), Author("ben"), Author("eve")


def test_help_is_heard_in_the_request_and_is_a_deed_in_its_topics() -> None:
    request = ada.ask("Why?", topics=("sky",))
    hint, own, question = ben.reply(request, "hint"), ada.reply(request, "answer"), eve.reply(request, "question")
    check = eve.check(request)
    evidence = said(request, hint, own, question, check)
    (call,) = evidence.calls
    assert call.helped == [(hint.time, ben.key), (check.time, eve.key)]
    assert {author: [deed.topics for deed in deeds] for author, deeds in evidence.deeds.items()} == {
        ben.key: [("sky",)],
        eve.key: [("sky",)],
    }


def test_a_request_ends_when_its_asker_says_so_and_whoever_declined_did() -> None:
    request = ada.ask("Why?", topics=("sky",))
    strangers, decline, solve, late = ben.solve(request), eve.decline(request), ada.solve(request), ada.withdraw(request)
    (call,) = said(request, strangers, decline, late, solve, ada.decline(request)).calls
    assert (call.ended, call.declined) == (solve.time, {eve.key})
    (call,) = said(request, late, solve, ada.retract(solve)).calls
    assert call.ended == late.time
    assert said(request, ada.retract(request)).calls == []


def test_notes_offers_and_new_wordings_are_deeds_unless_taken_back() -> None:
    note, offer = ben.share("Chain", topics=("bicycles",)), ben.offer("I show you", topics=("sky",))
    revised, foreign = ben.revise(note, "Better"), eve.revise(note, "Mine", topics=("bicycles",))
    deeds = said(note, offer, revised, foreign).deeds
    assert [deed.topics for deed in deeds[ben.key]] == [("bicycles",), ("sky",), ("bicycles",)]
    assert eve.key not in deeds
    assert len(said(note, offer, ben.retract(offer), eve.retract(note)).deeds[ben.key]) == 1
    assert [deed.topics for deed in said(ben.revise(note, "Old", topics=("old",))).deeds[ben.key]] == [("old",)]


def test_who_was_found_to_have_understood() -> None:
    request = ada.ask("Why?", topics=("sky",))
    check = ben.check(request)
    proof = ada.prove(check)
    shown, not_yet = ben.judge(proof, "shown"), ben.judge(proof, "not-yet")
    ben.clock.jump(0)
    found = said(request, check, proof, shown).shown
    assert [(one.author, one.judge, one.topics) for one in found] == [(ada.key, ben.key, ("sky",))]
    assert said(request, check, proof, shown, not_yet).shown == []
    assert len(said(request, check, proof, shown, not_yet, ben.retract(not_yet)).shown) == 1
    attempt = ada.attempt(request)
    assert len(said(request, attempt, eve.judge(attempt, "shown")).shown) == 1


def test_nobody_is_found_to_have_understood_by_who_may_not_say_so() -> None:
    request, other = ada.ask("Why?", topics=("sky",)), ada.ask("Why not?")
    check, elsewhere = ben.check(request), ben.check(other)
    proof, attempt = ada.prove(check), ada.attempt(request)
    hint, foreign = ben.reply(request, "hint"), eve.attempt(request)
    astray = ada.say(Check(""), Ref(ROOT, request.id))
    for verdict in (
        eve.judge(proof, "shown"),
        ada.judge(attempt, "shown"),
        ben.judge(hint, "shown"),
        ben.judge(foreign, "shown"),
        ben.judge(ada.prove(elsewhere), "shown"),
        ben.judge(ada.reply(request, "comment"), "shown"),
        ben.say(Verdict("shown"), Ref(ROOT, request.id), Ref(RE, astray.id)),
    ):
        assert said(request, other, check, elsewhere, proof, attempt, hint, foreign, astray, verdict).shown == []
    assert said(check, proof, ben.judge(proof, "shown")).shown == []


def test_what_cannot_be_read_leaves_no_mark() -> None:
    broken = ada.record(Draft(Request.kind, (1,)))
    assert mark_of(broken, 0, 0) is None


@given(record_sets(), st.randoms(use_true_random=False))
def test_evidence_is_the_same_in_any_order(records: list[Record], random: Random) -> None:
    def plain(evidence: Evidence) -> tuple[object, ...]:
        calls = [(call.id, sorted(call.helped), call.declined, call.ended) for call in evidence.calls]
        return calls, {author: sorted(deeds) for author, deeds in evidence.deeds.items()}, sorted(evidence.shown)

    assert plain(said(*records)) == plain(said(*random.sample(records, len(records)), *records[:2]))
