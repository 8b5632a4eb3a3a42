"""Settings: config get, config set. What they mean is in docs/CONFIGURATION.md."""

from typing import Annotated, Any

import typer

from p2plearn_cli import output
from p2plearn_cli.command import application, command
from p2plearn_cli.output import paint
from p2plearn_cli.session import session

_PANEL = "Settings"
Key = Annotated[str, typer.Argument(metavar="KEY", help="The name of a setting, as in quota.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    settings = application("Read and change the settings of this home.")
    command(settings, "get", _PANEL)(get)
    command(settings, "set", _PANEL)(set_)
    app.add_typer(settings, name="config", rich_help_panel=_PANEL)


def get(context: typer.Context, key: Key) -> None:
    """Print one setting as it holds now."""
    here = session(context)
    answer = here.call("config_get", key=key)
    here.tell(answer, _line(answer))


def set_(
    context: typer.Context,
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its new value.", show_default=False)],
) -> None:
    """Change one setting, in the file config.toml of this home."""
    here = session(context)
    answer = here.call("config_set", key=key, value=value)
    here.tell(answer, _line(answer))


def _line(answer: dict[str, Any]) -> str:
    value = answer["value"]
    if isinstance(value, bool):
        shown = str(value).lower()
    elif isinstance(value, int):
        shown = f"{value} ({output.size(value)})"
    else:
        shown = value if isinstance(value, str) else ", ".join(value) or "(none)"
    return f"{paint(answer['key'], 'bold')} = {paint(shown)}"
