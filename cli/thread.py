"""What was said about a thing, as `show` prints it: answers beneath what they answer, second opinions beneath what they are about.

Takes the answer of `show` and looks nothing up. What stands at the head of a thing, and what one might do next, others print.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from p2plearn_cli import output
from p2plearn_cli.output import ago, paint, text_lines
from p2plearn_cli.session import key_line

Said: TypeAlias = dict[str, Any]

_DEEPEST = 6  # answers to answers step in so far and no further: there must be room for words
_WORDS = {"works": "Works", "doesnt": "Does not work", "outdated": "Outdated", "dangerous": "Dangerous", "correction": "Not right"}
_HEADS = {
    "shown": "shown",
    "partly": "partly shown",
    "not-yet": "not yet",
    "solve": "solved",
    "withdraw": "withdrawn",
    "decline": "declined",
}


class Thread:
    """The conversation in an answer of `show`: what hangs on what."""

    def __init__(self, record: Said) -> None:
        self._solved_by = record.get("solved_by")
        self._opinions = [*record["corrections"], *record["reactions"]]
        ids = {entry["id"] for entry in record["thread"]}
        others = {opinion["id"] for opinion in [*self._opinions, *record["adoptions"]]}
        steps = len((record["howto"] or {}).get("steps", ()))
        self._beneath: dict[str, list[Said]] = {}
        self._at_step: dict[int, list[Said]] = {}
        self._top: list[Said] = []
        for entry in record["thread"]:
            if entry["parent"] in ids | others:
                self._beneath.setdefault(entry["parent"], []).append(entry)
            elif entry["kind"] == "reply" and 1 <= (entry["step"] or 0) <= steps:
                self._at_step.setdefault(entry["step"], []).append(entry)
            else:
                self._top.append(entry)

    def lines(self) -> Iterator[str]:
        """All that is not at a step of the howto, an empty line before each."""
        for entry in self._top:
            yield from self._whole(entry, 0)

    def at_step(self, step: int) -> Iterator[str]:
        """What was said at one step of the howto, for a place beneath it."""
        for entry in self._at_step.get(step, ()):
            yield from self._whole(entry, 1)

    def beneath(self, id_: str, depth: int) -> Iterator[str]:
        """What was answered to an opinion or adoption, and the opinions about what was said."""
        for opinion in self._opinions:
            if opinion["about"] == id_:
                yield from indented(opinion_lines(opinion), depth)
        for entry in self._beneath.get(id_, ()):
            yield from self._whole(entry, depth)

    def _whole(self, entry: Said, depth: int) -> Iterator[str]:
        """An entry and all beneath it. Threads may be deep: no recursion."""
        waiting = [(entry, depth)]
        while waiting:
            current, depth = waiting.pop()
            yield ""
            yield from indented(entry_lines(current, solved=current["id"] == self._solved_by), depth)
            for opinion in self._opinions:
                if opinion["about"] == current["id"]:
                    yield from indented(opinion_lines(opinion), depth + 1)
            waiting += [(child, depth + 1) for child in reversed(self._beneath.get(current["id"], []))]


def indented(lines: Iterable[str], depth: int) -> Iterator[str]:
    """Lines moved in by two spaces a level."""
    return ("  " * min(depth, _DEEPEST) + line if line else "" for line in lines)


def entry_lines(entry: Said, *, solved: bool = False) -> Iterator[str]:
    """One thing said: what and who, its id in full, the words, what a verdict wants mended, files."""
    by = ", says" if entry["kind"] == "verdict" else " by"
    alone = ", for you alone" if entry["private"] and entry["text"] else ""
    mark = f": {paint('this solved it', 'green')}" if solved else ""
    yield f"{paint(_head(entry), 'yellow')}{by} {author(entry)}, {ago(entry['at'])}{alone}{mark}"
    yield key_line(entry["id"])
    if entry["retracted"]:
        yield from (f"  {line}" for line in taken_back(entry))
        return
    if entry["private"] and not entry["text"]:
        yield "  " + paint("In words that only their receiver can read.", "dim")
    yield from (f"  {line}" for line in words_of(entry) if line)
    for fix in () if entry.get("muted") else entry["fixes"]:
        yield from (f"  {line}" for line in labelled(f"Step {fix['step']}" if fix["step"] else "On the whole", fix["text"]))
    yield from (f"  {line}" for line in attachment_lines(entry["attachments"]))


def opinion_lines(opinion: Said, also: str = "") -> Iterator[str]:
    """A correction, a reaction or an upstream warning: whose, when, in which words."""
    word = _WORDS.get(opinion["type"], "Taken back")
    style = "green" if word == "Works" else "red"
    first, *rest = words_of(opinion)
    yield f"{paint(word, style, 'bold')}, says {author(opinion)}, {ago(opinion['at'])}{also}{': ' if first else '.'}{first}"
    yield from (f"  {line}" for line in rest)
    yield key_line(opinion["id"])
    yield from (f"  {line}" for line in attachment_lines(opinion.get("attachments", ())))


def attachment_lines(attachments: Iterable[Said]) -> Iterator[str]:
    """Each file with the words for those who cannot see it, and the command that saves it."""
    for item in attachments:
        alt = f": {paint(item['alt'])}" if item["alt"] else ""
        yield f"Attached {paint(item['name'] or 'file', 'bold')}, {output.size(item['size'])}{alt}"
        yield key_line(item["cid"])
        away = "" if item.get("here", True) else " fetches it from others and"
        yield paint(f"  p2plearn attachment {item['cid']} FILE{away} saves it", "dim")


def labelled(label: str, text: str) -> Iterator[str]:
    """A text behind its label, further lines moved in."""
    first, *rest = text_lines(text)
    yield f"{paint(label, 'bold')}: {first}"
    yield from (f"  {line}" for line in rest)


def words_of(said: Said) -> list[str]:
    """The lines of a text, or that its author is muted."""
    return [paint(f"You muted {said['author']['name'] or 'the author'}.", "dim")] if said.get("muted") else text_lines(said["text"])


def taken_back(said: Said) -> list[str]:
    """What stands where something was."""
    return [paint("Taken back by its author" + (f": {said['reason']}" if said["reason"] else "."), "dim")]


def author(said: Said) -> str:
    """A name, or the key of who has none."""
    return name(said["author"]["name"], said["author"]["key"])


def name(given: str, key: str) -> str:
    """As `author`, of a name and a key."""
    return paint(given or key, "bold")


def _head(entry: Said) -> str:
    what = _HEADS.get(entry["type"], entry["type"] or entry["kind"])
    if not entry["step"]:
        return str(what)
    return f"{what} {entry['step']}" if what == "step" else f"{what} at step {entry['step']}"
