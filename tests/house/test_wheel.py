"""The wheel: what is in it, what it says of itself, and that it runs where nothing else of ours is."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

import p2plearn

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a program prints; no setting of this shell but the search path reaches it."""
    env = {"PATH": os.defpath, "HOME": str(cwd), **environment}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(files):
    (name,) = (name for name in files if name.endswith(".dist-info/METADATA"))
    return HeaderParser().parsestr(files[name].decode())


def test_nothing_but_our_two_packages_is_installed(files):
    tops = {name.split("/")[0] for name in files}
    assert tops == {"p2plearn", "p2plearn_cli", f"p2plearn-{p2plearn.__version__}.dist-info"}


def test_the_program_is_in_it_whole_and_nothing_else(files):
    listing = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "p2plearn", "cli", cwd=ROOT)
    source = {
        re.sub("^cli/", "p2plearn_cli/", name): (ROOT / name).read_bytes() for name in listing.splitlines() if (ROOT / name).is_file()
    }
    packed = {name: data for name, data in files.items() if ".dist-info/" not in name}
    assert packed.keys() == source.keys()
    assert packed == source


def test_it_says_what_it_needs_and_may_be_done_with_it(files, metadata):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = {re.sub(r"\s", "", item) for item in metadata.get_all("Requires-Dist") if "extra ==" not in item}
    assert {frozenset(re.split("(?=[<>=])|,", item)) for item in needs} == {
        frozenset(re.split("(?=[<>=])|,", item)) for item in project["dependencies"]
    }
    assert metadata["Version"] == p2plearn.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert any(name.endswith("/licenses/LICENSE") for name in files)
    assert {"p2plearn/py.typed", "p2plearn_cli/py.typed"} <= files.keys()


def test_it_runs_in_an_environment_of_its_own(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet", "--python", python)
    run(sys.executable, *pip, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    # The libraries are those of this environment, so that nothing is fetched; ours is found first, in the new one.
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import p2plearn, p2plearn_cli; print(p2plearn.__file__, p2plearn_cli.__file__)", cwd=tmp_path).split()
    assert all(path.startswith(str(site)) for path in where)

    program = tmp_path / "venv" / "bin" / "p2plearn"
    assert run(program, "--version", cwd=tmp_path) == f"p2plearn {p2plearn.__version__}\n"
    assert '"running": false' in run(program, "--json", "status", cwd=tmp_path, P2PLEARN_HOME=str(tmp_path / "home"))
