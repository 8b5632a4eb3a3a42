"""Where something went and what became of one's help: lineage, glow."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from p2plearn_cli import output
from p2plearn_cli.command import argument, command
from p2plearn_cli.items import Limit, state_mark
from p2plearn_cli.output import ago, paint, text_lines, title_of
from p2plearn_cli.session import key_line, next_step, session, short

_PANEL = "Pass on"
_STAGES = {"tried": "tried it", "using": "uses it", "passed-on": "passed it on", "dropped": "dropped it"}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (lineage, glow):
        command(app, function.__name__, _PANEL)(function)


def lineage(context: typer.Context, snippet: Annotated[str, argument("SNIPPET", "The id of the snippet.")]) -> None:
    """Who took a snippet up, and from whom they learned it."""
    here = session(context)
    answer = here.call("lineage", snippet=snippet)
    reached = answer["reached"]
    lines = [f"It reached {paint(output.plural(reached, 'person', 'people'), 'bold')}."]
    if answer["r"] is not None:
        passed = f"{answer['r']:.2g}"
        lines.append(f"Each of them brought it to {paint(passed, 'bold')} more within a month, on average.")
    if not reached:
        lines.append(next_step(f"p2plearn adopt {short(answer['id'])} --stage tried, by whoever tries it"))
    here.tell(answer, _tree_lines(answer["tree"]), *lines)


def glow(context: typer.Context, limit: Limit = None) -> None:
    """What became of your help."""
    here = session(context)
    nothing = "Nobody has asked for your help here yet. p2plearn requests --open shows who is stuck."
    here.tell_items(here.call("glow", limit=limit), _glow_lines, nothing)


def _tree_lines(tree: dict[str, Any]) -> Iterator[str]:
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        stage = f" {_STAGES.get(node['stage'], 'made a version of it')}" if node["stage"] else " shared it"
        yield f"{'  ' * depth}{paint(node['name'] or 'somebody without a name', 'bold')}{paint(stage, 'green')}"
        yield "  " * depth + key_line(node["author"])
        waiting += [(child, depth + 1) for child in reversed(node["children"])]


def _glow_lines(item: dict[str, Any]) -> Iterator[str]:
    learner = paint(item["name"] or item["learner"], "bold")
    did = "asked" if item["request"] else "taken up"
    title = f"A {item['kind']} (taken back)" if item["taken_back"] else f"“{title_of(item['title'])}”"
    yield f"{paint(title, 'bold')}{state_mark(item)}, {did} by {learner}, {ago(item['at'])}"
    yield key_line(item["request"] or item["snippet"])
    if item["shown_at"]:
        yield f"  {learner} showed that they got it, {ago(item['shown_at'])}."
    yield from (f"  Thanks: {' '.join(text_lines(words))}" for words in item["thanks"])
    others = [author for author in item["adopted_by"] if author != item["learner"]]
    if others:
        yield f"  From there it went on to {output.plural(len(others), 'more person', 'more people')}."
