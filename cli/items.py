"""How one entry of a list of records looks: in feed, requests, search, similar."""

from typing import Annotated, Any

import typer

from p2plearn_cli.output import ago, paint, title_of
from p2plearn_cli.session import key_line

Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many.", show_default=False)]

_STATES = {"open": "yellow", "working": "yellow", "checking": "yellow", "solved": "green", "shown": "green"}
OWED = "Whoever asked wants to show an attempt of their own first."
_USUAL = "shared"  # a snippet that nothing happened to


def state_mark(record: dict[str, Any]) -> str:
    """The state of a request, or what happened to a snippet, to stand behind its title."""
    state = record["state"]
    return "" if state in (None, _USUAL) else f" [{paint(state, _STATES.get(state, 'dim'))}]"


def item_lines(item: dict[str, Any]) -> list[str]:
    """Title and state, who and when, the id in full, and where a search found its words."""
    owed = f" [{paint('attempt owed', 'yellow')}]" if item.get("attempt_owed") else ""
    about = f", about {paint(', '.join(item['topics']))}" if item["topics"] else ""
    return [
        paint(title_of(item["title"]), "bold") + state_mark(item) + owed,
        f"  {paint(item['kind'])} by {paint(item['name'] or 'somebody without a name')}, {ago(item['at'])}{about}",
        *([f"  {paint(item['snippet'], 'dim')}"] if "snippet" in item else []),
        key_line(item["id"]),
    ]
