"""Settings: four places, one order, and nothing that is silently ignored."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import config, limits
from p2plearn.errors import BadConfig
from p2plearn.paths import Home

MANUAL = Path(__file__).parents[1] / "docs" / "CONFIGURATION.md"


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_the_default_gives_way_to_the_file_the_file_to_the_environment_and_that_to_the_flag(home):
    assert config.load(home, {})["hold"] == "all"
    home.config.write_text('hold = "followed"\n')
    assert config.load(home, {})["hold"] == "followed"
    assert config.load(home, {"P2PLEARN_HOLD": "all"})["hold"] == "all"
    assert config.load(home, {"P2PLEARN_HOLD": "all"}, {"hold": "followed"})["hold"] == "followed"


def test_a_flag_that_was_not_given_changes_nothing(home):
    assert config.load(home, {}, {"mdns": None})["mdns"] is True


@pytest.mark.parametrize(
    "key,written,value",
    [
        ("quota", "2GiB", 2 * 1024 * limits.MiB),
        ("quota", "500 MB", 500_000_000),
        ("quota", "0", 0),
        ("quota", 12345, 12345),
        ("min_free", "1k", 1024),
        ("view", "off", "off"),
        ("mdns", "no", False),
        ("lan_only", "TRUE", True),
        ("listen", "/ip4/0.0.0.0/tcp/4001, /ip6/::/tcp/4001", ["/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001"]),
        ("listen", "", []),
    ],
)
def test_what_is_set_is_what_holds(home, key, written, value):
    assert config.put(home, key, written) == value
    assert config.get(home, key, {}) == value
    assert tomllib.loads(home.config.read_text()) == {key: value}


@pytest.mark.parametrize(
    "key,written",
    [
        ("quota", "much"),
        ("quota", "-1"),
        ("quota", "1.5GiB"),
        ("quota", "999999999999999TiB"),
        ("quota", "９GiB"),
        ("quota", True),
        ("quota", ""),
        ("view", "Balance"),
        ("view", ""),
        ("hold", 1),
        ("mdns", "maybe"),
        ("listen", "4001"),
        ("listen", "/ip4/\x1b[31m"),
        ("listen", ["/ip4/1.2.3.4/tcp/1", 2]),
        ("listen", "/x " * 20),
        ("nosuch", "x"),
        ("", "x"),
        ("a.b", "x"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_nothing_changes(home, key, written):
    home.config.write_text("quota = 7\n")
    with pytest.raises(BadConfig):
        config.put(home, key, written)
    assert home.config.read_text() == "quota = 7\n"


def test_an_unknown_key_in_the_file_has_a_sentence_of_its_own(home):
    home.config.write_text("qouta = 7\n")
    with pytest.raises(BadConfig, match=r"“qouta”.*there is none of that name"):
        config.load(home, {})


@pytest.mark.parametrize("content", [b"quota = ", b"\xff\xfe", b"quota = 1\nquota = 2", b"[quota]\nsize = 1"])
def test_a_file_that_cannot_be_read_is_said_so_and_left_alone(home, content):
    home.config.write_bytes(content)
    for use in (lambda: config.load(home, {}), lambda: config.put(home, "hold", "all")):
        with pytest.raises(BadConfig):
            use()
    assert home.config.read_bytes() == content


def test_setting_one_keeps_the_others_and_what_people_wrote_between_them(home):
    home.config.write_text('# my laptop\nhold = "followed"  # little room\n\nquota = 1\n# the end')
    config.put(home, "quota", "2KiB")
    config.put(home, "view", "off")
    assert home.config.read_text() == '# my laptop\nhold = "followed"  # little room\n\nquota = 2048\n# the end\nview = "off"\n'


def test_a_value_over_several_lines_is_replaced_whole(home):
    home.config.write_text('listen = [\n  "/ip4/1.2.3.4/tcp/1",\n]\nquota = 5\n')
    config.put(home, "listen", "/ip4/9.9.9.9/tcp/9")
    assert tomllib.loads(home.config.read_text()) == {"listen": ["/ip4/9.9.9.9/tcp/9"], "quota": 5}


def test_nothing_but_the_file_is_left_behind(home):
    config.put(home, "quota", "1GiB")
    assert [path.name for path in home.root.iterdir()] == ["config.toml"]


@given(st.sampled_from([*config.SETTINGS, "nosuch"]), st.text(max_size=40))
def test_any_text_is_a_setting_or_refused(key, text):
    try:
        value = config.check(key, text)
    except BadConfig:
        return
    assert config.check(key, value) == value


def test_the_manual_gives_the_variable_and_the_default_of_every_setting():
    found = re.findall(r"^### `(\w+)`\n\nVariable `(\w+)`, default (?:none|`(.*?)`)\.", MANUAL.read_text(), re.MULTILINE)
    assert {key: variable for key, variable, _ in found} == {key: config.variable(key) for key in config.SETTINGS}
    for key, _, default in found:
        assert config.check(key, default) == config.SETTINGS[key].default
