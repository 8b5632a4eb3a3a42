"""Every measure runs, with a few records, and prints what docs/performance.md and whoever compares rely on. How fast is nobody's test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from bench import cli, corpus, gossip, ingest, learning, reconcile, sync
from bench.shelf import EXTRA, Shelf
from bench.village import Village
from p2plearn.protocol.admission import examine
from p2plearn.protocol.kinds import Body
from p2plearn.protocol.records import Record

ROOT = Path(__file__).parents[2]
N, AUTHORS = 200, 10
MEASURED = {"name", "n", "wall", "rec_s", "cpu", "wire", "payload", "ratio", "pkts", "rss", "info"}

pytestmark = [pytest.mark.processes, pytest.mark.network]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return Shelf(tmp_path_factory.mktemp("shelf"), N, AUTHORS)


@pytest.fixture
def printed(capsys, monkeypatch):
    """The lines of a measure by name; what is repeated for a better figure is done as seldom as can be."""
    for module, name, few in (
        (sync, "_NEWS", 5),
        (sync, "_STARTS", 1),
        (gossip, "_PACED", 5),
        (gossip, "_FLOOD", 20),
        (cli, "_REPEATS", 1),
        (learning, "_REPEATS", 2),
    ):
        monkeypatch.setattr(module, name, few)

    def lines(run, *arguments):
        run(*arguments)
        return {line["name"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}

    return lines


@pytest.fixture
def rows(shelf, tmp_path, printed):
    return sync.rows(shelf, tmp_path)


def test_sync_has_the_same_rows_over_libp2p_and_in_memory(rows):
    measures = ["initial signatures", "initial runs", "diff", "live"]
    assert list(rows) == [f"{system} {measure}" for system in ("p2plearn", "memory") for measure in measures] + ["p2plearn start"]


@pytest.mark.slow
def test_a_first_sync_tells_what_it_cost_and_what_the_disk_holds(rows, shelf):
    row = rows["p2plearn initial signatures"]()
    assert row.keys() == MEASURED
    assert row["n"] == N
    assert row["payload"] == shelf.payload() == corpus.payload(0, N)
    assert len(row["cpu"]) == len(row["rss"]) == 2
    assert row["wall"] > 0
    assert row["wire"] > row["payload"] / 4
    assert row["info"]["equal"]
    assert 1 < row["info"]["disk_without_index"] < row["info"]["disk"]
    assert "records" in row["info"]["disk_tables"]


def test_postponed_checks_are_waited_for(rows):
    row = rows["memory initial runs"]()
    assert row.keys() == MEASURED
    assert row["info"]["equal"]
    assert row["info"]["all_done"] > row["wall"]


def test_a_difference_is_a_hundred_on_each_side(rows):
    row = rows["memory diff"]()
    assert row["n"] == 2 * EXTRA
    assert row["info"]["of"] == N
    assert row["info"]["equal"]
    assert row["wire"] < row["info"]["records"]


def test_live_tells_how_long_after_the_commit_and_after_the_asking(rows):
    row = rows["memory live"]()
    assert 0 < row["p50"] <= row["p99"]
    assert row["p50"] < row["said_p50"]


@pytest.mark.slow
def test_starting_is_told_beside_importing_and_an_empty_home(rows):
    row = rows["p2plearn start"]()
    assert row["info"].keys() == {"empty", "imports", "beyond_imports", "beyond_empty"}
    assert row["wall"] > 0


def test_ingest_measures_each_stage_and_the_whole(shelf, printed, tmp_path):
    rows = printed(ingest.run, shelf, tmp_path)
    assert [name.removeprefix("p2plearn ingest ").split(",")[0] for name in rows] == [
        "hash", "decode", "verify", "store", "index", "signatures", "runs",
    ]  # fmt: skip
    assert all(row["n"] == N and row["us"] > 0 for row in rows.values())


@pytest.mark.slow
def test_gossip_goes_along_a_line_of_three(shelf, printed, tmp_path):
    rows = printed(gossip.run, shelf, tmp_path)
    assert rows["p2plearn gossip latency"]["p50"] > 0
    assert rows["p2plearn gossip flood"]["rec_s"] > 0


@pytest.mark.slow
def test_commands_are_compared_with_a_bare_python(shelf, printed, tmp_path):
    rows = printed(cli.run, shelf, tmp_path)
    for word in ("status", "feed", "show", "search", "share"):
        assert rows[f"p2plearn cli {word}"]["ratio"] > 0
        assert rows[f"p2plearn cli {word} without a node"]["ratio"] > 0


@pytest.mark.slow
def test_the_views_of_the_loop_are_asked_of_a_node_that_hears_news(printed, tmp_path):
    rows = printed(learning.run, Shelf(tmp_path / "shelf", 1_000, AUTHORS), tmp_path)
    views = {name.removeprefix("p2plearn learning ").split()[0] for name in rows}
    assert views == {"inbox", "requests", "show", "lineage", "glow", "matches", "people", "feed", "home"}
    assert all(0 < row["p50"] <= row["max"] and row["of"] == 1_000 for row in rows.values())


def test_a_village_says_all_there_is_to_say_the_same_each_time():
    said = list(Village(3_000).records())
    assert {record.kind for record in said} == {body.kind for body in get_args(Body)}
    assert [record.id for record in Village(3_000).records()] == [record.id for record in said]
    seen: set[bytes] = set()
    for record in said:
        assert seen.issuperset(ref.target for ref in record.refs)
        seen.add(record.id)


def test_reconciling_costs_more_the_more_differs(shelf, printed, tmp_path):
    rows = printed(reconcile.run, shelf, tmp_path)
    wire = [rows[f"p2plearn reconcile {N} {number}"]["wire"] for number in (0, 10, 100)]
    assert wire == sorted(wire)
    assert rows[f"p2plearn reconcile {N} 0"]["info"]["trips"] == 1


def test_the_program_prints_json_alone_and_skips_peers_that_are_not_here(tmp_path):
    command = [sys.executable, "-m", "bench", "ingest", "--n", "50", "--authors", "5", "--cache", str(tmp_path), "--peers"]
    env = {key: value for key, value in os.environ.items() if key != "PEERS_DIR"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    skipped = {row["name"]: row["skipped"] for row in rows if "skipped" in row}
    assert skipped.keys() == {"hypercore", "ssb", "iroh-docs"}
    assert all("PEERS_DIR" in why for why in skipped.values())


def test_records_are_signed_chained_and_the_same_each_time(shelf, tmp_path):
    examined = [examine(raw) for raw in (*shelf.records(), *shelf.fresh(0), *shelf.fresh(1))]
    records = [record for record in examined if isinstance(record, Record)]
    assert len(records) == N + 2 * EXTRA
    assert len({record.author for record in records}) == AUTHORS
    ids = {record.id for record in records}
    assert all(record.prev in ids for record in records if record.seq > 1)
    assert Shelf(tmp_path, N, AUTHORS).records() == shelf.records()


def test_what_is_new_on_either_side_is_by_other_people(shelf):
    first, second = ({record.author for raw in shelf.fresh(side) if isinstance(record := examine(raw), Record)} for side in (0, 1))
    assert len(first) == len(second) == AUTHORS // 2
    assert not first & second


def test_texts_have_the_sizes_they_should(tmp_path):
    sizes = [len(corpus.text(i)) for i in range(2_000)]
    assert min(sizes) == 300
    assert max(sizes) == 4_000
    assert 950 < sum(sizes) / len(sizes) < 1_060
    corpus.write(tmp_path / "corpus.bin", 3)
    assert (tmp_path / "corpus.bin").stat().st_size == sum(sizes[:3]) + 3 * 4
