"""A shared checkpoint is whole, is what it says, and holds nothing that could run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from safetensors import SafetensorError, safe_open

from cytobench.card import MethodCard
from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.results.record import RunRecord
from cytobench.results.schema import Scores
from cytobench.schema import load_json, read_yaml, validate
from cytobench.sharing.manifest import CARD, RECIPE, RUN, SCORES, WEIGHTS, CheckpointManifest, read_manifest
from cytobench.training.recipe import Recipe, read_recipes

MAX_BRACKETS = 200
"""Of an exported YAML file, which brackets nothing but what is empty; the time to read nested ones grows with their square."""


def verify(folder: Path) -> tuple[CheckpointManifest, RunRecord]:
    """Check all of a shared checkpoint; files that its manifest does not name are not looked at.

    Raises:
        CytoBenchError: naming the first file that is missing, damaged, no such file, or at odds with the others.
    """
    manifest = read_manifest(folder)
    for name, file in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise CytoBenchError(f"{path}: missing; take the whole folder from its source again")
        if path.stat().st_size != file.bytes or sha256(path) != file.sha256:
            raise CytoBenchError(f"{path}: not the file that its checkpoint.json names; get it from its source again")
    _refuse_other_than_safetensors(folder / WEIGHTS)
    record = _read_run(folder, manifest)
    _refuse_other_card(folder / CARD, record)
    _refuse_other_recipe(folder / RECIPE, record)
    _refuse_other_scores(folder / SCORES, record, manifest)
    return manifest, record


def _refuse_other_than_safetensors(path: Path) -> None:
    try:
        with safe_open(str(path), framework="numpy") as weights:
            if not list(weights.keys()):
                raise CytoBenchError(f"{path}: holds no weights")
    except SafetensorError as error:
        raise CytoBenchError(f"{path}: not a whole safetensors file ({error}); do not trust where it came from") from None


def _read_run(folder: Path, manifest: CheckpointManifest) -> RunRecord:
    path = folder / RUN
    with _reading(path):
        record = load_json(RunRecord, path)
    if record.method != manifest.method:
        raise CytoBenchError(f"{path}: a run of {record.method}, but checkpoint.json says {manifest.method}")
    if record.untrained or record.supplied or record.weights_sha256 != manifest.weights_sha256:
        raise CytoBenchError(f"{path}: the run of other weights than {WEIGHTS}")
    return record


def _refuse_other_card(path: Path, record: RunRecord) -> None:
    with _reading(path):
        _refuse_what_unfolds(path)
        card = validate(MethodCard, read_yaml(path), str(path))
    if card != record.card or card.name != record.method:
        raise CytoBenchError(f"{path}: another card than that of run.json")


def _refuse_other_recipe(path: Path, record: RunRecord) -> None:
    with _reading(path):
        _refuse_what_unfolds(path)
        recipes = read_recipes(path)
        theirs = validate(Recipe, record.recipe, f"{path.with_name(RUN)}, recipe")
    if recipes != {record.recipe_name or "default": theirs}:
        raise CytoBenchError(f"{path}: another recipe than that of run.json")


def _refuse_other_scores(path: Path, record: RunRecord, manifest: CheckpointManifest) -> None:
    """Scores are there where the run is finished, and are those that it recorded."""
    scored = record.stages["score"].outputs.get(SCORES) if record.status == "finished" and "score" in record.stages else None
    shared = manifest.files[SCORES].sha256 if SCORES in manifest.files else None
    if scored != shared:
        raise CytoBenchError(f"{path}: {'missing' if shared is None else 'not the scores of run.json'}")
    if shared is not None:
        with _reading(path):
            scores = load_json(Scores, path)
        if scores.benchmark != record.benchmark:
            raise CytoBenchError(f"{path}: scores under {scores.benchmark}, but run.json says {record.benchmark}")


def _refuse_what_unfolds(path: Path) -> None:
    """Refuse YAML that refers to itself, or nests without end: to read it takes more memory or time than there is."""
    text = path.read_text(encoding="utf-8")
    if text.count("[") + text.count("{") > MAX_BRACKETS:
        raise CytoBenchError(f"{path}: nested deeper than any exported file")
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
        raise CytoBenchError(f"{path}: refers to itself (a YAML alias), which no exported file does")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what a reader trips over into a sentence: a stranger's file may hold anything."""
    try:
        yield
    except (ValueError, TypeError, RecursionError, OverflowError, yaml.YAMLError) as error:
        raise CytoBenchError(f"{path}: cannot be read ({type(error).__name__}); get it from its source again") from None
