"""docs/hosting.md is for people who will type what it says, so all of it can be typed."""

import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from p2plearn_cli.main import build

PAGE = Path(__file__).parents[2] / "docs" / "hosting.md"
LINES = re.findall(r"^\$ p2plearn (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
WORDS = re.findall(r"`p2plearn ([a-z]+)`", PAGE.read_text(encoding="utf-8"))
PROGRAM = get_command(build())
assert isinstance(PROGRAM, TyperGroup)
COMMANDS = PROGRAM.commands


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_one_that_the_program_understands(line):
    name, *arguments = shlex.split(line)
    COMMANDS[name].make_context(name, arguments)


def test_it_leads_through_the_whole_loop():
    loop = ["ask", "attempt", "reply", "check", "proof", "verdict", "solve", "thanks", "share", "adopt", "correct"]
    named = [line.split()[0] for line in LINES]
    assert [name for name in dict.fromkeys(named) if name in loop] == loop
    assert set(WORDS) <= COMMANDS.keys()
    assert WORDS
