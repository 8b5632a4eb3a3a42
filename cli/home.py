"""`p2plearn` alone: the first screen, of use to one person without peers. A home without keys is welcomed and left as it is."""

from collections.abc import Iterable, Iterator
from typing import Any

from p2plearn_cli import output
from p2plearn_cli.inbox import inbox_lines
from p2plearn_cli.items import item_lines
from p2plearn_cli.output import clean, paint
from p2plearn_cli.session import Session, key_line, next_step
from p2plearn_cli.willing import match_lines

_WELCOME = [
    "p2plearn init --name NAME makes your keys, and says what others shall call you",
    "p2plearn import FILE takes in what somebody gave you on a stick",
    "p2plearn --help lists all that it can do",
]
_NOBODY: dict[str, Any] = {  # the answer of a home without keys
    "name": "",
    "author": None,
    "running": False,
    "peers": 0,
    "records": 0,
    "inbox": [],
    "unread": 0,
    "more": False,
    "matches": [],
    "requests": [],
    "notes": [],
    "questions": [],
    "next": _WELCOME,
}
_SHOWN = 3  # of each sort; the commands named beside it show all


def first_screen(here: Session) -> None:
    """Print it."""
    home = here.client.home
    if not any(path.exists() for path in (home.author_key, home.peer_key, home.store)):
        here.tell(_NOBODY, _welcome_lines())
        return
    answer = here.call("home")
    here.tell(answer, _lines(answer))


def _welcome_lines() -> Iterator[str]:
    yield paint("Welcome to p2plearn.", "bold")
    yield "Share what you know, ask what you do not, and pass it on: with the people near you, without a server."
    yield ""
    yield from map(next_step, _WELCOME)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    who = f"You are {paint(found['name'], 'bold')}." if found["name"] else "You have no name here yet."
    near = f"{output.plural(found['peers'], 'peer')} connected" if found["peers"] else "nobody connected just now"
    yield f"{who} {output.plural(found['records'], 'record')} here, {near}."
    yield key_line(found["author"])
    new = [item for item in found["inbox"] if item["unread"]]
    yield from _part("New for you", new, inbox_lines, "p2plearn inbox shows all")
    yield from _part("Whom you could meet", found["matches"], match_lines, "p2plearn matches shows all")
    yield from _part("Who is stuck", found["requests"], item_lines, "p2plearn requests --open shows all")
    yield from _part("Your notes", found["notes"], item_lines, "p2plearn search WORDS looks in everything here")
    if found["questions"]:
        yield ""
        yield paint("Three questions for you", "bold")
        yield from (f"  {clean(question)}" for question in found["questions"])
        yield "  " + next_step("p2plearn compass asks them, and what you answer stays with you unless you share it")
    yield ""
    yield from (next_step(clean(step)) for step in found["next"])


def _part(title: str, items: list[dict[str, Any]], lines: Any, more: str) -> Iterator[str]:
    if not items:
        return
    yield ""
    yield paint(title, "bold")
    for item in items[:_SHOWN]:
        found: Iterable[str] = lines(item)
        yield from (f"  {line}" for line in found)
    yield "  " + next_step(more)
