"""Who may do what: the sentence a person gets. What folds make of received records is in tests/learning and tests/ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.errors import Refused
from p2plearn.protocol.authority import has_effect, retractions, takes_up, why_not, why_not_take_up
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import (
    RETRACTS,
    ROOT,
    Adopt,
    Body,
    Check,
    Correction,
    Decline,
    Encouragement,
    Proof,
    Reaction,
    Reply,
    Retract,
    Revision,
    Snippet,
    Solve,
    Thanks,
    Verdict,
    Withdraw,
)
from p2plearn.protocol.records import Record, Ref
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import record_sets

ada, ben = Author("ada"), Author("ben")
snippet = ada.share("Mend a puncture")
request = ada.ask("Which glue?")
hint = ben.reply(request, "hint")
own = ada.reply(request, "answer")
elsewhere = ben.reply(snippet, "comment")
revised = ada.revise(snippet, "…")
retracted = ada.retract(own)
profile = ada.profile()
attempt = ada.attempt(request)
check = ben.check(request, "And on wet rubber?")
proof = ada.prove(check, "It does not hold.")
correction = ben.correct(snippet, "Not on wet rubber.")


def test_authors_may() -> None:
    assert why_not(Revision(""), ada.key, snippet) is None
    assert why_not(Revision(""), ada.key, request) is None
    assert why_not(Revision(""), ada.key, snippet, revised) is None
    for mine in (snippet, request, own, revised, profile):
        assert why_not(Retract(), ada.key, mine, mine) is None
    for body in (Reply("attempt", ""), Solve(), Withdraw()):
        assert why_not(body, ada.key, request) is None
    assert why_not(Solve(), ada.key, request, hint) is None


def test_anybody_may() -> None:
    for root in (snippet, request):
        assert why_not(Reply("hint", ""), ben.key, root, root) is None
        assert why_not(Correction(""), ben.key, root, root) is None
        assert why_not(Correction(""), ada.key, root, ben.reply(root, "answer")) is None
        assert why_not(Encouragement(""), ben.key, root, root) is None
        assert why_not(Thanks(""), ben.key, root, root) is None
    assert why_not(Snippet("note", "", ""), ben.key, snippet, snippet) is None
    assert why_not(Adopt("tried"), ben.key, snippet) is None
    for thing in (snippet, revised, elsewhere, correction):
        assert why_not(Reaction("works", ""), ben.key, snippet, thing) is None
    assert why_not(Reaction("doesnt", ""), ada.key, request, hint) is None


def test_helpers_check_and_judge_what_the_asker_shows() -> None:
    eve = Author("eve")
    known = {check.id: check}
    assert why_not(Check(""), ben.key, request) is None
    assert why_not(Decline(""), ben.key, request) is None
    assert why_not(Proof(""), ada.key, request, check) is None
    assert why_not(Verdict("shown"), ben.key, request, proof, held=known) is None
    assert why_not(Verdict("partly"), eve.key, request, attempt, held=known) is None
    denial = why_not(Verdict("shown"), eve.key, request, proof, held=known)
    assert denial is not None
    assert "Only the person who set the check" in denial.reason


def test_a_verdict_waits_for_what_it_judges() -> None:
    """Until proof and check are here it cannot be known whose it is to give; the folds count it from then on."""
    eve = Author("eve")
    for judge, known, allowed in (
        (ben, {}, True),
        (eve, {}, True),
        (eve, {proof.id: proof}, True),
        (eve, {proof.id: proof, check.id: check}, False),
    ):
        verdict = judge.judge(proof, "shown")
        assert has_effect(verdict, Verdict("shown"), request, known) is allowed


def test_what_names_something_of_another_conversation_is_about_the_root() -> None:
    other = ben.share("elsewhere")
    thanks = ada.say(Thanks("!"), Ref(ROOT, request.id), Ref("re", other.id))
    assert not has_effect(thanks, Thanks("!"), request, {other.id: other})
    mark = ben.say(Reaction("works", "!"), Ref(ROOT, snippet.id), Ref("re", request.id))
    assert has_effect(mark, Reaction("works", "!"), snippet, {request.id: request})


def test_a_revision_takes_up_anothers_correction_of_the_same_thing() -> None:
    better = ada.revise(snippet, "Dry it first.", taking_up=correction)
    own_words = ada.correct(snippet, "Hm.")
    assert takes_up(better, correction)
    assert not takes_up(ada.revise(snippet, "!", taking_up=own_words), own_words)
    assert not takes_up(revised, correction)
    assert not takes_up(ada.revise(request, "!", taking_up=correction), correction)
    assert not takes_up(ada.revise(snippet, "!", taking_up=elsewhere), elsewhere)
    assert why_not_take_up(correction, snippet, ada.key, ()) is None
    for named, root, gone in (
        (own_words, snippet, ()),
        (elsewhere, snippet, ()),
        (correction, request, ()),
        (correction, snippet, {correction.id}),
    ):
        assert why_not_take_up(named, root, ada.key, gone) is not None


@pytest.mark.parametrize(
    "body, author, root, target, sentence",
    [
        (Revision(""), ben, snippet, snippet, "Only its author may revise"),
        (Revision(""), ben, request, hint, "Only an original can be revised"),
        (Revision(""), ada, profile, profile, "Only an original can be revised"),
        (Retract(), ben, snippet, snippet, "Only its author may take this back"),
        (Retract(), ada, request, hint, "Only its author may take this back"),
        (Retract(), ada, request, retracted, "A retraction is final"),
        (Reply("hint", ""), ben, profile, profile, "only with a snippet, a request, an offer"),
        (Reply("attempt", ""), ada, snippet, None, "only with a request"),
        (Solve(), ada, snippet, None, "only with a request"),
        (Withdraw(), ada, snippet, None, "only with a request"),
        (Reply("attempt", ""), ben, request, None, "Only the person who asked"),
        (Solve(), ben, request, hint, "Only the person who asked"),
        (Withdraw(), ben, request, None, "Only the person who asked"),
        (Solve(), ada, request, own, "another person's reply in this request"),
        (Solve(), ada, request, elsewhere, "another person's reply in this request"),
        (Solve(), ada, request, request, "another person's reply in this request"),
        (Snippet("note", "", ""), ben, request, request, "Only a snippet can be forked"),
        (Adopt("tried"), ben, request, None, "Only a snippet can be forked, adapted, translated or adopted"),
        (Check(""), ada, request, None, "for the helpers"),
        (Check(""), ben, snippet, None, "only with a request"),
        (Decline(""), ada, request, None, "for the helpers"),
        (Verdict("shown"), ada, request, attempt, "for the helpers"),
        (Verdict("shown"), ben, request, hint, "about a proof or an attempt"),
        (Verdict("shown"), ben, request, own, "about a proof or an attempt"),
        (Verdict("shown"), ben, request, elsewhere, "about a proof or an attempt"),
        (Proof(""), ben, request, check, "Only the person who asked"),
        (Proof(""), ada, request, hint, "A proof answers a check"),
        (Proof(""), ada, snippet, None, "only with a request"),
        (Reaction("doesnt", ""), ben, request, request, "nobody votes on a question"),
        (Reaction("doesnt", ""), ben, request, attempt, "nobody votes on a question"),
        (Correction(""), ben, profile, profile, "only with a snippet, a request"),
        (Correction(""), ada, snippet, snippet, "this is your own"),
        (Correction(""), ada, request, revised, "this is your own"),
        (Thanks(""), ben, request, hint, "Thanks go to another"),
    ],
)
def test_others_may_not_and_are_told_why(body: Snippet, author: Author, root: Record, target: Record | None, sentence: str) -> None:
    denial = why_not(body, author.key, root, target)
    assert denial is not None
    assert sentence in denial.reason
    refused = Refused(**denial._asdict())
    assert refused.message == denial.reason + "."
    assert refused.hint.endswith(".")


@pytest.mark.parametrize("body", [Revision(""), Reply("hint", ""), Snippet("note", "", ""), Adopt("tried"), Reaction("works", "")])
def test_nothing_is_added_to_what_was_taken_back(body: Body) -> None:
    denial = why_not(body, ada.key, snippet, snippet, retracted={snippet.id})
    assert denial is not None
    assert "taken back by its author" in denial.reason


def test_one_may_drop_what_was_taken_back() -> None:
    assert why_not(Adopt("dropped"), ben.key, snippet, None, retracted={snippet.id}) is None


@pytest.mark.parametrize("body", [Solve(), Withdraw(), Encouragement("")])
def test_kindness_and_an_end_are_never_too_late(body: Body) -> None:
    assert why_not(body, ada.key, request, hint if isinstance(body, Encouragement) else None, retracted={request.id}) is None
    assert why_not(Thanks(""), ada.key, request, hint, retracted={hint.id}) is None


def test_nor_to_a_reply_that_was() -> None:
    denial = why_not(Reply("comment", ""), ben.key, request, own, retracted={own.id})
    assert denial is not None
    assert "taken back by its author" in denial.reason


def test_what_was_taken_back_is_not_taken_back_again() -> None:
    denial = why_not(Retract(), ada.key, request, own, retracted={own.id})
    assert denial is not None
    assert "already" in denial.reason


def test_a_solve_has_effect_when_the_asker_names_anothers_reply_or_one_that_has_not_arrived() -> None:
    named, of_own = ada.solve(request, by=hint), ada.solve(request, by=own)
    assert has_effect(named, Solve(), request, {hint.id: hint})
    assert has_effect(named, Solve(), request, {})
    assert not has_effect(of_own, Solve(), request, {own.id: own})
    assert not has_effect(ben.withdraw(request), Withdraw(), request, {})


def test_a_reply_that_was_taken_back_cannot_be_named_any_more() -> None:
    denial = why_not(Solve(), ada.key, request, hint, retracted={hint.id})
    assert denial is not None
    assert "taken back" in denial.reason


@given(record_sets())
def test_only_its_own_author_takes_a_thing_back_and_only_what_is_here(records: list[Record]) -> None:
    held = {record.id: record for record in records}
    for gone, reason in retractions(records).items():
        words = [record for record in records if record.target(RETRACTS) == gone and record.author == held[gone].author]
        bodies = [body for record in words if isinstance(body := body_of(record), Retract)]
        assert reason in {body.reason for body in bodies}
        assert held[gone].kind != Retract.kind


def test_a_retraction_of_something_that_is_not_here_waits_for_it() -> None:
    eve = Author("eve")
    said = eve.reply(request, "comment")
    gone = eve.retract(said, "rude")
    stray = eve.say(Retract(), Ref(ROOT, request.id))
    assert retractions([gone, stray]) == {}
    assert retractions([gone, stray, said, said]) == {said.id: "rude"}


def reasons() -> list[Record]:
    """Three for one thing, while the clock of their author falls back."""
    eve = Author("eve")
    said = [eve.share("wrong")]
    for word in ("first", "second", "third"):
        eve.clock.jump(eve.clock.now_ms() - 10_000)
        said.append(eve.retract(said[0], word))
    return said


@given(st.permutations(reasons()))
def test_the_last_reason_given_holds_whatever_the_clock_says(order: list[Record]) -> None:
    assert list(retractions(order).values()) == ["third"]
