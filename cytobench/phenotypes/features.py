"""Feature spaces to compare generated with real cells in: methods that embed images and learned nothing from these cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch

from cytobench import registry
from cytobench.construction import choose_device
from cytobench.errors import CytoBenchError
from cytobench.files import sha256, sha256_text
from cytobench.method import Method
from cytobench.phenotypes.feature_space import FeatureSpace
from cytobench.results.keys import MASKED_BY, MASKING, source_of, source_of_modules
from cytobench.schema import Record, validate
from cytobench.training.backbones import pretrained_configuration
from cytobench.training.hub import FILES
from cytobench.training.recipe import Recipe, choose_recipe, read_recipes
from cytobench.versions import installed_version

DEFAULT_SPACES = (
    "imagenet:inception_v3",
    "imagenet:mobilenetv1-025",
    "cellprofiler:fast",
    "random-network:mobilenetv1-025",
)
"""In order of preference: the network of the published FID and KID, a small one of its kind, measurements that a biologist can
read, and last, weakest, a network with random weights, which separates sets by texture and brightness alone."""

KINDS = ("transferred", "handcrafted", "control")
"""Of methods that learned nothing from these cells: what is trained on them would judge its own kind more kindly."""

SEED = 0
"""Of the random weights of a space that has some."""


@dataclass(frozen=True)
class Choice:
    """A feature space by its name, before it is made for channels and a size."""

    entry: registry.MethodEntry
    recipe_name: str
    recipe: Recipe

    @property
    def name(self) -> str:
        """``METHOD:RECIPE``."""
        return f"{self.entry.card.name}:{self.recipe_name}"

    @cached_property
    def key(self) -> str:
        """A sha256 of all that decides its values; reads its files of weights, and asks for them where they are not here."""
        method: Any = self.entry.load_class()
        files = {name: sha256(path) for name, path in method.given_files(self._options).items()}
        options = {name: value for name, value in self._options.model_dump(mode="json").items() if name not in files}
        recipe = self.recipe.model_copy(update={"options": options}).model_dump_json()
        given = [f"{name} {digest}" for name, digest in sorted(files.items())]
        versions = [f"{name} {installed_version(name)}" for name in ("torch", "timm")] + self.entry.versions()
        masks = [source_of_modules(MASKING), *map(installed_version, MASKED_BY)] if self.recipe.input.masks else []
        return sha256_text(self.name, source_of(method), recipe, str(SEED), *given, *versions, *masks)

    def make(self, channels: Sequence[str], size: int, device: str = "auto") -> FeatureSpace:
        """Make the space for images of these channels and this height and width."""
        key = self.key
        method: Method = self.entry.load_class()(self.recipe, tuple(channels), size, SEED)
        if isinstance(method, torch.nn.Module):
            method.eval().to(choose_device(device))
        return FeatureSpace(self.name, key, method, self.recipe.input.masks)

    def lacking(self) -> str | None:
        """Why the space cannot be had here without fetching anything; None where it can."""
        if self.entry.missing:
            return f"{self.name} is not installed; install it with {self.entry.install_command}"
        options = self._options
        backbone, weights = getattr(options, "backbone", None), getattr(options, "weights", "")
        if weights is None and backbone and not weights_are_here(backbone):
            return f"the weights of {backbone} are not here; name {self.name} once where there is a network, to fetch them"
        try:
            self.entry.load_class().given_files(options)  # type: ignore[attr-defined]
        except CytoBenchError as reason:
            return str(reason)
        return None

    @property
    def _options(self) -> Record:
        method: Any = self.entry.load_class()
        options: Record = validate(method.Options, self.recipe.options, f"recipe of {self.name}, options")
        return options


def choose_space(name: str) -> Choice:
    """Return the feature space called ``METHOD`` (its first recipe) or ``METHOD:RECIPE``.

    Raises:
        CytoBenchError: where there is none of the name, or it is a method that saw these cells, labels, or no images.
    """
    method, _, recipe = name.partition(":")
    entry = registry.method(method)
    card = entry.card
    if card.trained or card.input != "images" or card.supervision not in ("none", "imagenet") or card.kind not in KINDS:
        raise CytoBenchError(
            f"{method} is no feature space to compare cells in: that takes a method that embeds images and was trained on "
            f"neither these cells nor labels; use {', '.join(DEFAULT_SPACES)}"
        )
    return Choice(entry, *choose_recipe(read_recipes(entry.recipe_file), recipe or None, (), method))


def feature_space(name: str, channels: Sequence[str], size: int, device: str = "auto") -> FeatureSpace:
    """Return the feature space called ``METHOD`` or ``METHOD:RECIPE``, for images of these channels and this size in pixels.

    Weights that its recipe names and that are not here are fetched, for they were asked for by name.

    Raises:
        CytoBenchError: where it cannot be had.
    """
    return choose_space(name).make(channels, size, device)


def first_at_hand() -> Choice:
    """Return the first of ``DEFAULT_SPACES`` whose packages and weights are here; fetches nothing.

    Raises:
        CytoBenchError: where there is none.
    """
    reasons = []
    for choice in map(choose_space, DEFAULT_SPACES):
        reason = choice.lacking()
        if reason is None:
            return choice
        reasons.append(reason)
    raise CytoBenchError(f"no feature space is at hand: {'; '.join(reasons)}")


def first_space(channels: Sequence[str], size: int, device: str = "auto") -> FeatureSpace:
    """Return the first of ``DEFAULT_SPACES`` that is at hand, for images of these channels and this size in pixels."""
    return first_at_hand().make(channels, size, device)


def weights_are_here(backbone: str) -> bool:
    """Whether an earlier fetch left the weights that timm names ``backbone``."""
    stated = pretrained_configuration(backbone)
    repository, _, revision = str(stated.get("hf_hub_id") or "").partition("@")
    if repository:
        hub = import_module("huggingface_hub")
        files = (stated["hf_hub_filename"],) if stated.get("hf_hub_filename") else FILES
        return any(isinstance(hub.try_to_load_from_cache(repository, file, revision=revision or None), str) for file in files)
    folder = Path(import_module("torch.hub").get_dir()) / "checkpoints"
    return bool(stated.get("url")) and (folder / Path(urlparse(str(stated["url"])).path).name).is_file()
