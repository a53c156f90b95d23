"""What a cell store holds, in a few lines for a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from cytobench.imaging.quality import NOISE_THRESHOLD

if TYPE_CHECKING:
    from cytobench.datasets.store import CellStore


def describe(store: CellStore) -> str:
    """Count plates, wells, treatments, fields, faults and flagged cells; name a file that is missing or of another size."""
    manifest, cells = store.manifest, store.cells
    store.files.open()
    height, width = manifest.shape[1:]
    lines = [
        f"{manifest.name}{' (SIMULATED)' if manifest.simulated else ''}: {len(store):,} cells of {height} x {width} px, "
        f"{manifest.dtype}, channels {', '.join(manifest.channels)}, {'with' if store.has_masks else 'no'} masks",
        f"{cells['plate'].nunique()} plates, {len(store.wells())} wells, {cells['compound'].nunique()} compounds, "
        f"{len(cells[['compound', 'concentration']].drop_duplicates())} treatments; "
        f"{'every cell' if manifest.all_cells_counted else 'a sample of the cells'} of each well",
    ]
    if "flagged" in cells:
        lines.append(f"{int(cells['flagged'].sum())} cells flagged: {_noise(store)}(they are kept)")
    if len(fields := store.attached("fields")):
        lines += _fields(fields, len(store.attached("faults")))
    if manifest.pending:
        lines.append(f"UNFINISHED: {len(manifest.pending)} plates are still to come; run the same 'cytobench data prepare' again")
    lines += [f"{key}: {_short(value)}" for key, value in manifest.provenance.items() if value]
    return "\n".join([*lines, f"identity: {store.identity}", f"store: {store.path}"])


def _short(value: str) -> str:
    """A value of the provenance; settings by what each section is called, for ``store.json`` has them all."""
    if not value.startswith("{"):
        return value
    settings = {key: next(iter(one.values())) if isinstance(one, dict) else one for key, one in json.loads(value).items()}
    return ", ".join(f"{key} {one}" for key, one in settings.items()) + " (all settings: store.json)"


def _fields(fields: pd.DataFrame, faults: int) -> list[str]:
    used = fields[fields["fault"].isna()]
    counts = f"{used['found'].sum():,} cells found, {used['at_border'].sum():,} of them too near the border"
    lines = [f"{len(used):,} fields, {counts}; {int((used['cells'] == 0).sum())} fields without a cell"]
    if faults:
        lines.append(f"{faults} faulty images left out with their {len(fields) - len(used)} fields")
    return lines


def _noise(store: CellStore) -> str:
    """Which channels of the flagged cells are nothing but noise."""
    columns = {channel: f"smoothness_{channel}" for channel in store.channels}
    counts = {channel: int((store.cells[column] < NOISE_THRESHOLD).sum()) for channel, column in columns.items()}
    told = ", ".join(f"{channel} in {count}" for channel, count in counts.items() if count)
    return f"a channel is nothing but noise{f': {told}' if told else ''} "
