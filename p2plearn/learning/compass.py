"""The compass: three questions, what was answered, and what to do about it (after the Peeragogy Handbook, “Motivation”).

An answer becomes an action: to what brings me here, a wish; to how I can contribute, an offer; to how I could do so more effectively, a
change, which begins with a look at who is stuck and is dated: one's own facts from before are set beside what came since.
Must not know what is shared, nor where facts are.
"""

import shlex
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from p2plearn.learning.notation import Json, iso_time
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import Compass, Offer, Wanted
from p2plearn.protocol.records import Record

QUESTIONS = {1: "What brings me here?", 2: "How can I contribute?", 3: "How can I contribute more effectively?"}
ACTIONS = {1: Wanted.kind, 2: Offer.kind, 3: "change"}
CHANGE = 3  # the question about a change of one's own
_BEGINNING = "p2plearn requests --open"  # whatever one wants to do otherwise, there is somebody to do it with


class Answered(NamedTuple):
    """What I answered at `at` (ms since 1970). `shared`, `action`: ids of the records that came of it; `facts`: how many of each, then."""

    question: int
    text: str
    at: int
    shared: bytes | None = None
    action: bytes | None = None
    facts: Mapping[str, int] | None = None


def counts(facts: Json) -> dict[str, int]:
    """How many of each there are among my facts (`facts.facts_json`)."""
    return {name: fact["count"] for name, fact in facts.items() if isinstance(fact, dict)}


def compass_json(answers: Iterable[Answered], facts: Json) -> Json:
    """{"questions": [{"number", "question", "answers", "action"}], "facts"}, from all answers, newest first, and my facts now."""
    said = list(answers)
    changed = next((one for one in said if one.question == CHANGE), None)
    return {"questions": [_question(number, said) for number in QUESTIONS], "facts": _facts(facts, changed)}


def _question(number: int, answers: Iterable[Answered]) -> Json:
    said = [one for one in answers if one.question == number]
    return {
        "number": number,
        "question": QUESTIONS[number],
        "answers": [{"text": one.text, "at": iso_time(one.at), "shared": one.shared.hex() if one.shared else None} for one in said],
        "action": _action(said[0]) if said else None,
    }


def _action(answer: Answered) -> Json:
    """What the newest answer leads to, and the command line for it: to do it, or to look at what was done."""
    kind = ACTIONS[answer.question]
    if answer.action is not None:
        return {"kind": kind, "command": f"p2plearn show {answer.action.hex()}", "id": answer.action.hex()}
    command = _BEGINNING if answer.question == CHANGE else f"p2plearn {kind} --topic TOPIC -- {shlex.quote(answer.text)}"
    return {"kind": kind, "command": command, "id": None}


def _facts(facts: Json, changed: Answered | None) -> Json:
    """{"now"}, and since a change {"at", "before", "since"}: how many of each there were then, and have come since."""
    if changed is None or changed.facts is None:
        return {"now": facts}
    now = counts(facts)
    before = {name: changed.facts.get(name, 0) for name in now}
    since = {name: max(0, count - before[name]) for name, count in now.items()}
    return {"now": facts, "at": iso_time(changed.at), "before": before, "since": since}


def shared_json(answers: Mapping[int, Record]) -> list[Json]:
    """[{"number", "question", "text", "at"}] of the answers that an author shares (`declared.orientations`)."""
    said = [(number, body_of(record), record.time) for number, record in sorted(answers.items())]
    return [
        {"number": number, "question": QUESTIONS[number], "text": body.text, "at": iso_time(at)}
        for number, body, at in said
        if isinstance(body, Compass)
    ]
