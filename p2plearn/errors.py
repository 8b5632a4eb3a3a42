"""Every error a person can meet, each with its remedy; and the one error a peer can cause.

The docstring of a `P2plearnError` is what the user reads: the first paragraph says what happened, the second what to do.
Both are templates filled with the keyword arguments given to the constructor. `code` is stable for scripts and
`exit_code` is what the command line ends with (see docs/CLI.md). Any other exception that reaches a user is a bug.

Knows nothing of any other module.
"""

import inspect
from typing import Any, ClassVar


class P2plearnError(Exception):
    """Something failed: {reason}.

    Run `p2plearn doctor` to see what is wrong with this node.
    """

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, **details: Any) -> None:
        self.details = details
        message, _, hint = inspect.cleandoc(type(self).__doc__ or "").partition("\n\n")
        self.message = _fill(message, details)
        self.hint = _fill(hint, details)
        super().__init__(self.message)

    def to_json(self) -> dict[str, Any]:
        """The `error` object of the command-line contract: code, message and hint, and the details a script may need."""
        extra = {key: value for key, value in self.details.items() if key == "candidates"}
        return {"code": self.code, "message": self.message, "hint": self.hint, **extra}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "P2plearnError":
        """The error that `to_json` was made from, so that it ends a command the same way whether a node was asked or not."""
        kind = next((kind for kind in P2plearnError.__subclasses__() if kind.code == data.get("code")), P2plearnError)
        error = kind.__new__(kind)
        error.details = {key: value for key, value in data.items() if key == "candidates"}
        error.message, error.hint = str(data.get("message", "")), str(data.get("hint", ""))
        error.args = (error.message,)
        return error


def _fill(template: str, details: dict[str, Any]) -> str:
    text = " ".join(template.split()).format_map({key: _plain(value) for key, value in details.items()})
    return text[:-1] if text.endswith("?.") else text  # a reason that brings its own mark


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


class UsageError(P2plearnError):
    """{reason}.

    See `p2plearn COMMAND --help` for what the command takes.
    """

    code = "usage"
    exit_code = 2


class UnknownCommand(UsageError):
    """{reason}.

    See `p2plearn --help` for the commands there are.
    """


class AmbiguousPrefix(P2plearnError):
    """“{given}” could mean more than one thing: {candidates}.

    Give more characters of the one you mean; of two people with one name, the author key.
    """

    code = "ambiguous"
    exit_code = 2


class NotRunning(P2plearnError):
    """No node is running for this home.

    Start one with `p2plearn up`, in another terminal or in the background.
    """

    code = "not_running"
    exit_code = 3


class TokenRefused(P2plearnError):
    """The running node did not accept this program's token.

    Check that P2PLEARN_HOME names the home of the node you mean, then end the node with Ctrl-C where it runs, and start it again.
    """

    code = "token_refused"
    exit_code = 4


class NotFound(P2plearnError):
    """Nothing here is called “{given}”.

    Look it up with `p2plearn search`, `p2plearn feed` or `p2plearn people`; it may not have reached this node yet.
    """

    code = "not_found"
    exit_code = 5


class FileMissing(P2plearnError):
    """The file “{path}” cannot be read: {reason}.

    Check the name and that you may read it.
    """

    code = "file_not_found"
    exit_code = 5


class FileUnwritable(P2plearnError):
    """“{path}” cannot be written: {reason}.

    Check the name, that you may write there, and that the disk has room.
    """

    code = "file_not_written"


class Refused(P2plearnError):
    """{reason}.

    {remedy}
    """

    code = "refused"
    exit_code = 6


TOO_LONG = "Make it shorter, or put the long part into an attachment."  # the remedy for texts; names and files have none of the kind


class SearchTooBroad(P2plearnError):
    """So much here has these words, or words that begin like them, that the search was cut off.

    Use longer or rarer words, or fewer of them; --topic leads to less too.
    """

    code = "search_too_broad"
    exit_code = 6


class TooLarge(P2plearnError):
    """{what} is {size} bytes, more than the {limit} that are allowed.

    {remedy}
    """

    code = "too_large"
    exit_code = 6

    def __init__(self, *, remedy: str = "Make it shorter.", **details: Any) -> None:
        super().__init__(remedy=remedy, **details)


class HomeLocked(P2plearnError):
    """Another p2plearn process is busy with this home.

    Let it finish and try again. A large import or export takes its time; the file `lock` of the home holds the number of the process.
    """

    code = "locked"


class AlreadyRunning(P2plearnError):
    """A node is already running for this home.

    Use it as it is, or stop it first with `p2plearn down`.
    """

    code = "already_running"


class StoreTooNew(P2plearnError):
    """The data here were written by a newer p2plearn (format {found}; this program knows {known}).

    Install the newer version; nothing was changed.
    """

    code = "store_too_new"


class StoreBroken(P2plearnError):
    """The data in “{path}” cannot be read: {reason}.

    The disk may be failing. Keep a copy of the file, move it away, and get the records back from other nodes or from an export.
    """

    code = "store_broken"


class DiskFull(P2plearnError):
    """Only {free} bytes are free on the disk, so nothing new can be stored safely.

    Free some space, or delete things with `p2plearn forget`; what is stored stays readable.
    """

    code = "disk_full"
    exit_code = 6


class BadBundle(P2plearnError):
    """“{name}” is not a p2plearn export: {reason}.

    Ask for the file again; it must be one written by `p2plearn export`. Nothing was changed.
    """

    code = "bad_bundle"


class BadConfig(P2plearnError):
    """The setting {key} is not right: {reason}.

    See docs/CONFIGURATION.md for the settings and their values.
    """

    code = "bad_config"
    exit_code = 2


class BadIdentity(P2plearnError):
    """The key file “{path}” cannot be used: {reason}.

    Put the file back from a backup. p2plearn never makes a new key over one that is there.
    """

    code = "bad_identity"


class Unreachable(P2plearnError):
    """No p2plearn node answered at {address}: {reason}.

    Check that the other node is up, that both laptops are on the same network, and that the address is complete.
    """

    code = "unreachable"


class BadAddress(P2plearnError):
    """“{address}” is not an address p2plearn can use: {reason}.

    An address looks like /ip4/192.168.1.7/tcp/4001/p2p/12D3Koo…; `p2plearn status` on the other laptop prints it.
    """

    code = "bad_address"
    exit_code = 2


class CannotListen(P2plearnError):
    """The node cannot listen on {address}: {reason}.

    Choose another port with --listen, or leave it out and let the node choose.
    """

    code = "cannot_listen"


class AttachmentAway(P2plearnError):
    """The attachment {cid} is not on this node, and no connected peer gave it.

    Try again when somebody who has it is near; `p2plearn peers` shows who is connected.
    """

    code = "attachment_away"


class AttachmentBroken(P2plearnError):
    """The attachment {cid} is not the file that its record promises: {reason}.

    Whoever made the record can add the file once more; nobody else can mend it.
    """

    code = "attachment_broken"


class ConnectionLost(Exception):
    """The other side is gone: closed, reset, or silent past its time. Nobody's fault; the work is taken up again later."""


class PeerFault(Exception):
    """What a peer sent breaks the protocol. The peer is to blame, and nothing it sent with it was taken.

    `reason` is a short stable word for counting (`encoding`, `signature`, `limit`, …); `detail` is for the log.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)
