"""My own facts, as the third question of the compass shows them."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.conversation import Conversation, converse
from p2plearn.learning.facts import Facts, facts, facts_json
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock
from p2plearn.testing.strategies import record_sets


def told(me: Author, *records: Record) -> Facts:
    return facts(me.key, folded(list(records)))


def folded(records: list[Record]) -> list[Conversation]:
    return [conversation for record in records if (conversation := converse(record, records)) is not None]


def test_asking_showing_and_passing_on() -> None:
    ada, ben = Author("ada"), Author("ben")
    request, gone = ada.ask("Why?"), ada.ask("Never mind")
    check = ben.check(request, "And at dusk?")
    proof = ada.prove(check, "Red.")
    said = [request, gone, ada.retract(gone), check, proof]
    assert told(ada, *said) == Facts(asked=[request.id])
    said += [ben.judge(proof, "shown"), ada.thank(check, "Thank you.")]
    assert told(ada, *said) == Facts(asked=[request.id], shown=[check.id], received=[request.id], thanked=[said[-1].id])
    note = ada.pass_on(request, "Skies")
    others = [ben.pass_on(request, "Skies too"), ada.pass_on(ben.ask("Other"), "No"), ada.share("Unasked")]
    assert told(ada, *said, note, *others).passed_on == [note.id]
    assert told(ada, *said, note, ada.retract(note)).passed_on == []


def test_a_solved_request_is_received_help_too() -> None:
    ada = Author("ada")
    request = ada.ask("Why?")
    assert told(ada, request, ada.solve(request)).received == [request.id]
    assert told(ada, request, ada.withdraw(request)).received == []


def test_helping_and_how_soon() -> None:
    clock = FakeClock()
    ada, ben = Author("ada", clock), Author("ben", clock)
    requests, said = [], []
    for seconds in (9, 59, 1):
        requests.append(ada.ask("Why?"))
        clock.advance(seconds)
        said.append(ben.reply(requests[-1], "hint"))
        said.append(ben.reply(requests[-1], "answer"))
    idle = ada.ask("Anybody?")
    check = ben.check(requests[0])
    proof = ada.prove(check)
    said += [idle, ben.reply(idle, "comment"), check, proof, ben.judge(proof, "shown"), ada.thank(said[0])]
    found = told(ben, *requests, *said)
    assert (found.answered, found.taught, found.thanks) == ([request.id for request in requests], [check.id], [said[-1].id])
    assert facts_json(found)["first_help_s"] == 10.0
    assert told(ada, *requests, *said).answered == []
    ben.clock.jump(0)
    early = ben.reply(idle, "hint")
    assert told(ben, idle, early).first_help_ms == [0]


def test_taking_up_and_being_taken_up() -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    snippet, other = ada.share("Puncture"), ben.share("Chain")
    adopted, learned = ben.adopt(snippet), eve.adopt(other, learned_from=ada.key)
    again = eve.adopt(snippet, learned_from=ada.key)
    said = [snippet, other, adopted, learned, again, ada.adopt(other), ada.adopt(snippet), ben.adopt(other)]
    found = told(ada, *said)
    assert (found.adopted, sorted(found.adopted_by_others), found.learned_from_me) == (
        [other.id],
        sorted([adopted.id, again.id]),
        [eve.key],
    )
    dropped = told(ada, *said, ben.adopt(snippet, "dropped"), ada.adopt(other, "dropped"))
    assert (dropped.adopted, dropped.adopted_by_others) == ([], [again.id])


def test_each_number_comes_with_the_ids_behind_it() -> None:
    ada = Author("ada")
    request = ada.ask("Why?")
    shown = facts_json(told(ada, request))
    assert shown.pop("first_help_s") is None
    assert shown.pop("asked") == {"count": 1, "ids": [request.id.hex()]}
    assert set(shown) == {
        *("answered", "taught", "shown", "received", "adopted", "passed_on"),
        *("adopted_by_others", "learned_from_me", "thanked", "thanks"),
    }
    assert all(fact == {"count": 0, "ids": []} for fact in shown.values())


@given(record_sets(), st.randoms(use_true_random=False), st.data())
def test_facts_are_the_same_in_any_order_and_whatever_is_missing(records: list[Record], random: Random, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(records), unique=True))
    for author in {record.author for record in records}:
        found = facts(author, folded(some))
        assert facts(author, folded(random.sample(some, len(some)) * 2)) == found
        for fact in facts_json(found).values():
            assert not isinstance(fact, dict) or len(set(fact["ids"])) == fact["count"]
