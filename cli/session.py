"""What one call of the program shares among its commands: whose home, and how the answer is wanted.

Commands print only through this, so that `--json` holds everywhere.
"""

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import typer

from p2plearn.client import Client, find_home
from p2plearn_cli import output

_SHORT = 8  # characters of an id that stand for it in what one types next


class Session:
    """One call of the program for the home that `--home`, the environment or the platform names."""

    def __init__(self, home: str | None, *, json: bool) -> None:
        self.client = Client(find_home(home))
        self.json = json

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A method of the façade; arguments that were not given are left to its defaults."""
        return self.client.call(method, **{name: value for name, value in arguments.items() if value is not None})

    def tell(self, answer: dict[str, Any], *lines: str | Iterable[str]) -> None:
        """Print the answer as JSON, or else the lines that say the same to a person."""
        if self.json:
            print(output.to_json(answer))
            return
        for line in lines:
            print(line if isinstance(line, str) else "\n".join(line))

    def tell_items(
        self, answer: dict[str, Any], lines: Callable[[dict[str, Any]], Iterable[str]], nothing: str, key: str = "items"
    ) -> None:
        """Print an answer that is a list under `key`, one paragraph each; `nothing` is what a person reads when it is empty."""
        paragraphs = ("\n".join(lines(item)) + ("\n" if item is not answer[key][-1] else "") for item in answer[key])
        self.tell(answer, paragraphs if answer[key] else nothing)

    def tell_notes(self, answer: dict[str, Any]) -> None:
        """What a person should know about an answer that they have read. A script finds it under "notes"."""
        for note in () if self.json else answer.get("notes", ()):
            print(note, file=sys.stderr)

    def progress(self, label: str) -> AbstractContextManager[Callable[[int, int], None]]:
        """A bar for a long job, unless a script is reading."""
        return output.progress(label, quiet=self.json)


def session(context: typer.Context) -> Session:
    """The session of a command."""
    found = context.obj
    assert isinstance(found, Session)
    return found


def next_step(text: str) -> str:
    """The line under what happened: what one would do now."""
    return output.paint(f"Next: {text}", "dim")


def short(id_: str) -> str:
    """Enough of an id for a command that one types."""
    return id_[:_SHORT]


def key_line(key: str) -> str:
    """An id or author key on a line of its own, in full: it can be copied whole, and any 6 characters that are unique will do."""
    return "  " + output.paint(key, "cyan")
