"""The tour in README.md, executed as a newcomer would: by a shell, line by line, with real nodes in the background."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_manual import PLACEHOLDER, Reader

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
            return subprocess.run(["bash", "-c", line], **where, capture_output=True, timeout=60, check=False).stdout
        program = subprocess.Popen(["bash", "-c", f"exec {line[:-1]}"], **where, stdout=subprocess.PIPE)
        assert program.stdout is not None
        self.background.append(program)
        return "".join(program.stdout.readline() for _ in range(lines))

    def tidy(self):
        """The nodes ended with `down`, in the tour; whatever went wrong before that, they end now."""
        for program in self.background:
            if program.poll() is None:
                program.send_signal(signal.SIGTERM)
            program.stdout.close()
        return [program.wait(timeout=20) for program in self.background]


@pytest.mark.slow
def test_the_tour_shows_what_it_says(tmp_path):
    newcomer = Newcomer(tmp_path)
    try:
        for block in BLOCK.findall(README.read_text(encoding="utf-8")):
            for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, expected = step.partition("\n")
                print(command)
                fixed = [line for line in expected.splitlines() if line != "…"]
                newcomer.compare(newcomer.type(command, len(fixed)), expected)
    finally:
        assert newcomer.tidy() == [0, 0]
