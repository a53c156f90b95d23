"""A run's model: its cells, what it makes of them, and which cells a person means."""

import json

import numpy as np
import pytest
import torch

from cytobench.errors import CytoBenchError
from cytobench.loading import cohorts_of, load_model
from cytobench.method import CellBatch
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.pictures import PALETTE, colours, composites, grid, legend, single_channel, write_picture
from cytobench.runner import run

QUICK = ("training.steps=2", "training.batch_size=8")
UNTRAINED = ("intensity", "batch")


@pytest.fixture(scope="module")
def made(tiny_store, tmp_path_factory):
    """``made(method, *options)``: a run on the tiny store, of two steps where there is something to train."""
    runs, cached = tmp_path_factory.mktemp("runs"), {}

    def make(method, *options):
        key = (method, *options)
        if key not in cached:
            quick = () if method in UNTRAINED else QUICK
            cached[key] = run(method, str(tiny_store.path), options=(*quick, *options), runs=runs)
        return cached[key]

    return make


@pytest.fixture(scope="module")
def vae(made):
    return load_model(made("vae").path)


@pytest.fixture(scope="module")
def cohorts(tiny_store) -> Cohorts:
    return cohorts_of(tiny_store)


@pytest.fixture(scope="module")
def conditional(made):
    return load_model(made("began", "condition=treatment").path)


class TestModel:
    """Images in [0, 1], whatever the part that they were computed in."""

    def test_it_is_the_run_that_was_trained(self, made, vae):
        weights = vae.method.state_dict()
        fresh = load_model(made("vae").path.parents[1] / made("vae").record.twin_folder.split("/", 1)[1])
        assert vae.name == "vae" and fresh.name == "vae (untrained)"
        assert vae.title.startswith("SIMULATED data: vae (small")
        assert any(not torch.equal(weights[name], value) for name, value in fresh.method.state_dict().items())

    def test_real_cells_are_as_the_method_sees_them(self, vae):
        images = vae.real(np.array([5, 0]))
        assert images.shape == (2, 3, 64, 64) and vae.seen == "luminance, 64 px"
        assert np.allclose(images.max(axis=(2, 3)), 1)
        assert np.array_equal(images[1], vae.real(np.array([0]))[0])
        assert vae.real(np.array([], int)).shape == (0, 3, 64, 64)

    def test_noise_is_repeated_by_its_seed_and_begins_alike_whatever_its_length(self, vae):
        before = torch.random.get_rng_state()
        points = vae.noise(70, 3)
        assert points.shape == (70, 100)
        assert np.array_equal(points[:5], vae.noise(5, 3)) and not np.array_equal(points[:5], vae.noise(5, 4))
        assert torch.equal(before, torch.random.get_rng_state())

    def test_what_it_makes_does_not_depend_on_the_part(self, vae):
        z = vae.noise(130, 0)
        images = vae.generate(z)
        assert images.shape == (130, 3, 64, 64) and images.min() >= 0 and images.max() <= 1
        assert np.allclose(images[100:], vae.generate(z[100:]), atol=1e-5)

    def test_codes_are_decoded_and_are_the_embedding_of_an_autoencoder(self, vae):
        rows = np.arange(66)
        codes = vae.encode(rows)
        assert np.allclose(codes, vae.embed(vae.real(rows)), atol=1e-5)
        assert vae.decode(codes).shape == (66, 3, 64, 64)

    def test_a_conditional_model_is_told_what_the_cells_were_treated_with(self, conditional):
        z = np.repeat(conditional.noise(1, 0), 2, axis=0)
        first = cohorts_of(conditional.store)
        treatments = list(first.treatments.values())
        images = conditional.generate(z, np.array([treatments[0][0], treatments[9][0]]))
        assert conditional.conditions and not np.allclose(images[0], images[1])
        assert conditional.decode(conditional.encode(np.arange(2)), np.arange(2)).shape == (2, 3, 64, 64)
        with pytest.raises(CytoBenchError, match="began is told of treatments; say for each of the 2 cells which cell's"):
            conditional.generate(z)

    def test_what_a_method_cannot_do_is_said(self, made):
        autoencoder, gan = load_model(made("ae").path), load_model(made("lsgan").path)
        with pytest.raises(CytoBenchError, match="ae generates no cells; take a run of a generative method"):
            autoencoder.noise(1, 0)
        with pytest.raises(CytoBenchError, match="lsgan cannot encode and decode cells"):
            gan.encode(np.arange(2))


class TestLoading:
    """A run is found with its own cells, or it is said why not."""

    def test_masks_reach_a_method_that_wants_them(self, made, tiny_store):
        model = load_model(made("intensity").path)
        seen = []
        model.method.embed = lambda cells: seen.append(cells) or torch.zeros(len(cells), 1)  # type: ignore[method-assign]
        model.embed(model.real(np.arange(3)), tiny_store.masks(np.arange(3)))
        assert isinstance(seen[0], CellBatch) and seen[0].masks.shape == (3, 64, 64)

    def test_no_run(self, tmp_path):
        with pytest.raises(CytoBenchError, match="no run's folder"):
            load_model(str(tmp_path / "nothing"))

    def test_a_run_of_wells(self, made):
        with pytest.raises(CytoBenchError, match="batch sees no images; take a run of a method that does"):
            load_model(made("batch").path)

    def test_other_cells_than_it_was_made_of(self, made, tmp_path):
        lying = tmp_path / "run"
        lying.mkdir()
        for file in ("weights.safetensors", "run.json"):
            (lying / file).write_bytes((made("vae").path / file).read_bytes())
        record = json.loads((lying / "run.json").read_text())
        (lying / "run.json").write_text(json.dumps({**record, "dataset_identity": "0" * 64}))
        with pytest.raises(CytoBenchError, match="was made of other cells than tiny holds now; name its cells with --dataset"):
            load_model(lying)
        assert load_model(lying, dataset=record["command"].split("--dataset ")[1].split()[0]).name == "vae"

    def test_a_changed_weight_is_noticed(self, made, tmp_path):
        damaged = tmp_path / "run"
        damaged.mkdir()
        (damaged / "run.json").write_bytes((made("vae").path / "run.json").read_bytes())
        (damaged / "weights.safetensors").write_bytes((made("vae").path / "weights.safetensors").read_bytes()[:-1])
        with pytest.raises(CytoBenchError, match="not as it was written"):
            load_model(damaged)


class TestCohorts:
    """Names for cells."""

    def test_each_cell_is_in_one_treatment_or_a_control(self, cohorts, tiny_store):
        rows = np.concatenate([*cohorts.treatments.values(), cohorts.controls])
        assert np.array_equal(np.sort(rows), np.arange(len(tiny_store)))
        for name, members in cohorts.treatments.items():
            there = tiny_store.cells.iloc[members]
            assert {f"{row.compound}@{row.concentration:.6g}" for row in there.itertuples()} == {name}

    def test_a_compound_and_a_mechanism_are_all_of_their_treatments(self, cohorts):
        compound, treatments = next((name, names) for name, names in cohorts.compounds.items() if len(names) > 1)
        assert np.array_equal(cohorts.rows(compound), np.sort(np.concatenate([cohorts.treatments[one] for one in treatments])))
        doses = [float(name.rpartition("@")[2]) for name in treatments]
        assert doses == sorted(doses)
        moa, members = next(iter(cohorts.moas.items()))
        assert set(cohorts.rows(moa)) == {row for one in members for row in cohorts.treatments[one]}
        assert {cohorts.moa_of(one) for one in members} == {moa}

    def test_names_are_taken_in_either_case_and_doses_as_numbers(self, cohorts):
        name = next(iter(cohorts.treatments))
        compound, _, dose = name.rpartition("@")
        assert np.array_equal(cohorts.rows(f" {compound.upper()} @ {float(dose):.3f}"), cohorts.treatments[name])
        assert np.array_equal(cohorts.rows("dmso"), cohorts.controls)
        assert cohorts.rows("row:7").tolist() == [7]

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("DMS0", "tiny has no cells called 'DMS0'; did you mean 'DMSO'"),
            ("row:192", "tiny has 192 cells, row:0 to row:191"),
            ("", "tiny has no cells called ''"),
            ("a@b@c", "tiny has no cells called 'a@b@c'"),
            ("DMSO'", "halves of cells, which the ' names, exist in 'cytobench algebra' only"),
        ],
    )
    def test_what_is_not_there_is_named(self, cohorts, name, sentence):
        with pytest.raises(CytoBenchError, match=sentence):
            cohorts.rows(name)

    def test_a_dose_that_is_not_there_names_those_that_are(self, cohorts):
        compound, treatments = next((name, names) for name, names in cohorts.compounds.items() if len(names) > 1)
        with pytest.raises(CytoBenchError, match=f"; its doses are {', '.join(treatments)}$"):
            cohorts.rows(f"{compound.upper()}@0.12345")


class TestPictures:
    """Colours by the stain, whatever the order of channels."""

    def test_each_stain_has_its_colour(self):
        assert colours(("DAPI", "Actin", "Tubulin")) == [PALETTE["dna"], PALETTE["actin"], PALETTE["tubulin"]]
        assert legend(("b-tubulin", "Hoechst")) == "b-tubulin green, Hoechst blue"
        assert colours(("d0", "d1", "d2", "d3"))[3] == (0.6, 0.6, 0.6)
        assert len(set(colours(("mito", "DNA", "er")))) == 3

    def test_a_composite_adds_the_channels(self):
        images = np.zeros((1, 3, 2, 2))
        images[0, 0, 0, 0] = images[0, 2, 1, 1] = 1
        picture = composites(images, ("DNA", "Tubulin", "Actin"))[0]
        assert picture[0, 0].tolist() == [0, 0, 255] and picture[1, 1].tolist() == [255, 0, 0]
        assert picture[0, 1].tolist() == [0, 0, 0]
        assert single_channel(images, 2)[0, 1, 1].tolist() == [255, 255, 255]

    def test_a_grid_keeps_its_order_and_is_written(self, tmp_path):
        pictures = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((3, 4, 4, 3), np.uint8)
        sheet = grid(pictures, 2, zoom=2)
        assert sheet.shape == (18, 18, 3)
        assert (sheet[0, 0, 0], sheet[0, 10, 0], sheet[10, 0, 0], sheet[10, 10, 0], sheet[0, 8, 0]) == (0, 1, 2, 255, 255)
        write_picture(sheet, tmp_path / "deep" / "sheet.png")
        assert [file.name for file in (tmp_path / "deep").iterdir()] == ["sheet.png"]
