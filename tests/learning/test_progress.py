"""The state of a request, as the contract lists it: the first that holds, whoever says what in whatever order."""

from itertools import permutations

import pytest

from p2plearn.learning.conversation import Conversation, converse
from p2plearn.learning.progress import is_helping, latest_verdicts
from p2plearn.protocol.kinds import RE, ROOT, Proof, Verdict
from p2plearn.protocol.records import Record, Ref
from p2plearn.testing.authors import Author


@pytest.fixture
def ada() -> Author:
    return Author("ada")


@pytest.fixture
def ben() -> Author:
    return Author("ben")


@pytest.fixture
def eve() -> Author:
    return Author("eve")


def about(root: Record, *records: Record) -> Conversation:
    conversation = converse(root, records)
    assert conversation is not None
    return conversation


def state(root: Record, *records: Record) -> str:
    """The state, the same in whatever order the last few came."""
    states = {about(root, *records[:-3], *last).state for last in permutations(records[-3:])}
    assert len(states) == 1
    return states.pop()


def test_the_whole_way(ada: Author, ben: Author) -> None:
    said = [request := ada.ask("Derive it")]
    ways = []
    for step in (
        lambda: ada.attempt(request, "Like this?"),
        lambda: ben.check(request, "And this one?"),
        lambda: ada.prove(said[2], "Like that."),
        lambda: ben.judge(said[3], "not-yet", fixes=[(2, "the sign")]),
        lambda: ada.prove(said[2], "Ah, minus."),
        lambda: ben.judge(said[5], "shown"),
        lambda: ada.solve(request),
    ):
        said.append(step())
        ways.append(state(*said))
    assert ways == ["working", "checking", "checking", "checking", "checking", "shown", "solved"]
    said.append(ada.retract(said[-1]))
    assert state(*said) == "shown"


def test_the_latest_verdict_on_a_check_holds(ada: Author, ben: Author) -> None:
    request = ada.ask("Derive it")
    check = ben.check(request)
    first, second = ada.prove(check, "one"), ada.prove(check, "two")
    shown = ben.judge(first, "shown")
    assert state(request, check, first, second, shown) == "shown"
    partly = ben.judge(second, "partly")
    assert state(request, check, first, second, shown, partly) == "checking"
    assert state(request, check, first, second, shown, partly, ben.retract(partly, "It was right.")) == "shown"
    verdicts = latest_verdicts(about(request, check, first, second, shown, partly).thread)
    assert {check_id: entry.record.id for check_id, entry in verdicts.items()} == {check.id: partly.id}


def test_of_parallel_checks_one_shown_is_enough(ada: Author, ben: Author, eve: Author) -> None:
    request = ada.ask("Derive it")
    checks = [ben.check(request), eve.check(request)]
    proofs = [ada.prove(check) for check in checks]
    said = [*checks, *proofs, ben.judge(proofs[0], "not-yet"), eve.judge(proofs[1], "shown")]
    assert state(request, *said) == "shown"
    assert state(request, *said, eve.judge(proofs[1], "partly", "I misread it.")) == "checking"


def test_a_verdict_of_somebody_else_changes_nothing(ada: Author, ben: Author, eve: Author) -> None:
    request = ada.ask("Derive it")
    check = ben.check(request)
    proof = ada.prove(check)
    assert state(request, check, proof, eve.judge(proof, "shown")) == "checking"
    assert state(request, check, proof, ada.judge(proof, "shown")) == "checking"
    attempt = ada.attempt(request)
    assert state(request, attempt, eve.judge(attempt, "shown")) == "working"


def test_a_proof_of_ones_own_check_shows_nothing(ada: Author, ben: Author) -> None:
    request = ada.ask("Derive it")
    own = ada.check(request)
    proof = ada.prove(own)
    assert state(request, own, proof, ben.judge(proof, "shown")) == "open"
    foreign = ben.check(ada.ask("Another"))
    stray = ada.say(Proof(""), Ref(ROOT, request.id), Ref(RE, foreign.id))
    assert state(request, stray, ben.judge(stray, "shown")) == "open"


def test_a_verdict_counts_once_its_proof_and_check_are_here(ada: Author, ben: Author) -> None:
    request = ada.ask("Derive it")
    check = ben.check(request)
    proof = ada.prove(check)
    verdict = ben.judge(proof, "shown")
    assert state(request, verdict) == "open"
    assert state(request, verdict, proof) == "open"
    assert state(request, verdict, check) == "checking"
    assert state(request, verdict, proof, check) == "shown"


def test_what_was_shown_stays_shown_when_the_check_is_taken_back(ada: Author, ben: Author) -> None:
    request = ada.ask("Derive it")
    check = ben.check(request)
    assert state(request, check, ben.retract(check)) == "open"
    proof = ada.prove(check)
    verdict = ben.judge(proof, "shown")
    assert state(request, check, proof, verdict, ben.retract(check), ada.retract(proof)) == "shown"
    assert state(request, check, proof, verdict, ben.retract(check), ben.retract(verdict)) == "open"


def test_what_is_help(ada: Author, ben: Author) -> None:
    request = ada.ask("Derive it")
    attempt = ada.attempt(request)
    helping = [ben.reply(request, "hint"), ben.check(request), ben.judge(attempt, "partly")]
    other = [ben.reply(request, "question"), ada.reply(request, "hint"), ben.encourage(request), gone := ben.reply(request, "step")]
    thread = about(request, attempt, *helping, *other, ben.retract(gone)).thread
    assert {entry.record.id for entry in thread if is_helping(entry, ada.key)} == {record.id for record in helping}


def test_a_verdict_that_judges_nothing_here_hangs_on_the_root(ada: Author, ben: Author) -> None:
    request = ada.ask("Derive it")
    stray = ben.say(Verdict("shown"), Ref(ROOT, request.id), Ref(RE, b"x" * 32))
    (entry,) = about(request, stray).thread
    assert entry.parent == request.id
    assert latest_verdicts([entry]) == {}
