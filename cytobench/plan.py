"""What a run will do: names resolved, inputs checked and keys made, before anything is computed."""

from __future__ import annotations

import itertools
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from cytobench import registry
from cytobench.benchmark import Benchmark
from cytobench.card import MethodCard
from cytobench.construction import construct, seen_of
from cytobench.datasets.opening import Dataset
from cytobench.datasets.store import CellStore
from cytobench.files import sha256, sha256_text
from cytobench.method import Method
from cytobench.results.keys import MASKED_BY, MASKING, Keys, chained, source_of, source_of_modules, train_key
from cytobench.results.record import Origin, RunRecord
from cytobench.schema import Record, dump_json, validate
from cytobench.training.recipe import Recipe
from cytobench.training.settings import EmbeddingSpec
from cytobench.versions import installed_version

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
    conditions: tuple[str, ...] = ()
    """What a conditional method is told, or was, of each cell in training."""
    plugin: Path | None = None
    untrained: bool = False
    origin: Origin | None = None
    """The checkpoint that the run begins with."""

    @property
    def card(self) -> MethodCard:
        """The method's card; what learned from the names of treatments says so."""
        if self.trains and self.recipe.condition is not None:
            return self.entry.card.model_copy(update={"supervision": "treatment"})
        return self.entry.card

    @property
    def trains(self) -> bool:
        """Whether there is something to train."""
        return self.entry.card.trained and not self.untrained

    @property
    def has_twin(self) -> bool:
        """Whether the method learned something, here or elsewhere, that its untrained twin has not."""
        given, random = self.recipe.options, self.entry.card.untrained_options
        return self.trains or (not self.untrained and any(given.get(name) != value for name, value in random.items()))

    @property
    def uses_checkpoint(self) -> bool:
        """Whether weights are taken as they are, and nothing is trained."""
        return self.origin is not None and not self.origin.trained_further

    def twin(self) -> Plan:
        """The plan of the same method with its random weights."""
        random = {**self.recipe.options, **self.entry.card.untrained_options}
        return replace(self, untrained=True, origin=None, recipe=self.recipe.model_copy(update={"options": random}))

    def make_method(self) -> Method:
        """Construct the method with the random weights of its seed."""
        return construct(self.entry, self.recipe, self.data, self.seed, self.device, self.conditions)

    def record(self) -> RunRecord:
        """Describe the run before it starts."""
        channels, size = seen_of(self.data, self.recipe)
        return RunRecord(
            status="running",
            method=self.entry.card.name,
            card=self.card,
            untrained=self.untrained,
            supplied=False,
            dataset=self.data.name,
            dataset_identity=self.data.identity,
            simulated=self.data.simulated,
            all_cells_counted=self.data.all_cells_counted,
            benchmark=self.benchmark.identity,
            requires=self.benchmark.requires,
            recipe_name=self.recipe_name,
            recipe=self.recipe.model_dump(mode="json"),
            overrides=self.overrides,
            given=self.given,
            segmented=self.segments,
            seed=self.seed,
            keys=self.keys,
            channels=channels,
            size=size,
            conditions=self.conditions,
            origin=self.origin,
            command=self._command(),
        )

    @cached_property
    def given(self) -> dict[str, str]:
        """The sha256 of each file that the method is made from, by the option that names it."""
        method: Any = self.entry.load_class()
        return {name: sha256(path) for name, path in method.given_files(self._options).items()}

    @property
    def segments(self) -> bool:
        """Whether crops are segmented: the method wants masks and the store has none."""
        return self.recipe.input.masks and isinstance(self.data, CellStore) and not self.data.has_masks

    @property
    def _options(self) -> Record:
        method: Any = self.entry.load_class()
        options: Record = validate(method.Options, self.recipe.options, f"recipe of {self.entry.card.name}, options")
        return options

    @property
    def device_used(self) -> str:
        """What the method computes on: a method without networks stays on the CPU."""
        return self.device.type if issubclass(self.entry.load_class(), torch.nn.Module) else "cpu"

    @cached_property
    def keys(self) -> Keys:
        """What the run is found by."""
        channels, size = seen_of(self.data, self.recipe)
        training_data = self.data.content_sha256 if self.trains else UNTRAINED
        others = [] if self.origin is None else [f"{self.origin.weights_sha256} {self.origin.trained_further}"]
        others += [self._source_of_masks(), *self.entry.versions()]
        others += [f"{name} {digest}" for name, digest in sorted(self.given.items())]
        if self.trains and self.recipe.training is not None and self.recipe.training.checkpoint.choose != "last":
            others.append(source_of(registry.method(self.recipe.training.checkpoint.features).load_class()))
        trained_with = self.recipe.model_copy(update={"embedding": EmbeddingSpec(), "options": self._options_in_key()})
        train = train_key(self.entry.load_class(), trained_with, channels, size, self.seed, training_data, *others)
        return chained(train, self.data.content_sha256, dump_json(self.recipe.embedding), self.benchmark.key)

    def _source_of_masks(self) -> str:
        """The code that segments crops, where they are."""
        return sha256_text(source_of_modules(MASKING), *map(installed_version, MASKED_BY)) if self.segments else ""

    def _options_in_key(self) -> dict[str, Any]:
        """The method's options, defaults too, but for names of files: what is in them is in the key."""
        return {name: value for name, value in self._options.model_dump(mode="json").items() if name not in self.given}

    def _command(self) -> str:
        words = ["cytobench", "run", "--method", self.entry.card.name, "--dataset", self.dataset]
        if not self.uses_checkpoint:  # which has its own recipe
            words += ["--recipe", self.recipe_name]
            words += itertools.chain.from_iterable(("-o", override) for override in self.overrides)
        words += ["--plugin", str(self.plugin)] if self.plugin else []
        if self.origin is not None:
            words += ["--from" if self.origin.trained_further else "--checkpoint", self.origin.where]
        return shlex.join([*words, "--benchmark", self.benchmark.name, "--seed", str(self.seed)])
