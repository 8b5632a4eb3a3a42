"""One spelling of words, however they are written: what search and similarity compare.

Case, accents and compatibility forms do not count (“Straße” is “strasse”, “CAFÉ” is “cafe”); vowel signs and voicing marks, without which
Hindi or Japanese would be other words, do. No dictionary and no language is known here. The full-text index is made of these words, and to
take a record out they must come out the same again: whoever changes this gives the index another name (`node/store/words.py`).
"""

import re
import unicodedata

_ACCENTS = re.compile("[\u0300-\u036f]+")  # combining marks of Latin, Greek and Cyrillic, once characters are taken apart


def folded(text: str) -> str:
    """A text in which words alone are left, folded, with spaces around them: runs of letters, digits and the marks that belong to them."""
    if text.isascii():
        return text.lower().translate(_SPACED)
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    return unicodedata.normalize("NFKC", plain).translate(_SPACED)


class _Spaced(dict[int, int]):
    """Turns everything but letters, marks and digits into spaces, asking once for each character it meets."""

    def __missing__(self, code: int) -> int:
        self[code] = code if unicodedata.category(chr(code))[0] in "LMN" else ord(" ")
        return self[code]


_SPACED = _Spaced()
