"""What concerns me: inbox."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from p2plearn.errors import UsageError
from p2plearn_cli.command import command, option
from p2plearn_cli.items import OWED, Limit
from p2plearn_cli.output import ago, paint, text_lines, title_of
from p2plearn_cli.session import key_line, next_step, session

_PANEL = "Read"
_DID = {
    "hint": "has a hint for",
    "step": "gives a step of",
    "answer": "answers",
    "question": "asks back on",
    "stuck": "is stuck at",
    "comment": "comments on",
    "attempt": "shows an attempt at",
    "check": "sets a check in",
    "proof": "gives a proof in",
    "shown": "says “shown” in",
    "partly": "says “partly shown” in",
    "not-yet": "says “not yet” in",
    "solve": "has solved",
    "withdraw": "has withdrawn",
    "decline": "will not help with",
    "thanks": "says thanks in",
    "encouragement": "has a kind word in",
    "tried": "tried",
    "using": "uses",
    "passed-on": "passed on",
    "dropped": "dropped",
    "correction": "corrects",
    "works": "finds that it works:",
    "doesnt": "finds that it does not work:",
    "outdated": "finds it outdated:",
    "dangerous": "finds it dangerous:",
    "revision": "has reworded",
    "retract": "took back",
    "snippet": "made something of yours into",
    "request": "asks you:",
    "match": "is where you have been:",
}
_MEANINGS = {
    "RESULT": "RESULT is shown, partly or not-yet.",
    "STAGE": "STAGE is using, passed-on or dropped.",
}
_LINES, _WIDTH = 4, 240  # of what somebody said; `show` has the rest


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    command(app, "inbox", _PANEL)(inbox)


def inbox(
    context: typer.Context,
    *,
    read: Annotated[str | None, option("--read", "ID", "Mark this one as read.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Mark all as read.")] = False,
    limit: Limit = None,
) -> None:
    """What concerns you, unread first, each with what one might do next."""
    if read is not None and all_:
        raise UsageError(reason="--read and --all exclude each other")
    here = session(context)
    answer = here.call("inbox", read=read, all=all_, limit=limit)
    here.tell_items(answer, inbox_lines, "Nothing is waiting for you.")
    if answer["unread"] and not here.json:
        print("", next_step("p2plearn inbox --read ID marks one as read, --all every one"), sep="\n")


def inbox_lines(item: dict[str, Any]) -> Iterator[str]:
    """What happened, in whose words, and the next step; what is unread stands out."""
    mark, style = (paint("●", "yellow"), ["bold"]) if item["unread"] else (" ", [])
    gone = item.get("taken_back")
    title = _untitled(gone, is_news=item["type"] == "retract") if gone else f"“{title_of(item['title'])}”"
    did = f"{item['name'] or 'Somebody'} {_DID.get(item['type'], item['type'])} {title}"
    yield f"{mark} {paint(f'Still using {title}?' if item['type'] == 'follow-up' else did, *style)}, {ago(item['at'])}"
    if gone and gone["about_title"]:
        yield f"  It concerns “{paint(title_of(gone['about_title']))}”, which was made from it."
    said = [line for line in text_lines(item["text"]) if line.strip()]
    yield from (f"  {line if len(line) <= _WIDTH else line[: _WIDTH - 1] + '…'}" for line in said[:_LINES])
    if len(said) > _LINES:
        yield "  …"
    if item.get("attempt_owed"):
        yield "  " + paint(OWED, "yellow")
    yield key_line(item["id"])
    yield "  " + next_step(item["next"])
    yield from (f"  {meaning}" for word, meaning in _MEANINGS.items() if word in item["next"].split())


def _untitled(thing: dict[str, Any], *, is_news: bool) -> str:
    """A thing whose title is hidden: what it was, and about what; unless that is the news, also whose, and that it was taken back."""
    article = "an" if thing["kind"][:1] in "aeiou" else "a"
    about = f" about {', '.join(thing['topics'])}" if thing["topics"] else ""
    whose = "" if is_news else f" by {thing['name'] or 'somebody without a name'}"
    return f"{article} {thing['kind']}{whose}{about}{'' if is_news else ' (taken back)'}"
