"""docs/CLI.md, executed: what it says one types is typed, and what it says one sees is seen."""

import io
import re
import shlex
from pathlib import Path

import pytest

from p2plearn_cli.main import main
from tests.learning.typed import is_typed_as_printed

MANUAL = Path(__file__).parents[2] / "docs" / "CLI.md"
BLOCK = re.compile(r"^### (.*?)$|^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def steps():
    """(section, command, what is to be seen) for each `$` line of the manual."""
    section = ""
    for heading, block in BLOCK.findall(MANUAL.read_text(encoding="utf-8")):
        section = heading or section
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, seen = step.partition("\n")
            yield section, command, seen


class Reader:
    """Somebody who works through the manual in one directory, and remembers the ids they met."""

    def __init__(self, capsys, monkeypatch):
        self.capsys = capsys
        self.monkeypatch = monkeypatch
        self.names = {}
        self.code = 0

    def type(self, line):
        """What a shell would show for `line`."""
        line = PLACEHOLDER.sub(lambda found: self.names[found[1]], line)
        if line == "echo $?":
            return f"{self.code}\n"
        said, piped, command = line.partition(" | ") if line.startswith("echo ") else ("", "", line)
        if line.startswith("echo ") and not piped:
            words = shlex.split(line)
            assert words[-2] == ">"
            Path(words[-1]).write_text(" ".join(words[1:-2]) + "\n")
            return ""
        self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((" ".join(shlex.split(said)[1:]) + "\n").encode())))
        program, *arguments = shlex.split(command)
        assert program == "p2plearn"
        self.code = main(arguments)
        shown = self.capsys.readouterr()
        assert all(map(is_typed_as_printed, re.findall(r"Next: (.*)$", shown.out, re.MULTILINE))), shown.out
        return shown.out + shown.err

    def compare(self, seen, expected):
        """Match, remembering what the new placeholders stand for. A line of “…” alone stands for any number of lines."""
        lines = ("(?:.*\n)*" if line == "…\n" else re.escape(line).replace("…", ".*?") for line in expected.splitlines(keepends=True))
        new = []

        def placeholder(found):
            if found[1] in self.names:
                return self.names[found[1]]
            if found[1] in new:
                return f"(?P={found[1]})"
            new.append(found[1])
            return f"(?P<{found[1]}>[0-9A-Za-z./]+)"

        match = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", placeholder, "".join(lines)), seen)
        assert match, f"the manual says\n{expected}\nbut one sees\n{seen}"
        self.names |= match.groupdict()


@pytest.mark.slow
def test_the_manual_says_what_happens(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("P2PLEARN_HOME", str(tmp_path / "home"))
    reader = Reader(capsys, monkeypatch)
    for section, command, expected in steps():
        print(f"{section}: {command}")
        capsys.readouterr()
        reader.compare(reader.type(command), expected)
