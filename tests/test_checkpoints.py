"""Checkpoints that are shared: exported, fetched from anywhere, verified, used; and refused whatever is wrong with them."""

import json
import pickle
import shutil
import stat
import zipfile
from pathlib import Path

import pytest
import torch
import yaml

from cytobench.boards.entries import entries_of_runs
from cytobench.boards.rows import make_boards
from cytobench.checkpoints import find_checkpoint
from cytobench.datasets.fetching.mirror import Mirror
from cytobench.embedding.embed import embed
from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.loading import load_method
from cytobench.results.runs import Run
from cytobench.runner import run
from cytobench.sharing.export import export_checkpoint
from cytobench.sharing.fetch import fetch_checkpoint, fetched_checkpoints
from cytobench.sharing.manifest import registered_folder, web_address
from cytobench.training.recipe import Recipe, read_recipes

QUICK = ("training.steps=3", "training.batch_size=8")
IMPATIENT = Mirror(tries=2, wait=0, timeout=5)
FILES = {"checkpoint.json", "weights.safetensors", "recipe.yaml", "card.yaml", "run.json", "scores.json"}


@pytest.fixture(scope="module")
def trained(tiny_store, tmp_path_factory) -> Run:
    return run("lsgan", str(tiny_store.path), options=QUICK, runs=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> Path:
    return export_checkpoint(trained.path, tmp_path_factory.mktemp("exported") / "lsgan")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    """A cache of each test's own: what it registers is all there is."""
    monkeypatch.setenv("CYTOBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def copy(exported, tmp_path) -> Path:
    """An exported folder to do harm to."""
    return shutil.copytree(exported, tmp_path / "copy")


@pytest.fixture
def serving(monkeypatch):
    """``with serving({name: bytes}) as server:`` on the loopback address."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "datasets")
    from loopback import Loopback

    return Loopback


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edit(path: Path, change) -> None:
    """Change a JSON file in place."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def seal(folder: Path) -> Path:
    """Make checkpoint.json agree with the files again, as whoever made them would."""

    def name_files(manifest):
        for name in manifest["files"]:
            path = folder / name
            manifest["files"][name] = {"sha256": sha256(path), "bytes": path.stat().st_size}

    edit(folder / "checkpoint.json", name_files)
    return folder


def zip_of(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.iterdir()):
            if path.name not in without:
                archive.write(path, path.name)
    return target


def refused(source) -> str:
    """The sentence that a source is refused with; nothing of it stays."""
    with pytest.raises(CytoBenchError) as caught:
        fetch_checkpoint(str(source), patience=IMPATIENT)
    assert fetched_checkpoints() == []
    left = [path for path in (registered_folder().parent / "downloads").rglob("*") if path.suffix != ".lock"]
    assert left == []
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestExport:
    """What is handed out."""

    def test_it_holds_what_others_need_and_nothing_else(self, trained, exported):
        assert {path.name for path in exported.iterdir()} == FILES
        manifest = json.loads((exported / "checkpoint.json").read_text())
        assert manifest["method"] == "lsgan" and manifest["address"] is None
        assert manifest["files"].keys() == FILES - {"checkpoint.json"}
        for name, file in manifest["files"].items():
            assert file == {"sha256": sha256(exported / name), "bytes": (exported / name).stat().st_size}
        assert sha256(exported / "weights.safetensors") == trained.record.weights_sha256
        assert (exported / "scores.json").read_bytes() == (trained.path / "scores.json").read_bytes()
        assert read_recipes(exported / "recipe.yaml") == {"small": Recipe.model_validate(trained.record.recipe)}
        assert yaml.safe_load((exported / "card.yaml").read_text())["name"] == "lsgan"

    def test_equal_checkpoints_give_equal_archives(self, trained, exported, tmp_path):
        first, second = (export_checkpoint(trained.path, tmp_path / name, zipped=True) for name in ("a.zip", "b.zip"))
        assert first.read_bytes() == second.read_bytes()
        with zipfile.ZipFile(first) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == contents(exported)

    def test_a_run_that_is_only_trained_has_no_scores(self, trained, tmp_path):
        folder = shutil.copytree(trained.path, tmp_path / "run")
        Run.read(folder).update(status="trained", stages={"train": trained.record.stages["train"]})
        made = export_checkpoint(folder, tmp_path / "made")
        assert {path.name for path in made.iterdir()} == FILES - {"scores.json"}
        assert fetch_checkpoint(str(made)).sha256 == trained.record.weights_sha256

    def test_what_cannot_be_exported_is_said_and_leaves_nothing(self, trained, tmp_path):
        folder = shutil.copytree(trained.path, tmp_path / "run")
        target = tmp_path / "made"
        (folder / "scores.json").write_text((folder / "scores.json").read_text().replace("0.", "1.", 1))
        with pytest.raises(CytoBenchError, match=r"scores\.json: not the scores of run\.json"):
            export_checkpoint(folder, target)
        with pytest.raises(CytoBenchError, match=r"scores\.json: not the scores of run\.json"):
            export_checkpoint(folder, target, zipped=True)
        (folder / "weights.safetensors").write_bytes(b"x")
        with pytest.raises(CytoBenchError, match="not as it was written"):
            export_checkpoint(folder, target)
        with pytest.raises(CytoBenchError, match="'javascript:x': no web address"):
            export_checkpoint(trained.path, target, address="javascript:x")
        assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def test_nothing_is_overwritten(self, trained, exported):
        before = contents(exported)
        for zipped in (False, True):
            with pytest.raises(CytoBenchError, match="already exists"):
                export_checkpoint(trained.path, exported, zipped=zipped)
        assert contents(exported) == before


class TestFetch:
    """From a folder, a zip or a server into the cache."""

    @pytest.mark.parametrize("kind", ["folder", "manifest", "zip", "address", "manifest's address", "zip's address"])
    def test_from_anywhere_it_is_the_same(self, trained, exported, tmp_path, serving, kind):
        archive = export_checkpoint(trained.path, tmp_path / "c.zip", zipped=True)
        files = {f"shared/{name}": content for name, content in contents(exported).items()} | {"c.zip": archive.read_bytes()}
        with serving(files) as server:
            source = {
                "folder": exported, "manifest": exported / "checkpoint.json", "zip": archive, "address": f"{server.url}shared/",
                "manifest's address": f"{server.url}shared/checkpoint.json",
                "zip's address": f"{server.url}c.zip",
            }[kind]  # fmt: skip
            fetched = fetch_checkpoint(str(source), patience=IMPATIENT)
            again = fetch_checkpoint(str(source), patience=IMPATIENT)
        assert again == fetched and fetched_checkpoints() == [fetched]
        assert fetched.address == (str(source) if "address" in kind else None)
        weights = str(trained.record.weights_sha256)
        assert (fetched.method, fetched.sha256, fetched.cells_seen) == ("lsgan", weights, 24)
        assert Path(fetched.folder) == registered_folder() / "lsgan" / weights[:12]
        there = contents(Path(fetched.folder))
        there.pop("checkpoint.json")
        assert there == {name: content for name, content in contents(exported).items() if name != "checkpoint.json"}

    def test_it_is_used_and_named_on_the_board(self, trained, tiny_store, tmp_path):
        made = export_checkpoint(trained.path, tmp_path / "made", address="https://example.org/a?b=1&c=(2)")
        short = fetch_checkpoint(str(made)).sha256[:12]
        used = run("lsgan", str(tiny_store.path), checkpoint=short, runs=tmp_path / "runs")
        assert used.scores == trained.scores
        assert used.record.cells_seen == trained.record.cells_seen
        assert used.record.origin is not None
        assert (used.record.origin.where, used.record.origin.trained_further) == (short, False)
        (board,) = make_boards(entries_of_runs(tmp_path / "runs")[0])
        (row,) = (row for row in board.rows if row.trained)
        assert row.weights is not None and row.weights.sha256 == trained.record.weights_sha256
        assert row.weights.address == "https://example.org/a?b=1&c=%282%29"
        page = (tmp_path / "runs" / "board.md").read_text()
        assert f"| [{short}](https://example.org/a?b=1&amp;c=%282%29) " in page

    def test_an_exported_folder_and_a_fetched_sha_are_weights(self, trained, exported, tiny_store):
        expected = embed(load_method("lsgan", tiny_store, weights=trained.path, device="cpu"), tiny_store).values
        weights = fetch_checkpoint(str(exported)).sha256
        for given in (exported, weights, weights[:12]):
            assert (embed(load_method("lsgan", tiny_store, weights=given, device="cpu"), tiny_store).values == expected).all()
        with pytest.raises(CytoBenchError, match="is a checkpoint of lsgan, not of vae"):
            load_method("vae", tiny_store, weights=weights)

    def test_a_conditional_method_is_loaded_with_what_it_was_told(self, tiny_store, tmp_path):
        told = run("lsgan", str(tiny_store.path), options=(*QUICK, "condition=treatment"), runs=tmp_path / "runs")
        assert told.record.conditions
        weights = fetch_checkpoint(str(export_checkpoint(told.path, tmp_path / "made"))).sha256
        method = load_method("lsgan", tiny_store, weights=weights, device="cpu")
        assert method.conditions == told.record.conditions
        used = run("lsgan", str(tiny_store.path), checkpoint=weights[:12], runs=tmp_path / "others")
        assert used.scores == told.scores and used.record.card.supervision == "treatment"

    def test_what_was_trained_on_from_it_names_it(self, trained, tiny_store, tmp_path):
        made = export_checkpoint(trained.path, tmp_path / "made", address="https://example.org/c.zip")
        short = fetch_checkpoint(str(made)).sha256[:12]
        run("lsgan", str(tiny_store.path), start=short, options=QUICK, runs=tmp_path / "runs")
        page = (tmp_path / "runs" / "board.md").read_text()
        assert f", trained on from [{short}](https://example.org/c.zip) " in page

    def test_it_is_found_by_the_beginning_of_its_sha(self, exported):
        fetched = fetch_checkpoint(str(exported))
        for where in (fetched.sha256, fetched.sha256[:20], fetched.sha256[:12], fetched.sha256[:4]):
            assert find_checkpoint(where).path == Path(fetched.folder)
        for where in (fetched.sha256[:-1] + "x", fetched.sha256[:12] + "x", "x", ""):
            with pytest.raises(CytoBenchError, match="no fetched checkpoint of that sha256; 'cytobench checkpoint ls' lists"):
                find_checkpoint(where)

    def test_a_damaged_one_is_listed_and_brought_again(self, exported):
        fetched = fetch_checkpoint(str(exported))
        (Path(fetched.folder) / "weights.safetensors").write_bytes(b"x")
        with pytest.raises(CytoBenchError, match="not as it was written; train again, or fetch it again"):
            find_checkpoint(fetched.sha256)
        assert fetch_checkpoint(str(exported)) == fetched
        assert find_checkpoint(fetched.sha256).path == Path(fetched.folder)
        (Path(fetched.folder) / "checkpoint.json").write_text("{}")
        (listed,) = fetched_checkpoints()
        assert listed.state.startswith("damaged: ") and "checkpoint.json" in listed.state

    def test_an_address_that_is_learnt_later_is_kept(self, exported, copy):
        assert fetch_checkpoint(str(exported)).address is None
        edit(copy / "checkpoint.json", lambda manifest: manifest.update(address="https://example.org/x"))
        assert fetch_checkpoint(str(copy)).address == "https://example.org/x"
        assert fetch_checkpoint(str(exported)).address == "https://example.org/x"

    def test_the_same_weights_with_other_facts_do_not_take_its_place(self, exported, copy):
        fetched = fetch_checkpoint(str(exported))
        edit(copy / "run.json", lambda record: record.update(seed=7))
        with pytest.raises(CytoBenchError, match="holds the same weights with other files beside them"):
            fetch_checkpoint(str(seal(copy)))
        assert find_checkpoint(fetched.sha256).record.seed == 0


def reseal_weights(folder: Path) -> None:
    """Let run.json name the weights that are there."""
    digest = sha256(folder / "weights.safetensors")
    edit(folder / "run.json", lambda record: record["stages"]["train"]["outputs"].update({"weights.safetensors": digest}))
    seal(folder)


def change_byte(folder: Path) -> None:
    content = bytearray((folder / "weights.safetensors").read_bytes())
    content[-9] ^= 1
    (folder / "weights.safetensors").write_bytes(content)


def truncate(folder: Path) -> None:
    content = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(content[:-100])
    reseal_weights(folder)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/cytobench-was-here"),))


def put_pickle(folder: Path) -> None:
    torch.save({"evil": Evil()}, folder / "weights.safetensors")
    reseal_weights(folder)


def put_plain_pickle(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(pickle.dumps(Evil()))
    reseal_weights(folder)


def change_run(**changes):
    def change(folder: Path) -> None:
        edit(folder / "run.json", lambda record: record.update(changes))
        seal(folder)

    return change


def change_manifest(**changes):
    return lambda folder: edit(folder / "checkpoint.json", lambda manifest: manifest.update(changes))


def declare(name: str, size: int):
    file = {"sha256": "0" * 64, "bytes": size}
    return lambda folder: edit(folder / "checkpoint.json", lambda manifest: manifest["files"].update({name: file}))


def write(name: str, text: str):
    def change(folder: Path) -> None:
        (folder / name).write_text(text)
        seal(folder)

    return change


def edit_yaml(name: str, old: str, new: str):
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        write(name, text.replace(old, new, 1))(folder)

    return change


def forget_scores(folder: Path) -> None:
    edit(folder / "checkpoint.json", lambda manifest: manifest["files"].pop("scores.json"))
    (folder / "scores.json").unlink()


BOMB = "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n"

HARM = {
    "a changed byte": (change_byte, "weights.safetensors: not the file that its checkpoint.json names"),
    "truncated": (truncate, "weights.safetensors: not a whole safetensors file"),
    "a torch pickle": (put_pickle, "weights.safetensors: not a whole safetensors file"),
    "a pickle": (put_plain_pickle, "weights.safetensors: not a whole safetensors file"),
    "a missing file": (lambda folder: (folder / "card.yaml").unlink(), "card.yaml"),
    "a missing manifest": (lambda folder: (folder / "checkpoint.json").unlink(), "checkpoint.json"),
    "another method": (change_run(method="vae"), "run.json: a run of vae, but checkpoint.json says lsgan"),
    "another manifest": (change_manifest(method="vae"), "run.json: a run of lsgan, but checkpoint.json says vae"),
    "an untrained run": (change_run(untrained=True), "run.json: the run of other weights"),
    "no stages": (change_run(stages={}), "run.json: the run of other weights"),
    "an unknown key": (change_run(evil=1), "run.json: unknown key 'evil'"),
    "another recipe": (edit_yaml("recipe.yaml", "steps: 3", "steps: 4"), "recipe.yaml: another recipe than that of run.json"),
    "another card": (edit_yaml("card.yaml", "supervision: none", "supervision: moa"), "card.yaml: another card than"),
    "a card of objects": (write("card.yaml", "!!python/object/apply:os.getcwd []"), "card.yaml: not valid YAML"),
    "a recipe that unfolds": (write("recipe.yaml", BOMB), "recipe.yaml: refers to itself"),
    "a deep recipe": (write("recipe.yaml", "[" * 60_000), "recipe.yaml: nested deeper than any exported file"),
    "a recipe of lists in lists": (write("recipe.yaml", "- " * 30_000), "recipe.yaml: "),
    "a deep run": (write("run.json", "[" * 200_000), "run.json: "),
    "a long number": (write("run.json", "1" * 9000), "run.json: cannot be read (ValueError)"),
    "other scores": (lambda f: write("scores.json", (f / "scores.json").read_text() + " ")(f), "scores.json: not the scores of"),
    "no scores": (forget_scores, "scores.json: missing"),
    "bytes that are no text": (lambda f: ((f / "card.yaml").write_bytes(b"\xff\xfe\xff"), seal(f)), "card.yaml: "),
    "a path": (declare("../../x", 3), "checkpoint.json: files: '../../x' is no file of a checkpoint"),
    "training_state.pt": (declare("training_state.pt", 3), "'training_state.pt' is no file of a checkpoint"),
    "a huge file": (declare("run.json", 10**15), "run.json would have 1,000,000,000,000,000 bytes, more than any"),
    "a method that is a path": (change_manifest(method="../x"), "checkpoint.json: method: "),
    "another schema": (change_manifest(schema_version=2), "checkpoint.json: schema version 2, but this CytoBench reads"),
    "an address that runs": (change_manifest(address="javascript:alert(1)"), "an address begins with https:// or http://"),
    "a deep manifest": (lambda folder: (folder / "checkpoint.json").write_text("[" * 200_000), "checkpoint.json: "),
    "a huge manifest": (lambda folder: (folder / "checkpoint.json").write_text(" " * 10**6), "checkpoint.json: has 1,000,000"),
}  # fmt: skip


class TestHostile:
    """Whatever is wrong is refused in one sentence that names the file; nothing is registered and nothing runs."""

    @pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
    def test_a_folder(self, copy, harm):
        change, sentence = harm
        change(copy)
        assert sentence in refused(copy)
        assert not Path("/tmp/cytobench-was-here").exists()

    @pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
    def test_a_zip(self, copy, harm):
        change, sentence = harm
        change(copy)
        said = refused(zip_of(copy))
        assert sentence in said
        assert str(copy.with_suffix(".zip")) in said

    @pytest.mark.parametrize(
        "name", ["../evil", "/evil", "folder/weights.safetensors", "training_state.pt", "C:evil", "..\\evil", "card.yaml/"]
    )
    def test_a_zip_with_another_member(self, copy, tmp_path, name):
        archive = zip_of(copy)
        with zipfile.ZipFile(archive, "a") as opened:
            opened.writestr(name, "evil")
        assert f"{archive}: its member {name!r} is no plain file of a checkpoint; nothing of it was taken" in refused(archive)
        assert list(tmp_path.rglob("*evil*")) == []

    def test_a_zip_with_a_link(self, copy):
        archive = zip_of(copy, without=("run.json",))
        link = zipfile.ZipInfo("run.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(archive, "a") as opened:
            opened.writestr(link, "/etc/hostname")
        assert "its member 'run.json' is no plain file" in refused(archive)

    def test_a_zip_with_a_file_twice(self, copy):
        archive = zip_of(copy)
        with zipfile.ZipFile(archive, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("run.json", "{}")
        assert f"{archive}: holds a file twice" in refused(archive)

    def test_a_zip_whose_member_is_not_named(self, copy):
        scores = (copy / "scores.json").read_bytes()
        change_run(status="trained")(copy)
        forget_scores(copy)
        (copy / "scores.json").write_bytes(scores)
        assert "its member 'scores.json' is not named in its checkpoint.json" in refused(zip_of(copy))

    def test_a_zip_that_unpacks_to_more_than_it_says(self, copy):
        archive = zip_of(copy, without=("run.json",))
        with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr("run.json", b" " * 50_000_000)
        assert f"{archive}: run.json: has 50,000,000 bytes or more, but a checkpoint's file" in refused(archive)

    @pytest.mark.parametrize("keep", [0, 100, -10])
    def test_a_zip_that_is_not_whole(self, copy, keep):
        archive = zip_of(copy)
        archive.write_bytes(archive.read_bytes()[:keep])
        assert f"{archive}: not a whole zip archive" in refused(archive)

    def test_weights_of_another_architecture_are_refused_when_they_are_loaded(self, copy, tiny_store, tmp_path):
        from safetensors.torch import save_file

        save_file({"decoder.weight": torch.zeros(3)}, copy / "weights.safetensors")
        reseal_weights(copy)
        fetched = fetch_checkpoint(str(copy))
        with pytest.raises(CytoBenchError, match="weights of another architecture"):
            load_method("lsgan", tiny_store, weights=fetched.sha256)

    @pytest.mark.parametrize("source", ["nowhere", "ftp://example.org/x", "file:///etc/hostname", "http://", ""])
    def test_what_is_no_source(self, source):
        assert f"{source or 'nothing'}: no such folder or file, and no http(s) address" in refused(source)


class TestServer:
    """Downloads that break off, are missing or never end."""

    def test_it_goes_on_where_it_broke_off(self, exported, serving):
        from loopback import Mishap

        with serving(contents(exported)) as server:
            server.mishaps["weights.safetensors"] = [Mishap(stop_after=100_000)]
            fetched = fetch_checkpoint(server.url, patience=IMPATIENT)
            assert [asked.start > 0 for asked in server.gets("weights.safetensors")] == [False, True]
        assert fetched.state == "whole"

    def test_the_same_command_goes_on_after_a_server_was_away(self, exported, serving, own_cache):
        from loopback import Mishap

        with serving(contents(exported)) as server:
            server.mishaps["weights.safetensors"] = [Mishap(stop_after=100_000), Mishap(status=503), Mishap(status=503)]
            with pytest.raises(CytoBenchError) as caught:
                fetch_checkpoint(server.url, patience=IMPATIENT)
            assert "what has arrived is kept and the same command continues: check the network and the address" in str(
                caught.value
            )
            assert "--mirror" not in str(caught.value)
            fetch_checkpoint(server.url, patience=IMPATIENT)
            assert server.gets("weights.safetensors")[-1].start > 0
        assert [path for path in (own_cache / "downloads").iterdir() if path.suffix != ".lock"] == []

    def test_what_is_not_there_is_said(self, exported, serving):
        files = contents(exported)
        del files["card.yaml"]
        with serving(files) as server:
            assert f"{server.url}card.yaml: the server does not give this file (404" in refused(server.url)
            assert "--mirror" not in refused(f"{server.url}other.zip")

    @pytest.mark.parametrize("name", ["checkpoint.json", "card.yaml"])
    def test_a_file_without_end_is_not_downloaded(self, exported, serving, name):
        from loopback import Mishap

        with serving(contents(exported) | {name: b" " * 2_000_000}) as server:
            server.forever[name] = Mishap(no_length=True)
            said = refused(server.url)
        assert f"{server.url}{name}: has " in said and "or more, but a checkpoint's file of that name has" in said

    def test_other_bytes_than_were_promised_are_refused(self, exported, copy, serving):
        change_byte(copy)
        with serving(contents(copy)) as server:
            assert f"{server.url}: weights.safetensors: not the file that its checkpoint.json names" in refused(server.url)
        with serving({"c.zip": zip_of(copy).read_bytes()[:-30]}) as server:
            assert f"{server.url}c.zip: not a whole zip archive" in refused(f"{server.url}c.zip")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://example.org/a/b.zip?download=1#part", "https://example.org/a/b.zip?download=1"),
        ("https://me:secret@example.org:8080/a", "https://example.org:8080/a"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://example.org/a)|<b>\"'`\\ c%20", "https://example.org/a%29%7C%3Cb%3E%22%27%60%5C%20c%20"),
        ("javascript:alert(1)", None), ("file:///etc", None), ("http://", None), ("https://[bad", None), ("http://a:x/", None),
        ("/tmp/x", None), ("", None),
    ],
)  # fmt: skip
def test_addresses(text, address):
    assert web_address(text) == address
    if address is not None:
        assert web_address(address) == address


def test_the_command_line(trained, tmp_path, cli):
    made = cli(
        "checkpoint", "export", trained.path, "--to", tmp_path / "c.zip", "--zip", "--address", "https://example.org/c.zip"
    )
    assert (made.status, made.out) == (0, f"exported: {tmp_path / 'c.zip'}\n")
    assert cli("checkpoint", "ls").out == "no checkpoints\n"
    fetched = json.loads(cli("checkpoint", "fetch", tmp_path / "c.zip", "--json").out)
    assert fetched["sha256"] == trained.record.weights_sha256 and fetched["address"] == "https://example.org/c.zip"
    assert json.loads(cli("checkpoint", "ls", "--json").out) == {"checkpoints": [fetched]}
    assert f"'cytobench run --checkpoint {fetched['sha256'][:12]}'" in cli("checkpoint", "fetch", tmp_path / "c.zip").out
    assert fetched["folder"] in cli("checkpoint", "ls").out
    assert "nowhere: no such folder or file" in cli("checkpoint", "fetch", "nowhere").sentence
