"""How a thing looks with all that was said about it: what stands where, what one might do next, and what a watcher is told."""

import io
import json
import re

import pytest

from p2plearn.client import Client
from p2plearn_cli.main import main
from tests.learning.typed import is_typed_as_printed


class Person:
    """Somebody with a home of their own, who types commands."""

    def __init__(self, directory, name, capsys):
        self.home = directory / name
        self.capsys = capsys
        self.client = Client(self.home)
        self.client.init(name.capitalize())

    def types(self, *line):
        """What a person sees."""
        assert main(["--home", str(self.home), *line]) == 0
        seen = self.capsys.readouterr().out
        assert all(map(is_typed_as_printed, re.findall(r"Next: (.*)$", seen, re.MULTILINE))), seen
        return seen

    def says(self, *line):
        """The id of what was said."""
        return json.loads(self.types("--json", *line))["id"]

    def next(self, thing):
        """What the last lines of `show` say one might do next."""
        return re.findall(r"^Next: (.*)$", self.types("show", thing), re.MULTILINE)

    def tells(self, *others):
        """Carry everything to the others on a stick."""
        for other in others:
            self.types("export", str(self.home.parent / "stick"))
            other.types("import", str(self.home.parent / "stick"))


@pytest.fixture
def people(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Person(tmp_path, "ana", capsys), Person(tmp_path, "ben", capsys)


@pytest.fixture
def ana(people):
    return people[0]


@pytest.fixture
def ben(people):
    return people[1]


def share(person, *more):
    return person.says("share", "--title", "Oiling", "--topic", "wood", *more)


def ask(person, *more):
    return person.says("ask", "--title", "Sticky", "--topic", "wood", *more, "Which oil?")


def in_order(text, *parts):
    """Whether the parts stand in a text one after the other."""
    at = 0
    for part in parts:
        assert part in text[at:], f"{part!r} is not to be seen, or too early:\n{text}"
        at = text.index(part, at) + len(part)


def test_the_next_step_goes_with_how_far_a_request_has_come_and_with_who_looks(ana, ben):
    request = ask(ana, "--show-work-first")
    ana.tells(ben)
    assert ana.next(request)[0].startswith("p2plearn attempt")
    assert "wants to try first" in ben.next(request)[0]
    attempt = ana.says("attempt", request, "I wiped it.")
    ana.tells(ben)
    assert ben.next(request) == [f"p2plearn reply {attempt[:8]} --type hint TEXT helps Ana on from there"]
    hint = ben.says("reply", attempt, "--type", "hint", "Read the tin.")
    assert ben.next(request)[0].startswith("p2plearn check")
    ben.tells(ana)
    assert ana.next(request)[1] == f"p2plearn solve {request[:8]} --by {hint[:8]}, once you have got it"
    check = ben.says("check", request, "Which of these dry?")
    assert "--watch" in ben.next(request)[0]
    ben.tells(ana)
    assert ana.next(request) == [f"p2plearn proof {check[:8]} TEXT answers the check"]
    proof = ana.says("proof", check, "Walnut oil.")
    assert "--watch" in ana.next(request)[0]
    ana.tells(ben)
    assert ben.next(request)[0].startswith(f"p2plearn verdict {proof[:8]}")
    ben.says("verdict", proof, "not-yet", "--fix", "1:One more.")
    ben.tells(ana)
    assert ana.next(request) == [f"p2plearn proof {check[:8]} TEXT answers the check"]
    proof = ana.says("proof", check, "Walnut and linseed oil.")
    ana.tells(ben)
    ben.says("verdict", proof, "shown")
    ben.tells(ana)
    assert ana.next(request)[0].startswith(f"p2plearn solve {request[:8]} --by {hint[:8]}")
    ana.says("solve", request, "--by", hint)
    assert [step.split()[1] for step in ana.next(request)] == ["thanks", "share"]
    ana.says("thanks", hint, "It dries!")
    assert [step.split()[1] for step in ana.next(request)] == ["share"]
    ana.tells(ben)
    assert ben.next(request)[0].startswith("p2plearn encourage")


def test_the_next_step_goes_with_how_far_a_snippet_was_taken_up(ana, ben):
    snippet = share(ana, "Thin coats.")
    assert ana.next(snippet)[0].startswith("p2plearn revise")
    ana.tells(ben)
    for stage, following in (("tried", "--stage using"), ("using", "--stage passed-on"), ("passed-on", "lineage")):
        ben.says("adopt", snippet, "--stage", stage)
        assert following in ben.next(snippet)[0]
    correction = ben.says("correct", snippet, "Thinner.")
    ben.tells(ana)
    assert f"--with {correction[:8]}" in ana.next(snippet)[0]
    ana.says("revise", snippet, "--with", correction, "Thinner coats.")
    assert "lineage" in ana.next(snippet)[0]


@pytest.mark.parametrize("kind", ["offer", "wanted"])
def test_an_offer_is_answered_by_others(ana, ben, kind):
    thing = ana.says(kind, "--topic", "wood", "An evening with spoons")
    ana.tells(ben)
    assert ana.next(thing)[0].startswith("p2plearn matches")
    assert ben.next(thing)[0].startswith("p2plearn reply")


def test_nothing_is_to_be_done_with_what_was_taken_back_or_withdrawn(ana, ben):
    snippet, request = share(ana, "Thin coats."), ask(ana)
    ana.says("retract", snippet, "It is wrong.")
    ana.says("withdraw", request)
    assert ana.next(snippet) == ana.next(request) == []
    assert "Taken back by its author: It is wrong." in ana.types("show", snippet)
    ana.tells(ben)
    assert ben.next(request) == []


def test_what_warns_stands_before_what_it_warns_of_and_second_opinions_after(ana, ben):
    snippet = share(ana, "Thin coats.")
    ana.tells(ben)
    ben.says("react", snippet, "works", "On maple.")
    ben.tells(ana)
    in_order(ana.types("show", snippet), "Thin coats.", "Works, says Ben, just now: On maple.")
    ben.says("react", snippet, "dangerous", "Oily rags burn.")
    correction = ben.says("correct", snippet, "Hang up the rags.")
    ben.tells(ana)
    shown = ana.types("show", snippet)
    in_order(shown, "Not right, says Ben, just now: Hang up the rags.", "Dangerous, says Ben, just now: Oily rags burn.", "Thin coats.")
    assert "Works" not in shown
    ana.says("revise", snippet, "--with", correction, "Thin coats; hang up the rags.")
    shown = ana.types("show", snippet)
    assert "Not right" not in shown
    in_order(shown, "Dangerous", "Thin coats; hang up", "Revised 1 time. Taken up: what Ben corrected.")


def test_a_warning_follows_to_what_was_made_from_the_thing(ana, ben):
    snippet = share(ana, "Thin coats.")
    ana.tells(ben)
    fork = ben.says("fork", snippet, "--as", "adaptation", "Thin coats, in the sun.")
    ben.tells(ana)
    assert "There is an adaptation by Ben: Oiling" in ana.types("show", snippet)
    ana.says("react", snippet, "outdated", "Use wax.")
    assert "Outdated, says Ana, just now, of what this was made from: Use wax." in ana.types("show", fork)
    ana.says("retract", snippet, "It is wrong.")
    assert "Taken back, says Ana, just now, of what this was made from: It is wrong." in ana.types("show", fork)


def test_a_howto_has_what_was_said_at_a_step_beneath_it(ana, ben):
    snippet = share(ana, "--step", "Sand it\nand wet it.", "--step", "Oil it.", "--done-when", "It shines.", "--pitfall", "Drops.")
    ana.tells(ben)
    stuck = ben.says("reply", snippet, "--type", "stuck", "--step", "1", "How fine?")
    ben.tells(ana)
    ana.says("reply", stuck, "--type", "answer", "240.")
    ben.says("reply", snippet, "--type", "comment", "--step", "9", "There is no step 9.")
    ben.tells(ana)
    parts = ["1. Sand it", "   and wet it.", "stuck at step 1 by Ben", "How fine?", "answer by Ana", "2. Oil it.", "Done when: It shines."]
    in_order(ana.types("show", snippet), *parts, "Pitfall: Drops.", "comment at step 9 by Ben")


def test_adoptions_say_how_far_what_came_of_it_and_who_showed_it(ana, ben):
    snippet = share(ana, "Thin coats.")
    ana.tells(ben)
    ben.says("adopt", snippet, "--stage", "using", "--outcome", "partly", "--learned-from", "Ana", "Two spoons.\nOne cracked.")
    shown = ben.types("show", snippet)
    assert "Ben uses it, it works in part, learned from Ana, just now: Two spoons.\n  One cracked.\n" in shown


def test_private_thanks_are_read_by_one_and_seen_by_all(ana, ben):
    request = ask(ana)
    ana.tells(ben)
    hint = ben.says("reply", request, "--type", "hint", "Read the tin.")
    ben.tells(ana)
    assert "Only their receiver can read the words" in ana.types("thanks", hint, "--private", "Just between us.")
    ana.tells(ben)
    in_order(ben.types("show", request), "thanks by Ana, just now, for you alone", "Just between us.")
    shown = ana.types("show", request)
    in_order(shown, "thanks by Ana, just now\n", "In words that only their receiver can read.")
    assert "Just between us." not in shown


def test_opinions_about_what_was_said_stand_beneath_it_with_what_is_answered_to_them(ana, ben):
    snippet, request = share(ana, "Thin coats."), ask(ana)
    ana.tells(ben)
    answer = ben.says("reply", request, "--type", "answer", "Walnut oil.")
    correction = ben.says("correct", snippet, "Thinner.")
    ben.tells(ana)
    ana.says("correct", answer, "Not for people with allergies.")
    ana.says("encourage", correction, "Well seen.")
    in_order(ana.types("show", request), "Walnut oil.", "  Not right, says Ana, just now: Not for people with allergies.")
    in_order(ana.types("show", snippet), "Not right, says Ben", "  encouragement by Ana", "Well seen.", "Thin coats.")


def test_maths_is_readable_and_json_has_the_source(ana):
    snippet = share(ana, "$x^2$", "--attach", str(picture(ana)) + "=A parabola")
    shown = ana.types("show", snippet)
    in_order(shown, "x²", "Attached parabola.svg, 6 bytes: A parabola", "p2plearn attachment")
    assert json.loads(ana.types("--json", "show", snippet))["text"] == "$x^2$"
    titled = ana.says("wanted", "--topic", "maths", "Why $x^2 \\ge 0$?")
    assert ana.types("show", titled).startswith("Why x² ≥ 0? [open]\n")
    assert ana.types("feed", "--kind", "wanted").startswith("Why x² ≥ 0? [open]\n")


@pytest.mark.parametrize(
    "line",
    [["solve"], ["withdraw"], ["attempt", "words"], ["encourage", "words"], ["retract"]],
    ids=lambda line: line[0],
)
def test_whatever_takes_a_text_takes_a_file_beside_it(ana, line):
    request = ask(ana)
    name, *words = line
    ana.says(name, request, *words, "--attach", f"{picture(ana)}=A parabola")
    assert has_picture(ana)


def test_a_correction_of_anothers_takes_a_file_too(ana, ben):
    snippet = share(ana, "Thin coats.")
    ana.tells(ben)
    ben.says("correct", snippet, "Thinner.", "--attach", str(picture(ben)))
    assert has_picture(ben)


def has_picture(person):
    """Whether the picture, and nothing else, was attached."""
    [carried] = [path for path in (person.home / "blocks").rglob("bafk*") if path.is_file()]
    return person.types("attachment", carried.name, "copy.svg") == "Wrote copy.svg, 6 bytes.\n"


def picture(person):
    path = person.home.parent / "parabola.svg"
    path.write_text("<svg/>")
    return path


def test_whom_one_muted_is_said_and_not_their_words(ana, ben):
    snippet = share(ana, "Thin coats.")
    ana.tells(ben)
    ben.says("reply", snippet, "--type", "comment", "Buy my oil!")
    ben.says("react", snippet, "doesnt", "Buy my oil!")
    ben.says("adopt", snippet, "--stage", "dropped", "Buy my oil!")
    ben.tells(ana)
    ana.types("mute", "Ben")
    shown = ana.types("show", snippet)
    assert shown.count("You muted Ben.") == 3
    assert "Buy my oil!" not in shown


def test_a_deep_thread_keeps_room_for_words(ana, ben):
    said = ask(ana)
    for _ in range(20):
        said = ana.says("reply", said, "--type", "comment", "And?")
    assert max(len(line) for line in ana.types("show", said).splitlines()) < 100


# --- watching ---


@pytest.fixture
def watch(ana, monkeypatch, capsys):
    """Watch a thing while each of some deeds is done, one a look; what is printed after each of them."""

    def look(thing, *deeds, json_too=False):
        waiting = iter(deeds)
        capsys.readouterr()
        shown = []

        def sleep(_seconds):
            shown.append(capsys.readouterr().out)
            deed = next(waiting, None)
            if deed is None:
                raise KeyboardInterrupt
            deed()
            capsys.readouterr()

        monkeypatch.setattr("time.sleep", sleep)
        assert main(["--home", str(ana.home), "show", thing, "--watch", *(["--json"] if json_too else [])]) == 130
        return shown[1:]

    return look


def test_a_watcher_is_told_what_is_new_and_only_that(ana, ben, watch):
    request = ask(ana)
    ana.tells(ben)
    said = {}

    def hint():
        said["hint"] = ben.says("reply", request, "--type", "hint", "Read the tin.")
        ben.tells(ana)

    def take_back():
        ben.says("retract", said["hint"], "Sorry.")
        ben.tells(ana)

    first, quiet, second, third = watch(request, hint, lambda: None, lambda: ana.says("solve", request), take_back)
    assert quiet == ""
    in_order(first, "hint by Ben, just now", said["hint"], "Read the tin.", "Now working.")
    in_order(second, "solved by Ana", "Now solved.")
    in_order(third, said["hint"], "Taken back by its author: Sorry.")
    assert "Which oil?" not in first + second + third
    assert "Read the tin." not in second + third


def test_a_watcher_of_a_snippet_is_told_of_new_wordings_opinions_and_adoptions(ana, ben, watch):
    snippet = share(ana, "Thin coats.")
    ana.tells(ben)

    def opinions():
        ben.says("react", snippet, "works", "On maple.")
        ben.says("adopt", snippet, "--stage", "using")
        ben.says("fork", snippet, "--title", "Waxing", "Wax.")
        ben.tells(ana)

    told, reworded = watch(snippet, opinions, lambda: ana.says("revise", snippet, "--step", "Oil it.", "Thinner coats."))
    in_order(told, "Works, says Ben", "Ben uses it", "There is a fork by Ben: Waxing")
    in_order(reworded, "Oiling", "Thinner coats.", "1. Oil it.")
    assert "Works" not in reworded


def test_a_watching_script_gets_the_whole_with_the_ids_that_are_new(ana, watch):
    request = ask(ana)
    said = []
    [line] = watch(request, lambda: said.append(ana.says("attempt", request, "I wiped it.")), json_too=True)
    shown = json.loads(line)
    assert shown["new"] == said
    assert (shown["state"], shown["id"]) == ("working", request)


def test_whoever_declined_is_not_urged_to_help_any_more(ana, ben):
    request = ask(ana)
    ana.tells(ben)
    assert "reply" in ben.next(request)[0]
    ben.says("decline", request, "I leave tomorrow.")
    assert ben.next(request) == [f"p2plearn show {request[:8]} --watch shows what comes of it, since you have declined"]


def test_whom_a_question_is_put_to_is_named(ana, ben):
    ben.tells(ana)
    key = ben.client.call("me")["author"]
    request = ask(ana, "--to", "Ben")
    assert f"Asked above all: Ben, {key}" in ana.types("show", request)
    assert json.loads(ana.types("--json", "show", request))["to"] == key
    assert f"You follow: Ben ({key}), wood\n" in ana.types("follow", "wood") + ana.types("follow", "Ben")
    assert json.loads(ana.types("--json", "mute", "Ben"))["muted"] == [key]


def test_a_name_that_is_more_to_a_shell_is_left_out_of_what_one_may_type(ana, ben):
    ana.types("profile", "--name", "$(reboot); `x`")
    request = ask(ana)
    ana.tells(ben)
    ben.says("reply", request, "--type", "hint", "Read the tin.")
    assert ben.next(request) == [f"p2plearn check {request[:8]} TEXT asks whoever asked to show that they got it"]


def test_a_topic_of_another_is_one_word_in_what_one_may_type(ana, ben):
    ana.says("learn", "wood; p2plearn retract x")
    ben.says("teach", "wood; p2plearn retract x")
    ana.tells(ben)
    assert "Next: p2plearn offer --topic 'wood;-p2plearn-retract-x' TEXT" in ben.types("matches")
    assert "Next: p2plearn wanted --topic '$(x)' TEXT" in ana.types("people", "--topic", "$(x)")


def test_a_helper_hears_everywhere_that_an_attempt_is_owed(ana, ben):
    ben.tells(ana)
    request = ask(ana, "--show-work-first", "--to", "Ben")
    ana.tells(ben)
    ben.says("teach", "wood")
    owed = "Whoever asked wants to show an attempt of their own first."
    for line in (["inbox"], ["matches"], ["reply", request, "--type", "hint", "Oil."], ["check", request, "Which oil dries?"]):
        assert owed in ben.types(*line), line
    ana.says("attempt", request, "I wiped it.")
    ana.tells(ben)
    assert owed not in ben.types("inbox") + ben.types("check", request, "And which does not?")


def test_a_verdict_says_just_what_was_said(ana, ben):
    request = ask(ana)
    attempt = ana.says("attempt", request, "I wiped it.")
    ana.tells(ben)
    for result, bare, told in (("partly", "Partly shown.\n", "what is missing is told"), ("not-yet", "Not yet.\n", "what to mend is told")):
        assert ben.types("verdict", attempt, result).startswith(bare)
        assert told in ben.types("verdict", attempt, result, "Nearly!")
        assert told in ben.types("verdict", attempt, result, "--fix", "1:Wipe it sooner.")


def test_what_was_taken_back_is_still_said_to_be_something(ana, ben):
    snippet = share(ana, "Thin coats.")
    ana.tells(ben)
    ben.says("adopt", snippet, "--stage", "using", "--learned-from", "Ana")
    comment = ben.says("reply", snippet, "--type", "comment", "How thin?")
    ben.tells(ana)
    ana.says("reply", comment, "--type", "comment", "Very.")
    ana.says("retract", snippet, "It is wrong.")
    ana.tells(ben)
    seen = ben.types("inbox")
    assert "● Ana took back a snippet about wood, just now\n" in seen
    assert "● Ana comments on a snippet by Ana about wood (taken back), just now\n" in seen
    assert "A snippet (taken back) [using], taken up by Ben" in ana.types("glow")
    assert "without a title" not in seen + ana.types("glow")


def test_what_i_made_from_what_was_taken_back_is_named(ana, ben):
    snippet = share(ana, "Thin coats.")
    ana.tells(ben)
    ben.says("fork", snippet, "--title", "In the sun", "Thin coats, in the sun.")
    ana.says("retract", snippet)
    ana.tells(ben)
    in_order(ben.types("inbox"), "● Ana took back a snippet about wood", "It concerns “In the sun”, which was made from it.")


def test_files_beside_an_answer_of_the_compass_go_where_others_read_it(ana):
    file = str(picture(ana))
    ana.types("compass", "--answer", "1", "--topic", "wood", "--attach", file, "Spoons.")
    assert has_picture(ana)
    assert main(["--home", str(ana.home), "compass", "--answer", "1", "--attach", file, "Spoons."]) == 2
    assert "An answer that stays on this machine has no files" in ana.capsys.readouterr().err


def test_the_names_of_files_and_the_words_about_them_are_looked_for_too(ana):
    request = ask(ana)
    assert request in ana.types("similar", "Which is it?", "--attach", f"{picture(ana)}=sticky oil")
    assert request not in ana.types("similar", "Who?", "--attach", str(picture(ana)))
    assert not list((ana.home / "blocks").rglob("bafk*"))


@pytest.mark.parametrize("answer,asked", [("n", 1), ("y", 2), ("", 2)])
def test_in_a_terminal_one_sees_what_is_here_already_and_may_leave_it(ana, monkeypatch, answer, asked):
    request = ask(ana)
    monkeypatch.setattr("p2plearn_cli.requests.watched", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
    seen = ana.types("ask", "--title", "Sticky", "--topic", "wood", "Which oil?")
    in_order(seen, "This is here already, some of it perhaps your own:", request)
    assert seen.count(request) == 1
    assert len(json.loads(ana.types("--json", "requests"))["items"]) == asked


def test_in_a_terminal_nothing_is_asked_where_nothing_is_like_it(ana, monkeypatch):
    monkeypatch.setattr("p2plearn_cli.requests.watched", lambda: True)
    assert "Asked: “Sticky”." in ana.types("ask", "--title", "Sticky", "--topic", "wood", "Which oil?")


def test_whoever_breaks_off_has_asked_nothing(ana, monkeypatch):
    ask(ana)
    monkeypatch.setattr("p2plearn_cli.requests.watched", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["--home", str(ana.home), "ask", "--title", "Sticky", "--topic", "wood", "Which oil?"]) == 130
    ana.capsys.readouterr()
    assert len(json.loads(ana.types("--json", "requests"))["items"]) == 1


def test_of_what_thousands_took_up_the_last_are_shown_and_the_others_counted(ana, ben, monkeypatch):
    monkeypatch.setattr("p2plearn.limits.MAX_ADOPTIONS_SHOWN", 1)
    snippet = ana.says("share", "--title", "Oil", "--topic", "wood", "Thin coats.")
    ana.tells(ben)
    ben.says("adopt", snippet, "--stage", "using")
    ben.tells(ana)
    ana.says("adopt", snippet, "--stage", "using")
    ana.tells(ben)
    seen = ben.types("show", snippet)
    assert "1 other took it up before them" in seen
    assert "p2plearn adopt" not in seen
