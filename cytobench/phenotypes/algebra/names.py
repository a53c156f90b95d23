"""Names that only expressions have: ``DMSO'``, and single cells."""

from __future__ import annotations

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.cohorts import Cohorts

PRIME = "'"
"""After the control's name: a second, disjoint half of the control cells; the name without it then means the first half."""


def named_in(cohorts: Cohorts, name: str) -> str:
    """The proper spelling of a name in an expression; :class:`CytoBenchError` where there are no such cells."""
    if name.strip().startswith("row:"):
        return f"row:{cohorts.rows(name)[0]}"
    if not name.endswith(PRIME):
        return cohorts.named(name)
    known = cohorts.named(name.removesuffix(PRIME))
    if known != cohorts.control:
        raise CytoBenchError(f"only {cohorts.control} has a second half {cohorts.control}{PRIME}, {known} has none")
    return f"{known}{PRIME}"


def whole(cohorts: Cohorts, name: str) -> str:
    """The cohort that a proper name is of: for ``DMSO'`` all of DMSO."""
    return cohorts.control if name == f"{cohorts.control}{PRIME}" else name
