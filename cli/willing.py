"""Who would show what, and who would like to see it: teach, learn, offer, wanted, matches."""

import shlex
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from p2plearn_cli.command import argument, command, option
from p2plearn_cli.items import OWED, Limit
from p2plearn_cli.output import ago, clean, paint, title_of
from p2plearn_cli.session import Session, key_line, next_step, session, short
from p2plearn_cli.text import Attach, File, Text, put_attachments, read_text

_PANEL = "Meet"
_ONWARD = {
    "request": "p2plearn show {theirs}",
    "offer": "p2plearn reply {theirs} --type comment TEXT says that you would like to",
    "wanted": "p2plearn reply {theirs} --type comment TEXT says that you could",
    "teach": "p2plearn ask --to {author} --topic {topic} --title T TEXT",
    "learn": "p2plearn offer --topic {topic} TEXT says what you could show",
}
Topic = Annotated[str, argument("TOPIC", "One topic, as in bread or integrals.")]
Topics = Annotated[list[str], option("--topic", "X", "What it is about. Repeatable.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (teach, learn, offer, wanted, matches):
        command(app, function.__name__, _PANEL)(function)


def teach(
    context: typer.Context,
    topic: Topic,
    capacity: Annotated[int | None, option("--capacity", "N", "How many people at a time.")] = None,
) -> None:
    """Say that you are willing to help with a topic."""
    here = session(context)
    answer = here.call("teach", topic=topic, capacity=capacity)
    done = paint(f"You help with {topic}.", "bold") + f" p2plearn retract {short(answer['id'])} ends it."
    here.tell(answer, done, key_line(answer["id"]), next_step("p2plearn matches shows who would like to learn it"))


def learn(context: typer.Context, topic: Topic) -> None:
    """Say that you would like to learn a topic."""
    here = session(context)
    answer = here.call("learn", topic=topic)
    done = paint(f"You want to learn {topic}.", "bold") + f" p2plearn retract {short(answer['id'])} ends it."
    here.tell(answer, done, key_line(answer["id"]), next_step(f"p2plearn people --topic {shlex.quote(topic)} shows who could help"))


def offer(context: typer.Context, *, topic: Topics, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """Offer to show or teach something to whoever would like it."""
    _put(session(context), "offer", "Your offer is out.", topic, text=text, file=file, attach=attach)


def wanted(context: typer.Context, *, topic: Topics, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """Say what you would like to be shown or taught."""
    _put(session(context), "wanted", "Your wish is out.", topic, text=text, file=file, attach=attach)


def matches(context: typer.Context, limit: Limit = None) -> None:
    """What of others fits what you want, offer, learn or teach."""
    here = session(context)
    answer = here.call("matches", limit=limit)
    nothing = "Nothing fits yet. p2plearn offer, wanted, teach and learn say what you would give and like."
    here.tell_items(answer, match_lines, nothing, "matches")


def _put(here: Session, method: str, done: str, topics: list[str], *, text: str | None, file: str | None, attach: list[str] | None) -> None:
    words = read_text(text, file)
    answer = here.call(method, topics=list(topics), text=words, attachments=put_attachments(here, attach) or None)
    then = f"p2plearn matches shows what fits, and p2plearn retract {short(answer['id'])} takes it back"
    here.tell(answer, paint(done, "bold"), key_line(answer["id"]), next_step(then))


def match_lines(match: dict[str, Any]) -> Iterator[str]:
    """What fits what of yours, whose it is, and what one may do then."""
    yield paint(title_of(match["why"]), "bold")
    name = match["name"] or "somebody without a name"
    yield f"  {paint(match['kind'])} by {paint(name)}, {ago(match['at'])}, about {paint(match['topic'])}"
    if match.get("attempt_owed"):
        yield "  " + paint(OWED, "yellow")
    yield key_line(match["theirs"])
    if match["kind"] in _ONWARD:
        topic = shlex.quote(clean(match["topic"]))  # a stranger's word, which a shell must not take for more
        yield "  " + next_step(_ONWARD[match["kind"]].format(theirs=short(match["theirs"]), author=short(match["author"]), topic=topic))
