"""Typed records read from and written to YAML and JSON; unknown keys are errors that name the nearest known one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from cytobench.errors import CytoBenchError, nearest

FOLDER_NAME = r"^[^./\\][^/\\]*$"
"""What may be called after a folder: no slash and no first dot, so that nothing is written elsewhere."""


class Record(BaseModel):
    """A frozen, validated record; the base of every configuration and every result."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=True, protected_namespaces=())


R = TypeVar("R", bound=Record)


def validate(kind: type[R], data: Any, where: str) -> R:
    """Make a record of ``kind`` from plain data; ``where`` (a file, a command) begins the error's sentence."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise CytoBenchError(f"{where}: {_sentence(kind, error)}") from None


def read_yaml(path: Path) -> Any:
    """Safe-load a YAML file."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CytoBenchError(f"{path}: no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CytoBenchError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None


def read_json(path: Path) -> Any:
    """Load a JSON file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CytoBenchError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CytoBenchError(f"{path}: not valid JSON ({error}); the file is damaged, make it again") from None


def load_json(kind: type[R], path: Path) -> R:
    """Load a record written by :func:`dump_json`, refusing another schema version by name."""
    data = read_json(path)
    expected = kind.model_fields.get("schema_version")
    if expected is not None and isinstance(data, dict) and data.get("schema_version") != expected.default:
        raise CytoBenchError(
            f"{path}: schema version {data.get('schema_version')!r}, but this CytoBench reads version "
            f"{expected.default}; use the CytoBench that wrote it, or make it again"
        )
    return validate(kind, data, str(path))


def dump_json(record: Record) -> str:
    """Write a record as JSON text in its declared order (equal records give equal bytes)."""
    return json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def _sentence(kind: type[Record], error: ValidationError) -> str:
    errors = error.errors()
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])  # a misspelt key is missing, too
    location = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        owner = ".".join(location[:-1])
        known = _fields_at(kind, location[:-1])
        return f"unknown key {location[-1]!r}{f' in {owner}' if owner else ''}{nearest(location[-1], known)}"
    if first["type"] == "missing":
        return f"the key {'.'.join(location)!r} is missing"
    message = first["msg"].removeprefix("Value error, ")
    return f"{'.'.join(location)}: {message} (got {first['input']!r:.80})" if location else message


def _fields_at(kind: Any, location: list[str]) -> list[str]:
    """The field names of the record found by following ``location`` through nested annotations."""
    for key in location:
        fields = getattr(kind, "model_fields", {})
        if key in fields:
            kind = fields[key].annotation
        for argument in get_args(kind):
            if isinstance(argument, type) and issubclass(argument, BaseModel):
                kind = argument
    return list(getattr(kind, "model_fields", {}))
