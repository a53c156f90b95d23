"""Feature spaces: which there are, what they are called and keyed by, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.phenotypes import features
from cytobench.phenotypes.features import (
    DEFAULT_SPACES,
    choose_space,
    feature_space,
    first_at_hand,
    first_space,
    weights_are_here,
)

CHANNELS = ("DNA", "Tubulin", "Actin")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """70 blobs under noise."""
    noise = np.random.default_rng(0).uniform(0.7, 1, (70, 3, 64, 64))
    y, x = np.mgrid[-32:32, -32:32]
    blob = np.exp(-(x**2 + y**2) / 200)
    return (blob * noise).astype(np.float32)


def test_a_space_gives_each_image_its_own_features(images):
    space = feature_space("intensity", CHANNELS, 64)
    values = space(images)
    assert (space.name, values.dtype, values.shape) == ("intensity:default", np.float64, (70, 24))
    assert values[65:66] == pytest.approx(space(images[65:66]), abs=1e-5)
    assert values[:, 0] == pytest.approx(images[:, 0].mean(axis=(1, 2)), abs=1e-5)


def test_of_a_network_features_are_learned_or_drawn_and_equal_every_time(images):
    made = [feature_space("random-network", CHANNELS, 64) for _ in range(2)]
    assert made[0].learned
    assert not feature_space("intensity", CHANNELS, 64).learned
    assert np.array_equal(made[0](images[:5]), made[1](images[:5]))
    assert made[0].key == made[1].key


def test_cellprofiler_segments_and_counts_images_without_a_nucleus(images):
    space = feature_space("cellprofiler:fast", CHANNELS, 64)
    assert space.segments
    described = space.described(np.concatenate([images[:2], np.zeros((1, 3, 64, 64), np.float32)]))
    assert described.without_nucleus.tolist() == [False, False, True]
    assert np.isfinite(described.values[:2]).mean() > 0.9
    area = list(space.method.feature_names or ()).index("Nuclei_AreaShape_Area")
    assert described.values[0, area] > 0


def test_names_and_keys_tell_spaces_apart():
    names = ("intensity", "random-network", "random-network:mobilenetv1-025", "cellprofiler:fast", "cellprofiler:full")
    chosen = [choose_space(name) for name in names]
    assert len({one.name for one in chosen}) == len({one.key for one in chosen}) == len(names)
    assert choose_space("intensity").key == choose_space("intensity:default").key


def test_the_key_holds_the_weights_the_versions_and_the_masking(data, monkeypatch):
    def key_with(target, name, value, space="imagenet:mobilenetv1-025"):
        with monkeypatch.context() as changed:
            changed.setattr(target, name, value)
            return choose_space(space).key

    plain = {name: choose_space(name).key for name in ("imagenet:mobilenetv1-025", "cellprofiler:fast")}
    assert key_with(features, "sha256", lambda path: "0" * 64) != plain["imagenet:mobilenetv1-025"]
    assert key_with(features, "installed_version", lambda package: "0") != plain["imagenet:mobilenetv1-025"]
    assert key_with(features, "MASKING", features.MASKING[1:], "cellprofiler:fast") != plain["cellprofiler:fast"]
    assert key_with(features, "MASKING", features.MASKING[1:]) == plain["imagenet:mobilenetv1-025"]


@pytest.mark.parametrize("name", ["lsgan", "simclr", "cell-count", "vae:small"])
def test_what_saw_the_cells_or_sees_none_is_no_space(name):
    with pytest.raises(CytoBenchError, match="is no feature space to compare cells in"):
        choose_space(name)


def test_unknown_names_say_the_nearest():
    with pytest.raises(CytoBenchError, match="no method is named 'intensty'; did you mean 'intensity'"):
        choose_space("intensty")
    with pytest.raises(CytoBenchError, match="cellprofiler has no recipe 'fats'; it has full, fast"):
        choose_space("cellprofiler:fats")


def test_images_of_another_kind_are_refused(images):
    space = feature_space("intensity", CHANNELS, 64)
    with pytest.raises(CytoBenchError, match=r"made for images \(n, 3, 64, 64\) and given \(2, 3, 32, 64\)"):
        space(images[:2, :, :32])
    for wrong in (images * 2, images - 1, np.full_like(images, np.nan)):
        with pytest.raises(CytoBenchError, match=r"compares images in \[0, 1\] without NaN"):
            space(wrong)


def test_the_first_space_is_one_that_needs_no_fetching(monkeypatch):
    """Without weights anywhere CellProfiler is next; without its package the random network, which needs nothing."""
    monkeypatch.delenv("CYTOBENCH_DATA", raising=False)
    monkeypatch.chdir("/")
    monkeypatch.setattr(features, "weights_are_here", lambda backbone: False)
    assert first_at_hand().name == "cellprofiler:fast"
    found = registry.method
    monkeypatch.setattr(
        registry, "method", lambda name: replace(found(name), missing=("cellprofiler",) if name == "cellprofiler" else ())
    )
    assert first_space(CHANNELS, 64).name == "random-network:mobilenetv1-025"


def test_inception_is_first_once_its_weights_are_here(monkeypatch, tmp_path):
    """Weights are looked for where timm's would be, and are not asked for over the network."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(features, "pretrained_configuration", lambda backbone: {"url": "file:///weights/inception.pth"})
    assert not weights_are_here("inception_v3")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "inception.pth").write_bytes(b"weights")
    assert weights_are_here("inception_v3")


def test_without_any_space_the_sentence_says_why_each_is_lacking(monkeypatch):
    monkeypatch.setattr(features, "DEFAULT_SPACES", DEFAULT_SPACES[:1])
    monkeypatch.setattr(features, "weights_are_here", lambda backbone: False)
    with pytest.raises(
        CytoBenchError, match=r"no feature space is at hand: the weights of inception_v3\.tf_in1k are not here; name"
    ):
        first_at_hand()


def test_the_pretrained_network_tells_cells_from_noise(data, images):
    space = feature_space("imagenet:mobilenetv1-025", CHANNELS, 64)
    noise = np.random.default_rng(1).permuted(images[:8].reshape(24, -1), axis=1).reshape(8, 3, 64, 64)
    cells, others = space(images[:8]), space(noise)
    assert (space.learned, cells.shape) == (True, (8, 768))
    assert np.linalg.norm(cells.mean(0) - others.mean(0)) > 5 * np.linalg.norm(cells[:4].mean(0) - cells[4:].mean(0))


@pytest.mark.parametrize("allowed", [False, True])
def test_features_are_computed_in_full_precision_whatever_training_allows(images, monkeypatch, allowed):
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    space = feature_space("intensity", CHANNELS, 64)
    seen, embed = [], space.method.embed
    monkeypatch.setattr(space.method, "embed", lambda cells: seen.append((matmul.allow_tf32, cudnn.allow_tf32)) or embed(cells))
    try:
        matmul.allow_tf32 = cudnn.allow_tf32 = allowed
        space(images[:2])
        assert seen == [(False, False)]
        assert (matmul.allow_tf32, cudnn.allow_tf32) == (allowed, allowed)
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
