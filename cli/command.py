"""How commands are declared: typer, with its arguments read by hand and the same few options everywhere.

typer would load pydantic to see that a word is a word, which costs a quarter of a second on every call.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

Command = TypeVar("Command", bound=Callable[..., None])

EVERYWHERE = "Everywhere: --home DIR for another home than P2PLEARN_HOME, --json for scripts, -- before a TEXT that begins with a dash."


class _PlainParameters:
    """Parameters are words, lists of words, whole numbers and flags; also `--help`, which typer adds itself."""

    def get_params(self, ctx: Any) -> list[Any]:
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            parameter._runtime_param = _Plain()  # noqa: SLF001
        return parameters


class PlainCommand(_PlainParameters, TyperCommand):
    """One command."""


class PlainGroup(_PlainParameters, TyperGroup):
    """The program, or a group of commands within it."""


class _Plain:
    """What stands where typer would put a pydantic adapter."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if param.type_descriptor.annotation is int and not isinstance(value, int):
            return _whole_number(value, param, ctx)
        return value


def _whole_number(value: str, param: Any, ctx: Any) -> int:
    try:
        number = int(value) if value.isascii() else -1
    except ValueError:
        number = -1
    if number < 0:
        raise typer.BadParameter("it is a whole number", ctx=ctx, param=param)
    return number


def application(about: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(
        cls=PlainGroup, help=about, epilog=EVERYWHERE, add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False
    )


def option(flag: str, metavar: str, about: str) -> Any:
    """An option that takes a value and may be left out, unless its parameter has no default."""
    return typer.Option(flag, metavar=metavar, help=about, show_default=False)


def argument(metavar: str, about: str) -> Any:
    """A word that stands by itself."""
    return typer.Argument(metavar=metavar, help=about, show_default=False)


def command(app: typer.Typer, name: str, panel: str) -> Callable[[Command], Command]:
    """Declare a function as the command `name`; its docstring is the help."""
    return app.command(name, cls=PlainCommand, rich_help_panel=panel, epilog=EVERYWHERE)
