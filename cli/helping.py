"""Helping with a request: reply, check, verdict, decline."""

from typing import Annotated, Any

import typer

from p2plearn.errors import UsageError
from p2plearn_cli.command import argument, command, option
from p2plearn_cli.items import OWED
from p2plearn_cli.output import paint
from p2plearn_cli.session import key_line, next_step, session
from p2plearn_cli.text import Attach, File, Text, put_attachments, read_optional_text, read_text

_PANEL = "Ask and help"
_TYPES = "hint|step|answer|question|stuck|comment"
_JUDGED = {  # without a word of what to mend, and with one
    "shown": ("Shown. How good of you to see it through.",) * 2,
    "partly": ("Partly shown.", "Partly shown; what is missing is told."),
    "not-yet": ("Not yet.", "Not yet, and what to mend is told."),
}
Request = Annotated[str, argument("REQUEST", "The id of the request.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (reply, check, verdict, decline):
        command(app, function.__name__, _PANEL)(function)


def reply(
    context: typer.Context,
    *,
    id_: Annotated[str, argument("ID", "A request, a snippet or a reply.")],
    kind: Annotated[str, option("--type", _TYPES, "What sort of reply it is.")],
    text: Text = None,
    file: File = None,
    step: Annotated[int | None, option("--step", "N", "Which step it is, or speaks of.")] = None,
    attach: Attach = None,
) -> None:
    """Reply to a request, a snippet or another reply."""
    here = session(context)
    words = read_text(text, file)
    answer = here.call("reply", id=id_, type=kind, text=words, step=step, attachments=put_attachments(here, attach))
    done = "It is good that you say so: somebody will pick it up there." if kind == "stuck" else "Thank you, your reply is on its way."
    here.tell(answer, paint(done, "bold"), key_line(answer["id"]), *_owed(answer))


def check(context: typer.Context, request: Request, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """Ask somebody to show you that they got it: set a small task of the same kind."""
    here = session(context)
    words = read_text(text, file)
    answer = here.call("check", request=request, text=words, attachments=put_attachments(here, attach))
    done = paint("Your check is set.", "bold") + " You are told when a proof comes."
    then = next_step("p2plearn verdict PROOF RESULT TEXT, once there is a proof, RESULT being shown, partly or not-yet")
    here.tell(answer, done, key_line(answer["id"]), *_owed(answer), then)


def verdict(
    context: typer.Context,
    *,
    work: Annotated[str, argument("PROOF-or-ATTEMPT", "The id of the proof of your check, or of an attempt.")],
    result: Annotated[str, argument("RESULT", "What it shows: shown, partly or not-yet.")],
    text: Text = None,
    file: File = None,
    fix: Annotated[list[str] | None, option("--fix", "N:TEXT", "What to mend at step N of it. Repeatable.")] = None,
    attach: Attach = None,
) -> None:
    """Say what a proof or an attempt shows, and what to mend at which step; TEXT may add a word."""
    here = session(context)
    words = read_optional_text(text, file)
    fixes = [_fix(given) for given in fix or ()]
    attachments = put_attachments(here, attach)
    answer = here.call("verdict", work=work, result=result, text=words, fixes=fixes, attachments=attachments)
    said = _JUDGED[result][1 if words.strip() or fixes else 0]
    here.tell(answer, paint(said, "bold"), key_line(answer["id"]))


def decline(context: typer.Context, id_: Request, text: Text = None, file: File = None, attach: Attach = None) -> None:
    """Say kindly that you will not help with a request, and why: so nobody waits for you."""
    here = session(context)
    words = read_text(text, file)
    answer = here.call("decline", id=id_, text=words, attachments=put_attachments(here, attach))
    here.tell(answer, paint("Declined, with your words.", "bold") + " It stays open for others.", key_line(answer["id"]))


def _owed(answer: dict[str, Any]) -> list[str]:
    """What a helper should know who comes before the attempt."""
    return [f"{OWED} Your words are kept, and will be all the more use then."] if answer.get("attempt_owed") else []


def _fix(given: str) -> dict[str, Any]:
    """“2:the sign changes” as the service has it."""
    number, colon, words = given.partition(":")
    if not (colon and number.strip().isascii() and number.strip().isdigit() and words.strip()):
        raise UsageError(reason="A fix is written N:TEXT, the number of the step and what to mend there, as in 2:“the sign changes”")
    return {"step": int(number), "text": words.strip()}
