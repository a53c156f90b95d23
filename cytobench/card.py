"""Method cards: what a method is, readable without importing its code."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cytobench.schema import Record

Supervision = Literal["none", "imagenet", "treatment", "moa", "not stated"]
"""What a method learned from. ``treatment`` methods saw treatment names in training; ``moa`` methods are shown, never ranked;
``not stated`` is for embeddings supplied without saying."""


METHOD_NAME = r"^[a-z0-9][a-z0-9-]*$"
"""Lower-case letters, digits and hyphens."""


class MethodCard(Record):
    """The contents of ``card.yaml``."""

    name: str = Field(pattern=METHOD_NAME)
    title: str = Field(min_length=1)
    kind: Literal["control", "handcrafted", "transferred", "gan", "autoencoder", "self-supervised", "other"]
    citation: str = Field(min_length=1)
    """A DOI (``doi:...``), a BibTeX entry, or where there is no paper a sentence that says so."""
    supervision: Supervision
    licence: str
    input: Literal["images", "wells", "counted-wells"] = "images"
    """``wells`` methods see well metadata only; ``counted-wells`` ones need every cell of each well to have been counted."""
    trained: bool = False
    conditional: bool = False
    """Whether a recipe may tell it the treatment of each cell in training (``condition``)."""
    channels: Literal["any"] | tuple[int, ...] = "any"
    """The numbers of channels that it accepts."""
    untrained_options: dict[str, Any] = {}
    """Options that make the untrained twin of a method that was trained elsewhere."""
    extras: tuple[str, ...] = ()
    """Extras of its distribution that it needs."""
