"""What an expression adds up: names of cells, each with its factor."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.algebra.expression import Binary, Name, Negative, Node, Number, parse
from cytobench.phenotypes.algebra.expression_tokens import NO_DIVISION, ExpressionError

LARGEST = 1e6
"""Of any number and factor: far beyond what a picture or a comparison could bear, and no sum of them overflows."""


@dataclass(frozen=True)
class Term:
    """Cells and how often they count."""

    factor: float
    name: str
    at: int
    """Where they are first named."""


def read_terms(text: str, named: Callable[[str], str]) -> tuple[Term, ...]:
    """Return what an expression adds up, each name once, in the order of writing.

    Args:
        text: the expression.
        named: the proper spelling of a name; raises :class:`CytoBenchError` where it is unknown.

    Raises:
        ExpressionError: where the expression is wrong, names what is not there, or cancels out.
    """
    factors: dict[str, float] = {}
    places: dict[str, int] = {}
    for term in _terms(text, parse(text)):
        try:
            name = named(term.name)
        except CytoBenchError as error:
            divided = f"; {NO_DIVISION}" if re.search(r"/\s*[\d.]+$", term.name) else ""
            raise ExpressionError(text, term.at, f"{error}{divided}") from None
        factors[name] = factors.get(name, 0.0) + term.factor
        places.setdefault(name, term.at)
    left = tuple(Term(factor, name, places[name]) for name, factor in factors.items() if factor != 0)
    if not left:
        raise ExpressionError(text, 0, "its terms cancel each other, so there is nothing left to ask")
    return left


def check_syntax(text: str) -> None:
    """Refuse an expression that is wrong whatever cells there are; :class:`ExpressionError` as of :func:`read_terms`."""
    read_terms(text, str.strip)


def _terms(text: str, node: Node) -> list[Term]:
    value = _value(text, node)
    if isinstance(value, float):
        raise ExpressionError(text, node.at, "this is a number and names no cells; give a treatment, a compound, an MOA or DMSO")
    return value


def _value(text: str, node: Node) -> float | list[Term]:
    """A number, or what it adds up."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        return [Term(1.0, node.text, node.at)]
    if isinstance(node, Negative):
        return _times(-1.0, _value(text, node.inner))
    value = _combined(text, node)
    if not all(abs(number) <= LARGEST for number in ([value] if isinstance(value, float) else [term.factor for term in value])):
        raise ExpressionError(text, node.at, f"what is reckoned here is beyond {LARGEST:g}; take smaller numbers")
    return value


def _combined(text: str, node: Binary) -> float | list[Term]:
    left, right = _value(text, node.left), _value(text, node.right)
    if node.operator == "*":
        if isinstance(left, float):
            return _times(left, right)
        if isinstance(right, float):
            return _times(right, left)
        raise ExpressionError(text, node.at, "cells can be multiplied by a number only, not by cells")
    sign = 1.0 if node.operator == "+" else -1.0
    if isinstance(left, float) and isinstance(right, float):
        return left + sign * right
    if isinstance(left, float) or isinstance(right, float):
        raise ExpressionError(text, node.at, "a number cannot be added to cells; it can be their factor, as in 2 * (A - B)")
    return left + [Term(sign * term.factor, term.name, term.at) for term in right]


def _times(factor: float, value: float | list[Term]) -> float | list[Term]:
    if isinstance(value, float):
        return factor * value
    return [Term(factor * term.factor, term.name, term.at) for term in value]
