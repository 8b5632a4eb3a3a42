"""Who helps, as seen from here, and why: rank, why."""

import math
import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from p2plearn_cli import output
from p2plearn_cli.command import argument, command
from p2plearn_cli.items import Limit
from p2plearn_cli.output import ago, bar, clean, paint, title_of
from p2plearn_cli.reading import Topic
from p2plearn_cli.session import Session, key_line, next_step, session, short

_PANEL = "Who helps"
_PEOPLE = 8  # whose word is shown by itself; the others' together
_RECORDS = 3  # of each of them
_PLACES = 20  # unless more are asked for
_WHOLE = 0.9995  # a factor that takes off less than people read
_KINDS = {
    "verdict": "solved something with their help, and showed it",
    "solve": "solved something with their help",
    "adopt": "took up what they made",
    "learned-from": "learned something from them",
    "correction": "took up a correction of theirs",
    "thanks": "thanked them",
}
_ALSO = {"follow": "you follow them", "bytes": "their laptop brought records and files to yours"}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (rank, why):
        command(app, function.__name__, _PANEL)(function)


def rank(context: typer.Context, topic: Topic = None, limit: Limit = None) -> None:
    """Who helps, as seen from here, best first. Worked out on this laptop, for you alone."""
    here = session(context)
    answer = here.call("rank", topic=topic, limit=limit)
    here.tell(answer, _off_lines() if answer["view"] == "off" else rank_lines(answer, limit or _PLACES))
    here.tell_notes(answer)


def why(
    context: typer.Context,
    author: Annotated[str, argument("AUTHOR", "Somebody, by key or name.")],
    topic: Topic = None,
) -> None:
    """Why somebody stands where they stand: whose word it is, what is taken off, and the records behind it."""
    here = session(context)
    answer = here.call("why", author=author, topic=topic)
    here.tell(answer, () if here.json else _off_lines() if _is_off(here) else why_lines(answer, here.call("me")["author"]))
    here.tell_notes(answer)


def _is_off(here: Session) -> bool:
    """Whether ranks are not to be shown to people."""
    return bool(here.call("config_get", key="view")["value"] == "off")


def _off_lines() -> Iterator[str]:
    yield "Who helps whom is not shown here: the setting view is off."
    yield next_step("p2plearn config set view balance shows it")


def rank_lines(found: dict[str, Any], most: int = _PLACES) -> Iterator[str]:
    """A line for each person: place, a bar beside the best one's, score, name; and their key."""
    about = f" with {paint(found['topic'], 'bold')}" if found["topic"] else ""
    ranking = found["ranking"]
    if not found["evidence"]:
        yield f"Nobody has helped{about} yet that you, or those you trust, speak of."
        yield _without_evidence(found)
    else:
        yield f"Who helps{about}, as seen from here:"
    for person in ranking[:most]:
        share = person["score"] / ranking[0]["score"] if found["evidence"] else 0.0
        place = f"{person['rank']:>3}  {paint(bar(share), 'green')}  {_score(person['score'])}  " if found["evidence"] else ""
        yield place + paint(_name(person), "bold")
        yield key_line(person["author"])
    if len(ranking) > most:
        yield f"And {len(ranking) - most} more: --limit {len(ranking)} shows them."
    yield next_step(_rank_next(found))


def _without_evidence(found: dict[str, Any]) -> str:
    if not found["ranking"]:
        return "Nor has anybody here written about it, or teaches it." if found["topic"] else "Nor is anybody else known here."
    who = "These have to do with it" if found["topic"] else "These are the people here"
    return f"{who}, the last seen first:"


def _rank_next(found: dict[str, Any]) -> str:
    if found["evidence"]:
        return f"p2plearn why {short(found['ranking'][0]['author'])} says whose word that is"
    if not found["ranking"] and not found["topic"]:
        return "p2plearn connect MULTIADDR brings you together with others"
    named = shlex.quote(clean(found["topic"])) if found["topic"] else "X"
    return f"p2plearn ask --title T --topic {named} TEXT is where help begins"


def why_lines(found: dict[str, Any], you: str) -> Iterator[str]:
    """Whose word a score comes from, in figures that add up to it; then what is taken off in them, and the whole."""
    name = paint(_name(found), "bold")
    about = f", with {paint(found['topic'], 'bold')}" if found["topic"] else ""
    yield f"{name}{about}" + (f": place {found['rank']}, as seen from here" if found["rank"] else "")
    yield key_line(found["author"])
    if not found["parts"]:
        yield "Nothing that you, or those you trust, say speaks of them yet. That says nothing against them."
        yield next_step("p2plearn thanks ID TEXT, once something of theirs helped you")
        return
    shown, others = found["parts"][:_PEOPLE], found["parts"][_PEOPLE:]
    *figures, rest = adding_up([*(part["score"] for part in shown), sum(part["score"] for part in others)])
    for figure, part in zip(figures, shown, strict=True):
        yield f"{figure}  {paint('you say so' if part['from'] == you else _name(part) + ' says so', 'bold')}"
        yield from _said(part)
    if others:
        yield f"{rest}  {output.plural(len(others), 'other says so', 'others say so')}, too"
    yield from (f"  {_discount(discount)}" for discount in found["discounts"] if discount["factor"] < _WHOLE)
    yield f"{_total(figures, rest)}  {paint('in all', 'bold')}"
    if found["records"]:
        yield next_step(f"p2plearn show {short(found['records'][0])} shows one of these whole")


def _said(part: dict[str, Any]) -> Iterator[str]:
    for record in part["records"][:_RECORDS]:
        about = f": “{paint(title_of(record['title']))}”" if record["title"] else ""
        yield f"  {_KINDS.get(record['kind'], clean(record['kind']))}, {ago(record['at'])}{about}"
        yield "  " + key_line(record["id"])
    yield from (f"  {_ALSO[reason]}" for reason in part.get("also", ()))
    more = len(part["records"]) - _RECORDS
    if more > 0:
        yield f"  and {more} more"


def _discount(discount: dict[str, Any]) -> str:
    reason = "help that goes to and fro between two counts less"
    if discount["name"] == "one-source":
        reason = f"you know of them through {clean(discount['through_name'] or 'somebody without a name')} only"
    return f"each already × {discount['factor']:.3g}: {reason}"


def adding_up(parts: Sequence[float]) -> list[str]:
    """The parts as people read them: of three figures where they can be, and rounded so that what is read adds up to the whole, too."""
    whole = sum(parts)
    places = max(3, 2 - math.floor(math.log10(whole))) if whole > 0 else 3
    exact = [part * 10**places for part in parts]
    units = [math.floor(part) for part in exact]
    missing = round(sum(exact)) - sum(units)
    for place in sorted(range(len(parts)), key=lambda place: units[place] - exact[place])[:missing]:
        units[place] += 1
    return [f"{unit / 10**places:.{places}f}" for unit in units]


def _total(figures: Sequence[str], rest: str) -> str:
    places = len(rest.partition(".")[2])
    return f"{sum(map(float, (*figures, rest))):.{places}f}"


def _score(score: float) -> str:
    return f"{score:.3f}" if score >= 0.0005 else "<.001"


def _name(person: dict[str, Any]) -> str:
    return str(person["name"] or "somebody without a name")
