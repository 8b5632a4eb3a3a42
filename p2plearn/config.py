"""Settings: built-in default < `<home>/config.toml` < environment `P2PLEARN_…` < flag. An unknown key is an error, never ignored.

A setting is one row of `SETTINGS`; docs/CONFIGURATION.md describes the same rows. Knows nothing of what the values do.
"""

import contextlib
import json
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from p2plearn import limits
from p2plearn.errors import BadConfig, FileUnwritable
from p2plearn.paths import Home, reason_of

Value: TypeAlias = "str | int | bool | list[str]"

_UNITS = {"": 1, "b": 1, "kib": limits.KiB, "mib": limits.MiB, "gib": 1024 * limits.MiB, "tib": 1024**2 * limits.MiB}
_UNITS |= {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "k": limits.KiB, "m": limits.MiB, "g": 1024 * limits.MiB}
_YES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `read` turns what was written into the value, or raises ValueError with what it should have been."""

    default: Value
    read: Callable[[Any], Value]
    about: str


def _one_of(*words: str) -> Callable[[Any], Value]:
    def read(given: Any) -> Value:
        if given not in words:
            raise ValueError(f"it is one of {', '.join(words)}")
        return str(given)

    return read


def _size(given: Any) -> Value:
    match = re.fullmatch(r"([0-9]{1,15})\s*([a-z]*)", str(given).strip().lower(), re.ASCII)
    if isinstance(given, bool) or not match or match[2] not in _UNITS:
        raise ValueError("it is a number of bytes, as in 500000000, 500MB or 2GiB")
    size = int(match[1]) * _UNITS[match[2]]
    if size > limits.MAX_INT:
        raise ValueError("no disk is as large as that")
    return size


def _flag(given: Any) -> Value:
    if isinstance(given, bool):
        return given
    if str(given).lower() not in _YES:
        raise ValueError("it is true or false")
    return _YES[str(given).lower()]


def _addresses(given: Any) -> Value:
    items = given.replace(",", " ").split() if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, str) and re.fullmatch(r"/[!-~]+", item) for item in items):
        raise ValueError("it is a list of addresses like /ip4/0.0.0.0/tcp/4001, separated by commas")
    if len(items) > limits.MAX_ADDRESSES_PER_PEER or any(len(item) > limits.MAX_ADDRESS for item in items):
        raise ValueError(f"at most {limits.MAX_ADDRESSES_PER_PEER} addresses of {limits.MAX_ADDRESS} characters")
    return list(items)


SETTINGS: dict[str, Setting] = {
    "view": Setting("balance", _one_of("balance", "recognition", "off"), "how giving and taking are shown"),
    "hold": Setting("all", _one_of("all", "followed"), "what this node keeps for others: everything, or followed topics and people"),
    "quota": Setting(limits.DEFAULT_QUOTA, _size, "the most that the records and attachments here may take, in bytes"),
    "min_free": Setting(limits.MIN_FREE_FOR_PEERS, _size, "disk space left free; below it nothing is taken from others, in bytes"),
    "signatures": Setting(
        "runs", _one_of("runs", "each"), "which signatures are checked before what peers send is kept: one a run, or each"
    ),
    "listen": Setting([], _addresses, "addresses to listen on; empty: every address of this machine, on a free port"),
    "mdns": Setting(True, _flag, "find nodes on the same network by themselves, and be found"),
    "lan_only": Setting(False, _flag, "talk only to addresses of the local network"),
}


def load(home: Home, environ: Mapping[str, str] = os.environ, flags: Mapping[str, Any] | None = None) -> dict[str, Value]:
    """Every setting by name, from the four places in order. Flags that are None were not given. Raises BadConfig."""
    values: dict[str, Value] = {key: setting.default for key, setting in SETTINGS.items()}
    values.update(_read_file(home.config))
    for key in SETTINGS:
        if (given := environ.get(variable(key))) is not None:
            values[key] = check(key, given, where=variable(key))
    values.update({key: check(key, given) for key, given in (flags or {}).items() if given is not None})
    return values


def variable(key: str) -> str:
    """The environment variable of a setting: P2PLEARN_QUOTA for quota."""
    return f"P2PLEARN_{key.upper()}"


def check(key: str, given: Any, where: str = "") -> Value:
    """The value that `given` means for `key`. Raises BadConfig for an unknown key or a value that does not fit."""
    if key not in SETTINGS:
        raise BadConfig(key=f"“{key[:80]}”", reason=f"there is none of that name; there are {', '.join(SETTINGS)}")
    try:
        return SETTINGS[key].read(given)
    except ValueError as error:
        raise BadConfig(key=f"“{where or key}”", reason=str(error)) from None


def get(home: Home, key: str, environ: Mapping[str, str] = os.environ) -> Value:
    """The value of one setting as it holds now. Raises BadConfig."""
    check(key, SETTINGS[key].default if key in SETTINGS else None)
    return load(home, environ)[key]


def put(home: Home, key: str, given: Any) -> Value:
    """Write one setting into the file of `home`; the other lines, comments too, stay as they are. Raises BadConfig, FileUnwritable."""
    value = check(key, given)
    wanted = _read_file(home.config) | {key: value}
    text = _with_line(_text(home.config), key, value)
    if _parse(text) != wanted:  # the line was part of something larger, an array over several lines perhaps
        text = "".join(f"{name} = {_toml(item)}\n" for name, item in wanted.items())
    _replace(home.config, text)
    return value


def _read_file(path: Path) -> dict[str, Value]:
    try:
        table = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(key=f"file “{path}”", reason=f"it is not TOML, {error}") from None
    return {key: check(key, value, where=key) for key, value in table.items()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise BadConfig(key=f"file “{path}”", reason="it is not UTF-8 text") from None
    except OSError as error:
        raise BadConfig(key=f"file “{path}”", reason=f"it cannot be read, {reason_of(error)}") from None


def _parse(text: str) -> dict[str, Any] | None:
    """What `text` says, sizes and words read like in `load`; None when it is not TOML or says something that is no setting."""
    try:
        return {key: check(key, value) for key, value in tomllib.loads(text).items()}
    except (tomllib.TOMLDecodeError, BadConfig):
        return None


def _with_line(text: str, key: str, value: Value) -> str:
    line = f"{key} = {_toml(value)}"
    changed, found = re.subn(rf"^{key}[ \t]*=.*$", lambda _: line, text, count=1, flags=re.MULTILINE)
    return changed if found else text + ("" if not text or text.endswith("\n") else "\n") + line + "\n"


def _toml(value: Value) -> str:
    """A TOML value. Ours are written the same way in JSON: words, integers, booleans, arrays of addresses."""
    return json.dumps(value)


def _replace(path: Path, text: str) -> None:
    """Put `text` in place of the file at once: a crash leaves the old one or the new one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise FileUnwritable(path=path, reason=reason_of(error)) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
