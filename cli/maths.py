r"""Where a text has maths, `$…$` or `$$…$$`, and how it reads in a terminal; what is no maths stays as it is, byte for byte.

A price is no maths. Pandoc's rule: no space after the opening dollar nor before the closing one. GitHub's: neither touches a word
from outside, so that `US$5` and `$HOME/$USER` stay; `$n$th` may. Dollars in code, and escaped ones (`\$`), are not looked at.
Knows nothing of LaTeX (`formula` does, and is imported once a text has such a span) nor of terminals: its caller cleans.
"""

import re
from collections.abc import Iterator

from p2plearn.limits import MAX_MATHS, MAX_MATHS_IN_TEXT

_MARK = re.compile(
    r"^ {0,3}(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})(?P<info>[^\n]*)|\\[\\$]|(?P<code>`+)|(?P<dollars>\$+)",
    re.MULTILINE,
)
_LATEX = re.compile(r"[\\^_{}]")
_PROSE = re.compile(r"\w\s+[^\W\d_]{2,}|^\s*[^\W\d_]{2,}\s+$")  # “5 to 10” between two dollars is a price
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def readable(text: str) -> str:
    r"""`text` with its maths as Unicode: `$x^2 + \frac{1}{2}$` becomes `x² + 1/2`. What cannot be made readable keeps its source.

    Never raises. Adds no control characters but line feeds, between the lines of a derivation.
    """
    if "$" not in text:
        return text
    done, left, parts = 0, MAX_MATHS_IN_TEXT, []
    for start, end, source in _spans(text):
        left -= len(source)
        if left < 0:
            break
        from p2plearn_cli.formula import plain  # 50 ms that only texts with maths pay

        parts += [text[done:start], plain(source) or text[start:end]]
        done = end
    return "".join([*parts, text[done:]])


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, LaTeX) of each span, in one pass over the marks, however they are left open."""
    marks = list(_MARK.finditer(text))
    at, unclosed = 0, set[str]()
    while at < len(marks):
        mark = marks[at]
        at += 1
        if mark["fence"]:
            at = next((k + 1 for k in range(at, len(marks)) if _ends_fence(marks[k], mark["fence"])), len(marks))
        elif mark["code"] and mark["code"] not in unclosed:
            end = next((k + 1 for k in range(at, len(marks)) if marks[k]["code"] == mark["code"]), None)
            at = end or at
            if end is None:
                unclosed.add(mark["code"])  # nor do later ones of this length close: looked for once
        elif mark["dollars"]:
            end = next((k for k in range(at, len(marks)) if marks[k]["dollars"]), None)
            if end is not None and _is_maths(text, mark, marks[end]):
                yield mark.start(), marks[end].end(), text[mark.end() : marks[end].start()]
                at = end + 1


def _ends_fence(mark: re.Match[str], opening: str) -> bool:
    return (mark["fence"] or "").startswith(opening) and not mark["info"].strip()


def _is_maths(text: str, opening: re.Match[str], closing: re.Match[str]) -> bool:
    source = text[opening.end() : closing.start()]
    if closing["dollars"] != opening["dollars"] or len(opening["dollars"]) > 2:
        return False
    if not source.strip() or len(source) > MAX_MATHS or _BLANK_LINE.search(source):
        return False
    if not _LATEX.search(source) and _PROSE.search(source):
        return False
    if opening["dollars"] == "$$":
        return True
    before, after = text[max(opening.start() - 1, 0) : opening.start()], text[closing.end() : closing.end() + 3]
    outside = before.isalnum() or re.match(r"(?!th\b)\w", after)
    return not outside and not source[0].isspace() and not source[-1].isspace()
