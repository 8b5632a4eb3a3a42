"""Who helps, as people read it: figures that add up, bars for those who would rather look, plain words where there is nothing to show."""

import io
import json
import math
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn.identity import load_or_create
from p2plearn.paths import Home
from p2plearn.protocol.bundle import BundleWriter
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock
from p2plearn_cli import output, ranking
from p2plearn_cli.main import main
from tests.learning.typed import is_typed_as_printed

ADA, BEN, CLEO = (Author(name).key.hex() for name in ("ada", "ben", "cleo"))


def ranked(*scores, topic=None):
    people = [{"author": f"{place:064x}", "name": f"N{place}", "score": score, "rank": place} for place, score in enumerate(scores, 1)]
    return {"ranking": people, "evidence": any(scores), "topic": topic, "view": "balance"}


@given(st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=20))
def test_what_one_reads_adds_up(parts):
    figures = ranking.adding_up(parts)
    places = len(figures[0].partition(".")[2])
    read = sum(int(figure.replace(".", "")) for figure in figures)
    assert read == round(sum(parts) * 10**places)
    assert read >= 100 or places == 3  # three figures of the whole, at least
    assert all(abs(float(figure) - part) <= 10**-places * 1.000001 for figure, part in zip(figures, parts, strict=True))


def drawn(share, width):
    """Eighths of a character."""
    return sum(" ▏▎▍▌▋▊▉█".index(character) for character in output.bar(share, width))


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 40))
def test_more_is_never_drawn_shorter_and_something_is_always_seen(one, other, width):
    assert len(output.bar(one, width)) == width
    assert bool(output.bar(one, width).strip()) == (one > 0)
    if one <= other:
        assert drawn(one, width) <= drawn(other, width)
    assert output.bar(1.0, width) == "█" * width


def test_a_terminal_without_blocks_gets_signs_that_it_has(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert output.bar(1.0, 4) == "####"
    assert output.bar(0.3, 4) == "##  "
    assert output.bar(0.0, 4) == "    "


def test_whoever_comes_first_has_the_whole_bar_and_a_small_score_is_no_naught():
    lines = list(ranking.rank_lines(ranked(0.5, 0.25, 0.0001)))
    assert lines[1] == "  1  ████████████  0.500  N1"
    assert lines[3] == "  2  ██████        0.250  N2"
    assert lines[5] == "  3  ▏             <.001  N3"
    assert all(len(line) <= 40 for line in lines[1::2][:3])


def test_of_many_the_first_are_shown_and_how_to_see_the_others():
    lines = list(ranking.rank_lines(ranked(*(1 / place for place in range(1, 31)))))
    assert len(re.findall(r"  N\d+$", "\n".join(lines), re.MULTILINE)) == 20
    assert "And 10 more: --limit 30 shows them." in lines


@pytest.mark.parametrize(
    "found,said",
    [
        (ranked(), "Nobody has helped yet that you, or those you trust, speak of."),
        (ranked(0.0, topic="x; rm y"), "Nobody has helped with x; rm y yet that you, or those you trust, speak of."),
    ],
)
def test_without_evidence_it_says_so_and_draws_nothing(found, said):
    lines = list(ranking.rank_lines(found))
    assert lines[0] == said
    assert not re.search("[█▏0-9.]{5}", lines[2] if found["ranking"] else "")
    assert is_typed_as_printed(lines[-1].removeprefix("Next: "))


def why(*parts, discounts=(), **fields):
    score = sum(score for _, score, _ in parts)
    found = [{"from": key, "name": name, "score": score, "share": 0.0, "records": [], "also": []} for (key, name), score, _ in parts]
    for part, (_, _, kinds) in zip(found, parts, strict=True):
        part["records"] = [{"id": "ab" * 32, "kind": kind, "at": "2026-01-01T00:00:00Z", "units": 1.0, "title": "T"} for kind in kinds]
    records = ["ab" * 32] if any(part["records"] for part in found) else []
    answer = {"author": CLEO, "name": "Cleo", "topic": None, "score": score, "rank": 2 if parts else None, "parts": found}
    return answer | {"discounts": list(discounts), "records": records} | fields


def test_why_says_whose_word_it_is_and_for_what():
    found = why(((ADA, "Ada"), 0.25, ["verdict", "thanks"]), ((BEN, "Ben"), 0.125, ["solve"] * 5))
    found["parts"][0]["also"] = ["follow"]
    lines = list(ranking.why_lines(found, you=ADA))
    said = "\n".join(lines)
    assert lines[0] == "Cleo: place 2, as seen from here"
    assert "0.250  you say so" in lines
    assert "0.125  Ben says so" in lines
    assert "  you follow them" in lines
    assert "  and 2 more" in lines
    assert "solved something with their help, and showed it" in said
    assert lines[-2] == "0.375  in all"


def test_many_a_word_is_said_together_and_the_figures_still_add_up():
    parts = [((f"{place:064x}", f"N{place}"), 1 / place / 7, ["thanks"]) for place in range(1, 30)]
    lines = list(ranking.why_lines(why(*parts), you=ADA))
    figures = [float(found[1]) for line in lines if (found := re.match(r"(\d\.\d+)  ", line))]
    assert len(figures) == 10  # eight people, the others together, and the whole
    assert math.isclose(sum(figures[:-1]), figures[-1])
    assert any(line.endswith("21 others say so, too") for line in lines)


def test_what_is_taken_off_is_said_in_words():
    discounts = [
        {"name": "back-and-forth", "factor": 0.96, "through": None},
        {"name": "one-source", "factor": 0.25, "through": BEN, "through_name": "Ben\x1b[2J"},
    ]
    lines = list(ranking.why_lines(why(((BEN, "Ben"), 0.1, ["solve"]), discounts=discounts), you=ADA))
    assert "  each already × 0.96: help that goes to and fro between two counts less" in lines
    assert "  each already × 0.25: you know of them through Ben�[2J only" in lines
    nothing = [{"name": "back-and-forth", "factor": 0.99999, "through": None}]
    assert not [line for line in ranking.why_lines(why(((BEN, "Ben"), 0.1, ["solve"]), discounts=nothing), you=ADA) if "×" in line]


def test_of_whom_nobody_speaks_nothing_is_said_against_either():
    lines = list(ranking.why_lines(why(), you=ADA))
    assert "That says nothing against them." in lines[2]


def solved(asker, helper, topic, *, shown=True):
    """A question is asked, answered, and closed by the answer."""
    request = asker.ask("How?", "I do not see it.", topics=(topic,))
    answer = helper.reply(request, "answer", "Like this.")
    check = helper.check(request, "Show me.")
    proof = asker.prove(check, "Like this?")
    return [request, answer, check, proof, helper.judge(proof, "shown"), asker.solve(request, answer)]


def cafe():
    """(Ada, who looks, and everything said in the example of docs/ledger.md); she has still to follow Cleo."""
    clock = FakeClock(round(time.time() * 1000) - 180 * 24 * 3600 * 1000)
    ada, ben, cleo, dora, eli = (Author(name, clock) for name in ("Ada", "Ben", "Cleo", "Dora", "Eli"))
    said = [*solved(dora, eli, "knives"), *solved(dora, eli, "knives")]
    clock.jump(round(time.time() * 1000) - 3_700_000)
    strokes = dora.share("Ten strokes a side", "Flat.", topics=("bread",))
    said += [strokes, ben.adopt(strokes, "using"), *solved(ada, ben, "bread"), *solved(ben, cleo, "bread")]
    flour, knife = ben.share("Flour", topics=("bread",)), dora.share("A knife for bread", topics=("knives",))
    crumbs = ada.share("Crumbs", topics=("bread",))
    said += [flour, cleo.thank(flour, "So kind."), knife, ben.thank(knife, "At last."), crumbs, dora.thank(crumbs, "All that you ask!")]
    return ada, [*said, *(one.profile() for one in (ben, cleo, dora, eli))]


def test_the_example_of_the_document_is_printed_as_it_says(tmp_path, capsys):
    text = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
    block = text.partition("<!-- example: why -->\n")[2].partition("\n\n")[0]
    command, *expected = [line.removeprefix("    ") for line in block.splitlines()]
    ada, records = cafe()
    home = Home(tmp_path / "home")
    load_or_create(home)
    home.author_key.write_bytes(ada.private_key.private_bytes_raw())
    writer = BundleWriter()
    (tmp_path / "stick").write_bytes(b"".join([writer.start(), *(writer.record(record.raw) for record in records), writer.finish()]))
    assert main(["--home", str(home.root), "import", str(tmp_path / "stick")]) == 0
    assert main(["--home", str(home.root), "follow", "Cleo"]) == 0
    capsys.readouterr()
    assert main(["--home", str(home.root), *command.split()[2:]]) == 0
    ids = re.compile("[0-9a-f]{8}(…|[0-9a-f]{56})?")
    assert [ids.sub("ID", line) for line in capsys.readouterr().out.splitlines()] == [ids.sub("ID", line) for line in expected]


def test_who_wants_to_see_no_ranks_sees_none_but_scripts_do(tmp_path, capsys):
    def typed(*line):
        assert main(["--home", str(tmp_path), *line]) == 0
        return capsys.readouterr().out

    me = json.loads(typed("init", "--name", "Ada", "--json"))["author"]
    typed("config", "set", "view", "off")
    said = "Who helps whom is not shown here: the setting view is off.\nNext: p2plearn config set view balance shows it\n"
    assert typed("rank") == said
    assert json.loads(typed("rank", "--json")) == {"ranking": [], "evidence": False, "topic": None, "view": "off"}
    assert main(["--home", str(tmp_path), "why", me]) == 2
    typed("config", "set", "view", "recognition")
    capsys.readouterr()
    assert typed("rank").startswith("Nobody has helped yet")
