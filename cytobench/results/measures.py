"""What a benchmark of models says: named measures of the model, beside those of real cells and of noise."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from cytobench.schema import Record

Role = Literal["method", "floor", "ceiling", "control", "part"]
"""``floor``: real cells against others; ``ceiling``: noise, beyond which a bad model may be; ``part``: some of the cells."""

DIGITS = 6
"""Significant digits that are kept: beyond them the number of threads decides."""


class Column(Record):
    """One measure."""

    name: str
    title: str
    """As a board shows it."""
    better: Literal["lower", "higher", "neither"]
    meaning: str
    """A sentence for people: what it measures, and its source."""


class Measure(Record):
    """One number with its 95% interval."""

    value: float | None
    """None where it is not available."""
    low: float | None = None
    high: float | None = None
    """None where no interval can be given; ``reason`` then says why."""
    n: int = 0
    """Cells, analogies or treatments behind it."""
    reason: str | None = None
    """Why there is no number, or no interval."""

    @field_validator("value", "low", "high")
    @classmethod
    def _rounded(cls, number: float | None) -> float | None:
        return None if number is None else float(f"{number:.{DIGITS}g}")

    @classmethod
    def of(cls, value: float, interval: tuple[float, float] | None, n: int, reason: str | None = None) -> Measure:
        """A number with its interval; ``reason`` says why where there is none."""
        low, high = (None, None) if interval is None else interval
        return cls(value=value, low=low, high=high, n=n, reason=reason if interval is None else None)


class Line(Record):
    """The measures of one thing: the method, real cells, noise."""

    name: str
    role: Role
    measures: dict[str, Measure]
    """By the column's name."""


class Measures(Record):
    """What a benchmark says of one model."""

    schema_version: Literal[1] = 1
    benchmark: str
    """``name/version``."""
    under: str
    """What the numbers were measured under (feature space, cells, input): what differs in it never stands on one board."""
    headline: str
    """The column that a board is ordered by."""
    columns: tuple[Column, ...]
    result: Line
    references: tuple[Line, ...]
    """Equal for every method of one board: real cells against real cells, noise."""
    parts: tuple[Line, ...] = ()
    """The method by mechanism of action, or by whatever the benchmark divides cells by."""
    warnings: tuple[str, ...] = ()
    """What a reader must know; also where the model is too weak for a claim."""

    def __str__(self) -> str:
        from cytobench.results.tables import measures_table

        return measures_table(self)
