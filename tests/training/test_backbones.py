"""Backbones by name."""

import subprocess
import sys

import pytest
import torch

from cytobench.errors import CytoBenchError
from cytobench.training.backbones import data_configuration, edit_distance, import_timm, make_backbone, reason_of

SMALL = {
    "convnext_atto": {"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 16)},
    "resnet18": {"channels": (8, 8, 8, 16), "layers": (1, 1, 1, 1)},
    "vit_tiny_patch16_224": {"patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 1},
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("channels", "size"), [(1, 64), (3, 32), (5, 96)])
def test_gives_features_of_any_channels_and_size(name: str, channels: int, size: int):
    backbone = make_backbone(name, channels, size, **SMALL[name]).eval()
    assert backbone(torch.rand(2, channels, size, size)).shape == (2, 16)


def test_weights_are_those_of_the_seed():
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat(
            [value.flatten() for value in make_backbone("convnext_atto", 3, 32, **SMALL["convnext_atto"]).parameters()]
        )

    assert torch.equal(weights(0), weights(0)) and not torch.equal(weights(0), weights(1))


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(CytoBenchError, match="no backbone 'convnext_ato'; did you mean 'convnext_atto'"):
        make_backbone("convnext_ato", 3, 64)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("resnett", "resnet18"), ("resnett.a1_in1k", "resnet18"), ("inception", "inception_v3"), ("densenet", "densenet121")],
)
def test_the_nearest_name_takes_the_fewest_edits(name: str, meant: str):
    with pytest.raises(CytoBenchError, match=f"no backbone '{name}'; did you mean '{meant}'"):
        make_backbone(name, 3, 64)


def test_a_name_that_is_near_none_is_told_none():
    with pytest.raises(CytoBenchError, match="no backbone 'somebodys_own'$"):
        make_backbone("somebodys_own", 3, 64)


@pytest.mark.parametrize(
    ("first", "second", "edits"), [("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("same", "same", 0)]
)
def test_edit_distance(first: str, second: str, edits: int):
    assert edit_distance(first, second) == edit_distance(second, first) == edits


def test_a_long_reason_is_cut_between_words():
    said = reason_of(RuntimeError("first line\n" + "word " * 100))
    assert said.startswith("first line word") and said.endswith(" word ...") and len(said) <= 200
    assert reason_of(RuntimeError()) == "RuntimeError"


def test_an_unknown_setting_is_named():
    with pytest.raises(CytoBenchError, match=r"convnext_atto cannot be made for 3 x 64 x 64 .*'depht'"):
        make_backbone("convnext_atto", 3, 64, depht=3)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("resnet50.a1_in2k", "no weights 'resnet50.a1_in2k'; did you mean 'resnet50.a1_in1k'"),
        ("hf_hub:somebody/model", "has no backbone 'hf_hub:somebody/model'"),
        ("mobilenetv1_25", "did you mean 'mobilenetv1_125'|did you mean 'mobilenetv1_025'"),
    ],
)
def test_an_unknown_tag_or_address_is_refused(name: str, sentence: str):
    with pytest.raises(CytoBenchError, match=sentence):
        make_backbone(name, 3, 64)


@pytest.mark.parametrize("setting", ["checkpoint_path", "pretrained", "pretrained_cfg_overlay"])
def test_a_setting_that_would_load_weights_is_refused(setting: str):
    with pytest.raises(CytoBenchError, match=f"the setting '{setting}' of the backbone resnet18 would load weights"):
        make_backbone("resnet18", 3, 64, **{setting: "somewhere"})


def test_the_data_configuration_is_timms():
    inception, dino = data_configuration("inception_v3.tf_in1k"), data_configuration("vit_small_patch14_dinov2.lvd142m")
    assert (inception.size, inception.mean, inception.std, inception.interpolation) == (299, (0.5,) * 3, (0.5,) * 3, "bicubic")
    assert (dino.size, dino.mean) == (518, (0.485, 0.456, 0.406))


def test_the_quarter_wide_mobilenet_is_timms_with_fewer_channels():
    timm = import_timm()
    ours = make_backbone("mobilenetv1_025", 3, 64).eval()
    builder = timm.models.efficientnet._gen_mobilenet_v1
    theirs = builder("mobilenetv1_100", channel_multiplier=0.25, act_layer=torch.nn.ReLU, num_classes=0).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))
        assert ours(images).shape == (2, 256)


def test_never_opens_a_connection(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a backbone asked for the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    assert make_backbone("resnet18", 3, 32, **SMALL["resnet18"]) is not None


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_timm_is_imported_only_when_a_backbone_is_made():
    code = "import sys, cytobench.training.backbones; print('timm' in sys.modules, 'torchvision' in sys.modules)"
    assert in_a_fresh_process(code) == "False False"


BROKEN_TORCHVISION = """
import importlib
real = importlib.import_module
def broken(name, package=None):
    if name == "torchvision":
        raise RuntimeError({reason!r})
    return real(name, package)
importlib.import_module = broken
from cytobench.training import backbones
try:
    backbones.import_timm()
except Exception as failure:
    print(failure)
print(backbones._declare_missing_operators.cache_info().misses)
"""


def test_operators_are_declared_only_for_the_error_that_their_lack_causes():
    *_, declared = in_a_fresh_process(BROKEN_TORCHVISION.format(reason="operator torchvision::nms does not exist")).splitlines()
    sentence, not_declared = in_a_fresh_process(BROKEN_TORCHVISION.format(reason="no libtorch")).splitlines()
    assert (declared, not_declared) == ("1", "0")
    assert sentence.startswith("timm cannot be imported (no libtorch); install timm and the torchvision made for torch")


def test_a_missing_timm_is_a_sentence():
    sentence = in_a_fresh_process(
        "import sys; sys.modules['timm'] = None\n"
        "from cytobench.errors import CytoBenchError\n"
        "from cytobench.training.backbones import make_backbone\n"
        "try: make_backbone('resnet18', 3, 32)\n"
        "except CytoBenchError as error: print(error)"
    )
    assert sentence.startswith("timm cannot be imported (") and "install timm" in sentence


def test_torchvision_is_left_alone_where_it_works():
    code = (
        "import sys, types; sys.modules['torchvision'] = types.ModuleType('torchvision')\n"
        "sys.modules['timm'] = types.ModuleType('timm')\n"
        "from cytobench.training import backbones\n"
        "backbones.import_timm(); print(backbones._declare_missing_operators.cache_info().misses)"
    )
    assert in_a_fresh_process(code) == "0"
