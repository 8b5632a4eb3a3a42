"""The measure of health in words and numbers for people: what to be alarmed at, and a kind next step, always.

Of others there are only numbers, and none that would point at one of a few. Must not know how the measure is made.
"""

import shlex
from collections.abc import Mapping
from typing import NamedTuple

from p2plearn.learning.notation import Json
from p2plearn.ledger.having import LEARNER, QUIET, SEEDER, WITHHOLDING
from p2plearn.ledger.health import LEAST_COUNTED, Health

_HELPED = 0.5  # part of the requests below which too few are helped with
_LEAST_CALLS = 5  # requests, below which nothing is said about them
_SLOW_S = 2 * 24 * 3600  # until the first help, in the middle: whoever waits longer has often left
_FEW = 2  # people who give half of all help, at the most, where there are LEAST_COUNTED who could


class Step(NamedTuple):
    """A command line, and what it does."""

    command: str
    does: str


class Alarm(NamedTuple):
    """What is not well, in a word and in a sentence, and a step out of it."""

    kind: str
    text: str
    step: Step


def alarms(health: Health, topic: str | None) -> list[Alarm]:
    """All that apply, the most urgent first."""
    about = f" --topic {shlex.quote(topic)}" if topic else ""
    found = []
    if health.verdict == "failing":
        text = "More of those who know something keep it to themselves than share it"
        found.append(Alarm("failing", text, Step("p2plearn offer --topic X TEXT", "offers something small that you would show anybody")))
    if health.verdict == "strained":
        text = "Those who share carry nearly as many who could and do not"
        found.append(Alarm("strained", text, Step("p2plearn thanks ID TEXT", "thanks somebody who helped: it is noticed")))
    if len(health.calls) >= _LEAST_CALLS and health.answered is not None and health.answered < _HELPED:
        text = "Most questions get no help"
        found.append(Alarm("unanswered", text, Step(f"p2plearn requests --open{about}", "shows who waits for help")))
    if health.first_help_s is not None and health.first_help_s > _SLOW_S:
        text = "Whoever asks waits for days until somebody helps"
        found.append(Alarm("slow", text, Step(f"p2plearn requests --open{about}", "shows who waits for help")))
    if health.bus_factor is not None and health.bus_factor <= _FEW and health.capable >= LEAST_COUNTED:
        people = "one person" if health.bus_factor == 1 else f"{health.bus_factor} people"
        text = f"More than half of all help comes from {people}"
        found.append(Alarm("few-helpers", text, Step(f"p2plearn people{about}", "shows who else could be asked")))
    if health.calls and not health.capable:
        text = "It is asked about, and nobody is known to know it"
        found.append(Alarm("nobody", text, Step("p2plearn wanted --topic X TEXT", "says what is sought")))
    return found


def health_json(health: Health, topic: str | None, me: bytes) -> Json:
    """The contract's keys, but "topics"; "me": one's own status, null where there is none. Shares are rounded to a thousandth."""
    counts, share = health.counts, health.share
    few = health.capable < LEAST_COUNTED
    raised = alarms(health, topic)
    steps: dict[str, str] = {}
    for command, does in (*(alarm.step for alarm in raised), _own_step(health.statuses, me, topic)):
        steps.setdefault(command, does)
    return {
        "topic": topic,
        "verdict": health.verdict,
        "seeders": counts[SEEDER],
        "learners": counts[LEARNER],
        "quiet": None if few else counts[QUIET],
        "withholding": None if few else counts[WITHHOLDING],
        "capable": health.capable,
        "share": None if share is None else round(share.share, 3),
        "interval": None if share is None else [round(share.low, 3), round(share.high, 3)],
        "requests": len(health.calls),
        "answered": _rounded(health.answered),
        "first_help_s": health.first_help_s,
        "snowball": _rounded(health.snowball),
        "bus_factor": health.bus_factor,
        "gini": _rounded(health.gini),
        "alarms": [{"kind": alarm.kind, "text": alarm.text} for alarm in raised],
        "next": [f"{command} {does}" for command, does in steps.items()],
        "me": health.statuses.get(me),
    }


def _rounded(part: float | None) -> float | None:
    return None if part is None else round(part, 3)


def _own_step(statuses: Mapping[bytes, str], me: bytes, topic: str | None) -> Step:
    """What one might do oneself: an invitation."""
    about = f" --topic {shlex.quote(topic)}" if topic else ""
    if statuses.get(me) in {QUIET, WITHHOLDING}:
        return Step(f"p2plearn requests --open{about}", "shows to whom a hint of yours could be of use")
    if statuses.get(me) == LEARNER:
        return Step(f"p2plearn people{about}", "shows whom you could ask")
    if statuses.get(me) == SEEDER:
        return Step("p2plearn glow", "shows what became of your help")
    share = f"p2plearn share --title T --topic {shlex.quote(topic) if topic else 'X'} TEXT"
    return Step(share, "keeps what you know, for you and whoever comes by")
