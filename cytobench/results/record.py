"""What a run says of itself in ``run.json``."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import Any, Literal

from pydantic import Field

from cytobench.card import METHOD_NAME, MethodCard
from cytobench.results.keys import Keys
from cytobench.results.provenance import Stage
from cytobench.results.schema import Difference, Estimate
from cytobench.schema import FOLDER_NAME, Record

Requires = Literal["profiles", "images", "generative", "invertible"]
"""What a benchmark asks of a method: profiles of wells, to embed images, to synthesise cells, to encode cells and decode them."""

LONGEST_RECIPE = 50
"""Characters of a recipe's changes in a title."""

KEY_LENGTH = 12
"""Characters of the score key that name a run's folder."""


class Origin(Record):
    """The checkpoint that a run began with."""

    weights_sha256: str
    where: str
    """The run or the checkpoint that it was taken from, as it was asked for."""
    address: str | None = None
    """Where it is published."""
    trained_further: bool
    """Whether the run trained on from it, or used it as it was."""
    cells_seen: int
    """In the training that made it, and in what that one began with."""
    channels: tuple[str, ...]
    size: int
    conditions: tuple[str, ...]
    """What it was trained with."""


class Unseen(Record):
    """What a method scores on treatments of which it saw no cell in training."""

    nsc: Estimate
    twin: Difference | None
    """Paired difference from the untrained twin."""


class RunRecord(Record):
    """What ``run.json`` says."""

    schema_version: Literal[1] = 1
    status: Literal["running", "trained", "embedded", "finished", "failed", "interrupted"]
    """``trained``, ``embedded``: as far as was asked for; the rest is done by the same command with ``run``."""
    error: str | None = None
    method: str = Field(pattern=METHOD_NAME)
    card: MethodCard
    untrained: bool
    """Whether this is the untrained twin of a trained method."""
    supplied: bool
    """Whether the representation was computed elsewhere and only scored here."""
    dataset: str = Field(pattern=FOLDER_NAME)
    dataset_identity: str
    simulated: bool
    all_cells_counted: bool
    benchmark: str
    requires: Requires = "profiles"
    """What the benchmark is put to: profiles, or the model itself."""
    recipe_name: str | None
    recipe: dict[str, Any]
    """Resolved: the variant with its overrides."""
    overrides: tuple[str, ...] = ()
    given: dict[str, str] = {}
    """The sha256 of each file that the method is made from, as ``weights``."""
    segmented: bool = False
    """Whether crops were segmented because the method wants masks and the data set has none."""
    seed: int
    keys: Keys
    channels: tuple[str, ...] = ()
    """That the method sees; none where it sees wells."""
    size: int = 0
    """Height and width of the crops that it sees, in pixels."""
    conditions: tuple[str, ...] = ()
    """What a conditional method was told of each cell in training."""
    origin: Origin | None = None
    """The checkpoint that the run began with; None for random weights."""
    cells_seen: int = 0
    """Cells shown in training, counted with repeats and with those of the checkpoint that it began with."""
    kept_step: int | None = None
    """The training step whose weights were kept."""
    unseen: Unseen | None = None
    """Where the run was trained from random weights on some of the cells only (``training.train_on``)."""
    stages: dict[str, Stage] = {}
    twin: Difference | None = None
    """Paired difference in headline NSC from the untrained twin."""
    twin_folder: str | None = Field(default=None, pattern=r"^[^./][^/]*/[^./][^/]*/[0-9a-f]+$")
    """The twin's place below the runs folder."""
    command: str
    """What reproduces the run."""

    @property
    def label(self) -> str:
        """The method's name on boards."""
        return f"{self.method} (untrained)" if self.untrained else self.method

    @property
    def model_title(self) -> str:
        """What stands over a picture of what its model makes, which no benchmark has a part in."""
        return f"{self._head}, seed {self.seed}"

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The stages of such a run, each made from the one before."""
        trains = self.card.trained and not self.untrained and not self.supplied
        scored = ("embed", "score") if self.requires == "profiles" else ("score",)
        return ("train", *scored) if trains else scored

    @property
    def weights_sha256(self) -> str | None:
        """The sha256 of a trained run's weights; None where there are none yet."""
        return self.stages["train"].outputs.get("weights.safetensors") if "train" in self.stages else None

    @property
    def recipe_label(self) -> str:
        """The recipe's variant and what was changed in it."""
        return " + ".join([self.recipe_name or "-", *self.overrides])

    @property
    def title(self) -> str:
        """What stands over a picture of the run."""
        return f"{self._head}, {self.benchmark}, seed {self.seed}"

    @property
    def _head(self) -> str:
        mark = "SIMULATED data: " if self.simulated else ""
        recipe = "" if self.recipe_name is None else f" ({shorten(self.recipe_label, LONGEST_RECIPE, placeholder=' ...')})"
        return f"{mark}{self.label}{recipe} on {self.dataset}"

    @property
    def folder(self) -> Path:
        """The run's place below the runs folder."""
        method = f"{self.method}-untrained" if self.untrained else self.method
        return Path(self.dataset, method, self.keys.score[:KEY_LENGTH])
