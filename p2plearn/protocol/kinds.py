"""What the bodies of version 1 say: each kind as a typed value, read strictly and written back (docs/PROTOCOL.md, “Kinds”).

Reading takes exact types and known words only and ignores trailing elements, which is how a kind may grow. A body that cannot be read
is nobody's fault: the record is kept and passed on, and merely not shown.

Must not know who may do what (`authority`), nor what a set of records adds up to (`learning`).
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple, TypeAlias

from p2plearn import limits
from p2plearn.errors import TOO_LONG, TooLarge
from p2plearn.protocol.records import KEY_SIZE, VERSION, Record

# Relations of a ref. Every record about something carries ROOT, the snippet or request its conversation hangs on.
ROOT = "root"
RE = "re"
BY = "by"
RETRACTS = "retracts"
VARIANTS = ("fork", "adaptation", "translation")

REPLY_TYPES = ("hint", "step", "answer", "question", "stuck", "comment", "attempt")
WANTS = ("", "hint", "walkthrough", "answer", "check", "company")


class _Body:
    """What all bodies share: the kind they belong to, and the way back to encoding values."""

    __slots__ = ()
    kind: ClassVar[str]

    def to_body(self) -> tuple[Any, ...]:
        """The body array of a draft."""
        return tuple(getattr(self, item.name) for item in fields(self))  # type: ignore[arg-type]  # each subclass is a dataclass


@dataclass(frozen=True, slots=True)
class Profile(_Body):
    """Who an author says they are. Each profile replaces the one before as a whole."""

    kind: ClassVar[str] = "profile"
    name: str
    about: str = ""
    open_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snippet(_Body):
    """A piece of knowledge. `type` is a free word, such as note or howto."""

    kind: ClassVar[str] = "snippet"
    type: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Revision(_Body):
    """A new text of the root; an empty title leaves the title as it is."""

    kind: ClassVar[str] = "revision"
    text: str
    title: str = ""


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


Body: TypeAlias = Profile | Snippet | Revision | Retract | Request | Reply | Solve | Withdraw


class _Text(NamedTuple):
    """A text of at most `most` bytes of UTF-8."""

    most: int = limits.MAX_RECORD

    def holds(self, value: Any) -> bool:
        return type(value) is str and (len(value) * 4 <= self.most or len(value.encode()) <= self.most)


class _Word(NamedTuple):
    """One of the words given."""

    words: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        return type(value) is str and value in self.words


class _Words:
    """Some free words."""

    def holds(self, value: Any) -> bool:
        return type(value) is list and len(value) <= limits.MAX_OPEN_TO and all(map(_WORD.holds, value))


class _Number:
    """An integer; the envelope bounds it."""

    def holds(self, value: Any) -> bool:
        return type(value) is int


class _Flag:
    """True or false, not a number."""

    def holds(self, value: Any) -> bool:
        return type(value) is bool


class _AuthorOrNone:
    """An author's key, or nothing."""

    def holds(self, value: Any) -> bool:
        return type(value) is bytes and len(value) in {0, KEY_SIZE}


_WORD = _Text(limits.MAX_WORD)
_TITLE = _Text(limits.MAX_TITLE)
_TEXT = _Text()

_Rule: TypeAlias = _Text | _Word | _Words | _Number | _Flag | _AuthorOrNone

_RULES: dict[type[Body], tuple[_Rule, ...]] = {
    Profile: (_Text(limits.MAX_NAME), _TEXT, _Words()),
    Snippet: (_WORD, _TITLE, _TEXT),
    Revision: (_TEXT, _TITLE),
    Retract: (_TEXT,),
    Request: (_TITLE, _TEXT, _TEXT, _TEXT, _TITLE, _Word(WANTS), _Flag(), _AuthorOrNone()),
    Reply: (_Word(REPLY_TYPES), _TEXT, _Number()),
    Solve: (_TEXT,),
    Withdraw: (_TEXT,),
}

_READERS: dict[str, tuple[Callable[..., Body], tuple[_Rule, ...]]] = {body.kind: (body, rules) for body, rules in _RULES.items()}
_READERS[Profile.kind] = (lambda name, about, open_to: Profile(name, about, tuple(open_to)), _RULES[Profile])


def body_of(record: Record) -> Body | None:
    """What the record says, or None for an unknown version or kind and for a body that breaks the rules above."""
    make, rules = _READERS.get(record.kind, (None, ()))
    items = record.body
    if make is None or record.version != VERSION or len(items) < len(rules):
        return None
    for rule, item in zip(rules, items, strict=False):
        if not rule.holds(item):
            return None
    return make(*items[: len(rules)])


def check_lengths(body: Body) -> None:
    """Raises TooLarge, with the name of the field, where an author's text is longer than readers accept."""
    for item, rule in zip(fields(body), _RULES[type(body)], strict=True):
        value = getattr(body, item.name)
        if isinstance(rule, _Text) and not rule.holds(value):
            remedy = {"remedy": TOO_LONG} if item.name == "text" else {}
            raise TooLarge(what=f"The {item.name}", size=len(value.encode()), limit=rule.most, **remedy)
        if isinstance(rule, _Words) and not rule.holds(list(value)):
            raise TooLarge(what=f"The list “{item.name}”", size=len(" ".join(value).encode()), limit=limits.MAX_WORD * limits.MAX_OPEN_TO)


def normalise_topic(text: str) -> str:
    """The one spelling of a topic: NFC, case folded, trimmed, inner white space as one "-". Empty when nothing is left."""
    return _composed("-".join(_composed(text).casefold().split()))


def one_line(text: str) -> str:
    """A title or a name as it is authored: NFC, trimmed, white space as single spaces."""
    return _composed(" ".join(text.split()))


def prose(text: str) -> str:
    """A text as it is authored: NFC, Unix line ends, no blank ends. Leading spaces of the first line stay: code may begin there."""
    return _composed(text).replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip()


def _composed(text: str) -> str:
    """NFC. Half a surrogate pair, as a terminal or JSON may hand it in, has no UTF-8 form and becomes U+FFFD."""
    return unicodedata.normalize("NFC", text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
