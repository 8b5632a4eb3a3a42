"""Carrying everything on a stick: export and import."""

from pathlib import Path
from typing import Annotated

import typer

from p2plearn.errors import UsageError
from p2plearn_cli import output
from p2plearn_cli.command import command
from p2plearn_cli.output import paint
from p2plearn_cli.session import next_step, session

_PANEL = "Carry"
_BROKEN = "against the rules of the protocol, so this file was tampered with or made by something else"
_REASONS = {
    "damaged": "damaged in the file",
    "cut short": "the file ends too early",
    "signature": "not signed by whom it names as its author",
    "encoding": "not written as records are",
    "unasked": "a piece of an attachment that no record here names",
    "block": "a piece of an attachment that is not what it says",
    "attachment": "a piece of an attachment that is not what its record says",
    "declined": "forgotten here before, and declined since",
    "interest": "about nothing and nobody followed here, and the setting hold is followed",
    "quota": "no room within the setting quota",
    "space": "for another place than the commons",
    "disk": "too little room on the disk",
}
Bundle = Annotated[str, typer.Argument(metavar="FILE", help="The file, on any disk or stick.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    command(app, "export", _PANEL)(export)
    command(app, "import", _PANEL)(import_)


def export(
    context: typer.Context,
    file: Bundle,
    topic: Annotated[str | None, typer.Option("--topic", metavar="X", help="Only what is about this topic.", show_default=False)] = None,
) -> None:
    """Write what is here to one file, for somebody you do not meet."""
    if file == "-":
        raise UsageError(reason="An export goes into a file, not to stdout: give it a name")
    here = session(context)
    with here.progress("Exporting") as progress:
        answer = here.client.export_bundle(Path(file), progress, topic)
    held = f"{output.plural(answer['records'], 'record')} and {output.plural(answer['attachments'], 'attachment')}"
    here.tell(answer, f"Wrote {held} to {paint(file, 'bold')}.", next_step("p2plearn import FILE on another laptop takes them in"))


def import_(context: typer.Context, file: Bundle) -> None:
    """Take in a file that `export` wrote; every signature is checked on the way."""
    here = session(context)
    with here.progress("Importing") as progress:
        answer = here.client.import_bundle(Path(file), progress)
    lines = [f"{paint(output.plural(answer['new'], 'new record'), 'bold')}, {answer['known']} known before."]
    if answer["attachments"]:
        lines.append(f"{output.plural(answer['attachments'], 'attachment')} came whole.")
    lines += [f"Left out {item['count']}: {paint(_REASONS.get(item['reason'], _BROKEN))}." for item in answer["refused"]]
    here.tell(answer, *lines)
    if answer["refused"] and not answer["new"] and not answer["known"]:
        raise typer.Exit(1)
