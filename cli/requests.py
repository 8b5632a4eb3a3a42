"""Asking, and what the one who asked says after that: ask, similar, attempt, proof, solve, withdraw; and requests, the list of them."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from p2plearn_cli.command import argument, command, option
from p2plearn_cli.items import Limit, item_lines
from p2plearn_cli.output import paint
from p2plearn_cli.session import Session, key_line, next_step, session, short
from p2plearn_cli.text import Attach, File, Text, named_files, put_attachments, read_optional_text, read_text

_PANEL = "Ask and help"
_WANTS = "hint|walkthrough|answer|check|company"
_HERE_ALREADY = "This is here already, some of it perhaps your own:"
Request = Annotated[str, argument("REQUEST", "The id of the request.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (ask, similar, attempt, proof, solve, withdraw, requests):
        command(app, function.__name__, _PANEL)(function)


def ask(
    context: typer.Context,
    *,
    title: Annotated[str, option("--title", "T", "The question in one line.")],
    topic: Annotated[list[str], option("--topic", "X", "What it is about. Repeatable.")],
    text: Text = None,
    file: File = None,
    goal: Annotated[str | None, option("--goal", "TEXT", "What you want to be able to do.")] = None,
    tried: Annotated[str | None, option("--tried", "TEXT", "What you have tried.")] = None,
    level: Annotated[str | None, option("--level", "TEXT", "What you know already.")] = None,
    want: Annotated[str | None, option("--want", _WANTS, "The kind of help you want.")] = None,
    show_work_first: Annotated[bool, typer.Option("--show-work-first", help="Helpers should first see an attempt of yours.")] = False,
    to: Annotated[str | None, option("--to", "AUTHOR", "Whom you ask above all; everybody can read it.")] = None,
    attach: Attach = None,
) -> None:
    """Ask for help. Shows what is here already about the same thing."""
    here = session(context)
    words = read_text(text, file)
    has_seen = not here.json and watched()
    if has_seen and not _asks_all_the_same(here, f"{title} {words}"):
        return
    given = {"goal": goal, "tried": tried, "level": level, "want": want, "to": to}
    answer = here.call(
        "ask",
        title=title,
        text=words,
        topics=list(topic),
        show_work_first=show_work_first,
        attachments=put_attachments(here, attach),
        **given,
    )
    lines = [paint(f"Asked: “{title}”.", "bold"), key_line(answer["id"])]
    if answer["similar"] and not has_seen:
        lines += ["", _HERE_ALREADY, *(line for item in answer["similar"] for line in item_lines(item)), ""]
    then = f"p2plearn show {short(answer['id'])} shows the replies as they come, with --watch while they come"
    if show_work_first:
        then = f"p2plearn attempt {short(answer['id'])} TEXT shows how far you came yourself, which helpers wait for"
    here.tell(answer, *lines, *first_lines(answer["ask_first"]), next_step(then))


def first_lines(people: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Who is likely to help, of whom it is good to know that they are near."""
    if people:
        yield "Likely to help; a word to them does no harm:"
    for person in people:
        yield f"  {paint(person['name'] or 'somebody without a name', 'bold')}, {paint(person['why'])}"
        yield "  " + key_line(person["author"])


def watched() -> bool:
    """Whether a person sits at both ends, who can be asked something."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _asks_all_the_same(here: Session, question: str) -> bool:
    """Show a person what is here already before they ask; whether they still want to."""
    found = here.call("similar", text=question)
    if not found["similar"]:
        return True
    print(_HERE_ALREADY, "", sep="\n")
    here.tell_items(found, item_lines, "", "similar")
    try:
        return typer.confirm("\nAsk all the same?", default=True)
    except typer.Abort:
        raise KeyboardInterrupt from None


def similar(context: typer.Context, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """What is here already that is close to a text, before you ask. Of files, their names and the words about them count."""
    here = session(context)
    words = " ".join([read_text(text, file), *(f"{path.stem} {alt}" for path, alt in named_files(attach))])
    here.tell_items(here.call("similar", text=words), item_lines, "Nothing like that is here yet.", "similar")


def attempt(context: typer.Context, request: Request, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """Show how far you came with your own request."""
    here = session(context)
    words = read_text(text, file)
    answer = here.call("attempt", request=request, text=words, attachments=put_attachments(here, attach))
    here.tell(answer, paint("Your attempt is shown to those who help.", "bold"), key_line(answer["id"]))


def proof(
    context: typer.Context,
    check: Annotated[str, argument("CHECK", "The id of the check that you were set.")],
    text: Text = None,
    file: File = None,
    attach: Attach = None,
) -> None:
    """Show that you got it: your answer to a check."""
    here = session(context)
    words = read_text(text, file)
    answer = here.call("proof", check=check, text=words, attachments=put_attachments(here, attach))
    here.tell(answer, paint("Well done.", "bold") + " Whoever set the check says what it shows.", key_line(answer["id"]))


def solve(
    context: typer.Context,
    *,
    request: Request,
    text: Text = None,
    file: File = None,
    by: Annotated[str | None, option("--by", "REPLY", "The reply that helped most.")] = None,
    attach: Attach = None,
) -> None:
    """Say that your request is solved; TEXT may say how."""
    here = session(context)
    words = read_optional_text(text, file)
    answer = here.call("solve", request=request, by=by, text=words, attachments=put_attachments(here, attach))
    then = [f"p2plearn thanks {short(by)} TEXT tells who helped what it meant to you"] if by else []
    then.append(f"p2plearn share --from {short(request)} --title T --topic X TEXT passes on what you have learned")
    here.tell(answer, paint("Solved!", "green", "bold"), key_line(answer["id"]), *map(next_step, then))


def withdraw(context: typer.Context, request: Request, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """Say that you no longer need help with your request; TEXT may say why."""
    here = session(context)
    words = read_optional_text(text, file)
    answer = here.call("withdraw", request=request, text=words, attachments=put_attachments(here, attach))
    here.tell(answer, paint("Withdrawn.", "bold") + " It stays readable, and p2plearn retract brings it back.", key_line(answer["id"]))


def requests(
    context: typer.Context,
    topic: Annotated[str | None, option("--topic", "X", "Only about this topic.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only those still waiting for help, also those being worked on.")] = False,
    limit: Limit = None,
) -> None:
    """What people ask."""
    here = session(context)
    here.tell_items(here.call("requests", topic=topic, open=open_, limit=limit), item_lines, "No requests are here.")
