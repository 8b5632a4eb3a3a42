"""Real texts for measures and tests: documentation found on this machine. Deterministic for one machine; nothing is fetched.

Docstrings of the Python sources at hand, then text files cut at paragraphs, 200 bytes to 12 KB each, every text once.
"""

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

SMALLEST, LARGEST = 200, 12_000


def texts(count: int) -> list[tuple[str, str]]:
    """`count` pairs of title and text. Raises LookupError when this machine has not so many."""
    found = list(islice(_distinct(_all()), count))
    if len(found) < count:
        raise LookupError(f"only {len(found)} texts on this machine")
    return found


def _distinct(pairs: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: set[bytes] = set()
    for title, text in pairs:
        digest = hashlib.sha256(text.encode()).digest()
        if digest not in seen and SMALLEST <= len(text.encode()) <= LARGEST:
            seen.add(digest)
            yield title, text


def _all() -> Iterator[tuple[str, str]]:
    places = dict.fromkeys([sysconfig.get_path("stdlib"), *(place for place in sys.path if place.endswith("site-packages"))])
    sources = [path for place in places for path in sorted(Path(place).rglob("*.py"))]
    for path in sources:
        yield from _docstrings(path)
    for path in sorted(Path("/usr/share/doc").rglob("*")):
        yield from _paragraphs(path)
    for path in sources:
        yield from _paragraphs(path)


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
            yield f"{path.stem}.{getattr(node, 'name', 'module')}"[:80], text


def _paragraphs(path: Path) -> Iterator[tuple[str, str]]:
    try:
        whole = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    piece = ""
    for paragraph in whole.split("\n\n"):
        if len(piece) + len(paragraph) > LARGEST // 4:
            yield path.name[:80], piece.strip()
            piece = ""
        piece += paragraph + "\n\n"
    yield path.name[:80], piece.strip()
