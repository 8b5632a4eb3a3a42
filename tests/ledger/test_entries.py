"""Edges come from receipts of those who were helped, one for each request at most."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.ledger.entries import edges
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import BY, Request, Solve
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import record_sets


def helpers(*records: Record) -> list[bytes]:
    return [edge.helper for edge in edges(records)]


def test_a_solve_credits_whose_reply_it_names() -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ada.ask("Why?")
    reply = ben.reply(request, "hint")
    solved = ada.solve(request, by=reply)
    (edge,) = edges([solved, reply, request, solved])
    assert (edge.beneficiary, edge.helper, edge.kind, edge.about, edge.record) == (ada.key, ben.key, "solve", request.id, solved)
    assert edge.units == 2
    assert helpers(request, reply, ada.solve(request)) == []


def test_a_changed_mind_leaves_one_edge_at_most() -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
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


def test_credit_stays_when_the_helper_takes_the_reply_back() -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ada.ask("Why?")
    reply = ben.reply(request, "hint")
    assert helpers(request, reply, ada.solve(request, by=reply), ben.retract(reply)) == [ben.key]


def test_nobody_credits_themselves_and_nobody_else_gives_credit() -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
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
    ):
        assert edges([*said, receipt]) == []


def test_nothing_is_credited_before_what_the_receipt_names_is_here() -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ada.ask("Why?")
    reply = ben.reply(request, "hint")
    solved = ada.solve(request, by=reply)
    assert edges([request, solved]) == edges([reply, solved]) == []
    later = ada.solve(request, by=Author("eve").reply(request, "answer"))
    assert edges([request, reply, solved, later]) == []


@given(record_sets(), st.randoms(use_true_random=False))
def test_edges_are_the_same_in_any_order_and_always_earned(records: list[Record], random: Random) -> None:
    found = edges(records)
    assert edges(random.sample(records, len(records)) + records[:2]) == found
    held = {record.id: record for record in records}
    assert len({(edge.beneficiary, edge.about) for edge in found}) == len(found)
    for edge in found:
        assert edge.beneficiary == edge.record.author == held[edge.about].author != edge.helper
        assert edge.helper == held[edge.record.target(BY) or b""].author
        assert isinstance(body_of(edge.record), Solve)
        assert isinstance(body_of(held[edge.about]), Request)


@given(record_sets())
def test_no_record_of_a_third_person_gives_or_takes_credit(records: list[Record]) -> None:
    for edge in edges(records):
        two = {edge.beneficiary, edge.helper}
        assert edge in edges([record for record in records if record.author in two])
    for author in {record.author for record in records}:
        needed = {target for record in records if record.author == author for _, target in record.refs}
        own = [record for record in records if record.author == author or record.id in needed]
        given = [edge for edge in edges(records) if edge.beneficiary == author]
        assert [edge for edge in edges(own) if edge.beneficiary == author] == given
