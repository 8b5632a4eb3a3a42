"""Whom an adoption credits, as the adopter is told."""

from hypothesis import given

from p2plearn.learning.conversation import Conversation, converse
from p2plearn.ledger.credits import Credit, authors_along, credits_json, credits_of
from p2plearn.protocol.kinds import ROOT, Adopt
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import record_sets


def about(root: Record, *records: Record) -> Conversation:
    conversation = converse(root, records)
    assert conversation is not None
    return conversation


def test_authors_along_forks_whoever_showed_it_and_who_corrected_it() -> None:
    ada, ben, cleo, dan, eve = map(Author, ("ada", "ben", "cleo", "dan", "eve"))
    original = ben.share("Puncture")
    fork = cleo.fork(original, "My way.")
    correction = dan.correct(fork, "Sand it first.")
    revised = cleo.revise(fork, "Sand it.", taking_up=correction)
    said = [correction, revised, eve.adopt(fork, "using")]
    adopted = ada.adopt(fork, "tried", learned_from=eve.key, of=revised)
    found = credits_of(adopted, about(fork, *said), [cleo.key, ben.key])
    assert found == [
        Credit(cleo.key, 1.0, "author"),
        Credit(ben.key, 0.5, "earlier author"),
        Credit(eve.key, 1.0, "learned from"),
        Credit(dan.key, 1.0, "correction"),
    ]
    assert credits_json(found[:1], {cleo.key: "Cleo"}) == [{"author": cleo.key.hex(), "name": "Cleo", "share": 1.0, "why": "author"}]
    assert credits_json(found[1:2], {})[0]["name"] == ""


def test_a_corrector_is_credited_from_the_wording_on_that_took_the_correction_up() -> None:
    ada, ben, eve = map(Author, ("ada", "ben", "eve"))
    snippet = ben.share("Puncture")
    correction = eve.correct(snippet, "Sand it first.")
    revised, later = ben.revise(snippet, "Sand it.", taking_up=correction), ben.revise(snippet, "Sand it well.")
    conversation = about(snippet, correction, revised, later)

    def why(adopted: Record) -> list[str]:
        return [credit.why for credit in credits_of(adopted, conversation, [ben.key])]

    assert why(ada.adopt(snippet, of=snippet)) == ["author"]
    assert why(ada.adopt(snippet, of=revised)) == ["author", "correction"]
    assert why(ada.adopt(snippet, of=later)) == ["author", "correction"]
    assert why(ada.adopt(snippet, of=ben.revise(snippet, "Not here yet."))) == ["author", "correction"]
    assert why(eve.adopt(snippet, of=later)) == ["author"]


def test_the_teacher_named_before_is_still_the_teacher() -> None:
    ada, ben, eve = map(Author, ("ada", "ben", "eve"))
    snippet = ben.share("Puncture")
    conversation = about(snippet, eve.adopt(snippet), ada.adopt(snippet, "tried", learned_from=eve.key))
    assert [credit.why for credit in credits_of(ada.adopt(snippet, "using"), conversation, [ben.key])] == ["author", "learned from"]


def test_a_line_ends_where_more_is_not_here_and_goes_round_in_no_circle() -> None:
    ada, ben, eve = map(Author, ("ada", "ben", "eve"))
    request = ada.ask("Why?")
    first, other = ada.share("Puncture"), eve.share("Puncture")
    second = ben.fork(first, "My way.")
    third = ada.fork(second, "Mine again.")
    held = {record.id: record for record in (first, second, third, other)}
    assert authors_along(third, held.get, lambda _copy: None) == [ada.key, ben.key]
    assert authors_along(third, dict[bytes, Record]().get, lambda _copy: None) == [ada.key]
    assert authors_along(ben.fork(request, "no snippet"), {request.id: request}.get, lambda _copy: None) == [ben.key]
    assert authors_along(second, held.get, {first.id: other.id}.get) == [ben.key, eve.key]
    assert authors_along(first, held.get, {first.id: bytes(32)}.get) == [ada.key]
    assert authors_along(first, held.get, {first.id: other.id, other.id: first.id}.get) == []


def test_nobody_is_credited_for_what_was_dropped_or_is_no_adoption_or_by_themselves() -> None:
    ada, ben = map(Author, ("ada", "ben"))
    snippet = ben.share("Puncture")
    for record in (ada.adopt(snippet, "dropped"), snippet, ben.adopt(snippet)):
        assert credits_of(record, about(snippet), [ben.key]) == []


@given(record_sets())
def test_nobody_twice_for_one_reason_and_never_oneself(records: list[Record]) -> None:
    held = {record.id: record for record in records}
    for record in records:
        root = held.get(record.target(ROOT) or b"")
        conversation = converse(root, records) if root is not None else None
        if root is None or conversation is None:
            continue
        found = credits_of(record, conversation, authors_along(root, held.get, lambda _copy: None))
        assert len({(credit.author, credit.why) for credit in found}) == len(found)
        assert record.author not in {credit.author for credit in found}
        assert not found or record.kind == Adopt.kind
