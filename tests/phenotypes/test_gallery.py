"""Galleries: what is beside what, and files that other programs read."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from click.testing import CliRunner
from PIL import Image

from cytobench.cli import group
from cytobench.datasets.conditions import Conditions
from cytobench.errors import CytoBenchError
from cytobench.method import GenerativeMethod, Method
from cytobench.phenotypes import pictures
from cytobench.phenotypes.cohorts import Cohorts
from cytobench.phenotypes.gallery import figures
from cytobench.phenotypes.gallery.figures import channel_sheet, composite_sheet, together_sheet
from cytobench.phenotypes.gallery.files import write_galleries
from cytobench.phenotypes.gallery.gallery import gallery
from cytobench.phenotypes.gallery.text import gallery_text
from cytobench.phenotypes.gallery.told import told_text
from cytobench.phenotypes.model import Model
from cytobench.phenotypes.sheets import FRAME, Panel, sheet
from cytobench.training.recipe import Recipe


class Plain(Method, GenerativeMethod):
    """Images of one brightness: that of the noise, plus what it is told of the concentration."""

    def embed(self, cells):
        return cells.images.mean(dim=(2, 3))

    def noise(self, n):
        return torch.randn(n, 4)

    def generate(self, z, condition=None):
        self.check_condition(condition)
        level = z[:, :1].sigmoid() / 2 + (0 if condition is None else condition[:, :1] / 2)
        return level[:, :, None, None].expand(len(z), len(self.channels), self.size, self.size)


class Weighted(Plain, torch.nn.Module):
    """One with a weight."""

    def __init__(self, *words):
        torch.nn.Module.__init__(self)
        Method.__init__(self, *words)
        self.weight = torch.nn.Parameter(torch.zeros(1))


def model_of(store, condition=None, name="plain", crop=64):
    recipe = Recipe.model_validate({"condition": condition, "input": {"crop_size": crop}})
    names = Conditions(store, recipe.condition).names
    return Model(name, f"SIMULATED data: {name} on tiny", Plain(recipe, store.channels, crop, 0, names), recipe, store, 0)


@pytest.fixture(scope="module")
def cohorts(tiny_store):
    return Cohorts(tiny_store, {})


@pytest.fixture(scope="module")
def made(tiny_store):
    return gallery(model_of(tiny_store), 9, 3)


def test_equal_seeds_give_equal_galleries(tiny_store, made):
    again, other = gallery(model_of(tiny_store), 9, 3), gallery(model_of(tiny_store), 9, 4)
    assert np.array_equal(made.generated, again.generated) and np.array_equal(made.rows, again.rows)
    assert not np.array_equal(made.generated, other.generated) and not np.array_equal(made.rows, other.rows)
    assert len(set(made.rows)) == 9


def test_the_first_cells_shown_are_a_random_sample_too(tiny_store):
    made = gallery(model_of(tiny_store), 60, 0)
    first = made.rows[:12]
    assert first.max() > len(tiny_store) / 2  # the lowest 12 of 60 of 192 rows end near 40
    row = drawn(pictures.composites(made.model.real(first), made.model.channels), 12, 2)
    assert np.array_equal(gallery(made.model, 12, 0).rows, first)
    assert contains(together_sheet([made, made]), row)
    assert made.cells is made.cells  # read once


def test_a_conditional_model_is_told_the_treatment_that_it_is_shown_beside(tiny_store, cohorts):
    model, names = model_of(tiny_store, "concentration"), list(cohorts.treatments)
    strongest = max(names, key=lambda name: float(name.rpartition("@")[2]))
    treated, control = (gallery(model, 40, 0, cohorts, name) for name in (strongest.upper(), "DMSO"))
    assert treated.treatment == strongest
    assert set(treated.rows) <= set(cohorts.treatments[strongest]) and len(treated.generated) == 40
    assert len(treated.rows) == len(cohorts.treatments[strongest]) < 40  # every such cell once
    told = (treated.generated - control.generated)[:, 0, 0, 0]
    expected = Conditions(tiny_store, "concentration").of(treated.rows[:1])[0, 0] / 2
    assert told == pytest.approx(np.full(40, expected), abs=1e-6) and expected > 0.1
    assert list(gallery(model, 5, 0, cohorts, "row:7").rows) == [7]


def test_an_unconditional_model_refuses_a_treatment(tiny_store, cohorts):
    with pytest.raises(CytoBenchError, match="plain is told no treatment; leave out --treatment DMSO"):
        gallery(model_of(tiny_store), 4, 0, cohorts, "DMSO")


def test_files_hold_the_same_cells_and_say_what_they_are(made, tmp_path):
    record = write_galleries([made], tmp_path)
    stem = record.galleries[0].files[0].removesuffix(".png")
    assert stem.startswith(f"{tmp_path}/generate-plain-")
    endings = [".png", "-channels.png", ".npz", "-generated.tif", "-simulated.tif"]
    assert record.galleries[0].files == tuple(f"{stem}{ending}" for ending in endings)
    arrays = np.load(f"{stem}.npz", allow_pickle=False)
    assert np.array_equal(arrays["generated"], made.generated) and np.array_equal(arrays["noise"], made.noise)
    assert np.array_equal(arrays["simulated"], made.model.real(arrays["simulated_rows"]))
    assert list(arrays["channels"]) == list(made.model.channels) and str(arrays["title"]).startswith("SIMULATED")
    assert str(arrays["scaling"]) == pictures.SCALING
    assert not [name for name in arrays.files if "real" in name]  # simulated cells are never called real
    assert record.together is None and record.galleries[0].kind == "simulated"


def test_imagej_finds_channels_cells_and_scaling_in_the_stack(made, tmp_path):
    with tifffile.TiffFile(write_galleries([made], tmp_path).galleries[0].files[-1]) as file:
        series, described = file.series[0], file.imagej_metadata
        assert (series.axes, series.shape) == ("ZCYX", (9, 3, 64, 64))
        assert np.array_equal(series.asarray(), made.cells) and series.dtype == np.float32
    assert described["channels"] == 3 and described["slices"] == 9 and described["mode"] == "composite"
    assert described["Labels"][:4] == [f"{name} row {made.rows[0]}" for name in made.model.channels] + [f"DNA row {made.rows[1]}"]
    assert tuple(described["Ranges"]) == (0, 1) * 3
    brightest = [tuple(lookup[:, 255] / 255) for lookup in described["LUTs"]]
    assert brightest == [pytest.approx(pictures.PALETTE[stain], abs=0.01) for stain in ("dna", "tubulin", "actin")]
    about = json.loads(described["Info"])
    assert about["title"].startswith("SIMULATED") and about["channels"] == list(made.model.channels)


def test_pictures_hold_every_pixel_of_every_cell(made):
    colours = drawn(pictures.composites(made.generated, made.model.channels), 3, 4)
    greys = drawn(pictures.single_channel(made.cells, 1), 3, 3)
    assert contains(composite_sheet(made), colours)
    assert contains(channel_sheet(made), greys)
    assert not contains(channel_sheet(made), colours)


def test_one_picture_of_several_models_has_a_row_of_cells_for_each_kind_of_input(tiny_store, made):
    alike, smaller = gallery(model_of(tiny_store, name="other"), 9, 3), gallery(model_of(tiny_store, crop=48), 9, 3)
    cells = [drawn(pictures.composites(one.cells, one.model.channels), 9, 2) for one in (made, smaller)]
    height = together_sheet([made, alike]).shape[0]
    assert contains(together_sheet([made, alike]), cells[0])
    both = together_sheet([made, smaller])
    assert all(contains(both, row) for row in cells)
    assert both.shape[0] > height


def test_files_of_models_of_one_name_do_not_replace_each_other(made, tmp_path):
    record = write_galleries([made, made], tmp_path)
    files = [file for one in record.galleries for file in one.files] + [record.together]
    assert len(set(files)) == 11 and all(Path(file).is_file() for file in files)


def test_files_are_replaced_by_the_same_call_only(tiny_store, made, tmp_path):
    trained = dataclasses.replace(made.model, method=Weighted(made.model.recipe, tiny_store.channels, 64, 0))
    further = dataclasses.replace(made.model, method=Weighted(made.model.recipe, tiny_store.channels, 64, 0))
    further.method.weight.data += 1
    calls = [made, gallery(made.model, 9, 3), *(gallery(model, 9, 3) for model in (trained, further)),
             gallery(made.model, 9, 4), gallery(made.model, 8, 3), gallery(model_of(tiny_store, crop=48), 9, 3)]  # fmt: skip
    names = [write_galleries([one], tmp_path).galleries[0].files[0] for one in calls]
    assert names[0] == names[1] and len(set(names)) == 6
    pairs = [write_galleries([made, other], tmp_path).together for other in calls[1:4]]
    assert len(set(pairs)) == 3


def test_a_sheet_shows_labels_beside_rows_and_above_columns():
    cells = np.zeros((4, 8, 8, 3), np.uint8)
    plain, labelled = Panel("x", cells, 2), Panel("x", cells, 2, ("first", "second"), ("left", "right"))
    bare, full = (sheet("title", [[panel]], "caption") for panel in (plain, labelled))
    assert full.shape[0] > bare.shape[0] and full.shape[1] > bare.shape[1]
    assert contains(full, plain.picture)
    assert Image.fromarray(full).getpixel((0, 0)) == (255, 255, 255)


def drawn(cells, columns, zoom):
    """A grid as sheets show it."""
    return Panel("", cells, columns, zoom=zoom).picture


def contains(picture, part):
    """Whether ``part`` is somewhere in ``picture``, pixel for pixel."""
    height, width, _ = part.shape
    corners = np.argwhere((picture[: picture.shape[0] - height + 1, : picture.shape[1] - width + 1] == part[0, 0]).all(axis=-1))
    return any(
        np.array_equal(picture[top, left : left + width], part[0])
        and np.array_equal(picture[top : top + height, left : left + width], part)
        for top, left in corners
    )


def test_a_thin_frame_is_round_every_cell_and_round_nothing_else():
    picture = Panel("", np.full((3, 8, 8, 3), 255, np.uint8), 2, zoom=2, empty=(1,)).picture
    assert picture.shape == (38, 38, 3)
    framed = (picture == FRAME).all(axis=-1)
    corner = framed[:18, :18]
    assert corner[0].all() and corner[:, 0].all() and corner[-1].all() and corner[:, -1].all() and corner.sum() == 4 * 17
    assert framed[20:, :18].sum() == 4 * 17 and framed.sum() == 8 * 17


def test_it_is_said_how_much_the_treatment_matters(tiny_store, tmp_path):
    class Deaf(Plain):
        def generate(self, z, condition=None):
            return super().generate(z, condition * 0.01)

    model = model_of(tiny_store, "concentration")
    heeds, deaf = (gallery(one, 40, 0) for one in (model, like(model, Deaf)))
    assert heeds.told.value == pytest.approx(by_hand(heeds), rel=0.25) and heeds.told.low < heeds.told.value < heeds.told.high
    assert deaf.told.value == pytest.approx(heeds.told.value / 100, rel=0.01)
    assert "below 0.25: what these cells show is hardly the treatment" in told_text(deaf.told)
    assert "below" not in told_text(heeds.told.model_copy(update={"value": 0.25}))
    assert gallery(model_of(tiny_store), 4, 0).told is None
    assert "two cells or more" in gallery(model, 1, 0).told.reason
    record = write_galleries([heeds], tmp_path).galleries[0]
    assert record.told == heeds.told and told_text(heeds.told) in gallery_text(record)
    arrays = np.load(record.files[2])
    assert np.array_equal(arrays["told_rows"], heeds.told_rows) and len(arrays["told_rows"]) == 40
    assert np.array_equal(model.generate(arrays["noise"], arrays["told_rows"]), arrays["generated"])


def like(model, kind):
    """The model with a method of another kind."""
    return dataclasses.replace(model, method=kind(model.recipe, model.channels, model.size, 0, model.conditions))


def by_hand(made):
    """Brightness beside that told of any other cell, over that of other noise: pixels differ as brightness does."""
    told = Conditions(made.model.store, "concentration").of(np.arange(len(made.model.store)))[:, 0] / 2
    level = 1 / (1 + np.exp(-made.noise[:, 0])) / 2
    apart = [np.abs(told - own)[told != own].mean() for own in told[made.told_rows]]
    return np.mean(apart) / np.abs(level - np.roll(level, 1)).mean()


def test_a_collapsed_model_is_seen_as_such(made, tmp_path, monkeypatch):
    class Collapsed(Plain):
        def generate(self, z, condition=None):
            return super().generate(z * 0)

    other = gallery(like(made.model, Collapsed), 9, 3)
    assert other.diversity == 0 and made.diversity > 0.01
    headings = []
    monkeypatch.setattr(figures, "Panel", lambda heading, *args, **words: headings.append(heading) or Panel("", *args, **words))
    record = write_galleries([made, other], tmp_path)
    assert f"{made.model.title}: {made.diversity:.2f} times as varied as simulated cells" in headings
    said = [gallery_text(one) for one in record.galleries]
    assert f"They are {made.diversity:.2f} times as varied as simulated cells" in said[0]
    assert "mode collapse: nearly one cell again and again" in said[1]
    assert gallery(made.model, 1, 0).diversity is None


@pytest.fixture
def captions(monkeypatch):
    """The captions of all sheets that are drawn."""
    said = []
    monkeypatch.setattr(figures, "sheet", lambda title, panels, caption: said.append(caption) or sheet(title, panels, ""))
    return said


def test_pictures_show_some_cells_and_arrays_hold_all(tiny_store, captions, monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "MOST", 16)
    record = write_galleries([gallery(model_of(tiny_store, crop=32), 200, 0)], tmp_path).galleries[0]
    assert len(np.load(record.files[2])["generated"]) == 200 and record.compared == 192 and record.whole
    assert len(captions) == 2 and all("The first 16 of 200 generated cells are shown." in caption for caption in captions)
    assert "200 generated cells beside all 192 simulated cells of the data set" in gallery_text(record)
    with Image.open(record.files[0]) as picture:
        assert picture.height < 900


def test_noise_and_random_weights_are_named(tiny_store, captions, monkeypatch, tmp_path):
    flags = np.arange(len(tiny_store)) % 2 == 0
    monkeypatch.setitem(tiny_store.__dict__, "cells", tiny_store.cells.assign(flagged=flags))
    made = gallery(model_of(tiny_store, name="plain (untrained)"), 9, 3)
    count = int(flags[made.rows].sum())
    record = write_galleries([made, made], tmp_path).galleries[0]
    assert record.flagged == count > 0 and len(captions) == 5
    for caption in captions:
        assert "plain (untrained): random weights." in caption
        assert f"The data set flags {count} of the 9 simulated cells shown as noise." in caption
    text = gallery_text(record)
    assert "note: untrained: random weights" in text and f"flags {count} of the 9 simulated cells as noise" in text


def test_the_verb_writes_what_it_names(tiny_store, tmp_path, monkeypatch):
    monkeypatch.setattr("cytobench.loading.load_model", lambda run, **_: model_of(tiny_store, name=run))
    words = ["--run", "one", "--run", "two", "--n", "4", "--out", str(tmp_path)]
    record = json.loads(CliRunner().invoke(group, ["generate", *words, "--json"]).output)
    assert [one["model"] for one in record["galleries"]] == ["one", "two"] and Path(record["together"]).is_file()
    text = CliRunner().invoke(group, ["generate", *words]).output
    assert "4 generated cells beside 4 simulated ones" in text and record["together"] in text
    twice = CliRunner().invoke(group, ["generate", "--run", "one", "--run", "./one", "--out", str(tmp_path)])
    assert twice.exit_code == 2 and "names a run twice" in twice.output
