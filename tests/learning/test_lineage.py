"""Where a snippet went, told as stories; and that nobody can tie the tree in knots."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.learning.conversation import converse
from p2plearn.learning.lineage import Lineage, lineage_json, trace
from p2plearn.protocol.kinds import STAGES, VARIANTS, Snippet
from p2plearn.protocol.records import Record, Ref
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock
from p2plearn.testing.strategies import record_sets

DAY = 24 * 3600


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def people(clock: FakeClock) -> list[Author]:
    return [Author(name, clock) for name in ("ada", "ben", "cleo", "dan", "eve")]


def follow(root: Record, records: Sequence[Record]) -> Lineage:
    """The lineage of `root` among these records."""
    conversations = {record.id: folded for record in records if (folded := converse(record, records)) is not None}
    original = conversations.pop(root.id, None) or converse(root, records)
    assert original is not None
    return trace(original, conversations.values())


def told(root: Record, *records: Record) -> dict[str, Any]:
    return lineage_json(follow(root, [root, *records]), {})


def outline(node: dict[str, Any], known: Sequence[Author]) -> Any:
    """(name, stage, [children]) of a node and those below."""
    name = next(author.name for author in known if author.key.hex() == node["author"])
    below = [outline(child, known) for child in node["children"]]
    return (name, node["stage"], below) if below else (name, node["stage"])


def nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node["children"]


def test_a_snippet_goes_from_one_to_the_next(people: list[Author]) -> None:
    ada, ben, cleo, dan, _ = people
    snippet = ada.share("Puncture")
    assert told(snippet)["tree"]["children"] == []
    first = ben.adopt(snippet, "using", "works")
    said = [first, cleo.adopt(snippet, "tried", learned_from=ben.key), dan.adopt(snippet, "passed-on", learned_from=ben.key)]
    answer = lineage_json(follow(snippet, [snippet, *said]), {ben.key: "Ben"})
    assert set(answer) == {"id", "tree", "reached", "r", "cut"}
    assert (answer["id"], answer["reached"], answer["r"], answer["cut"]) == (snippet.id.hex(), 3, 2 / 3, False)
    tree = answer["tree"]
    assert outline(tree, people) == ("ada", None, [("ben", "using", [("cleo", "tried"), ("dan", "passed-on")])])
    assert (tree["author"], tree["learned_from"], tree["of"]) == (ada.key.hex(), None, snippet.id.hex())
    node = tree["children"][0]
    assert set(node) == {"author", "name", "stage", "outcome", "learned_from", "at", "of", "children"}
    assert (node["name"], node["outcome"], node["learned_from"]) == ("Ben", "works", None)
    assert node["children"][0]["learned_from"] == ben.key.hex()


def test_nobody_reached_is_nobody_and_no_mean(people: list[Author]) -> None:
    ada, ben, *_ = people
    snippet = ada.share("Puncture")
    own = ada.adopt(snippet, "using")
    assert (told(snippet, own)["reached"], told(snippet, own)["r"]) == (0, None)
    taken = ben.adopt(snippet)
    assert told(snippet, taken)["reached"] == 1
    assert told(snippet, taken, ben.retract(taken))["reached"] == 0


def test_people_are_counted_and_not_their_words_and_who_dropped_it_was_reached(people: list[Author]) -> None:
    ada, ben, cleo, *_ = people
    snippet = ada.share("Puncture")
    said = [ben.adopt(snippet, stage) for stage in STAGES]
    answer = told(snippet, *said, cleo.adopt(snippet, learned_from=ben.key), ben.adopt(snippet, "dropped"))
    assert outline(answer["tree"], people) == ("ada", None, [("ben", "dropped", [("cleo", "using")])])
    assert (answer["reached"], answer["r"]) == (2, 0.5)


def test_who_names_somebody_else_later_moves_and_who_says_more_stays(people: list[Author]) -> None:
    ada, ben, cleo, dan, _ = people
    snippet = ada.share("Puncture")
    said = [ben.adopt(snippet), cleo.adopt(snippet), dan.adopt(snippet, "tried", learned_from=ben.key)]
    said += [dan.adopt(snippet, "tried", learned_from=cleo.key), dan.adopt(snippet, "using")]
    assert outline(told(snippet, *said)["tree"], people) == ("ada", None, [("ben", "using"), ("cleo", "using", [("dan", "using")])])


def test_whom_nobody_knows_is_no_teacher_and_nor_is_oneself(people: list[Author]) -> None:
    ada, ben, cleo, dan, eve = people
    snippet = ada.share("Puncture")
    said = [ben.adopt(snippet, learned_from=eve.key), cleo.adopt(snippet, learned_from=cleo.key), dan.adopt(snippet, learned_from=ada.key)]
    answer = told(snippet, *said)
    assert outline(answer["tree"], people) == ("ada", None, [("ben", "using"), ("cleo", "using"), ("dan", "using")])
    assert (answer["reached"], answer["r"]) == (3, 0)


def test_only_who_came_within_thirty_days_counts_for_growth(people: list[Author], clock: FakeClock) -> None:
    ada, ben, cleo, dan, eve = people
    snippet = ada.share("Puncture")
    said = [ben.adopt(snippet, "tried")]
    clock.advance(29 * DAY)
    said += [ben.adopt(snippet, "using"), cleo.adopt(snippet, learned_from=ben.key)]
    clock.advance(2 * DAY)
    said += [dan.adopt(snippet, learned_from=ben.key), cleo.adopt(snippet, "passed-on", learned_from=ben.key)]
    said += [eve.adopt(snippet, learned_from=cleo.key)]
    assert told(snippet, *said)["r"] == 2 / 4


@pytest.mark.parametrize("relation", VARIANTS)
def test_versions_keep_the_lineage(relation: str, people: list[Author]) -> None:
    ada, ben, cleo, dan, eve = people
    snippet = ada.share("Puncture")
    fork = ben.fork(snippet, "My way.", relation)
    again = cleo.fork(fork, "Ours.")
    said = [fork, again, dan.adopt(again, "tried"), eve.adopt(fork, learned_from=dan.key)]
    answer = told(snippet, *said)
    assert outline(answer["tree"], people) == ("ada", None, [("ben", relation, [("cleo", "fork", [("dan", "tried", [("eve", "using")])])])])
    assert (answer["reached"], answer["r"]) == (2, 0.5)
    assert outline(told(fork, again, *said)["tree"], people)[:2] == ("ben", None)
    adopting = told(snippet, *said, ben.adopt(snippet, "using"))
    assert outline(adopting["tree"], people)[2][0][:2] == ("ben", "using")
    assert adopting["reached"] == 3


def test_who_adopts_or_forks_their_own_version_stands_where_that_came_from(people: list[Author]) -> None:
    ada, ben, *_ = people
    snippet = ada.share("Puncture")
    fork = ben.fork(snippet, "My way.")
    again = ben.fork(fork, "My other way.")
    assert outline(told(snippet, fork, again)["tree"], people) == ("ada", None, [("ben", "fork")])
    assert outline(told(snippet, fork, again, ben.adopt(again))["tree"], people) == ("ada", None, [("ben", "using")])
    mine = ada.fork(fork, "Mine again.")
    assert outline(told(snippet, fork, mine)["tree"], people) == ("ada", None, [("ben", "fork")])


def test_a_version_taken_back_stays_if_somebody_came_by_it(people: list[Author]) -> None:
    ada, ben, cleo, dan, _ = people
    snippet = ada.share("Puncture")
    fork = ben.fork(snippet, "My way.")
    again = cleo.fork(fork, "Ours.")
    gone = ben.retract(fork)
    assert outline(told(snippet, fork, gone)["tree"], people) == ("ada", None)
    assert outline(told(snippet, fork, gone, again)["tree"], people) == ("ada", None, [("ben", "fork", [("cleo", "fork")])])
    both = [fork, gone, again, cleo.retract(again)]
    assert outline(told(snippet, *both)["tree"], people) == ("ada", None)
    assert outline(told(snippet, *both, dan.adopt(again))["tree"], people) == (
        "ada",
        None,
        [("ben", "fork", [("cleo", "fork", [("dan", "using")])])],
    )


def test_a_version_of_two_things_came_from_the_first_it_names(people: list[Author]) -> None:
    ada, ben, cleo, *_ = people
    snippet = ada.share("Puncture")
    fork = ben.fork(snippet, "My way.")
    both = cleo.say(Snippet("note", "", "Both."), Ref("adaptation", fork.id), Ref("fork", snippet.id))
    assert outline(told(snippet, fork, both)["tree"], people) == ("ada", None, [("ben", "fork", [("cleo", "adaptation")])])
    assert outline(told(snippet, both)["tree"], people) == ("ada", None, [("cleo", "fork")])


def test_who_stand_under_one_another_in_a_circle_hang_on_the_author_by_who_began(people: list[Author]) -> None:
    ada, ben, cleo, dan, eve = people
    snippet = ada.share("Puncture")
    said = [cleo.adopt(snippet, learned_from=dan.key), ben.adopt(snippet, learned_from=cleo.key)]
    said += [dan.adopt(snippet, learned_from=ben.key), eve.adopt(snippet, learned_from=dan.key)]
    expected = ("ada", None, [("cleo", "using", [("ben", "using", [("dan", "using", [("eve", "using")])])])])
    assert outline(told(snippet, *said)["tree"], people) == expected
    fork = dan.fork(snippet, "Mine.")
    around = [fork, ben.adopt(fork), cleo.adopt(snippet, learned_from=ben.key)]
    assert outline(told(snippet, *around, dan.adopt(snippet, learned_from=cleo.key))["tree"], people)[2][0][0] == "ben"


def test_of_those_who_began_at_once_the_lesser_key_goes_first() -> None:
    snippet = Author("ada").share("Puncture")
    ben, cleo = Author("ben"), Author("cleo")
    first, second = sorted((ben, cleo), key=lambda person: person.key)
    said = [ben.adopt(snippet, learned_from=cleo.key), cleo.adopt(snippet, learned_from=ben.key)]
    tree = told(snippet, *said)["tree"]
    assert tree["children"][0]["author"] == first.key.hex()
    assert tree["children"][0]["children"][0]["author"] == second.key.hex()
    beside = told(snippet, ben.adopt(snippet), cleo.adopt(snippet))["tree"]["children"]
    assert len(beside) == 2


def test_a_line_of_any_length_is_cut_where_readers_would_give_up() -> None:
    clock = FakeClock()
    many = limits.MAX_LINEAGE_DEPTH * 3
    line = [Author(f"person {n}", clock) for n in range(many)]
    snippet = line[0].share("Puncture")
    said = [person.adopt(snippet, learned_from=before.key) for before, person in pairwise(line)]
    answer = told(snippet, *said)
    assert (answer["cut"], answer["reached"]) == (True, many - 1)
    assert len(list(nodes(answer["tree"]))) == many
    node, depth = answer["tree"], 0
    while node["children"]:
        node, depth = node["children"][0], depth + 1
    assert depth == limits.MAX_LINEAGE_DEPTH
    assert json.loads(json.dumps(answer)) == answer
    assert told(snippet, *said[: limits.MAX_LINEAGE_DEPTH])["cut"] is False


# --- whatever comes ---


@st.composite
def villages(draw: st.DrawFn) -> tuple[Record, list[Record]]:
    """A snippet, and what five people do with it and with versions of it: naming anybody as whom they learned it from, at any time."""
    people = [Author(name, FakeClock()) for name in ("ada", "ben", "cleo", "dan", "eve")]
    things = [people[0].share("Puncture")]
    said: list[Record] = []
    for _ in range(draw(st.integers(0, 12))):
        person, thing = draw(st.sampled_from(people)), draw(st.sampled_from(things))
        person.clock.jump(draw(st.integers(0, 60)) * DAY * 1000)
        match draw(st.sampled_from(["adopt", "adopt", "adopt", "fork", "retract"])):
            case "adopt":
                teacher = draw(st.sampled_from([b"", *(other.key for other in people), bytes(32)]))
                said.append(person.adopt(thing, draw(st.sampled_from(STAGES)), learned_from=teacher))
            case "fork":
                things.append(person.fork(thing, "my way", draw(st.sampled_from(VARIANTS))))
            case _:
                said.append(person.retract(draw(st.sampled_from([*things, *said]))))
    return things[0], [*things, *said]


def check(answer: dict[str, Any]) -> None:
    """What holds of every lineage."""
    found = list(nodes(answer["tree"]))
    assert len({node["author"] for node in found}) == len(found)
    adopters = [node for node in found[1:] if node["stage"] in STAGES]
    assert answer["reached"] == len(adopters)
    assert {node["stage"] for node in found[1:]} <= {*STAGES, *VARIANTS}
    assert (answer["r"] is None) == (not adopters)
    assert answer["r"] is None or 0 <= answer["r"] <= 1  # each names one at most


@given(villages(), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_tree_in_which_everybody_stands_once(village: tuple[Record, list[Record]], random: Random) -> None:
    root, records = village
    answer = told(root, *records)
    check(answer)
    assert told(root, *random.sample(records, len(records))) == answer


@given(villages(), st.data())
def test_whatever_is_missing_there_is_a_tree(village: tuple[Record, list[Record]], data: st.DataObject) -> None:
    root, records = village
    check(told(root, *data.draw(st.lists(st.sampled_from(records), unique=True))))


@given(record_sets())
def test_nothing_that_anybody_sends_ties_it_in_knots(records: list[Record]) -> None:
    originals = [folded for record in records if (folded := converse(record, records)) is not None]
    for original in originals:
        check(lineage_json(trace(original, originals), {}))
