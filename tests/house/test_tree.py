"""What holds for every file that is committed."""

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ("p2plearn", "cli", "bench")

MAX_MODULE = 350  # lines: what one sitting can read
MAX_FUNCTION = 60  # lines: what one screen shows

# Where packages come from is each person's own setting, and where this was written is nobody's business. The brackets
# keep these lines from matching themselves.
INDEX_ADDRESS = re.compile(
    r"pypi[.]org|pythonhosted[.]org|https?://\S+/simple\b|(index[-_]url|find[-_]links|trusted[-_]host)[ =:'\"]+(https?:|file:|/)",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"(?<![\w.\]])/(root|home|Users|work|opt)/\w")

LOCKED_LINE = re.compile(
    r"""  [a-z0-9-]+==[0-9][0-9a-z.]*([ ];[ ][^#]+)?[ ]\\      # a package, where it is needed
        | [ ]{4}--hash=sha256:[0-9a-f]{64}([ ]\\)?           # each file it may be
        | [ ]{4}\#([ ]via)?([ ]{1,3}(-[cr][ ]|--override[ ])?[\w./()-]+([ ]\(pyproject\.toml(:\w+)?\))?)?   # who needs it
    """,
    re.VERBOSE,
)


@cache
def committed() -> list[Path]:
    """Every file that git knows, or would with `git add`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return sorted(path for name in listing.split("\0") if name and (path := ROOT / name).is_file())


def texts() -> list[tuple[str, str]]:
    """(name, text) of every committed file that is text."""
    found = []
    for path in committed():
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def modules() -> list[tuple[str, str]]:
    return [(name, text) for name, text in texts() if name.endswith(".py") and name.split("/")[0] in PROGRAM]


@pytest.mark.parametrize("pattern", [INDEX_ADDRESS, MACHINE_PATH], ids=["package index", "machine path"])
def test_no_file_names_an_address_of_where_it_was_made(pattern):
    found = [f"{name}: {match[0]}" for name, text in texts() for match in pattern.finditer(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["build", "runtime", "dev", "fuzz", "lock"])
def test_a_locked_list_holds_names_versions_and_hashes_only(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    odd = [line for line in text.splitlines() if not LOCKED_LINE.fullmatch(line)]
    assert not odd, "\n".join(odd)
    assert re.search(r"^[a-z0-9-]+==", text, re.MULTILINE)


def test_the_locked_list_meets_what_the_program_declares():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE))
    declared = {re.split(r"[<>=\[ ]", item)[0] for item in project["dependencies"]}
    assert declared <= locked, "run `make lock`"


def test_fastecdsa_is_a_release_with_wheels():
    assert re.search(r"^fastecdsa==4\.", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE)


def test_modules_can_be_read_in_one_sitting():
    long = [f"{name}: {count} lines" for name, text in modules() if (count := text.count("\n")) > MAX_MODULE]
    assert not long, "\n".join(long)


def test_functions_fit_a_screen():
    long = [
        f"{name}:{node.lineno} {node.name}: {size} lines"
        for name, text in modules()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (size := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION
    ]
    assert not long, "\n".join(long)


def test_every_module_says_what_it_is_for():
    silent = [name for name, text in modules() if not ast.get_docstring(ast.parse(text))]
    assert not silent, "\n".join(silent)
