"""Weights of files: found, read without running anything, renamed, and every tensor accounted for."""

import argparse
import os
import pickle
import re
import shutil
import socket
import time
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement
from safetensors.torch import save_file
from torch import Tensor, nn

from cytobench.errors import CytoBenchError
from cytobench.files import sha256
from cytobench.training.backbones import import_timm, make_backbone
from cytobench.training.hub import pretrained_file
from cytobench.training.keymap import find_keymap, read_keymap, renamed
from cytobench.training.pretrained import load_pretrained
from cytobench.training.weight_files import check_sha256, find_file, read_weights

NAME = "resnet10t"
SHIPPED = Path(__file__).parents[2] / "methods" / "imagenet"


def backbone(name: str = NAME, channels: int = 3, seed: int = 0, size: int = 64) -> nn.Module:
    torch.manual_seed(seed)
    return make_backbone(name, channels, size).eval()


@pytest.fixture(scope="module")
def whole() -> dict[str, Tensor]:
    """The weights of a seeded network with its classifier, as one publishes them."""
    torch.manual_seed(7)
    state = import_timm().create_model(NAME, num_classes=10).state_dict()
    return {key: value.clone() for key, value in state.items()}


@pytest.fixture
def file(tmp_path: Path, whole: dict[str, Tensor]) -> Path:
    torch.save(whole, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def loaded(network: nn.Module, state: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def write_safetensors(state: dict[str, Tensor], path: Path) -> None:
    save_file({key: value.contiguous() for key, value in state.items()}, str(path))


def numpy_scalars(state: dict[str, Tensor], path: Path) -> None:
    best = {"best": np.float64(0.5), "loss": np.float32(1), "epoch": np.int64(3)}
    torch.save({"state_dict": state, **best, "args": argparse.Namespace(lr=1)}, path)


def old_numpy_scalars(state: dict[str, Tensor], path: Path) -> None:
    """As NumPy 1 wrote them."""
    torch.save({"state_dict": state, "best": np.float64(0.5)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    assert b"cnumpy.core.multiarray\nscalar" in path.read_bytes()


FORMATS: dict[str, Callable[[dict[str, Tensor], Path], None]] = {
    "plain": torch.save,
    "safetensors": write_safetensors,
    "legacy": lambda state, path: torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=False),
    "nested": lambda state, path: torch.save({"epoch": 3, "model": state, "optimizer": {"lr": 1.0}}, path),
    "wrapped": lambda state, path: torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path),
    "compiled": lambda state, path: torch.save({f"module._orig_mod.{k}": v for k, v in state.items()}, path),
    "numpy-scalars": numpy_scalars,
    "old-numpy-scalars": old_numpy_scalars,
    "averaged-first": lambda state, path: torch.save({"state_dict": {"x": torch.ones(1)}, "state_dict_ema": state}, path),
}


@pytest.mark.parametrize("form", FORMATS)
def test_reads_what_others_write(form: str, whole: dict[str, Tensor], tmp_path: Path):
    path = tmp_path / "weights.pth"  # a name says nothing: what is in it does
    FORMATS[form](whole, path)
    found = read_weights(path)
    assert found.keys() == whole.keys() and all(torch.equal(found[key], whole[key]) for key in whole)


@pytest.mark.parametrize("form", ["plain", "safetensors", "legacy", "wrapped"])
def test_gives_the_network_that_timm_gives(form: str, whole: dict[str, Tensor], tmp_path: Path):
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    FORMATS[form](whole, path)
    theirs = import_timm().create_model(NAME, num_classes=10, checkpoint_path=str(path)).eval()
    theirs.reset_classifier(0)
    ours, images = backbone(), torch.rand(2, 3, 64, 64)
    before = ours(images)
    load_pretrained(ours, path)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images)) and not torch.allclose(ours(images), before)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_the_first_convolution_is_adapted_by_timms_rule(channels: int, file: Path, whole: dict[str, Tensor]):
    network = backbone(channels=channels)
    load_pretrained(network, file)
    given = whole["conv1.0.weight"]
    if channels == 1:
        expected = given.sum(dim=1, keepdim=True)
    else:
        expected = given[:, [number % 3 for number in range(channels)]] * 3 / channels
    torch.testing.assert_close(network.state_dict()["conv1.0.weight"], expected)


def test_position_embeddings_are_resized_as_timm_does(tmp_path: Path):
    name, settings = "vit_tiny_patch16_224", {"depth": 1, "embed_dim": 12, "num_heads": 1}
    torch.manual_seed(3)
    published = import_timm().create_model(name, num_classes=10, **settings)
    torch.save(published.state_dict(), tmp_path / "vit.pth")
    network = make_backbone(name, 3, 96, **settings)
    load_pretrained(network, tmp_path / "vit.pth")
    assert network.pos_embed.shape == (1, 37, 12)
    convert = import_timm().models.vision_transformer.checkpoint_filter_fn
    assert torch.equal(network.pos_embed, convert(published.state_dict(), network)["pos_embed"])


def without(state: dict[str, Tensor], *keys: str) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if key not in keys}


MISFITS: dict[str, tuple[Callable[[dict[str, Tensor]], dict[str, Tensor]], str]] = {
    "missing": (lambda s: without(s, "layer1.0.conv1.weight"), r"1 missing \(layer1\.0\.conv1\.weight\)"),
    "superfluous": (lambda s: {**s, "extra.weight": torch.ones(2)}, r"1 not known to it \(extra\.weight\)"),
    "shape": (lambda s: {**s, "bn1.bias": torch.ones(3)}, r"1 of another shape \(bn1\.bias \(3,\) for \(64,\)\)"),
    "many": (lambda s: without(s, *list(s)[:20]), r"17 missing \([^,]+, [^,]+, [^,]+, \.\.\.\)"),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_is_named(misfit: str, whole: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    change, sentence = MISFITS[misfit]
    path, network = tmp_path / "w.pth", backbone()
    torch.save(change(whole), path)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(
        CytoBenchError,
        match=f"w.pth: does not fit the backbone: {sentence}; these are likely the weights of another.*strict=false",
    ):
        load_pretrained(network, path)
    assert loaded(network, before), "refused, yet partly loaded"
    load_pretrained(network, path, strict=False)
    assert re.search(f"keeps random weights: {sentence}", capsys.readouterr().err)
    assert torch.equal(network.state_dict()["layer4.0.conv2.weight"], whole["layer4.0.conv2.weight"])


@pytest.mark.parametrize("strict", [True, False])
def test_the_weights_of_another_architecture_are_refused_even_when_not_strict(strict: bool, tmp_path: Path):
    torch.save(backbone("convnext_atto").state_dict(), tmp_path / "other.pth")
    with pytest.raises(CytoBenchError, match="no tensor of it fits the backbone: "):
        load_pretrained(backbone(), tmp_path / "other.pth", strict=strict)


def test_a_key_that_is_there_with_and_without_its_wrapper_is_refused(tmp_path: Path):
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1), "a": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(CytoBenchError, match=r"w\.pth: holds both module\.a and a, which name one tensor"):
        read_weights(tmp_path / "w.pth")


class Attack:
    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_an_attack_is_refused_and_not_executed(zipped: bool, whole: dict[str, Tensor], tmp_path: Path):
    target = tmp_path / "executed"
    torch.save({"state_dict": whole, "x": Attack(target)}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CytoBenchError, match=r"a\.pth: refused, .* could run code \(.*system"):
        read_weights(tmp_path / "a.pth")
    assert not target.exists()
    with (tmp_path / "b.pth").open("wb") as plain:
        pickle.dump(Attack(target), plain)
    with pytest.raises(CytoBenchError, match=r"b\.pth: (refused|not a whole)"):
        read_weights(tmp_path / "b.pth")
    assert not target.exists()
    os.system(f"touch {target}")
    assert target.exists(), "the attack would not have shown"


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_pickled_network_is_refused(tmp_path: Path):
    torch.save(nn.Sequential(nn.Linear(2, 2)), tmp_path / "net.pth")
    with pytest.raises(CytoBenchError, match=r"net\.pth: refused, .*torch\.nn\.modules"):
        read_weights(tmp_path / "net.pth")


@pytest.mark.parametrize("form", ["plain", "legacy", "safetensors"])
def test_a_truncated_file_is_a_sentence(form: str, whole: dict[str, Tensor], tmp_path: Path):
    path = tmp_path / "w.pth"
    FORMATS[form](whole, path)
    truncated(path)
    with pytest.raises(CytoBenchError, match=r"w\.pth: (not a whole|refused, for it is damaged).*fetch it again"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>404</html>", "is a web page, not weights"),
        (b"\n <html>", "is a web page, not weights"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer"),
        (b"weights, honestly\n" * 9, "not a whole torch checkpoint|refused, for it is damaged"),
        (b"root:x:0:0:root:/root:/bin/bash\n", "not a whole torch checkpoint|refused, for it is damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 90, "not a whole torch checkpoint|refused, for it is damaged"),
        (b"PK\x03\x04" + b"\0" * 90, "not a whole torch checkpoint|refused, for it is damaged"),
        (b"\xff" * 8 + b"{", "not a whole safetensors file"),
        (b"hello world, this is text", r"not a whole torch checkpoint \(its bytes are none that torch\.save writes\)"),
        (b"epoch 3 loss 0.5", r"not a whole torch checkpoint \(its bytes are none that torch\.save writes\)"),
        (b"\x80\x04\x95", r"not a whole torch checkpoint \(its bytes are none that torch\.save writes\)"),
    ],
)
def test_what_is_no_weights_is_a_sentence(content: bytes, sentence: str, tmp_path: Path):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(CytoBenchError, match=sentence) as refused:
        read_weights(tmp_path / "w.pth")
    said = str(refused.value)
    assert "\n" not in said and str(tmp_path / "w.pth") in said
    assert not re.search(r"\('?\d+'?\)", said), "a number is no reason"
    assert "weights_only" not in said, "torch's advice to read the file unsafely"


def test_torch_warns_of_nothing_that_a_sentence_says(tmp_path: Path, recwarn: pytest.WarningsRecorder):
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"a": 1}, protocol=4))
    with pytest.raises(CytoBenchError, match="not a whole torch checkpoint"):
        read_weights(tmp_path / "w.pth")
    assert not list(recwarn)


def test_long_messages_of_torch_are_cut_between_words(tmp_path: Path, whole: dict[str, Tensor]):
    torch.save(whole, tmp_path / "w.pth")
    truncated(tmp_path / "w.pth")
    with pytest.raises(CytoBenchError, match=r"\(PytorchStreamReader .* \.\.\.\); fetch it again") as refused:
        read_weights(tmp_path / "w.pth")
    cut = re.search(r"(\w+) \.\.\.\)", str(refused.value))
    with pytest.raises(RuntimeError, match=rf"\b{cut.group(1) if cut else '!'}\b"):
        torch.load(tmp_path / "w.pth", weights_only=True)


def test_torch_is_one_whose_weights_only_holds():
    """Before 2.6 a crafted file ran code all the same (CVE-2025-32434)."""
    setup = ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    needed = {one.name: one.specifier for one in map(Requirement, setup["options"]["install_requires"].split("\n")[1:])}
    assert "2.5.1" not in needed["torch"] and "2.6" in needed["torch"]
    assert "0.20.1" not in needed["torchvision"] and "0.21" in needed["torchvision"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [([torch.ones(1)], "holds a list, not weights by name"), ({"epoch": 3}, "holds no weights, but epoch"), ({}, "but nothing")],
)
def test_a_checkpoint_without_weights_is_a_sentence(content: object, sentence: str, tmp_path: Path):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(CytoBenchError, match=sentence):
        read_weights(tmp_path / "w.pth")


def test_files_are_found_here_then_under_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    here, data = tmp_path / "here", tmp_path / "data"
    (data / "weights").mkdir(parents=True)
    here.mkdir()
    (data / "weights" / "w.pth").touch()
    monkeypatch.chdir(here)
    monkeypatch.setenv("CYTOBENCH_DATA", str(data))
    assert find_file("weights/w.pth", "the weights") == data / "weights" / "w.pth"
    (here / "weights").mkdir()
    (here / "weights" / "w.pth").touch()
    assert find_file("weights/w.pth", "the weights").resolve() == here / "weights" / "w.pth"
    with pytest.raises(CytoBenchError, match=re.escape(f"none.pth: no such file, nor {data / 'none.pth'}; a relative path is")):
        find_file("none.pth", "the weights")
    with pytest.raises(CytoBenchError, match="weights: is a folder; give the file in it that holds the weights"):
        find_file("weights", "the weights")
    monkeypatch.delenv("CYTOBENCH_DATA")
    with pytest.raises(CytoBenchError, match="none.pth: no such file; CYTOBENCH_DATA is not set"):
        find_file("none.pth", "the weights")
    with pytest.raises(
        CytoBenchError, match=re.escape(f"{data / 'none.pth'}: no such file; give the one that holds the weights")
    ):
        find_file(str(data / "none.pth"), "the weights")


def test_another_file_than_the_pinned_one_is_refused(file: Path):
    check_sha256(file, sha256(file))
    check_sha256(file, None)
    with pytest.raises(CytoBenchError, match=f"its sha256 is {sha256(file)}, and weights_sha256 says {'0' * 64}"):
        check_sha256(file, "0" * 64)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rules: [{from: a, too: b}]", "unknown key 'too' in rules.0; did you mean 'to'"),
        ("rules: [{from: '(', to: b}]", "not a regular expression"),
        ("rules: []", "at least 1 item"),
        ("- a", "valid dictionary"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_a_wrong_key_map_is_a_sentence(text: str, sentence: str, tmp_path: Path):
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CytoBenchError, match=sentence):
        read_keymap(tmp_path / "map.yaml")


def test_rules_apply_in_turn_at_the_beginning_of_keys(tmp_path: Path):
    path = tmp_path / "map.yaml"
    path.write_text(r"rules: [{from: 'enc\.(\d)\.', to: 'stage\1.'}, {from: 'stage0', to: stem}]", encoding="utf-8")
    weights = {"enc.0.w": torch.ones(1), "enc.1.w": torch.ones(2), "a.enc.0.w": torch.ones(3)}
    assert list(renamed(weights, path)) == ["stem.w", "stage1.w", "a.enc.0.w"]
    path.write_text(r"rules: [{from: 'enc\.\d', to: x}]", encoding="utf-8")
    with pytest.raises(CytoBenchError, match=r"gives both enc\.0\.w and enc\.1\.w the key x\.w"):
        renamed(weights, path)
    path.write_text(r"rules: [{from: 'enc', to: '\7'}]", encoding="utf-8")
    with pytest.raises(CytoBenchError, match="a rule's 'to' does not fit its 'from'"):
        renamed(weights, path)


def test_key_maps_by_name():
    assert find_keymap("mobilenetv1-biubug6", SHIPPED).is_file()
    with pytest.raises(CytoBenchError, match="no key map 'mobilenetv1-biubug'; did you mean 'mobilenetv1-biubug6'"):
        find_keymap("mobilenetv1-biubug", SHIPPED)


def test_the_published_mobilenet_fits_tensor_by_tensor(data: Path):
    path, network = data / "weights" / "mobilenetv1_025_imagenet.pth.tar", backbone("mobilenetv1_025")
    raw = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    load_pretrained(network, path, keymap=find_keymap("mobilenetv1-biubug6", SHIPPED))
    state = network.state_dict()
    pairs = {
        "conv_stem": "stage1.0.0",
        "blocks.2.1.bn1": "stage1.5.1",
        "blocks.3.5.conv_pw": "stage2.5.3",
        "blocks.4.1.bn2": "stage3.1.4",
    }
    for ours, theirs in pairs.items():
        assert torch.equal(state[f"{ours}.weight"], raw[f"module.{theirs}.weight"])
    with pytest.raises(CytoBenchError, match="no tensor of it fits the backbone: "):
        load_pretrained(network, path)


@pytest.fixture
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A hub whose cache is empty, and no proxy."""
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    return constants


def test_without_a_network_one_sentence_comes_at_once(no_cache: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    def unreachable(*_: object, **__: object) -> socket.socket:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr("socket.create_connection", unreachable)
    began = time.monotonic()
    with pytest.raises(CytoBenchError, match=r"resnet10t are not here .*no network.*-o weights=PATH, or run once where"):
        pretrained_file(NAME)
    assert time.monotonic() - began < 5
    with pytest.raises(CytoBenchError, match=r"or name a recipe whose weights are here \('cytobench info imagenet' lists them\)"):
        pretrained_file(NAME)


def test_offline_asks_nobody(no_cache: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it asked the network")

    monkeypatch.setattr(no_cache, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    with pytest.raises(CytoBenchError, match="HF_HUB_OFFLINE is set"):
        pretrained_file(NAME)


def test_a_file_fetched_before_needs_no_network(no_cache: SimpleNamespace, file: Path, monkeypatch: pytest.MonkeyPatch):
    repository = Path(no_cache.HF_HUB_CACHE) / "models--timm--resnet10t.c3_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40, encoding="utf-8")
    cached = repository / "snapshots" / ("0" * 40) / "pytorch_model.bin"
    cached.parent.mkdir(parents=True)
    shutil.copy(file, cached)
    monkeypatch.setattr(no_cache, "HF_HUB_OFFLINE", True)
    assert pretrained_file(NAME) == cached


def test_a_backbone_without_published_weights_says_so():
    with pytest.raises(CytoBenchError, match="timm has no weights of mobilenetv1_025 .*give -o weights=PATH"):
        pretrained_file("mobilenetv1_025")


def test_the_second_name_of_weights_is_tried(no_cache: SimpleNamespace, file: Path, monkeypatch: pytest.MonkeyPatch):
    import huggingface_hub

    asked = []

    def download(repository: str, name: str, **_: object) -> str:
        asked.append((repository, name))
        if name == "model.safetensors":
            raise huggingface_hub.errors.EntryNotFoundError("404")
        return str(file)

    monkeypatch.setattr("socket.create_connection", lambda *_, **__: socket.socket())
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert pretrained_file(NAME) == file
    assert asked == [("timm/resnet10t.c3_in1k", "model.safetensors"), ("timm/resnet10t.c3_in1k", "pytorch_model.bin")]


@pytest.fixture
def published(no_cache: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """``published(start of a sha256)``: the file, not there yet, at an address that states it and that timm names."""

    def at(digest: str) -> Path:
        path = tmp_path / f"net-{digest[:8]}.pth"
        monkeypatch.setattr("cytobench.training.hub.pretrained_configuration", lambda name: {"url": path.as_uri()})
        return path

    monkeypatch.setattr("socket.create_connection", lambda *_, **__: socket.socket())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return at


def test_weights_at_an_address_are_kept_as_torch_hub_keeps_them(published: Callable[[str], Path], file: Path, tmp_path: Path):
    there = published(sha256(file))
    with pytest.raises(CytoBenchError, match="weights of net are not here and cannot be fetched"):
        pretrained_file("net")
    shutil.copy(file, there)
    kept = pretrained_file("net")
    assert kept == tmp_path / "home" / "hub" / "checkpoints" / there.name and sha256(kept) == sha256(file)
    there.unlink()
    assert pretrained_file("net") == kept


def test_a_damaged_download_is_not_kept(published: Callable[[str], Path], file: Path, tmp_path: Path):
    shutil.copy(file, published("01234567"))
    with pytest.raises(CytoBenchError, match="cannot be fetched .*invalid hash value"):
        pretrained_file("net")
    assert list((tmp_path / "home" / "hub" / "checkpoints").iterdir()) == []
