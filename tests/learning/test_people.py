"""People are who they last said they are."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.people import Person, named, names_of, people, person_json
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import record_sets


def test_the_latest_profile_holds_whatever_its_date() -> None:
    ada = Author("ada")
    first = ada.profile("Ada", "mends bicycles", ("visits",))
    ada.clock.jump(0)
    second = ada.profile("Ada L.")
    assert names_of(people([second, first])) == {ada.key: "Ada L."}
    assert names_of(people([first, second, ada.retract(second)])) == {ada.key: "Ada"}


def test_nobody_else_takes_a_profile_back() -> None:
    ada, eve = Author("ada"), Author("eve")
    profile = ada.profile("Ada")
    assert names_of(people([profile, eve.retract(profile)])) == {ada.key: "Ada"}
    assert people([ada.retract(profile)]) == {}


def test_an_author_may_be_given_by_a_name_that_is_unique_here() -> None:
    ada, other, shy = Author("ada"), Author("other"), Author("shy")
    names = names_of(people([ada.profile("Ada"), other.profile("Zoë"), shy.profile(" ")]))
    assert named(names, " ada ") == [ada.key]
    assert named(names, "ZOE\N{COMBINING DIAERESIS}") == [other.key]
    assert named(names, "nobody") == []
    assert named(names, "") == []
    names = names_of(people([ada.profile("Ada"), other.profile("ada")]))
    assert named(names, "Ada") == sorted([ada.key, other.key])


def test_a_person_in_json() -> None:
    ada = Author("ada")
    profile = ada.profile("Ada", "mends bicycles", ("visits",))
    assert person_json(people([profile])[ada.key], last_seen=1_767_225_600_123) == {
        "author": ada.key.hex(),
        "name": "Ada",
        "teaches": [],
        "learns": [],
        "last_seen": "2026-01-01T00:00:00.123Z",
        "about": "mends bicycles",
        "open_to": ["visits"],
    }
    unknown = person_json(Person(ada.key), last_seen=None)
    assert (unknown["name"], unknown["last_seen"]) == ("", None)


@given(record_sets(), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_people(records: list[Record], random: Random) -> None:
    shuffled = random.sample(records, len(records)) + records[:3]
    assert people(shuffled) == people(records)
