"""What a run will do: names resolved, inputs checked and keys made, before anything is computed."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from cytobench import registry
from cytobench.benchmark import Benchmark
from cytobench.card import MethodCard
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.opening import Dataset, open_dataset
from cytobench.datasets.profile_table import ProfileTable
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError, blaming
from cytobench.method import Method, TrainableMethod
from cytobench.results.keys import Keys, chained, train_key
from cytobench.results.record import RunRecord
from cytobench.training.recipe import Recipe, choose_recipe, read_recipes

UNTRAINED = "untrained"
"""Stands in a key for the training data of a method that has none."""


@dataclass(frozen=True)
class Plan:
    """All that decides a run."""

    entry: registry.MethodEntry
    recipe_name: str
    recipe: Recipe
    overrides: tuple[str, ...]
    dataset: str
    """As it was asked for: a registered name or a path."""
    data: Dataset
    benchmark: Benchmark
    seed: int
    device: torch.device
    plugin: Path | None = None
    untrained: bool = False

    @property
    def trains(self) -> bool:
        """Whether there is something to train."""
        return self.entry.card.trained and not self.untrained

    def make_method(self) -> Method:
        """Construct the method with the random weights of its seed."""
        return construct(self.entry, self.recipe, self.data, self.seed, self.device)

    def record(self) -> RunRecord:
        """Describe the run before it starts."""
        return RunRecord(
            status="running",
            method=self.entry.card.name,
            card=self.entry.card,
            untrained=self.untrained,
            supplied=False,
            dataset=self.data.name,
            dataset_identity=self.data.identity,
            simulated=self.data.simulated,
            all_cells_counted=self.data.all_cells_counted,
            benchmark=self.benchmark.identity,
            recipe_name=self.recipe_name,
            recipe=self.recipe.model_dump(mode="json"),
            overrides=self.overrides,
            seed=self.seed,
            keys=self._keys(),
            command=self._command(),
        )

    @property
    def device_used(self) -> str:
        """What the method computes on: a method without networks stays on the CPU."""
        return self.device.type if issubclass(self.entry.load_class(), torch.nn.Module) else "cpu"

    def _keys(self) -> Keys:
        channels, size = seen_of(self.data, self.recipe)
        training_data = self.data.content_sha256 if self.trains else UNTRAINED
        train = train_key(self.entry.load_class(), self.recipe, channels, size, self.seed, training_data)
        return chained(train, self.data.content_sha256, self.benchmark.identity)

    def _command(self) -> str:
        words = ["cytobench", "run", "--method", self.entry.card.name, "--dataset", self.dataset, "--recipe", self.recipe_name]
        words += itertools.chain.from_iterable(("-o", override) for override in self.overrides)
        words += ["--plugin", str(self.plugin)] if self.plugin else []
        return shlex.join([*words, "--benchmark", self.benchmark.name, "--seed", str(self.seed)])


def make_plan(
    method: str,
    dataset: str,
    *,
    benchmark: str,
    recipe: str | None,
    options: Sequence[str],
    seed: int,
    device: str,
    plugin: Path | None,
) -> Plan:
    """Resolve names to what they stand for, and check that they fit together."""
    entry = registry.method(method, plugin)
    recipe_name, chosen = choose_recipe(read_recipes(entry.recipe_file), recipe, options, entry.card.name)
    if entry.card.trained and chosen.training is None:
        raise CytoBenchError(f"{entry.card.name} is trained, but its recipe {recipe_name} has no 'training' section")
    data = open_dataset(dataset)
    check_fit(entry.card, data)
    if isinstance(data, CellStore) and data.manifest.pending:
        coming = len(data.manifest.pending)
        raise CytoBenchError(f"{dataset} is not finished ({coming} plates to come); run its 'cytobench data prepare' to the end")
    plan = Plan(
        entry,
        recipe_name,
        chosen,
        tuple(options),
        dataset,
        data,
        registry.benchmark(benchmark),
        seed,
        choose_device(device),
        plugin,
    )
    _check_recipe(plan)
    return plan


def _check_recipe(plan: Plan) -> None:
    """Make the method once, so that what does not fit its recipe is said before anything is written."""
    method = plan.make_method()
    if plan.trains and isinstance(method, TrainableMethod):
        method.optimizers()
        training, data = plan.recipe.training, plan.data
        told = training is not None and training.sampling == "balanced-treatment"
        if told and plan.entry.card.supervision not in ("treatment", "moa"):
            raise CytoBenchError(
                f"training.sampling balanced-treatment tells {plan.entry.card.name} of treatments, which its card does not "
                "declare (supervision: treatment); use balanced-plate"
            )
        if training is not None and isinstance(data, CellStore) and training.batch_size > len(data):
            batch = training.batch_size
            raise CytoBenchError(f"{data.name} has {len(data)} cells, fewer than a batch of {batch}; set -o training.batch_size")


def construct(entry: registry.MethodEntry, recipe: Recipe, data: Dataset, seed: int, device: torch.device) -> Method:
    """Make a method for the channels and the crop size of a data set."""
    channels, size = seen_of(data, recipe)
    with blaming(f"making {entry.card.name}"):
        made: Method = entry.load_class()(recipe, channels, size, seed)
    return made.to(device) if isinstance(made, torch.nn.Module) else made


def seen_of(data: Dataset, recipe: Recipe) -> tuple[tuple[str, ...], int]:
    """The channels and the crop size in pixels that a method with this recipe sees of a data set."""
    if isinstance(data, ProfileTable):
        return (), 0
    return data.channels, BatchReader(data, recipe.input).size


def check_fit(card: MethodCard, data: Dataset) -> None:
    """Refuse a data set that the method cannot work on, saying why."""
    if card.input == "images" and isinstance(data, ProfileTable):
        raise CytoBenchError(
            f"{card.name} embeds images, but {data.name} is a table of profiles; score it with 'cytobench evaluate'"
        )
    if card.input == "counted-wells" and not data.all_cells_counted:
        raise CytoBenchError(f"{card.name} needs the number of cells in each well, but in {data.name} not all cells were counted")
    if isinstance(data, CellStore) and card.channels != "any" and len(data.channels) not in card.channels:
        accepted = " or ".join(map(str, card.channels))
        raise CytoBenchError(
            f"{card.name} takes {accepted} channels, but {data.name} has {len(data.channels)}: {', '.join(data.channels)}"
        )


def choose_device(name: str) -> torch.device:
    """Return the device called ``auto`` (CUDA where there is one), ``cpu``, ``cuda``, ``cuda:1`` ..."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise CytoBenchError(f"--device {name}: torch sees no CUDA device here; use --device cpu")
    try:
        return torch.device(name)
    except RuntimeError:
        raise CytoBenchError(f"--device {name}: not a device; use auto, cpu or cuda") from None
