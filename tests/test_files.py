"""Files are whole or not there, and one process writes a thing at a time."""

import stat

import pytest

from cytobench.errors import CytoBenchError
from cytobench.files import creating_folder, locked, replacing, sha256, sha256_text, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "scores.json"
    write_text(file, "old")
    with pytest.raises(RuntimeError), replacing(file) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert file.read_text() == "old"
    assert names(tmp_path) == ["scores.json"]


def test_a_write_that_succeeds_replaces_the_file_and_makes_its_folder(tmp_path):
    file = tmp_path / "new" / "scores.json"
    write_text(file, "old")
    write_text(file, "new µ")
    assert file.read_text(encoding="utf-8") == "new µ"
    assert names(file.parent) == ["scores.json"]
    assert stat.S_IMODE(file.stat().st_mode) & stat.S_IRUSR


def test_a_file_under_construction_keeps_its_ending(tmp_path):
    with replacing(tmp_path / "embeddings.npy") as temporary:
        assert temporary.suffix == ".npy"
        assert temporary.parent == tmp_path


def test_a_folder_appears_whole(tmp_path):
    with creating_folder(tmp_path / "store") as folder:
        (folder / "part").write_text("x")
        assert not (tmp_path / "store").exists()
    assert names(tmp_path) == ["store"]
    assert names(tmp_path / "store") == ["part"]


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), creating_folder(tmp_path / "store") as folder:
        (folder / "part").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == []


def test_an_existing_folder_is_refused_and_kept(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "mine").write_text("x")
    with pytest.raises(CytoBenchError, match="already exists; choose another place"), creating_folder(tmp_path / "store"):
        pytest.fail("entered")
    assert names(tmp_path / "store") == ["mine"]


def test_a_lock_held_by_another_process_is_one_sentence(tmp_path, another_process):
    lock = tmp_path / ".lock"
    hold = f"""
from cytobench.files import locked
with locked(Path({str(lock)!r}), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""
    sentence = "^the board is being written by another process; wait for it to end, then try again$"
    with another_process(hold), pytest.raises(CytoBenchError, match=sentence), locked(lock, "the board"):
        pytest.fail("entered")
    with locked(lock, "the board"):
        assert lock.exists()


def test_an_error_inside_a_lock_frees_it(tmp_path):
    with pytest.raises(RuntimeError), locked(tmp_path / ".lock", "it"):
        raise RuntimeError
    with locked(tmp_path / ".lock", "it"):
        assert True


def test_digests(tmp_path):
    (tmp_path / "empty").touch()
    assert sha256(tmp_path / "empty").startswith("e3b0c44298fc1c14")
    assert sha256_text("ab", "c") != sha256_text("a", "bc")
