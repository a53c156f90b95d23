"""Self-supervised methods against the contract, and the losses of their papers."""

import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import TrainableCase, embed, make, recipe_of, recorded_losses

from cytobench.errors import CytoBenchError
from cytobench_methods.mae.network import taken
from cytobench_methods.simclr.contrast import nt_xent
from cytobench_methods.simclr.views import Views, crops_at, jittered, random_placements, random_views

CPU = torch.device("cpu")


def naive_nt_xent(first: torch.Tensor, second: torch.Tensor, temperature: float) -> float:
    """Equation 1 and algorithm 1 of Chen et al. 2020, one pair at a time: views 2k - 1 and 2k are of one cell."""
    z = [vector.double().tolist() for pair in zip(first, second, strict=True) for vector in pair]

    def similarity(a: int, b: int) -> float:
        return sum(map(lambda x, y: x * y, z[a], z[b])) / math.hypot(*z[a]) / math.hypot(*z[b])

    def pair_loss(i: int, j: int) -> float:
        rest = sum(math.exp(similarity(i, k) / temperature) for k in range(len(z)) if k != i)
        return -math.log(math.exp(similarity(i, j) / temperature) / rest)

    cells = len(z) // 2
    return sum(pair_loss(2 * k, 2 * k + 1) + pair_loss(2 * k + 1, 2 * k) for k in range(cells)) / (2 * cells)


class TestSimCLR(TrainableCase):
    name = "simclr"

    def test_projects_what_it_embeds(self, method, batch):
        with torch.inference_mode():
            projected = method.network(2 * batch.images - 1)
            from_embedding = method.network.head(torch.from_numpy(embed(method, batch)))
        assert projected.shape == (16, method.options.projection)
        torch.testing.assert_close(projected, from_embedding, rtol=1e-4, atol=1e-5)

    def test_has_no_batch_norm(self, method):
        assert not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in method.modules())

    def test_a_step_contrasts_two_views_of_each_cell(self, method, batch):
        method.network = torch.nn.Flatten()
        torch.manual_seed(3)
        losses = recorded_losses(method, batch)
        torch.manual_seed(3)
        first, second = (2 * random_views(batch.images, method.options.views).flatten(1) - 1 for _ in range(2))
        assert losses == {"network": pytest.approx(naive_nt_xent(first, second, 0.5), rel=1e-4)}

    def test_another_backbone_is_an_option(self, tiny_store, batch):
        method = make("simclr", tiny_store, 0, "backbone=resnet18", "backbone_settings={channels: [8, 8, 8, 16]}")
        assert embed(method, batch).shape == (16, 16)

    def test_an_unknown_backbone_is_told_the_nearest(self, tiny_store):
        with pytest.raises(CytoBenchError, match="did you mean 'convnext_atto'"):
            make("simclr", tiny_store, 0, "backbone=convnext_ato")


class TestNTXent:
    @pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
    def test_equals_the_papers_sum(self, temperature: float):
        first, second = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
        assert float(nt_xent(first, second, temperature)) == pytest.approx(naive_nt_xent(first, second, temperature), rel=1e-5)

    def test_by_hand(self):
        """Two cells whose views agree and are orthogonal: each view has similarity 1 with its own and 0 with two others."""
        cells = torch.eye(2)
        assert float(nt_xent(3 * cells, cells, 0.5)) == pytest.approx(math.log(1 + 2 * math.exp(-2)))

    def test_stays_float32_under_autocast(self):
        first, second = torch.randn(2, 6, 8)
        exact = nt_xent(first, second, 0.05)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = nt_xent(first, second, 0.05)
        assert mixed.dtype == torch.float32 and torch.equal(mixed, exact)


class TestViews:
    images = torch.rand(200, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def test_differ_and_stay_in_0_1(self):
        torch.manual_seed(0)
        first, second = random_views(self.images, Views()), random_views(self.images, Views())
        for views in (first, second):
            assert views.shape == self.images.shape and views.min() >= 0 and views.max() <= 1
        assert ((first - second).abs().amax(dim=(1, 2, 3)) > 0.05).all()

    def test_whole_crops_are_the_eight_symmetries_of_the_square(self):
        torch.manual_seed(0)
        image = self.images[:1]
        crops = crops_at(image.expand(200, -1, -1, -1), random_placements(200, CPU, 1.0))
        symmetries = [torch.rot90(mirrored, turns, (2, 3)) for turns in range(4) for mirrored in (image, image.flip(3))]
        distances = torch.stack([(crops - symmetry).abs().amax(dim=(1, 2, 3)) for symmetry in symmetries])
        assert distances.min(dim=0).values.max() < 1e-4
        assert set(distances.argmin(dim=0).tolist()) == set(range(8))

    def test_crops_lie_within_the_image_and_keep_its_proportions(self):
        placements = random_placements(500, CPU, 0.5)
        corners = torch.tensor([[x, y, 1.0] for x in (-1, 1) for y in (-1, 1)])
        assert (placements @ corners.T).abs().max() <= 1 + 1e-5
        area = torch.linalg.det(placements[:, :, :2]).abs()
        assert 0.5 <= area.min() < 0.55 and 0.95 < area.max() <= 1 + 1e-5
        sides = placements[:, :, :2].norm(dim=1)
        torch.testing.assert_close(sides[:, 0], sides[:, 1])

    def test_jitter_scales_each_channel_about_its_mean(self):
        images = 0.4 + 0.1 * self.images  # nothing is clipped at this strength
        changed = jittered(images, 0.25)
        contrast = changed.std(dim=(2, 3)) / images.std(dim=(2, 3))
        brightness = changed.mean(dim=(2, 3)) / images.mean(dim=(2, 3))
        assert 0.8 <= brightness.min() < 0.82 and 1.18 < brightness.max() <= 1.2
        assert 0.64 <= contrast.min() < 0.7 and 1.36 < contrast.max() <= 1.44
        assert (brightness[:, 0] - brightness[:, 1]).abs().max() > 0.1
        assert torch.equal(jittered(images, 0.0).round(decimals=5), images.round(decimals=5))

    def test_a_cells_view_is_its_own(self):
        placements = random_placements(4, CPU, 0.5)
        whole = crops_at(self.images[:4], placements)
        torch.testing.assert_close(crops_at(self.images[2:3], placements[2:3]), whole[2:3])


PROCESS = """
import sys
import torch
from torch import distributed as dist
torch.set_num_threads(1)
rank, ranks, port, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
if ranks > 1:
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=ranks)
from cytobench import registry
from cytobench.method import CellBatch
from cytobench.training.processes import mean
from cytobench.training.recipe import choose_recipe, read_recipes
entry = registry.method(sys.argv[5])
recipe = choose_recipe(read_recipes(entry.recipe_file), None, sys.argv[6:], sys.argv[5])[1]
method = entry.load_class()(recipe, ("DNA", "Actin"), 32, 0)
images = torch.rand(8, 2, 32, 32, generator=torch.Generator().manual_seed(5)).chunk(ranks)[rank]
found = {}
def update(name, loss):
    parameters = list(method.parameters_of(name))
    loss.backward(inputs=parameters)
    found["gradient"] = mean(torch.cat([parameter.grad.flatten() for parameter in parameters]))
    found["loss"] = mean(loss)
torch.manual_seed(1)
method.training_step(CellBatch(images, None, ("DNA", "Actin")), update)
if rank == 0:
    torch.save(found, out)
"""


def gradient_of(processes: int, folder: Path, *words: str) -> dict[str, torch.Tensor]:
    """The loss and the averaged gradient of one step on eight cells, shared among some processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    out = folder / f"{processes}.pt"
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, "-c", PROCESS, str(rank), str(processes), port, str(out), *words] for rank in range(processes)]
    started = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for command in commands]
    errors = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * processes, errors
    return torch.load(out, weights_only=True)


TINY = {
    "simclr": ["backbone_settings={depths: [1, 1, 1, 1], dims: [8, 8, 8, 16]}", "input.crop_size=32"],
    "mae": ["width=16", "depth=1", "heads=2", "decoder_width=16", "decoder_depth=1", "input.crop_size=32"],
}


@pytest.mark.skipif(sys.platform != "linux", reason="the name of the loopback interface is Linux's")
@pytest.mark.parametrize("name", TINY)
def test_two_processes_have_the_gradient_of_one(name: str, tmp_path: Path):
    one, two = (gradient_of(processes, tmp_path, name, *TINY[name]) for processes in (1, 2))
    assert one["gradient"].abs().max() > 1e-4
    torch.testing.assert_close(two["loss"], one["loss"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-3, atol=1e-6)


class TestMAE(TrainableCase):
    name = "mae"

    def test_loss_is_that_of_the_paper(self, method, batch):
        """He et al. 2022, section 3: squared error on the hidden patches alone, each normalised by its own mean and deviation."""
        images = batch.images.numpy()
        method.network.forward = lambda images, order, visible: torch.full((16, 64, 192), 0.3)
        order = torch.rand(16, 64, generator=torch.Generator().manual_seed(0)).argsort(dim=1)
        method.random_order = lambda images: order
        errors = []
        for cell, hidden in zip(images, order[:, 16:].tolist(), strict=True):
            for patch in hidden:
                row, column = 8 * (patch // 8), 8 * (patch % 8)
                pixels = cell[:, row : row + 8, column : column + 8].astype(np.float64)
                errors.append(np.mean((0.3 - (pixels - pixels.mean()) / np.sqrt(pixels.var(ddof=1) + 1e-6)) ** 2))
        assert len(errors) == 16 * 48
        assert recorded_losses(method, batch) == {"network": pytest.approx(np.mean(errors), rel=1e-4)}

    def test_predictions_see_visible_patches_only(self, method, batch):
        order = method.random_order(batch.images)
        hidden = torch.zeros(16, 64).scatter(1, order[:, method.visible :], 1.0)
        blocked = hidden.view(16, 1, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
        with torch.inference_mode():
            predicted = method.network(2 * batch.images - 1, order, method.visible)
            without_hidden = method.network((2 * batch.images - 1) * (1 - blocked), order, method.visible)
            without_visible = method.network((2 * batch.images - 1) * blocked, order, method.visible)
        torch.testing.assert_close(predicted, without_hidden)
        assert not torch.allclose(predicted, without_visible, atol=1e-3)

    def test_the_order_of_visible_patches_does_not_matter(self, method, batch):
        order = method.random_order(batch.images)
        reordered = torch.cat([order[:, : method.visible].flip(1), order[:, method.visible :].flip(1)], dim=1)
        with torch.inference_mode():
            one, other = (method.network(2 * batch.images - 1, either, method.visible) for either in (order, reordered))
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize(("masked", "visible"), [(0.75, 16), (0.5, 32), (0.999, 1)])
    def test_hides_the_share_it_is_told(self, tiny_store, batch, masked: float, visible: int):
        method = make("mae", tiny_store, 0, f"masked={masked}")
        seen = []
        method.network.encoder.register_forward_hook(lambda module, given, tokens: seen.append(tokens.shape[1]))
        recorded_losses(method, batch)
        assert seen == [visible]

    def test_masks_differ_between_cells_and_hide_every_patch_equally_often(self, method):
        torch.manual_seed(0)
        order = method.random_order(torch.zeros(2000, 3, 64, 64))
        assert torch.equal(order.sort(dim=1).values, torch.arange(64).expand(2000, -1))
        shown = torch.bincount(order[:, : method.visible].flatten(), minlength=64) / 2000
        assert (shown - 0.25).abs().max() < 5 * math.sqrt(0.25 * 0.75 / 2000)
        assert len(order.unique(dim=0)) == 2000

    def test_embeds_by_the_mean_token_of_the_whole_cell(self, method, batch):
        with torch.inference_mode():
            tokens = method.network.encoder(2 * batch.images - 1)
            everything = torch.arange(64).expand(16, -1)
            same = method.network.encoder(2 * batch.images - 1, everything)
        assert tokens.shape == (16, 64, method.options.width)
        torch.testing.assert_close(tokens, same)
        np.testing.assert_allclose(embed(method, batch), tokens.mean(dim=1), rtol=1e-4, atol=1e-5)

    def test_a_patch_is_told_its_place(self, method, batch):
        """Without positions the mean token of a cell and of the cell with its patches shuffled would be the same."""
        patches = method.patches_of(batch.images)
        shuffled = torch.nn.functional.fold(patches.flip(1).mT, (64, 64), 8, stride=8)
        with torch.inference_mode():
            one, other = (method.network.encoder(2 * images - 1).mean(dim=1) for images in (batch.images, shuffled))
        assert not torch.allclose(one, other, atol=1e-3)

    def test_reconstruction_keeps_visible_patches_and_stays_in_0_1(self, method, batch):
        order = method.random_order(batch.images)
        method.random_order = lambda images: order
        with torch.inference_mode():
            made = method.reconstruct(batch.images)
        assert made.shape == batch.images.shape and made.min() >= 0 and made.max() <= 1
        kept, hidden = order[:, : method.visible], order[:, method.visible :]
        assert torch.equal(taken(method.patches_of(made), kept), taken(method.patches_of(batch.images), kept))
        assert not torch.allclose(taken(method.patches_of(made), hidden), taken(method.patches_of(batch.images), hidden))

    def test_a_crop_without_whole_patches_is_refused(self, tiny_store):
        with pytest.raises(CytoBenchError, match="a crop of 42 px has no whole patches of 8 px; set -o input.crop_size"):
            make("mae", tiny_store, 0, "input.crop_size=42")


@pytest.mark.parametrize("name", ["simclr", "mae"])
def test_every_weight_is_trained_by_its_one_optimizer(name: str, tiny_store):
    method = make(name, tiny_store)
    assert set(recipe_of(name).optimizer) == {"network"}
    assert {id(weight) for weight in method.parameters()} == {id(weight) for weight in method.parameters_of("network")}
