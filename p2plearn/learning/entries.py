"""One thing said in a conversation, as a fold of it sees it. Knows nothing of the others."""

from dataclasses import dataclass

from p2plearn.protocol.kinds import Adopt, Correction, Fix, Reaction, Reply, Said, Thanks, Verdict
from p2plearn.protocol.records import Attachment, Record


@dataclass(frozen=True, slots=True)
class Entry:
    """Something said. `parent` is the id of the root or of another entry; `reason` is why it was taken back, None while it stands."""

    record: Record
    body: Said
    parent: bytes
    reason: str | None

    @property
    def author(self) -> bytes:
        return self.record.author

    @property
    def type(self) -> str:
        """What sort of its kind it is: a reply's type, a verdict's result, an adoption's stage, the word of a reaction; else the kind."""
        match self.body:
            case Reply():
                return self.body.type
            case Verdict():
                return self.body.result
            case Adopt():
                return self.body.stage
            case Reaction():
                return self.body.word
        return self.body.kind

    @property
    def is_opinion(self) -> bool:
        """Whether it is what somebody makes of a thing rather than part of the talk about it."""
        return isinstance(self.body, Adopt | Correction | Reaction)

    @property
    def step(self) -> int:
        """The step a reply speaks of, 0 for none."""
        return self.body.step if isinstance(self.body, Reply) else 0

    @property
    def text(self) -> str:
        return self.body.text if self.reason is None else ""

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """What a verdict wants mended."""
        return self.body.fixes if isinstance(self.body, Verdict) and self.reason is None else ()

    @property
    def sealed(self) -> bytes:
        """Private words of thanks, which only whom they are for can read."""
        return self.body.sealed if isinstance(self.body, Thanks) and self.reason is None else b""

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return self.record.attachments if self.reason is None else ()
