"""Profile tables: what is a feature and what is not, and which row or column is wrong."""

import gzip

import numpy as np
import pandas as pd
import pytest

import cytobench
from cytobench.datasets.profile_table import ProfileTable, read_profiles
from cytobench.datasets.profiles import batch_of, feature_columns, treatment_name, well_metadata
from cytobench.errors import CytoBenchError


@pytest.fixture
def write(tmp_path, profiles):
    """Write the tiny screen's profiles, changed as asked, as CSV or Parquet."""

    def make(drop=(), rename=None, name="table.csv", **columns):
        table = profiles.assign(**columns).drop(columns=list(drop)).rename(columns=rename or {})
        path = tmp_path / name
        table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
        return path

    return make


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz", "table.parquet"])
def test_a_table_reads_back_from_every_format(write, profiles, name):
    table = ProfileTable.read(write(name=name))
    pd.testing.assert_frame_equal(table.profiles, profiles)
    assert (table.name, table.simulated, table.all_cells_counted) == ("table", False, False)
    pd.testing.assert_frame_equal(table.wells(), profiles)


def test_cellprofilers_prefix_is_read_too(write, profiles):
    path = write(rename={"Metadata_Plate": "Image_Metadata_Plate", "Metadata_Well": "Image_Metadata_Well"})
    assert list(read_profiles(path)) == list(profiles)


def test_tables_of_the_same_wells_are_one_screen_with_other_contents(write):
    whole, less = ProfileTable.read(write()), ProfileTable.read(write(name="less.csv", drop=["Cells_Feature0"]))
    assert whole.identity == less.identity
    assert whole.content_sha256 != less.content_sha256


def test_plates_that_are_numbers_are_names(write):
    table = read_profiles(write(Metadata_Plate=[22123] * 32 + [22124] * 32))
    assert set(table["Metadata_Plate"]) == {"22123", "22124"}


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"concentration": 1.0}, "the column 'concentration' is metadata; name it 'Metadata_Concentration'"),
        ({"row": 1}, "the column 'row' is metadata; name it 'Metadata_Row'"),
        ({"site": 1}, "the column 'site' is metadata; name it 'Metadata_Site'"),
        ({"cell_index": 1}, "the column 'cell_index' is metadata; name it 'Metadata_Cell_Index'"),
        ({"MOA": "Eg5"}, "the column 'MOA' is metadata; name it 'Metadata_MOA'"),
        ({"gene": "TP53"}, "the column 'gene' is not numeric; a metadata column's name begins with 'Metadata_'"),
        ({"Unnamed: 0": range(64)}, "a column has no name, as row numbers have that pandas writes; drop it (index=False)"),
        ({"passed": True}, "the column 'passed' is not numeric"),
        ({"Metadata_Concentration": "high"}, "the column 'Metadata_Concentration' must be a number in every row (micromolar)"),
        ({"drop": [f"Cells_Feature{n}" for n in range(5)]}, "has no feature column, only metadata"),
        ({"drop": ["Metadata_Well"]}, "has no column 'Metadata_Well' (or 'Image_Metadata_Well')"),
        ({"Metadata_Plate": ["a"] * 3 + [None] + ["b"] * 60}, "row 3 has no Metadata_Plate"),
        ({"Image_Metadata_Plate": "x"}, "the column 'Metadata_Plate' stands twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_table_is_one_sentence(write, cli, tmp_path, name, change, sentence):
    said = cli("evaluate", write(name=name, **change), "--runs", tmp_path / "runs").sentence
    assert sentence in said
    assert str(tmp_path / name) in said
    assert not (tmp_path / "runs").exists()


def test_a_column_that_stands_twice_in_a_csv_is_refused(write):
    path = write()
    path.write_text(path.read_text().replace("Cells_Feature3", "Cells_Feature1", 1))
    with pytest.raises(CytoBenchError, match="the column 'Cells_Feature1' stands twice"):
        read_profiles(path)


def test_row_numbers_that_pandas_wrote_are_no_feature(tmp_path, profiles):
    profiles.to_csv(tmp_path / "numbered.csv")
    with pytest.raises(CytoBenchError, match="a column has no name"):
        read_profiles(tmp_path / "numbered.csv")


def cut(path):
    path.write_bytes(path.read_bytes()[:300])


def empty(path):
    path.write_bytes(b"")


def header_only(path):
    path.write_text(path.read_text().split("\n")[0] + "\n")


def garble(path):
    content = bytearray(path.read_bytes())
    content[40:80] = bytes(40)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "harm", "sentence"),
    [
        ("table.parquet", cut, "cannot be read as a table ("),
        ("table.csv.gz", cut, "cannot be read as a table ("),
        ("table.csv.gz", garble, "cannot be read as a table"),
        ("table.csv", empty, "cannot be read as a table"),
        ("table.csv", header_only, "has no rows"),
    ],
)
def test_a_damaged_table_is_one_sentence(write, cli, tmp_path, name, harm, sentence):
    path = write(name=name)
    harm(path)
    said = cli("evaluate", path, "--runs", tmp_path / "runs").sentence
    assert f"{path}: {sentence}" in said
    assert not (tmp_path / "runs").exists()


def spoilt(profiles, value):
    column = profiles["Cells_Feature2"].to_numpy().copy()
    column[[7, 9]] = value
    return column


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_by_column_and_row(write, cli, profiles, tmp_path, value):
    path = write(Cells_Feature2=spoilt(profiles, value))
    said = cli("evaluate", path, "--runs", tmp_path / "runs").sentence
    assert (
        "2 values are not finite (or beyond 1e+100), the first in column 'Cells_Feature2', row 7; correct or drop that column"
        in said
    )
    assert ("--allow-nan" in said) == bool(np.isnan(value))
    assert not (tmp_path / "runs").exists()


def test_missing_values_are_imputed_and_counted_when_allowed(write, cli, profiles, tmp_path):
    path = write(Cells_Feature2=spoilt(profiles, np.nan))
    scores = cytobench.evaluate(str(path), allow_nan=True, runs=tmp_path / "runs").scores
    assert scores.counts.imputed == 2
    assert "2 missing values imputed" in cli("evaluate", path, "--allow-nan", "--runs", tmp_path / "runs").out
    infinite = write(name="infinite.csv", Cells_Feature2=spoilt(profiles, np.inf))
    assert "not finite" in cli("evaluate", infinite, "--allow-nan", "--runs", tmp_path / "runs").sentence


def test_a_row_for_each_cell_is_averaged_to_wells(tmp_path, profiles):
    cells = profiles.loc[profiles.index.repeat(3)].reset_index(drop=True)
    noise = np.random.default_rng(1).normal(size=(len(cells), 5))
    features = [column for column in cells if column.startswith("Cells_")]
    cells[features] += noise
    cells.sample(frac=1, random_state=0).to_csv(tmp_path / "cells.csv", index=False)
    wells = ProfileTable.read(tmp_path / "cells.csv").wells()
    keys = ["Metadata_Plate", "Metadata_Well"]
    pd.testing.assert_frame_equal(
        wells.set_index(keys)[features], cells.groupby(keys)[features].mean(), check_dtype=False, rtol=1e-12
    )
    assert (wells["Metadata_Cells"] == 3).all()


def test_cells_of_one_well_under_two_compounds_are_refused(tmp_path, profiles):
    mixed = pd.concat([profiles, profiles.assign(Metadata_Compound="taxol")])
    mixed.to_csv(tmp_path / "cells.csv", index=False)
    with pytest.raises(CytoBenchError, match="plate Week1_1, well A00: its cells have more than one compound"):
        ProfileTable.read(tmp_path / "cells.csv").wells()


def test_a_well_that_is_repeated_makes_no_table_of_cells(tmp_path, profiles):
    pd.concat([profiles, profiles.head(1)]).to_csv(tmp_path / "wells.csv", index=False)
    with pytest.raises(CytoBenchError, match="row 64 is plate Week1_1, well B00, which stands above; drop one"):
        ProfileTable.read(tmp_path / "wells.csv").wells()


def test_compound_without_concentration_is_refused(tmp_path, profiles):
    profiles.drop(columns="Metadata_Concentration").to_csv(tmp_path / "half.csv", index=False)
    with pytest.raises(CytoBenchError, match="has Metadata_Compound only; give compound and concentration, or neither"):
        ProfileTable.read(tmp_path / "half.csv").wells()


def test_other_separators_are_named(tmp_path, profiles):
    profiles.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    with pytest.raises(CytoBenchError, match="its columns are separated by ';' or a tab, not by a comma"):
        read_profiles(tmp_path / "semicolons.csv")


@pytest.mark.usefixtures("data")
class TestOfBBBC021:
    """Tables that know plate and well only."""

    def bare(self, tmp_path, plates, wells):
        table = pd.DataFrame({"Metadata_Plate": plates, "Metadata_Well": wells, "Cells_Size": np.arange(len(plates)) + 0.5})
        table.to_csv(tmp_path / "bare.csv", index=False)
        return tmp_path / "bare.csv"

    def test_compound_and_concentration_are_joined(self, tmp_path):
        wells = ProfileTable.read(self.bare(tmp_path, ["Week1_22123"] * 2, ["D05", "B02"])).wells()
        assert wells[["Metadata_Compound", "Metadata_Concentration"]].to_numpy().tolist() == [["taxol", 0.3], ["DMSO", 0.0]]

    @pytest.mark.parametrize(
        ("plates", "wells", "sentence"),
        [
            (
                ["Week1_22123", "Week1_99999"],
                ["D05", "B02"],
                "row 1 is plate Week1_99999, well B02, a plate that BBBC021 does not",
            ),
            (
                ["Week1_22123", "Week1_22123"],
                ["D05", "A01"],
                "row 1 is plate Week1_22123, well A01, a well that BBBC021 does not",
            ),
            ([22123, 22123], ["D05", "B02"], "row 0 is plate 22123, well D05, a plate that BBBC021 does not have (2 such rows)"),
        ],
    )
    def test_an_unknown_plate_or_well_is_named(self, tmp_path, cli, plates, wells, sentence):
        said = cli("evaluate", self.bare(tmp_path, plates, wells), "--runs", tmp_path / "runs").sentence
        assert sentence in said
        assert not (tmp_path / "runs").exists()


def test_a_profile_method_sees_no_compound(profiles):
    seen = well_metadata(profiles.assign(Metadata_MOA="x"))
    assert list(seen) == ["Metadata_Plate", "Metadata_Well", "Metadata_Batch"]
    assert set(seen["Metadata_Batch"]) == {"Week1", "Week2"}


def test_names():
    assert treatment_name("taxol", 0.3) == treatment_name("taxol", 0.30000001) == "taxol@0.3"
    assert batch_of(["Week1_22123", "Week10_1"]).tolist() == ["Week1", "Week10"]


@pytest.mark.parametrize("plate", ["22123", "plate", "_1", "Week1_"])
def test_a_plate_without_batch_is_refused(plate):
    """Its own name as batch would make NSCB a not-same-plate score, 10 to 22 points higher."""
    with pytest.raises(CytoBenchError, match=f"plate {plate}: no batch in its name; plates are named as in BBBC021"):
        batch_of(["Week1_22123", plate])


@pytest.mark.parametrize(
    "column",
    ["moa_id", "MOA_label", "compound_id", "metadata_Concentration", "Metadata-Dose", "concentration_uM", "Plate_ID", "well_row",
     "TreatmentID", "weekNumber", "Row", "cells"],
)  # fmt: skip
def test_a_column_that_tells_what_is_scored_is_no_feature(write, column):
    with pytest.raises(CytoBenchError, match=f"the column '{column}' is metadata; name it 'Metadata_"):
        read_profiles(write(**{column: 1.0}))


def test_no_published_feature_is_taken_for_metadata(data):
    assert len(feature_columns(read_profiles(data / "ljosa2013" / "per_well_mean.csv.gz"))) == 516


def test_wells_are_read_with_two_digits(write):
    assert set(read_profiles(write(Metadata_Well=["D5"] * 64))["Metadata_Well"]) == {"D05"}


def test_contents_other_than_bbbc021s_are_refused(data, tmp_path, monkeypatch):
    """Permuted compounds would score a made-up screen under real names."""
    monkeypatch.setenv("CYTOBENCH_DATA", str(data))
    wells = ProfileTable.read(data / "ljosa2013" / "per_well_mean.csv.gz").wells()
    wells["Metadata_Compound"] = wells["Metadata_Compound"].to_numpy()[::-1]
    wells.to_parquet(tmp_path / "permuted.parquet")
    with pytest.raises(CytoBenchError, match=r"row \d+ says that plate Week\d+_\d+, well \w+ holds .* but in BBBC021 it holds "):
        ProfileTable.read(tmp_path / "permuted.parquet").wells()


def test_a_truncated_gzip_is_really_truncated(write):
    path = write(name="table.csv.gz")
    cut(path)
    with pytest.raises(EOFError):
        gzip.decompress(path.read_bytes())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"concentration": 1.0}, "the profiles: the column 'concentration' is metadata; name it 'Metadata_Concentration'"),
        (
            {"Cells_Feature0": np.inf},
            "the profiles: 64 values are not finite (or beyond 1e+100), the first in column 'Cells_Feature0', row 0",
        ),
    ],
)
def test_a_table_in_memory_is_checked_too(profiles, change, sentence):
    with pytest.raises(CytoBenchError) as raised:
        cytobench.score(profiles.assign(**change))
    assert sentence in str(raised.value)
