"""`make demo`: a small café of real nodes on this machine. Prints what happens, with timings; each claim is read back from another process.

Exits with 1 when a claim does not hold.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from p2plearn.testing.laptops import CommandFailed, Laptop, eventually, laptops, same_set


class Story:
    """Tells what happens, and how long each thing took."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.claims = 0

    def tell(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.2f} s  {text}", flush=True)

    def claim(self, text: str, holds: Callable[[], Any]) -> Any:
        """Say `text` once it is true, with the time that it took. Raises AssertionError when it does not come true."""
        since = time.monotonic()
        value = eventually(holds)
        self.claims += 1
        self.tell(f"  ✓ {text} ({(time.monotonic() - since) * 1000:.0f} ms, with the commands that looked)")
        return value


def main() -> int:
    """Play the café; the exit code."""
    story = Story()
    with tempfile.TemporaryDirectory(prefix="p2plearn-demo-") as directory, laptops(Path(directory), "ada", "ben", "eve", "late") as found:
        try:
            _play(story, *found)
        except (AssertionError, CommandFailed) as error:
            print(f"\nThis did not hold: {error}", file=sys.stderr)
            for laptop in found:
                print(f"--- {laptop}\n{laptop.log()}", file=sys.stderr)
            return 1
    story.tell(f"{story.claims} claims held, each read back from the laptop it is about.")
    return 0


def _play(story: Story, ada: Laptop, ben: Laptop, eve: Laptop, late: Laptop) -> None:
    story.tell("Ada, Ben and Eve open their laptops. Nobody has a server.")
    for laptop in (ada, ben, eve):
        laptop.cli("init", "--name", laptop.home.name.capitalize())
        laptop.up()
    ben.cli("connect", ada.address)
    eve.cli("connect", ben.address)
    story.claim("Ben's laptop sees Ada's and Eve's", lambda: {"Ada", "Eve"} <= {peer["name"] for peer in ben.cli("peers")["peers"]})

    title = "Why does my bread not rise?"
    asked = ada.cli("ask", "--title", title, "--topic", "baking", "--want", "hint", "The dough stays flat after two hours.")["id"]
    story.tell(f"Ada asks: “{title}”")
    story.claim("Ben finds it among the open requests", lambda: asked in _ids(ben.cli("requests", "--open", "--topic", "baking")))

    hint = ben.cli("reply", asked, "--type", "hint", "How warm was the water? Yeast dies above 50 °C.")["id"]
    story.tell("Ben replies with a hint.")
    story.claim("Eve, who was never connected to Ada by hand, reads question and hint", lambda: hint in _thread(eve, asked))
    story.claim("Ada has the hint too", lambda: hint in _thread(ada, asked))

    ada.cli("solve", asked, "--by", hint)
    story.tell("Ada tries, it works, and she calls it solved by Ben's hint.")
    story.claim("Eve's laptop shows it solved", lambda: eve.cli("show", asked)["state"] == "solved")

    snippet = ben.cli("share", "--title", "Yeast and warmth", "--topic", "baking", "Lukewarm water: 35 °C. Above 50 °C yeast dies.")["id"]
    story.tell("Ben shares what he knows as a snippet.")
    story.claim("Ada finds it by a word in it", lambda: snippet in _ids(ada.cli("search", "lukewarm")))
    story.claim("all three hold the same set", lambda: same_set(ada, ben, eve))

    story.tell("A fourth laptop comes late and connects to Eve's alone. Ada's is killed without a word.")
    ada.kill()
    late.up("--connect", eve.address)
    story.claim("the latecomer has everything", lambda: same_set(ben, eve, late))
    story.claim("and reads Ada's question, though Ada is gone", lambda: late.cli("show", asked)["author"]["name"] == "Ada")

    ben.cli("share", "--title", "Sourdough", "--topic", "baking", "Feed it every day.")
    story.tell("Ben shares something while Ada is away; then Ada's laptop starts again.")
    ada.up()
    story.claim("Ada's laptop finds the others by itself and catches up", lambda: same_set(ada, ben, eve, late))
    for laptop in (ada, ben, eve, late):
        if laptop.stop() != 0:
            raise AssertionError(f"{laptop} did not end well")
    story.tell("Everybody closes their laptop; everything stays readable offline.")
    story.claim("Eve reads the snippet with no node running", lambda: "35 °C" in eve.cli("show", snippet)["text"])


def _ids(answer: dict[str, Any]) -> set[str]:
    return {item["id"] for item in answer["items"]}


def _thread(laptop: Laptop, request: str) -> set[str]:
    """The ids of what was said in a conversation, empty while it is not here."""
    try:
        return {entry["id"] for entry in laptop.cli("show", request)["thread"]}
    except CommandFailed:
        return set()


if __name__ == "__main__":
    sys.exit(main())
