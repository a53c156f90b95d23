"""Pretrained backbones as a method, and the same backbones untrained as its control."""

from pathlib import Path

import cases
import numpy as np
import pytest
import torch
from cases import CPU, MethodCase, embed, make
from torch.nn.functional import interpolate

from cytobench import Embeddings, open_dataset, registry, score
from cytobench.construction import construct
from cytobench.datasets.batches import BatchReader
from cytobench.datasets.store import CellStore
from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, Method, NetworkMethod
from cytobench.training.backbones import import_timm, make_backbone
from cytobench.training.recipe import Recipe, choose_recipe, read_recipes
from cytobench_methods.imagenet.method import ImageNet
from cytobench_methods.random_network.method import RandomNetwork

SMALL = "resnet10t"
MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
CHANNELS = ("DNA", "Tubulin", "Actin")


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small backbone, with a classifier, that no seed of a method draws."""
    torch.manual_seed(1234)
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(import_timm().create_model(SMALL, num_classes=10).state_dict(), path)
    return path


@pytest.fixture
def small(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the shared case the first recipe with those weights: the published ones need a network."""
    given = (f"backbone={SMALL}", f"weights={weights}", "size=64")

    def recipe_of(name: str, *overrides: str) -> Recipe:
        return choose_recipe(read_recipes(registry.method(name).recipe_file), None, (*given, *overrides), name)[1]

    monkeypatch.setattr(cases, "recipe_of", recipe_of)


@pytest.mark.usefixtures("small")
class TestImageNet(MethodCase):
    name = "imagenet"

    @pytest.fixture
    def method(self, small: None, tiny_store: CellStore) -> Method:
        return make(self.name, tiny_store)

    @pytest.fixture
    def batch(self, small: None, tiny_store: CellStore) -> CellBatch:
        return BatchReader(tiny_store, cases.recipe_of(self.name).input).read(np.arange(16))

    @pytest.fixture
    def network(self, weights: Path) -> torch.nn.Module:
        """What timm makes of the file."""
        made = import_timm().create_model(SMALL, num_classes=10, checkpoint_path=str(weights))
        made.reset_classifier(0)
        return made.eval()

    def test_each_channel_is_a_grey_photograph(self, method, batch, network):
        with torch.no_grad():
            parts = []
            for channel in range(3):
                grey = batch.images[:, [channel] * 3]
                parts.append(network((grey - MEAN[:, None, None]) / STD[:, None, None]))
        np.testing.assert_allclose(embed(method, batch), torch.cat(parts, dim=1).numpy(), rtol=1e-3, atol=1e-5)
        assert list(method.feature_names[:2]) == ["DNA_0000", "DNA_0001"] and method.feature_names[-1] == "Actin_0511"

    def test_three_channels_are_red_green_and_blue(self, tiny_store, batch, network):
        vectors = embed(make(self.name, tiny_store, 0, "channels=rgb"), batch)
        with torch.no_grad():
            expected = network((batch.images - MEAN[:, None, None]) / STD[:, None, None])
        np.testing.assert_allclose(vectors, expected.numpy(), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(embed(make(self.name, tiny_store, 0, "channels=all"), batch), vectors, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("channels", [1, 2, 5])
    def test_all_channels_are_one_image(self, weights: Path, channels: int):
        """Equal channels look the same however many there are: the first convolution is repeated and scaled."""
        names = tuple(f"channel{number}" for number in range(channels))
        method = ImageNet(cases.recipe_of(self.name, "channels=all"), names, 64, 0).eval()
        assert embed(method, CellBatch(torch.rand(2, channels, 64, 64), None, names)).shape == (2, 512)
        assert method.network.conv1[0].in_channels == channels
        assert len(method._mean) == channels
        expected = MEAN.mean()[None] if channels == 1 else MEAN[[number % 3 for number in range(channels)]]
        torch.testing.assert_close(torch.tensor(method._mean), expected)

    def test_rgb_of_another_number_is_refused(self):
        with pytest.raises(CytoBenchError, match="rgb takes three channels, but these cells have DNA, Actin; set"):
            ImageNet(cases.recipe_of(self.name, "channels=rgb"), ("DNA", "Actin"), 64, 0)

    @pytest.mark.parametrize("stage", [0, 2, 4])
    def test_a_stage_is_its_mean_map(self, tiny_store, batch, weights, stage: int):
        vectors = embed(make(self.name, tiny_store, 0, "channels=rgb", f"stage={stage}"), batch)
        maps = import_timm().create_model(SMALL, features_only=True, out_indices=(stage,)).eval()
        maps.load_state_dict(torch.load(weights, weights_only=True), strict=False)
        with torch.no_grad():
            (expected,) = maps((batch.images - MEAN[:, None, None]) / STD[:, None, None])
        np.testing.assert_allclose(vectors, expected.mean(dim=(2, 3)).numpy(), rtol=1e-3, atol=1e-5)

    def test_a_stage_that_is_not_there_is_a_sentence(self, tiny_store):
        with pytest.raises(CytoBenchError, match="the backbone resnet10t has no stage 9; it has stages 0 to 4$"):
            make(self.name, tiny_store, 0, "stage=9")

    def test_resizing_is_bilinear_as_asked(self, tiny_store, batch):
        method = make(self.name, tiny_store, 0, "channels=rgb", "size=128", "interpolation=bilinear")
        given = method.prepared(batch.images)
        y = (torch.arange(128) + 0.5) / 2 - 0.5  # pixel centres fall on pixel centres
        low, share = y.floor().clamp(0, 63).long(), (y - y.floor())
        high, share = (low + 1).clamp(0, 63), torch.where(y < 0, 0, share)
        rows = batch.images[:, :, low] * (1 - share)[:, None] + batch.images[:, :, high] * share[:, None]
        expected = rows[..., low] * (1 - share) + rows[..., high] * share
        torch.testing.assert_close(given, (expected - MEAN[:, None, None]) / STD[:, None, None], rtol=1e-3, atol=1e-4)

    def test_size_and_interpolation_are_the_backbones_own_where_none_is_given(self, tiny_store, batch):
        method = make(self.name, tiny_store, 0, "size=null")
        assert (method.prepared(batch.images[:1, :1]).shape, method._mode) == ((1, 3, 176, 176), "bicubic")

    def test_its_seed_changes_nothing(self, tiny_store, method, batch):
        assert np.array_equal(embed(make(self.name, tiny_store, 5), batch), embed(method, batch))

    def test_its_control_is_the_same_network_with_other_weights(self, tiny_store, method, batch):
        recipe = Recipe(options={"backbone": SMALL, "size": 64})
        control, again, other = (RandomNetwork(recipe, CHANNELS, 64, seed).eval() for seed in (0, 0, 1))
        assert [key for key, _ in control.named_parameters()] == [key for key, _ in method.named_parameters()]
        assert torch.equal(control.prepared(batch.images[:, :1]), method.prepared(batch.images[:, :1]))
        assert control.feature_names == method.feature_names
        assert np.array_equal(embed(control, batch), embed(again, batch))
        assert not np.allclose(embed(control, batch), embed(other, batch))
        assert not np.allclose(embed(control, batch), embed(method, batch))

    def test_without_a_file_its_weights_are_those_of_the_control(self, tiny_store, batch):
        options = ("weights=random", f"weights_sha256={'a' * 64}", "keymap=nothing")
        control = RandomNetwork(Recipe(options={"backbone": SMALL, "size": 64}), CHANNELS, 64, 3).eval()
        assert np.array_equal(embed(make(self.name, tiny_store, 3, *options), batch), embed(control, batch))
        assert not np.array_equal(embed(make(self.name, tiny_store, 4, *options), batch), embed(control, batch))

    def test_its_card_says_how_it_is_left_untrained(self):
        untrained = registry.method(self.name).card.untrained_options
        assert untrained == {"weights": "random"}
        assert ImageNet.given_files(ImageNet.Options(backbone="mobilenetv1_025", **untrained)) == {}

    def test_a_file_named_random_is_reached_by_its_folder(self, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        (tmp_path / "random").write_bytes(weights.read_bytes())
        monkeypatch.chdir(tmp_path)
        found = ImageNet.given_files(ImageNet.Options(backbone=SMALL, weights="./random"))
        assert found["weights"].samefile(tmp_path / "random")

    @pytest.mark.parametrize(("size", "noted"), [(15, True), (16, False), (128, False)])
    def test_a_note_says_that_crops_are_made_very_small(self, tiny_store, capsys, size: int, noted: bool):
        make(self.name, tiny_store, 0, f"size={size}", "channels=rgb", "stage=0")
        assert (f"note: crops of 64 px are made {size} px small" in capsys.readouterr().err) is noted

    @pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
    @pytest.mark.parametrize("size", [24, 64, 128])
    @pytest.mark.parametrize("channels", ["each", "rgb"])
    def test_prepared_is_the_plain_formula(self, tiny_store, batch, channels: str, size: int, interpolation: str):
        method = make(self.name, tiny_store, 0, f"size={size}", f"interpolation={interpolation}", f"channels={channels}")
        images = batch.images[:, :1] if channels == "each" else batch.images
        grey = images.expand(-1, 3, -1, -1).contiguous()
        resized = interpolate(grey, (size, size), mode=interpolation, align_corners=False, antialias=True)
        expected = (resized - MEAN[:, None, None]) / STD[:, None, None]
        given = method.prepared(images.contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(given, expected, rtol=1e-6, atol=1e-6)
        assert given.is_contiguous(memory_format=torch.channels_last)

    def test_names_its_files_before_it_is_made(self, weights: Path, tmp_path: Path):
        keymap = tmp_path / "map.yaml"
        keymap.touch()
        options = ImageNet.Options(backbone=SMALL, weights=str(weights), keymap=str(keymap))
        assert ImageNet.given_files(options) == {"weights": weights, "keymap": keymap}

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"weights": "nowhere.pth"}, "nowhere.pth: no such file"),
            ({"weights": "."}, "is a folder; give the file in it that holds the weights"),
            ({"weights_sha256": "0" * 64}, "weights_sha256 says 0000"),
            ({"keymap": "mobilenet"}, "no key map 'mobilenet'"),
        ],
    )
    def test_says_so_at_once_where_a_file_will_not_do(self, weights: Path, options: dict[str, str], sentence: str):
        with pytest.raises(CytoBenchError, match=sentence):
            ImageNet.given_files(ImageNet.Options(**{"backbone": SMALL, "weights": str(weights), **options}))

    def test_weights_of_another_backbone_are_refused(self, tiny_store, weights):
        with pytest.raises(CytoBenchError, match="small.pth: (does not fit|no tensor of it fits) the backbone"):
            make(self.name, tiny_store, 0, "backbone=resnet18")


def test_the_first_recipe_is_named_after_no_backbone():
    name, recipe = choose_recipe(read_recipes(registry.method("imagenet").recipe_file), None, (), "imagenet")
    assert (name, recipe.options, recipe.input.scaling) == ("default", {}, "luminance")
    assert ImageNet.Options().backbone == "inception_v3.tf_in1k"


SIZES = {"inception_v3": 96, "resnet50": 64, "vit_small_patch14_dinov2": 56, "convnext_tiny": 64}
"""Pixels, fewer than each was trained at."""


@pytest.mark.parametrize("variant", SIZES)
def test_every_named_backbone_can_be_made(variant: str, tmp_path: Path):
    recipes = read_recipes(registry.method("imagenet").recipe_file)
    name, size = recipes[variant].options["backbone"], SIZES[variant]
    assert name.startswith(variant)
    torch.manual_seed(99)
    source = make_backbone(name, 3, size)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    recipe = choose_recipe(recipes, variant, (f"weights={tmp_path / 'w.pth'}", f"size={size}"), "imagenet")[1]
    method = ImageNet(recipe, ("DNA", "Actin"), 48, 0).eval()
    vectors = embed(method, CellBatch(torch.rand(2, 2, 48, 48), None, ("DNA", "Actin")))
    assert vectors.shape == (2, len(method.feature_names)) and np.isfinite(vectors).all()
    assert all(torch.equal(value, method.network.state_dict()[key]) for key, value in source.state_dict().items())


def nsc_of(name: str, variant: str, store: CellStore, *overrides: str) -> float:
    """NSC under ``standardize`` of the real crops."""
    entry = registry.method(name)
    method = construct(entry, choose_recipe(read_recipes(entry.recipe_file), variant, overrides, name)[1], store, 0, CPU)
    assert isinstance(method, NetworkMethod)
    reader, parts = BatchReader(store, method.recipe.input), np.array_split(np.arange(len(store)), 16)
    vectors = np.concatenate([embed(method.eval(), reader.read(rows)) for rows in parts])
    names = tuple(method.feature_names or [f"feature_{number:04d}" for number in range(vectors.shape[1])])
    estimate = score(Embeddings(vectors, names, store.cells)).entry("standardize").nsc
    assert estimate is not None and estimate.treatments == 103
    return estimate.value


@pytest.mark.parametrize(
    ("method", "variant", "overrides", "known"),
    [
        ("imagenet", "mobilenetv1-025", (), 0.63),
        ("imagenet", "mobilenetv1-025-rgb", (), 0.43),
        ("random-network", "mobilenetv1-025", (), 0.21),
        ("imagenet", "mobilenetv1-025", ("weights=random",), 0.21),
    ],
)
def test_the_known_scores_of_the_real_crops(data: Path, method: str, variant: str, overrides: tuple[str, ...], known: float):
    """Luminance, bilinear to 136 px, ImageNet's mean and standard deviation: measured elsewhere on the same crops."""
    assert nsc_of(method, variant, open_dataset("bbbc021-crops"), *overrides) == pytest.approx(known, abs=0.03)
