"""The words of an expression, and the error that points at one of its characters.

Compounds are called ``AZ-A``, ``mitomycin C`` or ``3,3'-diaminobenzidine``, so a name may hold spaces,
and hyphens and apostrophes inside words; ``+`` and ``-`` are operators at the beginning of a word. Names with parentheses go in
quotes of either kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cytobench.errors import CytoBenchError

NO_DIVISION = "there is no division: multiply, as in 0.5 * A"

MOST_TOKENS = 150
"""So that nesting stays far from the depth that Python can follow."""

NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?")
PIECE = re.compile(r"""\s+|[()*]|"[^"]*"|'[^']*'|[^\s()*"]+""")
"""Space, a mark, a quoted name or a word."""

FOREIGN = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "is a dash, write -"),
    **dict.fromkeys("\u2018\u2019\u201a\u2032\u00b4`", "is a typographic quote, write '"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", 'is a typographic quote, write "'),
    **dict.fromkeys("\u00d7\u00b7\u22c5", "is a multiplication sign, write *"),
    "\u00f7": f"is no operator: {NO_DIVISION}",
}
"""What papers and word processors put in place of an expression's characters."""

Kind = Literal["number", "name", "+", "-", "*", "(", ")", "end"]


@dataclass(frozen=True)
class Token:
    """A word of an expression."""

    kind: Kind
    text: str
    at: int
    """The index of its first character."""


class ExpressionError(CytoBenchError):
    """What is wrong with an expression, and at which of its characters."""

    def __init__(self, text: str, at: int, sentence: str):
        super().__init__(f"{text.strip()!r}, character {at + 1}: {sentence}")
        self.text, self.at = text, at

    @property
    def pointer(self) -> str:
        """The expression with a caret under the character: two lines."""
        shown = re.sub(r"\s", " ", self.text)
        return f"{shown}\n{' ' * self.at}^"


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of an expression; the last is of the kind ``end``."""
    tokens: list[Token] = []
    for token in _pieces(text):
        if _continues(tokens, token, text):
            before = tokens.pop()
            token = Token("name", f"{before.text} {token.text}", before.at)
        tokens.append(token)
        if len(tokens) > MOST_TOKENS:
            raise ExpressionError(text, token.at, f"the expression has more than {MOST_TOKENS} parts; write a shorter one")
    if not tokens:
        raise ExpressionError(text, 0, "the expression is empty; write one such as 'emetine@1 - emetine@0.3 + taxol@0.3'")
    return [*tokens, Token("end", "", len(text.rstrip()))]


def _continues(tokens: list[Token], token: Token, text: str) -> bool:
    """Whether a word goes on with the name before it: not after a quote, and not after a concentration."""
    if not tokens or tokens[-1].kind != "name" or token.kind not in ("name", "number"):
        return False
    quoted = text[token.at] in "\"'" or text[tokens[-1].at] in "\"'"
    return not quoted and not re.search(r"@\s*\S", tokens[-1].text)


def _pieces(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = PIECE.match(text, at)
        if found is None or found[0] == "'" or (found[0][0] == "'" and not found[0].endswith("'")):
            raise ExpressionError(text, at, "this quote is never closed; close it, or use the other kind of quotes")
        yield from _piece(text, found[0], at)
        at = found.end()


def _piece(text: str, piece: str, at: int) -> Iterator[Token]:
    if piece.isspace():
        return
    if piece[0] in "\"'":
        if not piece[1:-1].strip():
            raise ExpressionError(text, at, "there is no name in these quotes; write one")
        yield Token("name", piece[1:-1].strip(), at)
        return
    for place, character in enumerate(piece):
        if character in FOREIGN:
            raise ExpressionError(text, at + place, f"{character!r} {FOREIGN[character]}")
    marks: dict[str, Kind] = {"(": "(", ")": ")", "*": "*", "+": "+", "-": "-"}
    while piece and piece[0] in marks:
        yield Token(marks[piece[0]], piece[0], at)
        piece, at = piece[1:], at + 1
    if piece:
        yield _word(text, piece, at)


def _word(text: str, word: str, at: int) -> Token:
    if word[-1] in "+-":
        raise ExpressionError(text, at + len(word) - 1, f"put a space before {word[-1]!r}, so that it is no part of the name")
    if word[0] == "/" or word[-1] == "/" or all(NUMBER.fullmatch(part) for part in word.split("/")) and "/" in word:
        raise ExpressionError(text, at + word.index("/"), NO_DIVISION)
    if not NUMBER.fullmatch(word):
        return Token("name", word, at)
    if not math.isfinite(float(word)):
        raise ExpressionError(text, at, "this number is too large")
    return Token("number", word, at)
