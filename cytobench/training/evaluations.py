"""What an evaluation during training found."""

from __future__ import annotations

from cytobench.schema import Record


class Evaluation(Record):
    """A look at a method between two steps of its training; None stands for what does not apply to it."""

    step: int
    """Steps taken before it."""
    diversity: float | None = None
    """How varied generated cells are, against real ones (``cytobench.training.collapse.diversity``)."""
    discriminator_accuracy: float | None = None
    """How often the discriminator is right (``cytobench.training.collapse.discriminator_accuracy``)."""
    realism: float | None = None
    """The checkpoint rule's distance from generated to real cells; lower is better."""
    warnings: tuple[str, ...] = ()
    """A sentence on each thing that looks wrong."""
