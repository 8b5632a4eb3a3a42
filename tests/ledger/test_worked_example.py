"""The example in docs/ledger.md: each number that a reader is asked to follow is what the program works out."""

import re
from pathlib import Path

import numpy as np
import pytest

from p2plearn.ledger import accounts, credits, entries, ranking  # noqa: A004  # a module of that name
from p2plearn.ledger.accounts import Accounts, followed
from p2plearn.ledger.explaining import topic_scores, topic_shares
from p2plearn.ledger.ranking import rank
from p2plearn.ledger.receipts import Receipt

TEXT = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
NOW = 1_800_000_000_000
DAY_MS = 24 * 3600 * 1000
LOOKING = "Ada"
FRIENDS = [f"friend {number}" for number in range(100)]
UNITS = {"solved, and shown": ("verdict", "verdict"), "uses her snippet": ("adopt", "using"), "thanks": ("thanks", "thanks")}


def rows(text):
    """The cells of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def table(name):
    found = re.search(rf"^<!-- example: {name} -->\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found, name
    return rows(found[1])


def receipt(issuer, helper, kind, slot, units, days=0.0, topics=()):
    return Receipt(issuer.encode(), helper.encode(), kind, slot.encode(), units, NOW - round(days * DAY_MS), topics, b"")


def written():
    """The receipts of the example."""
    found = []
    for slot, (issuer, helper, what, topic, days, units) in enumerate(table("receipts")):
        if what == "follows her":
            found.append(followed(issuer.encode(), helper.encode()))
            assert found[-1].units == float(units)
        else:
            kind, entry = UNITS[what]
            assert float(units) == entries.UNITS[entry]
            found.append(receipt(issuer, helper, kind, str(slot), float(units), float(days), (topic,)))
    return found


@pytest.fixture
def example():
    """(accounts, ranking, number of each name)."""
    books = Accounts(LOOKING.encode(), written())
    return books, rank(books, NOW), {person.decode(): number for number, person in enumerate(books.people)}


def four(number):
    return f"{number:.4f}"


def test_how_strong_each_word_is_and_how_it_is_shared_out(example):
    _, ranked, number = example
    pairs = ranked.pairs
    entry = {(int(issuer), int(helper)): place for place, (issuer, helper) in enumerate(zip(pairs.issuer, pairs.helper, strict=True))}
    told = table("shares")
    assert len(told) == len(pairs)
    for issuer, helper, units, strength, part in told:
        place = entry[number[issuer], number[helper]]
        assert float(units) == pytest.approx(ranked.units[place])
        assert float(strength) == pytest.approx(np.log2(1 + ranked.units[place]))
        assert part == four(ranked.handed[place])


def test_how_it_flows_round_by_round(example):
    _, ranked, number = example
    names, pairs = ["Ben", "Cleo", "Dora", "Eli"], ranked.pairs
    mine = np.where(pairs.issuer == 0, ranked.handed, 0.0)
    first = np.bincount(pairs.helper, mine, pairs.people)
    visits = np.zeros(pairs.people)
    *told, end = table("rounds")
    for _, *figures in told:
        passed_on = np.bincount(pairs.helper, ranking.PASSED_ON * visits[pairs.issuer] * ranked.handed, pairs.people)
        visits = first + passed_on
        visits[0] = 0.0
        assert figures == [four(visits[number[name]]) for name in names]
    assert end[1:] == [four(ranked.visits[number[name]]) for name in names]


def test_what_is_taken_off_and_what_is_left(example):
    _, ranked, number = example
    order = np.argsort(-ranked.scores)
    for (place, name, before, back, one_source, score), who in zip(table("scores"), order, strict=False):
        assert number[name] == who
        assert int(place) == 1 + int((ranked.scores > ranked.scores[who]).sum())
        assert before == four(ranked.visits[who])
        assert float(back) == pytest.approx(1 - ranked.back[who])
        assert float(back) * float(one_source) == pytest.approx(ranked.kept[who])
        assert score == four(ranked.scores[who])


def test_what_of_it_is_about_a_topic(example):
    books, ranked, number = example
    for topic, *figures in table("topics"):
        scores = topic_scores(ranked, topic_shares(books, ranked, topic))
        assert figures == [four(scores[number[name]]) for name in ("Ben", "Cleo", "Dora", "Eli")]


def praise(people, helper):
    return [receipt(person, helper, "verdict", f"by {person}", 3.0) for person in people]


def named(helpers, issuer):
    return [receipt(issuer, helper, "verdict", f"for {helper}", 3.0) for helper in helpers]


EVERYBODY = ["Dora", *FRIENDS]
WHAT_IF = {
    "nothing": [],
    "she makes up 100 people, who all say that she helped": praise(FRIENDS, "Dora"),
    "she says that each of the 100 helped": named(FRIENDS, "Dora"),
    "both": praise(FRIENDS, "Dora") + named(FRIENDS, "Dora"),
    "she and the 100 all say so of one another": [one for person in EVERYBODY for one in named(EVERYBODY, person)],
    "Ben is talked into 100 receipts more for her": [receipt("Ben", "Dora", "verdict", str(number), 3.0) for number in range(100, 200)],
    "Cleo thanks her, once": [receipt("Cleo", "Dora", "thanks", "so kind", 1.0)],
    "Ada thanks her, once": [receipt("Ada", "Dora", "thanks", "so kind", 1.0)],
}


def test_what_dora_could_do():
    told = table("what if")
    assert [what for what, *_ in told] == list(WHAT_IF)
    for what, hers, theirs in told:
        ranked = rank(Accounts(LOOKING.encode(), written() + WHAT_IF[what]), NOW)
        scores = dict(zip(ranking_names(ranked), ranked.scores, strict=True))
        assert hers == four(scores["Dora"]), what
        assert theirs == four(sum(scores.get(friend, 0.0) for friend in FRIENDS)), what


def ranking_names(ranked):
    return [person.decode() for person in ranked.people]


def test_the_units_and_the_constants_are_those_of_the_program():
    counts = {
        re.sub(r"`|\s*AUTHOR.*", "", what): units for what, _, units in rows(TEXT.partition("## What counts")[2].partition("\n**")[0])
    }
    for stage in ("tried", "using", "passed-on"):
        assert float(counts.pop(f"adopt --stage {stage}")) == entries.UNITS[stage]
    assert float(counts.pop("solve --by REPLY, and has shown before that they got it (a *verdict* of *shown*)")) == entries.UNITS["verdict"]
    assert float(counts.pop("solve --by REPLY without that")) == entries.UNITS["solve"]
    assert float(counts.pop("revise --with CORRECTION")) == entries.UNITS["correction"]
    assert float(counts.pop("thanks")) == entries.UNITS["thanks"]
    assert float(counts.pop("follow")) == followed(b"a", b"b").units
    assert counts == {"adopt --learned-from": "as its stage"}
    assert credits.SHARES == (1.0, 0.5, 0.25)  # "a half of it too, and the one before that a quarter"
    assert accounts.HALF_LIFE_MS == 180 * DAY_MS
    for formula in (f"κ = {ranking.KEPT_BACK:g}", f"c = {ranking.PASSED_ON}", f"β = {ranking.ONE_SOURCE}"):
        assert formula in TEXT
