"""How one thing looks with all that was said about it: the answer of `show`, for people. First what warns, then what it says."""

from collections.abc import Iterator
from typing import Any

from p2plearn_cli import output
from p2plearn_cli.items import state_mark
from p2plearn_cli.onward import onward
from p2plearn_cli.output import ago, paint, text_lines, title_of
from p2plearn_cli.session import key_line, next_step, short
from p2plearn_cli.thread import Thread, attachment_lines, author, indented, labelled, name, opinion_lines, taken_back, words_of

_FIELDS = (("goal", "Goal"), ("tried", "Tried"), ("level", "Knows already"), ("want", "Wants"))
_WARNING = {"outdated", "dangerous"}
_STAGES = {"tried": "tried it", "using": "uses it", "passed-on": "passed it on", "dropped": "dropped it"}
_OUTCOMES = {"works": "it works", "partly": "it works in part", "no": "it does not work"}


def record_lines(record: dict[str, Any], you: str) -> Iterator[str]:
    """Head, warnings, text, what belongs to it, the conversation, and what whoever looks might do next. `you`: their author key."""
    thread = Thread(record)
    yield from head_lines(record)
    yield ""
    yield from _warning_lines(record, thread)
    yield from wording_lines(record)
    yield from _howto_lines(record, thread)
    yield from attachment_lines(record["attachments"])
    yield from _opinion_lines(record, thread)
    yield from _adoption_lines(record, thread)
    yield from _around_lines(record)
    yield from thread.lines()
    if record["held_by"]:
        yield ""
        yield paint(f"Known to be held by {output.plural(record['held_by'], 'other')}.", "dim")
    yield ""
    yield from map(next_step, onward(record, you))


def head_lines(record: dict[str, Any]) -> Iterator[str]:
    """Title and state, who, when, about what, under which licence, and the id."""
    yield paint(title_of(record["title"] or record["kind"]), "bold") + state_mark(record)
    about = ", ".join(word for word in (*record["topics"], record["language"], record["licence"]) if word)
    yield f"{paint(record['kind'])} by {author(record)}, {ago(record['at'])}{', ' + paint(about) if about else ''}"
    yield key_line(record["id"])


def wording_lines(record: dict[str, Any]) -> Iterator[str]:
    """The text as it holds now, and what a request says beside it."""
    if record["reason"] is not None:
        yield from taken_back(record)
    elif record["text"]:
        yield from text_lines(record["text"])
    if record.get("to"):
        whom = record.get("to_name")
        yield f"{paint('Asked above all', 'bold')}: {paint(whom) + ', ' if whom else ''}{paint(record['to'], 'cyan')}"
    for key, label in _FIELDS:
        if record.get(key):
            yield from labelled(label, record[key])
    if record.get("attempt_owed"):
        yield paint("An attempt is owed: helpers are asked to wait for it.", "yellow")


def _warning_lines(record: dict[str, Any], thread: Thread) -> Iterator[str]:
    """What whoever relies on it should know before reading on."""
    said = {entry["id"] for entry in record["thread"]}
    mine = [one for one in record["corrections"] if one["taken_up_by"] is None and one["about"] not in said]
    mine += [one for one in record["reactions"] if one["type"] in _WARNING and one["about"] not in said]
    for opinion in mine:
        yield from opinion_lines(opinion)
        yield from thread.beneath(opinion["id"], 1)
    for opinion in record["upstream"]:
        yield from opinion_lines(opinion, also=", of what this was made from")
    if mine or record["upstream"]:
        yield ""


def _howto_lines(record: dict[str, Any], thread: Thread) -> Iterator[str]:
    howto = record["howto"]
    if howto is None:
        return
    for number, step in enumerate(howto["steps"], 1):
        first, *rest = text_lines(step)
        yield f"{paint(f'{number}.', 'bold')} {first}"
        yield from (f"   {line}" for line in rest)
        said = list(thread.at_step(number))
        yield from [*said, ""] if said else []
    if howto["done_when"]:
        yield from labelled("Done when", howto["done_when"])
    for pitfall in howto["pitfalls"]:
        yield from labelled("Pitfall", pitfall)


def _opinion_lines(record: dict[str, Any], thread: Thread) -> Iterator[str]:
    """Second opinions side by side, no score; corrections that were heeded."""
    said = {entry["id"] for entry in record["thread"]}
    opinions = [one for one in record["reactions"] if one["type"] not in _WARNING and one["about"] not in said]
    heeded = [one for one in record["corrections"] if one["taken_up_by"] is not None]
    if len(record["history"]) > 1:
        by = ", ".join(dict.fromkeys(author(one) for one in heeded))
        also = f" Taken up: what {by} corrected." if by else ""
        yield paint(f"Revised {output.plural(len(record['history']) - 1, 'time')}.", "dim") + also
    if opinions:
        yield ""
    for opinion in opinions:
        yield from opinion_lines(opinion)
        yield from thread.beneath(opinion["id"], 1)


def _adoption_lines(record: dict[str, Any], thread: Thread) -> Iterator[str]:
    if record["adoptions"]:
        yield ""
    if (others := record["adopters"] - len(record["adoptions"])) > 0:
        yield f"{output.plural(others, 'other')} took it up before them; p2plearn lineage {short(record['id'])} shows them all."
    for one in record["adoptions"]:
        yield from adoption_lines(one)
        yield from thread.beneath(one["id"], 1)


def adoption_lines(one: dict[str, Any]) -> Iterator[str]:
    """How far somebody took it up, what came of it, and from whom they learned it."""
    stage = paint(_STAGES.get(one["type"], "knows it"), "green")
    outcome = f", {_OUTCOMES[one['outcome']]}" if one["outcome"] in _OUTCOMES else ""
    source = one["learned_from"]
    learned = f", learned from {name(source['name'], source['key'])}" if source else ""
    first, *rest = words_of(one)
    yield f"{author(one)} {stage}{outcome}{learned}, {ago(one['at'])}{': ' if first else ''}{first}"
    yield from indented(rest, 1)
    yield key_line(one["id"])


def variant_lines(variant: dict[str, Any]) -> Iterator[str]:
    """Another's version of it."""
    article = "an" if variant["relation"][:1] in "aeiou" else "a"
    whose = name(variant["name"], variant["author"])
    yield f"There is {article} {paint(variant['relation'])} by {whose}: {paint(title_of(variant['title']), 'bold')}"
    yield key_line(variant["id"])


def _around_lines(record: dict[str, Any]) -> Iterator[str]:
    """Other versions of it, what came out of a question, and what is close to it."""
    for variant in record["variants"]:
        yield from variant_lines(variant)
    for item in record.get("passed_on", ()):
        yield f"Passed on by {name(item['name'], item['author'])}: {paint(title_of(item['title']), 'bold')}"
        yield key_line(item["id"])
    for item in record["similar"]:
        yield f"Similar: {paint(title_of(item['title']), 'bold')}{state_mark(item)}, by {name(item['name'], item['author'])}"
        yield key_line(item["id"])
