"""What people share: share, revise, fork, retract, forget."""

from typing import Annotated

import typer

from p2plearn_cli import output
from p2plearn_cli.command import argument, command, option
from p2plearn_cli.output import paint
from p2plearn_cli.session import key_line, next_step, session, short
from p2plearn_cli.text import Attach, File, Text, put_attachments, read_optional_text, read_text

_PANEL = "Share"
Id = Annotated[str, argument("ID", "Its id, or the first 6 characters or more.")]
Language = Annotated[str | None, option("--lang", "L", "The language of the text, as in en or pt-BR.")]
NewTitle = Annotated[str | None, option("--title", "T", "A new title; without it the old one stays.")]
Steps = Annotated[list[str] | None, option("--step", "TEXT", "One step of a howto. Repeatable, in their order.")]
DoneWhen = Annotated[str | None, option("--done-when", "TEXT", "How one sees that the howto is done.")]
Pitfalls = Annotated[list[str] | None, option("--pitfall", "TEXT", "What easily goes wrong. Repeatable.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (share, revise, fork, retract, forget):
        command(app, function.__name__, _PANEL)(function)


def share(
    context: typer.Context,
    *,
    title: Annotated[str, option("--title", "T", "One line that says what it is.")],
    topic: Annotated[list[str], option("--topic", "X", "What it is about. Repeatable.")],
    text: Text = None,
    file: File = None,
    kind: Annotated[str | None, option("--type", "note|howto|…", "What sort of text it is; howto when it has steps.")] = None,
    step: Steps = None,
    done_when: DoneWhen = None,
    pitfall: Pitfalls = None,
    source: Annotated[str | None, option("--from", "REQUEST", "The request that you learned it from.")] = None,
    language: Language = None,
    licence: Annotated[str | None, option("--licence", "L", "An SPDX name; CC-BY-SA-4.0 when not given.")] = None,
    attach: Attach = None,
) -> None:
    """Share something you know. It is signed, stored here, and travels to everybody you meet."""
    here = session(context)
    words = read_optional_text(text, file) if step else read_text(text, file)
    answer = here.call(
        "share",
        title=title,
        text=words,
        topics=list(topic),
        type="howto" if step and kind is None else kind,
        language=language,
        licence=licence,
        steps=_given(step),
        done_when=done_when,
        pitfalls=_given(pitfall),
        request=source,
        attachments=put_attachments(here, attach),
    )
    done, begins = paint(f"Shared “{title}”.", "bold"), short(answer["id"])
    then = f"p2plearn show {begins} shows it, and p2plearn revise {begins} TEXT betters it"
    here.tell(answer, done, key_line(answer["id"]), next_step(then))


def revise(
    context: typer.Context,
    *,
    id_: Id,
    text: Text = None,
    file: File = None,
    title: NewTitle = None,
    taking_up: Annotated[str | None, option("--with", "CORRECTION", "The correction that it takes up; its author is credited.")] = None,
    step: Steps = None,
    done_when: DoneWhen = None,
    pitfall: Pitfalls = None,
    attach: Attach = None,
) -> None:
    """Put a new text in place of your own; the older ones stay readable in its history."""
    here = session(context)
    words = read_optional_text(text, file) if step or done_when or pitfall else read_text(text, file)
    answer = here.call(
        "revise",
        id=id_,
        text=words,
        title=title,
        taking_up=taking_up,
        steps=_given(step),
        done_when=done_when,
        pitfalls=_given(pitfall),
        attachments=put_attachments(here, attach),
    )
    told = " Whoever took it up is told what changed." if taking_up else ""
    here.tell(answer, paint("Revised.", "bold") + f" From now on the new text is shown.{told}", key_line(answer["id"]))


def fork(
    context: typer.Context,
    *,
    id_: Id,
    text: Text = None,
    file: File = None,
    relation: Annotated[str | None, option("--as", "fork|adaptation|translation", "What yours is to theirs.")] = None,
    title: NewTitle = None,
    step: Steps = None,
    done_when: DoneWhen = None,
    pitfall: Pitfalls = None,
    language: Language = None,
    attach: Attach = None,
) -> None:
    """Share your own version of somebody's snippet; theirs stays, and yours names it."""
    here = session(context)
    words = read_optional_text(text, file) if step or done_when or pitfall else read_text(text, file)
    answer = here.call(
        "fork",
        id=id_,
        text=words,
        relation=relation,
        title=title,
        language=language,
        steps=_given(step),
        done_when=done_when,
        pitfalls=_given(pitfall),
        attachments=put_attachments(here, attach),
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
    target: Annotated[str, argument("ID-or-AUTHOR", "A record, or all of an author by key or name.")],
) -> None:
    """Delete something from this laptop, and decline it from now on. Others keep theirs."""
    here = session(context)
    answer = here.call("forget", target=target)
    here.tell(answer, paint(f"Forgotten: {output.plural(answer['forgotten'], 'record')}.", "bold") + " This node takes them no more.")


def _given(values: list[str] | None) -> list[str] | None:
    """What a repeatable option was given, or nothing: then the service decides."""
    return list(values) if values else None
