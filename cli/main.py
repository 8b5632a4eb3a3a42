"""The program `p2plearn`: reads the line, runs one command, and turns whatever happens into one sentence and an exit code.

docs/CLI.md is the manual, with the exit codes. Must not know what any command does.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import typer
from typer.exceptions import TyperException

from p2plearn import __version__
from p2plearn.errors import P2plearnError, UnknownCommand, UsageError
from p2plearn_cli import (
    balance,
    bundles,
    compass,
    health,
    helping,
    home,
    inbox,
    node,
    opinions,
    output,
    people,
    ranking,
    reading,
    requests,
    settings,
    snippets,
    tracing,
    willing,
)
from p2plearn_cli.command import application
from p2plearn_cli.session import Session

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def build() -> typer.Typer:
    """The whole program as a typer application."""
    app = application("Share what you know, ask what you do not, and pass it on: with the people near you, without a server.")
    for noun in (
        node,
        people,
        compass,
        willing,
        snippets,
        requests,
        helping,
        opinions,
        tracing,
        ranking,
        balance,
        health,
        reading,
        inbox,
        bundles,
        settings,
    ):
        noun.register(app)
    return app


@cache
def _program() -> Callable[..., Any]:
    """The same, ready to be called: typer takes long to read what commands take."""
    return typer.main.get_command(build())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _fill_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = _run(given)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # nothing can be written there, and the interpreter flushes once again
        if not isinstance(error, BrokenPipeError):  # nobody reads any more, and that is no news to whoever stopped
            print(f"What was to be said could not be written: {error.strerror}.", file=sys.stderr)
        return 1
    return code


def _fill_closed_streams() -> None:
    """Python has None for a stream that is closed, as after `>&-`; and the next file opened would take its number, the store perhaps."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - as long as the program runs


def _run(given: list[str]) -> int:
    json = _wants_json(given)
    try:
        rest, where = _without_everywhere(given)
        if rest == ["--version"]:
            print(output.to_json({"version": __version__}) if json else f"p2plearn {__version__}")
            return 0
        rest = ["--help"] if rest == ["help"] else [*rest[1:], "--help"] if rest[:1] == ["help"] else rest
        here = Session(where, json=json)
        if not rest:
            home.first_screen(here)
            return 0
        return int(_program()(rest, prog_name="p2plearn", standalone_mode=False, obj=here) or 0)
    except P2plearnError as error:
        return _fail(error, json=json)
    except TyperException as error:
        reason = error.format_message().rstrip(".")
        return _fail((UnknownCommand if reason.startswith("No such command") else UsageError)(reason=reason), json=json)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(P2plearnError(reason=f"the system said “{error.strerror}”"), json=json)
    except Exception as error:  # noqa: BLE001 - the last resort
        if os.environ.get("P2PLEARN_DEBUG"):
            traceback.print_exc()
        reason = f"p2plearn met an unforeseen {type(error).__name__}; with P2PLEARN_DEBUG=1 it says where"
        return _fail(P2plearnError(reason=reason), json=json)


def _fail(error: P2plearnError, *, json: bool) -> int:
    """Say what went wrong where it is looked for."""
    if json:
        print(output.to_json({"error": error.to_json()}))
    else:
        sys.stdout.flush()
        print(output.paint(error.message, "red", to=sys.stderr), output.paint(error.hint, "dim", to=sys.stderr), sep="\n", file=sys.stderr)
    return error.exit_code


def _wants_json(given: list[str]) -> bool:
    return "--json" in given[: given.index("--") if "--" in given else None]


def _without_everywhere(given: list[str]) -> tuple[list[str], str | None]:
    """The line without `--json` and `--home`, which hold before and after the command, and the home. Nothing after “--” is an option."""
    rest: list[str] = []
    home = None
    words = iter(given)
    for word in words:
        if word == "--":
            return [*rest, word, *words], home
        if word == "--home" or word.startswith("--home="):
            home = word[len("--home=") :] if "=" in word else next(words, "")
            if not home:
                raise UsageError(reason="--home needs the name of a directory")
        elif word != "--json":
            rest.append(word)
    return rest, home


if __name__ == "__main__":
    sys.exit(main())
