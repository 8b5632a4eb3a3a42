"""Conversations, told as stories, and what no set of records may do to one."""

import itertools
import json
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.learning.conversation import CLOSED, Conversation, converse
from p2plearn.learning.views import show_json
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import BY, RE, ROOT, Reply, Retract, Revision, Snippet
from p2plearn.protocol.records import Attachment, Record, Ref
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS, FakeClock
from p2plearn.testing.strategies import DAY_MS, record_sets


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ada(clock: FakeClock) -> Author:
    return Author("ada", clock)


@pytest.fixture
def ben(clock: FakeClock) -> Author:
    return Author("ben", clock)


@pytest.fixture
def eve(clock: FakeClock) -> Author:
    return Author("eve", clock)


def about(root: Record, *records: Record) -> Conversation:
    conversation = converse(root, records)
    assert conversation is not None
    return conversation


def state(root: Record, *records: Record) -> str:
    return about(root, *records).state


def ids(records: Iterable[Record]) -> list[bytes]:
    return [record.id for record in records]


def said(conversation: Conversation) -> list[bytes]:
    return [entry.record.id for entry in conversation.thread]


# --- states ---


def test_a_request_lives_from_open_to_solved_and_may_be_reopened(ada: Author, ben: Author) -> None:
    request = ada.ask("Why is the sky blue?")
    assert state(request) == "open"
    told = [ben.reply(request, "question", "Where do you stand?")]
    assert state(request, *told) == "open"
    told.append(ben.reply(request, "hint", "Think of short waves."))
    assert state(request, *told) == "working"
    told.append(ada.solve(request, by=told[1], text="Now I see."))
    assert state(request, *told) == "solved"
    told.append(ada.withdraw(request))
    assert state(request, *told) == "withdrawn"
    told.append(ada.retract(told[3], "It was a slip."))
    assert state(request, *told) == "solved"
    told.append(ada.retract(told[2]))
    assert state(request, *told) == "working"


@pytest.mark.parametrize("kind", ["hint", "step", "answer"])
def test_another_persons_help_means_working_until_it_is_taken_back(kind: str, ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    assert state(request, ada.reply(request, kind)) == "open"
    helped = ben.reply(request, kind)
    assert state(request, helped) == "working"
    assert state(request, helped, ben.retract(helped)) == "open"


def test_an_attempt_means_working_and_pays_what_was_owed(ada: Author) -> None:
    request = ada.ask("Why?", show_work_first=True)
    assert about(request).attempt_owed
    attempt = ada.attempt(request, "Because of dust?")
    assert state(request, attempt) == "working"
    assert not about(request, attempt).attempt_owed
    assert about(request, attempt, ada.retract(attempt)).attempt_owed
    assert not about(request, ada.withdraw(request)).attempt_owed
    assert not about(ada.ask("Why not?")).attempt_owed
    assert not about(ada.share("Because")).attempt_owed


def test_the_later_word_is_the_greater_place_in_the_chain_whatever_the_clock_says(ada: Author) -> None:
    request = ada.ask("Why?")
    solved = ada.solve(request)
    ada.clock.jump(0)
    assert state(request, ada.withdraw(request), solved) == "withdrawn"


def test_a_solve_must_name_another_persons_reply_in_this_request(ada: Author, ben: Author) -> None:
    request, other = ada.ask("Why?"), ada.ask("Why not?")
    own, elsewhere, question = ada.reply(request, "answer"), ben.reply(other, "answer"), ben.ask("Why ask?")
    for named in (own, elsewhere, question, request):
        assert state(request, own, elsewhere, question, ada.solve(request, by=named)) == "open"
    assert state(request, own, ada.solve(request, by=own), ada.solve(request)) == "solved"


def test_a_solve_counts_while_the_reply_it_names_is_on_its_way_or_gone(ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    reply = ben.reply(request, "answer")
    solved = ada.solve(request, by=reply)
    assert state(request, solved) == "solved"
    assert state(request, solved, reply, ben.retract(reply, "I was wrong.")) == "solved"


def test_only_the_asker_attempts_solves_and_withdraws(ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    tried = [ben.attempt(request), ben.solve(request), ben.withdraw(request), ben.solve(request, by=ben.reply(request, "answer"))]
    assert state(request, *tried) == "open"
    assert about(request, *tried).thread == ()


def test_a_snippet_is_shared_and_knows_no_solving(ada: Author, ben: Author) -> None:
    snippet = ada.share("Mend a puncture")
    told = [ada.attempt(snippet), ada.solve(snippet), ada.withdraw(snippet), ben.reply(snippet, "stuck", "Which side?")]
    assert state(snippet, *told) == "shared"
    assert said(about(snippet, *told)) == [told[3].id]


# --- revisions ---


def test_the_newest_text_is_shown_and_the_old_ones_stay_in_the_history(ada: Author) -> None:
    snippet = ada.share("Puncture", "Glue it.")
    first = ada.revise(snippet, "Sand it, glue it.", "Mend a puncture")
    second = ada.revise(first, "Sand, glue, wait.")
    conversation = about(snippet, second, first)
    assert (conversation.title, conversation.text) == ("Mend a puncture", "Sand, glue, wait.")
    assert [version.text for version in conversation.versions] == ["Glue it.", "Sand it, glue it.", "Sand, glue, wait."]
    assert (about(snippet, second).title, about(snippet, second).text) == ("Puncture", "Sand, glue, wait.")


def test_taking_back_a_revision_falls_back_to_the_text_before(ada: Author) -> None:
    snippet = ada.share("Puncture", "Glue it.")
    first = ada.revise(snippet, "Sand it, glue it.")
    second = ada.revise(snippet, "Weld it.", "Weld a puncture")
    third = ada.retract(second, "Dangerous!")
    conversation = about(snippet, first, second, third)
    assert (conversation.title, conversation.text) == ("Puncture", "Sand it, glue it.")
    hidden = conversation.versions[2]
    assert (hidden.title, hidden.text, hidden.reason) == ("", "", "Dangerous!")
    assert conversation.retracted == {second.id}


def test_nobody_else_revises_and_only_the_root_is_revised(ada: Author, ben: Author) -> None:
    snippet = ada.share("Puncture", "Glue it.")
    reply = ben.reply(snippet, "comment", "Wait an hour.")
    tried = [ben.revise(snippet, "Buy mine!"), ben.revise(reply, "Wait a day.")]
    conversation = about(snippet, reply, *tried)
    assert conversation.text == "Glue it."
    assert conversation.thread[0].text == "Wait an hour."
    assert len(conversation.versions) == 1


def test_a_restored_backup_forks_the_chain_and_one_of_the_two_revisions_holds_everywhere(ada: Author) -> None:
    snippet = ada.share("Puncture", "Glue it.")
    place = ada.seq, ada.prev
    one = ada.revise(snippet, "one")
    ada.seq, ada.prev = place
    other = ada.revise(snippet, "other")
    assert one.seq == other.seq
    expected = "one" if one.id > other.id else "other"
    assert {about(snippet, *order).text for order in itertools.permutations([one, other])} == {expected}


def test_attachments_are_those_of_the_texts_that_stand_each_once_with_the_newest_words(ada: Author) -> None:
    photo, redrawn = (Attachment(b"c" * 36, 5, "image/png", "photo.png", alt) for alt in ("a tyre", "a tyre with a hole"))
    plan, wrong = (Attachment(bytes([n]) * 36, 5, "image/png", "plan.png", "") for n in (1, 2))
    snippet = ada.share("Puncture", "", attachments=(photo,))
    revised = ada.revise(snippet, "", attachments=(plan, redrawn))
    mistaken = ada.revise(snippet, "", attachments=(wrong,))
    gone = ada.retract(mistaken)
    assert about(snippet, revised, mistaken, gone).attachments == (redrawn, plan)
    assert about(snippet, revised, ada.retract(snippet)).attachments == ()


# --- retractions ---


def test_a_retracted_root_hides_its_texts_and_shows_the_reason(ada: Author, ben: Author) -> None:
    for root in (ada.share("Puncture", "Weld it."), ada.ask("Puncture?", "Weld it?")):
        told = [ada.revise(root, "Weld it well."), ben.reply(root, "comment", "Careful!"), ada.retract(root, "Dangerous!")]
        conversation = about(root, *told)
        assert (conversation.state, conversation.reason) == ("retracted", "Dangerous!")
        assert (conversation.title, conversation.text) == ("", "")
        assert "eld it" not in json.dumps(show_json(conversation, {}))
        assert conversation.thread[0].text == "Careful!"


def test_a_retraction_is_final_but_its_reason_may_be_said_again(ada: Author) -> None:
    snippet = ada.share("Puncture")
    first = ada.retract(snippet, "wrong")
    assert about(snippet, first, ada.retract(first)).reason == "wrong"
    assert about(snippet, ada.retract(snippet, "wrong for tubeless tyres"), first).reason == "wrong for tubeless tyres"


def test_nobody_takes_back_what_another_said(ada: Author, ben: Author, eve: Author) -> None:
    snippet = ada.share("Puncture", "Glue it.")
    reply = ben.reply(snippet, "comment", "Wait.")
    conversation = about(snippet, reply, eve.retract(snippet), eve.retract(reply), ada.retract(reply), ben.retract(snippet))
    assert conversation.state == "shared"
    assert conversation.retracted == frozenset()


def test_a_retracted_reply_keeps_its_place_and_shows_the_reason(ada: Author, ben: Author) -> None:
    photo = Attachment(b"c" * 36, 5, "image/png", "photo.png", "")
    request = ada.ask("Why?")
    reply = ben.reply(request, "answer", "Dust.", 3, attachments=(photo,))
    answer = ada.reply(reply, "comment", "Really?")
    entry, child = about(request, reply, answer, ben.retract(reply, "Not dust.")).thread
    assert (entry.type, entry.step, entry.text, entry.attachments, entry.reason) == ("answer", 3, "", (), "Not dust.")
    assert (child.parent, child.step, child.text, child.reason) == (reply.id, 0, "Really?", None)
    assert about(request, reply).thread[0].attachments == (photo,)


# --- the thread ---


def test_a_child_follows_its_parent_and_siblings_follow_the_time_they_claim(ada: Author, ben: Author, eve: Author) -> None:
    request = ada.ask("Why?")
    hint = ben.reply(request, "hint")
    other = eve.reply(request, "hint")
    question = ada.reply(hint, "question")
    answer = ben.reply(question, "answer")
    second = eve.reply(hint, "comment")
    told = [hint, other, question, answer, second]
    for order in itertools.permutations(told):
        assert said(about(request, *order)) == ids([hint, question, answer, second, other])


def test_siblings_of_the_same_moment_stand_by_id(ada: Author) -> None:
    request = ada.ask("Why?")
    told = [Author(name).reply(request, "hint") for name in ("one", "two", "three")]
    assert len({record.time for record in told}) == 1
    for order in itertools.permutations(told):
        assert said(about(request, *order)) == sorted(ids(told))


def test_a_solve_stands_with_the_reply_it_names(ada: Author, ben: Author) -> None:
    request = ada.ask("Why?")
    answer, comment = ben.reply(request, "answer"), ben.reply(request, "comment")
    ada.clock.jump(0)
    solved = ada.solve(request, by=answer)
    assert said(about(request, comment, solved, answer)) == ids([answer, solved, comment])
    assert about(request, solved).thread[0].parent == request.id


def test_what_answers_something_that_is_not_here_hangs_on_the_root(ada: Author, ben: Author) -> None:
    request, other = ada.ask("Why?"), ada.ask("Why not?")
    revised = ada.revise(request, "Why, really?")
    missing, elsewhere = ben.reply(request, "hint"), ben.reply(other, "hint")
    stray = ben.say(Reply("comment", ""), Ref(ROOT, request.id), Ref(RE, elsewhere.id))
    bare = ben.say(Reply("comment", ""), Ref(ROOT, request.id))
    orphans = [ada.reply(missing, "question"), ada.reply(revised, "comment"), stray, bare]
    conversation = about(request, *orphans, revised, elsewhere)
    assert {entry.parent for entry in conversation.thread} == {request.id}
    assert set(said(conversation)) == set(ids(orphans))


def test_clocks_that_are_off_by_years_lose_nothing_and_gain_nothing(ada: Author) -> None:
    request = ada.ask("Why?")
    ten_years = 3650 * DAY_MS
    people = {offset: Author(str(offset), FakeClock(START_MS + offset)) for offset in (-ten_years, 5000, 60_000, ten_years)}
    told = {offset: person.reply(request, "hint") for offset, person in people.items()}
    expected = [told[5000], told[60_000], told[ten_years], told[-ten_years]]
    assert said(about(request, *told.values())) == ids(expected)


def test_a_thread_a_thousand_deep_is_no_trouble(ada: Author) -> None:
    told = [ada.ask("Why?")]
    for _ in range(1500):
        told.append(ada.reply(told[-1], "comment"))
    assert said(about(told[0], *reversed(told))) == ids(told[1:])


# --- strange records ---


def test_only_readable_snippets_and_requests_hold_conversations(ada: Author) -> None:
    snippet = ada.share("Puncture")
    for record in (ada.profile(), ada.reply(snippet, "comment"), ada.retract(snippet), snippet._replace(version=2)):
        assert converse(record, [snippet]) is None


def test_other_records_and_duplicates_are_harmless(ada: Author, ben: Author) -> None:
    request, other = ada.ask("Why?"), ada.ask("Why not?")
    reply = ben.reply(request, "hint")
    strays = [
        other,
        ben.profile(),
        ben.reply(other, "answer"),
        ada.solve(other),
        ada.say(Snippet("note", "in between", ""), Ref(ROOT, request.id)),
        ada.revise(request, "")._replace(version=2),
        ada.retract(request)._replace(kind="song"),
        ada.say(Retract(), Ref(ROOT, request.id)),
    ]
    assert about(request, reply, reply, request, *strays) == about(request, reply)


# --- whatever the records ---


@given(record_sets(), st.randoms(use_true_random=False))
def test_equal_sets_give_equal_views(records: list[Record], random: Random) -> None:
    some = random.sample(records, random.randint(0, len(records)))
    shuffled = [*some, *random.sample(some, len(some) // 2)]
    random.shuffle(shuffled)
    for root in records:
        one, other = converse(root, some), converse(root, shuffled)
        assert one == other
        if one is not None and other is not None:
            assert json.dumps(show_json(one, {})) == json.dumps(show_json(other, {}))


def leant_on(person: bytes, held: dict[bytes, Record]) -> set[Record]:
    """What somebody's records are about, and what that is about: a verdict leans on a proof, the proof on a check."""
    found: set[Record] = set()
    waiting = [record for record in held.values() if record.author == person]
    while waiting:
        record = waiting.pop()
        named = {held[target] for relation in (BY, RE) for target in record.targets(relation) if target in held}
        waiting += named - found
        found |= named
    return found


@given(record_sets())
def test_third_persons_change_nothing_that_only_the_author_may(records: list[Record]) -> None:
    for root in records[:2]:
        own = [record for record in records if record.author == root.author]
        named = {target for record in own for target in record.targets(BY)}
        everything, alone = about(root, *records), about(root, *own, *(record for record in records if record.id in named))
        assert (everything.versions, everything.attachments, everything.reason) == (alone.versions, alone.attachments, alone.reason)
        assert {everything.state, alone.state}.isdisjoint(CLOSED) or everything.state == alone.state
        held = {record.id: record for record in records}
        for person in {record.author for record in records}:
            theirs = about(root, *(record for record in records if record.author == person or record.id in named), *leant_on(person, held))
            reasons = {entry.record.id: entry.reason for entry in theirs.thread if entry.record.author == person}
            assert reasons.items() <= {entry.record.id: entry.reason for entry in everything.thread}.items()


@given(record_sets())
def test_every_thread_is_complete_in_order_and_lawful(records: list[Record]) -> None:
    for root in records[:2]:
        conversation = about(root, *records)
        seen = {root.id}
        for entry in conversation.thread:
            assert entry.parent in seen
            assert entry.record.id not in seen
            assert entry.record.target(ROOT) == root.id
            assert entry.type not in {"attempt", "solve", "withdraw"} or (root.kind, entry.record.author) == ("request", root.author)
            seen.add(entry.record.id)
        replies = {record.id for record in records if record.target(ROOT) == root.id and isinstance(body_of(record), Reply)}
        lawless = {record.id for record in records if record.id in replies - seen}
        assert all(record.body[0] == "attempt" for record in records if record.id in lawless)
        assert all(version.record.author == root.author for version in conversation.versions)
        assert {version.record.id for version in conversation.versions} <= {root.id} | {
            record.id for record in records if isinstance(body_of(record), Revision)
        }


@given(record_sets())
def test_nothing_of_what_its_author_took_back_is_shown(records: list[Record]) -> None:
    for root in records[:2]:
        conversation = about(root, *records)
        shown = json.dumps(show_json(conversation, {}))
        hidden = [record for record in records if record.id in conversation.retracted]
        hidden += [version.record for version in conversation.versions if conversation.reason is not None]
        for record in hidden:
            body = body_of(record)
            text = getattr(body, "text", "")
            if text.startswith("text "):
                assert f'"{text}"' not in shown
