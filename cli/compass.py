"""The three questions: compass. Answers stay on this machine unless they are shared."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from p2plearn.errors import UsageError
from p2plearn_cli.command import command, option
from p2plearn_cli.output import ago, paint, text_lines
from p2plearn_cli.session import next_step, session
from p2plearn_cli.text import Attach, File, Text, put_attachments, read_optional_text, read_text

_PANEL = "People"
_FACTS = {
    "asked": "You asked",
    "answered": "You helped",
    "taught": "People who showed that they got it, checked by you",
    "shown": "What you showed that you got",
    "received": "Your questions that were answered",
    "adopted": "What you took up",
    "passed_on": "What you passed on from your own questions",
    "adopted_by_others": "What others took up from you",
    "learned_from_me": "People who name you as whom they learned it from",
    "thanked": "Thanks you said",
    "thanks": "Thanks said to you",
}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    command(app, "compass", _PANEL)(compass)


def compass(
    context: typer.Context,
    *,
    text: Text = None,
    file: File = None,
    answer: Annotated[int | None, option("--answer", "1|2|3", "Which question TEXT answers.")] = None,
    share: Annotated[bool, typer.Option("--share", help="Let others read this answer; without it, it stays on this machine.")] = False,
    topic: Annotated[list[str] | None, option("--topic", "X", "What the answer is about. Repeatable.")] = None,
    attach: Attach = None,
) -> None:
    """Three questions that bring you on: what brings you here, how you can contribute, how you could do so better."""
    here = session(context)
    if answer is None and (share or topic or attach or read_optional_text(text, file)):
        raise UsageError(reason="An answer needs the number of its question: --answer 1, 2 or 3")
    words = read_text(text, file) if answer is not None else None
    files = put_attachments(here, attach) or None
    found = here.call("compass", answer=answer, text=words, share=share or None, topics=list(topic) if topic else None, attachments=files)
    here.tell(found, question_lines(found))


def question_lines(found: dict[str, Any]) -> Iterator[str]:
    """Each question with what was answered last and what it leads to; behind the third, one's own facts."""
    for question in found["questions"]:
        if question["number"] > 1:
            yield ""
        yield paint(f"{question['number']}. {question['question']}", "bold")
        for answer in question["answers"][:1]:
            yield from (f"   {line}" for line in text_lines(answer["text"]))
            yield paint(f"   {ago(answer['at'])}, {_seen_by(question, answer)}", "dim")
        if question["number"] == len(found["questions"]):
            yield from _fact_lines(found["facts"])
        if not question["answers"]:
            yield "   " + next_step(f"p2plearn compass --answer {question['number']} TEXT")
        elif question["action"]:
            yield "   " + next_step(question["action"]["command"])
            if question["action"]["kind"] == "change":
                yield "   In a week, p2plearn compass shows what came since beside what was before."


def _seen_by(question: dict[str, Any], answer: dict[str, Any]) -> str:
    """Who can read an answer. A wish or an offer that came of it has its words, too."""
    if question["action"] and question["action"]["id"]:
        return f"out as your {'wish' if question['action']['kind'] == 'wanted' else 'offer'}: others read these words"
    return "for others to read" if answer["shared"] else "for yourself alone"


def _fact_lines(facts: dict[str, Any]) -> Iterator[str]:
    """What I did here, in numbers that `--json` has the records of; since a change of mine, what came after it."""
    now = {name: fact["count"] for name, fact in facts["now"].items() if isinstance(fact, dict) and fact["count"]}
    for name, count in now.items():
        since = facts.get("since", {}).get(name)
        yield f"   {_FACTS.get(name, name)}: {count}" + (f", {since} of it since you changed something {ago(facts['at'])}" if since else "")
    if not now:
        yield "   What you ask, give and pass on is counted here, for you alone."
