"""BBBC021's plate map, checked against what is known of it, and its data sets where they are absent."""

import gzip

import pandas as pd
import pooch
import pytest
import requests

import cytobench
from cytobench.datasets import plate_map
from cytobench.errors import CytoBenchError

TABLE = "BBBC021_v1_image.csv"


@pytest.fixture(scope="module")
def wells(data):
    return plate_map.plate_map()


def test_the_plate_map_is_the_whole_screen(wells):
    assert list(wells) == ["Metadata_Plate", "Metadata_Well", "Metadata_Compound", "Metadata_Concentration"]
    assert len(wells) == 3300
    assert not wells.duplicated(["Metadata_Plate", "Metadata_Well"]).any()
    assert wells["Metadata_Plate"].nunique() == 55
    assert wells["Metadata_Compound"].nunique() == 113
    assert not wells.isna().any(axis=None)


def test_every_plate_has_six_control_wells(wells):
    control = wells[wells["Metadata_Compound"] == "DMSO"]
    assert len(control) == 330
    assert (control.groupby("Metadata_Plate").size() == 6).all()
    assert (control["Metadata_Concentration"] == 0).all()


def test_taxol_is_the_positive_control_and_the_pinned_wells_are_there(wells):
    taxol = wells[(wells["Metadata_Compound"] == "taxol") & (wells["Metadata_Concentration"] == 0.3)]
    assert len(taxol) == 333
    pinned = taxol[
        (taxol["Metadata_Well"] == "D05") & taxol["Metadata_Plate"].str.contains("Week1_22123|Week1_22141|Week1_22161")
    ]
    assert len(pinned) == 3


def test_a_changed_plate_map_changes_no_other(wells):
    mine = plate_map.plate_map()
    mine["Metadata_Well"] = "A01"
    pd.testing.assert_frame_equal(plate_map.plate_map(), wells)


def test_every_treatment_of_the_protocol_is_in_the_screen(wells):
    from cytobench import registry

    there = wells.groupby(["Metadata_Compound", "Metadata_Concentration"]).size()
    counts = [there[t.compound, t.concentration] for t in registry.benchmark("bbbc021-moa").treatments.values()]
    assert len(counts) == 103
    assert sorted(counts)[-1] == 333
    assert (counts.count(3), counts.count(2)) == (95, 7)


def test_the_ljosa_table_has_a_compound_for_every_well(data):
    table = cytobench.open_dataset("ljosa2013")
    joined = table.wells()
    assert (len(joined), joined["Metadata_Compound"].nunique()) == (632, 39)
    assert (joined["Metadata_Compound"] == "DMSO").sum() == 330
    assert len([column for column in joined if not column.startswith("Metadata_")]) == 516


def truncated(raw):
    return raw[: len(raw) // 2]


def garbled(raw):
    return raw[:1000] + bytes(64) + raw[1064:]


def another(_):
    return gzip.compress(b"plate,well\nWeek1_1,B02\n")


def not_gzip(_):
    return b"<html>404</html>"


@pytest.mark.parametrize("harm", [truncated, garbled, another, not_gzip])
def test_a_damaged_table_is_refused(data, tmp_path, monkeypatch, harm):
    (tmp_path / "bbbc021").mkdir()
    (tmp_path / "bbbc021" / f"{TABLE}.gz").write_bytes(harm((data / "bbbc021" / f"{TABLE}.gz").read_bytes()))
    monkeypatch.setenv("CYTOBENCH_DATA", str(tmp_path))
    with pytest.raises(CytoBenchError, match=rf"{TABLE}\.gz: damaged, or not the official table .*; fetch it again$"):
        plate_map.plate_map()


def test_the_table_may_be_unpacked(data, wells, tmp_path, monkeypatch):
    (tmp_path / "bbbc021").mkdir()
    (tmp_path / "bbbc021" / TABLE).write_bytes(gzip.decompress((data / "bbbc021" / f"{TABLE}.gz").read_bytes()))
    monkeypatch.setenv("CYTOBENCH_DATA", str(tmp_path))
    pd.testing.assert_frame_equal(plate_map.plate_map(), wells)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    monkeypatch.delenv("CYTOBENCH_DATA", raising=False)
    monkeypatch.setenv("CYTOBENCH_CACHE", str(tmp_path / "cache"))

    def fail(error):
        def retrieve(*_, **__):
            raise error

        monkeypatch.setattr(pooch, "retrieve", retrieve)

    return fail


ERRORS = [
    OSError("no route to host"),
    requests.exceptions.ConnectionError("Max retries exceeded\nwith url"),
    requests.exceptions.HTTPError("404 Client Error"),
    ValueError("SHA256 hash of downloaded file does not match"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_without_data_and_network_both_ways_out_are_said(no_network, cli, profiles, tmp_path, error):
    no_network(error)
    profiles.drop(columns=["Metadata_Compound", "Metadata_Concentration"]).to_csv(tmp_path / "bare.csv", index=False)
    said = cli("evaluate", tmp_path / "bare.csv", "--runs", tmp_path / "runs").sentence
    assert f"https://data.broadinstitute.org/bbbc/BBBC021/{TABLE} could not be fetched: {type(error).__name__}" in said
    assert f"set CYTOBENCH_DATA to a folder with bbbc021/{TABLE}, or give the table Metadata_Compound and" in said
    assert not (tmp_path / "runs").exists()


def test_the_table_is_fetched_once_by_its_sha256(no_network, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(pooch, "retrieve", lambda *arguments: asked.append(arguments) or str(tmp_path / "nothing"))
    with pytest.raises(FileNotFoundError):
        plate_map.plate_map()
    assert asked == [(plate_map.IMAGE_TABLE_URL, f"sha256:{plate_map.IMAGE_TABLE_SHA256}", TABLE, tmp_path / "cache" / "bbbc021")]


@pytest.mark.parametrize(("name", "folder"), [("bbbc021-crops", "bbbc021_cells"), ("ljosa2013", "ljosa2013")])
def test_a_data_set_that_is_not_here_says_where_it_should_be(no_network, monkeypatch, tmp_path, name, folder):
    sentence = f"the data set {name} is not here: .*; set CYTOBENCH_DATA to the folder that holds {folder}/$"
    with pytest.raises(CytoBenchError, match=sentence.replace(".*", "CYTOBENCH_DATA is not set")):
        cytobench.open_dataset(name)
    monkeypatch.setenv("CYTOBENCH_DATA", str(tmp_path))
    with pytest.raises(CytoBenchError, match=sentence.replace(".*", ".* is not there")):
        cytobench.open_dataset(name)
    (tmp_path / folder).mkdir()
    with pytest.raises(CytoBenchError, match=r"cells\.npz|no such file"):
        cytobench.open_dataset(name)


def test_a_data_folder_that_is_none_is_said(monkeypatch):
    monkeypatch.setenv("CYTOBENCH_DATA", "/nowhere")
    with pytest.raises(CytoBenchError, match="CYTOBENCH_DATA names /nowhere, which is not a folder; correct or unset it"):
        cytobench.open_dataset("ljosa2013")
