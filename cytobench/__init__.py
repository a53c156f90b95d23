"""CytoBench: which representation of a cell is better, and how sure can one be?

import cytobench

store = cytobench.open_dataset("simulated")
method = cytobench.load_method("intensity", store)
embeddings = cytobench.embed(method, store)
print(cytobench.score(embeddings))
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "CellStore": "datasets.store",
    "CellStoreWriter": "datasets.store_writer",
    "open_dataset": "datasets.opening",
    "Embeddings": "embedding.embed",
    "embed": "embedding.embed",
    "CytoBenchError": "errors",
    "evaluate": "evaluation",
    "score": "evaluation",
    "load_method": "loading",
    "load_model": "loading",
    "cohorts_of": "loading",
    "Record": "schema",
    "run": "runner",
    **dict.fromkeys(
        (
            "AdversarialMethod",
            "CellBatch",
            "GenerativeMethod",
            "InvertibleMethod",
            "Method",
            "MethodCard",
            "NetworkMethod",
            "ProfileMethod",
            "TrainableMethod",
        ),
        "method",
    ),
}
"""Where each public name lives; imported when it is first used, so that ``import cytobench`` stays light."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cytobench' has no attribute {name!r}")
    return getattr(import_module(f"cytobench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
