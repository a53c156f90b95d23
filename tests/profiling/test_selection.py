"""Feature selection against pycytominer called plainly and against the formulas."""

import builtins
import warnings

import numpy as np
import pandas as pd
import pytest
from pycytominer import feature_select
from pycytominer.operations import correlation_threshold

import cytobench
from cytobench.datasets.profiles import feature_columns
from cytobench.errors import CytoBenchError
from cytobench.profiling.selection import select_features


@pytest.fixture
def table() -> pd.DataFrame:
    """60 wells: five groups of like features, one constant, one nearly so, one with missing values, one on the blocklist."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(60, 5))
    features = np.repeat(hidden, 4, axis=1) + 0.2 * generator.normal(size=(60, 20)) + 3
    found = pd.DataFrame(features, columns=[f"Cells_Feature{number}" for number in range(20)])
    found["Cells_Constant"] = 7.0
    found["Cells_NearlyConstant"] = 1e4 + generator.normal(0, 1, 60)
    found["Nuclei_Missing"] = np.where(np.arange(60) % 10 == 0, np.nan, generator.normal(size=60))
    found["Nuclei_Correlation_Manders_AGP_DNA"] = generator.normal(size=60)
    found.insert(0, "Metadata_Well", [f"B{number:02d}" for number in range(60)])
    return found


def kept_by_pycytominer(profiles: pd.DataFrame, *operations: str) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = feature_select(profiles, features=feature_columns(profiles), operation=list(operations))
    return feature_columns(found)


@pytest.mark.parametrize("operations", [("drop_na_columns",), ("blocklist",), ("drop_na_columns", "correlation_threshold")])
def test_is_pycytominer_on_random_features(table, operations):
    assert select_features(table, operations) == kept_by_pycytominer(table, *operations)


def test_each_operation_leaves_out_what_it_is_for(table):
    everything = set(feature_columns(table))
    assert everything - set(select_features(table, ["drop_na_columns"])) == {"Nuclei_Missing"}
    assert everything - set(select_features(table, ["variance_threshold"])) == {"Cells_Constant", "Cells_NearlyConstant"}
    assert everything - set(select_features(table, ["blocklist"])) == {"Nuclei_Correlation_Manders_AGP_DNA"}
    kept = select_features(table, ["drop_na_columns", "variance_threshold", "correlation_threshold"])
    assert sum(name.startswith("Cells_Feature") for name in kept) == 5


def test_no_two_features_that_are_kept_correlate(table):
    kept = select_features(table, ["drop_na_columns", "variance_threshold", "correlation_threshold"])
    between = np.corrcoef(table[kept].to_numpy().T) - np.eye(len(kept))
    assert between.max() <= 0.9
    everything = table[[name for name in feature_columns(table) if name.startswith("Cells_Feature")]]
    assert (np.corrcoef(everything.to_numpy().T) - np.eye(20)).max() > 0.9


def test_missing_values_correlate_as_in_pycytominer(table):
    """Pairwise complete where a value is missing."""
    table.loc[3, "Cells_Feature2"] = np.nan
    assert select_features(table, ["correlation_threshold"]) == kept_by_pycytominer(table, "correlation_threshold")


@pytest.mark.parametrize("features", [200, 600])
def test_correlation_is_pycytominers_where_most_pairs_are_alike(features):
    generator = np.random.default_rng(features)
    values = generator.normal(size=(90, 8)) @ generator.normal(size=(8, features)) ** 3
    like = pd.DataFrame(values, columns=[f"Cells_{number}" for number in range(features)])
    expected = set(correlation_threshold(like, list(like)))
    kept = select_features(like, ["correlation_threshold"])
    assert len(expected) > features / 4
    assert set(kept) == set(like) - expected


def test_units_do_not_matter(table):
    """By powers of two, which round nothing."""
    operations = ["drop_na_columns", "variance_threshold", "blocklist", "correlation_threshold"]
    units = dict.fromkeys(feature_columns(table), 1.0)
    units |= {name: 2.0 ** (3 * (number % 7) - 9) for number, name in enumerate(units)}
    scaled = table.assign(**{name: table[name] * unit for name, unit in units.items()})
    assert select_features(scaled, operations) == select_features(table, operations)


def test_labels_are_not_looked_at(table):
    operations = ["drop_na_columns", "variance_threshold", "correlation_threshold"]
    labelled = table.assign(Metadata_MOA=np.arange(60), Metadata_Compound="x")
    assert select_features(labelled, operations) == select_features(table, operations)


def test_a_thousand_like_features_are_selected_in_seconds():
    """pycytominer visits 523,776 pairs one by one, which takes most of a minute."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(906, 1)) + 0.1 * generator.normal(size=(906, 1_024))
    like = pd.DataFrame(values, columns=[f"Cells_{number}" for number in range(1_024)])
    operations = ["drop_na_columns", "variance_threshold", "blocklist", "correlation_threshold"]
    assert len(select_features(like, operations)) == 1


@pytest.fixture
def ljosa(data, monkeypatch) -> pd.DataFrame:
    """632 wells x 516 features."""
    monkeypatch.setenv("CYTOBENCH_DATA", str(data))
    return cytobench.open_dataset("ljosa2013").wells()


@pytest.mark.parametrize(
    ("operations", "fewer"),
    [(("blocklist",), False), (("drop_na_columns", "correlation_threshold"), True)],  # the blocklist names other stains
)
def test_is_pycytominer_on_ljosa(ljosa, operations, fewer):
    kept = select_features(ljosa, operations)
    assert kept == kept_by_pycytominer(ljosa, *operations)
    assert (len(kept) < 516) == fewer


def test_variance_on_ljosa_is_the_formula(ljosa):
    features = ljosa[feature_columns(ljosa)]
    relative = features.var(ddof=0) / features.abs().mean() ** 2
    expected = list(features.columns[(relative > 1e-6).to_numpy()])
    assert select_features(ljosa, ["variance_threshold"]) == expected


def test_errors_say_what_to_do(table, monkeypatch):
    with pytest.raises(CytoBenchError, match="no feature selection 'variance_treshold'.*did you mean 'variance_threshold'"):
        select_features(table, ["variance_treshold"])
    with pytest.raises(CytoBenchError, match="no feature is left after 'variance_threshold'"):
        select_features(table[["Metadata_Well", "Cells_Constant"]], ["variance_threshold"])
    imported = builtins.__import__

    def without(name, *rest):
        if name.startswith("pycytominer"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CytoBenchError, match=r"pip install 'cytobench\[selection\]'"):
        select_features(table, ["blocklist"])
