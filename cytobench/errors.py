"""The one exception that users see: a sentence that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class CytoBenchError(Exception):
    """An input or a state that CytoBench cannot work with; its text is one sentence for the user."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or ``""`` where none is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Turn an exception of somebody's plugin into a sentence that says where in ``what`` it arose."""
    try:
        yield
    except CytoBenchError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise CytoBenchError(
            f"{what} failed with {type(error).__name__}: {error} ({place.filename}, line {place.lineno})"
        ) from error
