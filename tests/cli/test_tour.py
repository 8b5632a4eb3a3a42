"""The tour in README.md, executed as a newcomer would: by a shell, line by line, with real nodes in the background."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_manual import PLACEHOLDER, Reader

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 30  # seconds that words may take from one node to the other
NOT_FOUND = 5
READING = {"requests", "show", "inbox", "glow"}


class Newcomer(Reader):
    """Types the lines of the tour into a shell, in one directory."""

    def __init__(self, directory):
        super().__init__(None, None)
        self.directory = directory
        self.background = []
        self.environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}

    def type(self, line, lines=0):
        """What the shell shows. Of a program left in the background: as many `lines` as the reader looks at."""
        line = PLACEHOLDER.sub(lambda found: self.names[found[1]], line)
        where = {"cwd": self.directory, "env": self.environment, "text": True}
        if not line.endswith("&"):
            done = subprocess.run(["bash", "-c", line], **where, capture_output=True, timeout=60, check=False)
            self.code = done.returncode
            return done.stdout
        program = subprocess.Popen(["bash", "-c", f"exec {line[:-1]}"], **where, stdout=subprocess.PIPE)
        assert program.stdout is not None
        self.background.append(program)
        return "".join(program.stdout.readline() for _ in range(lines))

    def follow(self, command, expected):
        """Type a line and see what the tour says. What another said a moment ago may still be on its way: then look again."""
        lines = sum(line != "…" for line in expected.splitlines())
        deadline = time.monotonic() + PATIENCE
        while True:
            seen = self.type(command, lines)
            try:
                return self.compare(seen, expected)
            except AssertionError:
                may_come = self.code == NOT_FOUND or READING.intersection(command.split())
                if not may_come or time.monotonic() > deadline:
                    raise

    def tidy(self):
        """The nodes ended with `down`, in the tour; whatever went wrong before that, they end now."""
        for program in self.background:
            if program.poll() is None:
                program.send_signal(signal.SIGTERM)
            program.stdout.close()
        return [program.wait(timeout=20) for program in self.background]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_tour_shows_what_it_says(tmp_path):
    newcomer = Newcomer(tmp_path)
    try:
        for block in BLOCK.findall(README.read_text(encoding="utf-8")):
            for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, expected = step.partition("\n")
                print(command)
                newcomer.follow(command, expected)
    finally:
        assert newcomer.tidy() == [0, 0]
