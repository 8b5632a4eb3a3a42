"""People teach and learn what they last said they do, and the compass points where they last shared that it does."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.declared import NOTHING, declared, orientations
from p2plearn.protocol.kinds import Teach
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import record_sets


def test_the_latest_word_about_a_topic_holds_whatever_its_date() -> None:
    ada = Author("ada")
    first = ada.teach("bread", 2)
    ada.clock.jump(0)
    second = ada.teach("bread", 5)
    said = declared([second, first, ada.learn("bread"), ada.learn("cheese")])[ada.key]
    assert (said.teaches["bread"], said.capacity("bread")) == (second, 5)
    assert sorted(said.learns) == ["bread", "cheese"]
    assert said.capacity("cheese") is None


def test_one_word_may_be_about_several_topics_and_give_no_number() -> None:
    ada = Author("ada")
    said = declared([ada.say(Teach(), topics=("cheese", "butter"))])[ada.key]
    assert [said.capacity(topic) for topic in ("cheese", "butter", "tea")] == [0, 0, None]


def test_what_is_taken_back_ends_and_only_by_its_author() -> None:
    ada, eve = Author("ada"), Author("eve")
    teach, learn = ada.teach("bread"), ada.learn("cheese")
    said = [teach, learn, eve.retract(teach)]
    assert set(declared(said)[ada.key].teaches) == {"bread"}
    assert not declared([*said, ada.retract(teach)])[ada.key].teaches
    assert declared([*said, ada.retract(teach), ada.retract(learn)]) == {}
    assert not NOTHING.teaches


def test_of_each_question_the_answer_shared_last_holds() -> None:
    ada, ben = Author("ada"), Author("ben")
    first, better, other, theirs = (ada.compass(1, "bread"), ada.compass(1, "rye"), ada.compass(3, "sooner"), ben.compass(2, "tea"))
    assert orientations([better, first, theirs, other]) == {ada.key: {1: better, 3: other}, ben.key: {2: theirs}}
    assert orientations([first, better, ada.retract(better)]) == {ada.key: {1: first}}


@st.composite
def declarations(draw: st.DrawFn) -> list[Record]:
    """What two people teach and learn and take back, and other things said."""
    people = [Author("ada"), Author("ben")]
    said = list(draw(record_sets()))
    for _ in range(draw(st.integers(0, 12))):
        author, topic, about = draw(st.sampled_from(people)), draw(st.sampled_from(["bread", "cheese"])), draw(st.sampled_from(said))
        match draw(st.sampled_from(["teach", "learn", "retract"])):
            case "teach":
                said.append(author.teach(topic, 3))
            case "learn":
                said.append(author.learn(topic))
            case _:
                said.append(author.retract(about))
    return said


@given(declarations(), st.randoms(use_true_random=False), st.data())
def test_any_order_gives_the_same_and_any_part_speaks_for_itself(records: list[Record], random: Random, data: st.DataObject) -> None:
    shuffled = random.sample(records, len(records)) + records[:3]
    assert declared(shuffled) == declared(records)
    assert orientations(shuffled) == orientations(records)
    part = data.draw(st.lists(st.sampled_from(records), unique=True))
    for author, said in declared(part).items():
        assert all(record in part and record.author == author for record in [*said.teaches.values(), *said.learns.values()])
