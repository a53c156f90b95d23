"""The files that jurors of a visual Turing test download, and the key that they are scored with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.turing.turing import TuringKey
from cytobench.schema import Record, load_json, read_json

KEYS = "turing*-key.json"
"""What the keys of tests are called."""


class Judgement(Record):
    """What a juror took one cell for."""

    generated: bool = Field(strict=True)
    seconds: float = Field(ge=0, allow_inf_nan=False)
    """Since the cell was last shown."""


class Judgements(Record):
    """A juror's download, the cells in the order of the page."""

    schema_version: Literal[1] = 1
    test: str
    sitting: str = Field(pattern=r"^[0-9a-f]{16}$")
    """Drawn when the juror began, so that a file given twice is noticed."""
    juror: str = Field(max_length=100)
    """Empty where the juror gave no name."""
    answers: tuple[Judgement, ...]


def find_key(paths: Sequence[Path]) -> Path:
    """Return the key of the test that the first download answers, from the folders that the downloads lie in.

    Raises:
        CytoBenchError: where none of them has it; names the keys there that cannot be read.
    """
    wanted = _read(paths[0]).test
    folders = dict.fromkeys(path.parent for path in paths)
    keys = [key for folder in folders for key in sorted(folder.glob(KEYS))]
    unread = []
    for key in keys:
        try:
            if read_key(key).id == wanted:
                return key
        except (CytoBenchError, OSError) as error:
            unread.append(f"\n{error}")
    what = "whose key does not lie beside it; name the key file with --key"
    raise CytoBenchError(f"{paths[0]}: answers test {wanted!r}, {what}{''.join(unread)}")


def read_judgements(paths: Sequence[Path], key: TuringKey) -> tuple[Judgements, ...]:
    """Read jurors' downloads.

    Raises:
        CytoBenchError: names the file that is damaged, unfinished, of another test, or of a juror who is there already.
    """
    read: dict[Path, Judgements] = {}
    for path in paths:
        one = _read(path)
        if one.test != key.id:
            raise CytoBenchError(
                f"{path}: answers test {one.test!r}, but the key is of test {key.id!r}; give that test's key with --key"
            )
        if len(one.answers) != len(key.cells):
            what = "is unfinished" if len(one.answers) < len(key.cells) else "is damaged"
            raise CytoBenchError(f"{path}: {what}: it answers {len(one.answers)} of {len(key.cells)} cells; leave it out")
        for other, before in read.items():
            _check_other(path, one, other, before)
        read[path] = one
    return tuple(read.values())


def _check_other(path: Path, one: Judgements, other: Path, before: Judgements) -> None:
    if one.sitting == before.sitting or one.answers == before.answers:
        raise CytoBenchError(f"{path}: the same answers as {other}; give each juror's file once")
    if one.juror.strip() and one.juror.strip().casefold() == before.juror.strip().casefold():
        raise CytoBenchError(
            f"{path}: from {one.juror.strip()!r}, as is {other}; a person counts once: leave one out, or tell two apart by name"
        )


def read_key(path: Path) -> TuringKey:
    """Read the key of a test.

    Raises:
        CytoBenchError: where the file is no key; says so where it is a juror's.
    """
    if "answers" in _keys_of(path):
        raise CytoBenchError(f"{path}: this is a juror's file, not the key of a test; give it without --key")
    return load_json(TuringKey, path)


def _read(path: Path) -> Judgements:
    if "cells" in _keys_of(path):
        raise CytoBenchError(f"{path}: this is the key of a test, not a juror's file; leave it out, or give it with --key")
    return load_json(Judgements, path)


def _keys_of(path: Path) -> list[str]:
    data = read_json(path)
    if not isinstance(data, dict):
        raise CytoBenchError(f"{path}: is neither a juror's file nor the key of a test; give what a juror downloaded at the end")
    return list(data)
