"""A method in one Python file, its card a class attribute: the shortest way from an idea to a score."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from cytobench.card import MethodCard
from cytobench.errors import CytoBenchError
from cytobench.schema import validate

PLUGIN_MODULE = "cytobench_plugin_"
"""Begins the module name of a method that was loaded from a file."""


def load_plugin(file: Path) -> tuple[MethodCard, type]:
    """Import a file and return the card and the class of the one method in it.

    Raises:
        CytoBenchError: where the file cannot be imported, or holds no method with a card, or several.
    """
    from cytobench.method import Method

    if not file.is_file():
        raise CytoBenchError(f"{file}: no such plugin file")
    module_name = f"{PLUGIN_MODULE}{file.stem}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise CytoBenchError(f"{file}: a plugin is a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pickling and dataclasses look a class's module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CytoBenchError(f"{file}: importing it failed with {type(error).__name__}: {error}") from error
    here = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Method) and c.__module__ == module_name]
    carded = [c for c in here if c.card is not None]
    if len(carded) != 1:
        raise CytoBenchError(
            f"{file}: holds {len(carded)} methods with a card; it must hold one subclass of Method with 'card = ...'"
        )
    card = carded[0].card
    return card if isinstance(card, MethodCard) else validate(MethodCard, card, f"{file}, card"), carded[0]
