"""A cell store that grows plate by plate: after each plate it is whole, opens, and is what it would be if made at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cytobench.datasets.image_set import natural_order
from cytobench.datasets.manifest import NEXT_TABLE, TABLE, WORK, Part, StoreManifest
from cytobench.datasets.preparation.facts import StoreFacts, refuse_other
from cytobench.datasets.preparation.part import EXAMPLE, PartTask
from cytobench.datasets.preparation.plate_tables import FAULTS, FIELDS, ILLUMINATION, field_rows
from cytobench.datasets.preparation.survey import PlateSurvey
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import write_manifest
from cytobench.errors import CytoBenchError
from cytobench.files import replacing, sha256, write_text
from cytobench.schema import dump_json, load_json


class GrowingStore:
    """The folder of a store while plates are added.

    Args:
        path: the store's folder, new or left by an earlier preparation.
        facts: what the store is.

    Raises:
        CytoBenchError: where the folder holds anything else, or a store made otherwise.
    """

    def __init__(self, path: Path, facts: StoreFacts):
        self.path, self._facts = path, facts
        self._manifest: StoreManifest | None = None
        self._tables: dict[str, pd.DataFrame] = {}
        self._attachments: dict[str, str] = {}
        if path.exists():
            self._continue()
        else:
            (path / WORK).mkdir(parents=True)
        write_text(path / WORK / "facts.json", dump_json(facts))

    @property
    def plates(self) -> set[str]:
        """The plates that are in the store."""
        start, end = FIELDS.split("{plate}")
        return {name.removeprefix(start).removesuffix(end) for name in self._attachments if name.startswith(start)}

    @property
    def dtype(self) -> str | None:
        """The pixel type of its cells; None where it has none yet."""
        return self._manifest.dtype if self._manifest else None

    def known_survey(self, plate: str) -> tuple[PlateSurvey, np.ndarray | None] | None:
        """What an earlier, killed preparation found of a plate; None where it had not come so far."""
        file = self.path / WORK / f"{plate}.json"
        if not file.is_file():
            return None
        light = self.path / ILLUMINATION.format(plate=plate)
        return load_json(PlateSurvey, file), np.load(light) if light.is_file() else None

    def keep_survey(self, survey: PlateSurvey, light: np.ndarray | None) -> None:
        """Keep what was found of a plate."""
        if light is not None:
            with replacing(self.path / ILLUMINATION.format(plate=survey.plate)) as temporary:
                np.save(temporary, light)
        write_text(self.path / WORK / f"{survey.plate}.json", dump_json(survey))

    def take_light(self, plate: str, other: Path) -> np.ndarray:
        """Use the illumination functions that another store has of a plate; return them."""
        file = other / ILLUMINATION.format(plate=plate)
        try:
            light: np.ndarray = np.load(file, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CytoBenchError(f"{file}: no illumination functions to use again ({error})") from None
        if light.ndim != 3 or len(light) != len(self._facts.channels):
            raise CytoBenchError(f"{file}: holds {light.shape}, not a function for each of {', '.join(self._facts.channels)}")
        with replacing(self.path / file.name) as temporary:
            np.save(temporary, light)
        return light

    def add(self, survey: PlateSurvey, tasks: Sequence[PartTask], pending: Sequence[str]) -> None:
        """Put a plate's finished parts into the store; ``store.json`` comes last, so that it is whole at every moment.

        Args:
            survey: of the plate.
            tasks: all of the plate's, finished.
            pending: the plates that are still to come.
        """
        plate = survey.plate
        self._write_csv(FIELDS.format(plate=plate), field_rows(tasks, survey.faults))
        if survey.faults:
            self._write_csv(FAULTS.format(plate=plate), pd.DataFrame([fault.model_dump() for fault in survey.faults]))
        made = [(task.result().part, task.rows()) for task in tasks]
        parts = {part.images: part for part in self._parts}
        parts |= {part.images: part for part, _ in made if part}
        self._tables |= {part.images: rows for part, rows in made if part}
        kept = [form.format(plate=plate) for form in (FAULTS, FIELDS, ILLUMINATION, EXAMPLE)]
        self._attachments |= {name: sha256(self.path / name) for name in kept if (self.path / name).is_file()}
        if not parts:  # a store holds a cell; a later plate's will bring this one's tables in, too
            return
        names = sorted(parts, key=natural_order)
        write_manifest(
            self.path,
            [parts[name] for name in names],
            [self._tables[name] for name in names],
            NEXT_TABLE,
            **dict(self._facts),
            all_cells_counted=True,
            attachments={name: self._attachments[name] for name in sorted(self._attachments, key=natural_order)},
            pending=tuple(pending),
        )
        os.replace(self.path / NEXT_TABLE, self.path / TABLE)
        self._manifest = load_json(StoreManifest, self.path / "store.json")

    def end(self) -> CellStore:
        """Remove what was only needed on the way, and open the store."""
        if self._manifest is None:
            raise CytoBenchError(f"{self.path}: no cell was found in any field; look at {FAULTS.format(plate='PLATE')} there")
        if self._manifest.pending:  # an earlier call wanted more plates than this one
            write_text(self.path / "store.json", dump_json(self._manifest.model_copy(update={"pending": ()})))
        known = {name for part in self._parts for name in (part.images, part.masks)} | self._attachments.keys()
        for kind in ("images", "masks", "illumination"):  # of plates that an earlier call began and this one did not name
            for left in self.path.glob(f"{kind}-*.npy"):
                if left.name not in known:
                    left.unlink()
        shutil.rmtree(self.path / WORK)
        return CellStore(self.path)

    @property
    def _parts(self) -> tuple[Part, ...]:
        return self._manifest.parts if self._manifest else ()

    def _continue(self) -> None:
        """Go on with what an earlier preparation left, if it was of the same facts."""
        begun = self.path / WORK / "facts.json"
        known = self._facts
        if (self.path / "store.json").is_file():
            store = CellStore(self.path)
            self._manifest, self._attachments = store.manifest, dict(store.manifest.attachments)
            known = StoreFacts(**{name: getattr(store.manifest, name) for name in StoreFacts.model_fields})
            for part, start in zip(store.manifest.parts, store.files.starts, strict=False):
                self._tables[part.images] = store.cells.iloc[start : start + part.cells]
            if store.files.table_file.name == NEXT_TABLE:  # it was killed before the table took its place
                os.replace(store.files.table_file, self.path / TABLE)
        elif begun.is_file():
            if any((self.path / WORK).glob("*/part.json")):
                known = load_json(StoreFacts, begun)
            else:  # nothing is lost by other settings
                shutil.rmtree(self.path / WORK)
        elif any(self.path.iterdir()):
            raise CytoBenchError(f"{self.path}: is there and is no cell store; choose another place or remove it first")
        refuse_other(self.path, known, self._facts)
        (self.path / WORK).mkdir(exist_ok=True)
        for left in (self.path / WORK).glob(".*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        for left in self.path.glob(".*-*"):
            left.unlink()

    def _write_csv(self, name: str, table: pd.DataFrame) -> None:
        write_text(self.path / name, table.to_csv(index=False))
