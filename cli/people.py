"""People: profile, people, follow, unfollow, mute, unmute."""

import re
import shlex
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from p2plearn_cli import output
from p2plearn_cli.command import command, option
from p2plearn_cli.output import paint, text_lines
from p2plearn_cli.session import Session, key_line, next_step, session
from p2plearn_cli.thread import labelled

_PANEL = "People"
_KEY = re.compile("[0-9a-f]{64}")
Target = Annotated[str, typer.Argument(metavar="TOPIC-or-AUTHOR", help="A topic, or an author by key or name.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (profile, people, follow, unfollow, mute, unmute):
        command(app, function.__name__, _PANEL)(function)


def profile(
    context: typer.Context,
    name: Annotated[str | None, typer.Option("--name", metavar="N", help="What others shall call you.", show_default=False)] = None,
    about: Annotated[str | None, typer.Option("--about", metavar="TEXT", help="A few words about you.", show_default=False)] = None,
    open_to: Annotated[
        list[str] | None, typer.Option("--open-to", metavar="WHAT", help="What one may ask you for. Repeatable.", show_default=False)
    ] = None,
) -> None:
    """Say who you are. What is not given stays as it was."""
    here = session(context)
    answer = here.call("profile", name=name, about=about, open_to=list(open_to) if open_to else None)
    here.tell(answer, paint("Your profile is signed and travels with what you share.", "bold"), key_line(answer["id"]))


def people(
    context: typer.Context,
    topic: Annotated[str | None, option("--topic", "X", "Whom to ask about this topic, who is near and most willing first.")] = None,
) -> None:
    """Who is here, and whom to ask."""
    here = session(context)
    answer = here.call("people", topic=topic)
    lines = [line for person in answer["people"] for line in _person_lines(person)]
    nobody = ["Nobody is known here yet.", next_step("p2plearn connect MULTIADDR brings you together with others")]
    if topic is not None:
        nobody = [
            "Nobody here has said that they know it.",
            next_step(f"p2plearn wanted --topic {shlex.quote(topic)} TEXT says that you look for somebody"),
        ]
    here.tell(answer, *(lines or nobody))


def follow(context: typer.Context, target: Target) -> None:
    """Follow a topic or a person; with `hold` set to `followed`, this is what the node keeps."""
    _change(context, "follow", target)


def unfollow(context: typer.Context, target: Target) -> None:
    """No longer follow a topic or a person."""
    _change(context, "unfollow", target)


def mute(context: typer.Context, target: Target) -> None:
    """No longer see a topic or a person. Nobody else learns of it."""
    _change(context, "mute", target)


def unmute(context: typer.Context, target: Target) -> None:
    """See a topic or a person again."""
    _change(context, "unmute", target)


def _change(context: typer.Context, method: str, target: str) -> None:
    here = session(context)
    answer = here.call(method, target=target)
    if here.json:
        here.tell(answer)
        return
    following, muted = (", ".join(_named(here, one) for one in answer[key]) or "nothing" for key in ("following", "muted"))
    here.tell(answer, f"Done: {method} {paint(target, 'bold')}.", f"You follow: {following}", f"Muted: {muted}")


def _named(here: Session, target: str) -> str:
    """A topic, or an author by name with the key behind it, where a name is known."""
    name = here.call("name_of", author=target)["name"] if _KEY.fullmatch(target) else ""
    return output.clean(f"{name} ({target})" if name else target)


def _person_lines(person: dict[str, Any]) -> Iterator[str]:
    """Who somebody is, as their own words have it; asked about a topic, also why one might ask them."""
    seen = f"last seen {output.ago(person['last_seen'])}" if person["last_seen"] else "not seen yet"
    yield f"{paint(person['name'] or 'somebody without a name', 'bold')}, {seen}"
    yield key_line(person["author"])
    if person.get("why"):
        yield f"  {paint(person['why'], 'green')}"
    yield from (f"  {line}" for line in text_lines(person["about"]) if line)
    for key, label in (("teaches", "teaches"), ("learns", "learns"), ("open_to", "open to")):
        if person[key]:
            yield f"  {label} {paint(', '.join(person[key]))}"
    for answer in person["compass"]:
        yield from (f"  {line}" for line in labelled(answer["question"].rstrip("?"), answer["text"]))
