"""The nuclei of real images: the committed scores are those of the code, and the fields of two screens look as they should."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml

from cytobench.errors import CytoBenchError
from cytobench.imaging.segmentation import make_segmenter

FOLDER = Path(__file__).parents[2] / "benchmarks" / "segmentation"
SCRIPT = FOLDER / "score_nuclei.py"
COMMITTED = FOLDER / "scores.csv"


def load_script():
    spec = importlib.util.spec_from_file_location("score_nuclei", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BENCHMARK = load_script()


def run(*words, script=SCRIPT, data=None):
    environment = {name: value for name, value in os.environ.items() if name != "CYTOBENCH_DATA"}
    if data is not None:
        environment["CYTOBENCH_DATA"] = str(data)
    return subprocess.run([sys.executable, script, *words], capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def scores(data):
    return BENCHMARK.score(data / "nuclei_dsb2018")


def test_the_committed_scores_are_those_of_the_code(scores):
    pd.testing.assert_frame_equal(scores, pd.read_csv(COMMITTED), check_dtype=False, rtol=0, atol=5.1e-5)


def test_the_committed_pages_are_generated_from_them(scores):
    for name, text in BENCHMARK.pages(scores).items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


def test_the_bars_are_met(scores):
    odd, culture = scores[scores["set"] == "odd"], scores[scores["kind"] == "culture"]
    assert BENCHMARK.missed_bar(scores) is None
    assert BENCHMARK.pooled_f1(odd, "", "50") > 0.73
    assert BENCHMARK.pooled_f1(scores, "", "50") > 0.73
    assert BENCHMARK.pooled_f1(culture, "", "50") > 0.85


def test_a_segmenter_no_better_than_the_baseline_misses_the_bar():
    scores = pd.read_csv(COMMITTED)
    for column in ("found", "matched_50"):
        scores[column] = scores[f"baseline_{column}"]
    assert "not 0.10 above the baseline's" in BENCHMARK.missed_bar(scores)


def test_the_committed_scores_cover_every_image_once():
    scores, kinds = pd.read_csv(COMMITTED), yaml.safe_load((FOLDER / "culture.yaml").read_text(encoding="utf-8"))
    assert len(scores) == scores["index"].nunique() == 27 and scores["nuclei"].sum() == 1416
    assert list(scores["set"]) == ["even", "odd"] * 13 + ["even"]
    assert scores["kind"].value_counts().to_dict() == {kind: len(kinds[kind]) for kind in ("culture", "tissue")}


def test_without_the_data_the_script_says_what_to_do(tmp_path):
    for words in ((), ("--data", str(tmp_path), "--check")):
        ended = run(*words)
        assert ended.returncode == 1 and ended.stdout == ""
        assert "give --data or set CYTOBENCH_DATA" in ended.stderr and ended.stderr.count("\n") == 1


def test_check_passes_on_the_committed_pages_and_fails_on_stale_ones(data, tmp_path):
    copy = Path(shutil.copytree(FOLDER, tmp_path / "segmentation", ignore=shutil.ignore_patterns("__pycache__")))
    assert run("--check", script=copy / "score_nuclei.py", data=data).returncode == 0
    (copy / "scores.csv").write_text(COMMITTED.read_text().replace("tissue", "culture", 1))
    ended = run("--check", "--data", str(data), script=copy / "score_nuclei.py")
    assert ended.returncode == 1 and "scores.csv: stale" in ended.stderr


def test_an_image_that_is_listed_twice_or_not_at_all_is_named(data, tmp_path, monkeypatch):
    text = (FOLDER / "culture.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("  - 0114f484"))
    monkeypatch.setattr(BENCHMARK, "HERE", tmp_path)
    for wrong in (text.replace(line + "\n", ""), text + line + "\n"):
        (tmp_path / "culture.yaml").write_text(wrong)
        with pytest.raises(CytoBenchError, match="must be listed once"):
            BENCHMARK.score(data / "nuclei_dsb2018")


def diameters(labels):
    return 2 * np.sqrt(np.bincount(labels.ravel())[1:] / np.pi)


def inner(labels):
    """The labels that do not touch the border of the image."""
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.setdiff1d(np.arange(1, labels.max() + 1), border)


def check_cells(cells, nuclei, images):
    """Every cell holds its nucleus and nothing of another; cells are larger, and brighter than what is left."""
    assert np.array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    assert cells.max() == nuclei.max()
    ratio = np.bincount(cells.ravel())[1:] / np.bincount(nuclei.ravel())[1:]
    assert 2 < np.median(ratio) < 12
    assert all(np.median(image[cells > 0]) > 2 * np.median(image[cells == 0]) for image in images)


def test_the_nuclei_of_a_dense_field_are_as_many_as_cellprofiler_finds(data):
    """Its pipeline for this field drops nuclei that touch the border or are below 8 px across, and finds 289."""
    names = [f"AS_09125_050116030001_D03f00d{channel}.tif" for channel in range(3)]
    dna, _, body = (tifffile.imread(data / "fields" / "example_human" / name) for name in names)
    nuclei = make_segmenter().nuclei(dna)
    counted = (diameters(nuclei)[inner(nuclei) - 1] >= 8).sum()
    assert abs(counted - 289) < 0.1 * 289
    check_cells(make_segmenter().cells(body[None], nuclei), nuclei, [body])


@pytest.mark.parametrize(("field", "low", "high"), [("B7_01_{}_3", 30, 38), ("D6_01_{}_2", 29, 36)])
def test_the_nuclei_of_a_sparse_16_bit_field(data, field, low, high):
    """About as many as a person counts in the picture, nearly all between 35 and 80 px across."""
    stems = [f"{field.format(number)}_{channel}_001.tif" for number, channel in enumerate(("DAPI", "GFP", "RFP"), 1)]
    images = np.stack([tifffile.imread(data / "fields" / "nf1" / stem) for stem in stems])
    nuclei = make_segmenter().nuclei(images[0])
    sizes = diameters(nuclei)[inner(nuclei) - 1]
    assert low <= nuclei.max() <= high
    assert np.mean((sizes > 35) & (sizes < 80)) > 0.9
    check_cells(make_segmenter().cells(images[1:], nuclei), nuclei, images[1:])
