"""What people and scripts read: JSON, lines, colour, and nothing that could take over a terminal.

Records come from anybody, so every text goes through `clean` before it is printed, in JSON too. Knows no commands.
"""

import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

from p2plearn_cli.maths import readable

# C0 and C1 controls, DEL, lone surrogates, what turns the direction of writing, and Unicode's own line breaks: a name with one of
# them can rewrite the screen or read as another name.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]")
_UNSAFE_IN_JSON = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", ""))  # json escapes these itself, and indents with the rest
_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}
_STEPS = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3_600), ("minute", 60))


def clean(text: object) -> str:
    """One line that is safe to print: white space as spaces, anything that could steer a terminal as “�”."""
    return _UNSAFE.sub("�", re.sub(r"[\t\n\r]+", " ", str(text)))


def clean_lines(text: str) -> list[str]:
    """The lines of a longer text, each safe to print."""
    return [_UNSAFE.sub("�", line.expandtabs(4)) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def text_lines(text: str) -> list[str]:
    """The lines of what somebody wrote, its maths made readable, each safe to print."""
    return clean_lines(readable(text))


def title_of(text: str) -> str:
    """A title with its maths made readable; `paint` makes it one safe line."""
    return readable(text) or "without a title"


def paint(text: object, *styles: str, to: TextIO | None = None) -> str:
    """`clean` text in colour, where the output is a terminal that wants it."""
    plain = clean(text)
    if not styles or not wants_colour(to or sys.stdout):
        return plain
    return f"\x1b[{';'.join(str(_CODES[style]) for style in styles)}m{plain}\x1b[0m"


def wants_colour(stream: TextIO) -> bool:
    """See https://no-color.org: NO_COLOR, when set and not empty, ends all colour."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def to_json(value: Any) -> str:
    """One line of JSON in which nothing can steer a terminal; it reads back as exactly `value`."""
    text = json.dumps(value, ensure_ascii=(sys.stdout.encoding or "").lower().replace("-", "") != "utf8")
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def ago(at: str | None, now: datetime | None = None) -> str:
    """A time of the contract (ISO 8601) as people say it: “5 minutes ago”. Claimed times may lie ahead."""
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(at or "")).total_seconds()
    except (ValueError, TypeError):
        return "at an unknown time"
    if abs(seconds) < _STEPS[-1][1]:
        return "just now"
    words = lasting(abs(seconds))
    return f"{words} ago" if seconds > 0 else f"in {words}, by its author's clock"


def lasting(seconds: float) -> str:
    """A time as people say it: “5 minutes”."""
    found = next(((name, int(seconds // size)) for name, size in _STEPS if seconds >= size), ("minute", 1))
    return plural(found[1], found[0])


def size(count: int) -> str:
    """A number of bytes as people say it."""
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{count} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"


def bar(share: float, width: int = 12) -> str:
    """A part of the whole, from 0 to 1, for people who would rather look than read; anything at all is seen."""
    eighths = max(math.ceil(share * width * 8), 0)
    full, rest = divmod(min(eighths, width * 8), 8)
    drawn = "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    if not _can_print(drawn):
        drawn = "#" * (full + (1 if rest else 0))
    return drawn.ljust(width)


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def plural(count: int, one: str, many: str = "") -> str:
    """“1 record”, “2 records”."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def _nothing(_done: int, _total: int) -> None:
    pass


@contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while bytes move, when somebody is looking; gives the callback that moves it."""
    if quiet or not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console  # 0.2 s that only a long job on a terminal pays
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
