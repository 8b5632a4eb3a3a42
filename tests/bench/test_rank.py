"""The ranking of receipts in a file, through the command that whoever wants to judge it would type."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from bench import rank_speed
from bench.edges import Unreadable, read

ROOT = Path(__file__).parents[2]
DAY = 24 * 3600
NOW = 1_800_000_000

pytestmark = pytest.mark.processes


def line(issuer, provider, kind="solve", slot="1", **more):
    return {"issuer": issuer, "provider": provider, "kind": kind, "slot": slot, "topic": "bread", "at": NOW} | more


@pytest.fixture
def file(tmp_path):
    def write(*lines):
        path = tmp_path / "edges"
        path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines) + "\n\n")
        return path

    return write


def command(*words):
    program = [sys.executable, "-m", "bench", "rank"]
    return subprocess.run([*program, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def ranked(path, *words, me="me"):
    done = command("--edges", path, "--me", me, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


VILLAGE = (
    line("me", "ann", "verdict"),
    line("me", "bob", "thanks", slot="a snippet"),
    line("ann", "Çağla 🌻", "adopt-passed-on"),
    line("Çağla 🌻", "ann", "thanks"),
    line("Çağla 🌻", "dan", "adopt-using", at=NOW - 180 * DAY),
    line("somebody", "else"),
)


def test_everybody_who_helped_is_ranked_by_whom_i_trust(file):
    """By hand: my own row counts ann 2 and bob 1 of 3; ann hands on 0.6 · log2(3.5) / (log2(3.5) + 2) of hers, behind her for a quarter.

    What is said of ann by somebody whom I know through her alone counts nothing, and keeps its part of what they hand on.
    """
    answer = ranked(file(*VILLAGE))
    assert answer.keys() == {"ranking", "full_ms", "receipt_ms"}
    assert answer["full_ms"] > 0
    assert answer["receipt_ms"].keys() == {"p50", "p99"}
    scores = dict(answer["ranking"])
    assert [name for name, _ in answer["ranking"]] == ["ann", "bob", "Çağla 🌻", "dan", "else"]
    assert scores["bob"] == pytest.approx(1 / 3, abs=1e-9)
    assert scores["else"] == 0
    there, back = 1.8073549220576042 / 3.8073549220576042, 1 / (1 + 1 + 2)  # dan's 2 units are half a year old, so they count one
    assert scores["ann"] == pytest.approx(2 / 3, abs=1e-9)
    assert scores["Çağla 🌻"] == pytest.approx(0.25 * 0.6 * 2 / 3 * there, abs=1e-9)
    assert scores["dan"] == pytest.approx(0.25 * 0.36 * 2 / 3 * there * back, abs=1e-9)


def test_why_names_everybody_as_the_file_does_and_adds_up(file):
    why = ranked(file(*VILLAGE), "--why", "Çağla 🌻")["why"]
    assert why["author"] == "Çağla 🌻"
    assert why["rank"] == 3
    (part,) = why["parts"]
    assert part["from"] == "ann"
    assert part["share"] == pytest.approx(1)
    assert part["score"] == pytest.approx(why["score"], abs=1e-9)
    assert part["records"] == [{"id": "1", "kind": "adopt-passed-on", "at": NOW, "units": 2.5}]
    assert why["records"] == ["1"]
    assert [(discount["name"], discount["through"]) for discount in why["discounts"]] == [("one-source", "ann")]


def test_help_that_goes_to_and_fro_between_two_whom_i_know_counts_less(file):
    lines = line("me", "ann"), line("me", "bob", slot="2"), line("ann", "bob", "thanks"), line("bob", "ann", "thanks")
    (discount,) = ranked(file(*lines), "--why", "ann")["why"]["discounts"]
    assert discount == {"name": "back-and-forth", "factor": pytest.approx(1 - 0.36 / 9), "through": None}


@pytest.mark.parametrize("who", ["me", "nobody at all", "else"])
def test_of_whom_nobody_i_trust_said_anything_there_is_nothing_to_explain(file, who):
    why = ranked(file(*VILLAGE), "--why", who)["why"]
    assert (why["score"], why["rank"], why["parts"], why["records"]) == (0, None, [], [])


def test_bytes_count_only_where_i_got_them_from_somebody_who_helped_me_too(file):
    def served(issuer, provider):
        return {"issuer": issuer, "provider": provider, "kind": "served", "bytes": 1 << 30}

    plain = dict(ranked(file(line("me", "ann"), line("me", "bob", slot="2")))["ranking"])
    assert plain == {"ann": 0.5, "bob": 0.5}
    bytes_ = served("me", "ann"), served("me", "cat"), served("bob", "dan"), served("ann", "bob")
    answer = ranked(file(line("me", "ann"), line("me", "bob", slot="2"), *bytes_), "--why", "ann")
    scores = dict(answer["ranking"])
    assert scores["ann"] == pytest.approx(2 / (2 + 1.584962500721156), abs=1e-9)  # log2(1 + 2 + 1) to log2(1 + 2)
    assert scores["cat"] == scores["dan"] == 0
    assert [record["kind"] for record in answer["why"]["parts"][0]["records"]] == ["served", "solve"]


def test_the_latest_line_of_a_slot_holds_in_whatever_order_they_come(file):
    lines = [
        line("me", "ann", "verdict", "request"),
        line("me", "bob", "solve", "request", at=NOW + 1),  # one request has one helper
        line("me", "cat", "adopt-passed-on", "snippet"),
        line("me", "cat", "adopt-tried", "snippet", at=NOW + 1),
        line("me", "dan", "adopt-tried", "snippet"),
        line("me", "dan", "thanks", "snippet"),
        line("me", "eve", "verdict", "another", at=NOW + 1),
        line("me", "eve", "solve", "another", at=NOW + 1),
        line("me", "me", "verdict", "mine"),
    ]
    scores = ranked(file(*lines))["ranking"]
    assert dict(scores).keys() == {"bob", "cat", "dan", "eve"}
    assert dict(scores)["cat"] < dict(scores)["dan"]
    for _ in range(3):
        random.shuffle(lines)
        again = read(file(*lines, *lines[::2]))
        assert [edge.kind for edge in again.held if edge.provider == "eve"] == ["verdict"]
        assert {(edge.provider, edge.kind) for edge in again.held} >= {("bob", "solve"), ("cat", "adopt-tried")}
        assert len(again.held) == 5


def test_an_empty_file_ranks_nobody(file):
    answer = ranked(file())
    assert answer["ranking"] == []
    assert answer["receipt_ms"] == {"p50": None, "p99": None}


@pytest.mark.parametrize(
    "bad",
    [
        "no JSON",
        "[]",
        '"text"',
        {"issuer": "a", "provider": "b", "kind": "solve", "at": NOW},
        line("a", "b", at=None),
        line("a", "b", at="today"),
        line("a", "b", "likes"),
        line("a", 7),
        line("a", "b", slot=7),
        line("a", "b", "served", bytes=-1),
        line("a", "b").__repr__(),
        '{"issuer": "a", "provider": "b", "kind": "solve", "slot": "1", "at": 1e999}',
    ],
)
def test_a_line_that_is_none_is_named_and_nothing_is_ranked(file, bad):
    path = file(line("me", "ann"), bad)
    with pytest.raises(Unreadable, match="line 2: "):
        read(path)


def test_what_cannot_be_used_ends_with_one_sentence_and_code_2(file, tmp_path):
    for words in (
        ["--edges", tmp_path / "none", "--me", "me"],
        ["--edges", file("no JSON"), "--me", "me", "--json"],
    ):
        done = command(*words)
        assert done.returncode == 2
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
    assert command("--edges", file()).returncode == 2


def test_without_json_the_best_are_shown(file):
    done = command("--edges", file(*VILLAGE), "--me", "me")
    assert [shown.split()[1] for shown in done.stdout.splitlines()[:2]] == ["ann", "bob"]


def test_the_speed_is_told_beside_libraries_that_may_be_missing(monkeypatch):
    monkeypatch.delenv("PEERS_DIR", raising=False)
    rows = {row["name"]: row for row in rank_speed.lines(200, 1_000)}
    assert rows["rank full"]["ms"] > 0
    assert 0 < rows["rank receipt"]["p50"] <= rows["rank receipt"]["p99"]
    assert all("PEERS_DIR" in rows[f"rank {other}"]["skipped"] for other in ("networkx", "meritrank"))
