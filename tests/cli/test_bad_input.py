"""Bad input to every command: one clear sentence, the right exit code, and nothing changed."""

import json
import os
import shlex
from typing import Any

import pytest
import structlog
import trio
import typer.main

from p2plearn import limits
from p2plearn.client import Client
from p2plearn.node.service.service import Service
from p2plearn_cli.main import build, main

ESC = "\x1b[31m\x07\x9b2J"
TURNED = "\u202egnp.exe\u2066"
BROKEN = "\udcff\udcfe"  # what Python makes of arguments that are not UTF-8

IDS = [
    "",
    " ",
    "x",
    "abcde",
    "zzzzzz",
    "0" * 63,
    "0" * 64,
    "0" * 65,
    "0" * 100_000,
    "../../keys",
    "' OR 1=1 --",
    ESC,
    TURNED,
    BROKEN,
    "%s{}",
    "*",
]
TEXTS = ["", " \n\t ", "x" * 100_000, "é" * 20_000, BROKEN]
LINES = ["", " ", "x" * 5_000, "é" * 5_000, BROKEN]
TOPICS = ["", " ", "x" * 100, BROKEN]
WORDS = ["", "x" * 100, "nosuch", ESC, TURNED, BROKEN, "HINT"]
SOME_IDS = ["", "abcde", "zzzzzz", "0" * 64, ESC, BROKEN]
NUMBERS = ["", "x", "-1", "0", "1.5", "1e3", "９", "99999999999999999999999", ESC, BROKEN]
FILES = ["", "nosuch", "directory", "pipe", "latin1", "huge", "empty", "x" * 300, "nosuch/file", ESC, BROKEN, "/dev/zero", "\x00"]
ADDRESSES = ["", "x", "/ip4", "/ip4/1.2.3.4", "/ip4/999.1.1.1/tcp/1/p2p/x", "x" * 10_000, ESC, BROKEN]
KEYS = ["", "nosuch", "quota.size", ESC, TURNED, BROKEN, "x" * 1000]
SIZES = ["", "x", "-1", "1.5GiB", "9" * 30, ESC, BROKEN]
MULTIADDRS = ["", "x", "4001", ESC]
HUGE = "x" * 100_000

# Every command with one place for something bad, and what may stand there.
LINES_TO_TYPE: list[tuple[str, list[Any]]] = [
    ("init --name {}", LINES[:3]),
    ("up --connect {}", ADDRESSES[:4]),
    ("up --listen {}", MULTIADDRS),
    ("up --web {}", ["x", "-1", "65536", "1.5", ""]),
    ("up {}", ["surplus", "--nosuch", ["--web", "1", "--no-web"]]),
    ("down {}", ["surplus"]),
    ("status {}", ["surplus", "--nosuch"]),
    ("peers {}", ["surplus"]),
    ("connect {}", ADDRESSES),
    ("doctor {}", ["surplus"]),
    ("profile --name {}", LINES),
    ("profile --about {}", [HUGE, BROKEN]),
    ("profile --open-to {}", ["x" * 100_000, BROKEN]),
    ("teach {}", TOPICS),
    ("teach wood --capacity {}", NUMBERS),
    ("learn {}", TOPICS),
    ("offer --topic {} text", TOPICS),
    ("offer --topic x {}", TEXTS),
    ("offer {}", ["text"]),
    ("wanted --topic {} text", TOPICS),
    ("wanted --topic x {}", TEXTS),
    ("matches --limit {}", NUMBERS),
    ("compass {}", ["text", "--share", ["--topic", "x"], ["--answer"]]),
    ("compass --answer {} text", [*NUMBERS, "4"]),
    ("compass --answer 1 {}", TEXTS),
    ("compass --answer 1 --topic {} text", TOPICS),
    ("compass --answer 3 --topic {} text", ["x"]),
    ("people --topic {}", TOPICS),
    ("follow {}", ["", " ", "#", "x" * 100, BROKEN]),
    ("unfollow {}", ["", " ", "#", "x" * 100, BROKEN]),
    ("mute {}", ["", " ", "#", "x" * 100, BROKEN]),
    ("unmute {}", ["", " ", "#", "x" * 100, BROKEN]),
    ("share --title t --topic x {}", TEXTS),
    ("share --title t --topic x --file {}", FILES),
    ("share --title t --topic x text --attach {}", ["", "nosuch", "directory", "pipe", "nosuch=alt", BROKEN, ESC]),
    ("share --title {} --topic x text", LINES),
    ("share --title t --topic {} text", TOPICS),
    ("share --title t --topic x --lang {} text", ["x" * 100, BROKEN]),
    ("share --title t --topic x --licence {} text", ["x" * 100, BROKEN]),
    ("share --title t --topic x --type {} text", ["", "x" * 100, BROKEN]),
    (
        "share {}",
        [
            "text",
            "--title",
            ["--title", "t"],
            ["--topic", "x"],
            ["--title", "t", "--topic", "x"],
            ["--title", "t", "--topic", "x", "one", "two"],
        ],
    ),
    (
        "share --title t --topic x {} text",
        [["--file", "latin1"], "--nosuch", [word for number in range(20) for word in ("--topic", str(number))]],
    ),
    ("revise {} text", SOME_IDS),
    ("revise {mine} {}", TEXTS),
    ("revise {mine} text --title {}", ["x" * 5_000, BROKEN]),
    ("revise {theirs} {}", ["text"]),
    ("fork {} text", SOME_IDS),
    ("fork {mine} {}", TEXTS),
    ("fork {mine} text --as {}", WORDS),
    ("retract {}", SOME_IDS),
    ("retract {theirs} {}", ["why"]),
    ("retract {mine} {}", [HUGE, BROKEN]),
    ("retract {mine} --file {}", FILES[1:6]),
    ("forget {}", SOME_IDS),
    ("ask --title t --topic x {}", TEXTS),
    ("ask --title {} --topic x text", LINES),
    ("ask --title t --topic x text --to {}", SOME_IDS),
    ("ask --title t --topic x text --want {}", WORDS[1:]),
    ("ask --title t --topic x text --goal {}", [HUGE, BROKEN]),
    ("ask --title t --topic x text --tried {}", [HUGE, BROKEN]),
    ("ask --title t --topic x text --level {}", [HUGE, BROKEN]),
    ("similar {}", ["", " ", BROKEN]),
    ("similar --file {}", FILES[:7]),
    ("reply {} --type hint text", SOME_IDS),
    ("reply {mine} --type {} text", [*WORDS, "attempt"]),
    ("reply {mine} --type step --step {} text", NUMBERS),
    ("reply {mine} --type hint {}", TEXTS),
    ("attempt {} text", SOME_IDS),
    ("attempt {question} {}", TEXTS),
    ("attempt {theirs} {}", ["text"]),
    ("solve {}", SOME_IDS),
    ("solve {question} --by {}", SOME_IDS),
    ("solve {theirs} {}", [[]]),
    ("solve {mine} {}", [[]]),
    ("withdraw {}", SOME_IDS),
    ("withdraw {theirs} {}", [[]]),
    ("solve {retracted} {}", [[]]),
    ("check {} text", SOME_IDS),
    ("check {theirs} {}", TEXTS),
    ("check {question} {}", ["of my own"]),
    ("check {snippet} {}", ["no request"]),
    ("proof {} text", SOME_IDS),
    ("proof {check} {}", TEXTS),
    ("proof {theirs} {}", ["no check", "text"]),
    ("verdict {} shown", SOME_IDS),
    ("verdict {attempt} {}", [*WORDS, "not yet", "SHOWN"]),
    ("verdict {attempt} shown {}", [HUGE, BROKEN]),
    ("verdict {attempt} not-yet --fix {}", ["", "x", "2", "2:", ":words", "-1:words", "0:words", "９:words", "9999999999:words", BROKEN]),
    ("verdict {question} {}", ["shown"]),
    ("verdict {snippet} {}", ["shown"]),
    ("decline {} text", SOME_IDS),
    ("decline {theirs} {}", TEXTS),
    ("decline {question} {}", ["my own"]),
    ("adopt {} --stage tried", SOME_IDS),
    ("adopt {snippet} --stage {}", [*WORDS, "passed on"]),
    ("adopt {snippet} {}", [[], ["--stage"]]),
    ("adopt {snippet} --stage tried --outcome {}", WORDS[1:]),
    ("adopt {snippet} --stage tried --learned-from {}", SOME_IDS),
    ("adopt {snippet} --stage tried {}", [HUGE, BROKEN]),
    ("adopt {theirs} --stage {}", ["tried"]),
    ("correct {} text", SOME_IDS),
    ("correct {snippet} {}", TEXTS),
    ("react {} works text", SOME_IDS),
    ("react {snippet} {} text", [*WORDS, "doesn't"]),
    ("react {snippet} works {}", TEXTS),
    ("react {theirs} {} text", ["works", "doesnt"]),
    ("thanks {} text", SOME_IDS),
    ("thanks {snippet} {}", TEXTS),
    ("thanks --private {snippet} {}", TEXTS),
    ("thanks --private {snippet} text {}", [["--attach", "empty"]]),
    ("thanks {mine} {}", ["to myself"]),
    ("encourage {} text", SOME_IDS),
    ("encourage {theirs} {}", TEXTS),
    ("share --title t --topic x --step {}", [[], HUGE, BROKEN, " "]),
    ("share --title t --topic x --step s --done-when {}", [HUGE, BROKEN]),
    ("share --title t --topic x --step s --pitfall {}", [HUGE, BROKEN]),
    ("share --title t --topic x text --from {}", [*SOME_IDS, "{mine}"]),
    ("revise {mine} text --with {}", [*SOME_IDS, "{theirs}"]),
    ("revise {mine} --done-when {}", ["", "words"]),
    ("fork {snippet} --step {}", [HUGE, BROKEN]),
    ("lineage {}", [*SOME_IDS, "{theirs}"]),
    ("glow --limit {}", NUMBERS),
    ("rank --topic {}", TOPICS),
    ("rank --limit {}", NUMBERS),
    ("why {}", SOME_IDS),
    ("why Ada --topic {}", TOPICS),
    ("balance {}", ["surplus", "--nosuch"]),
    ("health --topic {}", TOPICS),
    ("health {}", ["surplus"]),
    ("inbox --read {}", [*SOME_IDS, "{mine}"]),
    ("inbox --limit {}", NUMBERS),
    ("inbox {}", ["surplus", ["--all", "--read", "{check}"]]),
    ("requests --limit {}", NUMBERS),
    ("requests --topic {}", TOPICS),
    ("feed --limit {}", NUMBERS[:4]),
    ("feed --kind {}", WORDS[:3]),
    ("feed --topic {}", TOPICS),
    ("search {}", ["", " ", "!?", "x" * 100_000, "a b " * 200, BROKEN]),
    ("search x --limit {}", NUMBERS[:4]),
    ("show {}", IDS),
    ("attachment {} out", SOME_IDS),
    ("attachment x {}", ["directory", "nosuch/out", "latin1", BROKEN, "\x00", "x" * 300]),
    ("export {}", ["directory", "nosuch/out", "", "x" * 300, "\x00", "/dev/null/x"]),
    ("export out --topic {}", TOPICS),
    ("import {}", FILES),
    ("config get {}", KEYS),
    ("config set {} x", KEYS),
    ("config set quota {}", SIZES),
    ("config set hold {}", WORDS[:4]),
    ("config set listen {}", MULTIADDRS[1:]),
    ("config {}", [[], "", "nosuch", "get", "set", ["set", "quota"], ["set", "quota", "1", "2"]]),
    ("{}", ["", "nosuch", "--nosuch", "--home", "-x", ESC, BROKEN, ["--home=", "status"]]),
]
CASES = [(line, bad) for line, bads in LINES_TO_TYPE for bad in bads]


def typed(line, bad, names):
    """The line as a list of words, with the bad one, or several, in its place."""
    words: list[str] = []
    for word in shlex.split(line):
        words += ([bad] if isinstance(bad, str) else bad) if word == "{}" else [word]
    return [names.get(word, word) for word in words]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A home with a snippet and a question, somebody else's in it and what they said, and a directory of odd files."""
    place = tmp_path_factory.mktemp("place")
    (place / "directory").mkdir()
    (place / "latin1").write_bytes("Löffel".encode("latin-1"))
    (place / "huge").write_bytes(b"x" * (limits.MAX_RECORD + 1))
    (place / "empty").write_bytes(b"")
    os.mkfifo(place / "pipe")
    client, other = Client(place / "home"), Client(place / "other")
    client.init("Ana")
    names = {
        "{mine}": client.call("share", title="Oiling", text="Thin coats.", topics=["wood"])["id"],
        "{question}": client.call("ask", title="Sticky", text="Which oil?", topics=["wood"])["id"],
        "{theirs}": other.call("ask", title="Carving", text="Which knife?", topics=["wood"])["id"],
    }
    client.export_bundle(place / "bundle", nothing)
    other.import_bundle(place / "bundle", nothing)
    names |= {
        "{snippet}": other.call("share", title="Whetting", text="A wet stone.", topics=["wood"])["id"],
        "{attempt}": other.call("attempt", request=names["{theirs}"], text="The long one.")["id"],
        "{check}": other.call("check", request=names["{question}"], text="And walnut oil?")["id"],
        "{retracted}": (taken_back := other.call("ask", title="Gone", text="Never mind.", topics=["wood"])["id"]),
    }
    other.call("retract", id=taken_back)
    other.export_bundle(place / "bundle", nothing)
    client.import_bundle(place / "bundle", nothing)
    return place, names


def everything(place):
    """All that a command could have changed."""

    async def look():
        async with Service.open(place / "home") as service:
            return await service.status(), await service.feed(), await service.unfollow("a-topic-that-nobody-follows")

    files = sorted((path.as_posix(), path.stat().st_size) for path in place.rglob("*") if "store.db" not in path.name)
    return files, trio.run(look)


@pytest.fixture(scope="module")
def before(place):
    return everything(place[0])


def nothing(_done, _total):
    pass


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """`up` sends the log to the stderr of this test, which is closed when the next one runs."""
    yield
    structlog.reset_defaults()


def short(value):
    return ascii(value[:20])


@pytest.mark.parametrize("line,bad", CASES, ids=[f"{line} ({short(bad)})" for line, bad in CASES])
def test_bad_input(line, bad, place, before, monkeypatch, capsys):
    place, names = place
    monkeypatch.chdir(place)
    monkeypatch.setenv("P2PLEARN_HOME", str(place / "home"))
    arguments = typed(line, bad, names)

    code = main(["--json", *arguments])
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert code in expected(line), error
    assert shown.err == ""
    assert error.keys() >= {"code", "message", "hint"}
    assert error["message"].endswith((".", "…"))
    assert "\n" not in error["message"]
    assert len(error["message"]) < 1000
    assert not any(word in error["message"] for word in ("Traceback", "unforeseen", "Error(", "usage: "))

    assert main(arguments) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 2
    assert not set("\x1b\x07\x9b\u202e\u2066") & set(shown.err + shown.out)
    assert everything(place) == before


def expected(line):
    """The exit codes that fit a line."""
    if line.startswith(("down", "peers", "connect")):
        return {2, 3}
    if line in ("export {}", "attachment x {}"):
        return {1, 2, 5, 6}  # 1: the place cannot be written
    if line.startswith("import"):
        return {1, 2, 5}
    return {2, 5, 6}


def test_every_command_is_here():
    program: Any = typer.main.get_command(build())
    assert set(program.commands) == {line.split()[0] for line, _ in LINES_TO_TYPE} - {"{}"}
