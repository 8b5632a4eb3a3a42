"""What others make of a thing: side by side, each worded and dated, the last word of each holding, and nothing added up."""

from p2plearn.learning.conversation import Conversation, converse
from p2plearn.learning.opinions import adoptions, corrections, reactions
from p2plearn.learning.views import Around, show_json
from p2plearn.protocol.kinds import FROM, SIMILAR, Snippet
from p2plearn.protocol.records import Record, Ref
from p2plearn.testing.authors import Author

DAY = 24 * 3600


def about(root: Record, *records: Record) -> Conversation:
    conversation = converse(root, records)
    assert conversation is not None
    return conversation


def test_second_opinions_stand_side_by_side() -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    snippet = ada.share("Vinegar cleans anything")
    works, burns = ben.react(snippet, "works", "On glass."), eve.react(snippet, "dangerous", "Not with bleach!")
    changed = ben.react(snippet, "outdated", "There is a better one.")
    held = about(snippet, burns, changed, works)
    assert {(entry.author, entry.type, entry.text) for entry in reactions(held)} == {
        (ben.key, "outdated", "There is a better one."),
        (eve.key, "dangerous", "Not with bleach!"),
    }
    assert [entry.type for entry in reactions(about(snippet, burns, changed, works, ben.retract(changed)))].count("works") == 1


def test_one_may_react_to_the_snippet_and_to_an_answer_about_it() -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Patch")
    answer = ada.reply(snippet, "answer", "With soap.")
    held = about(snippet, answer, ben.react(snippet, "works", "!"), ben.react(answer, "doesnt", "It slips."))
    assert {(entry.type, entry.parent) for entry in reactions(held)} == {("works", snippet.id), ("doesnt", answer.id)}


def test_a_correction_is_taken_up_by_the_first_revision_that_names_it() -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Patch")
    one, two = ben.correct(snippet, "Dry it."), ben.correct(snippet, "Sand it.")
    first, second = ada.revise(snippet, "Dry.", taking_up=one), ada.revise(snippet, "Dry!", taking_up=one)
    held = about(snippet, second, one, two, first)
    assert {entry.text: by for entry, by in corrections(held)} == {"Dry it.": first.id, "Sand it.": None}
    taken_back = about(snippet, second, one, two, first, ada.retract(first), ben.retract(two))
    assert {entry.text: by for entry, by in corrections(taken_back)} == {"Dry it.": second.id}


def test_a_correction_talked_over_keeps_its_talk_in_the_thread() -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Patch")
    correction = ben.correct(snippet, "Dry it.")
    talk = ada.reply(correction, "question", "How long?")
    shown = show_json(about(snippet, correction, talk), {})
    assert [(entry["id"], entry["parent"]) for entry in shown["thread"]] == [(talk.id.hex(), correction.id.hex())]
    assert [one["id"] for one in shown["corrections"]] == [correction.id.hex()]


def test_an_adoption_is_the_last_word_of_its_author_and_remembers_the_first() -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    snippet = ada.share("Patch")
    tried = ben.adopt(snippet, "tried", learned_from=eve.key)
    ben.clock.advance(9 * DAY)
    using = ben.adopt(snippet, "using", "works", ada.key, text="Every week.")
    said = about(snippet, using, tried, eve.adopt(snippet, "dropped", "no"))
    found = adoptions(said.thread)
    mine = found[ben.key]
    assert (mine.stage, mine.outcome, mine.learned_from, mine.first.record) == ("using", "works", ada.key, tried)
    assert mine.named == ((eve.key, tried.time), (ada.key, using.time))
    assert found[eve.key].stage == "dropped"
    assert adoptions(about(snippet, using, tried, ben.retract(using)).thread)[ben.key].stage == "tried"
    assert ben.key not in adoptions(about(snippet, tried, ben.retract(tried)).thread)
    shown = show_json(said, {eve.key: "Eve"})["adoptions"]
    assert {(one["author"]["name"], one["type"], one["outcome"]) for one in shown} == {("", "using", "works"), ("Eve", "dropped", "no")}
    assert [one["learned_from"] for one in shown if one["type"] == "dropped"] == [None]


def test_what_was_made_from_a_thing_shows_what_warns_of_it() -> None:
    ada, ben = Author("ada"), Author("ben")
    source = ada.share("Patch")
    fork = ben.fork(source, "My way.")
    said = [ben.correct(source, "Dry it."), ben.react(source, "works", "!"), ben.react(source, "outdated", "Old glue.")]
    upstream = show_json(about(fork), {ben.key: "Ben"}, Around(sources=[about(source, *said)]))["upstream"]
    assert [(one["type"], one["text"], one["about"], one["author"]["name"]) for one in upstream] == [
        ("correction", "Dry it.", source.id.hex(), "Ben"),
        ("outdated", "Old glue.", source.id.hex(), "Ben"),
    ]
    (gone,) = show_json(about(fork), {}, Around(sources=[about(source, ada.retract(source, "It fails."))]))["upstream"]
    assert (gone["kind"], gone["text"], gone["author"]["key"]) == ("retract", "It fails.", ada.key.hex())


def test_a_request_tells_what_solved_it_and_what_resembles_it() -> None:
    ada, ben = Author("ada"), Author("ben")
    former, gone = ben.ask("Which glue?"), ben.ask("Glue?")
    request = ada.ask("Which glue holds?", "", Ref(SIMILAR, former.id))
    reply = ben.reply(request, "answer", "Rubber cement.")
    said = [reply, ada.solve(request), last := ada.solve(request, by=reply)]
    around = Around(similar=[about(former), about(gone, ben.retract(gone))])
    shown = show_json(about(request, *said), {}, around)
    assert shown["solved_by"] == reply.id.hex()
    assert [item["id"] for item in shown["similar"]] == [former.id.hex()]
    assert show_json(about(request, *said, ada.retract(last)), {})["solved_by"] is None


def test_a_howto_shows_its_parts_in_the_wording_that_holds() -> None:
    ada = Author("ada")
    howto = ada.say(Snippet("howto", "Patch", "", ("Find it.", "Glue it."), "It holds.", ("Haste.",)), Ref(FROM, b"r" * 32))
    parts = {"steps": ["Find it.", "Glue it."], "done_when": "It holds.", "pitfalls": ["Haste."]}
    assert show_json(about(howto), {})["howto"] == parts
    assert show_json(about(howto, ada.retract(howto)), {})["howto"] is None
    assert show_json(about(ada.offer("An evening of mending.")), {})["howto"] is None


def test_offers_and_wishes_are_called_by_their_first_line() -> None:
    ada, ben = Author("ada"), Author("ben")
    offer = ada.offer("An evening of mending.\nBring a tyre.", topics=("bikes",))
    question = ben.reply(offer, "question", "When?")
    held = about(offer, question)
    assert (held.title, held.state, held.text) == ("An evening of mending.", "open", "An evening of mending.\nBring a tyre.")
    assert [entry.record for entry in held.thread] == [question]
    assert about(offer, ada.revise(offer, "Two evenings.")).title == "Two evenings."
    assert about(offer, ada.retract(offer, "Full.")).state == "retracted"
    assert about(ben.want("w" * 100)).title == "w" * 79 + "…"
