"""`show --watch`: what is new in a thing since it was looked at last."""

from collections.abc import Callable, Iterator
from typing import Any

from p2plearn_cli.output import clean, paint
from p2plearn_cli.record import adoption_lines, head_lines, variant_lines, wording_lines
from p2plearn_cli.thread import entry_lines, opinion_lines

_LINES: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "thread": entry_lines,
    "corrections": opinion_lines,
    "reactions": opinion_lines,
    "adoptions": adoption_lines,
    "variants": variant_lines,
}
_WORDING = ("text", "title", "reason", "howto")


def news(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    """What came, or was taken back, of all that is said around it; in the order of `show`."""
    return [one for _, one in _new(before, now)]


def changed(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether a person watching would want to know. Who holds it, or which files came, is no news."""
    return bool(news(before, now)) or any(before[key] != now[key] for key in ("state", *_WORDING))


def news_lines(before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """The new things alone, then the state when it is another."""
    if any(before[key] != now[key] for key in _WORDING):
        yield ""
        yield from head_lines(now)
        yield from wording_lines(now)
        yield from (f"{number}. {clean(step)}" for number, step in enumerate((now["howto"] or {}).get("steps", ()), 1))
    for key, one in _new(before, now):
        yield ""
        yield from _LINES[key](one)
    if before["state"] != now["state"]:
        yield ""
        yield paint(f"Now {now['state']}.", "green", "bold")


def _new(before: dict[str, Any], now: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    known = {_mark(one) for key in _LINES for one in before[key]}
    return ((key, one) for key in _LINES for one in now[key] if _mark(one) not in known)


def _mark(one: dict[str, Any]) -> tuple[str, bool]:
    return one["id"], one.get("retracted", False)
