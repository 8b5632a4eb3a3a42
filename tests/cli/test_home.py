"""`p2plearn` alone: of use to one person without anybody near, and to a home that nobody uses yet."""

import json
import re

import pytest

from p2plearn.client import Client
from p2plearn_cli.main import main
from tests.learning.typed import is_typed_as_printed


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def type_line(name, *line):
        code = main(["--home", str(tmp_path / name), *line])
        shown = capsys.readouterr()
        assert (code, shown.err) == (0, "")
        assert all(map(is_typed_as_printed, re.findall(r"Next: (.*)$", shown.out, re.MULTILINE))), shown.out
        return shown.out

    return type_line


def carry(run, giver, *takers):
    run(giver, "export", "stick")
    for taker in takers:
        run(taker, "import", "stick")


def test_whoever_is_new_is_welcomed_and_nothing_is_made(run, tmp_path):
    shown = run("ana")
    assert "Welcome" in shown
    assert "p2plearn init --name NAME" in shown
    assert not (tmp_path / "ana").exists()


def test_a_script_sees_the_same_keys_before_and_after_there_is_somebody(run, tmp_path):
    before = json.loads(run("ana", "--json"))
    assert (before["author"], before["next"][0].split()[:2]) == (None, ["p2plearn", "init"])
    assert not (tmp_path / "ana").exists()
    Client(tmp_path / "ana").init("Ana")
    after = json.loads(run("ana", "--json"))
    assert before.keys() == after.keys()
    assert {key: type(value) for key, value in after.items() if key != "author"} == {
        key: type(value) for key, value in before.items() if key != "author"
    }


def test_a_lost_key_is_no_welcome(run, tmp_path, capsys):
    run("ana", "init", "--name", "Ana")
    (tmp_path / "ana" / "keys" / "author.key").unlink()
    assert main(["--home", str(tmp_path / "ana")]) == 1
    assert "used before" in capsys.readouterr().err


def test_one_person_alone_sees_their_notes_the_three_questions_and_how_to_meet_others(run):
    run("ana", "init", "--name", "Ana")
    run("ana", "share", "--title", "Oiling", "--topic", "wood", "Thin coats.")
    shown = run("ana")
    for part in ("You are Ana.", "Your notes", "Oiling", "What brings me here?", "p2plearn up", "p2plearn import"):
        assert part in shown
    for number in "123":
        run("ana", "compass", "--answer", number, "Spoons.")
    assert "Three questions" not in run("ana")


def test_who_gave_no_name_is_told_how_to(run):
    run("ana", "init")
    assert "p2plearn profile --name NAME" in run("ana")


def test_what_is_new_comes_first_and_what_was_read_is_gone(run):
    run("ana", "init", "--name", "Ana")
    run("ben", "init", "--name", "Ben")
    request = json.loads(run("ana", "--json", "ask", "--title", "Sticky", "--topic", "wood", "Which oil?"))["id"]
    carry(run, "ana", "ben")
    shown = run("ben")
    assert shown.index("Who is stuck") < shown.index("Sticky [open]") < shown.index("Three questions")
    run("ben", "reply", request, "--type", "hint", "Read the tin.")
    carry(run, "ben", "ana")
    shown = run("ana")
    assert shown.index("New for you") < shown.index("Ben has a hint for “Sticky”") < shown.index("Three questions")
    assert "Read the tin." in shown
    run("ana", "inbox", "--all")
    assert "New for you" not in run("ana")


def test_the_inbox_says_what_happened_in_whose_words_and_what_to_do(run):
    run("ana", "init", "--name", "Ana")
    run("ben", "init", "--name", "Ben")
    assert run("ana", "inbox") == "Nothing is waiting for you.\n"
    snippet = json.loads(run("ana", "--json", "share", "--title", "Oiling", "--topic", "wood", "Thin coats."))["id"]
    carry(run, "ana", "ben")
    run("ben", "adopt", snippet, "--stage", "using", "--outcome", "works")
    run("ben", "correct", snippet, "Thinner. " * 100)
    run("ben", "react", snippet, "dangerous", "Rags burn.")
    carry(run, "ben", "ana")
    shown = run("ana", "inbox")
    for line in ("● Ben uses “Oiling”, just now", "● Ben corrects “Oiling”, just now", "● Ben finds it dangerous: “Oiling”, just now"):
        assert line in shown
    assert f"p2plearn revise {snippet[:8]} --with" in shown
    assert max(map(len, shown.splitlines())) < 250
    run("ben", "correct", snippet, "One.\n\nTwo.\nThree.\nFour.\nFive.")
    carry(run, "ben", "ana")
    assert "  Four.\n  …\n" in run("ana", "inbox")
    assert "●" not in run("ana", "inbox", "--all")
    assert "--read ID" not in run("ana", "inbox")


def test_each_answer_of_the_compass_stays_here_unless_it_is_shared_and_leads_on(run):
    run("ana", "init", "--name", "Ana")
    before = json.loads(run("ana", "status", "--json"))["records"]
    shown = run("ana", "compass", "--answer", "1", "I want to carve.")
    assert "for yourself alone" in shown
    assert "p2plearn wanted --topic TOPIC -- 'I want to carve.'" in shown
    assert json.loads(run("ana", "status", "--json"))["records"] == before
    assert "out as your offer: others read" in run("ana", "compass", "--answer", "2", "--topic", "wood", "I can show how to split.")
    assert json.loads(run("ana", "status", "--json"))["records"] == before + 1
    assert "I can show how to split." in run("ana", "feed", "--kind", "offer")
    run("ana", "ask", "--title", "Sticky", "--topic", "wood", "Which oil?")
    assert "for others to read" in run("ana", "compass", "--answer", "2", "--share", "And how to carve.")
    assert "p2plearn requests --open" in run("ana", "compass", "--answer", "3", "Ask earlier.")
    run("ana", "ask", "--title", "Dull", "--topic", "wood", "Which stone?")
    assert "You asked: 2, 1 of it since you changed something just now" in run("ana", "compass")


def test_the_glow_tells_of_those_who_learned_and_of_those_who_learned_from_them(run):
    for name in ("ana", "ben", "eve"):
        run(name, "init", "--name", name.capitalize())
    assert "Nobody has asked for your help here yet" in run("ben", "glow")
    snippet = json.loads(run("ben", "--json", "share", "--title", "Oiling", "--topic", "wood", "Thin coats."))["id"]
    carry(run, "ben", "ana")
    run("ana", "adopt", snippet, "--stage", "passed-on", "--learned-from", "Ben")
    run("ana", "thanks", snippet, "It shines!")
    carry(run, "ana", "eve", "ben")
    run("eve", "adopt", snippet, "--stage", "tried", "--learned-from", "Ana")
    carry(run, "eve", "ben")
    shown = run("ben", "glow")
    assert "“Oiling” [passed-on], taken up by Ana" in shown
    assert "Thanks: It shines!" in shown
    assert "From there it went on to 1 more person." in shown
    tree = run("ben", "lineage", snippet)
    assert [line for line in tree.splitlines() if " it" in line][:3] == ["Ben shared it", "  Ana passed it on", "    Eve tried it"]
    assert "It reached 2 people." in tree
    assert "0.5 more within a month" in tree


def test_people_are_shown_as_they_show_themselves_and_with_why_to_ask_them(run):
    run("ana", "init", "--name", "Ana")
    run("ben", "init", "--name", "Ben")
    run("ben", "profile", "--about", "I bake $\\pi$.", "--open-to", "questions")
    run("ben", "teach", "Baking", "--capacity", "3")
    run("ben", "learn", "wood")
    run("ben", "compass", "--answer", "1", "--share", "Bread for everybody.")
    carry(run, "ben", "ana")
    shown = run("ana", "people")
    for line in ("Ben, last seen just now", "  I bake π.", "  teaches baking", "  learns wood", "  open to questions"):
        assert line in shown.splitlines()
    assert "  What brings me here: Bread for everybody." in shown
    assert "teaches it (3 of 3 places free)" in run("ana", "people", "--topic", "baking")
    assert "p2plearn wanted --topic gardening" in run("ana", "people", "--topic", "gardening")
