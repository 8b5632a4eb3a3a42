"""What I received and passed on, and who needs what I learned: balance. No debt; whoever wants to see none of it sees none."""

from collections.abc import Iterator
from typing import Any

import typer

from p2plearn_cli.command import command
from p2plearn_cli.output import bar, paint, plural, size
from p2plearn_cli.session import next_step, session, short
from p2plearn_cli.willing import match_lines

_PANEL = "Who helps"
_RECEIVED = {
    "requests": ("question of yours was answered", "questions of yours were answered"),
    "adopted": ("thing taken up", "things taken up"),
}
_PASSED_ON = {
    "answered": ("question of others that you helped with", "questions of others that you helped with"),
    "snippets": ("thing shared from what you asked", "things shared from what you asked"),
}
_RECOGNISED = {
    "shown_with_my_help": ("person showed you that they got it", "times somebody showed you that they got it"),
    "adopted_by_others": ("time somebody took up something of yours", "times somebody took up something of yours"),
    "learned_from_me": ("person names you as whom they learned it from", "people name you as whom they learned it from"),
    "thanks": ("time somebody thanked you", "times somebody thanked you"),
}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    command(app, "balance", _PANEL)(balance)


def balance(context: typer.Context) -> None:
    """What you received and passed on, and who needs what you learned; or what others say of it, as the setting `view` has it."""
    here = session(context)
    answer = here.call("balance")
    here.tell(answer, _VIEWS[answer["view"]](answer))


def _hidden(_: dict[str, Any]) -> Iterator[str]:
    yield "What you gave and received is not shown here: the setting view is off."
    yield next_step("p2plearn config set view balance shows it")


def balance_lines(found: dict[str, Any]) -> Iterator[str]:
    """Two bars side by side, what is in them, and what one could do."""
    received, passed_on = found["received"]["count"], found["passed_on"]["count"]
    yield f"You received {paint(received, 'bold')} and passed on {paint(passed_on, 'bold')}."
    if received or passed_on:
        for name, count in (("received", received), ("passed on", passed_on)):
            yield f"  {name:<9}  {paint(bar(count / max(received, passed_on)), 'green')}".rstrip()
        yield from _counted(found["received"], _RECEIVED)
        yield from _counted(found["passed_on"], _PASSED_ON)
    if found["bytes"]["received"]:
        yield f"  {size(found['bytes']['received'])} from other people's laptops, which yours tells nobody"
    if found["needed_by"]:
        yield ""
        yield paint("These people need what you learned", "bold")
        yield from (f"  {line}" for match in found["needed_by"] for line in match_lines(match))
    else:
        yield next_step(_onward(found))


def recognition_lines(found: dict[str, Any]) -> Iterator[str]:
    """What others said of what one gave."""
    said = list(_counted(found["recognition"], _RECOGNISED))
    yield paint("What others say of what you gave", "bold") if said else "Nobody has said yet what your help was worth to them."
    yield from said
    yield next_step("p2plearn glow tells what became of your help" if said else "p2plearn requests --open shows who is stuck")


def _counted(counts: dict[str, Any], names: dict[str, tuple[str, str]]) -> Iterator[str]:
    for key, words in names.items():
        if counts[key]["count"]:
            yield f"  {plural(counts[key]['count'], *words)}"


def _onward(found: dict[str, Any]) -> str:
    if found["received"]["requests"]["count"] and not found["passed_on"]["snippets"]["count"]:
        request = short(found["received"]["requests"]["ids"][-1])
        return f"p2plearn share --from {request} --title T --topic X TEXT passes on what you learned there"
    return "p2plearn requests --open shows who is stuck"


_VIEWS = {"balance": balance_lines, "recognition": recognition_lines, "off": _hidden}
