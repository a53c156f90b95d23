"""Key maps: how the keys of somebody's weights become those of a backbone."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator
from torch import Tensor

from cytobench.errors import CytoBenchError, nearest
from cytobench.schema import Record, read_yaml, validate
from cytobench.training.weight_files import find_file

SUFFIX = ".keymap.yaml"
"""Of the maps that a method ships in its folder."""


class KeyRule(Record):
    """One replacement at the beginning of a key."""

    source: str = Field(alias="from", min_length=1)
    """A regular expression."""
    to: str
    r"""What takes the place of what it matched, with ``\1`` for its first group."""

    @field_validator("source")
    @classmethod
    def _compiles(cls, source: str) -> str:
        try:
            re.compile(source)
        except re.error as error:
            raise ValueError(f"not a regular expression ({error})") from None
        return source

    def rename(self, key: str) -> str:
        """Return ``key`` with its beginning replaced, where that matches."""
        return re.sub(rf"\A(?:{self.source})", self.to, key, count=1)


class KeyMap(Record):
    """Rules that are applied to every key, one after the other."""

    rules: tuple[KeyRule, ...] = Field(min_length=1)

    def rename(self, key: str) -> str:
        """Return the backbone's key for ``key``."""
        for rule in self.rules:
            key = rule.rename(key)
        return key


def read_keymap(path: Path) -> KeyMap:
    """Read and validate a key map."""
    return validate(KeyMap, read_yaml(path), str(path))


def find_keymap(named: str, shipped: Path) -> Path:
    """Return the file of a key map: a path that ends in ``.yaml``, or the name of one in the folder ``shipped``."""
    if named.endswith((".yaml", ".yml")):
        return find_file(named, "a key map")
    file, known = shipped / f"{named}{SUFFIX}", sorted(path.name.removesuffix(SUFFIX) for path in shipped.glob(f"*{SUFFIX}"))
    if named not in known:
        raise CytoBenchError(f"no key map {named!r}{nearest(named, known)}; there is {', '.join(known)}; or give a .yaml file")
    return file


def renamed(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return ``weights`` with their keys mapped by the key map ``path``.

    Raises:
        CytoBenchError: where it does not read, or gives two tensors one key.
    """
    keymap, found, sources = read_keymap(path), dict[str, Tensor](), dict[str, str]()
    for key, value in weights.items():
        try:
            new = keymap.rename(key)
        except (re.error, IndexError) as error:
            raise CytoBenchError(f"{path}: a rule's 'to' does not fit its 'from' ({error}); correct it") from None
        if new in found:
            raise CytoBenchError(f"{path}: gives both {sources[new]} and {key} the key {new}; correct the rules")
        found[new], sources[new] = value, key
    return found
