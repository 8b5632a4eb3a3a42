"""How what a person types is written into a record: one spelling for topics, lines and texts. Readers take any."""

import unicodedata


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
