"""The three questions: each answer leads to an action, and a change is followed by what came of it."""

import shlex

from p2plearn.learning.compass import QUESTIONS, Answered, compass_json, counts, shared_json
from p2plearn.learning.declared import orientations
from p2plearn.learning.facts import Facts, facts_json
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS

NONE = facts_json(Facts())


def test_unanswered_there_are_the_questions_and_my_facts() -> None:
    found = compass_json([], NONE)
    assert found["facts"] == {"now": NONE}
    assert found["questions"] == [
        {"number": 1, "question": "What brings me here?", "answers": [], "action": None},
        {"number": 2, "question": "How can I contribute?", "answers": [], "action": None},
        {"number": 3, "question": "How can I contribute more effectively?", "answers": [], "action": None},
    ]


def test_every_answer_is_kept_and_the_newest_leads_to_an_action() -> None:
    newer, older = Answered(1, 'It\'s "rye"\nI want', START_MS + 1000, shared=b"\xab" * 32), Answered(1, "bread", START_MS)
    first = compass_json([newer, older], NONE)["questions"][0]
    assert first["answers"] == [
        {"text": 'It\'s "rye"\nI want', "at": "2026-01-01T00:00:01.000Z", "shared": "ab" * 32},
        {"text": "bread", "at": "2026-01-01T00:00:00.000Z", "shared": None},
    ]
    assert (first["action"]["kind"], first["action"]["id"]) == ("wanted", None)
    typed = shlex.split(first["action"]["command"])
    assert typed == ["p2plearn", "wanted", "--topic", "TOPIC", "--", 'It\'s "rye"\nI want']


def test_what_was_done_about_an_answer_can_be_looked_at() -> None:
    second = compass_json([Answered(2, "rye", START_MS, action=b"\xcd" * 32)], NONE)["questions"][1]
    assert second["action"] == {"kind": "offer", "command": f"p2plearn show {'cd' * 32}", "id": "cd" * 32}


def test_after_a_change_my_facts_stand_beside_those_from_before() -> None:
    before = facts_json(Facts(asked=[b"1"], thanks=[b"2", b"3"]))
    now = facts_json(Facts(asked=[b"1", b"4"], thanks=[b"2"], answered=[b"5"], first_help_ms=[1500]))
    change = Answered(3, "Answer sooner", START_MS, facts=counts(before))
    found = compass_json([Answered(1, "bread", START_MS), change, Answered(3, "An older one", 0, facts={})], now)
    assert found["questions"][2]["action"] == {"kind": "change", "command": "p2plearn requests --open", "id": None}
    facts = found["facts"]
    assert (facts["now"], facts["at"]) == (now, "2026-01-01T00:00:00.000Z")
    assert {name: count for name, count in facts["before"].items() if count} == {"asked": 1, "thanks": 2}
    assert {name: count for name, count in facts["since"].items() if count} == {"asked": 1, "answered": 1}
    assert compass_json([Answered(3, "Before facts were counted", 0)], now)["facts"] == {"now": now}


def test_shared_answers_are_shown_with_their_questions() -> None:
    ada = Author("ada")
    answers = orientations([ada.compass(3, "Sooner"), ada.compass(1, "Bread")])[ada.key]
    assert shared_json(answers) == [
        {"number": 1, "question": QUESTIONS[1], "text": "Bread", "at": "2026-01-01T00:00:02.000Z"},
        {"number": 3, "question": QUESTIONS[3], "text": "Sooner", "at": "2026-01-01T00:00:01.000Z"},
    ]
