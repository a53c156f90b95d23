"""The protocol bbbc021-moa, version 1: known points on real profiles, and what it does with imperfect screens."""

import hashlib
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from cytobench import registry
from cytobench.benchmark import MOABenchmark
from cytobench.datasets.plate_map import plate_map
from cytobench.datasets.profile_table import ProfileTable
from cytobench.datasets.profiles import feature_columns
from cytobench.errors import CytoBenchError
from cytobench.profiling.aggregate import mean_by_group
from cytobench.profiling.postprocess import Panel
from cytobench.results.schema import Scores
from cytobench.scoring import moa
from cytobench.scoring.screen import Screen


@pytest.fixture(scope="module")
def benchmark_() -> MOABenchmark:
    return registry.benchmark("bbbc021-moa")


@pytest.fixture(scope="module")
def ljosa(data: Path) -> pd.DataFrame:
    """632 wells x 516 CellProfiler features."""
    return ProfileTable.read(data / "ljosa2013" / "per_well_mean.csv.gz").wells()


@pytest.fixture(scope="module")
def scores(benchmark_: MOABenchmark, ljosa: pd.DataFrame) -> Scores:
    return benchmark_.score(ljosa)


@pytest.fixture
def screen_table(benchmark_: MOABenchmark) -> pd.DataFrame:
    """A made-up table with every treatment on three plates of one week and six DMSO wells a plate; features know the MOA."""
    generator = np.random.default_rng(0)
    moas = sorted({treatment.moa for treatment in benchmark_.treatments.values()})
    rows = []
    for number, treatment in enumerate(benchmark_.treatments.values()):
        plates = [f"Week{number % 3}_{plate}" for plate in "123"]
        well = f"B{number:03d}"
        if treatment.name == "taxol@0.3":
            pinned = benchmark_.protocol.pinned_wells[0]
            plates, well = list(pinned.plates), pinned.well
        signal = 4 * np.eye(12)[moas.index(treatment.moa)]
        rows += [
            (plate, well, treatment.compound, treatment.concentration, *(signal + generator.normal(0, 1, 12))) for plate in plates
        ]
    plates = sorted({row[0] for row in rows})
    rows += [(plate, f"A{well}", "DMSO", 0.0, *generator.normal(0, 1, 12)) for plate in plates for well in range(6)]
    metadata = ["Metadata_Plate", "Metadata_Well", "Metadata_Compound", "Metadata_Concentration"]
    return pd.DataFrame(rows, columns=[*metadata, *(f"F{number}" for number in range(12))])


def outcomes(scores: Scores) -> list[float]:
    return [prediction.correct for prediction in scores.predictions]


# --- what is pinned -------------------------------------------------------------------------------------------------


def test_version_1_says_what_it_said(benchmark_: MOABenchmark):
    """A changed protocol is a new version: give the new file a new number and a new digest here."""
    files = [benchmark_.folder / name for name in ("protocol.yaml", "treatments.csv")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    assert (benchmark_.version, digest[:16]) == (1, "9f991d285449e4f7")


def test_the_treatments_are_the_official_ones(benchmark_: MOABenchmark, data: Path):
    official = pd.read_csv(data / "bbbc021" / "BBBC021_v1_moa.csv")
    official = official[official["compound"] != "DMSO"]
    ours = {(t.compound, t.concentration, t.moa) for t in benchmark_.treatments.values()}
    assert ours == set(zip(official["compound"], official["concentration"], official["moa"], strict=True))
    assert (len(ours), len({c for c, _, _ in ours}), len({m for _, _, m in ours})) == (103, 38, 12)


# --- known points on the real Ljosa table ---------------------------------------------------------------------------


def test_ljosa_counts(scores: Scores):
    counts = scores.counts
    assert (counts.treatments, counts.compounds, counts.wells, counts.control_wells) == (103, 38, 632, 330)
    assert scores.warnings == ()


def test_ljosa_n_of_every_score(scores: Scores):
    entry = scores.entry()
    assert (entry.nsc.n, entry.nsc_compound.n, entry.nscb.n, entry.map_moa.n) == (103, 38, 92, 103)
    # 302 treated wells, less the 12 of Week5 and Week6, each of which has one labelled compound: no negatives there
    assert entry.map_replicate.n == 290


def test_ljosa_pearson_of_plate_zscores_is_the_published_082(benchmark_: MOABenchmark, ljosa: pd.DataFrame):
    """cytominergallery's predict_moa: per-plate DMSO z-scores, means, Pearson correlation: 0.82, 95% CI 0.73-0.89.

    85 of 103 are 0.8252 with the exact binomial interval (0.7379, 0.8930): the published figures, cut to two decimals.
    """
    screen = Screen(benchmark_.protocol, benchmark_.treatments, ljosa)
    panel = Panel(screen.values, screen.control, screen.plates, screen.batches)
    wells = panel.apply("zscore-plate").values[screen.treated]
    similarity = np.corrcoef(mean_by_group(wells, screen.owner, len(screen.treatments)))
    found = moa.nearest_neighbours(similarity, moa.not_same_compound(screen.compounds), screen.moas)
    interval = binomtest(int(found.correct.sum()), len(found.correct)).proportion_ci()
    figures = (found.correct.mean(), interval.low, interval.high)
    assert [math.floor(100 * figure) for figure in figures] == [82, 73, 89]


def test_ljosa_raw_is_under_half_and_sphering_over_90(scores: Scores):
    assert scores.entry("raw").nsc.value < 0.50
    assert scores.entry("sphering-1").nsc.value > 0.93
    assert scores.entry("sphering-lw").nsc.value == pytest.approx(0.903, abs=0.001)


def test_ljosa_dropped_features(scores: Scores):
    assert scores.entry("zscore-plate").features_dropped == 3
    assert scores.entry("standardize").features_dropped == 0


def test_ljosa_by_loops(benchmark_: MOABenchmark, ljosa: pd.DataFrame, scores: Scores):
    """The headline's NSC and NSCB once more, in plain pandas and loops over treatments."""
    labels = {(t.compound, t.concentration): t.moa for t in benchmark_.treatments.values()}
    screen = Screen(benchmark_.protocol, benchmark_.treatments, ljosa)
    processed = Panel(screen.values, screen.control, screen.plates, screen.batches).apply("sphering-lw").values
    keys = ["Metadata_Compound", "Metadata_Concentration"]
    profiles = pd.DataFrame(processed).groupby([screen.wells[key] for key in keys]).mean().drop("DMSO", level=0)
    week = {
        key: plate.split("_")[0]
        for key, plate in zip(zip(*(ljosa[k] for k in keys), strict=True), ljosa["Metadata_Plate"], strict=True)
    }
    single_week = {"Cholesterol-lowering", "Kinase inhibitors"}
    hits, hits_batch = [], []
    for query, profile in profiles.iterrows():
        others = profiles.drop(query[0], level=0)
        distance = 1 - others @ profile / (np.linalg.norm(others, axis=1) * np.linalg.norm(profile))
        hits.append(labels[distance.idxmin()] == labels[query])
        if labels[query] not in single_week:
            allowed = [key for key in others.index if week[key] != week[query] and labels[key] not in single_week]
            hits_batch.append(labels[distance[allowed].idxmin()] == labels[query])
    assert (np.mean(hits), np.mean(hits_batch)) == pytest.approx((scores.entry().nsc.value, scores.entry().nscb.value))
    assert len(hits_batch) == 92


def test_predictions_and_confusion_agree_with_the_score(scores: Scores):
    assert np.mean(outcomes(scores)) == pytest.approx(scores.entry().nsc.value)
    confusion = np.array(scores.confusion)
    assert confusion.sum() == pytest.approx(103)
    assert np.trace(confusion) == pytest.approx(sum(outcomes(scores)))
    for prediction in scores.predictions:
        assert prediction.correct == float(prediction.predicted == prediction.moa)
        assert prediction.neighbour.rsplit("@", 1)[0] != prediction.compound


def test_taxol_rule_on_the_whole_screen(benchmark_: MOABenchmark, data: Path, monkeypatch: pytest.MonkeyPatch):
    """Of 333 taxol 0.3 uM wells three count."""
    monkeypatch.setenv("CYTOBENCH_DATA", str(data))
    wells = plate_map()
    assert ((wells["Metadata_Compound"] == "taxol") & (wells["Metadata_Concentration"] == 0.3)).sum() == 333
    screen = Screen(benchmark_.protocol, benchmark_.treatments, wells.assign(F=1.0))
    taxol = screen.wells[(screen.wells["Metadata_Compound"] == "taxol") & (screen.wells["Metadata_Concentration"] == 0.3)]
    assert sorted(taxol["Metadata_Plate"] + taxol["Metadata_Well"]) == ["Week1_22123D05", "Week1_22141D05", "Week1_22161D05"]
    assert len(screen.treatments) == 103


# --- what imperfect screens get -------------------------------------------------------------------------------------


def test_a_representation_of_the_moa_scores_one(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    exact = screen_table.copy()
    features = feature_columns(exact)
    treated = exact["Metadata_Compound"] != "DMSO"
    exact.loc[treated, features] = (exact.loc[treated, features] > 2).astype(float) * 5
    assert benchmark_.score(exact).entry("raw").nsc.value > 0.9


def test_labels_do_not_leak_into_profiles(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    """Scores of the same profiles under shuffled compounds fall to chance: nothing but the features carries the label."""
    shuffled = screen_table.copy()
    treated = (shuffled["Metadata_Compound"] != "DMSO").to_numpy()
    features = feature_columns(shuffled)
    shuffled.loc[treated, features] = np.random.default_rng(1).permutation(shuffled.loc[treated, features].to_numpy())
    assert benchmark_.score(shuffled).entry().nsc.value < 0.35 < benchmark_.score(screen_table).entry().nsc.value


def test_order_of_wells_does_not_matter(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    again = benchmark_.score(screen_table.sample(frac=1, random_state=0))
    first = benchmark_.score(screen_table)
    assert [entry.nsc.value for entry in again.panel] == pytest.approx([entry.nsc.value for entry in first.panel])


def test_missing_treatments_are_named(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    without = screen_table[screen_table["Metadata_Compound"] != "emetine"]
    scored = benchmark_.score(without)
    assert scored.counts.treatments == 100 == scored.entry().nsc.n
    assert scored.warnings[0].startswith("3 of the protocol's 103 treatments have no well: emetine@0.1, emetine@0.3, emetine@1")


def test_treatments_that_cannot_be_right_are_counted(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    kept = screen_table["Metadata_Compound"].isin(["DMSO", "taxol", "emetine", "anisomycin"])
    assert "3 treatments cannot be right: no other compound of their MOA is here" in benchmark_.score(screen_table[kept]).warnings


def test_huge_values_are_scored_without_overflow(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    features = feature_columns(screen_table)
    huge = screen_table.assign(**{name: screen_table[name] * 1e90 for name in features})
    assert benchmark_.score(huge).entry("raw").nsc == benchmark_.score(screen_table).entry("raw").nsc


def test_other_treatments_are_left_out_and_counted(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    more = screen_table.head(2).assign(Metadata_Compound="aspirin", Metadata_Well=["Z1", "Z2"])
    scored = benchmark_.score(pd.concat([screen_table, more], ignore_index=True))
    assert scored.warnings == ("2 wells of other treatments left out",)
    assert outcomes(scored) == outcomes(benchmark_.score(screen_table))


def test_single_replicate_treatments_have_no_replicate_query(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    treatments = screen_table.groupby(["Metadata_Compound", "Metadata_Concentration"]).cumcount()
    single = screen_table[(treatments == 0) | (screen_table["Metadata_Compound"] == "DMSO")]
    entry = benchmark_.score(single).entry()
    assert entry.map_replicate is None
    assert entry.nsc.n == 103


def test_no_control_wells_leaves_raw_only(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    scored = benchmark_.score(screen_table[screen_table["Metadata_Compound"] != "DMSO"])
    assert [entry.postprocessing for entry in scored.panel if entry.available] == ["raw"]
    assert scored.entry().reason == "the whole data set has 0 control wells, fewer than 4"
    assert scored.predictions == ()
    assert "no DMSO well: only the raw profiles can be scored" in scored.warnings


def test_a_plate_without_dmso_makes_zscore_plate_unavailable_and_nothing_else(
    benchmark_: MOABenchmark, screen_table: pd.DataFrame
):
    lost = (screen_table["Metadata_Plate"] == "Week1_1") & (screen_table["Metadata_Compound"] == "DMSO")
    scored = benchmark_.score(screen_table[~lost])
    unavailable = {entry.postprocessing: entry.reason for entry in scored.panel if not entry.available}
    assert unavailable == {"zscore-plate": "plate Week1_1 has 0 control wells, fewer than 4"}


def test_nan_is_imputed_and_counted(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    screen_table.loc[[3, 5], "F0"] = np.nan
    assert benchmark_.score(screen_table).counts.imputed == 2


def test_a_well_in_two_rows_is_named(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    with pytest.raises(CytoBenchError, match="plate Week0_1, well B000 stands in two rows"):
        benchmark_.score(pd.concat([screen_table, screen_table.head(1)]))


def test_another_screen_is_refused(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    with pytest.raises(CytoBenchError, match="no well has one of the 103 treatments of bbbc021-moa"):
        benchmark_.score(screen_table.assign(Metadata_Compound="aspirin"))


def test_constant_profiles_get_chance_not_luck(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    """All treatments tie, so each expects the share of its MOA among the other compounds."""
    features = feature_columns(screen_table)
    screen_table[features] = 1.0
    entry = benchmark_.score(screen_table).entry("raw")
    treatments = list(benchmark_.treatments.values())
    expected = [np.mean([o.moa == t.moa for o in treatments if o.compound != t.compound]) for t in treatments]
    assert entry.nsc.value == pytest.approx(np.mean(expected))


# --- paired comparison ----------------------------------------------------------------------------------------------


def test_compare_is_paired_over_treatments(benchmark_: MOABenchmark, scores: Scores, ljosa: pd.DataFrame):
    noisy = ljosa.copy()
    features = feature_columns(noisy)
    noisy[features] += np.random.default_rng(0).normal(0, 3, (len(noisy), len(features))) * noisy[features].std().to_numpy()
    worse = benchmark_.score(noisy)
    difference = benchmark_.compare(scores, worse)
    assert difference.value == pytest.approx(np.mean(outcomes(scores)) - np.mean(outcomes(worse)))
    assert difference.value > 0 and difference.low > 0 and difference.p < 0.01
    assert benchmark_.compare(worse, scores).value == pytest.approx(-difference.value)


def test_compare_uses_the_treatments_that_both_have(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    without = benchmark_.score(screen_table[screen_table["Metadata_Compound"] != "emetine"])
    assert benchmark_.compare(benchmark_.score(screen_table), without).n == 100


def test_compare_without_headline_is_none(benchmark_: MOABenchmark, screen_table: pd.DataFrame):
    raw_only = benchmark_.score(screen_table[screen_table["Metadata_Compound"] != "DMSO"])
    assert benchmark_.compare(benchmark_.score(screen_table), raw_only) is None
