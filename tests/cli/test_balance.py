"""What I received and passed on, as people see it: two bars, no debt, and nothing at all for whoever wants none."""

import json

import pytest

from p2plearn_cli import balance
from p2plearn_cli.main import main
from tests.learning.typed import is_typed_as_printed


def counted(count):
    return {"count": count, "ids": [f"{number:064x}" for number in range(count)]}


def found(view="balance", *, requests=0, adopted=0, answered=0, snippets=0, thanks=0, size=0):
    names = ("adopted_by_others", "learned_from_me", "shown_with_my_help")
    return {
        "view": view,
        "received": {"count": requests + adopted, "requests": counted(requests), "adopted": counted(adopted)},
        "passed_on": {"count": answered + snippets, "answered": counted(answered), "snippets": counted(snippets)},
        "recognition": {"thanks": counted(thanks)} | {name: counted(0) for name in names},
        "bytes": {"received": size, "from": [{"author": "ab" * 32, "name": "Ben", "bytes": size}] if size else []},
        "needed_by": [],
    }


def test_giving_and_taking_stand_side_by_side():
    lines = list(balance.balance_lines(found(requests=1, adopted=3, answered=2, size=3 << 20)))
    assert lines[:3] == ["You received 4 and passed on 2.", "  received   ████████████", "  passed on  ██████"]
    assert "  1 question of yours was answered" in lines
    assert "  3 things taken up" in lines
    assert "  2 questions of others that you helped with" in lines
    assert any("3.0 MiB" in line for line in lines)
    assert all(len(line) <= 80 for line in lines[:-1])


def test_a_beginning_is_no_debt():
    lines = list(balance.balance_lines(found()))
    assert lines == ["You received 0 and passed on 0.", "Next: p2plearn requests --open shows who is stuck"]


def test_what_was_learned_may_be_passed_on_next():
    (step,) = [line for line in balance.balance_lines(found(requests=1)) if line.startswith("Next: ")]
    assert step.startswith("Next: p2plearn share --from 00000000 ")
    assert is_typed_as_printed(step.removeprefix("Next: "))
    assert "share" not in "\n".join(balance.balance_lines(found(requests=1, snippets=1))).partition("Next")[2]


def test_recognition_is_what_others_said():
    assert "  1 time somebody thanked you" in balance.recognition_lines(found(thanks=1))
    assert next(balance.recognition_lines(found())).startswith("Nobody has said yet")


@pytest.mark.parametrize(
    "view,begins",
    [("balance", "You received 0"), ("recognition", "Nobody has said yet"), ("off", "What you gave and received is not shown")],
)
def test_each_view_shows_its_own_and_json_has_it_all(tmp_path, capsys, view, begins):
    assert main(["--home", str(tmp_path), "config", "set", "view", view]) == 0
    capsys.readouterr()
    assert main(["--home", str(tmp_path), "balance"]) == 0
    assert capsys.readouterr().out.startswith(begins)
    assert main(["--home", str(tmp_path), "balance", "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() >= {"view", "received", "passed_on", "recognition", "bytes", "needed_by"}
