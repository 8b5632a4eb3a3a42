r"""One formula in LaTeX as Unicode text on a line: `\frac{1}{2}` as `1/2`, `x^2` as `x²`, `\le` as `≤`.

pylatexenc reads the LaTeX and knows most symbols, Python's table of HTML entities most others; superscripts are what Unicode says is
one. What is not understood in full is refused, not guessed: a formula that lost a sign would teach something wrong.
Formulas come from anybody. Knows nothing of where they stand in a text (`maths`).
"""

import re
import unicodedata
from functools import cache
from html.entities import html5
from typing import Any

from pylatexenc import latexwalker as lw
from pylatexenc.latex2text import fmt_math_text_style, get_default_latex_context_db
from pylatexenc.macrospec import MacroStandardArgsParser, SpecialsSpec, std_macro

from p2plearn.limits import MAX_MATHS_NESTING, MAX_MATHS_TOKENS

_FRACTIONS = {"frac", "dfrac", "tfrac", "cfrac", "nicefrac"}
_BINOMIALS = {"binom", "dbinom", "tbinom"}
_STACKED = {"overset": "^", "stackrel": "^", "underset": "_"}
_BRACED = {"overbrace", "underbrace"}
_PLAIN = {"mathrm", "mathit", "mathsf", "mathtt", "mathbf", "boldsymbol", "bm", "operatorname", "boxed"}
_PLAIN |= {"text", "mbox", "textrm", "textbf", "textit", "textnormal"}
_STYLES = {"mathbb": "doublestruck", "mathcal": "script", "mathscr": "script", "mathfrak": "fraktur"}
_ACCENTS = {"bar": "\u0305", "hat": "\u0302", "tilde": "\u0303", "vec": "\u20d7", "dot": "\u0307", "ddot": "\u0308", "not": "\u0338"}
_ACCENTS |= {"widehat": "\u0302", "widetilde": "\u0303", "overrightarrow": "\u20d7", "overline": "\u0305", "underline": "\u0332"}
# Names of functions, besides those that pylatexenc knows.
_NAMES = {"arg", "coth", "cot", "csc", "deg", "det", "dim", "gcd", "hom", "ker", "lcm", "lg", "Pr", "sec", "sgn"}
_SYMBOLS = {"land": "∧", "lor": "∨", "neg": "¬", "lnot": "¬", "implies": "⟹", "impliedby": "⟸", "gets": "←", "star": "⋆", "bmod": " mod "}
_SYMBOLS |= {"|": "‖", "%": "%", "\\": "\n"}
_SYMBOLS |= dict.fromkeys(("!", "displaystyle", "textstyle", "limits", "nolimits", "nonumber", "notag"), "")
_BRACKETS = {"matrix": "  ", "array": "  ", "smallmatrix": "  ", "pmatrix": "()", "bmatrix": "[]", "Bmatrix": "{}", "cases": "{}"}
_BRACKETS |= {"vmatrix": "||", "Vmatrix": "‖‖"}
_LINES = {"align", "aligned", "alignat", "gather", "gathered", "split", "equation", "multline"}
_ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}
_NEAR = set("([|,.;:!')]")
_PREFIXES = {"∂", "¬", "∀", "∃"}
_SIGNS = {"∂", "∑", "∏", "∫", "√"}
_COMPOUND = _FRACTIONS | _STACKED.keys() | {"sqrt", "LatexGroupNode"}  # gets brackets before it gets an exponent
_SIZES = re.compile(r"\\(?:left|right|middle|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?")  # of brackets; "." is none
_LATEX = re.compile(r"[\\{}^_&~#]")
_TOKENS = re.compile(r"[\\{\[^_&~]")
_NESTING = re.compile(r"(?P<opens>[{\[]|\\begin\b)|[}\]]|\\end\b")
_INNERMOST = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\|[^|]*\|")
_EDGES = re.compile(r"(?<=[(\[{⌊⌈]) +| +(?=[)\]}⌋⌉])")
_SMALL = "²³¹\u02b0-\u02b8\u1d2c-\u1d6a\u2070-\u209c\u2c7c"  # what Unicode has above and below the line
_MARKS = rf"!'′\u0300-\u036f\u20d0-\u20ff{_SMALL}"
# One number, letter (with its d: “dx”), word, root, call or bracket (“□”, see `_outside`): what one can divide by, or raise.
_FACTOR = re.compile(rf"\d+(?:[.,]\d+)?|(?:[d∂]?[^\W\d]|[^\W\d_]{{3,}}+)[{_MARKS}]*|[A-Zfgh]['{_SMALL}]*□|[√∛∜]?\w|[√∛∜]?□[{_MARKS}]*")
_PRODUCT = re.compile(rf"-?[\w□√∛∜∂°.,{_MARKS}]+")


class _UnknownError(Exception):
    """Something in the formula cannot be said in text."""


def plain(source: str) -> str | None:
    """`source` (LaTeX, without its dollars) as text without control characters but line feeds; None when it must stay as it is."""
    source = _SIZES.sub("", re.sub(r"(?<!\\)%", r"\\%", source))  # a bare % is a comment to LaTeX, and a percentage to people
    if _depth(source) > MAX_MATHS_NESTING or len(_TOKENS.findall(source)) > MAX_MATHS_TOKENS:
        return None
    try:
        text = _text(_parsed(source)) if _LATEX.search(source) else source
    except Exception:  # noqa: BLE001 — whatever a stranger's formula does to the library, it is shown as it was written
        return None
    lines = (_EDGES.sub("", " ".join(line.split())) for line in unicodedata.normalize("NFC", text).split("\n"))
    text = "\n".join(line for line in lines if line)
    return text if text.replace("\n", "").isprintable() else None


def _parsed(source: str) -> list[Any]:
    nodes: list[Any] = lw.LatexWalker(source, latex_context=_grammar(), tolerant_parsing=False).get_latex_nodes()[0]
    return nodes


def _depth(source: str) -> int:
    """How deep the parser would recurse; a bracket that nothing closes counts for all that follows."""
    deepest = depth = 0
    for bracket in _NESTING.finditer(source):
        depth += 1 if bracket["opens"] else -1
        deepest = max(deepest, depth)
    return deepest


@cache
def _grammar() -> Any:
    """What has arguments: LaTeX's own commands, some of amsmath's and mhchem's, and the marks of scripts."""
    macros = [std_macro(name, False, 2) for name in ("dfrac", "tfrac", "cfrac", *_BINOMIALS, *_STACKED)]
    macros += [std_macro(name, False, 1) for name in ("boldsymbol", "bm", "boxed", "ce", "operatorname", "pmod", "textnormal")]
    context = lw.get_default_latex_context_db().filter_context(keep_categories=["latex-base"])
    scripts = [SpecialsSpec(mark, args_parser=MacroStandardArgsParser("{")) for mark in "^_"]
    context.add_context_category("maths", macros=macros, specials=scripts, prepend=True)
    return context


_known = cache(get_default_latex_context_db)


@cache
def _small() -> dict[str, dict[str, str]]:
    """By "^" and "_": characters as they are above and below the line."""
    found: dict[str, dict[str, str]] = {"<super>": {"∘": "°", "'": "'"}, "<sub>": {}}
    for small in re.findall(f"[{_SMALL}]", "".join(map(chr, range(0x2C7D)))):
        how, _, of = unicodedata.decomposition(small).partition(" ")
        if how in found:
            found[how][chr(int(of, 16))] = small
    return {mark: table | {"-": table["\u2212"]} for mark, table in zip(("^", "_"), found.values(), strict=True)}


def _text(nodes: list[Any]) -> str:
    """What `nodes` say, one after the other. Raises _UnknownError."""
    said, start, last = "", 0, ""  # what came last stands from `start` on
    loose, gap, wide = False, "", False  # it is a word or a fraction; the source has a gap behind it; and one before it
    for node in nodes:
        name = getattr(node, "macroname", "")
        if isinstance(node, lw.LatexSpecialsNode) and node.specials_chars in {"^", "_"}:
            base = _factor(said[start:]) if last in _COMPOUND else said[start:]
            said, last, loose = said[:start] + base + _script(node.specials_chars, _argument(node, 0)), "", False
            continue
        part = _node(node)
        apart = name in _FRACTIONS or (len(part) > 1 and part.isalpha() and bool(name) and name not in _PLAIN | _STYLES.keys())
        if wide or (gap and said[-1:].isalnum() and part[:1] not in _NEAR and not part[:1].isalnum()):
            said += gap  # LaTeX needs a space behind a command; it means one where it has one before, or an operator follows
        if (loose or apart) and said[-1:].isalnum() and (part[:1].isalnum() or part[:1] in _SIGNS):
            said += " "
        tight = said != "" and not said[-1].isspace()
        start, said, last, loose = len(said), said + part, name or type(node).__name__, apart
        gap = node.macro_post_space if name and not _has_arguments(node) else ""
        wide = bool(gap) and (apart or not tight) and part not in _PREFIXES
    return said


def _node(node: Any) -> str:
    if isinstance(node, lw.LatexCharsNode):
        return str(node.chars)
    if isinstance(node, lw.LatexGroupNode):
        return _text(node.nodelist)
    if isinstance(node, lw.LatexMacroNode):
        return _command(node)
    if isinstance(node, lw.LatexEnvironmentNode):
        return _environment(node)
    if isinstance(node, lw.LatexSpecialsNode) and node.specials_chars == "~":
        return " "
    raise _UnknownError


def _command(node: Any) -> str:
    name = node.macroname
    if name in _FRACTIONS:
        return f"{_product(_argument(node, 0))}/{_factor(_argument(node, 1))}"
    if name in _BINOMIALS:
        return f"({_argument(node, 0)} choose {_argument(node, 1)})"
    if name == "sqrt":
        index = _argument(node, 0) if node.nodeargd.argnlist[0] else ""
        return (_ROOTS.get(index) or _script("^", index) + "√") + _radicand(_argument(node, 1))
    if name in _STACKED:
        return _factor(_argument(node, 1)) + _script(_STACKED[name], _argument(node, 0))
    if name in _PLAIN:
        return _argument(node, 0, strip=False)
    if name in _BRACED:
        return f"({_argument(node, 0)})"
    if name in _STYLES:
        return str(fmt_math_text_style(_argument(node, 0), _STYLES[name]))
    if name in _ACCENTS:
        return _accented(_argument(node, 0), _ACCENTS[name])
    if name == "pmod":
        return f"(mod {_argument(node, 0)})"
    if name == "ce":
        return _chemistry(_argument(node, 0))
    if name == "xrightarrow" and not node.nodeargd.argnlist[0]:
        return f"—{_argument(node, 1)}→"
    return name if name in _NAMES else _symbol(name, bare=not _has_arguments(node))


def _symbol(name: str, *, bare: bool) -> str:
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    known = getattr(_known().get_macro_spec(name), "simplify_repl", None) or html5.get(name + ";", "")
    if not bare or not isinstance(known, str) or not known or ("%" in known and known != "%") or "\n" in known:
        raise _UnknownError
    return known


def _environment(node: Any) -> str:
    name = node.environmentname.rstrip("*")
    rows: list[list[list[Any]]] = [[[]]]
    for inner in node.nodelist:
        if getattr(inner, "macroname", "") == "\\":
            rows.append([[]])
        elif getattr(inner, "specials_chars", "") == "&":
            rows[-1].append([])
        else:
            rows[-1][-1].append(inner)
    table = [[_text(cell).strip() for cell in row] for row in rows if row != [[]]]
    if name in _LINES:
        return "\n".join(" ".join(row) for row in table)
    brackets = _BRACKETS[name]
    return brackets[0] + "; ".join(", ".join(row) for row in table) + brackets[1]


def _has_arguments(node: Any) -> bool:
    return bool(node.nodeargd and any(node.nodeargd.argnlist))


def _argument(node: Any, at: int, *, strip: bool = True) -> str:
    """What the argument says. Raises _UnknownError when there is none: a command at the end, or one that is itself an argument."""
    if not node.nodeargd or node.nodeargd.argnlist[at] is None:
        raise _UnknownError
    text = _text([node.nodeargd.argnlist[at]])
    return text.strip() if strip else text


def _script(mark: str, text: str) -> str:
    """`text` above or below the line; as `^(…)` where Unicode lacks one of its characters."""
    small = _small()[mark]
    if text and all(character in small for character in text.replace(" ", "")):
        return "".join(small[character] for character in text.replace(" ", ""))
    return mark + (text if len(text) == 1 else f"({text})")


def _outside(text: str) -> str:
    """`text` with “□” for each bracket and what it holds."""
    for _ in range(MAX_MATHS_NESTING):
        text = _INNERMOST.sub("□", text)
    return text


def _product(text: str) -> str:
    """`text`, in brackets if it is a sum or the like, which cannot be divided as it stands."""
    return text if _PRODUCT.fullmatch(_outside(text)) else f"({text})"


def _factor(text: str) -> str:
    """`text`, in brackets unless one can divide by it as it stands."""
    return text if _FACTOR.fullmatch(_outside(text)) else f"({text})"


def _radicand(text: str) -> str:
    return text if re.fullmatch(r"\w|\d+", text) else f"({text})"


def _accented(text: str, mark: str) -> str:
    """`mark` on the last letter, or on all where it is a line."""
    if not text:
        raise _UnknownError
    return "".join(letter + mark * (not unicodedata.combining(letter)) for letter in text) if mark in "\u0305\u0332" else text + mark


def _chemistry(text: str) -> str:
    """mhchem: numbers behind an element or a bracket go below the line, a charge above, and arrows are drawn."""
    text = re.sub(r"(?<=[A-Za-z)\]])\d+", lambda found: _script("_", found[0]), text)
    text = re.sub(rf"(?<=[\w)\]{_SMALL}])[+-](?=\s|$)", lambda found: _script("^", found[0]), text)
    return text.replace("<=>", "⇌").replace("<->", "↔").replace("->", "→")
