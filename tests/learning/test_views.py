"""The object of `show`, with exactly the keys of the contract and some more."""

import json
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.learning.conversation import Conversation, converse
from p2plearn.learning.notation import iso_time
from p2plearn.learning.views import Around, show_json
from p2plearn.protocol import cid
from p2plearn.protocol.records import Attachment, Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock

SHOWN = """id kind author at title text topics licence state refs attachments thread history corrections variants reactions held_by
type language reason howto adoptions adopters upstream similar"""
REQUEST = "goal tried level want show_work_first attempt_owed solved_by passed_on to"
ENTRY = "id kind type author at step text refs attachments fixes private parent retracted reason"

FILE = cid.name(cid.RAW, b"a drawing")


def about(root: Record, *records: Record) -> Conversation:
    conversation = converse(root, records)
    assert conversation is not None
    return conversation


def test_a_snippet_in_json() -> None:
    ada, ben = Author("ada"), Author("ben")
    drawing = Attachment(FILE, 9, "image/svg+xml", "drawing.svg", "a tyre")
    snippet = ada.share("Puncture", "Glue it.", "howto", topics=("bicycles",), language="en", licence="CC0-1.0", attachments=(drawing,))
    revised = ada.revise(snippet, "Sand it, glue it.", "Mend a puncture")
    comment = ben.reply(snippet, "comment", "Wait a little.", 2)
    shown = show_json(about(snippet, revised, comment), {ada.key: "Ada"}, Around(held_by=3))
    assert set(shown) == set(SHOWN.split())
    assert json.loads(json.dumps(shown)) == shown
    assert shown | {"thread": [], "history": []} == {
        "id": snippet.id.hex(),
        "kind": "snippet",
        "type": "howto",
        "author": {"key": ada.key.hex(), "name": "Ada"},
        "at": "2026-01-01T00:00:01.000Z",
        "title": "Mend a puncture",
        "text": "Sand it, glue it.",
        "topics": ["bicycles"],
        "language": "en",
        "licence": "CC0-1.0",
        "state": "shared",
        "reason": None,
        "refs": [],
        "attachments": [{"cid": cid.to_text(FILE), "size": 9, "type": "image/svg+xml", "name": "drawing.svg", "alt": "a tyre"}],
        "thread": [],
        "history": [],
        "corrections": [],
        "variants": [],
        "reactions": [],
        "howto": None,
        "adoptions": [],
        "adopters": 0,
        "upstream": [],
        "similar": [],
        "held_by": 3,
    }
    assert shown["thread"] == [
        {
            "id": comment.id.hex(),
            "kind": "reply",
            "type": "comment",
            "author": {"key": ben.key.hex(), "name": ""},
            "at": "2026-01-01T00:00:01.000Z",
            "step": 2,
            "text": "Wait a little.",
            "refs": [{"relation": "root", "id": snippet.id.hex()}, {"relation": "re", "id": snippet.id.hex()}],
            "attachments": [],
            "fixes": [],
            "private": False,
            "parent": snippet.id.hex(),
            "retracted": False,
            "reason": None,
        }
    ]
    assert [(row["id"], row["title"], row["text"]) for row in shown["history"]] == [
        (snippet.id.hex(), "Puncture", "Glue it."),
        (revised.id.hex(), "Mend a puncture", "Sand it, glue it."),
    ]


def test_a_request_in_json() -> None:
    ada, ben = Author("ada"), Author("ben")
    asked: dict[str, Any] = {"goal": "ride", "tried": "soap", "level": "beginner", "want": "hint", "show_work_first": True}
    request = ada.ask("Which glue?", **asked, to=ben.key)
    solved = ada.solve(request)
    shown = show_json(about(request), {})
    assert set(shown) == set(SHOWN.split()) | set(REQUEST.split())
    assert {key: shown[key] for key in asked} == asked
    assert (shown["to"], shown["attempt_owed"], shown["held_by"]) == (ben.key.hex(), True, None)
    (entry,) = show_json(about(request, solved), {})["thread"]
    assert set(entry) == set(ENTRY.split())
    assert (entry["kind"], entry["type"], entry["step"]) == ("solve", "solve", None)
    assert show_json(about(ada.ask("To all")), {})["to"] is None


def test_a_retracted_request_shows_none_of_its_words() -> None:
    ada = Author("ada")
    request = ada.ask("secret", "secret", goal="secret", tried="secret", level="secret", topics=("bicycles",))
    shown = show_json(about(request, ada.revise(request, "secret"), ada.retract(request, "too personal")), {})
    assert "secret" not in json.dumps(shown)
    assert (shown["state"], shown["reason"], shown["attempt_owed"]) == ("retracted", "too personal", False)
    assert [row["reason"] for row in shown["history"]] == ["too personal"] * 2


def test_variants_stand_side_by_side_with_what_they_are() -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Puncture")
    fork = ben.fork(snippet, "My way.", title="Puncture, my way")
    german = ben.fork(snippet, "Kleben.", "translation", "Platter Reifen", language="de")
    other = ben.fork(ada.share("Another"), "No.")
    asking = ben.ask("Puncture?")._replace(refs=fork.refs)
    given = [about(german), about(other), about(fork, ben.retract(fork)), about(asking)]
    shown = show_json(about(snippet), {ben.key: "Ben"}, Around(given))["variants"]
    assert [(row["id"], row["relation"], row["name"], row["title"], row["language"], row["state"]) for row in shown] == [
        (fork.id.hex(), "fork", "Ben", "", "", "retracted"),
        (german.id.hex(), "translation", "Ben", "Platter Reifen", "de", "shared"),
    ]


def test_a_fork_of_something_that_is_not_here_still_names_it() -> None:
    ada, ben = Author("ada"), Author("ben")
    source = ada.share("Puncture")
    shown = show_json(about(ben.fork(source, "My way.", "adaptation")), {})
    assert shown["refs"] == [{"relation": "adaptation", "id": source.id.hex()}]
    assert shown["state"] == "shared"


def test_times_are_utc_to_the_millisecond_and_never_out_of_range() -> None:
    assert iso_time(1_795_328_743_120) == "2026-11-22T06:25:43.120Z"
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(2**53 - 1) == "9999-12-31T23:59:59.999Z"


def test_of_thousands_who_took_it_up_those_who_began_last_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ADOPTIONS_SHOWN", 2)
    clock = FakeClock()
    snippet = Author("ada", clock).share("Patch")
    people = [Author(f"reader {number}", clock) for number in range(4)]
    shown = show_json(about(snippet, *(person.adopt(snippet) for person in people)), {})
    assert [one["author"]["key"] for one in shown["adoptions"]] == [person.key.hex() for person in people[2:]]
    assert shown["adopters"] == 4
