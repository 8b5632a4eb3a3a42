"""What is printed: JSON that reads back, text that cannot steer a terminal, times and sizes as people say them."""

import io
import json
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn_cli import output

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def steers(character):
    """Whether a terminal or a reader's eye could be misled by a character, by Unicode's own tables."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in TURNING


@given(ANY_TEXT)
def test_nothing_that_steers_a_terminal_is_left_in_a_line(text):
    assert not any(map(steers, output.clean(text)))


@given(ANY_TEXT)
def test_nothing_that_steers_a_terminal_is_left_in_a_longer_text(text):
    assert not any(map(steers, "".join(output.clean_lines(text))))


@given(st.recursive(st.none() | st.booleans() | st.integers() | ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)))
def test_json_reads_back_as_it_was_and_steers_nothing(value):
    text = output.to_json(value)
    assert json.loads(text) == value
    assert not any(map(steers, text))


@pytest.mark.parametrize("text", ["Ça va?", "日本語", "עברית", "👩‍🌾 e\u0301", "a  b"])
def test_what_people_write_stays_as_it_is(text):
    assert output.clean(text) == text
    assert output.clean_lines(text) == [text]


def test_a_longer_text_keeps_its_lines_and_a_title_is_one():
    assert output.clean_lines("one\r\ntwo\rthree\n\n\tfour") == ["one", "two", "three", "", "    four"]
    assert output.clean("one\r\n two\tthree") == "one  two three"


def test_json_stays_ascii_where_the_output_is(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert output.to_json({"name": "Žana"}) == '{"name": "\\u017dana"}'


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "environment,coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)], ids=str
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, environment, coloured):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (output.paint("word", "bold", to=Terminal()) == "\x1b[1mword\x1b[0m") is coloured
    assert output.paint("word", "bold", to=io.StringIO()) == "word"


def test_colour_never_lets_anything_through(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.paint("a\x1b[0mb", "bold", "red", to=Terminal()) == "\x1b[1;31ma�[0mb\x1b[0m"


@pytest.mark.parametrize(
    "seconds,words",
    [
        (0, "just now"),
        (59, "just now"),
        (-59, "just now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (7200, "2 hours ago"),
        (3 * 86_400, "3 days ago"),
        (70 * 86_400, "2 months ago"),
        (800 * 86_400, "2 years ago"),
        (-7200, "in 2 hours, by its author's clock"),
    ],
)
def test_times_are_said_as_people_say_them(seconds, words):
    at = (NOW - timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert output.ago(at, NOW) == words


@pytest.mark.parametrize("at", [None, "", "yesterday", "2026-11-22T12:00:00"])
def test_a_time_that_cannot_be_read_is_said_so(at):
    assert output.ago(at, NOW) == "at an unknown time"


@pytest.mark.parametrize(
    "count,words",
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (5 * 1024**2, "5.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (9000 * 1024**3, "9000.0 GiB"),
    ],
)
def test_sizes_are_said_as_people_say_them(count, words):
    assert output.size(count) == words


def test_a_bar_is_shown_to_those_who_look(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with output.progress("Exporting", quiet=False) as progress:
        progress(10, 20)
    assert "Exporting" in terminal.getvalue()


@pytest.mark.parametrize("stream,quiet", [(io.StringIO(), False), (Terminal(), True)], ids=["no terminal", "a script"])
def test_a_bar_is_not_shown_to_others(monkeypatch, stream, quiet):
    monkeypatch.setattr("sys.stderr", stream)
    with output.progress("Exporting", quiet=quiet) as progress:
        progress(10, 20)
    assert stream.getvalue() == ""
