"""What one might do next, as a line to type."""

import shlex

import pytest

from p2plearn.learning.next_steps import follow_up_step, helping, next_step
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from tests.learning.test_inbox import inbox
from tests.learning.typed import is_typed_as_printed


def short(record: Record) -> str:
    return record.id.hex()[:8]


def step(me: Author, about: Record, *records: Record) -> str:
    """The next step about a record, without the name of the program."""
    found = next_step(inbox(me, about, *records)[about.id])
    assert is_typed_as_printed(found), found
    return found.removeprefix("p2plearn ")


ADA, BEN, EVE = Author("ada"), Author("ben"), Author("eve")
REQUEST = ADA.ask("Why?", topics=("spoke lacing",))
R = short(REQUEST)
SNIPPET = ADA.share("Puncture")
S = short(SNIPPET)


def test_the_asker_goes_from_hint_to_attempt_and_from_answer_to_solved() -> None:
    hint, answer = BEN.reply(REQUEST, "hint"), BEN.reply(REQUEST, "answer")
    question, comment = BEN.reply(REQUEST, "question"), BEN.reply(REQUEST, "comment")
    assert step(ADA, hint, REQUEST) == f"attempt {R} TEXT"
    assert step(ADA, answer, REQUEST) == f"solve {R} --by {short(answer)}"
    assert step(ADA, question, REQUEST) == f"reply {short(question)} --type comment TEXT"
    assert step(ADA, comment, REQUEST) == f"reply {short(comment)} --type comment TEXT"
    solve = ADA.solve(REQUEST, by=answer)
    assert step(ADA, hint, REQUEST, answer, solve) == f"thanks {short(hint)} TEXT"
    assert step(ADA, answer, REQUEST, solve) == f"show {R}"
    assert step(ADA, hint, REQUEST, ADA.thank(hint)) == f"show {R}"


def test_an_attempt_that_is_owed_comes_first() -> None:
    request = ADA.ask("Why?", show_work_first=True)
    hint, answer = BEN.reply(request, "hint"), BEN.reply(request, "answer")
    assert step(ADA, hint, request) == step(ADA, answer, request) == f"attempt {short(request)} TEXT"
    assert step(ADA, answer, request, ADA.attempt(request)) == f"solve {short(request)} --by {short(answer)}"


def test_from_a_check_to_a_verdict_and_on() -> None:
    check = BEN.check(REQUEST)
    proof, attempt = ADA.prove(check), ADA.attempt(REQUEST)
    assert step(ADA, check, REQUEST) == f"proof {short(check)} TEXT"
    assert step(ADA, check, REQUEST, proof) == f"show {R}"
    assert step(BEN, proof, REQUEST, check) == f"verdict {short(proof)} RESULT TEXT"
    assert step(EVE, proof, REQUEST, check, EVE.reply(REQUEST, "hint")) == f"encourage {short(proof)} TEXT"
    assert step(BEN, attempt, REQUEST, check) == f"verdict {short(attempt)} RESULT TEXT"
    partly, nearly = BEN.judge(proof, "partly"), BEN.judge(attempt, "not-yet")
    assert step(ADA, partly, REQUEST, check, proof) == f"proof {short(check)} TEXT"
    assert step(ADA, partly, REQUEST, proof, check, BEN.retract(check)) == f"attempt {R} TEXT"
    assert step(ADA, nearly, REQUEST, attempt) == f"attempt {R} TEXT"
    assert step(ADA, nearly, REQUEST) == f"attempt {R} TEXT"
    hint = BEN.reply(REQUEST, "hint")
    after_hint = ADA.attempt(hint)
    assert step(ADA, BEN.judge(after_hint, "partly"), REQUEST, hint, after_hint) == f"attempt {R} TEXT"
    shown = BEN.judge(proof, "shown")
    assert step(ADA, shown, REQUEST, check, proof) == f"solve {R}"
    for verdict in (shown, partly, nearly):
        assert step(ADA, verdict, REQUEST, check, proof, attempt, ADA.solve(REQUEST)) == f"show {R}"


def test_a_helper_helps_on_or_is_glad() -> None:
    hint = BEN.reply(REQUEST, "hint")
    stuck, question, comment = (ADA.reply(hint, word) for word in ("stuck", "question", "comment"))
    assert step(BEN, stuck, REQUEST, hint) == f"reply {short(stuck)} --type hint TEXT"
    assert step(BEN, question, REQUEST, hint) == f"reply {short(question)} --type hint TEXT"
    assert step(BEN, comment, REQUEST, hint) == f"reply {short(comment)} --type comment TEXT"
    solve, thanks, withdraw = ADA.solve(REQUEST, by=hint), ADA.thank(hint), ADA.withdraw(REQUEST)
    assert step(BEN, solve, REQUEST, hint) == step(BEN, thanks, REQUEST, hint) == "glow"
    assert step(BEN, withdraw, REQUEST, hint) == f"show {R}"
    correction, reaction, kind = EVE.correct(hint), EVE.react(hint, "outdated"), EVE.encourage(hint)
    assert step(BEN, correction, REQUEST, hint) == f"reply {short(hint)} --type comment TEXT"
    assert step(BEN, reaction, REQUEST, hint) == f"show {R}"
    assert step(BEN, kind, REQUEST, hint) == f"thanks {short(kind)} TEXT"


def test_whoever_is_asked_helps_while_it_is_open() -> None:
    request = ADA.ask("Why?", to=BEN.key)
    assert step(BEN, request) == f"reply {short(request)} --type hint TEXT"
    assert step(BEN, request, ADA.solve(request)) == f"show {short(request)}"
    assert helping(request.id, attempt_owed=False) == f"p2plearn reply {short(request)} --type hint TEXT"


def test_whoever_is_asked_and_will_not_is_not_urged() -> None:
    request = ADA.ask("Why?", to=BEN.key)
    decline = BEN.decline(request)
    assert step(BEN, request, decline) == step(BEN, request, BEN.reply(request, "hint")) == f"show {short(request)}"
    assert step(BEN, request, decline, BEN.retract(decline)) == f"reply {short(request)} --type hint TEXT"


def test_whoever_is_asked_asks_back_while_an_attempt_is_owed() -> None:
    request = ADA.ask("Why?", to=BEN.key, show_work_first=True)
    assert step(BEN, request) == f"reply {short(request)} --type question TEXT"
    assert step(BEN, request, ADA.attempt(request)) == f"reply {short(request)} --type hint TEXT"


@pytest.mark.parametrize("topic", ["a|b", "x; p2plearn retract y", "$(y)", "it's", "--json"])
def test_no_topic_of_a_stranger_is_more_than_a_word_to_a_shell(topic: str) -> None:
    request = ADA.ask("Why?", topics=(topic,))
    assert shlex.split(step(ADA, BEN.decline(request), request)) == ["people", "--topic", topic]


@pytest.mark.parametrize(
    "line", ["p2plearn verdict 1 a|b", "p2plearn a; b", "p2plearn $x", "p2plearn `x`", "p2plearn a > b", 'p2plearn "$x"', "a (b)"]
)
def test_what_would_be_more_to_a_shell_is_seen(line: str) -> None:
    assert not is_typed_as_printed(line)


def test_whoever_was_declined_asks_elsewhere() -> None:
    declined = BEN.decline(REQUEST)
    bare = ADA.ask("And?")
    assert step(ADA, declined, REQUEST) == "people --topic 'spoke lacing'"
    assert step(ADA, BEN.decline(bare), bare) == "people"


def test_an_author_mends_what_is_wrong() -> None:
    correction, warning, praise = BEN.correct(SNIPPET), BEN.react(SNIPPET, "dangerous"), EVE.react(SNIPPET, "works")
    assert step(ADA, correction, SNIPPET) == f"revise {S} --with {short(correction)} TEXT"
    assert step(ADA, correction, SNIPPET, ADA.revise(SNIPPET, "Better.", taking_up=correction)) == f"show {S}"
    assert step(ADA, warning, SNIPPET) == f"revise {S} TEXT"
    assert step(ADA, praise, SNIPPET) == f"show {S}"
    assert step(ADA, BEN.adopt(SNIPPET), SNIPPET) == f"lineage {S}"
    comment = BEN.reply(SNIPPET, "step")
    assert step(ADA, comment, SNIPPET) == f"reply {short(comment)} --type comment TEXT"


def test_whoever_relies_on_it_looks_at_it_and_mends_what_they_made_of_it() -> None:
    correction, revision, back = BEN.correct(SNIPPET), ADA.revise(SNIPPET, "Better."), ADA.retract(SNIPPET)
    adopt, fork = EVE.adopt(SNIPPET), EVE.fork(SNIPPET, "Mine")
    assert step(EVE, correction, SNIPPET, adopt) == step(EVE, revision, SNIPPET, adopt) == f"show {S}"
    assert step(EVE, correction, SNIPPET, fork) == f"revise {short(fork)} TEXT"
    assert step(EVE, back, SNIPPET, fork) == f"show {S}"
    assert step(ADA, fork, SNIPPET) == f"show {short(fork)}"
    assert follow_up_step(SNIPPET.id) == f"p2plearn adopt {S} --stage STAGE"
