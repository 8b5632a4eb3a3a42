"""An evening in a café, played over real nodes and the command line alone: a question, and what becomes of it and of whoever asked.

Mona wants to understand a derivative. Ruben helps, but wants to see her own work first; Ida looks on, Theo comes late. In the end somebody
whom Ruben never met does what Mona learned, and hears of the mistake in it.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from p2plearn.testing.laptops import CommandFailed, Laptop, eventually, laptops, same_set

Answer = dict[str, Any]

FORMULA = r"$\frac{\sqrt{x+h}-\sqrt{x}}{h} = \frac{1}{\sqrt{x+h}+\sqrt{x}}$"
OWN_TO_A_NODE = {"held_by", "verified"}  # what a view says of the node that is asked
REFUSED, NOT_FOUND = 6, 5

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.network]


class Cafe:
    """The four laptops, and the ids of what was said so far."""

    def __init__(self, mona: Laptop, ruben: Laptop, ida: Laptop, theo: Laptop) -> None:
        self.mona, self.ruben, self.ida, self.theo = mona, ruben, ida, theo
        self.ids: dict[str, str] = {}

    def say(self, name: str, laptop: Laptop, *command: str) -> Answer:
        """Something that is spoken of as `name` later on."""
        answer = laptop.cli(*command)
        self.ids[name] = answer["id"]
        return answer

    def __getitem__(self, name: str) -> str:
        return self.ids[name]


@pytest.fixture
def cafe(tmp_path: Path) -> Iterator[Cafe]:
    """Mona, Ruben and Ida sit at one table; Theo is not here yet."""
    with laptops(tmp_path, "mona", "ruben", "ida", "theo") as found, ThreadPoolExecutor(len(found)) as together:
        list(together.map(lambda laptop: laptop.cli("init", "--name", laptop.home.name.capitalize()), found))
        mona, ruben, ida, _ = found
        mona.up()
        ruben.up("--connect", mona.address)
        ida.up("--connect", ruben.address)
        yield Cafe(*found)


def test_from_a_question_to_shown_understanding_and_on_to_the_next_person(cafe: Cafe, tmp_path: Path) -> None:
    the_helper_asks_for_an_attempt_first(cafe)
    stuck_at_a_step_they_go_on_with_a_formula_and_a_drawing(cafe, tmp_path)
    a_proof_with_a_mistake_becomes_one_that_shows(cafe)
    it_is_solved_and_kind_words_are_said(cafe)
    nobody_does_what_is_for_others_to_do(cafe)
    what_was_learned_is_passed_on(cafe)
    a_correction_finds_all_who_rely_on_it(cafe)
    the_helper_feels_the_warm_glow(cafe)
    the_same_is_to_be_seen_everywhere(cafe)


def the_helper_asks_for_an_attempt_first(cafe: Cafe) -> None:
    ask = ["ask", "--title", "Slope of a square root", "--topic", "calculus", "--goal", "Find derivatives from the definition by myself"]
    ask += ["--tried", "The power rule, but I do not see why it holds", "--level", "first year", "--want", "walkthrough"]
    cafe.say("request", cafe.mona, *ask, "--show-work-first", r"Why is the derivative of $\sqrt{x}$ one half of $1/\sqrt{x}$?")
    arrived = until(cafe.ruben, "show", cafe["request"])
    assert (arrived["state"], arrived["attempt_owed"]) == ("open", True)
    demand = cafe.say("demand", cafe.ruben, "reply", cafe["request"], "--type", "question", "Happily! First show me how far you come.")
    assert demand["attempt_owed"]
    asked = until(cafe.mona, "show", cafe["request"], so=has(cafe["demand"]))
    assert asked["state"] == "open"
    waiting = until(cafe.mona, "inbox", so=about(cafe["demand"]))["items"]
    assert all(item["next"] for item in waiting if item["unread"])
    cafe.say("attempt", cafe.mona, "attempt", cafe["request"], r"1. The quotient is $(\sqrt{x+h}-\sqrt{x})/h$. 2. With $h = 0$ it is 0/0?")
    tried = until(cafe.ruben, "show", cafe["request"], so=is_("working"))
    assert not tried["attempt_owed"]


def stuck_at_a_step_they_go_on_with_a_formula_and_a_drawing(cafe: Cafe, tmp_path: Path) -> None:
    cafe.say("hint", cafe.ruben, "reply", cafe["attempt"], "--type", "hint", "--step", "2", "Get rid of the roots above before h goes.")
    until(cafe.mona, "show", cafe["request"], so=has(cafe["hint"]))
    cafe.say("stuck", cafe.mona, "reply", cafe["hint"], "--type", "stuck", "--step", "2", "I do not follow: how does a root go away?")
    until(cafe.ruben, "show", cafe["request"], so=has(cafe["stuck"]))
    drawing = tmp_path / "secant.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 9 Q2 2 9 0"/></svg>')
    words = f"Multiply above and below by the sum of the roots: {FORMULA}."
    attach = f"{drawing}=A secant through two points of the root curve, turning into the tangent"
    cafe.say("answer", cafe.ruben, "reply", cafe["stuck"], "--type", "answer", "--step", "2", "--attach", attach, words)
    found = until(cafe.mona, "show", cafe["request"], so=has(cafe["answer"]))
    answer = entry(found, "answer", cafe)
    assert (answer["step"], answer["text"]) == (2, words)
    (file,) = answer["attachments"]
    assert file["alt"].startswith("A secant")
    copy = tmp_path / "copy.svg"
    eventually(lambda: cafe.mona.run("attachment", file["cid"], str(copy)).returncode == 0)
    assert copy.read_bytes() == drawing.read_bytes()
    printed = cafe.mona.run("show", cafe["request"]).stdout
    assert "√" in printed
    assert r"\frac" not in printed


def a_proof_with_a_mistake_becomes_one_that_shows(cafe: Cafe) -> None:
    cafe.say("check", cafe.ruben, "check", cafe["request"], r"Now you: the derivative of $\sqrt{3x}$, from the definition.")
    assert until(cafe.mona, "show", cafe["request"], so=is_("checking"))
    cafe.say("first proof", cafe.mona, "proof", cafe["check"], r"1. Quotient. 2. Times the sum. 3. What is left is $1/(2\sqrt{3x})$.")
    until(cafe.ruben, "inbox", so=about(cafe["first proof"]))
    fix = r"3:Above, $3h$ was left, not $h$"
    cafe.say("not yet", cafe.ruben, "verdict", cafe["first proof"], "not-yet", "--fix", fix, "So nearly!")
    (heard,) = [item for item in until(cafe.mona, "inbox", so=about(cafe["not yet"]))["items"] if item["id"] == cafe["not yet"]]
    assert heard["unread"]
    assert "proof" in heard["next"]
    judged = cafe.mona.cli("show", cafe["request"])
    assert judged["state"] == "checking"
    assert entry(judged, "not yet", cafe)["fixes"] == [{"step": 3, "text": r"Above, $3h$ was left, not $h$"}]
    cafe.say("second proof", cafe.mona, "proof", cafe["check"], r"3. $3h$ is left above, so it is $3/(2\sqrt{3x})$.")
    until(cafe.ruben, "show", cafe["request"], so=has(cafe["second proof"]))
    cafe.say("shown", cafe.ruben, "verdict", cafe["second proof"], "shown", "You got it.")
    until(cafe.mona, "show", cafe["request"], so=is_("shown"))


def it_is_solved_and_kind_words_are_said(cafe: Cafe) -> None:
    cafe.say("slip", cafe.mona, "solve", cafe["request"])
    until(cafe.ruben, "show", cafe["request"], so=is_("solved"))
    cafe.mona.cli("retract", cafe["slip"], "I forgot to say by what.")
    until(cafe.ruben, "show", cafe["request"], so=is_("shown"))
    cafe.say("solve", cafe.mona, "solve", cafe["request"], "--by", cafe["answer"])
    cafe.say("thanks", cafe.mona, "thanks", cafe["answer"], "This makes me so happy, I cannot thank you enough!")
    cafe.say("private", cafe.mona, "thanks", "--private", cafe["check"], "Nobody ever waited for me like that.")
    until(cafe.ida, "show", cafe["request"], so=has(cafe["private"]))
    cafe.say("kind word", cafe.ida, "encourage", cafe["second proof"], "It is a pleasure to watch you work.")
    until(cafe.mona, "inbox", so=about(cafe["kind word"]))
    opened = until(cafe.ruben, "show", cafe["request"], so=has(cafe["private"]))
    assert opened["solved_by"] == cafe["answer"]
    assert entry(opened, "thanks", cafe)["text"].startswith("This makes me")
    whispered, unheard = entry(opened, "private", cafe), entry(cafe.ida.cli("show", cafe["request"]), "private", cafe)
    assert (whispered["private"], whispered["text"]) == (True, "Nobody ever waited for me like that.")
    assert (unheard["private"], unheard["text"]) == (True, "")


def nobody_does_what_is_for_others_to_do(cafe: Cafe) -> None:
    request, attempt, check, proof = (cafe[name] for name in ("request", "attempt", "check", "second proof"))
    before = cafe.ruben.cli("status")["fingerprint"]
    tried = [
        (cafe.ruben, "attempt", request, "I do it for her."),
        (cafe.ruben, "proof", check, "I do it for her."),
        (cafe.ruben, "solve", request),
        (cafe.ida, "withdraw", request),
        (cafe.ida, "verdict", proof, "not-yet", "It was not my check."),
        (cafe.mona, "check", request, "I ask myself."),
        (cafe.mona, "verdict", attempt, "shown"),
        (cafe.mona, "solve", request, "--by", attempt),
        (cafe.mona, "thanks", proof, "To me."),
        (cafe.ida, "revise", request, "I ask otherwise."),
        (cafe.ida, "retract", cafe["answer"]),
        (cafe.ida, "react", request, "doesnt", "A silly question."),
        (cafe.ida, "adopt", request, "--stage", "using"),
    ]
    with ThreadPoolExecutor(4) as together:
        codes = together.map(lambda one: one[0].run("--json", *one[1:]).returncode, tried)
        assert [(one[1:], code) for one, code in zip(tried, codes, strict=True) if code != REFUSED] == []
    assert cafe.ruben.cli("status")["fingerprint"] == before


def what_was_learned_is_passed_on(cafe: Cafe) -> None:
    share = ["share", "--from", cafe["request"], "--title", "Roots from the definition", "--topic", "calculus"]
    steps = ["--step", "Write the quotient.", "--step", "Multiply by the sum of the roots.", "--done-when", "No h is left below."]
    cafe.say("snippet", cafe.mona, *share, *steps, "Multiply below by the sum of the roots, then let h go to 1.")
    cafe.theo.up("--connect", cafe.ida.address)
    passed = until(cafe.theo, "show", cafe["snippet"])
    assert {"relation": "from", "id": cafe["request"]} in passed["refs"]
    assert passed["howto"]["steps"] == ["Write the quotient.", "Multiply by the sum of the roots."]
    credited = cafe.say("tried", cafe.theo, "adopt", cafe["snippet"], "--stage", "tried", "--learned-from", "Mona")["credits"]
    assert "Mona" in {credit["name"] for credit in credited}
    cafe.say("using", cafe.theo, "adopt", cafe["snippet"], "--stage", "using", "--outcome", "works", "--learned-from", "Mona", "Did ten.")
    until(cafe.mona, "inbox", so=about(cafe["using"]))
    cafe.say("fork", cafe.ruben, "fork", cafe["snippet"], "--as", "translation", "--lang", "de", "Mit der Summe der Wurzeln erweitern.")
    until(cafe.ida, "show", cafe["fork"])
    cafe.say("fork used", cafe.ida, "adopt", cafe["fork"], "--stage", "using", "--learned-from", "Ruben")
    until(cafe.mona, "show", cafe["snippet"], so=lambda shown: [one["id"] for one in shown["variants"]] == [cafe["fork"]])


def a_correction_finds_all_who_rely_on_it(cafe: Cafe) -> None:
    cafe.say("correction", cafe.ruben, "correct", cafe["snippet"], "Let h go to 0, not to 1.")
    for adopter, own in ((cafe.theo, cafe["snippet"]), (cafe.ida, cafe["fork"])):
        (told,) = [item for item in until(adopter, "inbox", so=about(cafe["correction"]))["items"] if item["id"] == cafe["correction"]]
        assert (told["about"], told["unread"], told["text"]) == (own, True, "Let h go to 0, not to 1.")
        assert told["next"]
    until(cafe.mona, "inbox", so=about(cafe["correction"]))
    better = "Multiply above and below by the sum of the roots, then let h go to 0."
    cafe.say("revision", cafe.mona, "revise", cafe["snippet"], "--with", cafe["correction"], better)
    until(cafe.theo, "inbox", so=about(cafe["revision"]))
    newest = cafe.theo.cli("show", cafe["snippet"])
    assert newest["text"] == better
    assert [(one["id"], one["taken_up_by"]) for one in newest["corrections"]] == [(cafe["correction"], cafe["revision"])]
    assert cafe["correction"] in {warning["id"] for warning in cafe.ida.cli("show", cafe["fork"])["upstream"]}
    read = cafe.theo.cli("inbox", "--read", cafe["correction"])["items"]
    assert {item["id"]: item["unread"] for item in read}[cafe["correction"]] is False
    assert not any(item["unread"] for item in cafe.theo.cli("inbox", "--all")["items"])


def the_helper_feels_the_warm_glow(cafe: Cafe) -> None:
    items = cafe.ruben.cli("glow")["items"]
    mona, ida, theo = (laptop.cli("status")["author"] for laptop in (cafe.mona, cafe.ida, cafe.theo))
    (helped,) = [item for item in items if item["request"] == cafe["request"]]
    assert (helped["learner"], helped["state"]) == (mona, "solved")
    assert "Nobody ever waited for me like that." in helped["thanks"]
    assert theo in helped["adopted_by"]
    assert [item["learner"] for item in items if item["request"] is None] == [ida]  # who took up his translation


def the_same_is_to_be_seen_everywhere(cafe: Cafe) -> None:
    everybody = [cafe.mona, cafe.ruben, cafe.ida, cafe.theo]
    eventually(lambda: same_set(*everybody))
    views = [("show", cafe[name]) for name in ("request", "snippet", "fork")]
    views += [("lineage", cafe["snippet"]), ("requests", "--topic=calculus"), ("feed", "--topic=calculus")]
    with ThreadPoolExecutor(len(everybody)) as together:
        for view in views:
            first, *others = together.map(lambda laptop, view=view: shared(laptop.cli(*view)), everybody)
            assert others == [first] * len(others), view
    lineage = cafe.mona.cli("lineage", cafe["snippet"])
    mona, theo = (laptop.cli("status")["author"] for laptop in (cafe.mona, cafe.theo))
    assert lineage["tree"]["author"] == mona
    (child,) = [child for child in lineage["tree"]["children"] if child["author"] == theo]
    assert (child["name"], child["stage"], child["learned_from"]) == ("Theo", "using", mona)


# --- looking ---


def until(laptop: Laptop, *command: str, so: Callable[[Answer], object] = bool) -> Answer:
    """What a command answers once that is `so`; what is not here yet may still come."""

    def look() -> Answer | None:
        try:
            answer = laptop.cli(*command)
        except CommandFailed as failed:
            if failed.code != NOT_FOUND:
                raise
            return None
        return answer if so(answer) else None

    found: Answer = eventually(look)
    return found


def is_(state: str) -> Callable[[Answer], bool]:
    return lambda shown: shown["state"] == state


def has(record_id: str) -> Callable[[Answer], bool]:
    """Whether a conversation holds what was said."""
    return lambda shown: record_id in {one["id"] for one in shown["thread"]}


def about(record_id: str) -> Callable[[Answer], bool]:
    """Whether an inbox tells of it."""
    return lambda inbox: record_id in {item["id"] for item in inbox["items"]}


def entry(shown: Answer, name: str, cafe: Cafe) -> Answer:
    found: Answer = next(one for one in shown["thread"] if one["id"] == cafe[name])
    return found


def shared(view: Any) -> Any:
    """A view without what it says of the node that is asked, and without words that only one of them can read."""
    if isinstance(view, list):
        return [shared(part) for part in view]
    if not isinstance(view, dict):
        return view
    hidden = OWN_TO_A_NODE | ({"text"} if view.get("private") else set()) | ({"here"} if "cid" in view else set())
    return {key: shared(part) for key, part in view.items() if key not in hidden}
