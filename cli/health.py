"""How the people around here do with each other: health. Numbers of people and never names, kind words, and a next step."""

import shlex
from collections.abc import Iterator
from typing import Any

import typer

from p2plearn_cli.command import command
from p2plearn_cli.output import bar, clean, lasting, paint, plural
from p2plearn_cli.reading import Topic
from p2plearn_cli.session import next_step, session

_PANEL = "Who helps"
_WIDTH = 8
_VERDICTS = {
    "healthy": ("green", "Most of those who could share do so: this is healthy."),
    "strained": ("yellow", "Many of those who could share do not: this is strained."),
    "failing": ("red", "More than half of those who could share do not: this is failing."),
}
_STATUSES = {
    "seeders": "share what they know",
    "learners": "are learning",
    "quiet": "could share, and nobody asked them",
    "withholding": "were asked, and have been silent",
}
_ME = {
    "seeder": "You share what you know here.",
    "learner": "You are learning here.",
    "quiet": "You know something here, and nobody has asked you for it yet.",
    "withholding": "You were asked for something that you know. A hint would be welcome, and so is p2plearn decline REQUEST TEXT.",
}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    command(app, "health", _PANEL)(health)


def health(context: typer.Context, topic: Topic = None) -> None:
    """Whether those who could share do, whether who asks is helped, on how few it depends, and what one could do."""
    here = session(context)
    answer = here.call("health", topic=topic)
    here.tell(answer, health_lines(answer))


def health_lines(found: dict[str, Any]) -> Iterator[str]:
    """The verdict, the people in numbers, what happens to questions, what is alarming, and what to do; then each topic."""
    if found["topic"]:
        yield paint(found["topic"], "bold")
    yield from _verdict(found)
    most = max(found[name] or 0 for name in _STATUSES)
    for name, meaning in _STATUSES.items():
        yield f"  {name:<11}  {_drawn(found[name], most)}  {meaning}"
    yield from _happening(found)
    yield from (paint(f"! {alarm['text']}.", "yellow") for alarm in found["alarms"])
    if found["me"]:
        yield _ME[found["me"]]
    yield from (next_step(clean(step)) for step in found["next"])
    if found["topics"]:
        yield ""
        yield paint("By topic", "bold")
        known = {alarm["kind"] for alarm in found["alarms"]}
        yield from (line for one in found["topics"] for line in _topic_lines(one, known))
        worst = max(found["topics"], key=lambda one: len(one["alarms"]))
        yield next_step(f"p2plearn health --topic {shlex.quote(clean(worst['topic']))} says more of one")


def _verdict(found: dict[str, Any]) -> Iterator[str]:
    if found["share"] is None:
        yield "Too few to tell which part of those who could share do: it takes 30 of whom others say that they got it."
        return
    colour, said = _VERDICTS[found["verdict"]]
    low, high = found["interval"]
    yield paint(said, colour, "bold")
    yield f"  {paint(bar(found['share']), colour)}  {found['share']:.0%} of them are willing ({low:.0%} to {high:.0%})"


def _drawn(count: int | None, most: int) -> str:
    """A bar and a number; of so few that a number would point at somebody, a dash."""
    if count is None:
        return f"{'-':<{_WIDTH}}    -"
    return f"{paint(bar(count / most if most else 0.0, _WIDTH), 'green')}  {count:>3}"


def _happening(found: dict[str, Any]) -> Iterator[str]:
    """What becomes of questions, and of what is learned."""
    if found["answered"] is None:
        yield "Nobody has asked in the last 30 days whose word counts here."
    else:
        helped = round(found["answered"] * found["requests"])
        soon = "" if found["first_help_s"] is None else f", half of them within {lasting(found['first_help_s'])}"
        yield f"Of {plural(found['requests'], 'request')} in the last 30 days, helped with: {helped}{soon}."
    if found["snowball"] is not None:
        yield f"Whoever took something up brought it to {found['snowball']:.2g} more, on average."
    if found["bus_factor"] is not None:
        yield f"More than half of all help comes from {plural(found['bus_factor'], 'person', 'people')}."
    if found["gini"] is not None:
        yield f"Spread of help: {found['gini']:.2f}, from 0, all alike, to 1, one for all."


def _topic_lines(one: dict[str, Any], known: set[str]) -> Iterator[str]:
    """Who shares in a topic, and what is alarming there and not all over."""
    drawn = paint(bar(one["seeders"] / one["capable"] if one["capable"] else 0.0, _WIDTH), "green")
    learning = f", {plural(one['learners'], 'learns', 'learn')}" if one["learners"] else ""
    yield f"  {drawn}  {paint(one['topic'], 'bold')}: {one['seeders']} of {one['capable']} share{learning}"
    yield from (f"  {'':<{_WIDTH}}  {paint('! ' + alarm['text'], 'yellow')}" for alarm in one["alarms"] if alarm["kind"] not in known)
