"""Carrying everything on a stick: export and import."""

from pathlib import Path
from typing import Annotated

import typer

from p2plearn_cli import output
from p2plearn_cli.command import command
from p2plearn_cli.output import paint
from p2plearn_cli.session import next_step, session

_PANEL = "Carry"
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
    refused = [f"Left out {item['count']}: {paint(item['reason'])}." for item in answer["refused"]]
    here.tell(answer, f"{paint(output.plural(answer['new'], 'new record'), 'bold')}, {answer['known']} known before.", *refused)
