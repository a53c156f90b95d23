"""The page of a run in any state, and the pictures of a training."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from records import made_entry, made_run

from cytobench.errors import CytoBenchError
from cytobench.files import write_text
from cytobench.results.page import write_page
from cytobench.results.record import Origin, Unseen
from cytobench.results.runs import Run
from cytobench.results.schema import Difference, Estimate
from cytobench.results.training_figures import draw_grid, draw_training
from cytobench.results.training_history import read_training_history
from cytobench.schema import dump_json

COLLAPSE, WON = "mode collapse: all cells are <one>", "the discriminator has won: always right"


def step(number: int, loss: float = 0.5, **more: object) -> dict:
    return {"step": number, "cells": 64 * number, "loss": {"generator": loss}, "cells_per_second": 800.0, **more}


def evaluated(number: int, *warnings: str, **measures: float | None) -> dict:
    return {"step": number, "evaluation": {"diversity": None, "realism": None, **measures, "warnings": list(warnings)}}


def write_log(path: Path, *lines: dict, end: str = "\n") -> Path:
    path.write_text("\n".join(map(json.dumps, lines)) + end, encoding="utf-8")
    return path


class Read(HTMLParser):
    """What a person sees of a page, and what it refers to."""

    def __init__(self, page: Path):
        super().__init__()
        self.text, self.images, self.links, self._hidden = "", [], [], False
        self.feed(page.read_text(encoding="utf-8"))
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        self._hidden = tag == "style"
        self.text += "" if tag in ("strong", "code", "a", "span") else " "
        self.images += [value for key, value in attrs if (tag, key) == ("img", "src")]
        self.links += [value for key, value in attrs if (tag, key) == ("a", "href")]

    def handle_data(self, data):
        self.text += "" if self._hidden else data


def page_of(run: Run) -> Read:
    return Read(write_page(run.path))


@pytest.fixture
def trained(tmp_path: Path) -> Run:
    """The finished run of a trained method with grids, curves and a twin beside it."""
    twin = made_run(tmp_path, made_entry("gan", untrained=True))
    place = str(twin.path.relative_to(tmp_path))
    recipe = {"training": {"steps": 1600, "precision": "32-true"}, "condition": None}
    difference = Difference(value=0.125, low=-0.02, high=0.3, n=4, p=0.25)
    entry = made_entry("gan", kind="gan", trained=True, recipe=recipe, twin=difference, twin_folder=place, cells_seen=102400)
    run = Run.at(tmp_path, entry.run.model_copy(update={"stages": {}}))
    with run.writing():
        run.path.joinpath("weights.safetensors").write_bytes(b"weights")
        write_log(
            run.path / "log.jsonl",
            step(800),
            evaluated(800, COLLAPSE, diversity=0.02),
            step(1600),
            evaluated(1600, diversity=0.75),
        )
        run.stage("train", ("weights.safetensors", "log.jsonl"), "cpu", lambda: None)
        run.stage("embed", (), "cpu", lambda: None)
        write_text(run.path / "scores.json", dump_json(entry.scores))
        run.stage("score", ("scores.json",), "cpu", lambda: None)
    draw_training(run.path / "log.jsonl", run.path / "figures" / "training.png", run.record.title)
    for name, grey in (("samples-000200", 0.2), ("samples-001000", 0.5), ("samples-001600", 0.9), ("samples", 0.9)):
        draw_grid(np.full((4, 3, 8, 8), grey), run.path / "figures" / f"{name}.png", 2)
    return run


class TestFinished:
    """A trained method's run that ended well."""

    def test_scores_with_intervals_and_the_twin(self, trained):
        page = page_of(trained)
        assert "NSC 0.500 0.25 to 0.50, n = 4" in page.text
        assert "+0.125 -0.02 to +0.30, p = 0.25" in page.text
        assert "has not shown that it beats its untrained twin: the interval of the difference holds 0" in page.text
        assert "Over the whole panel of post-processings NSC lies between 0.40 and 0.50" in page.text

    def test_a_twin_that_is_better_is_said_to_be(self, trained):
        trained.update(twin=trained.record.twin.model_copy(update={"value": -0.2, "high": -0.1}))
        assert "has not shown that it beats its untrained twin: it scores less" in page_of(trained).text

    def test_a_twin_that_is_beaten_is_not_doubted(self, trained):
        trained.update(twin=trained.record.twin.model_copy(update={"low": 0.01}))
        assert "has not shown" not in page_of(trained).text

    def test_what_was_run(self, trained):
        page = page_of(trained)
        record = trained.record
        for fact in (record.command, *record.keys.model_dump().values(), record.dataset_identity, "seed 0", "supervision none"):
            assert fact in page.text
        assert "precision: 32-true" in page.text
        assert f"sha256 {record.stages['train'].outputs['weights.safetensors']}" in page.text
        assert "python 3." in page.text

    def test_every_reference_is_a_file_beside_it(self, trained):
        write_page(trained.path.parents[2] / trained.record.twin_folder)
        page = page_of(trained)
        local = [name for name in page.images + page.links if not name.startswith("https:")]
        assert {"figures/training.png", "figures/samples.png", "scores.json", "weights.safetensors"} <= set(local)
        assert any(name.startswith("../../../") and name.endswith("report.html") for name in local)
        assert [name for name in local if not (trained.path / name).is_file()] == []

    def test_earlier_grids_come_newest_first(self, trained):
        page = page_of(trained)
        assert page.images[-3:] == ["figures/samples.png", "figures/samples-001000.png", "figures/samples-000200.png"]
        newest, second, third = (page.text.index(step) for step in ("step 1,600", "step 1,000", "step 200"))
        assert newest < second < third

    def test_a_grid_that_is_no_longer_the_newest_is_an_earlier_one(self, trained):
        draw_grid(np.zeros((4, 3, 8, 8)), trained.path / "figures" / "samples.png", 2)
        page = page_of(trained)
        assert page.images[-3] == "figures/samples-001600.png"
        assert "the newest" in page.text

    def test_weights_of_another_step_than_the_picture(self, trained):
        assert "weights that were kept" not in page_of(trained).text
        trained.update(kept_step=800)
        text = page_of(trained).text
        assert "The weights that were kept are those of step 800" in text
        assert "weights.safetensors of step 800, sha256" in text

    def test_what_was_not_seen_and_what_it_began_with(self, trained):
        estimate = Estimate(value=0.25, low=0.1, high=0.4, n=8, treatments=8, wells=9, cells=9)
        trained_as = {"channels": ("DNA",), "conditions": (), "cells_seen": 1000, "trained_further": True}
        origin = Origin(weights_sha256="e" * 64, where="other <run>", size=64, **trained_as)
        trained.update(unseen=Unseen(nsc=estimate, twin=trained.record.twin), origin=origin, conditions=("concentration",))
        text = page_of(trained).text
        assert "saw no cell: NSC 0.250 [0.10, 0.40] (n = 8), against the untrained twin +0.125" in text
        assert "other <run>, trained further; its training saw 1,000 cells" in text and "e" * 64 in text
        assert "told in training concentration" in text

    def test_what_does_not_generate_reconstructs(self, trained):
        assert "Generated cells" in page_of(trained).text
        write_log(trained.path / "log.jsonl", step(800), {"step": 800, "evaluation": {"warnings": []}})
        assert "Reconstructed cells" in page_of(trained).text

    def test_training_in_numbers(self, trained):
        text = page_of(trained).text
        assert "steps 1,600" in text and "cells seen, with repeats 102,400" in text and "last diversity 0.75" in text

    def test_a_past_collapse_is_said_before_the_scores(self, trained):
        text = page_of(trained).text
        assert "The training warned, though not at its last evaluation" in text
        assert text.index(f"step 800: {COLLAPSE}") < text.index("Scores")

    def test_a_collapse_at_the_end_is_said_first(self, trained):
        with (trained.path / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(evaluated(2000, COLLAPSE, WON, diversity=0.01)) + "\n")
        text = page_of(trained).text
        assert f"last evaluation warned (step 2,000): {COLLAPSE} {WON}" in text
        assert "1 earlier evaluation warned" in text

    def test_no_warning_where_there_was_none(self, trained):
        write_log(trained.path / "log.jsonl", step(800), evaluated(800, diversity=0.9))
        assert "warned" not in page_of(trained).text

    def test_equal_runs_give_equal_pages(self, trained):
        first = write_page(trained.path).read_bytes()
        assert write_page(trained.path).read_bytes() == first


class TestOtherRuns:
    """Untrained, simulated, failed, interrupted, killed, conditioned."""

    def test_an_untrained_method_has_no_training(self, tmp_path):
        page = page_of(made_run(tmp_path, made_entry()))
        assert "Training" not in page.text and "Generated cells" not in page.text and "twin" not in page.text
        assert page.images == []

    @pytest.mark.parametrize("simulated", [True, False])
    def test_simulated_is_said_first(self, tmp_path, simulated):
        text = page_of(made_run(tmp_path, made_entry(simulated=simulated))).text
        assert ("SIMULATED. These cells were drawn by a program" in text) == simulated
        assert ("SIMULATED" in text) == simulated

    def test_a_failed_run_says_why(self, tmp_path):
        run = Run.at(tmp_path, made_entry().run)
        with pytest.raises(CytoBenchError), run.writing():
            write_log(run.path / "log.jsonl", step(10), evaluated(10, WON))
            raise CytoBenchError("training diverged: the loss of <generator> is nan")
        page = page_of(run)
        assert "The run failed. training diverged: the loss of <generator> is nan" in page.text
        assert WON in page.text
        assert "Scores" not in page.text

    def test_an_interrupted_run_says_so(self, tmp_path):
        run = Run.at(tmp_path, made_entry().run)
        with pytest.raises(KeyboardInterrupt), run.writing():
            raise KeyboardInterrupt
        assert "The run was interrupted. The same command continues" in page_of(run).text

    def test_a_killed_run_and_a_running_one_are_told_apart(self, tmp_path):
        run = Run.at(tmp_path, made_entry().run)
        with run.writing():
            assert "The run had not ended when this page was written" in page_of(run).text
        run.update(status="running")
        assert "The run was killed" in page_of(run).text

    def test_a_condition_is_supervision(self, tmp_path):
        run = made_run(tmp_path, made_entry(recipe={"condition": "concentration"}))
        assert "supervision treatment" in page_of(run).text

    def test_what_somebody_wrote_is_escaped(self, tmp_path):
        attack = "<script>alert(1)</script>"
        run = made_run(tmp_path, made_entry(title=attack, citation=attack, command=attack, recipe={"options": {"a": attack}}))
        html = write_page(run.path).read_text(encoding="utf-8")
        assert "<script" not in html
        assert html.count("&lt;script&gt;") == 5

    def test_no_run(self, tmp_path):
        with pytest.raises(CytoBenchError, match="not a run folder"):
            write_page(tmp_path)

    def test_changed_scores_are_refused(self, trained):
        (trained.path / "scores.json").write_text("{}")
        with pytest.raises(CytoBenchError, match="scores are not as they were written"):
            write_page(trained.path)


class TestLog:
    """What is read of ``log.jsonl``."""

    def test_series(self, tmp_path):
        lines = step(10, 0.5, reports={"k": 0.1}), evaluated(10, WON, diversity=0.5), step(20, 0.4), evaluated(20, realism=3.0)
        log = read_training_history(write_log(tmp_path / "log.jsonl", *lines))
        assert log.losses == {"generator": {10: 0.5, 20: 0.4}}
        assert log.reports == {"k": {10: 0.1}}
        assert log.evaluations == {"diversity": {10: 0.5}, "realism": {20: 3.0}}
        assert log.warnings == {10: (WON,)}
        assert log.steps == 20

    def test_after_a_resumption_the_later_line_counts(self, tmp_path):
        lines = step(10, 0.5), evaluated(10, WON, diversity=0.1), step(10, 0.3), evaluated(10, diversity=0.2)
        log = read_training_history(write_log(tmp_path / "log.jsonl", *lines))
        assert log.losses["generator"] == {10: 0.3}
        assert (log.evaluations["diversity"], log.warnings) == ({10: 0.2}, {})

    def test_a_line_that_was_cut_off_is_left_out(self, tmp_path):
        log = read_training_history(write_log(tmp_path / "log.jsonl", step(10), end='\n{"step": 2'))
        assert log.losses["generator"] == {10: 0.5}

    @pytest.mark.parametrize("line", ["{", "7", '{"loss": {}}', '{"step": 1, "loss": {"a": "much"}}', '{"step": 1, "loss": 3}'])
    def test_a_damaged_line_is_named(self, tmp_path, line):
        (tmp_path / "log.jsonl").write_text(f"{json.dumps(step(10))}\n{line}\n{json.dumps(step(20))}\n")
        with pytest.raises(CytoBenchError, match=r"log\.jsonl, line 2: not a line of a training log"):
            read_training_history(tmp_path / "log.jsonl")


class TestFigures:
    """Curves and grids."""

    def test_more_to_show_is_more_panels(self, tmp_path):
        sizes = []
        for lines in ([step(10), step(20)], [step(10, reports={"k$": 1.0}), evaluated(10, WON, diversity=0.5, realism=-0.1)]):
            log = write_log(tmp_path / "log.jsonl", *lines)
            draw_training(log, tmp_path / "figures" / "training.png", "a $ title")
            with Image.open(tmp_path / "figures" / "training.png") as picture:
                sizes.append(picture.size)
                assert len(np.unique(np.asarray(picture.convert("L")))) > 10
        assert sizes[1][0] > 2 * sizes[0][0] and sizes[1][1] > sizes[0][1]

    def test_a_loss_that_is_no_number_is_a_hole(self, tmp_path):
        log = write_log(tmp_path / "log.jsonl", step(10), step(20, float("nan")), step(30))
        draw_training(log, tmp_path / "training.png", "t")
        assert (tmp_path / "training.png").is_file()

    def test_nothing_to_draw(self, tmp_path):
        with pytest.raises(CytoBenchError, match="holds no step yet"):
            draw_training(write_log(tmp_path / "log.jsonl", end=""), tmp_path / "training.png", "t")

    def test_a_grid_shows_each_cell_in_its_place(self, tmp_path):
        images = np.zeros((5, 4, 8, 6), np.float32)
        images[0, 0], images[2, 1], images[4, 2], images[3, 3] = 1, 0.5, 1, 1
        draw_grid(images, tmp_path / "grid.png", 3)
        with Image.open(tmp_path / "grid.png") as picture:
            pixels = np.asarray(picture)
        assert pixels.shape == (8 + 2 + 8, 3 * 6 + 2 * 2, 4)
        blue, black, green, dark, red = (tuple(pixels[y, x, :3]) for y, x in ((4, 3), (4, 11), (4, 19), (14, 3), (14, 11)))
        assert (blue, black, dark) == ((64, 115, 255), (0, 0, 0), (0, 0, 0))
        assert green[1] == 128 and red[0] == 255
        assert not pixels[8:10].any() and not pixels[10:, 16:].any(), "between and after the cells it is clear"

    def test_a_grid_is_no_wider_than_its_cells(self, tmp_path):
        draw_grid(np.zeros((2, 1, 8, 8)), tmp_path / "grid.png", 16)
        with Image.open(tmp_path / "grid.png") as picture:
            assert picture.size == (18, 8)
