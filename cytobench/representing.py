"""Turn a plan's cells or wells into profiles, alone or as one of several processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from lightning_fabric import Fabric

from cytobench.datasets.batches import BatchReader
from cytobench.datasets.profiles import PREFIX, metadata_columns, well_metadata
from cytobench.datasets.store import CellStore
from cytobench.embedding.checks import checked, feature_names
from cytobench.embedding.embed import embed, embed_share
from cytobench.errors import CytoBenchError, blaming
from cytobench.files import replacing
from cytobench.method import Method, NetworkMethod, ProfileMethod, TrainableMethod
from cytobench.plan import Plan
from cytobench.progress import note
from cytobench.results.runs import Run
from cytobench.results.training_figures import draw_grid
from cytobench.training.checkpoint import WEIGHTS, load_weights
from cytobench.training.launch import alone, is_first_process, make_fabric

EMBEDDINGS, PROFILES = "embeddings.npy", "profiles.parquet"
"""What this stage writes into a run's folder; a method that describes wells writes no embeddings."""

CELLS_PICTURE, SHOWN, COLUMNS = "figures/cells.png", 24, 12
"""Some cells as the method sees them."""

SHOWN_FULL = 0.997
"""The quantile of a channel's pixels that is shown full."""


def join_embedding(plan: Plan, runs: Path) -> Fabric | None:
    """This process among those that embed together; None where it is alone, or nothing is left to embed."""
    if alone() or plan.entry.card.input != "images":
        return None
    fabric = make_fabric(plan.device)
    left = is_first_process() and "embed" not in Run.at(runs, plan.record()).reusable_stages()
    return fabric if fabric.broadcast(left) else None


def represent(plan: Plan, folder: Path, fabric: Fabric | None, progress: bool) -> None:
    """Leave ``PROFILES``, and of a method that embeds cells ``EMBEDDINGS``, in a run's folder.

    Args:
        plan: trained, where there is something to train.
        folder: the run's.
        fabric: this process, the first, among those that embed together.
        progress: show a progress bar on stderr.
    """
    profiles = _embed(plan, folder, fabric, progress) if plan.entry.card.input == "images" else _describe(plan)
    write_profiles(profiles, folder, simulated=plan.data.simulated)


def represent_share(plan: Plan, folder: Path, fabric: Fabric) -> None:
    """Embed this process's share of the cells, where another process calls :func:`represent`."""
    assert isinstance(plan.data, CellStore)  # make_plan has checked it
    embed_share(ready(plan, folder, fabric), plan.data, folder / EMBEDDINGS, plan.keys.embed, fabric)


def write_profiles(profiles: pd.DataFrame, folder: Path, *, simulated: bool) -> None:
    """Write a profile table as ``PROFILES`` into a run's folder; what is simulated says so wherever it goes."""
    profiles = profiles.assign(**{f"{PREFIX}Simulated": True}) if simulated else profiles
    with replacing(folder / PROFILES) as temporary:
        profiles.to_parquet(temporary, index=False)


def _embed(plan: Plan, folder: Path, fabric: Fabric | None, progress: bool) -> pd.DataFrame:
    assert isinstance(plan.data, CellStore)  # make_plan has checked it
    if plan.segments:
        note(f"{plan.data.name} has no masks, so every crop is segmented; look at {folder / CELLS_PICTURE}")
    _draw_cells(plan, folder / CELLS_PICTURE)
    method = ready(plan, folder, fabric)
    embeddings = embed(method, plan.data, path=folder / EMBEDDINGS, resume=plan.keys.embed, fabric=fabric, progress=progress)
    return embeddings.wells()


def _draw_cells(plan: Plan, path: Path) -> None:
    """Draw some cells as the method sees them, with outlines where it sees masks."""
    assert isinstance(plan.data, CellStore)  # make_plan has checked it
    chosen = np.random.default_rng(0).permutation(len(plan.data))[:SHOWN]
    seen = BatchReader(plan.data, plan.recipe.input).read(chosen)
    images = seen.images.numpy()
    full = np.quantile(images, SHOWN_FULL, axis=(0, 2, 3), keepdims=True)  # dim cells, scaled by the bit depth, would look black
    masks = None if seen.masks is None else seen.masks.numpy()
    draw_grid(np.clip(images / np.maximum(full, np.finfo(np.float32).tiny), 0, 1), path, COLUMNS, masks)


def _describe(plan: Plan) -> pd.DataFrame:
    """Describe wells, not cells: the method sees the plate map without compounds."""
    method = plan.make_method()
    if not isinstance(method, ProfileMethod):
        raise CytoBenchError(
            f"{plan.entry.card.name}: its card says input: {plan.entry.card.input}, but its class is no ProfileMethod"
        )
    wells = plan.data.wells()
    with blaming(f"{plan.entry.card.name}.profile"):
        vectors = checked(method.profile(well_metadata(wells)), len(wells), method)
    names = feature_names(method.feature_names, vectors.shape[1], plan.entry.card.name)
    features = pd.DataFrame(vectors, columns=list(names), index=wells.index)
    return pd.concat([wells[metadata_columns(wells)], features], axis=1)


def ready(plan: Plan, folder: Path, fabric: Fabric | None = None) -> Method:
    """The method with its weights, on this process's device."""
    if fabric is not None:
        fabric.barrier()  # for the first process to have written the weights
    method = plan.make_method()
    if plan.trains and isinstance(method, TrainableMethod):
        load_weights(method, folder / WEIGHTS)
    return method.to(fabric.device) if fabric is not None and isinstance(method, NetworkMethod) else method
