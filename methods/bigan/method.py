"""BiGAN (Donahue et al. 2017) as CytoGAN uses it: an encoder learned as the generator's inverse describes the cell."""

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from cytobench.method import AdversarialMethod, CellBatch, InvertibleMethod, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training.adversarial import Generator, Label
from cytobench.training.networks import Blocks, decoder, flat_features
from cytobench.training.processes import normal, uniform
from cytobench_methods.bigan.networks import JointDiscriminator, dense, dropped, normalised

Widths = tuple[PositiveInt, ...]


class BiGAN(TrainableMethod, AdversarialMethod, InvertibleMethod):
    """Generator, encoder and a discriminator of pairs of image and code.

    The encoder has batch norm, as published: it embeds with the statistics that training gathered, and the untrained twin, which
    has gathered none, with means of 0 and variances of 1.
    """

    class Options(Record):
        """Sizes, noise, dropout and label smoothing."""

        latent: PositiveInt = 100
        """Length of the noise and of the code, which are one space."""
        blocks: Blocks = "strided"
        generator_widths: Widths = Field(default=(64, 32, 16), min_length=1)
        """Channels of the generator's stages, from the smallest map to the largest."""
        encoder_widths: Widths = Field(default=(8, 16, 32), min_length=1)
        """Channels of the stages of the encoder and of the discriminator, from the largest map to the smallest."""
        joint_widths: Widths = Field(default=(256, 256, 64), min_length=1)
        """Of the dense layers in which the discriminator judges image and code together."""
        dropout: float = Field(default=0.5, ge=0, lt=1)
        input_noise: NonNegativeFloat = 0.1
        """Standard deviation of the noise on what the encoder and the discriminator see in training."""
        real_labels: tuple[Label, Label] = (0.8, 1.0)
        """Range that the labels of real cells are drawn from."""

    def setup(self) -> None:
        """Build the three networks."""
        options, channels = self.options, len(self.channels)
        flat = flat_features(options.blocks, options.encoder_widths, self.size)
        body = decoder(options.blocks, options.latent, options.generator_widths, channels, self.size)
        self.generator = Generator(body, None)
        maps = normalised(options.blocks, channels, options.encoder_widths)
        self.encoder = nn.Sequential(maps, nn.Flatten(), nn.Linear(flat, options.latent))
        features = nn.Sequential(dropped(options.blocks, channels, options.encoder_widths, options.dropout), nn.Flatten())
        joint = dense(flat + options.latent, options.joint_widths, options.dropout)
        self.discriminator = JointDiscriminator(features, joint)

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the code."""
        return self.encode(cells)

    def encode(self, cells: CellBatch) -> Tensor:
        """Return (B, latent): the point of the noise space that the encoder holds the cell to come from."""
        return self.encoder(2 * cells.images - 1)

    def decode(self, z: Tensor) -> Tensor:
        """Return the generator's images in [0, 1]."""
        return self.generate(z)

    def noise(self, n: int) -> Tensor:
        """Return (n, latent) uniform between -1 and 1 (Donahue et al. 2017)."""
        return uniform((n, self.options.latent), next(self.parameters()).device, -1, 1)

    def generate(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return images (n, C, H, W) in [0, 1]."""
        self.check_condition(condition)
        return (self.generator(z) + 1) / 2

    def judge(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return (B,): the higher, the more an image in [0, 1] and its own code look like a real pair."""
        images = 2 * images - 1
        return self.discriminator(images, self.encoder(images))[:, 0]

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """One step of each network: D tells (x, E(x)) from (G(z), z); E and G mislead it (their equations 2 and 3)."""
        real, z = 2 * batch.images - 1, self.noise(len(batch))
        fake, code = self.generator(z), self.encoder(self._noisy(real))
        labels = uniform((len(real), 1), real.device, *self.options.real_labels)
        judged, judged_fake = self.judged(real, code.detach()), self.judged(fake.detach(), z)
        update("discriminator", cross_entropy(judged, labels) + cross_entropy(judged_fake, torch.zeros_like(labels)))
        update("generator", cross_entropy(self.judged(fake, z), torch.ones_like(labels)))
        update("encoder", cross_entropy(self.judged(real, code), torch.zeros_like(labels)))

    def judged(self, images: Tensor, code: Tensor) -> Tensor:
        """Return the discriminator's (B, 1) logits of pairs, with the input noise of training."""
        return self.discriminator(self._noisy(images), code)

    def _noisy(self, images: Tensor) -> Tensor:
        return images + self.options.input_noise * normal(tuple(images.shape), images.device)
