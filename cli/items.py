"""How one entry of a list of records looks: in feed, requests, search, similar."""

from typing import Annotated, Any

import typer

from p2plearn_cli.output import ago, paint
from p2plearn_cli.session import key_line

Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many.", show_default=False)]

_STATES = {"open": "yellow", "solved": "green", "shown": "green"}


def item_lines(item: dict[str, Any]) -> list[str]:
    """Title and state, who and when, the id in full, and where a search found its words."""
    state = item.get("state")
    shown = f" [{paint(state, _STATES.get(state, 'dim'))}]" if state else ""
    topics = paint(", ".join(item["topics"]))
    snippet = item.get("snippet")
    return [
        f"{paint(item['title'] or 'without a title', 'bold')}{shown}",
        f"  {paint(item['kind'])} by {paint(item['name'] or 'somebody without a name')}, {ago(item['at'])}{', about ' + topics if topics else ''}",
        *([f"  {paint(snippet, 'dim')}"] if snippet else []),
        key_line(item["id"]),
    ]
