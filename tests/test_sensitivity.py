"""The sensitivity map: each choice does what it says, and the reference is the run's own score."""

import json
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from conftest import screen_cells
from records import made_entry

import cytobench
from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.evaluation import evaluate
from cytobench.profiling.aggregate import cells_to_wells
from cytobench.profiling.postprocess import NotAvailableError
from cytobench.results.runs import Run
from cytobench.schema import dump_json, load_json, validate
from cytobench.scoring.moa import not_same_compound_or_batch
from cytobench.sensitivity.cells import cells_of
from cytobench.sensitivity.declaration import METRICS, Declaration, Setting
from cytobench.sensitivity.measure import measure
from cytobench.sensitivity.record import SensitivityRecord
from cytobench.sensitivity.scoring import ScoredWells, gallery, similarity
from cytobench.sensitivity.sources import MEASURING, declaration_of, measured_by
from cytobench.sensitivity.wells import PreparedWells, WellChoices, WellTables
from cytobench.sensitivity.whitening import whitened_wells

BENCHMARK = registry.benchmark("bbbc021-moa")
DECLARATION = declaration_of(BENCHMARK)
REFERENCE = DECLARATION.reference
PACKAGE = Path(cytobench.__file__).parent


def run_of(folder, store, *, cells=True, spoil=None, gaps=None):
    """A finished run of five features of a store's cells that know a little of the compound.

    ``spoil`` changes its scores, ``gaps`` its cells.
    """
    generator = np.random.default_rng(0)
    known = store.cells["compound"].astype("category").cat.codes.to_numpy()[:, None] * [0.3, 0.1, 0.0, 0.0, -0.2]
    values = (known + generator.normal(2, 1, (len(store), 5))).astype(np.float32)
    if gaps:
        gaps(values)
    profiles = cells_to_wells(values, store.cells, [f"feature_{n}" for n in range(5)])
    entry = made_entry(
        "five", dataset="tiny", dataset_identity=store.identity, command=f"cytobench run --dataset {store.path}", stages={}
    )
    run = Run.at(folder, entry.run)
    scores = BENCHMARK.score(profiles)
    scores = spoil(scores) if spoil else scores

    def write():
        profiles.to_parquet(run.path / "profiles.parquet", index=False)
        if cells:
            np.save(run.path / "embeddings.npy", values)

    with run.writing():
        run.stage("embed", ("profiles.parquet",), "cpu", write)
        run.stage("score", ("scores.json",), "cpu", lambda: (run.path / "scores.json").write_text(dump_json(scores)) and None)
    return run


@pytest.fixture(scope="module")
def run(tiny_store, tmp_path_factory):
    return run_of(tmp_path_factory.mktemp("runs"), tiny_store)


@pytest.fixture(scope="module")
def record(run):
    return measure(run, [REFERENCE.changed(whitening="cytogan", postprocessing="raw", averaging="compounds")])


def scores_at(record, metric, /, **changed):
    """A score of a map at the reference with some axes changed; None where there is none."""
    return getattr(record.measured()[REFERENCE.changed(**changed)], metric)


class TestReference:
    def test_it_is_the_protocol(self):
        said = BENCHMARK.protocol
        assert (REFERENCE.aggregation, REFERENCE.metric) == (said.cells_to_wells, said.distance)
        assert REFERENCE.postprocessing == said.headline
        assert set(said.panel) <= set(DECLARATION.postprocessings)

    def test_its_scores_are_those_of_the_run_to_the_last_bit(self, run, record):
        assert any(entry.available for entry in run.scores.panel)
        for entry in run.scores.panel:
            for metric in METRICS:
                here = scores_at(record, metric, postprocessing=entry.postprocessing)
                scored = getattr(entry, metric)
                assert (here and here.value) == (scored and scored.value)
        assert record.intervals["nsc"] == run.scores.entry().nsc

    def test_other_scores_are_refused(self, tiny_store, tmp_path):
        def spoil(scores):
            nsc = scores.panel[0].nsc.model_copy(update={"value": scores.panel[0].nsc.value + 1e-12})
            return scores.model_copy(update={"panel": (scores.panel[0].model_copy(update={"nsc": nsc}), *scores.panel[1:])})

        with pytest.raises(CytoBenchError, match="nsc under raw is .* here, but scores.json says"):
            measure(run_of(tmp_path, tiny_store, cells=False, spoil=spoil))

    def test_a_benchmark_without_axes_has_no_map(self):
        with pytest.raises(CytoBenchError, match="has no sensitivity.yaml"):
            declaration_of(object())


class TestAxes:
    def test_averaging_over_compounds_is_the_score_that_the_run_has(self, run, record):
        for entry in run.scores.panel:
            if entry.available:
                here = scores_at(record, "nsc", postprocessing=entry.postprocessing, averaging="compounds")
                assert (here.value, here.n) == (entry.nsc_compound.value, entry.nsc_compound.n)

    def test_nscb_over_all_counts_the_unreachable_as_wrong(self, record):
        counted, over_all = scores_at(record, "nscb"), scores_at(record, "nscb", nscb_over="all")
        assert over_all.n == 20 > counted.n
        assert over_all.value * over_all.n <= counted.value * counted.n + 1e-9

    @pytest.mark.parametrize(("metric", "nearest"), [("cosine", 1), ("euclidean", 2)])
    def test_angle_and_distance_find_another_neighbour(self, metric, nearest):
        alike = similarity(np.array([[1.0, 0.0], [10.0, 0.1], [1.0, 1.0]]), metric)
        assert np.argmax(alike[0, 1:]) + 1 == nearest

    def test_pearson_is_numpys_and_a_flat_profile_is_like_nothing(self):
        profiles = np.random.default_rng(0).normal(size=(6, 9))
        np.testing.assert_allclose(similarity(profiles, "pearson"), np.corrcoef(profiles), atol=1e-9)
        assert similarity(np.array([[0.1, 0.1, 0.1], [1.0, 2.0, 3.0]]), "pearson").tolist() == [[0, 0], [0, 1]]

    def test_a_distance_ignores_the_unit_and_does_not_overflow(self):
        profiles = np.random.default_rng(0).normal(size=(6, 9))
        assert np.array_equal(similarity(profiles, "euclidean"), similarity(profiles * 2.0**300, "euclidean"))

    def test_cells_to_treatments_is_the_mean_over_cells(self):
        cells = screen_cells(cells=1)
        cells = cells.loc[cells.index.repeat(np.arange(len(cells)) % 4 + 1)].reset_index(drop=True)
        values = np.random.default_rng(0).normal(size=(len(cells), 3))
        wells = PreparedWells(BENCHMARK, cells_to_wells(values, cells, list("abc")), pinned=True)
        found = ScoredWells(wells, wells.apply("raw"))._treatments(by_cells=True)
        for row, treatment in enumerate(wells.screen.treatments):
            own = (cells["compound"] == treatment.compound) & (cells["concentration"] == treatment.concentration)
            np.testing.assert_allclose(found[row], values[own].mean(axis=0))

    def test_every_value_of_every_axis_is_measured(self, record):
        for axis, value in DECLARATION.alternatives():
            point = record.measured()[REFERENCE.changed(**{axis: value})]
            assert point.available == (axis != "taxol"), (axis, value)
        assert record.places[0].available

    def test_a_choice_leaves_alone_what_it_cannot_move(self, record):
        for axis, value in DECLARATION.alternatives():
            for metric in set(METRICS) - set(DECLARATION.axes[axis].moved_by(value)):
                here = scores_at(record, metric, **{axis: value})
                assert here is None or axis == "taxol" or here == scores_at(record, metric)


class TestTaxol:
    @pytest.fixture
    def profiles(self):
        """A control and taxol well on four plates of two weeks, the pinned one first, and two other compounds in one week."""
        rows = [(plate, "D05", "taxol", 0.3) for plate in ("Week1_22123", "Week1_9", "Week2_1", "Week2_2")]
        rows += [(plate, "A01", "DMSO", 0.0) for plate, *_ in rows[:4]]
        rows += [("Week1_9", "B01", "epothilone B", 0.1), ("Week2_1", "B02", "vincristine", 0.01)]
        table = pd.DataFrame(rows, columns=[f"Metadata_{name}" for name in ("Plate", "Well", "Compound", "Concentration")])
        return table.assign(a=np.arange(len(table)) + 1.0, b=1.0)

    @pytest.mark.parametrize(("pinned", "wells"), [(True, 7), (False, 10)])
    def test_the_wells_that_count(self, profiles, pinned, wells):
        assert len(PreparedWells(BENCHMARK, profiles, pinned=pinned).screen.wells) == wells

    def test_its_batches(self, profiles):
        wells = PreparedWells(BENCHMARK, profiles, pinned=False)
        names = [treatment.compound for treatment in wells.screen.treatments]
        taxol, other = names.index("taxol"), names.index("vincristine")
        assert wells.pinned == {"taxol@0.3"}
        assert not gallery(wells.screen, wells.pinned, "week", "all", False)[other, taxol]
        assert gallery(wells.screen, wells.pinned, "week", "all", True)[other, taxol]  # taxol is given Week1
        assert not gallery(wells.screen, wells.pinned, "plate", "all", False)[other, taxol]

    def test_where_there_are_no_other_wells_it_is_not_available(self, profiles):
        tables = WellTables(BENCHMARK, profiles.drop(index=[1, 2, 3]), lambda: None)
        with pytest.raises(NotAvailableError, match="no other wells"):
            tables.prepare(WellChoices.of(REFERENCE.changed(taxol="all-wells")))


def test_plates_are_a_larger_gallery_than_weeks(profiles):
    screen = PreparedWells(BENCHMARK, profiles, pinned=True).screen
    by_week, by_plate = (gallery(screen, frozenset(), batch, "all", False) for batch in ("week", "plate"))
    assert np.array_equal(by_week & by_plate, by_week)  # what is in another week is on another plate
    reachable = gallery(screen, frozenset(), "week", "reachable", False)
    assert np.array_equal(reachable, not_same_compound_or_batch(screen.compounds, screen.treatment_batches, screen.moas))


class TestExtents:
    def test_they_hold_every_point_of_the_factorial_and_name_both_ends(self, record):
        extent = record.extent("nsc")
        inside = [point.nsc.value for setting, point in record.measured().items() if point.nsc and setting.whitening == "none"]
        assert extent.low <= min(inside) <= max(inside) <= extent.high
        assert extent.low <= extent.quantiles["50%"] <= extent.high
        assert extent.settings + extent.unavailable == len(list(DECLARATION.factorial("nsc")))
        for changed, value in ((extent.at_low, extent.low), (extent.at_high, extent.high)):
            known = record.measured().get(REFERENCE.changed(**changed))
            assert known is None or known.nsc.value == value

    def test_what_cannot_move_a_score_is_not_combined(self):
        assert {setting.batch for setting in DECLARATION.factorial("nsc")} == {"week"}
        assert {setting.batch for setting in DECLARATION.factorial("nscb")} == {"week", "plate"}
        combined = list(DECLARATION.factorial("nscb"))
        assert len(set(combined)) == len(combined)
        assert combined[0] == REFERENCE


@pytest.fixture(scope="module")
def gaps(tiny_store, tmp_path_factory):
    """A run whose feature 1 is missing in most cells and feature 3 in all, and its map."""

    def gaps(values):
        values[np.arange(len(values)) % 4 != 0, 1] = np.nan
        values[:, 3] = np.nan

    run = run_of(tmp_path_factory.mktemp("gaps"), tiny_store, gaps=gaps)
    return run, measure(run)


class TestCells:
    def test_without_embeddings_what_needs_cells_is_not_available(self, tiny_store, tmp_path):
        found = measure(run_of(tmp_path, tiny_store, cells=False))
        point = found.measured()[REFERENCE.changed(aggregation="median")]
        assert (point.available, point.nsc, point.reason) == (False, None, "the run keeps no embeddings of single cells")
        assert scores_at(found, "nsc", aggregation="cells-to-treatments") is not None  # the table counts its cells

    def test_a_store_that_is_gone_is_said(self, tiny_store, tmp_path):
        run = run_of(tmp_path, tiny_store)
        run.update(command="cytobench run --dataset /gone")
        point = measure(run).measured()[REFERENCE.changed(whitening="cytogan")]
        assert point.reason == "the cell store tiny of the run is not on this machine, or holds other cells now"

    def test_embeddings_of_other_cells_are_refused(self, tiny_store, tmp_path):
        run = run_of(tmp_path, tiny_store)
        np.save(run.path / "embeddings.npy", np.load(run.path / "embeddings.npy")[::-1])
        with pytest.raises(CytoBenchError, match="is not profiles.parquet; run it again"):
            measure(run)

    def test_missing_values_lose_no_axis(self, gaps):
        run, found = gaps
        assert any(entry.available for entry in run.scores.panel)
        for axis, value in DECLARATION.alternatives():
            assert found.measured()[REFERENCE.changed(**{axis: value})].available == (axis != "taxol"), (axis, value)

    def test_whitened_wells_are_the_means_of_whitened_filled_cells(self, gaps):
        run, _ = gaps
        cells = cells_of(run, pd.read_parquet(run.path / "profiles.parquet"))
        control = (cells.cells["compound"] == "DMSO").to_numpy()
        filled = np.delete(np.array(cells.values, np.float64), 3, axis=1)
        filled[np.isnan(filled[:, 1]), 1] = np.nanmean(filled[control, 1])
        eigenvalues, vectors = np.linalg.eigh(np.cov(filled[control], rowvar=False))
        white = (filled - filled[control].mean(axis=0)) @ vectors / np.sqrt(eigenvalues + 1e-6)
        expected = cells_to_wells(white, cells.cells, list("abcd"))
        found = whitened_wells(cells, BENCHMARK.protocol)
        assert found["Metadata_Cells"].equals(expected["Metadata_Cells"])
        values = found[[f"whitened_{n}" for n in range(4)]].to_numpy()
        np.testing.assert_allclose(
            similarity(values, "cosine"), similarity(expected[list("abcd")].to_numpy(), "cosine"), atol=1e-9
        )
        np.testing.assert_allclose(np.abs(values), np.abs(expected[list("dcba")]), rtol=1e-7, atol=1e-9)

    def test_whitening_with_another_average_is_not_available(self, run):
        found = measure(run, [REFERENCE.changed(whitening="cytogan", aggregation="median")]).places[0]
        assert (found.available, found.reason) == (False, "whitened cells are averaged by their mean alone, not by median")

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            ("no value", "no feature has a value in any control cell to whiten by"),
            ("fails", "an eigenvalue did not converge"),
            ("refuses", "a control cell is odd"),
        ],
    )
    def test_what_fails_at_one_choice_is_lost_alone(self, tiny_store, tmp_path, monkeypatch, broken, reason):
        controls = (tiny_store.cells["compound"] == "DMSO").to_numpy()
        run = run_of(tmp_path, tiny_store, gaps=lambda values: broken == "no value" and values.__setitem__(controls, np.nan))
        if broken != "no value":
            error = np.linalg.LinAlgError(reason) if broken == "fails" else CytoBenchError(reason)
            monkeypatch.setattr("cytobench.sensitivity.whitening.stream_moments", mock.Mock(side_effect=error))
        found = measure(run)
        point = found.measured()[REFERENCE.changed(whitening="cytogan")]
        assert (point.available, point.reason) == (False, reason)
        assert scores_at(found, "nsc", postprocessing="raw", aggregation="median") is not None

    def test_an_error_names_the_run(self, tiny_store, tmp_path):
        run = run_of(tmp_path, tiny_store, cells=False)
        table = pd.read_parquet(run.path / "profiles.parquet")
        pd.concat([table, table[:1]]).to_parquet(run.path / "profiles.parquet")
        with pytest.raises(CytoBenchError, match=f"^{run.path}: .* stands in two rows"):
            measure(run)

    def test_a_median_is_not_the_mean(self, record):
        points = [scores_at(record, "map_replicate", postprocessing="raw", aggregation=how) for how in ("mean", "median")]
        assert points[0].value != points[1].value


class TestDeclaration:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda axes: axes.pop("taxol"), "the axes must be"),
            (lambda axes: axes["metric"].update(reference="angle"), "the reference 'angle' is not among the values"),
            (lambda axes: axes["metric"]["values"].update(city={"says": "x", "used_by": []}), "'city', which is none of cosine"),
            (
                lambda axes: axes["postprocessing"]["values"].update({"tvn-e": {"says": "x", "used_by": []}}),
                "postprocessing has the value 'tvn-e'; the names are percentile-plate",
            ),
        ],
    )
    def test_what_cannot_be_measured_is_refused(self, change, said):
        data = DECLARATION.model_dump(mode="json")
        change(data["axes"])
        with pytest.raises(CytoBenchError, match=said):
            validate(Declaration, data, "sensitivity.yaml")

    def test_a_setting_says_how_it_differs(self):
        assert REFERENCE.changed(metric="pearson").differences(REFERENCE) == {"metric": "pearson"}
        assert set(REFERENCE.model_dump()) == set(Setting.model_fields)


class TestSources:
    def test_every_module_that_decides_a_number_is_counted(self):
        folders = ("profiling", "scoring", "sensitivity")
        files = {f"cytobench.{f}.{path.stem}" for f in folders for path in (PACKAGE / f).glob("[!_]*.py")}
        realism = ("nearness", "realism", "realism_intervals", "resampling")  # which look at cells, and at no treatment
        silent = {f"cytobench.scoring.{name}" for name in realism}
        silent |= {f"cytobench.sensitivity.{name}" for name in ("published", "record", "sources")}
        assert files - silent == set(MEASURING)

    def test_a_record_says_what_measured_it(self, record, monkeypatch, tmp_path):
        assert record.measured_by == measured_by(BENCHMARK) != ""
        monkeypatch.setattr("cytobench.sensitivity.sources.MEASURING", MEASURING[1:])
        assert record.measured_by != measured_by(BENCHMARK)

    def test_another_declaration_is_another_measure(self, record, tmp_path):
        (tmp_path / "sensitivity.yaml").write_text((BENCHMARK.folder / "sensitivity.yaml").read_text() + "# more\n")
        with mock.patch.object(type(BENCHMARK), "folder", tmp_path):
            assert record.measured_by != measured_by(BENCHMARK)


def test_the_record_is_read_back_as_it_was_written(record, tmp_path):
    (tmp_path / "r.json").write_text(dump_json(record))
    assert load_json(SensitivityRecord, tmp_path / "r.json") == record
    assert json.loads(dump_json(record))["schema_version"] == 1


@pytest.fixture(scope="module")
def ljosa(data, tmp_path_factory):
    """The map of the table."""
    return measure(evaluate("ljosa2013", runs=tmp_path_factory.mktemp("ljosa")))


class TestLjosa:
    """What is known of the one table of Ljosa et al. 2013."""

    def changes(self, ljosa, metric, /, **changed):
        """Points of percent by which a score moves, over the panel."""
        panel = BENCHMARK.protocol.panel
        pairs = [
            (scores_at(ljosa, metric, postprocessing=n, **changed), scores_at(ljosa, metric, postprocessing=n)) for n in panel
        ]
        return np.array([100 * (here.value - there.value) for here, there in pairs])

    def test_post_processing_alone_moves_it_from_under_a_half_to_over_nine_tenths(self, ljosa):
        assert scores_at(ljosa, "nsc", postprocessing="raw").value < 0.5
        assert scores_at(ljosa, "nsc", postprocessing="sphering-1").value > 0.93

    def test_compounds_are_zero_to_nine_points_lower(self, ljosa):
        moved = self.changes(ljosa, "nsc", averaging="compounds")
        assert (moved <= 0).all() and (moved >= -9).all()
        assert -5 <= moved.mean() <= -3

    def test_plates_are_ten_to_twenty_two_points_higher(self, ljosa):
        moved = self.changes(ljosa, "nscb", batch="plate")
        assert (moved >= 10).all() and (moved <= 22).all()

    def test_over_103_it_is_lower_by_the_part_that_cannot_be_right(self, ljosa):
        moved = self.changes(ljosa, "nscb", nscb_over="all")
        assert -8.2 <= np.median(moved) <= -7.5
        assert scores_at(ljosa, "nscb", nscb_over="all").n == 103

    def test_distances_are_lower_and_pearson_is_near(self, ljosa):
        assert -5 <= self.changes(ljosa, "nsc", metric="euclidean").mean() <= -2
        assert abs(self.changes(ljosa, "nsc", metric="pearson").mean()) <= 1

    def test_what_needs_cells_is_not_available(self, ljosa):
        for axis, value in (("aggregation", "median"), ("aggregation", "cells-to-treatments"), ("whitening", "cytogan")):
            point = ljosa.measured()[REFERENCE.changed(**{axis: value})]
            assert (point.available, point.nsc, point.nscb, point.map_replicate) == (False, None, None, None)

    def test_it_has_no_other_taxol_wells(self, ljosa):
        assert "no other wells" in ljosa.measured()[REFERENCE.changed(taxol="all-wells")].reason
