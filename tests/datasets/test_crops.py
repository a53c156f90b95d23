"""Imported crops keep channels, bits and every cell; what is wrong with the input is one sentence and leaves nothing behind."""

import numpy as np
import pandas as pd
import pytest

from cytobench.datasets.crops import import_crops
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError

CHANNELS = ("DAPI", "Actin", "Tubulin")


@pytest.fixture(scope="module")
def real(data, tmp_path_factory):
    """The 1,996 real crops, imported, with what they were imported from."""
    folder = data / "bbbc021_cells"
    store = import_crops(folder / "cells.npz", folder / "cells_index.csv", CHANNELS, tmp_path_factory.mktemp("crops") / "crops")
    return store, np.load(folder / "cells.npz")["images"], pd.read_csv(folder / "cells_index.csv")


def test_real_crops_keep_their_channel_order_and_all_16_bits(real):
    store, images, _ = real
    kept = store.images(np.arange(len(store)))
    assert kept.dtype == images.dtype == np.uint16
    np.testing.assert_array_equal(kept, images.transpose(0, 3, 1, 2))
    assert store.channels == CHANNELS
    store.verify()


def test_real_crops_are_all_there_in_their_order_without_their_labels(real):
    store, _, index = real
    assert len(store) == len(index) == 1996
    kept = ["dapi_filename", "cell_index", "plate", "well", "site", "replicate", "compound", "concentration"]
    assert [column for column in store.cells if column in index] == kept
    pd.testing.assert_frame_equal(store.cells[kept], index[kept])
    assert not store.all_cells_counted
    assert not store.simulated
    assert not store.has_masks


def test_noise_among_real_crops_is_flagged_and_kept(real):
    store, images, _ = real
    assert int(store.cells["flagged"].sum()) == 55
    assert "55 cells flagged" in store.summary()
    worst = store.cells["smoothness_DAPI"].idxmin()
    assert store.cells["flagged"][worst]
    assert np.abs(np.corrcoef(images[worst, :, :-1, 0].ravel(), images[worst, :, 1:, 0].ravel())[0, 1]) < 0.3


def test_the_registered_data_set_is_the_same_and_is_made_once(real, cli):
    import cytobench

    first, again = cytobench.open_dataset("bbbc021-crops"), cytobench.open_dataset("bbbc021-crops")
    assert first.identity == real[0].identity
    assert again.path == first.path
    assert (first.name, first.path.parent == again.path.parent) == ("bbbc021-crops", True)


@pytest.fixture
def files(tmp_path):
    """Write an npz of six images of three channels and its index, changed as asked."""

    def write(images=None, drop=(), text=None, **columns):
        pixels = np.random.default_rng(0).integers(0, 4096, (6, 8, 8, 3), np.uint16) if images is None else images
        np.savez_compressed(tmp_path / "cells.npz", images=pixels)
        table = pd.DataFrame({
            "row": range(6), "plate": "Week1_1", "well": "B02", "compound": "DMSO", "concentration": 0.0, "moa": "DMSO",
        })  # fmt: skip
        table = table.assign(**{name: list(values) for name, values in columns.items()}).drop(columns=list(drop))
        (tmp_path / "index.csv").write_text(table.to_csv(index=False) if text is None else text)
        return tmp_path / "cells.npz", tmp_path / "index.csv"

    return write


@pytest.fixture
def importing(cli, tmp_path):
    """Call ``cytobench data import`` and see to it that a failure leaves nothing."""

    def call(images, index, channels="DAPI,Actin,Tubulin"):
        before = sorted(tmp_path.rglob("*"))
        called = cli("data", "import", "--images", images, "--index", index, "--channels", channels, tmp_path / "new" / "out")
        if called.status:
            left = [path for path in sorted(tmp_path.rglob("*")) if path not in before and path != tmp_path / "new"]
            assert left == []
        return called

    return call


def test_an_import_says_what_it_made(files, importing, tmp_path):
    called = importing(*files())
    assert (called.status, called.err) == (0, "")
    assert called.out.startswith("out: 6 cells of 8 x 8 px, uint16, channels DAPI, Actin, Tubulin, no masks\n")
    assert "6 cells flagged" in called.out  # they are noise
    assert not {"row", "moa"} & set(CellStore(tmp_path / "new" / "out").cells)


def test_importing_twice_gives_equal_bytes_and_never_overwrites(files, importing, tmp_path):
    given = files()
    first, second = (import_crops(*given, CHANNELS, tmp_path / name, name="s") for name in ("a", "b"))
    assert all((first.path / file.name).read_bytes() == file.read_bytes() for file in second.path.iterdir())
    with pytest.raises(CytoBenchError, match="already exists"):
        import_crops(*given, CHANNELS, tmp_path / "a")


def cut(path, share=0.5):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def garble(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)


def without_images(path):
    np.savez(path, pictures=np.zeros(3))


def a_bare_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros((6, 8, 8, 3), np.uint16))


def a_pickle(path):
    np.savez(path, images=np.array([{}], dtype=object))


def remove(path):
    path.unlink()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (cut, "not a whole .npz file"),
        (garble, "not a whole .npz file"),
        (a_bare_array, "not a whole .npz file"),
        (a_pickle, "not a whole .npz file"),
        (without_images, "has no array 'images', only pictures"),
        (remove, "no such file"),
    ],
)
def test_a_damaged_npz_is_one_sentence(files, importing, harm, sentence):
    images, index = files()
    harm(images)
    said = importing(images, index).sentence
    assert str(images) in said
    assert sentence in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"images": np.zeros((6, 8, 8, 2), np.uint16)}, "its images have 2 channels, but --channels names 3"),
        ({"images": np.zeros((6, 8, 8), np.uint16)}, "'images' has shape (6, 8, 8) and type uint16; it must be (N, H, W, C)"),
        ({"images": np.zeros((6, 8, 8, 3))}, "type float64; it must be (N, H, W, C) uint8 or uint16"),
        ({"images": np.zeros((5, 8, 8, 3), np.uint16)}, "has 6 rows, but"),
        ({"drop": ["well"]}, "has no column 'well'"),
        ({"drop": ["plate"], "Plate": ["x"] * 6}, "has no column 'plate'; did you mean 'Plate'?"),
        ({"plate": ["a", "b", None, "d", "e", "f"]}, "row 2 has no plate"),
        ({"concentration": [0, 1, 2, None, 4, 5]}, "row 3 has no concentration"),
        ({"concentration": ["0", "1", "high", "3", "4", "5"]}, "the column 'concentration' is not numeric; it is in micromolar"),
        ({"row": [0, 1, 3, 2, 4, 5]}, "line 4 is numbered 3 in the column 'row', not 2; sort the index as the images"),
        (
            {"row": range(7, 13)},
            "line 2 is numbered 7 in the column 'row', not 0; sort the index as the images, and where it is "
            "a part of a longer one renumber or drop the column",
        ),
        ({"text": ""}, "cannot be read as CSV"),
        ({"text": 'plate,well\n"a'}, "cannot be read as CSV"),
    ],
)
def test_wrong_input_is_one_sentence(files, importing, change, sentence):
    assert sentence in importing(*files(**change)).sentence


def test_a_missing_index_is_one_sentence(files, importing, tmp_path):
    assert "nowhere.csv: no such file" in importing(files()[0], tmp_path / "nowhere.csv").sentence


@pytest.mark.parametrize("channels", ["DAPI,Actin", "DAPI,,Tubulin", "DAPI,DAPI,Actin", "DAPI,Actin,Tubulin,ER"])
def test_wrong_channel_names_are_one_sentence(files, importing, channels):
    assert "channels" in importing(*files(), channels=channels).sentence
