"""The line as typed: what holds everywhere, where a text may come from, and how it all ends."""

import io
import json
import sys
from typing import Any

import pytest
from typer.main import get_command

from p2plearn import limits
from p2plearn.client import Client
from p2plearn_cli.main import build, main

PROGRAM: Any = get_command(build())


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("P2PLEARN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def run(home, capsys):
    """Type a line; what a script sees of it."""

    def type_line(*arguments):
        code = main([*arguments, "--json"] if "--" not in arguments else ["--json", *arguments])
        shown = capsys.readouterr()
        assert shown.err == ""
        return code, json.loads(shown.out)

    return type_line


def share(run, *more):
    code, answer = run("share", "--title", "t", "--topic", "x", *more)
    assert code == 0, answer
    return answer["id"]


def text_of(run, record):
    return run("show", record)[1]["text"]


@pytest.mark.parametrize(
    "line",
    [
        ["--home", "HOME", "--json", "status"],
        ["status", "--home", "HOME", "--json"],
        ["--json", "status", "--home=HOME"],
        ["--home=HOME", "status", "--json", "--json"],
    ],
    ids=" ".join,
)
def test_home_and_json_hold_before_and_after_the_command(line, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("P2PLEARN_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert main([word.replace("HOME", str(tmp_path / "given")) for word in line]) == 0
    assert json.loads(capsys.readouterr().out)["running"] is False
    assert (tmp_path / "given").is_dir()
    assert not (tmp_path / "nobody").exists()


def test_after_two_dashes_nothing_is_an_option(run):
    record = share(run, "--", "--json")
    assert text_of(run, record) == "--json"


def test_a_value_may_look_like_an_option(run):
    record = run("share", "--title=--json", "--topic=-x", "text")[1]["id"]
    assert run("show", record)[1]["title"] == "--json"


@pytest.mark.parametrize("given", ["words\n", "two\nlines", "ünïcödé 日本", "-"])
def test_a_text_may_come_from_stdin(run, monkeypatch, given):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    assert text_of(run, share(run, "-")).strip() == given.strip()


@pytest.mark.parametrize(
    "given,code", [(b"", 2), (b" \n", 2), (b"\xff\xfe", 2), (b"x" * (limits.MAX_RECORD + 1), 6)], ids=["empty", "blank", "no UTF-8", "huge"]
)
def test_a_bad_text_from_stdin_is_refused(run, monkeypatch, given, code):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert run("share", "--title", "t", "--topic", "x", "-")[0] == code


def test_an_endless_stdin_is_not_read_to_its_end(run, monkeypatch):
    class Endless(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            buffer[:] = b"y" * len(buffer)
            return len(buffer)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    assert run("share", "--title", "t", "--topic", "x", "-")[1]["error"]["code"] == "too_large"


def test_a_text_may_come_from_a_file(run, tmp_path):
    (tmp_path / "notes").write_text("from a file")
    assert text_of(run, share(run, "--file", "notes")) == "from a file"


def test_a_text_given_twice_is_refused(run, tmp_path):
    (tmp_path / "notes").write_text("from a file")
    assert run("share", "--title", "t", "--topic", "x", "--file", "notes", "and here")[0] == 2


@pytest.mark.parametrize(
    "name,given,alt",
    [
        ("a.txt", "a.txt", ""),
        ("a.txt", "a.txt=what it shows", "what it shows"),
        ("a.txt", "a.txt=a=b", "a=b"),
        ("a=b.txt", "a=b.txt=x", "x"),
    ],
)
def test_a_file_is_attached_with_words_for_who_cannot_see_it(run, tmp_path, name, given, alt):
    (tmp_path / name).write_text("hello")
    [attachment] = run("show", share(run, "text", "--attach", given))[1]["attachments"]
    assert (attachment["name"], attachment["size"], attachment["alt"]) == (name, 5, alt)


def test_several_files_keep_their_order(run, tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(name)
    shown = run("show", share(run, "text", "--attach", "c", "--attach", "a", "--attach", "b"))[1]
    assert [attachment["name"] for attachment in shown["attachments"]] == ["c", "a", "b"]


def test_when_one_file_is_missing_none_is_stored(run, home, tmp_path):
    (tmp_path / "here").write_text("x")
    run("init")
    assert run("share", "--title", "t", "--topic", "x", "text", "--attach", "here", "--attach", "nosuch")[0] == 5
    assert not [path for path in (home / "blocks").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "line", [["profile", "--name", "Ana"], ["share", "--title", "t", "--topic", "x", "text"], ["follow", "wood"], ["status"]]
)
def test_a_home_that_was_never_initialised_is_made_on_the_way(run, line):
    assert run(*line)[0] == 0
    assert run("init")[1]["created"] is False


def test_help_is_no_error(home, capsys):
    assert main(["share", "--help"]) == 0
    assert "--topic" in capsys.readouterr().out
    assert not home.exists()


@pytest.mark.parametrize("command", sorted(PROGRAM.commands))
def test_each_command_explains_itself(home, capsys, command):
    assert main([command, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"p2plearn {command}" in shown
    assert "--json for scripts" in shown
    assert not home.exists()


def test_an_unknown_command_is_answered_with_one_that_is_near(run):
    assert "share" in run("shrae")[1]["error"]["message"]


def test_what_nobody_has_foreseen_is_one_sentence(run, monkeypatch):
    def stumble(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(Client, "call", stumble)
    monkeypatch.delenv("P2PLEARN_DEBUG", raising=False)
    code, answer = run("status")
    assert code == 1
    assert "ZeroDivisionError" in answer["error"]["message"]


def test_its_traceback_is_there_for_those_who_ask(home, monkeypatch, capsys):
    def stumble(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(Client, "call", stumble)
    monkeypatch.setenv("P2PLEARN_DEBUG", "1")
    assert main(["status"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_ends_quietly(home, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "call", interrupt)
    assert main(["status"]) == 130
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


@pytest.mark.parametrize("name", ["\x1b]0;owned\x07Eve", "Eve\u202egnp", "E\x9b2Jve", "Eve\r\nAna"])
def test_a_hostile_name_never_reaches_the_terminal(home, capsys, name):
    """The service lets nobody here take such a name; it may come from elsewhere, so what prints must not rely on that."""
    from p2plearn_cli.items import item_lines

    item = {
        "id": "0" * 64,
        "kind": name,
        "author": "1" * 64,
        "name": name,
        "at": name,
        "title": name,
        "topics": [name],
        "state": name,
        "snippet": name,
    }
    print("\n".join(item_lines(item)))
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 4
    assert not set("\x1b\x07\u202e\x9b\r") & set(shown)


def test_a_command_that_does_not_exist_points_to_those_that_do(home, capsys):
    assert main(["shwo"]) == 2
    said = capsys.readouterr().err
    assert "`p2plearn --help`" in said
    assert "?." not in said


def test_help_may_be_asked_for_in_a_word(home, capsys):
    assert main(["help"]) == 0
    assert "share" in capsys.readouterr().out
    assert main(["help", "share"]) == 0
    assert "--title" in capsys.readouterr().out


def test_only_a_text_is_sent_into_an_attachment_when_it_is_too_long(run):
    def hint(*line):
        return run(*line)[1]["error"]["hint"]

    assert "attachment" not in hint("share", "--title", "t" * 5_000, "--topic", "x", "text")
    assert "attachment" in hint("share", "--title", "t", "--topic", "x", "t" * limits.MAX_RECORD)


def test_an_export_does_not_go_to_stdout(run):
    assert run("export", "-")[0] == 2


def test_an_import_of_nothing_but_damage_fails_in_words(run, capsys, tmp_path):
    share(run, "words that will be damaged")
    assert run("export", "out")[0] == 0
    whole = (tmp_path / "out").read_bytes()
    at = whole.index(b"words that")
    (tmp_path / "out").write_bytes(whole[:at] + b"W" + whole[at + 1 :])
    assert main(["--home", "other", "import", "out"]) == 1
    assert "damaged in the file" in capsys.readouterr().out


def test_a_feed_of_one_topic_does_not_say_that_nothing_is_here(run, capsys):
    share(run, "words")
    assert main(["feed", "--topic", "unheard-of"]) == 0
    assert "Nothing is here" not in capsys.readouterr().out
