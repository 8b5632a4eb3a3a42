"""Reading what is here: feed, search, show, attachment."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from p2plearn_cli import output
from p2plearn_cli.command import command
from p2plearn_cli.items import Limit, item_lines
from p2plearn_cli.output import paint
from p2plearn_cli.record import record_lines
from p2plearn_cli.session import Session, session
from p2plearn_cli.watch import changed, news, news_lines

_PANEL = "Read"
_WATCH_EVERY = 1.0  # seconds
Topic = Annotated[str | None, typer.Option("--topic", metavar="X", help="Only about this topic.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (feed, search, show, attachment):
        command(app, function.__name__, _PANEL)(function)


def feed(
    context: typer.Context,
    topic: Topic = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="K", help="Only this kind, as in snippet or request.", show_default=False)
    ] = None,
    limit: Limit = None,
) -> None:
    """What is here, newest first."""
    here = session(context)
    nothing = "Nothing is here yet. p2plearn share begins." if topic is None and kind is None else "Nothing here is like that."
    here.tell_items(here.call("feed", topic=topic, kind=kind, limit=limit), item_lines, nothing)


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to look for.", show_default=False)],
    topic: Topic = None,
    limit: Limit = None,
) -> None:
    """Look for words in everything that is here."""
    here = session(context)
    answer = here.call("search", query=query, topic=topic, limit=limit)
    here.tell_items(answer, item_lines, "Nothing here has these words.")
    here.tell_notes(answer)


def show(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first 6 characters or more.", show_default=False)],
    watch: Annotated[bool, typer.Option("--watch", help="Go on and show what is new as it comes, until Ctrl-C.")] = False,
) -> None:
    """Show one thing with all that was said about it."""
    here = session(context)
    answer = _shown(here, id_)
    here.tell(answer, record_lines(answer, "" if here.json else here.call("me")["author"]))
    while watch:
        sys.stdout.flush()  # whoever reads a pipe watches too
        time.sleep(_WATCH_EVERY)
        before, answer = answer, _shown(here, id_)
        if changed(before, answer):
            new = [one["id"] for one in news(before, answer)]
            here.tell(answer | {"new": new}, news_lines(before, answer))


def _shown(here: Session, id_: str) -> dict[str, Any]:
    """The answer of `show`; for people with the name of whom a request is put to."""
    answer = here.call("show", id=id_)
    named = {"to_name": here.call("name_of", author=answer["to"])["name"]} if answer.get("to") and not here.json else {}
    return answer | named


def attachment(
    context: typer.Context,
    cid: Annotated[str, typer.Argument(metavar="CID", help="As `p2plearn show` prints it, in full.", show_default=False)],
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Write an attached file to disk, fetching it from others when it is not here."""
    here = session(context)
    with here.progress("Fetching") as progress:
        answer = here.client.get_attachment(cid, Path(file), progress, replace=force)
    here.tell(answer, f"Wrote {paint(file, 'bold')}, {output.size(answer['size'])}.")
