"""What others make of a thing, in words: adopt, correct, react, thanks, encourage."""

from typing import Annotated, Any

import typer

from p2plearn.errors import UsageError
from p2plearn_cli import output
from p2plearn_cli.command import argument, command, option
from p2plearn_cli.output import paint
from p2plearn_cli.session import Session, key_line, next_step, session, short
from p2plearn_cli.text import Attach, File, Text, put_attachments, read_optional_text, read_text

_PANEL = "Pass on"
_STAGES = {
    "tried": "You tried it.",
    "using": "You use it: that is what learning is.",
    "passed-on": "You passed it on.",
    "dropped": "You dropped it, and say so. That helps too.",
}
Thing = Annotated[str, argument("ID", "What it is about: the id of anything said.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (adopt, correct, react, thanks, encourage):
        command(app, function.__name__, _PANEL)(function)


def adopt(
    context: typer.Context,
    *,
    snippet: Annotated[str, argument("SNIPPET", "The id of the snippet.")],
    stage: Annotated[str, option("--stage", "tried|using|passed-on|dropped", "How far you are with it.")],
    text: Text = None,
    file: File = None,
    outcome: Annotated[str | None, option("--outcome", "works|partly|no", "What came of it.")] = None,
    learned_from: Annotated[str | None, option("--learned-from", "AUTHOR", "Who showed it to you.")] = None,
    attach: Attach = None,
) -> None:
    """Say that you took something up, and how far; it credits those it came from by itself."""
    here = session(context)
    words = read_optional_text(text, file)
    answer = here.call(
        "adopt",
        snippet=snippet,
        stage=stage,
        outcome=outcome,
        learned_from=learned_from,
        text=words,
        attachments=put_attachments(here, attach),
    )
    credits_ = [_credit_line(credit) for credit in answer.get("credits", ())]
    then = f"p2plearn adopt {short(snippet)} --stage passed-on, once you have shown it to somebody" if stage in {"tried", "using"} else ""
    here.tell(answer, paint(_STAGES.get(stage, "Said."), "bold"), key_line(answer["id"]), *credits_, *([next_step(then)] if then else []))


def correct(context: typer.Context, id_: Thing, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """Say what is wrong with something. Everybody who took it up is told."""
    done = paint("Thank you.", "bold") + " Its author and all who took it up are told."
    _say(session(context), "correct", done, text=text, file=file, attach=attach, id=id_)


def react(
    context: typer.Context,
    *,
    id_: Thing,
    word: Annotated[str, argument("WORD", "What you found: works, doesnt, outdated or dangerous.")],
    text: Text = None,
    file: File = None,
    attach: Attach = None,
) -> None:
    """Say how it went with something, and where: a second opinion. A later one of yours replaces it."""
    done = paint("Your second opinion stands beside it.", "bold") + " p2plearn retract takes it back."
    _say(session(context), "react", done, text=text, file=file, attach=attach, id=id_, word=word)


def thanks(
    context: typer.Context,
    *,
    id_: Thing,
    text: Text = None,
    file: File = None,
    private: Annotated[bool, typer.Option("--private", help="Hides the words from others, not the fact that you thanked.")] = False,
    attach: Attach = None,
) -> None:
    """Thank whoever said or shared something, in words."""
    done = paint("Your thanks are on their way.", "bold")
    if private and attach:
        raise UsageError(reason="A file cannot be private: everybody could read it")
    if private:
        done += " Only their receiver can read the words; that you thanked is for everybody to see."
    _say(session(context), "thanks", done, text=text, file=file, attach=attach, id=id_, private=private)


def encourage(context: typer.Context, id_: Thing, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """A kind word to somebody who asks, tries or helps. Anybody may."""
    _say(session(context), "encourage", paint("That was kind. It is on its way.", "bold"), text=text, file=file, attach=attach, id=id_)


def _say(here: Session, method: str, done: str, *, text: str | None, file: str | None, attach: list[str] | None, **about: Any) -> None:
    words = read_text(text, file)
    answer = here.call(method, text=words, attachments=put_attachments(here, attach), **about)
    here.tell(answer, done, key_line(answer["id"]))


def _credit_line(credit: dict[str, Any]) -> str:
    name = paint(credit["name"] or credit["author"], "bold")
    return f"  Credited: {name}, {output.clean(credit['why'])} ({credit['share']:g})"
