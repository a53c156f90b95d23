"""Sums of cells as a person writes them: ``emetine@1 - emetine@0.3 + taxol@0.3``, read by recursive descent.

    sum     = product (("+" | "-") product)*
    product = factor ("*" factor)*
    factor  = "-" factor | number | name | "(" sum ")"

Exactly one factor of a product names cells; the others are numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cytobench.phenotypes.algebra.expression_tokens import ExpressionError, Token, tokens_of


@dataclass(frozen=True)
class Number:
    """A number."""

    value: float
    at: int


@dataclass(frozen=True)
class Name:
    """Cells by their name, as it was written."""

    text: str
    at: int


@dataclass(frozen=True)
class Negative:
    """``-inner``."""

    inner: Node
    at: int


@dataclass(frozen=True)
class Binary:
    """``left operator right``; ``at`` is the operator's place."""

    operator: Literal["+", "-", "*"]
    left: Node
    right: Node
    at: int


Node = Number | Name | Negative | Binary


def parse(text: str) -> Node:
    """Return the syntax tree of an expression; :class:`ExpressionError` says what is wrong at which character."""
    parser = _Parser(text)
    node = parser.sum()
    parser.end()
    return node


class _Parser:
    def __init__(self, text: str):
        self._text, self._tokens, self._next = text, tokens_of(text), 0

    def sum(self) -> Node:
        node = self._product()
        while self._token.kind in ("+", "-"):
            operator = self._take()
            node = Binary("+" if operator.kind == "+" else "-", node, self._product(), operator.at)
        return node

    def end(self) -> None:
        token = self._token
        if token.kind == ")":
            raise self._wrong("this parenthesis closes nothing; remove it or open one before")
        if token.kind != "end":
            raise self._wrong(f"an operator (+, - or *) is missing before {token.text!r}; put names with parentheses in quotes")

    def _product(self) -> Node:
        node = self._factor()
        while self._token.kind == "*":
            operator = self._take()
            node = Binary("*", node, self._factor(), operator.at)
        return node

    def _factor(self) -> Node:
        token = self._token
        if token.kind == "-":
            self._take()
            return Negative(self._factor(), token.at)
        if token.kind == "number":
            return Number(float(self._take().text), token.at)
        if token.kind == "name":
            return Name(self._take().text, token.at)
        if token.kind == "(":
            return self._parenthesis()
        found = "the expression ends" if token.kind == "end" else f"{token.text!r} stands"
        raise self._wrong(f"a name, a number or a parenthesis belongs here, where {found}")

    def _parenthesis(self) -> Node:
        opened = self._take()
        node = self.sum()
        if self._token.kind == "end":
            raise ExpressionError(self._text, opened.at, "this parenthesis is never closed; add ')'")
        if self._token.kind != ")":
            self.end()
        self._take()
        return node

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _wrong(self, sentence: str) -> ExpressionError:
        return ExpressionError(self._text, self._token.at, sentence)
