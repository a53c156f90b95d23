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
from cytobench.datasets.preparation.part import EXAMPLE, SURVEY, PartTask
from cytobench.datasets.preparation.plate_tables import FAULTS, FIELDS, ILLUMINATION, IMAGES, MASKS, field_rows, why_no_cell
from cytobench.datasets.preparation.survey import PlateSurvey
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import write_manifest
from cytobench.errors import CytoBenchError
from cytobench.files import replacing, sha256, write_text
from cytobench.schema import dump_json, load_json

TEMPORARY = (".store-*.json", ".fields-*.csv", ".faults-*.csv", ".illumination-*.npy")
"""What a killed write may have left."""


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
        self.attachments: dict[str, str] = {}
        """What is kept of each plate that is in the store, with its sha256."""
        if path.exists():
            self._continue()
        else:
            (path / WORK).mkdir(parents=True)
        write_text(path / WORK / "facts.json", dump_json(facts))

    @property
    def plates(self) -> set[str]:
        """The plates that are in the store."""
        start, end = FIELDS.split("{plate}")
        return {name.removeprefix(start).removesuffix(end) for name in self.attachments if name.startswith(start)}

    @property
    def dtype(self) -> str | None:
        """The pixel type of its cells; None where it has none yet."""
        return self._manifest.dtype if self._manifest else None

    def known_survey(self, plate: str) -> tuple[PlateSurvey, np.ndarray | None] | None:
        """What an earlier, killed preparation found of a plate; None where it had not come so far."""
        file = self.path / WORK / SURVEY.format(plate=plate)
        if not file.is_file():
            return None
        light = self._light_of(plate)
        return load_json(PlateSurvey, file), np.load(light) if light.is_file() else None

    def keep_survey(self, survey: PlateSurvey, light: np.ndarray | None) -> None:
        """Keep what was found of a plate until it is added."""
        if light is not None:
            with replacing(self._light_of(survey.plate)) as temporary:
                np.save(temporary, light)
        write_text(self.path / WORK / SURVEY.format(plate=survey.plate), dump_json(survey))

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
        if (light := self._light_of(plate)).is_file():
            with replacing(self.path / ILLUMINATION.format(plate=plate)) as temporary:
                shutil.copyfile(light, temporary)
        made = [(task.result().part, task.rows()) for task in tasks]
        parts = {part.images: part for part in self._parts}
        parts |= {part.images: part for part, _ in made if part}
        self._tables |= {part.images: rows for part, rows in made if part}
        kept = [form.format(plate=plate) for form in (FAULTS, FIELDS, ILLUMINATION, EXAMPLE)]
        self.attachments |= {name: sha256(self.path / name) for name in kept if (self.path / name).is_file()}
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
            attachments={name: self.attachments[name] for name in sorted(self.attachments, key=natural_order)},
            pending=tuple(pending),
        )
        os.replace(self.path / NEXT_TABLE, self.path / TABLE)
        self._manifest = load_json(StoreManifest, self.path / "store.json")

    def end(self) -> CellStore:
        """Remove what was only needed on the way, and open the store."""
        if self._manifest is None:
            raise CytoBenchError(why_no_cell(self.path))
        if self._manifest.pending:  # an earlier call wanted more plates than this one
            write_text(self.path / "store.json", dump_json(self._manifest.model_copy(update={"pending": ()})))
        known = {name for part in self._parts for name in (part.images, part.masks)} | self.attachments.keys()
        for form in (IMAGES, MASKS, FIELDS, FAULTS, ILLUMINATION, EXAMPLE, NEXT_TABLE):
            for left in self.path.glob(form.format(plate="*")):  # of plates that an earlier call began and this one did not name
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
            self._manifest, self.attachments = store.manifest, dict(store.manifest.attachments)
            known = StoreFacts(**{name: getattr(store.manifest, name) for name in StoreFacts.model_fields})
            for part, start in zip(store.manifest.parts, store.files.starts, strict=False):
                self._tables[part.images] = store.cells.iloc[start : start + part.cells]
            if store.files.table_file.name == NEXT_TABLE:  # it was killed before the table took its place
                os.replace(store.files.table_file, self.path / TABLE)
        elif (self.path / WORK).is_dir():
            if begun.is_file() and any((self.path / WORK).glob("*/part.json")):
                known = load_json(StoreFacts, begun)
            else:  # nothing is lost by other settings
                shutil.rmtree(self.path / WORK)
        elif any(self.path.iterdir()):
            raise CytoBenchError(f"{self.path}: is there and is no cell store; choose another place or remove it first")
        refuse_other(self.path, known, self._facts)
        (self.path / WORK).mkdir(exist_ok=True)
        for left in (self.path / WORK).glob(".*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        for left in (left for kind in TEMPORARY for left in self.path.glob(kind)):
            left.unlink()

    def _light_of(self, plate: str) -> Path:
        """Where a plate's illumination functions are kept until it is added."""
        return self.path / WORK / f"light-{plate}.npy"

    def _write_csv(self, name: str, table: pd.DataFrame) -> None:
        write_text(self.path / name, table.to_csv(index=False))
