"""Who counts as what, and what a network of people is told about itself."""

from dataclasses import replace
from typing import Any

import pytest

from p2plearn.ledger import willingness
from p2plearn.ledger.caring import alarms, health_json
from p2plearn.ledger.evidence import Call, Deed, Evidence, Shown
from p2plearn.ledger.having import DAY_MS, OPEN_MS, World, counted_calls, waits_until
from p2plearn.ledger.health import TOO_FEW, Health, Healths, gini
from p2plearn.ledger.receipts import Receipt
from p2plearn.ledger.willingness import Willing, willing

NOW = 1_000 * DAY_MS
ME, JUDGE, HELPER = b"me", b"judge", b"helper"


def counts(author: bytes) -> bool:
    return not author.startswith(b"stranger")


def person(number: int) -> bytes:
    return b"person %d" % number


def call(asker: bytes, days_ago: float, topic: str = "sky", to: bytes = b"", **more: object) -> Call:
    at = NOW - int(days_ago * DAY_MS)
    return Call(asker + str((days_ago, topic)).encode(), asker, (topic,), at, at, to, **more)  # type: ignore[arg-type]


def receipt(issuer: bytes, helper: bytes, kind: str = "adopt", units: float = 2.0, slot: bytes = b"note", topic: str = "sky") -> Receipt:
    return Receipt(issuer, helper, kind, slot, units, NOW - DAY_MS, (topic,), b"")


def look(
    *, calls=(), deeds=(), shown=(), receipts=(), seen=None, teaches=None, learns=None, topic: str | None = None, scores=None, through=None
) -> Health:
    by_author: dict[bytes, list[Deed]] = {}
    for author, days_ago, about in deeds:
        by_author.setdefault(author, []).append(Deed(NOW - int(days_ago * DAY_MS), (about,)))
    evidence = Evidence(sorted(calls, key=lambda one: one.came), by_author, list(shown))
    world = World(evidence, receipts, seen or {}, teaches or {}, learns or {}, through or {})
    return Healths(world, counts, NOW).of(topic, scores or {})


def found(author: bytes, days_ago: float = 50, judge: bytes = JUDGE, topic: str = "sky") -> Shown:
    return Shown(author, judge, NOW - int(days_ago * DAY_MS), (topic,))


# --- having and sharing ---


def test_who_lacks_it_is_a_learner_whatever_was_asked_of_them() -> None:
    health = look(calls=[call(ME, day, topic="sky") for day in (3, 2, 1)], learns={b"ada": frozenset({"sky"})}, seen={b"ada": [NOW - 1]})
    assert health.statuses == {ME: "learner", b"ada": "learner"}
    assert (health.capable, health.verdict) == (0, TOO_FEW)


@pytest.mark.parametrize(
    "evidence",
    [
        {"shown": [found(b"ada")]},
        {"receipts": [receipt(b"ada", HELPER)]},
        {"receipts": [receipt(JUDGE, b"ada", units=1.0)]},
        {"teaches": {b"ada": frozenset({"sky"})}},
    ],
    ids=["shown", "using", "adopted", "declared"],
)
def test_who_is_known_to_have_it_is_quiet_until_they_share(evidence: dict[str, object]) -> None:
    assert look(**evidence).statuses[b"ada"] == "quiet"  # type: ignore[arg-type]
    shared = look(**evidence, deeds=[(b"ada", 5, "tea")])  # type: ignore[arg-type]
    assert shared.statuses[b"ada"] == "seeder"
    assert look(**evidence, deeds=[(b"ada", 91, "sky")]).statuses[b"ada"] == "quiet"  # type: ignore[arg-type]
    assert look(**evidence, deeds=[(b"ada", 5, "tea")], topic="sky").statuses[b"ada"] == "quiet"
    assert look(**evidence, deeds=[(b"ada", 5, "sky")], topic="sky").statuses[b"ada"] == "seeder"
    assert b"ada" not in look(**evidence, topic="tea").statuses


@pytest.mark.parametrize(
    "evidence",
    [
        {"shown": [found(b"stranger", judge=b"stranger 2")]},
        {"receipts": [receipt(b"stranger", HELPER)]},
        {"receipts": [receipt(b"stranger 2", b"stranger")]},
        {"teaches": {b"stranger": frozenset({"sky"})}},
        {"receipts": [receipt(b"ada", HELPER, units=1.0)]},
    ],
    ids=["shown", "using", "adopted", "declared", "only tried"],
)
def test_the_word_of_strangers_and_trying_alone_are_no_evidence(evidence: dict[str, object]) -> None:
    statuses = look(**evidence).statuses  # type: ignore[arg-type]
    assert not {b"stranger", b"ada"} & {author for author, status in statuses.items() if status != "learner"}


# --- being asked ---


def test_of_one_asker_three_requests_a_month_count_and_of_strangers_none() -> None:
    flood = [call(b"eve", day) for day in range(45, 0, -1)]
    assert [(NOW - one.came) // DAY_MS for one in counted_calls(flood, counts)] == [45, 44, 43, 15, 14, 13]
    assert counted_calls([call(b"stranger", 1)], counts) == []


def test_a_request_waits_until_it_is_closed_or_three_have_helped_or_for_two_weeks() -> None:
    one = call(ME, 20)
    assert waits_until(one) == one.came + OPEN_MS
    one.helped = [(one.at + day * DAY_MS, helper) for day, helper in ((1, b"a"), (2, b"a"), (3, b"b"), (4, b"c"))]
    assert waits_until(one) == one.at + 4 * DAY_MS
    one.ended = one.at + 2 * DAY_MS
    assert waits_until(one) == one.ended


def crowd(quiet_asked: list[Call], **more: object) -> dict[str, object]:
    """Sixty people who share every second day and have been asked as often, and one who never did and was there all the time."""
    people = [person(number) for number in range(60)]
    days = range(49, 0, -1)
    return {
        "shown": [found(one) for one in (*people, b"ada")],
        "deeds": [(one, day, "sky") for one in people for day in days[::2]],
        "seen": {one: [NOW - day * DAY_MS + 10 for day in days] for one in (*people, b"ada")},
        "calls": quiet_asked,
    } | more


def asked(*days: float, to: bytes = b"") -> list[Call]:
    return [call(JUDGE, day, to=to) for day in days]


def test_withholding_needs_having_it_being_asked_and_a_silence_that_nobody_willing_would_keep() -> None:
    assert look(**crowd(asked(40, 20))).statuses[b"ada"] == "withholding"  # type: ignore[arg-type]
    assert look(**crowd(asked(40, to=b"ada"))).statuses[b"ada"] == "withholding"  # type: ignore[arg-type]
    assert look(**crowd(asked(40, 20)), topic="sky").statuses[b"ada"] == "withholding"


@pytest.mark.parametrize(
    "more",
    [
        {"calls": asked(40)},
        {"calls": asked(40, 20, to=person(1))},
        {"calls": asked(60, 55)},
        {"calls": [call(b"ada", 40), call(b"ada", 20)]},
        {"calls": [call(b"stranger 1", 40), call(b"stranger 2", 20)]},
        {"calls": [call(JUDGE, day, declined={b"ada"}) for day in (40, 20)]},
        {"calls": [call(JUDGE, day, ended=NOW - int(day * DAY_MS)) for day in (40.5, 20.5)]},
        {"seen": {b"ada": [NOW - 5 * DAY_MS]}},
        {"seen": {}},
    ],
    ids=[
        "asked once",
        "asked of somebody else",
        "before they knew it",
        "asked by themselves",
        "strangers",
        "declined",
        "closed at once",
        "hardly there",
        "never there",
    ],
)
def test_whoever_was_not_asked_or_was_not_there_is_quiet(more: dict[str, object]) -> None:
    world = crowd(asked(40, 20))
    if "seen" in more:
        people = {one: seen for one, seen in world["seen"].items() if one != b"ada"}  # type: ignore[attr-defined]
        more = {"seen": people | more["seen"]}  # type: ignore[operator]
    assert look(**(world | more)).statuses[b"ada"] == "quiet"  # type: ignore[arg-type]


def test_nobody_withholds_who_shares_anything_or_only_says_they_could_or_where_there_are_too_few_to_tell() -> None:
    world = crowd(asked(40, 20))
    busy = world | {"deeds": [*world["deeds"], (b"ada", 30, "tea")]}  # type: ignore[misc]
    assert look(**busy, topic="sky").statuses[b"ada"] == "quiet"
    boasting = world | {"shown": [one for one in world["shown"] if one.author != b"ada"], "teaches": {b"ada": frozenset({"sky"})}}  # type: ignore[attr-defined]
    assert look(**boasting).statuses[b"ada"] == "quiet"  # type: ignore[arg-type]
    few = world | {"shown": [found(person(1)), found(b"ada")]}
    assert look(**few).statuses[b"ada"] == "quiet"  # type: ignore[arg-type]


# --- the share of the willing ---


def test_the_share_is_taken_from_whom_others_found_out_and_never_from_whom_their_sharing_made_known() -> None:
    silent = [person(number) for number in range(100, 140)]
    world = crowd([])
    everybody = world["shown"] + [found(one) for one in silent]  # type: ignore[operator]
    seen = world["seen"] | dict.fromkeys(silent, world["seen"][b"ada"])  # type: ignore[operator, index]
    health = look(**(world | {"shown": everybody, "seen": seen}))  # type: ignore[arg-type]
    assert health.share is not None
    assert health.share.share == pytest.approx(60 / 101, abs=0.02)
    assert health.share.low < 60 / 101 < health.share.high
    assert health.verdict == "strained"
    writers = [receipt(JUDGE, b"writer %d" % number, units=1.0, slot=b"%d" % number) for number in range(50)]
    again = look(**(world | {"shown": everybody, "seen": seen}), receipts=writers)  # type: ignore[arg-type]
    assert again.share == health.share
    assert again.capable == health.capable + 50


def test_a_judge_who_counts_only_by_the_word_of_whom_they_judged_makes_no_sample() -> None:
    world = crowd([])
    owed = [receipt(person(number), JUDGE, kind="solve", slot=b"%d" % number) for number in range(1)]
    assert look(**world, receipts=owed).share is not None  # type: ignore[arg-type]
    alone = {"shown": [found(person(number), judge=b"judge %d" % number) for number in range(60)]}
    debts = [receipt(person(number), b"judge %d" % number, kind="solve", slot=b"%d" % number) for number in range(60)]
    assert look(**(world | alone), receipts=debts).share is None  # type: ignore[arg-type]
    assert look(**(world | alone), receipts=[*debts, *(one._replace(issuer=ME) for one in debts)]).share is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("is_sharing", [False, True])
@pytest.mark.parametrize("through", [{}, {b"made up judge %d" % n: b"eve" for n in range(500)}], ids=["alone", "with judges"])
def test_nobody_moves_the_share_far_by_making_up_people_and_finding_that_they_know(through: dict[bytes, bytes], is_sharing: bool) -> None:
    """500 of whom one says so, or people whom only that one made known; 70 of 100 others are willing, of whom ten people found it."""
    honest = [found(person(number), judge=b"judge %d" % (number % 10)) for number in range(100)]
    made_up = [person(number) for number in range(100, 600)]
    shown = honest + [found(one, judge=judge) for one, judge in zip(made_up, list(through) or [b"eve"] * 500, strict=True)]
    willing_ones = [person(number) for number in range(70)] + made_up * is_sharing
    more: dict[str, Any] = {
        "receipts": [receipt(b"eve" if one.judge in through else JUDGE, one.judge, "solve", slot=one.judge) for one in shown],
        "seen": {one.author: [NOW - day * DAY_MS for day in range(49, 0, -1)] for one in shown},
        "deeds": [(one, day, "sky") for one in willing_ones for day in range(1, 50, 3)],
    }
    alone, attacked = look(shown=honest, **more).share, look(shown=shown, through=through, **more).share
    assert alone is not None
    assert attacked is not None
    assert alone.share == pytest.approx(0.7, abs=0.01)
    assert attacked.share == pytest.approx(0.7 * 100 / 130 + is_sharing * 30 / 130, abs=0.01)


@pytest.mark.parametrize("share, verdict", [(0.2, "failing"), (0.6, "strained"), (0.9, "healthy")])
def test_the_verdict(share: float, verdict: str) -> None:
    many = round(share * 100)
    shown = [found(person(number)) for number in range(100)]
    seen = {person(number): [NOW - day * DAY_MS for day in range(49, 0, -1)] for number in range(100)}
    deeds = [(person(number), day, "sky") for number in range(many) for day in range(1, 50, 3)]
    health = look(shown=shown, seen=seen, deeds=deeds)
    assert health.share is not None
    assert (health.verdict, round(health.share.share, 1)) == (verdict, share)


def test_the_estimate_knows_how_sure_it_is() -> None:
    few, many = (willing([5] * 6 * size + [0] * 4 * size, [15.0] * 10 * size) for size in (3, 100))
    assert few.low < many.low < 0.6 < many.high < few.high
    assert many.high - many.low < 0.15
    assert many.silence(0) == 1
    assert many.silence(30) < 0.01
    assert willing([0] * 40, [10.0] * 40).share < 0.5


def test_an_estimate_takes_no_more_than_so_many_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(willingness, "_ROUNDS", 2)
    assert 0 < willing([5] * 60 + [0] * 40, [15.0] * 100).share < 1


# --- the other numbers ---


def test_how_many_were_helped_how_soon_on_how_few_it_depends_and_what_was_passed_on() -> None:
    hour = 3_600_000
    calls = [call(ME, 9, helped=[(NOW - 9 * DAY_MS + hour, b"a")]), call(JUDGE, 8), call(b"x", 50)]
    receipts = [
        receipt(ME, b"a", kind="solve", slot=b"1"),
        receipt(ME, b"b", slot=b"2"),
        receipt(ME, b"c", kind="learned-from", slot=b"2"),
        receipt(JUDGE, b"b", slot=b"2", units=1.0),
        receipt(b"stranger", b"a", slot=b"2", units=99.0),
        receipt(ME, b"a", slot=b"3", units=99.0)._replace(at=0),
    ]
    health = look(calls=calls, receipts=receipts)
    assert (health.answered, health.first_help_s, health.snowball, health.bus_factor) == (0.5, 3600, 0.5, 2)
    nothing = look()
    assert (nothing.answered, nothing.first_help_s, nothing.snowball, nothing.bus_factor, nothing.gini) == (None,) * 5
    assert look(topic="tea", calls=calls, receipts=receipts).answered is None


def test_questions_of_long_ago_that_only_came_now_say_nothing_about_this_month() -> None:
    old = replace(call(b"a", 400), came=NOW, helped=[(NOW - 300 * DAY_MS, HELPER)])
    assert look(calls=[old]).calls == []
    assert look(calls=[old, call(b"b", 3, helped=[(NOW - 2 * DAY_MS, HELPER)])]).first_help_s == DAY_MS / 1000


def test_gini() -> None:
    assert gini([1, 1, 1]) == 0
    assert gini([0, 0, 3]) == pytest.approx(1)
    assert gini([1]) is None
    assert gini([0, 0]) is None


def test_topics_come_by_how_much_they_are_known_and_asked_about() -> None:
    evidence = Evidence([call(ME, 2, "tea"), call(ME, 1, "tea")], {}, [found(b"ada", topic="sky")])
    healths = Healths(World(evidence, [], {}, {}, {}), counts, NOW)
    assert healths.topics == ["tea", "sky"]
    assert healths.of("tea", {b"a": 1.0, b"b": 1.0}).gini == 0
    assert healths.of("tea", {}).gini is None


# --- in words ---


def told(**changes: object) -> Health:
    usual: dict[str, object] = {"verdict": "healthy", "statuses": {}, "share": None, "calls": [], "snowball": None, "bus_factor": None}
    return Health(**(usual | {"gini": None} | changes))  # type: ignore[arg-type]


def test_there_is_always_a_next_step_one_that_can_be_typed() -> None:
    for status in ("seeder", "learner", "quiet", "withholding", None):
        found = health_json(told(statuses={ME: status} if status else {}), "bread & butter", ME)
        assert found["next"]
        assert found["me"] == status
        assert all(step.startswith("p2plearn ") and "bread & butter" not in step.replace("'bread & butter'", "") for step in found["next"])
    assert health_json(told(), None, ME)["next"] == [
        "p2plearn share --title T --topic X TEXT keeps what you know, for you and whoever comes by"
    ]


def test_no_step_is_named_twice() -> None:
    unanswered = told(calls=[call(b"a", day) for day in range(5)], statuses={ME: "quiet"})
    assert health_json(unanswered, None, ME)["next"] == ["p2plearn requests --open shows who waits for help"]


def test_alarms() -> None:
    unanswered = [call(b"a", day) for day in range(5)]
    slow = [call(b"a", 9, helped=[(NOW - 5 * DAY_MS, b"b")])]
    statuses = {person(number): "quiet" for number in range(5)}
    cases = [
        (told(), []),
        (told(verdict="failing"), ["failing"]),
        (told(verdict="strained"), ["strained"]),
        (told(calls=unanswered, statuses=statuses), ["unanswered"]),
        (told(calls=unanswered[:1]), ["nobody"]),
        (told(calls=slow, statuses=statuses), ["slow"]),
        (told(bus_factor=1, statuses=statuses), ["few-helpers"]),
        (told(bus_factor=2, statuses=statuses), ["few-helpers"]),
        (told(bus_factor=1), []),
    ]
    assert [[alarm.kind for alarm in alarms(health, None)] for health, _ in cases] == [kinds for _, kinds in cases]


def test_small_numbers_point_at_nobody_and_shares_are_rounded() -> None:
    four = {person(number): "withholding" for number in range(4)}
    found = health_json(told(statuses=four, share=Willing(0.12345, 0.1, 0.2, 0.3)), None, ME)
    assert (found["capable"], found["quiet"], found["withholding"]) == (4, None, None)
    assert (found["share"], found["interval"]) == (0.123, [0.1, 0.2])
    five = health_json(told(statuses=four | {person(4): "quiet"}), None, ME)
    assert (five["quiet"], five["withholding"]) == (1, 4)
