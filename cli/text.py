"""TEXT and `--attach` of every command that writes: from the line itself, from stdin with “-”, or from a file with `--file`."""

import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from p2plearn import limits
from p2plearn.client import files
from p2plearn.errors import TOO_LONG, TooLarge, UsageError
from p2plearn_cli.session import Session

Text = Annotated[str | None, typer.Argument(metavar="TEXT", help="The text itself, or - to read it from stdin.", show_default=False)]
File = Annotated[str | None, typer.Option("--file", metavar="PATH", help="Read the text from this file instead.", show_default=False)]
Attach = Annotated[
    list[str] | None,
    typer.Option("--attach", metavar="FILE[=ALT]", help="A file beside the text; ALT says what it shows. Repeatable.", show_default=False),
]


def read_text(text: str | None, file: str | None) -> str:
    """The text of a command. Raises UsageError when there is none, or it is not UTF-8; FileMissing; TooLarge."""
    found = read_optional_text(text, file)
    if not found.strip():
        raise UsageError(
            reason="There is no text: write it at the end of the command, give - to read it from stdin, or name a file with --file"
        )
    return found


def read_optional_text(text: str | None, file: str | None) -> str:
    """Like `read_text` for a command that can do without; then it is empty."""
    if text is not None and file is not None:
        raise UsageError(reason="The text is given twice: either write it or name a file with --file")
    if file is not None:
        with files.reading(Path(file)) as (stream, _):
            return _decode(stream, f"The file “{file}”")
    if text == "-":
        return _decode(sys.stdin.buffer, "The text on stdin")
    return text or ""


def put_attachments(session: Session, wanted: list[str] | None) -> list[dict[str, Any]]:
    """Store the files of `--attach`, all of them named rightly before the first is read; what a record says of each."""
    attachments = []
    for path, alt in named_files(wanted):
        with session.progress(path.name) as progress:
            cid = session.client.put_attachment(path, progress)["cid"]
        attachments.append({"cid": cid, "name": path.name, "alt": alt})
    return attachments


def named_files(wanted: list[str] | None) -> list[tuple[Path, str]]:
    """The files of `--attach`, all of which can be read, with the words about each. Raises UsageError, FileMissing."""
    if len(wanted or ()) > limits.MAX_ATTACHMENTS:
        raise UsageError(reason=f"More than {limits.MAX_ATTACHMENTS} files are attached")
    named = [_split(item) for item in wanted or ()]
    for path, _ in named:
        with files.reading(path):
            pass
    return named


def _split(item: str) -> tuple[Path, str]:
    """FILE[=ALT], where a file's own name may hold “=” too: the longest name that is a file counts."""
    parts = item.split("=")
    for count in range(len(parts), 0, -1):
        path = Path("=".join(parts[:count]))
        if path.is_file():
            return path, "=".join(parts[count:])
    return Path(parts[0]), "=".join(parts[1:])


def _decode(stream: BinaryIO, what: str) -> str:
    data = stream.read(limits.MAX_RECORD + 1)
    if len(data) > limits.MAX_RECORD:
        raise TooLarge(what=what, size=f"{limits.MAX_RECORD + 1} or more", limit=limits.MAX_RECORD, remedy=TOO_LONG)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(reason=f"{what} is not UTF-8 text") from None
