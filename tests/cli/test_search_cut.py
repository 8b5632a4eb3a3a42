"""A search that asks too much, as a person and a script see it."""

import json

import pytest

from p2plearn import limits
from p2plearn.node.store import words as store_words
from p2plearn_cli.main import main


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("P2PLEARN_HOME", str(tmp_path / "home"))
    assert main(["share", "--title", "Tyres", "--topic", "bikes", "of wheels"]) == 0
    assert main(["search", "tyre"]) == 0
    capsys.readouterr()
    monkeypatch.setattr(store_words, "_STEPS", 1)


def test_it_ends_with_6_and_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(limits, "SEARCH_TIME", -1)
    assert main(["search", "tyres", "--json"]) == 6
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "search_too_broad"
    assert main(["search", "tyres"]) == 6
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "the search was cut off" in shown.err
    assert "rarer words" in shown.err


def test_one_for_whole_words_only_says_so_beside_what_it_found(monkeypatch, capsys):
    monkeypatch.setattr(limits, "BEGINNINGS_TIME", -1)
    assert main(["search", "tyres"]) == 0
    shown = capsys.readouterr()
    assert "Tyres" in shown.out
    assert "only whole words were looked for" in shown.err
    assert main(["search", "tyres", "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert len(json.loads(shown.out)["notes"]) == 1
