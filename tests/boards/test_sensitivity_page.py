"""The page of the sensitivity map: complete, never stale in silence, names harmless, simulated data kept out."""

import re
from itertools import pairwise

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from records import made_entry, made_run

from cytobench import registry
from cytobench.boards.build import build
from cytobench.boards.entries import add_runs
from cytobench.boards.maps import make_maps
from cytobench.boards.sensitivity import keep_record, map_files, write_pictures
from cytobench.boards.sensitivity_figures import draw_map
from cytobench.boards.sensitivity_page import page
from cytobench.errors import CytoBenchError
from cytobench.files import write_text
from cytobench.schema import validate
from cytobench.sensitivity.declaration import METRICS
from cytobench.sensitivity.measure import around_reference
from cytobench.sensitivity.published import Published
from cytobench.sensitivity.record import Extent, Point, Score, SensitivityRecord
from cytobench.sensitivity.sources import declaration_of, measured_by

DECLARATION = declaration_of(registry.benchmark("bbbc021-moa"))
REFERENCE = DECLARATION.reference
ROW = {
    "method": "Paper|1", "year": 2020, "nsc": {"percent": 83.5, "read_in": "second source"}, "supervision": "none",
    "postprocessing": "z-score", "setting": {"postprocessing": "standardize", "metric": "pearson", "averaging": "compounds"},
    "nearest": ["other", "pretend"], "citation": "A <b>paper</b>",
}  # fmt: skip


def made_record(label="pretend", shift=0.0, **changes):
    """A map in which each changed axis lowers every score by 0.1 from 0.8 + ``shift``; medians are not available."""
    points = []
    for setting in around_reference(DECLARATION):
        changed = setting.differences(REFERENCE)
        score = Score(value=0.8 + shift - 0.1 * len(changed), n=103)
        there = {} if "median" in changed.values() else dict.fromkeys(METRICS, score)
        points.append(Point(changed=changed, available=bool(there), reason=None if there else "no cells | here", **there))
    place = Point(changed=ROW["setting"], available=True, nsc=Score(value=0.55, n=103))
    ends = {"at_low": {"metric": "euclidean"}, "at_high": {}, "quantiles": {f"{n}%": 0.5 for n in (5, 25, 50, 75, 95)}}
    facts = {
        "method": label, "label": label, "kind": "other", "recipe_label": "small", "seed": 0, "dataset": "cells",
        "dataset_identity": "d" * 64, "simulated": False, "benchmark": "bbbc021-moa/1", "key": "abc" * 10,
        "measured_by": measured_by(registry.benchmark("bbbc021-moa")),
        "reference": REFERENCE, "intervals": {}, "points": tuple(points), "places": (place,),
        "extents": (Extent(metric="nsc", settings=42, unavailable=1, low=0.21, high=0.91, **ends),),
    } | changes  # fmt: skip
    return SensitivityRecord(**facts)


def line(text, start):
    """The first line of a page that begins with ``start``."""
    return next(line for line in text.splitlines() if line.startswith(start))


class TestTables:
    def test_a_change_is_the_difference_from_the_reference(self):
        text = page(make_maps([made_record()]), Published(results=()))
        header, row = line(text, "| method"), line(text, "| pretend")
        cells = dict(zip(map(str.strip, header.split("|")), map(str.strip, row.split("|")), strict=True))
        assert cells["metric: euclidean"] == "-0.100"
        assert cells["aggregation: median"] == "-"
        assert cells["range"] == "0.210 to 0.910"

    def test_the_range_says_how_many_settings_it_holds_and_how_many_it_lacks(self):
        text = page(make_maps([made_record()]), Published(results=())).split("### Both ends of the range")[1]
        header, row = line(text, "| method"), line(text, "| pretend")
        cells = dict(zip(map(str.strip, header.split("|")), map(str.strip, row.split("|")), strict=True))
        assert (cells["settings"], cells["not available"], cells["least"]) == ("42", "1", "0.210")

    def test_every_postprocessing_and_every_choice_is_there(self):
        text = page(make_maps([made_record()]), Published(results=()))
        assert [text.count(f"\n| {name} ") for name in DECLARATION.postprocessings] == [3] * len(DECLARATION.postprocessings)
        for axis, declared in DECLARATION.axes.items():
            assert all(f"| {value} " in text for value in declared.values), axis

    def test_what_is_not_available_is_said_with_its_reason(self):
        text = page(make_maps([made_record("a"), made_record("b")]), Published(results=()))
        assert "- aggregation median of a, b: no cells \\| here" in text

    def test_scores_that_a_choice_cannot_move_have_no_column_for_it(self):
        text = page(make_maps([made_record()]), Published(results=()))
        nsc, nscb = (text.split(f"### {name}: the change")[1].split("###")[0] for name in ("NSC", "NSCB"))
        assert "batch: plate" in nscb and "batch: plate" not in nsc

    def test_the_order_is_that_of_the_reference_and_maps_are_apart_by_data(self):
        records = [made_record("low", -0.2), made_record("high", 0.1), made_record(dataset_identity="e" * 64, dataset="more")]
        maps = make_maps(records)
        assert [[row.name for row in one.rows] for one in maps] == [["high", "low"], ["pretend"]]

    def test_runs_of_one_method_are_told_apart(self):
        records = [made_record(), made_record(recipe_label="large"), made_record(recipe_label="large", seed=1)]
        records += [made_record(recipe_label="large", seed=1, key="f" * 30), made_record("mae")]
        (one,) = make_maps(records)
        assert {row.name for row in one.rows} == {
            "pretend, small", "pretend, large, seed 0", "pretend, large, seed 1, abcabc", "pretend, large, seed 1, ffffff", "mae",
        }  # fmt: skip

    def test_names_are_harmless(self):
        text = page(make_maps([made_record("a<script>|b`", dataset="x](y)")]), validate(Published, {"results": [ROW]}, "p"))
        assert "<script>" not in text and "a&lt;script&gt;\\|b\\`" in text
        assert "## x\\](y)" in text
        assert "Paper\\|1" in text and "<b>" not in text


class TestPublished:
    def test_a_row_stands_beside_our_nearest_method_at_its_point(self):
        text = page(make_maps([made_record()]), validate(Published, {"results": [ROW]}, "published.yaml"))
        row = line(text, "| Paper")
        assert "83.5\\*" in row and "pretend on cells" in row and "55.0 \\[80.0\\]" in row
        assert "| postprocessing standardize, metric pearson, averaging compounds (3 of 9) |" in re.sub(" +", " ", row)
        assert "whitening" not in row  # what is not stated is not listed in every row

    @pytest.mark.parametrize(
        ("change", "said"),
        [({"nearest": ["gone"]}, "none yet"), ({"setting": {"metric": "euclidean", "batch": "plate"}}, "not measured")],
    )
    def test_what_is_not_there_is_said(self, change, said):
        text = page(make_maps([made_record()]), validate(Published, {"results": [ROW | change]}, "published.yaml"))
        assert said in line(text, "| Paper")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"setting": {"metrics": "cosine"}}, "'metrics' is no axis of the map"),
            ({"setting": {"metric": "angle"}}, "metric has no value 'angle'"),
            ({"setting": {"postprocessing": "magic"}}, "postprocessing has no value 'magic'"),
            ({"nsc": None}, "has neither nsc nor nscb"),
            ({"nsc": {"percent": 101, "read_in": "source"}}, "less than or equal to 100"),
            ({"nsc": {"percent": 50, "read_in": "memory"}}, "'source' or 'second source'"),
        ],
    )
    def test_a_row_that_cannot_be_placed_is_refused(self, change, said):
        with pytest.raises(CytoBenchError, match=said):
            validate(Published, {"results": [ROW | change]}, "published.yaml")


class TestFiles:
    @pytest.fixture
    def leaderboards(self, tmp_path):
        """A folder with a board, a map and its page."""
        add_runs([made_run(tmp_path / "runs", made_entry())], tmp_path / "boards")
        keep_record(made_record(), tmp_path / "boards")
        build(tmp_path / "boards")
        return tmp_path / "boards"

    def test_what_was_built_is_up_to_date(self, leaderboards):
        assert leaderboards / "sensitivity.md" in build(leaderboards, check=True)
        assert len(list((leaderboards / "sensitivity").glob("*.svg"))) == 1

    @pytest.mark.parametrize("damage", ["page", "picture", "record"])
    def test_what_is_stale_is_found(self, leaderboards, cli, damage):
        (picture,) = (leaderboards / "sensitivity").glob("*.svg")
        if damage == "page":
            (leaderboards / "sensitivity.md").write_text("old")
        elif damage == "picture":
            picture.unlink()
        else:
            keep_record(made_record("another"), leaderboards)
        said = cli("leaderboard", "build", "--check", "--folder", leaderboards).sentence
        assert (picture.name if damage == "picture" else "sensitivity.md") in said and "stale" in said
        build(leaderboards)
        assert build(leaderboards, check=True)

    @pytest.mark.parametrize("folder", ["pictures", "sensitivity"])
    def test_an_edited_picture_is_stale(self, leaderboards, folder):
        (picture,) = (leaderboards / folder).glob("*.svg")
        for edited in (picture.read_text().replace("</svg>", "<g/></svg>"), ""):
            picture.write_text(edited)
            with pytest.raises(CytoBenchError, match=f"{picture.name}: stale"):
                build(leaderboards, check=True)
        build(leaderboards)
        assert build(leaderboards, check=True)

    def test_of_another_matplotlibs_picture_only_its_existence_is_checked(self, leaderboards):
        (picture,) = (leaderboards / "sensitivity").glob("*.svg")
        other = picture.read_text().replace(f"Matplotlib v{mpl.__version__},", "Matplotlib v3.0.0,")
        assert other != picture.read_text()
        picture.write_text(other)
        assert build(leaderboards, check=True)

    @pytest.mark.parametrize("check", [True, False])
    @pytest.mark.parametrize("measured_by", ["", "0" * 64])
    def test_a_record_that_others_measured_is_stale(self, leaderboards, cli, check, measured_by):
        keep_record(made_record("old (untrained)", measured_by=measured_by), leaderboards)
        said = cli("leaderboard", "build", *(["--check"] if check else []), "--folder", leaderboards).sentence
        assert "cells-old-untrained-abcabcabcabc.json: stale, measured by another sensitivity.yaml or other source" in said
        assert f"'cytobench leaderboard sensitivity runs/cells/old-untrained/abcabcabcabc --folder {leaderboards}'" in said
        assert "pretend" not in said

    def test_a_map_alone_is_built(self, tmp_path):
        keep_record(made_record(), tmp_path)
        assert build(tmp_path) == [tmp_path / "sensitivity.md"] == build(tmp_path, check=True)
        assert not (tmp_path / "board.md").exists()
        assert len(list((tmp_path / "sensitivity").glob("*.svg"))) == 1
        (tmp_path / "board.md").write_text("a board whose scores are gone")
        with pytest.raises(CytoBenchError, match="has no folder scores"):
            build(tmp_path)

    def test_without_records_and_figures_there_is_no_page(self, tmp_path):
        add_runs([made_run(tmp_path / "runs", made_entry())], tmp_path / "boards")
        assert map_files(tmp_path / "boards") == ({}, {})
        build(tmp_path / "boards")
        assert not (tmp_path / "boards" / "sensitivity.md").exists()

    def test_simulated_data_are_refused(self, tmp_path):
        with pytest.raises(CytoBenchError, match="pretend on cells: simulated data, of which there is no map"):
            keep_record(made_record(simulated=True), tmp_path)
        record = made_record(simulated=True)
        write_text(tmp_path / "sensitivity" / record.file, record.model_dump_json())
        with pytest.raises(CytoBenchError, match="simulated data"):
            map_files(tmp_path)

    def test_a_record_under_another_name_is_refused(self, leaderboards):
        (kept,) = (leaderboards / "sensitivity").glob("*.json")
        kept.rename(kept.with_name("mine.json"))
        with pytest.raises(CytoBenchError, match="it was moved or edited, measure the run again"):
            map_files(leaderboards)

    def test_pictures_of_maps_that_are_gone_are_removed(self, leaderboards):
        write_pictures({}, leaderboards / "sensitivity")
        assert list((leaderboards / "sensitivity").glob("*.svg")) == []

    def test_equal_maps_give_equal_pictures(self):
        (one,) = make_maps([made_record(), made_record("control$x_1$", kind="control")])
        first = draw_map(one)
        assert first == draw_map(one)
        assert "control$x_1$" in first and first.count("reference") == 1

    def test_grey_is_explained_where_there_is_grey(self):
        (without,), (with_control,) = make_maps([made_record()]), make_maps([made_record(), made_record("c", kind="control")])
        assert "grey" not in draw_map(without)
        assert draw_map(with_control).count("(grey: controls)") == 3

    def test_panels_are_apart_and_the_reference_is_hollow(self, monkeypatch):
        drawn = []
        monkeypatch.setattr("cytobench.boards.sensitivity_figures.Figure", lambda **how: drawn.append(Figure(**how)) or drawn[0])
        draw_map(make_maps([made_record()])[0])
        labels = [[one.get_window_extent() for one in axes.get_xticklabels()] for axes in drawn[0].axes]
        assert all(left[-1].x1 + 5 < right[0].x0 for left, right in pairwise(labels))
        diamonds = [one for one in drawn[0].axes[0].lines if one.get_marker() == "D"]
        assert [one.get_markerfacecolor() for one in diamonds] == ["none"]


class TestCommand:
    def test_a_run_is_measured_and_one_that_fails_stops_no_other(self, cli, tmp_path, profiles):
        profiles.to_parquet(tmp_path / "five.parquet")
        ran = cli("evaluate", tmp_path / "five.parquet", "--name", "five", "--runs", tmp_path / "runs")
        assert ran.status == 0
        (folder,) = (tmp_path / "runs" / "five" / "five").glob("[!.]*")
        called = cli("leaderboard", "sensitivity", tmp_path / "gone", folder, "--folder", tmp_path / "boards")
        assert called.status == 1 and called.out.count("measured: ") == 1
        assert "1 of 2 runs were not measured" in called.err and "gone: not a run folder" in called.err
        assert "| five " in (tmp_path / "boards" / "sensitivity.md").read_text()
        assert cli("leaderboard", "sensitivity", folder, "--folder", tmp_path / "boards").status == 0
        assert len(list((tmp_path / "boards" / "sensitivity").glob("*.json"))) == 1
