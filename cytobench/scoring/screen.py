"""Which wells of a profile table a protocol scores, and how they group into treatments, compounds and batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cytobench.datasets.profiles import batch_of, feature_columns, treatment_name, treatment_names
from cytobench.errors import CytoBenchError
from cytobench.results.schema import Counts
from cytobench.scoring.protocol import MOAProtocol


@dataclass(frozen=True)
class Treatment:
    """One compound at one concentration."""

    name: str
    compound: str
    concentration: float
    moa: str


class Screen:
    """The scored wells of one profile table.

    Args:
        protocol: which wells count.
        treatments: the protocol's labelled treatments by name.
        profiles: one row a well, with compound and concentration.

    Raises:
        CytoBenchError: where two rows are one well, or no well has a labelled treatment.
    """

    def __init__(self, protocol: MOAProtocol, treatments: dict[str, Treatment], profiles: pd.DataFrame):
        for column in ("Metadata_Plate", "Metadata_Well", "Metadata_Compound", "Metadata_Concentration"):
            if column not in profiles:
                raise CytoBenchError(f"the profiles have no column {column!r}, which {protocol.name} needs")
        twice = profiles.duplicated(["Metadata_Plate", "Metadata_Well"])
        if twice.any():
            row = profiles[twice].iloc[0]
            raise CytoBenchError(
                f"plate {row['Metadata_Plate']}, well {row['Metadata_Well']} stands in two rows; average them first"
            )
        self._protocol, self._labelled = protocol, treatments
        names = treatment_names(profiles["Metadata_Compound"], profiles["Metadata_Concentration"])
        kept = self._counted(profiles, names)
        if not (kept & (profiles["Metadata_Compound"] != protocol.control).to_numpy()).any():
            raise CytoBenchError(f"no well has one of the {len(treatments)} treatments of {protocol.name}; is it another screen?")
        self.wells, self._names = profiles[kept].reset_index(drop=True), names[kept]

    @cached_property
    def values(self) -> np.ndarray:
        """(wells, D) float64 features."""
        return self.wells[feature_columns(self.wells)].to_numpy(np.float64)

    @cached_property
    def control(self) -> np.ndarray:
        """(wells,) bool: the control wells."""
        return (self.wells["Metadata_Compound"] == self._protocol.control).to_numpy()

    @cached_property
    def plates(self) -> np.ndarray:
        """(wells,) plate names."""
        return self.wells["Metadata_Plate"].astype(str).to_numpy(dtype=object)

    @cached_property
    def batches(self) -> np.ndarray:
        """(wells,) batch names."""
        return batch_of(self.plates)

    @cached_property
    def treatments(self) -> list[Treatment]:
        """The treatments that have wells, in the protocol's order."""
        present = set(self._names[~self.control])
        return [treatment for name, treatment in self._labelled.items() if name in present]

    @cached_property
    def treated(self) -> np.ndarray:
        """Indices of the wells that have a treatment."""
        return np.flatnonzero(~self.control)

    @cached_property
    def owner(self) -> np.ndarray:
        """For each treated well, the index of its treatment."""
        index = {treatment.name: number for number, treatment in enumerate(self.treatments)}
        return np.array([index[name] for name in self._names[self.treated]])

    @cached_property
    def compounds(self) -> np.ndarray:
        """(treatments,) compound names."""
        return np.array([treatment.compound for treatment in self.treatments], dtype=object)

    @cached_property
    def moas(self) -> np.ndarray:
        """(treatments,) mechanisms of action."""
        return np.array([treatment.moa for treatment in self.treatments], dtype=object)

    @cached_property
    def treatment_batches(self) -> list[frozenset[str]]:
        """The batches in which each treatment has wells."""
        batches = self.batches[self.treated]
        return [frozenset(batches[self.owner == number]) for number in range(len(self.treatments))]

    @cached_property
    def labels(self) -> list[str]:
        """The protocol's MOAs, sorted."""
        return sorted({treatment.moa for treatment in self._labelled.values()})

    def cells(self, wells: np.ndarray) -> int | None:
        """Cells in these wells, or None where the table does not count cells."""
        return int(self.wells["Metadata_Cells"].to_numpy()[wells].sum()) if "Metadata_Cells" in self.wells else None

    def counts(self, imputed: int) -> Counts:
        """What the scores are made from."""
        return Counts(
            treatments=len(self.treatments),
            compounds=len(set(self.compounds)),
            wells=len(self.wells),
            control_wells=int(self.control.sum()),
            cells=self.cells(np.arange(len(self.wells))),
            imputed=imputed,
        )

    def warnings(self) -> list[str]:
        """What a reader of the score must know about these data."""
        said = []
        missing = sorted(self._labelled.keys() - {treatment.name for treatment in self.treatments})
        if missing:
            listed = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            said.append(f"{len(missing)} of the protocol's {len(self._labelled)} treatments have no well: {listed}")
        if self._other:
            said.append(f"{self._other} wells of other treatments left out")
        if self._not_counted:
            named = ", ".join(treatment_name(pinned.compound, pinned.concentration) for pinned in self._protocol.pinned_wells)
            said.append(f"{self._not_counted} wells of {named} left out: the protocol counts the pinned ones only")
        alone = sum(not ((self.moas == t.moa) & (self.compounds != t.compound)).any() for t in self.treatments)
        if alone:
            said.append(f"{alone} treatments cannot be right: no other compound of their MOA is here")
        if "Metadata_Flagged" in self.wells and self.wells["Metadata_Flagged"].any():
            flagged = int(self.wells["Metadata_Flagged"].sum())
            said.append(
                f"{flagged} of the scored cells are flagged as pictures of nothing but noise; they are scored with the rest"
            )
        if not self.control.any():
            said.append(f"no {self._protocol.control} well: only the raw profiles can be scored")
        return said

    def _counted(self, profiles: pd.DataFrame, names: np.ndarray) -> np.ndarray:
        known = np.isin(names, list(self._labelled)) | (profiles["Metadata_Compound"] == self._protocol.control).to_numpy()
        counted = known.copy()
        for pinned in self._protocol.pinned_wells:
            here = (profiles["Metadata_Well"] == pinned.well) & profiles["Metadata_Plate"].isin(pinned.plates)
            counted &= (names != treatment_name(pinned.compound, pinned.concentration)) | here.to_numpy()
        self._other, self._not_counted = int((~known).sum()), int((known & ~counted).sum())
        return counted
