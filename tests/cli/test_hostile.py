"""Whatever strangers write, nothing that is printed of it can steer a terminal."""

import json

import pytest

from p2plearn_cli import balance, compass, health, home, inbox, items, people, ranking, record, requests, tracing, watch, willing
from p2plearn_cli.main import main
from tests.cli.test_output import steers

HOSTILE = "\x1b]0;owned\x07\x9b2J\u202e\u2066\r\nE$\\text{\x1b[31m}$\x00\x7f"
OURS = {"state", "kind", "type", "stage", "relation", "outcome", "me"}  # words that choose which lines are printed
IDS = {"id", "parent", "about", "solved_by", "taken_up_by", "key"}  # hashes and keys: the node writes them


@pytest.fixture(scope="module")
def village(tmp_path_factory):
    """Two homes in which everything was said that can be said; the types it, the answers are kept as JSON."""
    return tmp_path_factory.mktemp("village")


@pytest.fixture(scope="module")
def answers(village):
    """Command → what the node answered, of a life of two people."""
    import contextlib
    import io

    def run(name, *line):
        out = io.StringIO()
        out.reconfigure = lambda **_: None  # type: ignore[attr-defined]
        with contextlib.redirect_stdout(out):
            assert main(["--json", "--home", str(village / name), *line]) == 0, out.getvalue()
        return json.loads(out.getvalue())

    def say(name, *line):
        said = run(name, *line)["id"]
        run(name, "export", str(village / "stick"))
        run({"ana": "ben", "ben": "ana"}[name], "import", str(village / "stick"))
        return said

    for name in ("ana", "ben"):
        run(name, "init", "--name", name.capitalize())
    picture = village / "picture.svg"
    picture.write_text("<svg/>")
    request = say("ana", "ask", "--title", "T", "--topic", "x", "--goal", "g", "--tried", "t", "--level", "l", "--want", "hint", "Why?")
    say("ana", "ask", "--title", "T too", "--topic", "x", "Why?")
    before = run("ana", "show", request)
    hint = say("ben", "reply", request, "--type", "hint", "h", "--attach", f"{picture}=alt")
    check = say("ben", "check", request, "c")
    proof = say("ana", "proof", check, "p")
    say("ben", "verdict", proof, "not-yet", "--fix", "1:f", "v")
    proof = say("ana", "proof", check, "p")
    say("ben", "verdict", proof, "shown", "v")
    say("ana", "solve", request, "--by", hint)
    say("ana", "thanks", hint, "t")
    say("ana", "thanks", hint, "--private", "t")
    say("ben", "retract", say("ben", "reply", request, "--type", "comment", "c"), "r")
    snippet = say(
        "ana", "share", "--from", request, "--title", "T", "--topic", "x", "--step", "s", "--done-when", "d", "--pitfall", "p", "t"
    )
    say("ben", "reply", snippet, "--type", "stuck", "--step", "1", "s")
    say("ben", "adopt", snippet, "--stage", "using", "--outcome", "works", "--learned-from", "Ana", "a")
    say("ana", "revise", snippet, "--with", say("ben", "correct", snippet, "c"), "t")
    say("ben", "correct", snippet, "c")
    say("ben", "react", snippet, "works", "w")
    fork = say("ben", "fork", snippet, "--title", "F", "f")
    say("ana", "react", fork, "dangerous", "w")
    say("ana", "wanted", "--topic", "x", "w")
    say("ben", "offer", "--topic", "x", "o")
    say("ben", "teach", "x", "--capacity", "2")
    say("ben", "profile", "--about", "a", "--open-to", "o")
    run("ben", "compass", "--answer", "1", "--share", "c")
    say("ben", "encourage", request, "e")
    run("ana", "compass", "--answer", "3", "c")
    return {
        "request": run("ana", "show", request),
        "snippet": run("ana", "show", snippet),
        "fork": run("ben", "show", fork),
        "before": before,
        "inbox": run("ana", "inbox"),
        "glow": run("ben", "glow"),
        "lineage": run("ana", "lineage", snippet),
        "matches": run("ana", "matches"),
        "people": run("ana", "people", "--topic", "x"),
        "compass": run("ana", "compass"),
        "home": run("ana"),
        "feed": run("ana", "feed"),
        "rank": run("ana", "rank"),
        "why": run("ana", "why", "Ben"),
        "balance": run("ben", "balance"),
        "health": run("ana", "health"),
        "ask": run("ana", "ask", "--title", "T", "--topic", "x", "Why?"),
    }


def spoiled(value, key=""):
    """An answer whose every word is hostile."""
    if isinstance(value, dict):
        return {key: spoiled(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [spoiled(inner, key) for inner in value]
    return HOSTILE if isinstance(value, str) and key not in OURS | IDS else value


def each(lines, key="items"):
    return lambda answer: [line for item in answer[key] for line in lines(item)]


VIEWS = {
    "request": lambda answer: record.record_lines(answer, answer["author"]["key"]),
    "snippet": lambda answer: record.record_lines(answer, "somebody else"),
    "fork": lambda answer: record.record_lines(answer, "somebody else"),
    "inbox": each(inbox.inbox_lines),
    "glow": each(tracing._glow_lines),
    "lineage": lambda answer: tracing._tree_lines(answer["tree"]),
    "matches": each(willing.match_lines, "matches"),
    "people": each(people._person_lines, "people"),
    "compass": compass.question_lines,
    "home": home._lines,
    "feed": each(items.item_lines),
    "rank": ranking.rank_lines,
    "balance": balance.balance_lines,
    "health": health.health_lines,
    "ask": lambda answer: requests.first_lines(answer["ask_first"]),
    "why": lambda answer: ranking.why_lines(answer, "somebody else"),
}


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_lets_anything_through(answers, view):
    lines = list(VIEWS[view](spoiled(answers[view])))
    assert any("E" in line for line in lines)
    assert not [line for line in lines if any(map(steers, line))]


@pytest.mark.parametrize("view", ["request", "snippet"])
def test_nor_is_a_watcher_steered(answers, view):
    lines = list(watch.news_lines(spoiled(answers["before"]) | {"text": ""}, spoiled(answers[view])))
    assert lines
    assert not [line for line in lines if any(map(steers, line))]


def test_every_view_has_something_to_show(answers):
    """Or the tests above would show nothing."""
    shown = answers["snippet"]
    for key in ("howto", "thread", "history", "corrections", "variants", "reactions", "adoptions"):
        assert shown[key], key
    assert answers["fork"]["upstream"]
    assert answers["request"]["similar"]
    for view, key in (
        ("inbox", "items"),
        ("glow", "items"),
        ("matches", "matches"),
        ("people", "people"),
        ("feed", "items"),
        ("why", "records"),
        ("balance", "needed_by"),
        ("health", "topics"),
        ("ask", "ask_first"),
    ):
        assert answers[view][key], view
