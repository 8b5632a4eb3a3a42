"""What people share: share, revise, fork, retract, forget."""

from typing import Annotated

import typer

from p2plearn_cli import output
from p2plearn_cli.command import command
from p2plearn_cli.output import paint
from p2plearn_cli.session import key_line, next_step, session
from p2plearn_cli.text import Attach, File, Text, put_attachments, read_optional_text, read_text

_PANEL = "Share"
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first 6 characters or more.", show_default=False)]
Language = Annotated[
    str | None, typer.Option("--lang", metavar="L", help="The language of the text, as in en or pt-BR.", show_default=False)
]
Licence = Annotated[
    str | None, typer.Option("--licence", metavar="L", help="An SPDX name; CC-BY-SA-4.0 when not given.", show_default=False)
]
NewTitle = Annotated[
    str | None, typer.Option("--title", metavar="T", help="A new title; without it the old one stays.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (share, revise, fork, retract, forget):
        command(app, function.__name__, _PANEL)(function)


def share(
    context: typer.Context,
    *,
    title: Annotated[str, typer.Option("--title", metavar="T", help="One line that says what it is.", show_default=False)],
    topic: Annotated[list[str], typer.Option("--topic", metavar="X", help="What it is about. Repeatable.", show_default=False)],
    text: Text = None,
    file: File = None,
    kind: Annotated[str | None, typer.Option("--type", metavar="note|howto|…", help="What sort of text it is.", show_default=False)] = None,
    language: Language = None,
    licence: Licence = None,
    attach: Attach = None,
) -> None:
    """Share something you know. It is signed, stored here, and travels to everybody you meet."""
    here = session(context)
    words = read_text(text, file)
    attachments = put_attachments(here, attach)
    answer = here.call(
        "share", title=title, text=words, topics=list(topic), type=kind, language=language, licence=licence, attachments=attachments
    )
    done, short = paint(f"Shared “{title}”.", "bold"), answer["id"][:8]
    here.tell(
        answer,
        done,
        key_line(answer["id"]),
        next_step(f"p2plearn show {short} shows it; p2plearn revise {short} TEXT betters it"),
    )


def revise(context: typer.Context, *, id_: Id, text: Text = None, file: File = None, title: NewTitle = None, attach: Attach = None) -> None:
    """Put a new text in place of your own; the older ones stay readable in its history."""
    here = session(context)
    words = read_text(text, file)
    answer = here.call("revise", id=id_, text=words, title=title, attachments=put_attachments(here, attach))
    here.tell(answer, paint("Revised.", "bold") + " From now on the new text is shown.", key_line(answer["id"]))


def fork(
    context: typer.Context,
    *,
    id_: Id,
    text: Text = None,
    file: File = None,
    relation: Annotated[
        str | None, typer.Option("--as", metavar="fork|adaptation|translation", help="What yours is to theirs.", show_default=False)
    ] = None,
    title: NewTitle = None,
    language: Language = None,
    attach: Attach = None,
) -> None:
    """Share your own version of somebody's snippet; theirs stays, and yours names it."""
    here = session(context)
    words = read_text(text, file)
    answer = here.call(
        "fork", id=id_, text=words, relation=relation, title=title, language=language, attachments=put_attachments(here, attach)
    )
    here.tell(answer, paint("Your version is shared.", "bold") + " It names where it comes from.", key_line(answer["id"]))


def retract(context: typer.Context, id_: Id, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """Take back something of your own. Nodes that have it show it no longer; TEXT may say why."""
    here = session(context)
    words = read_optional_text(text, file)
    answer = here.call("retract", id=id_, text=words, attachments=put_attachments(here, attach))
    here.tell(answer, paint("Taken back.", "bold") + " Others learn of it as they meet you.", key_line(answer["id"]))


def forget(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="ID-or-AUTHOR", help="A record, or all of an author by key or name.", show_default=False)
    ],
) -> None:
    """Delete something from this laptop, and decline it from now on. Others keep theirs."""
    here = session(context)
    answer = here.call("forget", target=target)
    here.tell(answer, paint(f"Forgotten: {output.plural(answer['forgotten'], 'record')}.", "bold") + " This node takes them no more.")
