"""What a representation draws from each channel, and from the agreement of channels."""

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import screen_cells
from PIL import Image

from cytobench import registry
from cytobench.datasets.store import CellStore
from cytobench.datasets.store_writer import CellStoreWriter
from cytobench.errors import CytoBenchError
from cytobench.method import Method
from cytobench.phenotypes.channels import cells as exchange
from cytobench.phenotypes.channels.benchmark import headline_of
from cytobench.phenotypes.channels.cells import derangement, scored_cells
from cytobench.phenotypes.channels.movement import FeatureScale, cosine_distances, mean_cosine_distance
from cytobench.phenotypes.channels.versions import versions_of
from cytobench.phenotypes.model import Model
from cytobench.results.measures import Measure
from cytobench.training.recipe import Recipe
from cytobench_methods.random.method import Random

CHANNELS = ("DNA", "Tubulin", "Actin")

SIGNS = {"Actin disruptors": (1, 1, 0), "Aurora kinase inhibitors": (1, -1, 0), "Cholesterol-lowering": (1, 0, 1)}
"""Which channels of a cell go together (1), against one another (-1), or their own way (0)."""


class Means(Method):
    """The mean of each channel: adds up what each channel gives."""

    def embed(self, cells):
        return cells.images.mean((2, 3))


class Products(Means):
    """The products of channel means: all that they say is agreement, once the means are the same."""

    def embed(self, cells):
        means = super().embed(cells) - 0.5
        return torch.stack([means[:, 0] * means[:, 1], means[:, 0] * means[:, 2], means[:, 1] * means[:, 2]], dim=1)


class FirstOnly(Method):
    """Four numbers of the first channel; the others are never looked at."""

    def embed(self, cells):
        return cells.images[:, 0, ::4, ::4].flatten(1)[:, :4]


class NoBlank(Means):
    """Divides by each channel's mean, which a blank channel does not have."""

    def embed(self, cells):
        means = super().embed(cells)
        return torch.cat([means, cells.images.std((2, 3)) / means], dim=1)


class NoBlankDeclared(NoBlank):
    nan_features = True


class InMask(Method):
    """The mean of each channel within the mask of the cell."""

    def embed(self, cells):
        inside = (cells.masks > 0).float()[:, None]
        return (cells.images * inside).sum((2, 3)) / inside.sum((2, 3)).clamp(min=1)


class MaskOnly(Method):
    """How much of the crop each part of the mask covers: no channel is looked at."""

    def embed(self, cells):
        return torch.stack([(cells.masks == part).float().mean((1, 2)) for part in (1, 2)], dim=1)


def model_of(method, store, *, masks=False, scaling="range"):
    recipe = Recipe(input={"scaling": scaling, "masks": masks})
    size = store.manifest.shape[-1]
    return Model("fake", "SIMULATED data: fake", method(recipe, store.channels, size, 0), recipe, store, 0)


def written(folder, images, table):
    facts = {"simulated": True, "all_cells_counted": True, "provenance": {"source": "squares of the test suite"}}
    with CellStoreWriter(folder, name="squares", channels=CHANNELS, **facts) as writer:
        writer.append(images.astype(np.uint16), table)
    return CellStore(folder)


@pytest.fixture(scope="module")
def moa():
    return headline_of("bbbc021-moa/1")


@pytest.fixture(scope="module")
def agreeing(tmp_path_factory, moa):
    """Cells whose channels are bright or dim half the time whatever the treatment; an MOA shows in which go together only."""
    table = screen_cells(treatments=20, cells=10)
    generator = np.random.default_rng(1)
    first = np.tile([-1, 1], len(table) // 2)
    bright = generator.choice([-1, 1], (len(table), 3))
    for row, (compound, concentration) in enumerate(zip(table["compound"], table["concentration"], strict=True)):
        treatment = moa.treatments.get(f"{compound}@{concentration:g}")
        signs = SIGNS[treatment.moa] if treatment else (1, 0, 0)
        bright[row] = [sign * first[row] if sign else drawn for sign, drawn in zip(signs, bright[row], strict=True)]
    levels = 32768 + 16384 * bright + generator.normal(0, 1500, bright.shape)
    images = np.broadcast_to(levels[:, :, None, None], (*levels.shape, 8, 8))
    return written(tmp_path_factory.mktemp("stores") / "agreeing", images, table)


@pytest.fixture(scope="module")
def measured(agreeing, tmp_path_factory):
    """``measured(method)``: what the benchmark says of a fake method on the agreeing cells, measured once."""
    known = {}

    def measure(method, store=agreeing, **seen):
        key = (method, store.path)
        if key not in known:
            folder = tmp_path_factory.mktemp("figures")
            known[key] = registry.benchmark("bbbc021-channels").measure(model_of(method, store, **seen), folder), folder
        return known[key]

    return measure


def values(line):
    return {name: measure.value for name, measure in line.measures.items()}


def part(measures, name):
    return next(line for line in measures.parts if line.name == name).measures


class TestExchange:
    """Who gives whom a channel."""

    @pytest.mark.parametrize("groups", [[0, 0, 0, 0], [2, 0, 2, 1, 0, 2], [0, 1, 2], list(range(5)) * 3 + [7]])
    def test_all_that_can_be_exchanged_are_and_within_their_group(self, groups):
        groups = np.array(groups)
        moved = derangement(groups, np.random.default_rng(3))
        alone = np.bincount(groups)[groups] == 1
        assert np.array_equal(np.sort(moved), np.arange(len(groups)))
        assert np.array_equal(groups[moved], groups)
        assert np.array_equal(moved == np.arange(len(groups)), alone)

    def test_it_is_repeated_by_its_seed_alone(self):
        groups = np.repeat(np.arange(10), 6)
        first, again, other = (derangement(groups, np.random.default_rng(seed)) for seed in (0, 0, 1))
        assert np.array_equal(first, again) and not np.array_equal(first, other)

    def test_partners_share_the_well_and_dealt_cells_the_treatment(self, tiny_store, moa):
        cells = scored_cells(tiny_store, moa, 30, 0)
        treatment = cells.table["compound"] + "@" + cells.table["concentration"].astype(str)
        assert len(cells.rows) == 192 and cells.swapped.all()
        assert np.array_equal(cells.wells[cells.partners], cells.wells)
        assert np.array_equal(treatment[cells.dealt], treatment)
        assert (cells.wells[cells.dealt] != cells.wells).any()

    def test_only_wells_that_count_are_embedded_and_a_cell_alone_keeps_its_own(self, tmp_path, moa):
        table = screen_cells(treatments=4, cells=2).iloc[1:]  # the first well keeps one cell
        other = pd.DataFrame({"plate": "Week1_1", "well": ["H01"] * 3, "compound": "aspirin", "concentration": 1.0})
        uncounted = other.assign(well="H02", compound="taxol", concentration=0.3)  # D05 of three plates counts, and not H02
        table = pd.concat([other, table, uncounted], ignore_index=True)
        store = written(tmp_path / "store", np.ones((len(table), 3, 8, 8)), table)
        cells = scored_cells(store, moa, 30, 0)
        assert set(cells.table["compound"]).isdisjoint({"aspirin", "taxol"}) and len(cells.rows) == len(table) - 6
        assert (~cells.swapped).sum() == 1
        assert cells.table["well"][~cells.swapped].item() == table["well"][3]

    def test_a_well_gives_no_more_cells_than_the_protocol_says_and_is_never_torn(self, agreeing, moa, monkeypatch):
        monkeypatch.setattr(exchange, "CHUNK", 100)
        cells, again = (scored_cells(agreeing, moa, 7, 5) for _ in range(2))
        chunks = list(cells.chunks())
        assert (np.bincount(cells.wells) == 7).all() and np.array_equal(cells.rows, again.rows)
        assert len(chunks) > 1 and chunks[0].start == 0 and chunks[-1].stop == len(cells.rows)
        assert all(before.stop == after.start for before, after in zip(chunks, chunks[1:], strict=False))
        assert all(cells.wells[chunk.start - 1] != cells.wells[chunk.start] for chunk in chunks[1:])


class TestVersions:
    """What each version shows."""

    def test_a_version_changes_its_channel_and_no_other(self):
        images, partners = np.full((2, 3, 4, 4), 0.5, np.float32), np.full((2, 3, 4, 4), 0.9, np.float32)
        made = {
            version.name: version.of(images, partners)[0, :, 0, 0].tolist() for version in versions_of(("Actin", "DAPI", "x"))
        }
        assert list(made)[:3] == ["DNA blanked", "actin blanked", "x blanked"] and len(made) == 9
        assert made["DNA blanked"] == [0.5, 0, 0.5] and made["actin only"] == [0.5, 0, 0]
        assert np.allclose(made["DNA swapped"], [0.5, 0.9, 0.5])
        assert (images == 0.5).all()

    def test_channels_of_one_stain_go_by_their_own_names(self):
        names = [version.name for version in versions_of(("DNA early", "DNA late", "Tubulin"))]
        assert names[:3] == ["tubulin blanked", "DNA early blanked", "DNA late blanked"]

    def test_one_channel_has_no_relations(self):
        with pytest.raises(CytoBenchError, match=r"one channel \(DNA\)"):
            versions_of(("DNA",))


class TestMovement:
    """Distances without labels."""

    def test_distances_are_cosine_and_exactly_zero_where_nothing_moved(self):
        vectors = np.random.default_rng(0).normal(size=(30, 5))
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        pairs = (1 - unit @ unit.T)[~np.eye(30, dtype=bool)]
        assert (cosine_distances(vectors, 2 * vectors) < 1e-15).all() and not cosine_distances(vectors, vectors).any()
        assert np.allclose(cosine_distances(vectors, -vectors), 2)
        assert mean_cosine_distance(vectors) == pytest.approx(pairs.mean())

    def test_units_of_features_do_not_matter_and_constant_ones_do_not_count(self):
        generator = np.random.default_rng(0)
        raw = np.column_stack([generator.normal(3, 1, 50), generator.normal(0, 1e4, 50), np.full(50, 7.0)])
        raw[4, 1] = np.nan
        scale = FeatureScale(raw, 1e-6)
        scaled = scale(raw)
        assert scale.kept.tolist() == [True, True, False]
        assert np.allclose(scaled, FeatureScale(raw * [5, 1e-3, 2], 1e-6)(raw * [5, 1e-3, 2]))
        assert np.allclose(scaled[:, 0].std(), 1) and scaled[4, 1] == 0


class TestBenchmark:
    """Fake methods of which it is known what they draw from channels."""

    def test_what_adds_channels_up_keeps_every_score_when_they_disagree(self, measured):
        measures, _ = measured(Means)
        found = values(measures.result)
        assert found["lost"] == 0 and found["interaction"] < 1e-6
        assert all(part(measures, f"{name} swapped")["nsc"].value == found["nsc"] for name in ("DNA", "tubulin", "actin"))
        assert min(found["moved_dna"], found["moved_tubulin"], found["moved_actin"]) > 0.1
        assert any("adds up what each channel gives" in said for said in measures.warnings)

    def test_what_looks_at_agreement_loses_it(self, measured):
        measures, _ = measured(Products)
        result = measures.result.measures
        assert result["nsc"].value == 17 / 20  # the other three are of the one compound of their MOA, and cannot be right
        lost = [part(measures, f"{name} swapped")["lost"] for name in ("DNA", "tubulin", "actin")]
        assert result["lost"].low > 0 and result["interaction"].value > 0.1
        assert result["lost"].value == Measure(value=np.mean([one.value for one in lost])).value
        assert min(lost[0].low, lost[1].low) > 0  # the two whose agreement tells those seventeen apart
        assert part(measures, "DNA swapped")["nsc"].value < 0.6 < part(measures, "whole cells dealt anew")["nsc"].value
        assert not any("adds up" in said or "agreement at this size" in said for said in measures.warnings)

    def test_what_ignores_channels_is_not_moved_by_them(self, measured):
        measures, _ = measured(FirstOnly)
        found = values(measures.result)
        ignored = [found[f"{name}_{stain}"] for name in ("moved", "without") for stain in ("tubulin", "actin")]
        blanked = [part(measures, f"{stain} blanked")["moved"].value for stain in ("tubulin", "actin")]
        assert ignored == [0, 0, 0, 0] and blanked == [0, 0]
        assert part(measures, "DNA only")["moved"].value == 0 and found["moved_dna"] > 0.5

    def test_a_vector_drawn_anew_for_every_picture_has_an_interaction_of_one(self, measured):
        measures, _ = measured(Random)
        found = values(measures.result)
        assert found["interaction"] == pytest.approx(1, abs=0.03)
        assert found["moved"] == pytest.approx(1, abs=0.03)

    def test_a_mask_stays_that_of_the_cell(self, tiny_store, measured):
        measures, _ = measured(InMask, tiny_store, masks=True)
        assert values(measures.result)["interaction"] < 1e-6
        assert values(measures.result)["moved_dna"] > 0.05

    def test_no_version_has_another_mask(self, tiny_store, measured):
        measures, _ = measured(MaskOnly, tiny_store, masks=True)
        assert [line.measures["moved"].value for line in measures.parts[:-1]] == [0] * 9
        assert measures.parts[-1].measures["moved"].value > 0.1

    def test_a_method_that_cannot_embed_a_blank_channel_keeps_the_rest(self, measured):
        measures, folder = measured(NoBlank)
        found = measures.result.measures
        assert found["without_dna"].value is None and "NoBlank returned nan" in found["without_dna"].reason
        assert part(measures, "tubulin only")["nsc"].value is None
        assert found["nsc"].value is not None and found["lost"].value is not None and found["interaction"].value < 1e-6
        assert any(said.startswith("DNA blanked is not available: ") for said in measures.warnings)
        assert (folder / "channels.png").is_file()

    def test_features_declared_to_be_missing_are_imputed(self, measured):
        measures, _ = measured(NoBlankDeclared)
        assert all(measure.value is not None for measure in measures.result.measures.values())

    def test_a_method_that_says_nothing_has_no_distances(self, tiny_store, tmp_path):
        class Nothing(Means):
            def embed(self, cells):
                return torch.ones((len(cells), 2))

        measures = registry.benchmark("bbbc021-channels").measure(model_of(Nothing, tiny_store), tmp_path)
        assert measures.result.measures["moved"].value is None
        assert "no feature varies" in measures.result.measures["interaction"].reason

    def test_without_controls_what_needs_no_score_is_still_said(self, tmp_path):
        table = screen_cells(treatments=8, cells=2)
        table = table[table["compound"] != "DMSO"].reset_index(drop=True)
        images = np.random.default_rng(0).integers(1, 9999, (len(table), 3, 8, 8))
        model = model_of(Products, written(tmp_path / "store", images, table))
        measures = registry.benchmark("bbbc021-channels").measure(model, tmp_path)
        found = measures.result.measures
        assert found["nsc"].value is None and found["lost"].value is None and "control" in found["lost"].reason
        assert found["moved"].value > 0 and found["interaction"].value > 0 and (tmp_path / "channels.png").is_file()

    def test_cells_that_are_all_alone_swap_nothing(self, tmp_path):
        table = screen_cells(treatments=8, cells=1)
        images = np.random.default_rng(0).integers(1, 9999, (len(table), 3, 8, 8))
        model = model_of(Products, written(tmp_path / "store", images, table))
        measures = registry.benchmark("bbbc021-channels").measure(model, tmp_path)
        found = measures.result.measures
        assert found["nsc"].value is not None and found["without_dna"].value is not None
        assert {found[name].value for name in ("lost", "moved", "interaction", "moved_dna")} == {None}
        assert "alone in its well" in found["lost"].reason and "alone in its well" in found["interaction"].reason

    def test_it_is_repeated_and_no_chunk_decides(self, agreeing, measured, tmp_path, monkeypatch):
        measures, _ = measured(Products)
        monkeypatch.setattr(exchange, "CHUNK", 300)
        assert registry.benchmark("bbbc021-channels/1").measure(model_of(Products, agreeing), tmp_path) == measures

    def test_every_line_has_columns_that_are_declared_and_the_board_stays_readable(self, measured):
        measures, _ = measured(Means)
        names = [column.name for column in measures.columns]
        assert set(measures.result.measures) == set(names) and len(names) == len(set(names)) == 10
        assert all(set(line.measures) == {"nsc", "lost", "moved"} for line in measures.parts)
        assert [line.role for line in measures.parts] == ["part"] * 9 + ["control"]
        assert "640 cells of 64 wells" in measures.under and "fake" in str(measures)

    def test_the_picture_is_drawn(self, measured):
        _, folder = measured(Products)
        with Image.open(folder / "channels.png") as picture:
            assert picture.width > 1200 and len(picture.convert("RGB").getcolors(picture.width * picture.height)) > 100

    def test_what_cannot_be_measured_is_refused_before_training(self, agreeing, tmp_path):
        channels = registry.benchmark("bbbc021-channels")
        channels.check(agreeing, CHANNELS, 8)
        with pytest.raises(CytoBenchError, match="one channel"):
            channels.check(agreeing, CHANNELS[:1], 8)
        other = screen_cells(treatments=2, cells=2).assign(compound="aspirin")
        with pytest.raises(CytoBenchError, match="is it another screen"):
            channels.check(written(tmp_path / "store", np.ones((len(other), 3, 8, 8)), other), CHANNELS, 8)

    def test_it_has_no_variants(self):
        kind = type(registry.benchmark("bbbc021-channels"))
        with pytest.raises(CytoBenchError, match="no variants; leave out 'fast'"):
            kind("fast")
        assert kind(None).identity == "bbbc021-channels/1"
