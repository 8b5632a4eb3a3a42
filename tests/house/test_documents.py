"""The documents keep up with the program: nothing a person can type or set goes undescribed, and no link leads nowhere."""

import re
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from p2plearn import errors
from p2plearn_cli.main import build

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
PROGRAM = get_command(build())
assert isinstance(PROGRAM, TyperGroup)
COMMANDS = PROGRAM.commands


@cache
def sections(document: str) -> dict[str, str]:
    """Each section of a manual by the words its heading has in `code`."""
    parts = re.split(r"^#+ (.*)$", (ROOT / "docs" / document).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        word: text
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
        for code in re.findall(r"`([^`]*)`", heading)
        for word in code.split()
    }


def options(command):
    """What may be typed after a command, in its long form."""
    spellings = (name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts))
    return [name for name in spellings if name.startswith("--") and name != "--help"]


def test_every_command_has_a_section_that_names_its_options():
    manual = sections("CLI.md")
    missing = {name: lacking for name, command in COMMANDS.items() if (lacking := undescribed(name, command, manual))}
    assert not missing


def undescribed(name, command, manual):
    """What of a command the manual passes over: its name, or some options."""
    if name not in manual:
        return [name]
    return [option for option in options(command) if not re.search(rf"(?<![\w-]){option}(?![\w-])", manual[name])]


def test_every_exit_code_is_explained():
    codes = {error.exit_code for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.P2plearnError)}
    text = (ROOT / "docs/CLI.md").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^\| `?(\d)`? \|", text, re.MULTILINE)} == codes | {0}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    targets = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link and not link.startswith("#")]
    missing = [target for target in targets if not (path.parent / target).exists()]
    assert not missing


def test_documents_named_in_passing_exist():
    named = {
        name: path.relative_to(ROOT).as_posix()
        for path in (*DOCUMENTS, *ROOT.glob("p2plearn/**/*.py"), *ROOT.glob("cli/*.py"), ROOT / "pyproject.toml", ROOT / "Makefile")
        for name in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text(encoding="utf-8"))
    }
    missing = {name: where for name, where in named.items() if not (ROOT / name).exists()}
    assert not missing
