"""Which weights a row scored, and where they are published."""

from __future__ import annotations

from cytobench.results.record import KEY_LENGTH, RunRecord
from cytobench.schema import Record
from cytobench.sharing.manifest import web_address


class Weights(Record):
    """Weights of a method."""

    sha256: str
    address: str | None
    """http or https; None where it is not known, or is no such address."""


def scored_weights(run: RunRecord) -> Weights | None:
    """The weights of a run, None where it has none; those that it took as they are lie where they were published."""
    if run.weights_sha256 is None:
        return Weights(sha256=run.given["weights"], address=None) if "weights" in run.given else None
    origin = _origin(run)
    taken = origin is not None and origin.sha256 == run.weights_sha256
    return origin if taken else Weights(sha256=run.weights_sha256, address=None)


def begun_from(run: RunRecord) -> Weights | None:
    """The weights that a run trained on; None where it began with random ones, or did not train."""
    return _origin(run) if run.origin is not None and run.origin.trained_further else None


def linked(weights: Weights) -> str:
    """The beginning of the sha256 as Markdown, linked to where the weights are published."""
    name = "".join(character for character in weights.sha256[:KEY_LENGTH] if character.isalnum())
    return name if weights.address is None else f"[{name}]({weights.address.replace('&', '&amp;')})"


def _origin(run: RunRecord) -> Weights | None:
    if run.origin is None:
        return None
    address = web_address(run.origin.address) if run.origin.address else None
    return Weights(sha256=run.origin.weights_sha256, address=address)
