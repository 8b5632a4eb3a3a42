"""What the bodies of version 1 say: each kind as a typed value (docs/PROTOCOL.md, “Kinds”). `bodies` reads them out of records.

Must not know who may do what (`authority`), nor what a set of records adds up to (`learning`).
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple, TypeAlias

# Relations of a ref. Every record about something carries ROOT, the original its conversation hangs on.
ROOT = "root"
RE = "re"
BY = "by"
RETRACTS = "retracts"
OF = "of"
WITH = "with"
FROM = "from"
SIMILAR = "similar"
VARIANTS = ("fork", "adaptation", "translation")

REPLY_TYPES = ("hint", "step", "answer", "question", "stuck", "comment", "attempt")
WANTS = ("", "hint", "walkthrough", "answer", "check", "company")
RESULTS = ("shown", "partly", "not-yet")
STAGES = ("tried", "using", "passed-on", "dropped")
OUTCOMES = ("", "works", "partly", "no")
REACTIONS = ("works", "doesnt", "outdated", "dangerous")
QUESTIONS = (1, 2, 3)


class _Body:
    """What all bodies share: the kind they belong to, and the way back to encoding values."""

    __slots__ = ()
    kind: ClassVar[str]
    least: ClassVar[int] = 64  # elements that every body of the kind has; those it grew by are left out at the end where empty

    def to_body(self) -> tuple[Any, ...]:
        """The body array of a draft."""
        values = [getattr(self, item.name) for item in fields(self)]  # type: ignore[arg-type]  # each subclass is a dataclass
        while len(values) > self.least and not values[-1]:
            values.pop()
        return tuple(values)


@dataclass(frozen=True, slots=True)
class Profile(_Body):
    """Who an author says they are. Each profile replaces the one before as a whole."""

    kind: ClassVar[str] = "profile"
    name: str
    about: str = ""
    open_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snippet(_Body):
    """A piece of knowledge. `type` is a free word, such as note or howto; the last three are of use to a howto."""

    kind: ClassVar[str] = "snippet"
    least: ClassVar[int] = 3
    type: str
    title: str
    text: str
    steps: tuple[str, ...] = ()
    done_when: str = ""
    pitfalls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision(_Body):
    """A new wording of the root, whole; an empty title leaves the title as it is. WITH refs name corrections that it takes up."""

    kind: ClassVar[str] = "revision"
    least: ClassVar[int] = 2
    text: str
    title: str = ""
    steps: tuple[str, ...] = ()
    done_when: str = ""
    pitfalls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retract(_Body):
    """Takes back what its RETRACTS ref names, for good."""

    kind: ClassVar[str] = "retract"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Request(_Body):
    """A call for help. `want` is one of WANTS; `to` is empty or the key of the author it is put to."""

    kind: ClassVar[str] = "request"
    title: str
    text: str
    goal: str = ""
    tried: str = ""
    level: str = ""
    want: str = ""
    show_work_first: bool = False
    to: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply(_Body):
    """Something said in a conversation. `type` is one of REPLY_TYPES; `step` is a label, 0 for none."""

    kind: ClassVar[str] = "reply"
    type: str
    text: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Solve(_Body):
    """The asker's word that the request is solved; a BY ref names the reply that did it."""

    kind: ClassVar[str] = "solve"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Withdraw(_Body):
    """The asker's word that help is no longer wanted."""

    kind: ClassVar[str] = "withdraw"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Check(_Body):
    """A task put to the asker: show me that you got it."""

    kind: ClassVar[str] = "check"
    text: str


@dataclass(frozen=True, slots=True)
class Proof(_Body):
    """The asker's answer to the check its RE ref names."""

    kind: ClassVar[str] = "proof"
    text: str


class Fix(NamedTuple):
    """What to mend at a step of somebody's work; 0 for the whole of it."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class Verdict(_Body):
    """What the proof or attempt its RE ref names has shown; `result` is one of RESULTS."""

    kind: ClassVar[str] = "verdict"
    result: str
    text: str = ""
    fixes: tuple[Fix, ...] = ()

    def to_body(self) -> tuple[Any, ...]:
        """The body array of a draft."""
        return (self.result, self.text, tuple(list(fix) for fix in self.fixes))


@dataclass(frozen=True, slots=True)
class Adopt(_Body):
    """That somebody took up a snippet, how far, and what came of it; its OF ref names the wording. `learned_from` is an author or empty."""

    kind: ClassVar[str] = "adopt"
    stage: str
    outcome: str = ""
    learned_from: bytes = b""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Correction(_Body):
    """What is wrong with the thing its RE ref names, in the eyes of anybody."""

    kind: ClassVar[str] = "correction"
    text: str


@dataclass(frozen=True, slots=True)
class Reaction(_Body):
    """One of REACTIONS to the thing its RE ref names, with a reason. An author's later one about the same thing replaces it."""

    kind: ClassVar[str] = "reaction"
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Thanks(_Body):
    """To the author of the thing its RE ref names. Private words are `sealed` to that author, and `text` is empty (`protocol.sealing`)."""

    kind: ClassVar[str] = "thanks"
    text: str
    sealed: bytes = b""


@dataclass(frozen=True, slots=True)
class Encouragement(_Body):
    """Anybody's kind word to the author of the thing its RE ref names."""

    kind: ClassVar[str] = "encouragement"
    text: str


@dataclass(frozen=True, slots=True)
class Decline(_Body):
    """That its author will not help with this request, and why."""

    kind: ClassVar[str] = "decline"
    text: str


@dataclass(frozen=True, slots=True)
class Teach(_Body):
    """That its author helps with the topics of the record; `capacity`: how many people at a time, 0 for no number given."""

    kind: ClassVar[str] = "teach"
    capacity: int = 0


@dataclass(frozen=True, slots=True)
class Learn(_Body):
    """That its author wants to learn the topics of the record."""

    kind: ClassVar[str] = "learn"


@dataclass(frozen=True, slots=True)
class Offer(_Body):
    """Something its author would show or teach anybody."""

    kind: ClassVar[str] = "offer"
    text: str


@dataclass(frozen=True, slots=True)
class Wanted(_Body):
    """Something its author would like to be shown or taught."""

    kind: ClassVar[str] = "wanted"
    text: str


@dataclass(frozen=True, slots=True)
class Compass(_Body):
    """An answer to one of the three questions that its author shares; `question` is one of QUESTIONS."""

    kind: ClassVar[str] = "compass"
    question: int
    text: str


Original: TypeAlias = Snippet | Request | Offer | Wanted
Said: TypeAlias = Reply | Solve | Withdraw | Check | Proof | Verdict | Adopt | Correction | Reaction | Thanks | Encouragement | Decline
Body: TypeAlias = Original | Said | Profile | Revision | Retract | Teach | Learn | Compass

ORIGINALS = (Snippet.kind, Request.kind, Offer.kind, Wanted.kind)
