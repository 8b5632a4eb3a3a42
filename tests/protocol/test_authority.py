"""Who may do what: the sentence a person gets. What folds make of received records is in tests/learning and tests/ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.errors import Refused
from p2plearn.protocol.authority import has_effect, retractions, why_not
from p2plearn.protocol.kinds import RETRACTS, ROOT, Body, Reply, Retract, Revision, Snippet, Solve, Withdraw, body_of
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
    assert why_not(Snippet("note", "", ""), ben.key, snippet, snippet) is None


@pytest.mark.parametrize(
    "body, author, root, target, sentence",
    [
        (Revision(""), ben, snippet, snippet, "Only its author may revise"),
        (Revision(""), ben, request, hint, "Only a snippet or a request can be revised"),
        (Revision(""), ada, profile, profile, "Only a snippet or a request can be revised"),
        (Retract(), ben, snippet, snippet, "Only its author may take this back"),
        (Retract(), ada, request, hint, "Only its author may take this back"),
        (Retract(), ada, request, retracted, "A retraction is final"),
        (Reply("hint", ""), ben, profile, profile, "only with a snippet or a request"),
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
    ],
)
def test_others_may_not_and_are_told_why(body: Snippet, author: Author, root: Record, target: Record | None, sentence: str) -> None:
    denial = why_not(body, author.key, root, target)
    assert denial is not None
    assert sentence in denial.reason
    refused = Refused(**denial._asdict())
    assert refused.message == denial.reason + "."
    assert refused.hint.endswith(".")


@pytest.mark.parametrize("body", [Revision(""), Reply("hint", ""), Snippet("note", "", "")])
def test_nothing_is_added_to_what_was_taken_back(body: Body) -> None:
    denial = why_not(body, ada.key, snippet, snippet, retracted={snippet.id})
    assert denial is not None
    assert "taken back by its author" in denial.reason


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
