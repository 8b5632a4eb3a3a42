"""What a sync session and whoever drives it tell each other: who it is, events out of it, and loads to be fetched for it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from p2plearn.protocol.messages import SketchPart
from p2plearn.protocol.reconcile import Looked
from p2plearn.protocol.scope import Scope


@dataclass(frozen=True, slots=True)
class Me:
    """This side's author key, its proof (signature over this side's peer id), and 16 fresh random bytes."""

    author: bytes
    proof: bytes
    nonce: bytes


class Phase(Enum):
    """Where a session stands; the table at the top of `sync` explains them."""

    OPENING = auto()
    SKETCHING = auto()
    HEADS = auto()
    RUNS = auto()
    CHECKING = auto()
    SETTLED = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Run:
    """An author's records first … last, by seq."""

    author: bytes
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Load:
    """Records to fetch from the store: runs in seq order, then single ids; `live` when they are news."""

    runs: tuple[Run, ...] = ()
    ids: tuple[bytes, ...] = ()
    live: bool = False

    def __bool__(self) -> bool:
        return bool(self.runs or self.ids)


@dataclass(frozen=True, slots=True)
class Met:
    """The hello holds: the peer acts for this author."""

    author: bytes


@dataclass(frozen=True, slots=True)
class Narrowed:
    """One of the two does not hold everything: bring the replica of what both hold by their own rules, and call `narrow(replica)`."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class Heavy:
    """Work that may take a second and touches nothing which changes: call `job()`, anywhere, and give its result to `done`.

    `job` may raise PeerFault.
    """

    job: Callable[[], SketchPart | Looked]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A batch to be verified and committed; then call `committed()`, once for each, in order."""

    raws: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Fetch the first batch of this load and call `supply(raws, rest)`. News never waits for what else is wanted, nor that for news."""

    load: Load


@dataclass(frozen=True, slots=True)
class RoundAsked:
    """The other side opened a round; call `answer_round()` when it suits."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The round is over. `equal`: the fingerprints matched; else what differed is on its way or not to be had.

    `mark`: when they matched, the replica's as its fingerprint was taken. The other side says that it held all that was here then; what
    came here since, it may not have.
    """

    equal: bool
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing to do together, and nobody's fault: another space. Close the stream; what still comes is passed over."""

    reason: str


Event: TypeAlias = Met | Narrowed | Heavy | Arrived | Wanted | RoundAsked | Settled | Ended
