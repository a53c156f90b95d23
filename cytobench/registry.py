"""Names -> methods, data sets and benchmarks, through entry points; listing them imports none of their code."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from cytobench.card import MethodCard
from cytobench.errors import CytoBenchError, nearest
from cytobench.plugin import load_plugin
from cytobench.schema import read_yaml, validate
from cytobench.versions import installed_version

METHODS, DATASETS, BENCHMARKS = "cytobench.methods", "cytobench.datasets", "cytobench.benchmarks"
"""The entry-point groups."""


@dataclass(frozen=True)
class MethodEntry:
    """A registered method: its card, and its class once it is asked for."""

    card: MethodCard
    recipe_file: Path
    distribution: str
    missing: tuple[str, ...]
    """Extras that are not installed."""
    packages: tuple[str, ...]
    """The distributions behind its extras."""
    load: Callable[[], type]

    def versions(self) -> list[str]:
        """The versions of the packages behind its extras, and of what these require: they decide what it gives."""
        required = [Requirement(text) for name in self.packages for text in requires(name) or []]
        needed = [one.name for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
        return [f"{name} {installed_version(name)}" for name in sorted({*self.packages, *needed})]

    @property
    def install_command(self) -> str:
        """What installs the missing extras."""
        return f"pip install '{self.distribution}[{','.join(self.missing)}]'"

    def load_class(self) -> type:
        """Import the method's code."""
        if self.missing:
            raise CytoBenchError(f"{self.card.name} is not installed; install it with {self.install_command}")
        return self.load()


def scan_methods(plugin: Path | None = None) -> tuple[dict[str, MethodEntry], dict[str, str]]:
    """Return every method by name, and of those whose card cannot be read what is wrong: one bad plugin stops no other method.

    Args:
        plugin: a Python file with one more method.

    Raises:
        CytoBenchError: where two plugins have one name.
    """
    found, wrong = {}, {}
    for name, entry in _unique(METHODS).items():
        try:
            found[name] = _method_entry(entry)
        except CytoBenchError as error:
            wrong[name] = str(error)
    if plugin is not None:
        card, method_class = load_plugin(plugin)
        if card.name in found:
            taken = found[card.name].distribution
            raise CytoBenchError(f"two plugins are named {card.name!r}: in {plugin} and in {taken}; rename yours")
        found[card.name] = MethodEntry(card, plugin.with_name("recipe.yaml"), str(plugin), (), (), lambda: method_class)
    return found, wrong


def methods(plugin: Path | None = None) -> dict[str, MethodEntry]:
    """Return every method whose card can be read, by name."""
    return scan_methods(plugin)[0]


def method(name: str, plugin: Path | None = None) -> MethodEntry:
    """Return one method; an unknown name suggests the nearest."""
    found, wrong = scan_methods(plugin)
    if name in wrong:
        raise CytoBenchError(wrong[name])
    entry: MethodEntry = _pick(found, name, "method")
    return entry


def datasets() -> dict[str, EntryPoint]:
    """Return the data sets' entry points by name."""
    return _unique(DATASETS)


def benchmark(name: str) -> Any:
    """Make a benchmark by name: ``bbbc021-moa``, ``bbbc021-moa/1``, or where it has variants ``bbbc021-realism:cellprofiler``."""
    named, _, version = name.partition("/")
    base, _, variant = named.partition(":")
    made = _pick(_unique(BENCHMARKS), base, "benchmark").load()(*([variant] if variant else []))
    if version and str(made.version) != version:
        raise CytoBenchError(f"{base} is at version {made.version} here, not {version}; install the CytoBench that has it")
    return made


def benchmarks() -> dict[str, EntryPoint]:
    """Return the benchmarks' entry points by name."""
    return _unique(BENCHMARKS)


def _pick(known: dict[str, Any], name: str, what: str) -> Any:
    if name not in known:
        raise CytoBenchError(f"no {what} is named {name!r}{nearest(name, known)} ('cytobench ls {what}s' lists them)")
    return known[name]


def _unique(group: str) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
        other = found.setdefault(entry.name, entry)
        if _owner(other) != _owner(entry):
            raise CytoBenchError(
                f"two plugins are named {entry.name!r}: in {_owner(other)} and in {_owner(entry)}; uninstall one of them"
            )
    return found


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown distribution"


def _method_entry(entry: EntryPoint) -> MethodEntry:
    card_file = folder_of(entry) / "card.yaml"
    card = validate(MethodCard, read_yaml(card_file), str(card_file))
    if card.name != entry.name:
        raise CytoBenchError(f"{card_file}: names the method {card.name!r}, but it is registered as {entry.name!r}")
    needed = {extra: _packages_of(entry.dist, extra) for extra in card.extras} if entry.dist else {}
    missing = tuple(extra for extra, packages in needed.items() if not packages or not all(map(installed_version, packages)))
    every = tuple(package for packages in needed.values() for package in packages)
    return MethodEntry(card, card_file.with_name("recipe.yaml"), _owner(entry), missing, every, entry.load)


def folder_of(entry: EntryPoint) -> Path:
    """Return the folder of an entry point's module, found without importing it (looking up a submodule imports its parents)."""
    top, *inner = entry.module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not (spec.submodule_search_locations or spec.origin):
        raise CytoBenchError(f"{_owner(entry)}: its method {entry.name!r} is in {entry.module}, which is not there; reinstall it")
    locations = spec.submodule_search_locations or [str(Path(str(spec.origin)).parent)]
    return Path(locations[0], *inner[:-1])


def _packages_of(owner: Distribution, extra: str) -> list[str]:
    """The distributions that an extra asks for; none where there is no such extra."""
    if extra not in (owner.metadata.get_all("Provides-Extra") or []):
        return []
    marked = [(one.name, one.marker) for one in map(Requirement, owner.requires or []) if one.marker is not None]
    return [name for name, marker in marked if marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})]
