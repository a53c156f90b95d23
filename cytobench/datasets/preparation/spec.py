"""All that decides what a store made of fields of view holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import Field

from cytobench.errors import CytoBenchError
from cytobench.imaging.illumination import IlluminationSpec
from cytobench.imaging.segmentation import SegmentationSpec
from cytobench.schema import Record, read_yaml, validate


class PreparationSpec(Record):
    """From fields of view to cells; ``cytobench data prepare --config FILE`` reads it as YAML."""

    crop_size: int = Field(default=96, ge=8)
    """Side of a crop in px, centred on the nucleus (CytoGAN: 96)."""
    masks: bool = True
    """Keep a mask of each cell and its nucleus."""
    mask_neighbours: bool = False
    """Set the pixels of every other cell in a crop to 0."""
    illumination: IlluminationSpec = IlluminationSpec()
    segmentation: SegmentationSpec = SegmentationSpec()
    fields_per_part: int = Field(default=24, ge=1)
    """Fields that one task turns into one part of the store; BBBC021 has 240 a plate."""


def read_spec(file: Path | None = None, changes: Mapping[str, Any] = MappingProxyType({})) -> PreparationSpec:
    """Read a YAML file, then apply changes by their dotted names (``segmentation.segmenter``)."""
    where = str(file or "data prepare")
    said = (read_yaml(file) or {}) if file else {}
    if not isinstance(said, dict):
        raise CytoBenchError(f"{where}: holds no settings; 'cytobench data prepare --print-config' shows how they are written")
    data = validate(PreparationSpec, said, where).model_dump()
    for name, value in changes.items():
        *parents, last = name.split(".")
        record = data
        for parent in parents:
            record = record.setdefault(parent, {})
        record[last] = value
    return validate(PreparationSpec, data, where)
