"""What a shell makes of a line that somebody is told to type."""

import re
import shlex


def is_typed_as_printed(line: str) -> bool:
    """Whether a shell that gets this line runs one command with the words that one sees: no pipe, no list, nothing put in or matched."""
    bare = re.sub(r"""'[^']*'|"[^"$`\\!]*\"""", "", line)
    return re.search(r"""[|&;<>()$`\\"'*?\[\]#~!{}\n]""", bare) is None and len(shlex.split(line)) > 0
