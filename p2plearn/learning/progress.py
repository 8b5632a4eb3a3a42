"""How far a request has come, as the contract lists it: solved, withdrawn, shown, checking, working or open.

Must not know how a thread is ordered, nor anything of snippets.
"""

from collections.abc import Iterable

from p2plearn.learning.entries import Entry
from p2plearn.protocol.kinds import Check, Proof, Reply, Solve, Verdict, Withdraw
from p2plearn.protocol.records import Record

HELPFUL = {"hint", "step", "answer"}
CLOSED = {"solved", "withdrawn", "retracted"}  # states in which nobody waits for help


def request_state(root: Record, thread: Iterable[Entry]) -> str:
    """The first that holds. `thread` is what was said with effect; what was taken back in it counts as never said."""
    said = list(thread)
    standing = [entry for entry in said if entry.reason is None]
    closing = max(
        (entry for entry in standing if isinstance(entry.body, Solve | Withdraw)), key=lambda entry: entry.record.order, default=None
    )
    if closing is not None:
        return "solved" if isinstance(closing.body, Solve) else "withdrawn"
    if any(entry.body.result == "shown" for entry in latest_verdicts(said).values() if isinstance(entry.body, Verdict)):
        return "shown"
    if any(isinstance(entry.body, Check) for entry in standing):
        return "checking"
    if any(entry.type == "attempt" or (entry.type in HELPFUL and entry.record.author != root.author) for entry in standing):
        return "working"
    return "open"


def latest_verdicts(thread: Iterable[Entry]) -> dict[bytes, Entry]:
    """Check id → the latest verdict, among those not taken back, that its setter gave on any proof of it."""
    said = list(thread)
    proofs = {entry.record.id: entry.parent for entry in said if isinstance(entry.body, Proof)}
    checks = {entry.record.id for entry in said if isinstance(entry.body, Check)}
    verdicts = [entry for entry in said if isinstance(entry.body, Verdict) and entry.reason is None]
    return {proofs[entry.parent]: entry for entry in sorted(verdicts, key=_order) if proofs.get(entry.parent) in checks}


def is_helping(entry: Entry, asker: bytes) -> bool:
    """Whether this is help for the asker: another person's hint, step, answer, check or verdict that stands."""
    helps = isinstance(entry.body, Check | Verdict) or (isinstance(entry.body, Reply) and entry.body.type in HELPFUL)
    return helps and entry.reason is None and entry.record.author != asker


def _order(entry: Entry) -> tuple[int, bytes]:
    return entry.record.order
