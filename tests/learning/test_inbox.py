"""What concerns whom: stories by role, and what holds for any set of records in any order."""

from collections.abc import Iterable, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from p2plearn.learning.conversation import converse
from p2plearn.learning.inbox import (
    ADOPTER,
    ANSWERED,
    ASKED,
    HELPER,
    MAKER,
    OWNER,
    SOURCE,
    TAKEN_ON,
    Hearing,
    HearingOf,
    Item,
    could_concern,
    item_of,
)
from p2plearn.learning.next_steps import next_step
from p2plearn.protocol.authority import has_effect
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import FROM, ORIGINALS, RETRACTS, ROOT, VARIANTS, Request, Retract, Teach
from p2plearn.protocol.records import Draft, Record, Ref
from p2plearn.testing.authors import Author, root_of
from p2plearn.testing.strategies import record_sets
from tests.learning.typed import is_typed_as_printed


def hearings(me: bytes, records: Iterable[Record]) -> HearingOf:
    held = {record.id: record for record in records}

    def hearing_of(root: bytes) -> Hearing | None:
        conversation = converse(held[root], held.values()) if root in held else None
        return Hearing(me, conversation) if conversation is not None else None

    return hearing_of


def upwards(records: Iterable[Record]) -> Mapping[bytes, set[bytes]]:
    """Root id → every original that was made out of it, directly or not."""
    links = {(target, record.id) for record in records if record.kind == "snippet" for one in VARIANTS for target in record.targets(one)}
    below: dict[bytes, set[bytes]] = {}
    for _ in links:
        for source, made in links:
            below.setdefault(source, set()).update({made}, below.get(made, ()))
    return below


def inbox(me: Author, *records: Record) -> dict[bytes, Item]:
    """Record id → item, of all that concerns me in these records."""
    below = upwards(records)
    hearing_of = hearings(me.key, records)
    found = (item_of(me.key, record, hearing_of, below.get(root_of(record), ())) for record in records)
    return {item.record.id: item for item in found if item is not None}


def heard(me: Author, *records: Record) -> dict[bytes, tuple[bytes, str]]:
    """Record id → (what it is about, my role)."""
    return {one: (item.about, item.role) for one, item in inbox(me, *records).items()}


def people() -> tuple[Author, Author, Author, Author]:
    return Author("ada"), Author("ben"), Author("eve"), Author("kim")


# --- by role ---


def test_an_asker_hears_everything_that_others_say_and_that_stands() -> None:
    ada, ben, eve, _ = people()
    request = ada.ask("Why?")
    attempt = ada.attempt(request, "Because?")
    check = ben.check(request, "Show me.")
    proof = ada.prove(check, "So.")
    said = [
        ben.reply(request, "hint", "Look."),
        check,
        ben.judge(attempt, "partly"),
        ben.judge(proof, "shown"),
        eve.encourage(request, "Go on!"),
        eve.decline(request, "I am away."),
        eve.thank(check, "I learned too."),
        eve.correct(check, "Wrong."),
    ]
    gone = ben.reply(request, "answer", "No.")
    nothing = [
        eve.judge(proof, "shown"),
        eve.solve(request),
        eve.attempt(request),
        eve.react(request, "outdated"),
        eve.revise(request, "mine"),
    ]
    found = heard(ada, request, attempt, proof, gone, ben.retract(gone), *said, *nothing)
    assert found == {record.id: (request.id, OWNER) for record in said}


def test_the_author_of_a_snippet_hears_of_adoptions_opinions_and_what_was_made_out_of_it() -> None:
    ada, ben, eve, _ = people()
    snippet, request = ada.share("Puncture"), ada.ask("Why?")
    said = [ben.adopt(snippet, "tried", "works"), ben.correct(snippet), eve.react(snippet, "dangerous"), eve.reply(snippet, "comment")]
    made = [ben.fork(snippet, "My way", "translation"), eve.pass_on(request, "Because")]
    dropped = eve.fork(snippet, "Oops")
    first = ben.react(snippet, "works")
    said.append(ben.react(snippet, "outdated"))
    nothing = [
        ben.fork(request, "no snippet"),
        ben.pass_on(snippet, "no request"),
        ben.share("other"),
        first,
        dropped,
        eve.retract(dropped),
    ]
    found = heard(ada, snippet, request, *said, *made, *nothing)
    assert found == {record.id: (snippet.id, OWNER) for record in said} | {
        made[0].id: (snippet.id, TAKEN_ON),
        made[1].id: (request.id, TAKEN_ON),
    }


def test_a_helper_hears_answers_to_them_and_what_the_asker_says() -> None:
    ada, ben, eve, _ = people()
    request = ada.ask("Why?")
    hint, check = ben.reply(request, "hint"), ben.check(request)
    to_me = [ada.reply(hint, "comment"), eve.reply(hint, "question"), ada.thank(hint), eve.react(hint, "works"), eve.correct(hint)]
    proof, solve = ada.prove(check), ada.solve(request, by=hint)
    asker = [ada.attempt(request), ada.reply(request, "stuck"), ada.reply(request, "question")]
    others = [ada.reply(request, "comment"), eve.reply(request, "hint"), eve.check(request), eve.thank(request)]
    found = heard(ben, request, hint, check, proof, solve, *to_me, *asker, *others)
    assert found == {
        **{record.id: (hint.id, ANSWERED) for record in to_me},
        **{record.id: (request.id, HELPER) for record in asker},
        proof.id: (check.id, ANSWERED),
        solve.id: (hint.id, ANSWERED),
    }
    end = [ada.withdraw(request), ada.solve(request)]
    assert heard(eve, request, *others, *end, proof) == {record.id: (request.id, HELPER) for record in [*end, proof]}


def test_whoever_declined_or_took_back_all_they_said_is_left_in_peace() -> None:
    ada, ben, eve, _ = people()
    request = ada.ask("Why?")
    hint = eve.reply(request, "hint")
    end = ada.solve(request)
    assert heard(ben, request, ben.decline(request), hint, end) == {}
    assert heard(eve, request, hint, eve.retract(hint), end) == {}


def test_what_is_wrong_reaches_everybody_who_adopted_it_also_later_and_also_who_dropped_it() -> None:
    ada, ben, eve, _ = people()
    snippet = ada.share("Puncture")
    comment = eve.reply(snippet, "comment")
    correction = eve.correct(snippet)
    news = [eve.react(snippet, "doesnt")]
    other = [eve.react(comment, "outdated"), eve.correct(comment), ada.react(snippet, "works"), ada.encourage(snippet), comment]
    back = ada.retract(snippet, "It tears.")
    said = [snippet, correction, *news, *other, ada.retract(ada.reply(snippet, "comment"))]
    expected = {record.id: (snippet.id, ADOPTER) for record in [correction, *news]}
    assert heard(ben, *said) == {}
    assert heard(ben, *said, ben.adopt(snippet, "dropped")) == expected
    assert heard(ben, *said, ben.adopt(snippet), back) == expected | {back.id: (snippet.id, ADOPTER)}
    adopt = ben.adopt(snippet)
    assert heard(ben, *said, adopt, ben.retract(adopt)) == {}


def test_a_new_wording_is_news_to_whoever_adopted_an_older_one() -> None:
    ada, ben, _, _ = people()
    snippet = ada.share("Puncture")
    first, second = ada.revise(snippet, "Sand it."), ada.revise(snippet, "Sand it well.")
    gone = ada.revise(snippet, "No.")
    said = [snippet, first, second, gone, ada.retract(gone)]
    assert heard(ben, *said, ben.adopt(snippet)) == {one.id: (snippet.id, ADOPTER) for one in (first, second)}
    assert heard(ben, *said, ben.adopt(snippet, of=first)) == {second.id: (snippet.id, ADOPTER)}
    assert heard(ben, *said) == {}


def test_a_corrector_hears_that_the_correction_was_taken_up() -> None:
    ada, ben, _, _ = people()
    snippet = ada.share("Puncture")
    correction = ben.correct(snippet, "Sand it first.")
    revision = ada.revise(snippet, "Sand it.", taking_up=correction)
    assert heard(ben, snippet, correction, revision, ada.revise(snippet, "Well.")) == {revision.id: (correction.id, ANSWERED)}


def test_corrections_chase_through_forks_of_forks() -> None:
    ada, ben, eve, kim = people()
    source = ada.share("source")
    early = ada.revise(source, "before all of it")
    for person in (ben, eve, kim):
        person.clock.advance(60)
    fork = ben.fork(source, "fork")
    mine = eve.fork(fork, "mine", "adaptation")
    adopt = kim.adopt(mine)
    ada.clock.advance(600)
    news = [kim.correct(source), kim.react(source, "outdated"), ada.revise(source, "after all of it"), ada.retract(source)]
    said = [source, early, fork, mine, adopt]
    assert heard(eve, *said, *news[:3]) == {record.id: (mine.id, MAKER) for record in news[:3]} | {adopt.id: (mine.id, OWNER)}
    assert heard(eve, *said, *news) == {record.id: (mine.id, MAKER) for record in [*news[:2], news[3]]} | {adopt.id: (mine.id, OWNER)}
    nearer = ada.correct(fork)
    assert heard(kim, *said, nearer) == {nearer.id: (mine.id, ADOPTER)}
    chased = ben.correct(source)
    assert heard(kim, *said, chased, early) == {chased.id: (mine.id, ADOPTER)}
    own = kim.fork(mine, "and mine")
    assert heard(kim, *said, own, chased) == {chased.id: (own.id, MAKER)}
    assert heard(kim, *said, own, kim.retract(own), kim.retract(adopt), chased) == {}


def test_nothing_chases_through_what_is_no_snippet() -> None:
    ada, ben, eve, _ = people()
    request = ada.ask("Why?")
    assert heard(ben, request, ben.fork(request, "mine"), eve.correct(request)) == {}


def test_people_are_told_when_they_are_asked_or_were_learned_from() -> None:
    ada, ben, eve, _ = people()
    asked, other = ada.ask("Why?", to=ben.key), ada.ask("And?", to=eve.key)
    gone = ada.ask("Never mind", to=ben.key)
    snippet = ada.share("Puncture")
    learned = eve.adopt(snippet, "using", learned_from=ben.key)
    found = heard(ben, asked, other, gone, ada.retract(gone), snippet, learned, eve.adopt(snippet))
    assert found == {asked.id: (asked.id, ASKED), learned.id: (snippet.id, SOURCE)}


def test_what_hangs_on_nothing_here_or_on_no_original_waits() -> None:
    ada, ben, _, _ = people()
    request = ada.ask("Why?")
    hint = ben.reply(request, "hint")
    teach = ada.teach("x")
    assert heard(ada, hint, teach, ben.encourage(teach), ben.say(Teach())) == {}
    unreadable = ada.record(Draft("snippet", ()))
    assert heard(ada, unreadable, ben.correct(unreadable), ben.fork(unreadable, "mine")) == {}
    assert heard(ada, request, ben.say(Retract(), Ref(ROOT, request.id))) == {}
    snippet = ada.share("Puncture")
    retract = ada.record(Draft("retract", (), (Ref(ROOT, snippet.id), Ref(RETRACTS, snippet.id))))
    assert heard(ben, snippet, ben.adopt(snippet), retract) == {}


def test_a_line_says_it_in_words() -> None:
    ada, ben, _, _ = people()
    request = ada.ask("Why?", "I wonder.", to=ben.key)
    attempt = ada.attempt(request)
    verdict = ben.judge(attempt, "not-yet", "Nearly.", fixes=[(2, "Mind the sign."), (0, "Write it out.")])
    snippet = ada.share("Puncture", "Glue it.")
    adopt, revision = ben.adopt(snippet), ada.revise(snippet, "Sand it.")
    assert inbox(ada, request, attempt, verdict)[verdict.id].text == "Nearly.\nStep 2: Mind the sign.\nWrite it out."
    assert inbox(ada, request, attempt, verdict)[verdict.id].type == "not-yet"
    assert inbox(ben, request)[request.id].text == "I wonder."
    assert inbox(ben, request)[request.id].type == "request"
    assert inbox(ben, snippet, adopt, revision)[revision.id].text == "Sand it."
    back = ada.retract(snippet, "It tears.")
    assert inbox(ben, snippet, adopt, back)[back.id].text == "It tears."


def test_an_index_can_leave_out_what_concerns_nobody_by_its_body() -> None:
    ada, ben, _, _ = people()
    snippet = ada.share("Puncture")
    mine, others = [
        {
            what: could_concern(record, snippet.id, mine=mine)
            for what, record in {
                "comment": ben.reply(snippet, "comment"),
                "stuck": ben.reply(snippet, "stuck"),
                "praise": ben.react(snippet, "works"),
                "warning": ben.react(snippet, "outdated"),
                "correction": ben.correct(snippet),
                "adoption": ben.adopt(snippet),
                "thanks": ben.thank(snippet),
                "revision": ben.revise(snippet, "Mine."),
                "retraction": ben.retract(snippet),
                "smaller retraction": ben.retract(ben.reply(snippet, "comment")),
                "unreadable": ben.record(Draft("reply", ())),
            }.items()
        }
        for mine in (True, False)
    ]
    assert {what for what, could in mine.items() if not could} == {"smaller retraction", "unreadable"}
    assert all(mine[what] for what, could in others.items() if could)  # whose it is may not be known until the root arrives
    assert {what for what, could in others.items() if could} == {"stuck", "warning", "correction", "thanks", "revision", "retraction"}


# --- for any records ---


@given(records=record_sets(), me=st.sampled_from(["ada", "ben", "eve"]), data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_order_gives_the_same_items_and_a_next_step_for_each(records: list[Record], me: str, data: st.DataObject) -> None:
    author = Author(me)
    found = inbox(author, *records)
    steps = {one: next_step(item) for one, item in found.items()}
    assert all(step.startswith("p2plearn ") and is_typed_as_printed(step) for step in steps.values())
    again = inbox(author, *data.draw(st.permutations(records)))
    assert {one: (item.about, item.role, next_step(item)) for one, item in again.items()} == {
        one: (item.about, item.role, steps[one]) for one, item in found.items()
    }


@given(records=record_sets(), me=st.sampled_from(["ada", "ben", "eve"]))
@settings(deadline=None, max_examples=60)
def test_only_what_others_say_with_effect_about_what_is_mine_gets_in(records: list[Record], me: str) -> None:
    author = Author(me)
    held = {record.id: record for record in records}
    mine = {record.id for record in records if record.author == author.key}
    ours = mine | {root_of(held[one]) for one in mine}
    below = upwards(records)
    for item in inbox(author, *records).values():
        record, body = item.record, body_of(item.record)
        assert record.author != author.key
        assert body is not None
        root = held[root_of(record)] if record.kind not in ORIGINALS else record
        if record.kind not in ORIGINALS:
            assert has_effect(record, body, root, held)
        assert not _is_taken_back(records, record)
        reached = {root.id} | below.get(root.id, set()) | {ref.target for ref in record.refs if ref.relation in {FROM, *VARIANTS}}
        names_me = author.key in (getattr(body, "to", b""), getattr(body, "learned_from", b""))
        assert reached & ours or names_me
        assert item.about in ours | {root.id}
        assert item.role != ASKED or isinstance(body, Request)
        by_its_body = could_concern(record, root.id, mine=root.author == author.key)
        assert by_its_body or item.role in {ANSWERED, SOURCE, ASKED, TAKEN_ON}


def _is_taken_back(records: list[Record], record: Record) -> bool:
    """Whether its author took it back, readably and in its own conversation."""
    return any(
        other.kind == "retract"
        and other.author == record.author
        and other.target(RETRACTS) == record.id
        and other.target(ROOT) == root_of(record)
        and body_of(other) is not None
        for other in records
    )
