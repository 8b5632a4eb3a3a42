"""Who could meet over what: mine and theirs, and what I have shown, kindly offered back."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.learning.conversation import Conversation, converse
from p2plearn.learning.matching import (
    BackOffer,
    Match,
    Side,
    back_offers,
    declared_side,
    first_said,
    is_answered,
    match_json,
    matches,
    shown_side,
    side,
    sought,
)
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock

NAMES = {Author("ada").key: "Ada"}
TOPICS = ["bread", "cheese"]


def conversation(root: Record, *said: Record) -> Conversation:
    found = converse(root, said)
    assert found is not None
    return found


def sides(*records: Record) -> list[Side]:
    found = [
        declared_side(record, record.topics[0]) if record.kind in {"teach", "learn"} else side(conversation(record)) for record in records
    ]
    return [one for one in found if one is not None]


def pairs(found: list[Match]) -> list[tuple[bytes, bytes]]:
    return [(match.mine.id, match.theirs.id) for match in found]


def shown(me: Author, other: Author, title: str = "Why does dough rise?", topics: tuple[str, ...] = ("bread",)) -> list[Record]:
    """My request, in which I showed another that I understood."""
    request = me.ask(title, topics=topics)
    check = other.check(request, "And without yeast?")
    proof = me.prove(check, "Flat.")
    return [request, check, proof, other.judge(proof, "shown")]


def test_what_i_give_meets_what_others_look_for_and_the_other_way_round() -> None:
    ada, ben = Author("ada"), Author("ben")
    teach, learn, offer, wanted = ben.teach("bread"), ben.learn("bread"), ben.offer("Rye", ("bread",)), ben.want("Spelt", ("bread",))
    others = [
        ada.teach("bread"),
        ada.learn("bread"),
        ada.offer("Rye", ("bread",)),
        ada.want("Rye", ("bread",)),
        ada.ask("Rye?", topics=("bread",)),
    ]
    found = pairs(matches(sides(teach, learn, offer, wanted), sides(*others), ben.key))
    looked_for = [others[place].id for place in (1, 3, 4)]
    given_ = [others[place].id for place in (0, 2)]
    expected = {(mine.id, theirs) for mine in (teach, offer) for theirs in looked_for}
    assert set(found) == expected | {(mine.id, theirs) for mine in (learn, wanted) for theirs in given_}
    assert len(found) == len(set(found))


def test_my_question_meets_who_offers_or_teaches_what_it_is_about() -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ben.ask("How is a bowline tied?", topics=("knots",))
    offer, teach = ada.offer("Knots for sailors", ("knots",)), ada.teach("knots")
    others = sides(offer, teach, ada.learn("knots"), ada.want("Rope", ("knots",)), ada.ask("And a reef knot?", topics=("knots",)))
    found = matches(sides(request), others, ben.key)
    assert {match_json(match, NAMES)["why"] for match in found} == {
        "You ask “How is a bowline tied?”. Ada offers “Knots for sailors”.",
        "You ask “How is a bowline tied?”. Ada teaches knots.",
    }
    assert set(pairs(found)) == {(request.id, offer.id), (request.id, teach.id)}


def test_what_is_sought_is_known_by_topic() -> None:
    ben = Author("ben")
    mine = sides(ben.teach("bread"), ben.want("Rye", ("bread", "rye")))
    assert sought(mine) == {"bread": {"learn", "wanted", "request", "offer", "teach"}, "rye": {"offer", "teach"}}


def test_nobody_meets_themselves_nor_over_nothing() -> None:
    ada, ben = Author("ada"), Author("ben")
    assert matches(sides(ben.teach("bread")), sides(ben.learn("bread"), ada.learn("cheese")), ben.key) == []


def test_the_most_alike_come_first_then_the_newest_and_what_is_put_to_another_last() -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    offer = ben.offer("I show how a sourdough starter is fed", ("bread",))
    elsewhere = ada.ask("How is a sourdough starter fed?", topics=("bread",), to=eve.key)
    mine = ada.ask("How is a sourdough starter kept alive?", topics=("bread",), to=ben.key)
    older, newer = ada.want("Baguettes", ("bread",)), ada.want("Croissants", ("bread",))
    found = matches(sides(offer), sides(elsewhere, older, mine, newer), ben.key)
    assert [match.theirs.id for match in found] == [mine.id, newer.id, older.id, elsewhere.id]


def test_of_several_topics_the_rarest_is_named() -> None:
    ada, ben = Author("ada"), Author("ben")
    offer = ben.offer("Rye", ("bread", "rye"))
    rye, other = ada.want("Rye", ("bread", "rye")), ada.want("Wheat", ("bread",))
    assert {match.theirs.id: match.topic for match in matches(sides(offer), sides(rye, other), ben.key)} == {
        rye.id: "rye",
        other.id: "bread",
    }


def test_what_has_ended_is_no_side() -> None:
    ada, ben = Author("ada"), Author("ben")
    offer, request = ben.offer("Rye"), ada.ask("Why?")
    assert side(conversation(offer, ben.retract(offer))) is None
    assert side(conversation(request, ada.solve(request))) is None
    assert side(conversation(ada.share("a note"))) is None
    assert side(conversation(request, ben.check(request))) is not None


def test_a_side_as_it_was_first_said_needs_nothing_else() -> None:
    ada, ben = Author("ada"), Author("ben")
    request, wanted = ada.ask("Why?", "Indeed.", topics=("bread",), to=ben.key), ada.want("Rye", ("bread",))
    assert first_said(request) == side(conversation(request))
    assert first_said(wanted) == Side(wanted.id, ada.key, "wanted", ("bread",), "", "Rye", wanted.time)
    owed = ada.ask("Why?", show_work_first=True)
    assert first_said(owed) == side(conversation(owed))
    assert first_said(ada.share("a note")) is None


def test_who_has_answered_or_declined_is_told_no_more() -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ada.ask("Why?")
    reply = ben.reply(request, "hint", "heat")
    assert is_answered(conversation(request, reply), ben.key)
    assert is_answered(conversation(request, ben.decline(request)), ben.key)
    assert not is_answered(conversation(request, reply, ben.retract(reply)), ben.key)
    assert not is_answered(conversation(request, ben.encourage(request, "You will get it.")), ben.key)


def test_what_i_have_shown_is_what_the_one_who_checked_says() -> None:
    ada, ben = Author("ada"), Author("ben", FakeClock(1_700_000_000_000))
    request, check, proof, verdict = shown(ada, ben)
    found = shown_side(conversation(request, check, proof, verdict), ada.key)
    assert found is not None
    assert found.at == proof.time
    assert shown_side(conversation(request, check, proof), ada.key) is None
    assert shown_side(conversation(request, check, proof, verdict, ben.judge(proof, "partly")), ada.key) is None
    assert shown_side(conversation(request, check, proof, verdict), ben.key) is None
    assert shown_side(conversation(request, check, proof, verdict, ada.solve(request)), ada.key) == found
    assert shown_side(conversation(request, check, proof, verdict, ada.retract(request)), ada.key) is None


def test_a_request_like_one_in_which_i_have_shown_is_offered_kindly() -> None:
    ben, eve, ada = Author("ben"), Author("eve"), Author("ada")
    records = shown(ben, eve)
    asked = ada.ask("Why does my dough not rise?", topics=("bread", "baking"))
    (offer,) = back_offers(ben.key, [conversation(*records)], [conversation(asked)], NAMES)
    assert offer == BackOffer(
        conversation(asked),
        records[0].id,
        records[2].time,
        "You showed on 2026-01-01 that you understood “Why does dough rise?”. Ada asks about the same.",
    )
    assert offer.request.root is asked


def test_nothing_is_offered_that_is_mine_answered_put_to_me_or_about_something_else() -> None:
    ben, eve, ada = Author("ben"), Author("eve"), Author("ada")
    mine = [conversation(*shown(ben, eve))]
    asked = ada.ask("Dough?", topics=("bread",))
    others = [
        conversation(asked, ben.reply(asked, "hint")),
        conversation(asked, ben.decline(asked)),
        conversation(asked, ada.withdraw(asked)),
        conversation(ada.ask("Dough?", topics=("bread",), to=ben.key)),
        conversation(ada.ask("Dough?", topics=("cheese",))),
        conversation(ben.ask("Dough?", topics=("bread",))),
        conversation(ada.want("Dough", ("bread",))),
    ]
    for other in others:
        assert back_offers(ben.key, mine, [other], NAMES) == []
    assert back_offers(ben.key, [conversation(ben.ask("Dough?", topics=("bread",)))], [conversation(asked)], NAMES) == []


def test_only_a_few_are_offered_each_once_those_most_alike_first() -> None:
    ben, eve, ada = Author("ben"), Author("eve"), Author("ada")
    mine = [conversation(*shown(ben, eve)), conversation(*shown(ben, eve, "Why does dough stick?"))]
    asked = [conversation(ada.ask(title, topics=("bread",))) for title in ("Why does dough stick?", "Tea?", "Rye?", "Spelt?", "Oats?")]
    found = back_offers(ben.key, mine, asked, NAMES)
    assert len(found) == limits.MAX_BACK_OFFERS == len({offer.request.root.id for offer in found})
    assert (found[0].request.title, found[0].shown_in) == ("Why does dough stick?", mine[1].root.id)


def test_each_match_says_why() -> None:
    ada, ben = Author("ada"), Author("ben")
    mine = sides(ben.teach("bread"), ben.offer("Rye", ("bread",)))
    theirs = sides(ada.learn("bread"), ada.want("A starter\nfor my rye", ("bread",)), Author("eve").ask("Why?", topics=("bread",)))
    said = {match_json(match, NAMES)["why"] for match in matches(mine, theirs, ben.key)}
    assert {
        "You teach bread. Ada wants to learn it.",
        "You offer “Rye”. Ada looks for “A starter”.",
        "You teach bread. Somebody asks “Why?”.",
    } < said


def test_a_match_in_json() -> None:
    ada, ben = Author("ada"), Author("ben")
    wanted, teach = ben.want("A loaf", ("bread",)), ada.teach("bread")
    (found,) = matches(sides(wanted), sides(teach), ben.key)
    assert match_json(found, NAMES) == {
        "mine": wanted.id.hex(),
        "theirs": teach.id.hex(),
        "author": ada.key.hex(),
        "topic": "bread",
        "why": "You look for “A loaf”. Ada teaches bread.",
        "kind": "teach",
        "title": "teaches bread",
        "name": "Ada",
        "at": "2026-01-01T00:00:01.000Z",
        "to": None,
    }


def test_a_match_says_to_whom_a_request_is_put_and_whether_an_attempt_comes_first() -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ada.ask("Why?", topics=("bread",), to=ben.key, show_work_first=True)
    teach = ben.teach("bread")

    def matched(*said: Record) -> dict[str, object]:
        theirs = side(conversation(request, *said))
        assert theirs is not None
        (found,) = matches(sides(teach), [theirs], ben.key)
        return match_json(found, NAMES)

    assert (matched()["to"], matched()["attempt_owed"]) == (ben.key.hex(), True)
    assert "attempt_owed" not in matched(ada.attempt(request))


@st.composite
def both_sides(draw: st.DrawFn) -> tuple[list[Side], list[Side]]:
    """What I and two others say about a topic or two."""
    me, others = Author("me"), [Author("ada"), Author("ben")]
    topics = st.lists(st.sampled_from(TOPICS), min_size=1, unique=True).map(tuple)
    texts = st.sampled_from(["a rye loaf", "rye", "a starter", "?"])

    def say(author: Author) -> Record:
        about, text = draw(topics), draw(texts)
        to = draw(st.sampled_from([b"", me.key, others[0].key]))
        acts = [lambda: author.teach(about[0]), lambda: author.learn(about[0]), lambda: author.offer(text, about)]
        acts += [lambda: author.want(text, about), lambda: author.ask(text, topics=about, to=to)]
        return draw(st.sampled_from(acts))()

    mine = [say(me) for _ in range(draw(st.integers(0, 5)))]
    return sides(*mine), sides(*(say(draw(st.sampled_from(others))) for _ in range(6)))


@given(both_sides(), st.randoms(use_true_random=False), st.data())
def test_any_order_gives_the_same_matches_and_fewer_sides_no_others(
    given_: tuple[list[Side], list[Side]], random: Random, data: st.DataObject
) -> None:
    mine, theirs = given_
    me = Author("me").key
    found = matches(mine, theirs, me)
    assert matches(random.sample(mine, len(mine)), random.sample(theirs, len(theirs)) + theirs[:2], me) == found
    assert len(set(pairs(found))) == len(found)
    some = data.draw(st.lists(st.sampled_from(theirs), unique=True))
    assert set(pairs(matches(mine, some, me))) == {pair for pair in pairs(found) if pair[1] in {one.id for one in some}}


@st.composite
def asked_and_shown(draw: st.DrawFn) -> tuple[list[list[Record]], list[list[Record]]]:
    """My requests with what shows that I understood, and others' with what was said there: each a root and its records."""
    me, ada, ben = Author("me"), Author("ada"), Author("ben")
    about = st.lists(st.sampled_from(TOPICS), min_size=1, unique=True).map(tuple)
    mine = [shown(me, ada, draw(st.sampled_from(["rye", "a starter"])), draw(about)) for _ in range(draw(st.integers(0, 3)))]
    asked = []
    for _ in range(draw(st.integers(0, 5))):
        request = ada.ask(
            draw(st.sampled_from(["rye", "a starter", "?"])), topics=draw(about), to=draw(st.sampled_from([b"", me.key, ben.key]))
        )
        acts = [lambda to: me.reply(to, "hint"), me.decline, ben.check, ada.solve, ada.retract, lambda to: ben.encourage(to, "Go on.")]
        asked.append([request, *(draw(st.sampled_from(acts))(request) for _ in range(draw(st.integers(0, 2))))])
    return mine, asked


@given(asked_and_shown(), st.randoms(use_true_random=False), st.data())
def test_any_order_gives_the_same_back_offers_and_any_part_only_what_is_fit(
    given_: tuple[list[list[Record]], list[list[Record]]], random: Random, data: st.DataObject
) -> None:
    mine, asked = given_
    me = Author("me").key

    def offered(mine: list[list[Record]], asked: list[list[Record]]) -> list[BackOffer]:
        return back_offers(me, [conversation(*said) for said in mine], [conversation(*said) for said in asked], NAMES)

    def shuffled(conversations: list[list[Record]]) -> list[list[Record]]:
        return [[said[0], *random.sample(said[1:], len(said) - 1)] for said in random.sample(conversations, len(conversations))]

    assert offered(shuffled(mine), shuffled(asked)) == offered(mine, asked)
    part = [[said[0], *data.draw(st.lists(st.sampled_from(said), unique=True))] for said in [*mine, *asked]]
    for offer in offered(part[: len(mine)], part[len(mine) :]):
        assert offer.request.state in {"open", "working", "checking"}
        assert not is_answered(offer.request, me)
        assert me not in (offer.request.root.author, getattr(offer.request.body, "to", b""))
        assert offer.shown_in in {said[0].id for said in mine}
