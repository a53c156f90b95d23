"""What is the same for all plates of a store, so that a store made otherwise is not extended."""

from __future__ import annotations

import json
from pathlib import Path

from cytobench.errors import CytoBenchError
from cytobench.schema import Record


class StoreFacts(Record):
    """What is the same for all plates of a store; a store is extended only with the same."""

    name: str
    channels: tuple[str, ...]
    simulated: bool
    provenance: dict[str, str]


def refuse_other(path: Path, known: StoreFacts, asked: StoreFacts) -> None:
    """Name the first setting in which a store's facts and those of this call differ."""
    before, now = _settings(known), _settings(asked)
    for key in {**before, **now}:
        if before.get(key) != now.get(key):
            raise CytoBenchError(
                f"{path}: was begun with {key} {before.get(key)!r}, and this call says {now.get(key)!r}; "
                "repeat the first call's options, or choose another place"
            )


def _settings(facts: StoreFacts) -> dict[str, object]:
    """All that must be the same, by its dotted name."""
    settings = {**facts.model_dump(exclude={"provenance"}), **facts.provenance}
    nested = [("", settings), ("", json.loads(str(settings.pop("preparation", "{}"))))]
    flat: dict[str, object] = {}
    while nested:
        prefix, level = nested.pop()
        for key, value in level.items():
            if isinstance(value, dict):
                nested.append((f"{prefix}{key}.", value))
            else:
                flat[prefix + key] = value
    return flat
