"""How the whole does, as people read it: a verdict, bars, kind words, nobody pointed at, and steps that can be typed."""

import json

import pytest

from p2plearn_cli import health
from p2plearn_cli.main import main
from tests.learning.typed import is_typed_as_printed


def found(**given):
    numbers = {"seeders": 24, "learners": 12, "quiet": 6, "withholding": 3, "capable": 33}
    share = {"verdict": "healthy", "share": 0.74, "interval": [0.66, 0.81]}
    told = {"requests": 40, "answered": 0.775, "first_help_s": 10_900.0, "snowball": 0.5, "bus_factor": 4, "gini": 0.41}
    rest = {"topic": None, "alarms": [], "next": ["p2plearn glow shows what became of your help"], "me": "seeder", "topics": []}
    return numbers | share | told | rest | given


def test_it_begins_with_a_verdict_and_draws_who_is_here():
    lines = list(health.health_lines(found()))
    assert lines[0] == "Most of those who could share do so: this is healthy."
    assert lines[1] == "  █████████     74% of them are willing (66% to 81%)"
    assert lines[2:6] == [
        "  seeders      ████████   24  share what they know",
        "  learners     ████       12  are learning",
        "  quiet        ██          6  could share, and nobody asked them",
        "  withholding  █           3  were asked, and have been silent",
    ]
    assert "Of 40 requests in the last 30 days, helped with: 31, half of them within 3 hours." in lines
    assert "More than half of all help comes from 4 people." in lines
    assert "You share what you know here." in lines


@pytest.mark.parametrize(
    "verdict,said", [("strained", "Many of those who could share do not"), ("failing", "More than half of those who could share do not")]
)
def test_what_is_not_well_is_said_with_what_to_do(verdict, said):
    alarm = {"kind": "unanswered", "text": "Most questions get no help"}
    lines = list(health.health_lines(found(verdict=verdict, alarms=[alarm])))
    assert lines[0].startswith(said)
    assert "! Most questions get no help." in lines
    assert lines[-1].startswith("Next: p2plearn ")


def test_of_few_people_no_number_points_at_one():
    few = found(verdict="too few to tell", share=None, interval=None, seeders=2, learners=1, quiet=None, withholding=None, capable=3)
    lines = list(health.health_lines(few))
    assert lines[0].startswith("Too few to tell")
    assert lines[3:5] == [
        "  quiet        -           -  could share, and nobody asked them",
        "  withholding  -           -  were asked, and have been silent",
    ]


def test_nobody_here_is_no_alarm():
    numbers = dict.fromkeys(("seeders", "learners", "requests", "capable"), 0) | dict.fromkeys(
        ("quiet", "withholding", "share", "interval")
    )
    nothing = dict.fromkeys(("answered", "first_help_s", "snowball", "bus_factor", "gini", "me"))
    lines = list(health.health_lines(found(verdict="too few to tell", **numbers, **nothing)))
    assert "Nobody has asked in the last 30 days whose word counts here." in lines
    assert not [line for line in lines if "█" in line or "!" in line or "None" in line]


def test_a_topic_shows_what_is_alarming_there_alone():
    few, slow = ({"kind": kind, "text": kind} for kind in ("few-helpers", "slow"))
    topics = [found(topic="bread", alarms=[slow]), found(topic="old knives; rm x", alarms=[slow, few], seeders=1, capable=8, learners=1)]
    lines = list(health.health_lines(found(alarms=[slow], topics=topics)))
    begin = lines.index("By topic")
    assert lines[begin + 1 : -1] == [
        "  █████▉    bread: 24 of 33 share, 12 learn",
        "  █         old knives; rm x: 1 of 8 share, 1 learns",
        "            ! few-helpers",
    ]
    assert lines[-1] == "Next: p2plearn health --topic 'old knives; rm x' says more of one"
    assert is_typed_as_printed(lines[-1].removeprefix("Next: "))


def test_whoever_is_asked_and_silent_is_told_so_kindly():
    said = "\n".join(health.health_lines(found(me="withholding")))
    assert "p2plearn decline REQUEST TEXT" in said
    assert "leech" not in said


def test_an_empty_home_is_told_how_to_begin(tmp_path, capsys):
    assert main(["--home", str(tmp_path), "health"]) == 0
    steps = [line.removeprefix("Next: ") for line in capsys.readouterr().out.splitlines() if line.startswith("Next: ")]
    assert steps
    assert all(map(is_typed_as_printed, steps))
    assert main(["--home", str(tmp_path), "health", "--topic", "Bread", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["topic"] == "bread"
