"""Who may import whom: the directions of docs/ARCHITECTURE.md, checked on every import there is, lazy ones too."""

import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]

# A room is a module or package directly under p2plearn, or the command line. What it may import besides itself:
BASE = {"errors", "limits", "clock"}
MAY_IMPORT = {
    "p2plearn": set(),
    "errors": set(),
    "limits": set(),
    "clock": set(),
    "paths": BASE,
    "config": BASE | {"paths"},
    "lock": BASE | {"paths"},
    "identity": BASE | {"paths", "protocol"},
    "protocol": BASE,
    "learning": BASE | {"protocol"},
    "ledger": BASE | {"protocol", "learning"},
    "node": BASE | {"p2plearn", "paths", "lock", "config", "identity", "protocol", "learning", "ledger"},
    "client": BASE | {"p2plearn", "paths", "lock", "config", "identity", "node"},
    "testing": BASE | {"paths", "config", "identity", "protocol", "learning", "ledger", "node"},
    "cli": {"p2plearn", "client", "errors", "limits"},
}

# The same within the node. A module directly under it is a room of its own.
NODE_MAY_IMPORT = {
    "store": set(),
    "net": set(),
    "checker": set(),
    "checking": {"checker"},
    "examining": set(),
    "access": {"store"},
    "wishes": {"store", "access"},
    "replicas": {"store", "access"},
    "indexing": {"store", "access"},
    "keeper": {"store", "access", "checking", "examining", "indexing", "replicas", "wishes"},
    "ranks": {"store", "keeper"},
    "evicting": {"store", "keeper"},
    "upkeep": {"store", "keeper", "evicting"},
    "peers": {"net", "store", "examining", "keeper"},
    "service": {"store", "keeper", "ranks"},
    "api": set(),
    "node": {"net", "store", "keeper", "peers", "service"},
    "runtime": {"net", "store", "keeper", "upkeep", "peers", "service", "api", "node"},
}

# Pure rooms: what happens depends on the arguments alone, so that every order, fault and clock can be tried in a test.
PURE = {"protocol", "learning", "ledger"}
IMPURE = {"trio", "libp2p", "sqlite3", "socket", "os", "time", "random", "threading"}

# Some libraries have one door each.
ONLY_IN = {
    "libp2p": r"p2plearn\.node\.net\.(host|libp2p_\w+)",
    "sqlite3": r"p2plearn\.node\.store\.\w+",
    "typer": r"p2plearn_cli(\.\w+)*",
}


@cache
def imports() -> list[tuple[str, str]]:
    """Every (importer, imported) of our modules; what is not ours by its top-level name."""
    graph = grimp.build_graph("p2plearn", "p2plearn_cli", include_external_packages=True)
    ours = {module for module in graph.modules if module.split(".")[0] in {"p2plearn", "p2plearn_cli"}}
    return sorted((module, imported) for module in ours for imported in graph.find_modules_directly_imported_by(module))


def room(module: str) -> str | None:
    """The room a module of ours is in; None for what is not ours."""
    top, *rest = module.split(".")
    return {"p2plearn": rest[0] if rest else "p2plearn", "p2plearn_cli": "cli"}.get(top)


def lines(pairs: list[tuple[str, str]]) -> str:
    return "\n".join(f"{importer} imports {imported}" for importer, imported in pairs)


def test_every_module_is_in_a_room():
    rooms = {room(module) for module, _ in imports()}
    assert rooms <= MAY_IMPORT.keys(), "give it a room in MAY_IMPORT, and a line in docs/ARCHITECTURE.md"


def test_imports_point_downwards():
    wrong = [(a, b) for a, b in imports() if room(b) and room(b) != room(a) and room(b) not in MAY_IMPORT[room(a) or ""]]
    assert not wrong, lines(wrong)


def test_imports_point_downwards_within_the_node_too():
    def node_room(module: str) -> str | None:
        return module.split(".")[2] if module.startswith("p2plearn.node.") else None

    inside = [(a, b) for a, b in imports() if node_room(a) and node_room(b) and node_room(a) != node_room(b)]
    assert {node_room(a) for a, _ in inside} <= NODE_MAY_IMPORT.keys()
    wrong = [(a, b) for a, b in inside if node_room(b) not in NODE_MAY_IMPORT[node_room(a) or ""]]
    assert not wrong, lines(wrong)


def test_the_client_knows_the_node_by_its_service_alone():
    facade = {f"p2plearn.node.{name}" for name in ("service.service", "api.methods", "runtime")}  # what one can do, its table, and `up`
    wrong = [(a, b) for a, b in imports() if room(a) == "client" and room(b) == "node" and b not in facade]
    assert not wrong, lines(wrong)


def test_pure_rooms_touch_neither_clock_nor_chance_nor_the_world():
    wrong = [(a, b) for a, b in imports() if room(a) in PURE and b in IMPURE]
    assert not wrong, lines(wrong)


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_with_one_door_is_imported_only_there(library):
    importers = [a for a, b in imports() if b == library]
    assert importers, f"nothing imports {library} any more"
    wrong = [(a, library) for a in importers if not re.fullmatch(ONLY_IN[library], a)]
    assert not wrong, lines(wrong)


def test_what_is_imported_and_what_is_declared_are_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    program = {b for a, b in imports() if room(a) != "testing"}
    assert distributions(program) == names(project["dependencies"])
    extra = {b for a, b in imports() if room(a) == "testing"} - program
    assert distributions(extra) == names(project["optional-dependencies"]["testing"])


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=\[ ]", item)[0] for item in requirements}


def distributions(modules: set[str]) -> set[str]:
    """The packages to install for the modules that are neither ours nor Python's."""
    known = packages_distributions()
    return {known[module][0].lower() for module in modules if not room(module) and module not in sys.stdlib_module_names}
