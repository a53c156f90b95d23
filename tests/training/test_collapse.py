"""What an evaluation says of generators that collapse and of discriminators that win."""

import pytest
import torch

from cytobench.errors import CytoBenchError
from cytobench.training.collapse import COLLAPSED_DIVERSITY, WON_ACCURACY, discriminator_accuracy, diversity, warnings


def cells(n: int, seed: int = 0, size: int = 64) -> torch.Tensor:
    """Smooth images, each of its own."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((n, 3, 8, 8), generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(size, size), mode="nearest")


class TestDiversity:
    """Mean pairwise distance over that of real cells."""

    def test_of_two_pairs_by_hand(self):
        """Flat images: a pair 0.5 apart in every pixel against one 0.25 apart."""
        real = torch.tensor([0.25, 0.75])[:, None, None, None].expand(2, 3, 64, 64)
        generated = torch.tensor([0.5, 0.75])[:, None, None, None].expand(2, 3, 64, 64)
        assert diversity(real, generated) == pytest.approx(0.5)

    def test_is_the_mean_over_all_pairs(self):
        real, generated = cells(5, size=16), cells(4, seed=1, size=16) / 2

        def mean_distance(images):
            return sum(float((a - b).norm()) for i, a in enumerate(images) for b in images[:i]) / (
                len(images) * (len(images) - 1) / 2
            )

        assert diversity(real, generated) == pytest.approx(mean_distance(generated) / mean_distance(real), rel=1e-5)

    def test_of_one_cell_again_and_again_is_nothing(self):
        assert diversity(cells(20), cells(1).expand(20, -1, -1, -1)) == pytest.approx(0, abs=1e-4)

    def test_of_cells_like_the_real_ones_is_one(self):
        assert diversity(cells(100), cells(100, seed=1)) == pytest.approx(1, abs=0.05)

    def test_camera_noise_is_no_variety(self):
        """One cell under noise of a tenth of the brightness: pixel by pixel it varies a quarter as much as real cells."""
        noise = 0.1 * torch.randn((100, 3, 64, 64), generator=torch.Generator().manual_seed(0))
        noisy, real = cells(1, seed=5) + noise, cells(100)
        pixelwise = torch.pdist(noisy.flatten(1)).mean() / torch.pdist(real.flatten(1)).mean()
        assert pixelwise > COLLAPSED_DIVERSITY
        assert diversity(real, noisy) < pixelwise / 3

    @pytest.mark.parametrize("size", [8, 40, 96])
    def test_any_size(self, size):
        real = cells(50, size=size)
        assert diversity(real, real / 2) == pytest.approx(0.5, rel=1e-4)

    def test_half_precision(self):
        real = cells(50)
        assert diversity(real, real.bfloat16()) == pytest.approx(1, abs=0.01)

    def test_one_cell_is_too_few(self):
        with pytest.raises(CytoBenchError, match="1 generated cells are too few"):
            diversity(cells(5), cells(1))

    def test_real_cells_that_are_alike(self):
        with pytest.raises(CytoBenchError, match="real cells are all alike"):
            diversity(torch.ones(5, 3, 64, 64), cells(5))

    def test_divergence_is_named(self):
        with pytest.raises(CytoBenchError, match="the generated cells hold pixels that are not finite"):
            diversity(cells(5), cells(5) * torch.nan)


class TestDiscriminatorAccuracy:
    """The share of right answers, half of the cells called real."""

    @pytest.mark.parametrize(
        ("real", "generated", "expected"),
        [
            ([3, 4, 5], [0, 1, 2], 1),
            ([0, 1, 2], [3, 4, 5], 0),
            ([0, 2, 4, 6], [1, 3, 5, 7], 0.5),
            ([1, 5, 6, 7], [2, 3, 4, 8], 0.75),
            ([2, 2], [2, 2], 0.5),  # all on the median
            ([1, 1, 1, 0], [0, 0, 0, 0], 5.5 / 8),  # three clearly right, five on the median
        ],
    )
    def test_by_hand(self, real, generated, expected):
        assert discriminator_accuracy(torch.tensor(real), torch.tensor(generated)) == expected

    @pytest.mark.parametrize("seen_as", [torch.sigmoid, torch.exp, lambda x: 1000 * x - 77])
    def test_needs_no_threshold(self, seen_as):
        generator = torch.Generator().manual_seed(0)
        real, generated = torch.randn(200, generator=generator) + 1, torch.randn(200, generator=generator)
        plain = discriminator_accuracy(real, generated)
        assert 0.6 < plain < 0.8
        assert discriminator_accuracy(seen_as(real), seen_as(generated)) == plain

    def test_neighbouring_numbers_are_told_apart(self):
        low = torch.tensor([1.0])
        assert discriminator_accuracy(torch.nextafter(low, torch.tensor(2.0)), low) == 1

    @pytest.mark.parametrize("numbers", [(3, 2), (0, 0)])
    def test_as_many_of_each(self, numbers):
        with pytest.raises(CytoBenchError, match=f"{numbers[0]} judged real cells and {numbers[1]} generated ones"):
            discriminator_accuracy(torch.ones(numbers[0]), torch.ones(numbers[1]))

    def test_divergence_is_named(self):
        with pytest.raises(CytoBenchError, match="judgements are not finite"):
            discriminator_accuracy(torch.ones(2), torch.tensor([0.0, torch.nan]))


class TestWarnings:
    """A sentence for each failure."""

    @pytest.mark.parametrize(
        ("diversity", "accuracy", "said"),
        [
            (1.0, 0.5, []),
            (None, None, []),
            (COLLAPSED_DIVERSITY, 0.98, []),
            (0.05, None, ["mode collapse: generated cells are 0.05 times as varied"]),
            (0.9, WON_ACCURACY, ["the discriminator has won: it is right about 99.0% of cells"]),
            (0.0, 1.0, ["mode collapse", "the discriminator has won"]),
        ],
    )
    def test_by_hand(self, diversity, accuracy, said):
        found = warnings(diversity, accuracy)
        assert len(found) == len(said)
        assert all(sentence.startswith(start) for sentence, start in zip(found, said, strict=True))
