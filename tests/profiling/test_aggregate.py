"""Averages against pandas, and imputation."""

import numpy as np
import pandas as pd
import pytest

from cytobench.errors import CytoBenchError
from cytobench.profiling import aggregate
from cytobench.profiling.aggregate import cells_to_wells, impute, mean_by_group


def cells(n: int = 60) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    wells = generator.choice(["B02", "B03", "C05"], n)
    return pd.DataFrame({"plate": generator.choice(["P2", "P1"], n), "well": wells, "compound": wells, "concentration": 1.0})


@pytest.mark.parametrize("chunk", [7, 1000])
def test_cells_to_wells_is_the_groupby_mean(monkeypatch, chunk):
    monkeypatch.setattr(aggregate, "CHUNK_CELLS", chunk)
    table, values = cells(), np.random.default_rng(1).normal(size=(60, 4)).astype(np.float32)
    values[3, 2] = np.nan
    wells = cells_to_wells(values, table, list("abcd"))
    expected = pd.DataFrame(values, columns=list("abcd")).groupby([table["plate"], table["well"]]).mean()
    np.testing.assert_allclose(wells[list("abcd")], expected, rtol=1e-6)
    assert wells["Metadata_Cells"].sum() == 60
    assert list(zip(wells["Metadata_Plate"], wells["Metadata_Well"], strict=True)) == list(expected.index)


def test_a_well_with_two_compounds_is_named():
    table = cells()
    table.loc[0, "compound"] = "other"
    where = f"plate {table['plate'][0]}, well {table['well'][0]}: its cells have more than one compound"
    with pytest.raises(CytoBenchError, match=where):
        cells_to_wells(np.zeros((60, 1)), table, ["a"])


def test_impute_fills_by_the_controls_median_and_counts():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan], [np.nan, 7.0, np.nan], [9.0, 11.0, np.nan]])
    control = np.array([True, True, False, False])
    filled, imputed, dropped = impute(values, control)
    assert (imputed, dropped) == (2, 1)  # the third feature has no value anywhere: it is dropped, not imputed
    assert np.array_equal(filled, [[1, 5], [3, 5], [2, 7], [9, 11]])


def test_impute_leaves_whole_values_alone():
    values = np.ones((2, 2))
    assert impute(values, np.array([True, False])) == (values, 0, 0)


def test_mean_by_group():
    assert np.array_equal(mean_by_group(np.array([[1.0], [3.0], [10.0]]), np.array([1, 1, 0]), 2), [[10.0], [2.0]])
